"""The control of a race for a question: its own; or the race without its locks; or a generic one."""

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

    Where the race has none of its own, it is the race without its locks, if ``setup`` makes some; but that never
    crashes, nor does it end in a deadlock.

    :param given: the experiment as the claim describes it.
    :raises Failed: the race is to be its own control without locks, and ``setup`` makes none.
    """
    if given.unlocked is None or (asked.end is not None and not given.matched):
        return given
    locks = _locks_of(given.unlocked, conditions)
    if locks:
        return replace(given, control=given.unlocked, matched=True, taken_out=locks)
    if given.matched:
        text = "control=lab.WITHOUT_LOCKS: setup makes no lock that could be taken out"
        raise Failed(Failure("raised", f"{text}; give the race a control of its own, or none", ""))
    return given


def _locks_of(unlocked: Subject, conditions: Conditions) -> tuple[str, ...]:
    """Return the locks that ``setup`` makes, in words; none if it does not work without them."""
    setup = unlocked.setup
    assert isinstance(setup, UnlockedSetup)
    setup.prepare()  # before any child is forked

    def find() -> tuple[str, ...]:
        with suppress(Exception):  # it needs its locks, or fails for the race as well, where that is told
            setup()
            return tuple(setup.taken_out)
        return ()

    if conditions.in_process:
        return find()
    return run_forked(find, deadline=conditions.timeout + GRACE_S).value or ()
