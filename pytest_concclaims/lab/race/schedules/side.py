"""The schedules of one side: the race or its control, run in child processes."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, TypeVar

from ...failure import Failed, Failure
from ..conditions import Conditions
from ..experiment import Subject
from ..position import AtSchedule, Part, Position, at_work
from ..question import CRASH, DEADLOCK, OutcomeQuestion
from ..scenarios import Scenario
from .explorer import ENOUGH_PREEMPTIONS, Explored, Explorer, Seen, Witness, clock
from .run import Schedule, preemption_count
from .runs import UNSCHEDULED, Runs
from .scenario_search import explore_scenarios
from .story import Visit, story

T = TypeVar("T")

#: Attempts to repeat a witness in another process.
_ATTEMPTS = 3


class EndedBySchedule(Failed):
    """A failure, and the schedule that led to it.

    :param subject: the subject of the schedule.
    :param portable: whether the schedule switches threads at any instruction.
    """

    def __init__(self, failure: Failure, witness: Witness, subject: Subject, *, portable: bool) -> None:
        super().__init__(failure)
        self.witness = witness
        self.subject = subject
        self.portable = portable


class Side:
    """The race or its control, with a question about it."""

    def __init__(
        self, conditions: Conditions, subject: Subject, question: OutcomeQuestion, *, portable: bool
    ) -> None:
        self.subject = question.of(subject)
        self._conditions = conditions
        self._question = question
        self._portable = portable
        self._position = Position(AtSchedule())
        #: The number of the current schedule, and its scenario of operations.
        self._number = 0
        self._scenario: Scenario | None = None

    @property
    def may_be_afresh(self) -> bool:
        """Return whether each schedule may have a process of its own: not if all orders of the calls come first."""
        return not self._conditions.in_process and not self._question.atomic

    def runs(self, timeout: float, *, finds_once: bool = False) -> Runs:
        """Return the runs of schedules in this process."""
        return Runs(
            self.subject,
            self._question,
            portable_grade=self._portable,
            timeout=timeout,
            begin=self._begin,
            failed_assertions=self._conditions.assertions_of(self.subject),
            finds_once=finds_once,
        )

    def _begin(self, schedule: Schedule, part: Part) -> None:
        if part is Part.SETUP:
            self._number += 1
            self._position.begin(AtSchedule(schedule, self._number, self._scenario))
        else:
            self._position.enter(part)

    def _begin_scenario(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def in_child(self, work: Callable[[Runs], T], seconds: float, *, finds_once: bool = False) -> T:
        """Run schedules in a child process if possible, else in this process.

        :param finds_once: as of :class:`Runs`.
        :raises Failed: the work failed.
        """

        def run() -> T:
            with self.runs(self._conditions.timeout_of(self.subject), finds_once=finds_once) as runs:
                return work(runs)

        def where() -> str:
            at, part = self._position.read()
            schedule = f"; schedule {at.number:,}" if at.number else ""
            return f"while the {self.subject.name} ran ({at_work(self.subject, part)}{schedule})"

        return self._conditions.in_child(run, self.subject, seconds, where, self._position.begun)

    def explored(self, seconds: float, *, stop_after: int = 1, finds_once: bool = True) -> Explored:
        """Run schedules in one process, and return what they show.

        :param seconds: after which the search ends.
        :param stop_after: as of :class:`Explorer`.
        :param finds_once: as of :class:`Runs`.
        """

        def explore(runs: Runs) -> Explored:
            if runs.unordered is not None:
                return Explored(unordered=runs.unordered)
            end = clock() + seconds
            if self.subject.operations:
                explored = explore_scenarios(runs, self.subject, end, self._begin_scenario)
            else:
                explorer = Explorer(
                    runs.run,
                    stop_after=stop_after,
                    least_empty=self._question.least_empty,
                )
                explored = explorer.explore(end)
                explored.in_order, explored.unordered = runs.in_order, runs.unordered
            is_seen = explored.witness is not None
            explored.once = explored.once or runs.done_once(looks_again=not is_seen)
            left = None if is_seen else runs.left_behind()
            if left is not None:
                explored.once, explored.leaks = explored.once or left, True
            explored.doubt = runs.doubt
            explored.remarks = (UNSCHEDULED,) if runs.started_threads else ()
            return _on_fresh_states(explored, runs) if self.subject.in_processes else explored

        return self._unless_crash_is_sought(lambda: self.in_child(explore, seconds, finds_once=finds_once))

    def explored_afresh(self, seconds: float) -> Explored:
        """Run each schedule in a process of its own, and return what they show."""

        def run(schedule: Schedule) -> Seen:
            return self.in_child(lambda runs: runs.run(schedule), seconds)

        explorer = Explorer(run, most=ENOUGH_PREEMPTIONS, repeat=False)
        return self._unless_crash_is_sought(lambda: explorer.explore(clock() + seconds))

    def in_scenario(self, scenario: Scenario | None) -> Side:
        """Return this side with one scenario of its operations."""
        if scenario is None:
            return self
        subject = replace(self.subject.scenario(scenario), operations=())
        return Side(self._conditions, subject, self._question, portable=self._portable)

    def with_story(self, witness: Witness) -> Witness | None:
        """Repeat a witness in another process, and return it with its story; None if it cannot be repeated."""
        for _ in range(_ATTEMPTS):
            is_shown, repeated = self._repeated(witness)
            if is_shown:
                return repeated
        return None

    def _repeated(self, witness: Witness) -> tuple[bool, Witness]:
        """Run a schedule again. Return whether it shows the outcome or fails, and the witness with its story."""
        side = self.in_scenario(witness.scenario)
        with tempfile.TemporaryFile(buffering=0) as file:

            def write(visit: Visit) -> None:
                file.write(pickle.dumps(visit))

            def repeat(runs: Runs) -> tuple[bool, tuple[tuple[str, ...], ...]]:
                return runs.run(witness.schedule, write).sought, runs.results

            try:
                is_shown, results = side.in_child(repeat, 0.0)
            except Failed:
                is_shown, results = True, ()
            file.seek(0)
            return is_shown, replace(witness, steps=tuple(story(list(_written(file)))), results=results)

    def _unless_crash_is_sought(self, explore: Callable[[], Explored]) -> Explored:
        try:
            return explore()
        except Failed as failed:
            (schedule, number, scenario), part = self._position.read()
            kind, preemptions = failed.failure.kind, preemption_count(schedule)
            alone = self.subject.interrupted and not schedule
            if part in self._question.crash_parts and kind == "crash" and not alone:
                witness = Witness(schedule, repr(CRASH), number, preemptions, 0.0, scenario=scenario)
                return Explored(run=number, seen=1, witness=witness, no_race=not preemptions)
            if part is Part.ACTORS and self.subject.may_break and kind in ("crash", "hang"):
                return Explored(run=number, seen=1, no_race=not preemptions)
            text = repr(DEADLOCK) if kind == "deadlock" else failed.failure.text
            witness = Witness(schedule, text, 1, preemptions, 0.0, scenario=scenario)
            if kind != "hang" and not self._conditions.in_process:
                _, witness = self._repeated(witness)
            raise EndedBySchedule(
                failed.failure, witness, self.subject, portable=self._portable
            ) from failed.__cause__


def _on_fresh_states(explored: Explored, runs: Runs) -> Explored:
    """Check that states are fresh, by two runs of the first schedule: different outcomes allow no "never".

    Nothing else checks what processes share, such as files. A witness still counts if it needs a race, and neither of
    the two runs shows the sought outcome.
    """
    if runs.is_lost:
        return explored
    first, again = runs.run(()), runs.run(())
    if first.judged.outcome == again.judged.outcome:
        return explored
    explored.leaks = True
    explored.doubt = (
        f"the same schedule ended with {first.judged.outcome}, then with {again.judged.outcome}: setup does not make "
        "a fresh state each time, such as a new object or a file with a new name, or the actors do random things"
    )
    if explored.witness is not None and (explored.no_race or first.sought or again.sought):
        return replace(explored, witness=None, seen=0)
    return explored


def _written(file: BinaryIO) -> Iterator[Visit]:
    with suppress(EOFError, pickle.UnpicklingError):  # the child ended while it wrote
        while True:
            yield pickle.load(file)  # noqa: S301  (our own child's)
