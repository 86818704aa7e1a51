"""The plugin's entry point: its options, markers and fixture.

Every pytest start in an environment with this plugin imports this module, with claims or without; so
whatever works only under ``--claims`` is imported when that is given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .reports.formats import DEFAULT_LABEL, REPORT_SUFFIXES

if TYPE_CHECKING:
    from .lab.lab import Lab
    from .session.trial import Trial

DEFAULT_BUDGET = 2.0
DEFAULT_PATIENCE = 300.0
#: Whether the GIL was on before anything of the user's was imported: conftest files come after plugins.
GIL_AT_START: bool = getattr(sys, "_is_gil_enabled", lambda: True)()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    group = parser.getgroup("claims", "verdicts about concurrency claims (pytest-concclaims)")
    group.addoption(
        "--claims",
        action="store_true",
        help="run the claims instead of the tests: the shipped suites and this project's own; with paths, the "
        "claims there and nothing else (a shipped suite or a part of it is named like a path: article)",
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
        default=DEFAULT_LABEL,
        metavar="TEXT",
        help="the left part of a badge (default: %(default)s)",
    )
    group.addoption(
        "--claims-baseline",
        type=Path,
        metavar="OLD.json",
        help="compare with the run record OLD.json: a verdict that turned fails the run, and under --claims-strict "
        "one to or from inconclusive does (--claims-report may write the same file)",
    )
    group.addoption(
        "--claims-strict", action="store_true", help="let an inconclusive claim fail instead of being skipped"
    )
    group.addoption(
        "--claims-budget",
        default=DEFAULT_BUDGET,
        type=_seconds,
        metavar="SECONDS",
        help="how long each experiment may gather evidence (default: %(default)s)",
    )
    group.addoption(
        "--claims-lock-timeout",
        default=DEFAULT_PATIENCE,
        type=_seconds,
        metavar="SECONDS",
        help="how long an experiment waits for the machine while another run's experiments have it (default: "
        "%(default)s); then its claim is inconclusive",
    )
    group.addoption(
        "--claims-in-process",
        action="store_true",
        help="run experiments in the test process instead of a child forked for each (as on platforms without fork): "
        "for debuggers; a crash or a deadlock there takes the run with it",
    )
    parser.addini(
        "claims_suites",
        "the shipped suites that --claims without a path runs (default: article; empty: none)",
        type="args",
        default=["article"],
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
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number of seconds; write one, such as 2 or 0.5")
    return seconds


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Under ``--claims``, note assertions from the first conftest file on."""
    if getattr(early_config.known_args_namespace, "claims", False):
        from .session.assertions import assertions_noted

        stack = ExitStack()
        early_config.add_cleanup(stack.close)
        stack.enter_context(assertions_noted())
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and, under ``--claims``, what runs and reports claims."""
    config.addinivalue_line(
        "markers",
        "claim(statement, *, source=None, id=None): the test is a claim, run by --claims only, and ends in a "
        "verdict on the statement. The statement may name parameters of the test: '{method}: ...'. source says "
        "where the statement stands; id replaces the claim's id, which is made of suite and function name.",
    )
    config.addinivalue_line(
        "markers",
        "refuted(condition, *, reason): where the condition (True or False) holds, the claim is expected to be "
        "REFUTED, for that reason; CONFIRMED then fails. Of several, the first that holds counts.",
    )
    if config.getoption("claims"):
        from .session.run import register

        register(config, gil=GIL_AT_START)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--claims``, deselect the claims."""
    if config.getoption("claims"):
        return
    claims: list[pytest.Item] = []
    tests: list[pytest.Item] = []
    for item in items:
        (tests if item.get_closest_marker("claim") is None else claims).append(item)
    if claims:
        config.hook.pytest_deselected(items=claims)
        items[:] = tests


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Lab:
    """Give a claim its instruments; for tests with the ``claim`` marker.

    lab.require(condition, reason): no verdict (INCONCLUSIVE) unless the condition is true;
    lab.note(text): add a plain fact to the evidence;
    lab.child(target, *args, deadline=30.0): run a function or script in a fresh interpreter;
    lab.race(setup, *actors, observe=None, rounds=1, control=None): ask what can come of actors that run at once;
    lab.parallelism(work, *, workers, kind, control="process"): how many cores workers use at the same time;
    lab.ratio(a, b): how many times as long A takes as B;
    lab.memory(start_one, *, against=None): how many bytes one more idle process or thread takes;
    lab.alone(): a block in which no other run of this user measures on this machine.
    """
    from .session.trial import TRIAL

    trial: Trial | None = request.node.stash.get(TRIAL, None)
    if trial is None:
        pytest.fail(
            f"{request.node.nodeid} uses the lab, but is no claim; "
            'mark it with @pytest.mark.claim("What is claimed"), and run it with pytest --claims',
            pytrace=False,
        )
    return trial.lab
