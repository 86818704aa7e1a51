"""The plugin's entry point: its hooks without ``--claims``, its markers and its fixture.

Every pytest start in an environment with this plugin imports this module, with claims or without; so
whatever works only under ``--claims`` is imported when that is given.
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

#: Whether the GIL was on before anything of the user's was imported: conftest files come after plugins.
GIL_AT_START: bool = getattr(sys, "_is_gil_enabled", lambda: True)()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Under ``--claims``, note assertions from the first conftest file on."""
    if getattr(early_config.known_args_namespace, "claims", False):
        from .session.assertions import assertions_noted

        stack = ExitStack()
        early_config.add_cleanup(stack.close)
        stack.enter_context(assertions_noted(early_config.rootpath))
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and, under ``--claims``, what runs and reports claims."""
    config.addinivalue_line(
        "markers",
        "claim(statement, *, source=None, id=None, budget=None): the test is a claim, run by --claims only, and ends "
        "in a verdict on the statement. The statement may name parameters of the test: '{method}: ...'. source says "
        "where the statement stands; id replaces the claim's id, which is made of suite and function name; budget: "
        "seconds for each of its experiments, instead of those of --claims-budget.",
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
    lab.speedup(work, *, workers, kind, control="process"): how many times as much work they do as one alone;
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
