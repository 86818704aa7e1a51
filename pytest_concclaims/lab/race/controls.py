"""The control of a race, question by question: its own; or the race without its locks; or a generic one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from ..failure import Failed, Failure
from ..processes.forked import run_forked
from .conditions import GRACE_S, Conditions
from .experiment import RaceExperiment, Subject
from .question import OutcomeQuestion
from .without_locks import UnlockedSetup


class Controls:
    """Says which control a race has for a question.

    :param given: the experiment as the claim describes it.
    """

    def __init__(self, given: RaceExperiment, conditions: Conditions) -> None:
        self._given = given
        self._conditions = conditions
        #: The locks that ``setup`` makes, in words; None if that is not known yet.
        self._locks: tuple[str, ...] | None = None
        #: With the control that was used last.
        self.experiment = given

    def begin(self) -> None:
        """Forget which control another question had."""
        self.experiment = self._given

    def of(self, asked: OutcomeQuestion) -> RaceExperiment:
        """Return the experiment with the control for a question.

        Where the race has none of its own, it is the race without its locks, if ``setup`` makes some; but that never
        crashes, nor does it end in a deadlock.

        :raises Failed: the race is to be its own control without locks, and ``setup`` makes none.
        """
        given = self._given
        if given.unlocked is None or (asked.end is not None and not given.matched):
            return given
        if self._locks is None:
            self._locks = self._locks_of(given.unlocked)
        if self._locks:
            self.experiment = replace(given, control=given.unlocked, matched=True, taken_out=self._locks)
        elif given.matched:
            text = "control=lab.WITHOUT_LOCKS: setup makes no lock that could be taken out"
            raise Failed(Failure("raised", f"{text}; give the race a control of its own, or none", ""))
        return self.experiment

    def instead(self) -> RaceExperiment | None:
        """Return the experiment with a generic control, if the latest was without locks, and by default."""
        if self.experiment is self._given or self._given.matched:
            return None
        self.experiment = self._given
        return self.experiment

    def _locks_of(self, unlocked: Subject) -> tuple[str, ...]:
        """Return the locks that ``setup`` makes, in words; none if it does not work without them."""
        setup = unlocked.setup
        assert isinstance(setup, UnlockedSetup)
        setup.prepare()  # before any child is forked

        def find() -> tuple[str, ...]:
            with suppress(Exception):  # it needs its locks, or fails for the race as well, where that is told
                setup()
                return tuple(setup.taken_out)
            return ()

        if self._conditions.in_process:
            return find()
        return run_forked(find, deadline=self._conditions.timeout + GRACE_S).value or ()
