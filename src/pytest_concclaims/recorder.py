"""The controlling process's part of a run: gathers the results, shows them, and writes the record."""

from __future__ import annotations

import json
import re
import textwrap
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from .collection import Plan
from .interpreter import Interpreter, Machine
from .record import ClaimResult, RunRecord, in_order
from .reports import check_writable, write_report
from .reports.terminal import COLOURS, LOUD, Span, harmless, summary
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
        self._news: dict[str, _News] = {}
        self._ended: set[str] = set()
        self._lost: list[str] = []
        self._refusals: dict[str, None] = {}
        self._gil_modules: dict[str, None] = {}
        self._failure: str | None = None
        self._written: list[Path] = []
        self._unwritten: list[str] = []
        self._summarized = False

    # --- while it runs

    def pytest_report_header(self) -> list[str]:
        """Name the interpreter that the verdicts will be about."""
        suites = ", ".join(self._plan.parts or self._plan.suites) or "none"
        lines = [f"concclaims: {self._interpreter.describe()}, {self._machine.describe()}", f"suites: {suites}"]
        return lines if self._plan.suites else lines[:1]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a claim's result in; that of a later phase or attempt replaces the one before."""
        news = _news(report)
        if news is not None:
            self._news[report.nodeid] = news
            if report.when == "teardown":
                self._ended.add(report.nodeid)
        elif str(report.when) == "???":  # xdist's report of a worker that crashed
            self._crashed(report.nodeid)

    def _crashed(self, nodeid: str) -> None:
        news = self._news.get(nodeid)
        if news is None:
            self._lost.append(nodeid)
        elif nodeid not in self._ended:
            where = "teardown" if news.decided else "the claim"
            reason = f"the worker process that ran it crashed in {where}"
            self._news[nodeid] = _News(True, replace(news.result, verdict=Verdict.ERROR, reason=reason))
            self._ended.add(nodeid)

    def _results(self) -> list[ClaimResult]:
        """Return the results of the claims that have come to an end; one that was interrupted has not."""
        return in_order([news.result for news in self._news.values() if news.decided])

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """Show the verdict's letter and word; the categories stay pytest's, as its summaries go by them."""
        news = _news(report)
        if news is None or report.outcome not in ("passed", "failed", "skipped"):
            return None
        if self._summarized and report.skipped:
            return None  # pytest's list of the skipped has one word for all, that of the first
        if report.when != "call" and not (report.when == "setup" and report.skipped):
            return None
        result = news.result
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
        results = self._results()
        if not any(result.verdict.reached for result in results):
            self._failure = _why_nothing(results)
            if exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        record = self._record(results, complete=self._is_complete(session, exitstatus))
        for path in self._reports:
            self._write(record, path)
        if self._unwritten:
            session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED

    def _write(self, record: RunRecord, path: Path) -> None:
        try:
            write_report(record, path)
        except OSError as error:  # the verdicts are still to be shown
            self._unwritten.append(f"--claims-report {path}: could not be written: {error.strerror or error}")
        else:
            self._written.append(path)

    def _is_complete(self, session: pytest.Session, exitstatus: int) -> bool:
        stopped = session.shouldstop or session.shouldfail or exitstatus == pytest.ExitCode.INTERRUPTED
        return not stopped and not self._lost and self._ended == set(self._news)

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
        self._summarized = True
        write, writer = terminalreporter, self._config.get_terminal_writer()
        for refusal in self._refusals:
            write.write_line(f"ERROR: {refusal}", red=True)
        if self._refusals or self._config.getoption("collectonly"):
            return
        results = self._results()
        if results:
            write.write_sep("=", "concurrency claims")
            verbosity = self._config.get_verbosity()
            for line in summary(results, width=writer.fullwidth, verbosity=verbosity):
                _write_line(writer, line)
        for text in self._loud_lines():
            for row in textwrap.wrap(harmless(text), writer.fullwidth):
                write.write_line(row, red=True, bold=True)
        for path in self._written:
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
        lines += self._unwritten
        return lines


_LETTERS = {
    Verdict.CONFIRMED: "C",
    Verdict.REFUTED: "R",
    Verdict.INCONCLUSIVE: "i",
    Verdict.NOT_APPLICABLE: "n",
    Verdict.ERROR: "E",
}


@dataclass(frozen=True)
class _News:
    """What a report tells of a claim; until it is decided, the result is what it would be if it ended now."""

    decided: bool
    result: ClaimResult


def _news(report: pytest.TestReport) -> _News | None:
    data: str | None = getattr(report, REPORT_ATTRIBUTE, None)
    if data is None or hasattr(report, "context"):  # a subtest's report has a context
        return None
    fields = json.loads(data)
    return _News(fields["decided"], ClaimResult.from_json(fields["result"]))


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
    plugins = {found.project_name: found.version for _, found in config.pluginmanager.list_plugin_distinfo()}
    return versions | {name: plugins[name] for name in ("pytest-benchmark", "pytest-xdist") if name in plugins}
