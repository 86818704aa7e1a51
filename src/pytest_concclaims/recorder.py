"""The controlling process's part of a run: gathers the results, shows them, and writes the record."""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from .collection import Plan
from .interpreter import Interpreter, Machine
from .record import ClaimResult, RunRecord, in_order
from .reports import check_writable, write_report
from .reports.terminal import COLOURS, LOUD, Span, summary
from .trial import REPORT_ATTRIBUTE
from .verdict import Verdict

_GIL_CAME_BACK = re.compile(r"\(GIL\) has been enabled to load module '([^']+)'")


class Recorder:
    """Hooks of the process that people look at: no xdist worker has one.

    :raises pytest.UsageError: a report cannot be written to its place.
    """

    def __init__(self, config: pytest.Config, plan: Plan, interpreter: Interpreter) -> None:
        self._config = config
        self._plan = plan
        self._interpreter = interpreter
        self._machine = Machine.current()
        self._reports: list[Path] = [
            config.invocation_params.dir / path for path in config.getoption("claims_report")
        ]
        for path in self._reports:
            check_writable(path)
        self._started = datetime.now(timezone.utc)
        self._start = time.perf_counter()
        self._results: dict[str, ClaimResult] = {}
        self._ended: set[str] = set()
        self._lost: list[str] = []
        self._refusals: dict[str, None] = {}
        self._gil_modules: dict[str, None] = {}
        self._failure: str | None = None

    # --- while it runs

    def pytest_report_header(self) -> list[str]:
        """Name the interpreter that the verdicts will be about."""
        suites = ", ".join(self._plan.parts or self._plan.suites) or "none"
        lines = [f"concclaims: {self._interpreter.describe()}, {self._machine.describe()}", f"suites: {suites}"]
        return lines if self._plan.suites else lines[:1]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a claim's result in; that of a later phase or attempt replaces the one before."""
        data: str | None = getattr(report, REPORT_ATTRIBUTE, None)
        if data is not None and not hasattr(report, "context"):  # a subtest's report has a context
            self._results[report.nodeid] = ClaimResult.from_json(json.loads(data))
            if report.when == "teardown":
                self._ended.add(report.nodeid)
        elif str(report.when) == "???" and report.nodeid not in self._results:  # the worker crashed at once
            self._lost.append(report.nodeid)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """Show the verdict's letter and word; the categories stay pytest's, as its summaries go by them."""
        data: str | None = getattr(report, REPORT_ATTRIBUTE, None)
        if data is None or hasattr(report, "context") or report.outcome not in ("passed", "failed", "skipped"):
            return None
        if report.when != "call" and not (report.when == "setup" and report.skipped):
            return None
        result = ClaimResult.from_json(json.loads(data))
        word, markup = result.verdict.word, COLOURS[result.verdict]
        letter = _LETTERS[result.verdict]
        if result.unexpected:
            letter, markup = f"{letter}!", LOUD
            if result.verdict.reached:
                word = f"{word}, expected {result.expected.word}"
        elif report.failed:  # inconclusive under --claims-strict
            letter, markup = f"{letter}!", {"red": True}
        return report.outcome, letter, (word, markup)

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Note which module brought the GIL back."""
        found = _GIL_CAME_BACK.search(str(warning_message.message))
        if found:
            self._gil_modules[found[1]] = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in why a worker refused to run."""
        for refusal in getattr(node, "workeroutput", {}).get("concclaims_errors", ()):
            self._refusals[refusal] = None

    # --- at the end

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the record, and fail a run without evidence."""
        if self._refusals:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
            return
        if self._config.getoption("collectonly") or exitstatus in (
            pytest.ExitCode.USAGE_ERROR,
            pytest.ExitCode.INTERNAL_ERROR,
        ):
            return
        results = in_order(list(self._results.values()))
        if not any(result.verdict.reached for result in results):
            self._failure = _why_nothing(results)
            if exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        record = self._record(results, complete=self._is_complete(session, exitstatus))
        for path in self._reports:
            write_report(record, path)

    def _is_complete(self, session: pytest.Session, exitstatus: int) -> bool:
        stopped = session.shouldstop or session.shouldfail or exitstatus == pytest.ExitCode.INTERRUPTED
        return not stopped and not self._lost and self._ended == set(self._results)

    def _record(self, results: Sequence[ClaimResult], *, complete: bool) -> RunRecord:
        option = self._config.getoption
        return RunRecord(
            tool=_tool(self._config),
            options={
                "suites": list(self._plan.suites),
                "budget": option("claims_budget"),
                "strict": option("claims_strict"),
            },
            interpreter=self._interpreter,
            machine=self._machine,
            started=self._started.isoformat(timespec="seconds"),
            duration=round(time.perf_counter() - self._start, 3),
            complete=complete,
            claims=tuple(results),
        )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show each claim's verdict, and count them."""
        write, writer = terminalreporter, self._config.get_terminal_writer()
        for refusal in self._refusals:
            write.write_line(f"ERROR: {refusal}", red=True)
        if self._refusals or self._config.getoption("collectonly"):
            return
        results = in_order(list(self._results.values()))
        if results:
            write.write_sep("=", "concurrency claims")
            verbosity = self._config.get_verbosity()
            for line in summary(results, width=writer.fullwidth, verbosity=verbosity):
                _write_line(writer, line)
        for text in self._loud_lines():
            write.write_line(text, red=True, bold=True)
        for path in self._reports:
            write.write_line(f"run record: {path}")

    def _loud_lines(self) -> list[str]:
        lines = []
        if self._gil_modules:
            names = ", ".join(self._gil_modules)
            lines.append(f"The GIL came back during this run: it was enabled to load {names}.")
        if self._lost:
            lines += [f"{nodeid}: its worker crashed before it began" for nodeid in self._lost]
        if self._failure is not None:
            lines.append(self._failure)
        return lines


_LETTERS = {
    Verdict.CONFIRMED: "C",
    Verdict.REFUTED: "R",
    Verdict.INCONCLUSIVE: "i",
    Verdict.NOT_APPLICABLE: "n",
    Verdict.ERROR: "E",
}


def _write_line(writer: Any, line: Sequence[Span]) -> None:
    for span in line:
        writer.write(span.text, **span.markup)
    writer.line()


def _why_nothing(results: Sequence[ClaimResult]) -> str:
    if not results:
        return "No claim was run, so there is no verdict: nothing was verified, and the run fails."
    words = sorted({result.verdict.word for result in results})
    return (
        f"None of {len(results)} claims reached a verdict (they ended {' or '.join(words)}): "
        "nothing was verified, and the run fails."
    )


def _tool(config: pytest.Config) -> dict[str, str]:
    from importlib.metadata import version

    versions = {"name": "pytest-concclaims", "version": version("pytest-concclaims"), "pytest": pytest.__version__}
    for _, distribution in config.pluginmanager.list_plugin_distinfo():
        if distribution.project_name in ("pytest-xdist", "pytest-benchmark"):
            versions[distribution.project_name] = distribution.version
    return versions
