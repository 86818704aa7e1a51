"""The plugin's entry point: its hooks without ``--claims``, its markers and its fixture.

Each start of pytest in an environment with this plugin imports this module. What only ``--claims`` needs is imported
only then.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from .options import add_options

if TYPE_CHECKING:
    from .lab.lab import Lab
    from .session.trial import Trial

#: Whether the GIL was on before code of the user's was imported: plugins are imported before conftest files.
GIL_AT_START: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
#: The number of claims that were deselected, without ``--claims``.
_DESELECTED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Under ``--claims``, note assertions from the first conftest file on, and which threads conftest files start."""
    if getattr(early_config.known_args_namespace, "claims", False):
        from .session.assertions import assertions_noted
        from .session.threads import of_conftest_files

        stack = ExitStack()
        early_config.add_cleanup(stack.close)
        stack.enter_context(assertions_noted(early_config.rootpath))
        with of_conftest_files():
            return (yield)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and, under ``--claims``, what runs and reports claims."""
    config.addinivalue_line(
        "markers",
        "claim(statement, *, source=None, id=None, budget=None): the test is a claim. It runs under --claims only, "
        "and ends in a verdict on the statement. The statement may name parameters of the test: '{method}: ...'. "
        "source: where the statement comes from. id: instead of the claim's id, which is made of suite and function. "
        "budget: seconds for each of its experiments, instead of those of --claims-budget.",
    )
    config.addinivalue_line(
        "markers",
        "refuted(condition, *, reason): if the condition (True or False) holds, the claim is expected to be REFUTED, "
        "for that reason, and CONFIRMED fails. Of several marks, the first that holds counts.",
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
        config.stash[_DESELECTED] = len(claims)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say how claims are run if they are all that was found."""
    claims = config.stash.get(_DESELECTED, 0)
    if items or not claims:
        return []
    from .text import counted

    return [f"{counted(claims, 'claim')} deselected, and no other test was found; claims run with pytest --claims"]


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Lab:
    """Give a claim its instruments. For tests with the mark ``claim``, under ``--claims``.
    lab.race(setup, *actors): which outcomes are possible when actors run at once;
    lab.control(*actors): a control of a race, with a state of its own;
    lab.operations(setup, *operations): whether overlapping calls are linearizable;
    lab.op(function, *arguments): one of these operations;
    lab.interrupted(setup, actor, handler): which outcomes are possible when a handler
    interrupts an actor;
    lab.ratio(a, b): how many times as long A takes as B;
    lab.speedup(work, workers=2, kind="thread"): how many times as much work several workers
    do as one;
    lab.parallelism(work, workers=2, kind="thread"): how many cores workers use at once;
    lab.memory(start_one): how many bytes one more idle process or thread takes;
    lab.child(target, *args): how a function or script ends in a fresh interpreter;
    lab.require(condition, reason): INCONCLUSIVE unless the condition is true; the reason
    says what has to be true;
    lab.note(text): add a plain fact to the evidence;
    lab.alone(): a block in which no other run of this user measures on this machine.
    """  # noqa: D205  # pytest --fixtures shows the first paragraph only
    from .session.trial import TRIAL

    trial: Trial | None = request.node.stash.get(TRIAL, None)
    if trial is None:
        pytest.fail(
            f"{request.node.nodeid} uses the lab, but is not a claim; "
            'mark it with @pytest.mark.claim("What is claimed"), and run it with pytest --claims',
            pytrace=False,
        )
    return trial.lab
