"""pytest's own summaries without what the summary of the claims, which stands below them, says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import pytest

from ..records.record import ClaimResult
from ..verdict import Verdict
from .trial import SECTION

_TRACEBACK = "\nTraceback (most recent call last):"
_BELOW = "see the verdicts below"

#: Returns the result of the claim that a report is of; None if it is of another test.
ResultOf = Callable[[pytest.TestReport], Optional[ClaimResult]]


def shorten_skips(reporter: pytest.TerminalReporter, result_of: ResultOf, *, keep_reasons: bool) -> None:
    """Let the short summary show the verdicts of skipped claims.

    :param keep_reasons: whether to show their reasons, too.
    """
    for report in reporter.stats.get("skipped", ()):
        result = result_of(report)
        if result is not None and isinstance(report.longrepr, tuple):
            path, line, reason = report.longrepr
            word = result.verdict.word
            report.longrepr = path, line, f"{word}: {reason}" if keep_reasons else word


def shorten_failures(reporter: pytest.TerminalReporter, result_of: ResultOf) -> frozenset[str]:
    """Let each failure show its traceback only, or say where its reason is.

    :returns: the ids of the claims whose tracebacks are shown.
    """
    option, traced = reporter.config.getoption, set()
    shows_tracebacks = option("tbstyle") not in ("no", "line") and not option("no_summary", False)
    for report in [*reporter.stats.get("failed", ()), *reporter.stats.get("error", ())]:
        result = result_of(report)
        if result is None:
            continue
        report.sections = [section for section in report.sections if section[0] != SECTION]
        if isinstance(report.longrepr, str):
            report.longrepr = _Failure(report.longrepr, result, whole=not shows_tracebacks)
            has_traceback = report.longrepr.has_traceback
        else:
            has_traceback = _shorten_crash(report, result)
        if has_traceback and shows_tracebacks:
            traced.add(result.id)
    return frozenset(traced)


def _shorten_crash(report: pytest.TestReport, result: ClaimResult) -> bool:
    """Leave of the line in the short summary what its verdict does not say; return whether there is a traceback."""
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return False
    if result.verdict is Verdict.ERROR:
        crash.message = crash.message.partition(":")[0]
    else:
        crash.message = crash.message.removeprefix(f"{result.verdict.word}: ")
    return True


class _Failure:
    """A failure without a traceback of its own, as pytest shows failures: by ``toterminal`` and ``reprcrash``.

    :param text: the verdict and its reason, and perhaps the tracebacks of threads.
    :param whole: whether the claims' summary refers to no traceback.
    """

    def __init__(self, text: str, result: ClaimResult, *, whole: bool) -> None:
        word, reason = result.verdict.word, result.reason
        head, _, traceback = text.partition(_TRACEBACK)
        self.has_traceback = bool(traceback)
        if reason is not None:
            said = reason.partition(": ")[0] if traceback else _BELOW
            head = head.replace(f": {reason}", f": {said}", 1)
        self._text = f"{_TRACEBACK[1:]}{traceback}" if traceback and not whole else head
        message = head.partition("\n")[0].removeprefix(f"{word}, expected {result.expected.word} ")
        self.reprcrash = _Crash(message.removeprefix(f"{word}: "))

    def toterminal(self, writer: Any) -> None:
        """Write it to a terminal."""
        writer.line(self._text)


class _Crash:
    """What the short summary, and ``--tb=line``, show of a failure."""

    def __init__(self, message: str) -> None:
        self.message = message

    def __str__(self) -> str:
        return self.message
