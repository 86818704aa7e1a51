"""The controlling process's part of a run: collecting results, showing them, and writing reports."""

from __future__ import annotations

import functools
import json
import os
import re
import textwrap
import time
import warnings
from collections.abc import Collection, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ..interpreter import Interpreter
from ..machine import Machine
from ..records.record import ClaimResult, RunRecord
from ..reports.files import why_not_writable, write_whole
from ..reports.formats import REPORT_SUFFIXES, suffix_of
from ..reports.github import annotation_lines
from ..reports.job_summary import add_job_summary
from ..reports.render import render
from ..reports.terminal import COLOURS, LOUD, ending, show_lines, summary
from ..text import counted, harmless
from ..verdict import Facts, Verdict, decide
from .baseline import Baseline
from .collection import TAKEN_OUT
from .plan import Plan
from .project import project_name, source_url
from .suites import descriptions_of
from .summaries import shorten_failures, shorten_skips
from .trial import REPORT_ATTRIBUTE

_GIL_ENABLED = re.compile(r"\(GIL\) has been enabled to load module '([^']+)'")


class Recorder:
    """Hooks of the process that writes to the terminal; workers of pytest-xdist have none.

    :raises pytest.UsageError: a report cannot be written, or the baseline cannot be read.
    """

    def __init__(self, config: pytest.Config, plan: Plan, interpreter: Interpreter) -> None:
        self._config = config
        self._plan = plan
        self._project = project_name(config.rootpath)
        self._source_url = source_url(config.rootpath, os.environ)
        self._interpreter = interpreter
        self._machine = Machine.current()
        self._reports: list[Path] = [
            config.invocation_params.dir / path for path in config.getoption("claims_report")
        ]
        for path in self._reports:
            problem = why_not_writable(path)
            if problem is not None:
                raise pytest.UsageError(f"--claims-report {path}: cannot be written: {problem}; name another file")
        self._baseline = Baseline.asked_for(config)
        self._job_summary: str | None = None
        self._started = datetime.now(timezone.utc)
        self._start = time.perf_counter()
        self._news: dict[str, _News] = {}
        self._ended: set[str] = set()
        self._keep_from = self._start
        self._cut_short = False
        self._selected: list[str] = []
        self._crashes: dict[str, None] = {}
        self._spoiled: dict[str, None] = {}
        self._uncollected: list[str] = []
        self._refusals: dict[str, None] = {}
        self._gil_modules: dict[str, None] = {}
        self._failure: str | None = None
        self._written: list[Path] = []
        self._unwritten: list[str] = []
        self._summarized = False
        self._record: RunRecord | None = None
        self._fails_anyhow = False
        self._process = os.getpid()

    # --- while it runs

    def pytest_report_header(self) -> list[str]:
        """Name the interpreter that the verdicts will be about, and what runs."""
        return [
            f"concclaims: {self._interpreter.describe()}, {self._machine.describe()}",
            f"claims: {self._plan.describe()}",
        ]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which claims run, and in which order they are shown."""
        self._selected = [item.nodeid for item in session.items]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Do so if workers collect."""
        self._selected = list(ids)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note modules that could not be collected, or skipped themselves: they may have claims."""
        if report.failed:
            self._uncollected.append(f"{report.nodeid} could not be collected")
        elif report.skipped:
            self._uncollected.append(f"{report.nodeid} was skipped as a whole")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Store a claim's result; that of a later phase or attempt replaces the one before."""
        news = _news(report)
        if str(report.when) == "???":  # xdist's report of a worker that crashed
            self._crashes[report.nodeid] = None
        elif news is not None:
            if report.failed and news.decided and not news.result.fails(strict=self._strict):
                self._spoiled[report.nodeid] = None
            self._news[report.nodeid] = news
            if report.when == "teardown" and news.decided:
                self._ended.add(report.nodeid)
                self._keep()

    def _keep(self) -> None:
        """Write the run record so far, in case this process is killed; it takes at most a fiftieth of the time."""
        begin = time.perf_counter()
        if begin < self._keep_from or os.getpid() != self._process:
            return
        paths = [path for path in self._reports if suffix_of(path, REPORT_SUFFIXES) == ".json"]
        if not paths:
            return
        with suppress(Exception):  # the end of the run tries again, and reports it
            text = self._record_of(self._results(), complete=False).to_text()
            for path in paths:
                write_whole(path, text)
        end = time.perf_counter()
        self._keep_from = end + 49 * (end - begin)

    def _results(self) -> list[ClaimResult]:
        """Return the results of the claims that have ended; one that was interrupted has not."""
        order = {nodeid: number for number, nodeid in enumerate(self._selected)}
        results = []
        for nodeid in sorted(self._news, key=lambda nodeid: order.get(nodeid, len(order))):
            news = self._news[nodeid]
            # Also if a later attempt was fine: attempts that disagree are an error.
            if nodeid in self._crashes:
                results.append(_broken(news.result, "a worker process crashed while it ran this claim"))
            elif nodeid in self._spoiled:
                results.append(_broken(news.result, "another plugin made pytest count it as failed"))
            elif nodeid in self._ended:  # a teardown may still void the verdict
                results.append(news.result)
        return results

    def _missing(self) -> list[str]:
        """Return the node ids of the selected claims that have not ended."""
        return [nodeid for nodeid in self._selected if nodeid not in self._ended and nodeid not in self._crashes]

    @property
    def _strict(self) -> bool:
        return bool(self._config.getoption("claims_strict"))

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """Show the verdict's letter and word; the categories stay pytest's, as its summaries need them."""
        news = _news(report)
        if news is None or report.outcome not in ("passed", "failed", "skipped"):
            return None
        if self._summarized and report.skipped:
            return None  # pytest's list of skipped tests shows the first one's word for all of them
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
        # Before 8.1, pytest's short summary would print the pair.
        return report.outcome, letter, word if self._summarized else (word, markup)

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Note which extension module enabled the GIL."""
        found = _GIL_ENABLED.search(str(warning_message.message))
        if found:
            self._gil_modules[found[1]] = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Note why a worker refused to run, and how many claims it left out."""
        output = getattr(node, "workeroutput", {})
        for refusal in output.get("concclaims_errors", ()):
            self._refusals[refusal] = None
        if "concclaims_taken_out" in output:  # not if the worker crashed
            self._config.stash[TAKEN_OUT] = output["concclaims_taken_out"]

    # --- at the end

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the record, and fail a run without evidence."""
        if os.getpid() != self._process:  # a child that a claim forked and did not end: not a run of its own
            return
        if self._refusals:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
            return
        looked_only = any(map(self._config.getoption, ("collectonly", "showfixtures", "show_fixtures_per_test")))
        results = self._results()
        refused = exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR)
        # Perhaps while pytest collected: then it is not known which claims are missing.
        self._cut_short = refused or exitstatus == pytest.ExitCode.INTERRUPTED
        if looked_only or (refused and not results):  # verdicts from before an internal error are kept
            return
        if not any(result.verdict.reached for result in results):
            self._failure = _why_nothing(results, self._plan)
        record = self._record = self._record_of(results, complete=self._is_complete())
        for path in self._reports:
            self._write(record, path)
        self._job_summary = add_job_summary(record)
        turned = self._baseline is not None and self._baseline.compare(record)
        # pytest derives its status from reports, which other plugins may have changed.
        as_expected = not any(result.fails(strict=self._strict) for result in results)
        self._fails_anyhow = bool(self._failure or self._unwritten or self._crashes or self._missing() or turned)
        if self._fails_anyhow or not as_expected:
            session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED

    def _write(self, record: RunRecord, path: Path) -> None:
        try:
            suffix = suffix_of(path, REPORT_SUFFIXES)
            assert suffix is not None, "the option's type takes no other path"
            write_whole(path, render(record, suffix, self._config.getoption("claims_badge_label")))
        except OSError as error:  # the verdicts must still be shown
            self._unwritten.append(f"--claims-report {path}: could not be written: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001  # they must be shown despite a bug in one report, too
            self._unwritten.append(
                f"--claims-report {path}: could not be made ({type(error).__name__}: {error}); please report this "
                "bug of pytest-concclaims; a report to a .json file does not run into it"
            )
        else:
            self._written.append(path)

    def _is_complete(self) -> bool:
        known = all(nodeid in self._news for nodeid in self._crashes)
        return not self._cut_short and known and not self._missing() and not self._uncollected

    def _record_of(self, results: Sequence[ClaimResult], *, complete: bool) -> RunRecord:
        option = self._config.getoption
        ran = {result.suite for result in results}
        return RunRecord(
            tool=self._tool,
            options={
                "suites": self._shipped(results),
                "budget": option("claims_budget"),
                "patience": option("claims_patience"),
                "strict": option("claims_strict"),
                "in_process": option("claims_in_process"),
                "portable": option("claims_portable"),
                "selection": self._selection(),
            },
            interpreter=self._interpreter,
            machine=self._machine,
            started=self._started.isoformat(timespec="seconds"),
            duration=round(time.perf_counter() - self._start, 3),
            complete=complete,
            project=self._project if any(result.suite == self._project for result in results) else None,
            source_url=self._source_url,
            suites=tuple(descriptions_of(name for name in self._plan.collected if name in ran)),
            claims=tuple(results),
        )

    def _shipped(self, results: Sequence[ClaimResult]) -> list[str]:
        """Return the shipped suites that were selected; if that depends on the project's claims, those that ran."""
        ran = {result.suite for result in results}
        return [name for name in self._plan.collected if name in ran or not self._plan.instead]

    @functools.cached_property
    def _tool(self) -> dict[str, str]:
        """Names and versions of what runs; found once, as it reads each plugin's files."""
        return _tool(self._config)

    def _selection(self) -> list[str]:
        """Return the options that narrow the run to some of the claims in its files.

        Whole files, folders and suites do not narrow it.
        """
        chosen, taken_out = _narrowed_by(self._config), self._config.stash.get(TAKEN_OUT, 0)
        return chosen or ([f"all but {counted(taken_out, 'claim')}, by a plugin"] if taken_out else [])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None, object, object]:
        """Show the verdicts below all that pytest and its plugins show."""
        self._summarized = True
        traced = self._shorten_reports(terminalreporter)
        try:
            return (yield)
        finally:
            self._show(terminalreporter, traced)

    def _shorten_reports(self, reporter: pytest.TerminalReporter) -> frozenset[str]:
        """Remove from pytest's own summaries what the claims' summary says; reports in files are written by now.

        :returns: the ids of the claims whose tracebacks pytest shows.
        """
        verbosity = self._config.get_verbosity()
        if self._record is None or verbosity < -1:
            return frozenset()
        shorten_skips(reporter, _result, keep_reasons=verbosity < 0)
        return shorten_failures(reporter, _result)

    def _show(self, reporter: pytest.TerminalReporter, traced: Collection[str]) -> None:
        """Show the claims, whatever else fails the run, and in the last line what was verified."""
        writer = self._config.get_terminal_writer()
        for refusal in self._refusals:
            reporter.write_line(f"ERROR: {refusal}", red=True)
        if self._refusals or self._record is None:
            return
        results, loud = self._results(), self._loud_lines()
        for line in annotation_lines(results, self._config.rootpath, strict=self._strict):
            reporter.write_line(line)
        reporter.write_sep("=", "concurrency claims")
        if results:
            verbosity = self._config.get_verbosity()
            lines = summary(
                results,
                width=writer.fullwidth,
                verbosity=verbosity,
                strict=self._strict,
                traced=traced,
                is_replay=self._config.getoption("claims_replay") is not None,
            )
            show_lines(writer, lines)
            if verbosity >= 0:
                writer.line()
        if self._baseline is not None:
            self._baseline.show(reporter)
        for text in loud:
            for row in textwrap.wrap(harmless(text), writer.fullwidth):
                reporter.write_line(row, red=True, bold=True)
        if self._job_summary is not None:
            reporter.write_line(harmless(self._job_summary))
        lines = ending(
            results,
            width=writer.fullwidth,
            interpreter=self._interpreter.describe(),
            seconds=self._record.duration,
            strict=self._strict,
            complete=self._is_complete(),
            fails=self._fails_anyhow,
            reports=[self._named(path) for path in self._written],
        )
        show_lines(writer, lines)

    def _named(self, path: Path) -> str:
        """Return a report's kind and its path, relative to the current folder if it is there."""
        with suppress(ValueError):
            path = path.relative_to(self._config.invocation_params.dir)
        return f"{'run record' if suffix_of(path, REPORT_SUFFIXES) == '.json' else 'report'}: {path}"

    def _loud_lines(self) -> list[str]:
        lines = []
        if self._gil_modules:
            names = ", ".join(f"`{name}`" for name in self._gil_modules)
            noun = f"module{'' if len(self._gil_modules) == 1 else 's'}"
            lines.append(f"The GIL was re-enabled at run time by the extension {noun} {names}.")
        unknown = [nodeid for nodeid in self._crashes if nodeid not in self._news]
        lines += [f"{nodeid}: a worker process crashed in its set-up" for nodeid in unknown]
        missing = self._missing()
        if missing:
            lines.append(f"{len(missing)} of {len(self._selected)} claims did not end; the first: {missing[0]}")
        lines += self._uncollected
        if self._failure is not None:
            lines.append(self._failure)
        lines += self._unwritten
        if self._baseline is not None and self._baseline.failure is not None:
            lines.append(self._baseline.failure)
        return lines


_LETTERS = {
    Verdict.CONFIRMED: "C",
    Verdict.REFUTED: "R",
    Verdict.INCONCLUSIVE: "i",
    Verdict.NOT_APPLICABLE: "n",
    Verdict.ERROR: "E",
}


def _broken(result: ClaimResult, reason: str) -> ClaimResult:
    decision = decide(Facts(broken=reason))
    return replace(result, verdict=decision.verdict, reason=decision.reason)


@dataclass(frozen=True)
class _News:
    """A claim's result in a report; until it is decided, what it would be if the claim ended now."""

    decided: bool
    result: ClaimResult


def _news(report: pytest.TestReport) -> _News | None:
    data: str | None = getattr(report, REPORT_ATTRIBUTE, None)
    if data is None or hasattr(report, "context"):  # a subtest's report has a context
        return None
    return _parsed(data)


def _result(report: pytest.TestReport) -> ClaimResult | None:
    news = _news(report)
    return None if news is None else news.result


@functools.lru_cache(maxsize=4)  # several hooks need that of one report
def _parsed(data: str) -> _News:
    fields = json.loads(data)
    return _News(fields["decided"], ClaimResult.from_json(fields["result"]))


def _narrowed_by(config: pytest.Config) -> list[str]:
    """Return the options that narrow a run."""
    option = config.getoption
    chosen = [argument for argument in option("file_or_dir") if "::" in argument]
    chosen += [f"-{name} {option(full)}" for name, full in (("k", "keyword"), ("m", "markexpr")) if option(full)]
    chosen += [f"--deselect {prefix}" for prefix in option("deselect") or ()]
    # These two are of pytest's cacheprovider, which may be off.
    chosen += [f"--{name}" for name, full in (("lf", "lf"), ("sw", "stepwise")) if option(full, False)]
    return chosen


def _why_nothing(results: Sequence[ClaimResult], plan: Plan) -> str:
    if not results:
        advice = "" if plan.collected else " (Shipped suites run with --claims-suite.)"
        return f"No claim was run, so there is no verdict: nothing was verified, and the run fails.{advice}"
    words = sorted({result.verdict.word for result in results})
    none = "The only claim reached no" if len(results) == 1 else f"None of {len(results)} claims reached a"
    ended = f"{'it' if len(results) == 1 else 'they'} ended {' or '.join(words)}"
    return f"{none} verdict ({ended}): nothing was verified, and the run fails."


def _tool(config: pytest.Config) -> dict[str, str]:
    from importlib.metadata import version

    versions = {"name": "pytest-concclaims", "version": version("pytest-concclaims"), "pytest": pytest.__version__}
    plugins = {found.project_name: found.version for _, found in config.pluginmanager.list_plugin_distinfo()}
    return versions | {name: plugins[name] for name in ("pytest-benchmark", "pytest-xdist") if name in plugins}
