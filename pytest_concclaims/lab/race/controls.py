"""The choice of the control for a question: the race's own, the race without its locks, or a generic one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from ..failure import Failed, Failure
from ..processes.forked import run_forked
from .conditions import GRACE_S, Conditions
from .experiment import RaceExperiment, Subject
from .question import OutcomeQuestion
from .without_locks import UnlockedSetup


def with_control(given: RaceExperiment, asked: OutcomeQuestion, conditions: Conditions) -> RaceExperiment:
    """Return an experiment with the control for a question.

    The control of a race without one of its own is the race without its locks, if ``setup`` makes locks. That does
    not apply to questions about a crash or a deadlock, which such a control does not show.

    :param given: the experiment as the claim describes it.
    :raises Failed: the control is to be the race without its locks, and ``setup`` makes none.
    """
    if given.unlocked is None or (asked.end is not None and not given.matched):
        return given
    locks = _locks_of(given.unlocked, conditions)
    if locks:
        return replace(given, control=given.unlocked, matched=True, removed_locks=locks)
    if given.matched:
        text = "control=lab.WITHOUT_LOCKS: setup makes no lock to remove"
        raise Failed(Failure("raised", f"{text}; pass a control of the race's own, or none", ""))
    return given


def _locks_of(unlocked: Subject, conditions: Conditions) -> tuple[str, ...]:
    """Return descriptions of the locks that ``setup`` makes; empty if it fails without them."""
    setup = unlocked.setup
    assert isinstance(setup, UnlockedSetup)
    setup.prepare()  # before any child is forked

    def find() -> tuple[str, ...]:
        with suppress(Exception):  # it needs its locks; or it also fails for the race, which reports that
            setup()
            return tuple(setup.removed)
        return ()

    if conditions.in_process:
        return find()
    return run_forked(find, deadline=conditions.timeout + GRACE_S).value or ()
