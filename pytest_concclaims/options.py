"""The options and ini settings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .reports.formats import REPORT_SUFFIXES

if TYPE_CHECKING:
    from .lab.race.schedules.replay import Token  # more than a start of pytest without claims needs

DEFAULT_BUDGET_S = 2.0
DEFAULT_LOCK_TIMEOUT_S = 300.0


def add_options(parser: pytest.Parser) -> None:
    """Add the options and ini settings to pytest's."""
    group = parser.getgroup("claims", "verdicts about concurrency claims (pytest-concclaims)")
    group.addoption(
        "--claims",
        action="store_true",
        help="run the claims instead of the tests: those of this project or, if it has none, the shipped suite "
        "article; with paths, only the claims there (a shipped suite, or a part of it, is named like a path: "
        "article)",
    )
    group.addoption(
        "--claims-suite",
        action="append",
        default=[],
        metavar="NAME",
        help="also run the shipped suite NAME: article or python_docs; all: each of them (repeatable; overrides the "
        "ini setting claims_suites)",
    )
    group.addoption(
        "--claims-report",
        action="append",
        default=[],
        type=_report_path,
        metavar="PATH",
        help="write a report to PATH; its suffix is the format: .json (the run record), .html (a page), .md (for a "
        "pull request), .svg (a badge), .shields.json (the badge for shields.io) (repeatable)",
    )
    group.addoption(
        "--claims-badge-label",
        metavar="TEXT",
        help="the left part of a badge (default: it names the project)",
    )
    group.addoption(
        "--claims-baseline",
        type=Path,
        metavar="OLD.json",
        help="compare with the run record OLD.json: a verdict that turned fails the run; under --claims-strict, one "
        "that a claim lost or gained does, too (--claims-report may write the same file)",
    )
    group.addoption("--claims-strict", action="store_true", help="fail inconclusive claims instead of skipping them")
    group.addoption(
        "--claims-budget",
        default=DEFAULT_BUDGET_S,
        type=_seconds,
        metavar="SECONDS",
        help="how long each experiment may gather evidence, if its claim has no budget of its own (default: "
        "%(default)s)",
    )
    group.addoption(
        "--claims-patience",
        type=_seconds,
        metavar="SECONDS",
        help="make a second attempt at each inconclusive claim, with at least SECONDS for each experiment; its "
        "verdict counts, and the evidence has both attempts (default: one attempt)",
    )
    group.addoption(
        "--claims-lock-timeout",
        default=DEFAULT_LOCK_TIMEOUT_S,
        type=_seconds,
        metavar="SECONDS",
        help="how long an experiment waits while another run of this user measures (default: %(default)s); then its "
        "claim is inconclusive",
    )
    group.addoption(
        "--claims-in-process",
        action="store_true",
        help="run experiments in the test process instead of a child forked for each (as on platforms without fork): "
        "for debuggers; a crash or a deadlock then ends the run",
    )
    group.addoption(
        "--claims-portable",
        action="store_true",
        help="let races run schedules that switch threads at every instruction, as if there were no GIL: for code "
        "that must also be right on free-threaded builds",
    )
    group.addoption(
        "--claims-replay",
        type=_replay,
        metavar="TOKEN|RUN.json",
        help="run only the schedule that a replay token names, in the test process, where breakpoint() works in the "
        "actors; with a run record, the schedules of each claim's witnesses",
    )
    parser.addini(
        "claims_suites",
        "the shipped suites that --claims without a path runs beside the project's own claims (all: each of them; "
        "empty: none; not set: article, but only if the project has no claims)",
        type="args",
        default=None,
    )


def _report_path(text: str) -> Path:
    path = Path(text)
    if not path.name.lower().endswith(REPORT_SUFFIXES):
        raise argparse.ArgumentTypeError(
            f"{text!r} has no suffix that names a format; end it in {', '.join(REPORT_SUFFIXES[:-1])} "
            f"or {REPORT_SUFFIXES[-1]}"
        )
    return path


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} must be a positive number of seconds, e.g. 2 or 0.5")
    return seconds


def _replay(text: str) -> Path | Token:
    from .lab.race.schedules.replay import Token

    if text.endswith(".json"):
        return Path(text)
    try:
        return Token.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
