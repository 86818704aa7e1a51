"""One side of a race, the race itself or its control, whose schedules run in children."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from ....records.interleaving import Step
from ...failure import Failed, Failure
from ..conditions import Conditions
from ..experiment import Subject
from ..position import AtSchedule, Part, Shared, at_work
from ..question import CRASH, OutcomeQuestion
from ..scenarios import Scenario
from .explorer import ENOUGH, Explored, Explorer, Seen, Witness, clock
from .replay import Token, token
from .run import Schedule, preemption_count
from .runs import UNSCHEDULED, Runs
from .scenario_search import explore_scenarios
from .story import Visit, story

T = TypeVar("T")

#: Times that a schedule is run to see it show again what it has shown.
_TRIES = 3


@dataclass(frozen=True)
class Told:
    """A schedule that was run once more, for its story.

    :param shown: whether it shows what is sought, or fails, again.
    :param results: of each actor's calls, in words; nothing if actors have values.
    """

    shown: bool
    steps: tuple[Step, ...]
    results: tuple[tuple[str, ...], ...] = ()


class EndedBySchedule(Failed):
    """A failure, and the story of the schedule under which it came about."""

    def __init__(self, failure: Failure, steps: tuple[Step, ...], subject: Subject, replay: Token) -> None:
        super().__init__(failure)
        self.steps = steps
        self.subject = subject
        self.replay = replay


class Side:
    """The race or its control, and a question about it."""

    def __init__(
        self, conditions: Conditions, subject: Subject, question: OutcomeQuestion, *, portable: bool
    ) -> None:
        self.subject = question.of(subject)
        self._conditions = conditions
        self._question = question
        self._portable = portable
        self._position = Shared(AtSchedule())
        #: Of the schedule that runs: its number, and its scenario of operations.
        self._number = 0
        self._scenario: Scenario | None = None

    @property
    def may_be_afresh(self) -> bool:
        """Return whether schedules can have a process each: not where all orders of calls come first in it."""
        return not self._conditions.in_process and not self._question.atomic

    def runs(self, timeout: float) -> Runs:
        """Return what runs schedules in this process."""
        return Runs(
            self.subject,
            self._question,
            portable_grade=self._portable,
            timeout=timeout,
            begin=self._begin,
            failed_assertions=self._conditions.assertions_of(self.subject),
        )

    def _begin(self, schedule: Schedule, part: Part) -> None:
        self._number += part is Part.SETUP
        self._position.write(AtSchedule(part, schedule, self._number, self._scenario))

    def _begin_scenario(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def _in_child(self, work: Callable[[Runs], T], seconds: float) -> T:
        """Run schedules in a child, where there can be one.

        :raises Failed: they failed.
        """

        def run() -> T:
            with self.runs(self._conditions.timeout_of(self.subject)) as runs:
                return work(runs)

        def where() -> str:
            at = self._position.read()
            return f"while the {self.subject.name} ran ({at_work(self.subject, at.part)}; schedule {at.number:,})"

        return self._conditions.in_child(run, self.subject, seconds, where)

    def explored(self, seconds: float, *, stop_after: int = 1) -> Explored:
        """Return what its schedules show."""

        def explore(runs: Runs) -> Explored:
            if runs.unordered is not None:
                return Explored(unordered=runs.unordered)
            end = clock() + seconds
            if self.subject.operations:
                explored = explore_scenarios(runs, self.subject, end, self._begin_scenario)
            else:
                explorer = Explorer(
                    runs.run,
                    actors=len(self.subject.actors),
                    stop_after=stop_after,
                    least_empty=self._question.least_empty,
                )
                explored = explorer.explore(end)
                explored.in_order, explored.unordered = runs.in_order, runs.unordered
            explored.once = explored.once or runs.once
            explored.doubt = runs.doubt
            explored.remarks = (UNSCHEDULED,) if runs.started_threads else ()
            return explored

        return self._unless_crash_is_sought(lambda: self._in_child(explore, seconds))

    def explored_afresh(self, seconds: float) -> Explored:
        """Return what its schedules show where each is run in a process of its own."""

        def run(schedule: Schedule) -> Seen:
            return self._in_child(lambda runs: runs.run(schedule), seconds)

        explorer = Explorer(run, actors=len(self.subject.actors), most=ENOUGH, repeat=False)
        return self._unless_crash_is_sought(lambda: explorer.explore(clock() + seconds))

    def in_scenario(self, scenario: Scenario | None) -> Side:
        """Return the same with one scenario of its operations."""
        if scenario is None:
            return self
        subject = replace(self.subject.scenario(scenario), operations=())
        return Side(self._conditions, subject, self._question, portable=self._portable)

    def story_of(self, witness: Witness, scenario: Scenario | None) -> Told | None:
        """Return the story of a witness, from a process of its own; None if its schedule does not show it there."""
        side = self.in_scenario(scenario)
        for _ in range(_TRIES):
            told = side.told(witness.schedule)
            if told.shown:
                return told
        return None

    def told(self, schedule: Schedule) -> Told:
        """Run a schedule once more, and return its story."""
        with tempfile.TemporaryFile(buffering=0) as file:

            def write(visit: Visit) -> None:
                file.write(pickle.dumps(visit))

            def tell(runs: Runs) -> tuple[bool, tuple[tuple[str, ...], ...]]:
                return runs.run(schedule, write).sought, runs.results

            try:
                shown_again, results = self._in_child(tell, 0.0)
            except Failed:
                shown_again, results = True, ()  # as before
            file.seek(0)
            return Told(shown_again, tuple(story(list(_written(file)))), results)

    def _unless_crash_is_sought(self, explore: Callable[[], Explored]) -> Explored:
        try:
            return explore()
        except Failed as failed:
            part, schedule, number, scenario = self._position.read()
            is_crash, no_race = failed.failure.kind == "crash", not preemption_count(schedule)
            if part is Part.ACTORS and is_crash and self._question.end is CRASH:
                witness = Witness(schedule, repr(CRASH), number, preemption_count(schedule), 0.0)
                return Explored(run=number, seen=1, witness=witness, no_race=no_race)
            if part is Part.ACTORS and self.subject.may_break and (is_crash or failed.failure.kind == "hang"):
                return Explored(run=number, seen=1, no_race=no_race)
            again = not self._conditions.in_process and failed.failure.kind != "hang"
            steps = self.in_scenario(scenario).told(schedule).steps if again else ()
            replay = token(self.subject, schedule, portable=self._portable, scenario=scenario)
            raise EndedBySchedule(failed.failure, steps, self.subject, replay) from failed.__cause__


def _written(file: BinaryIO) -> Iterator[Visit]:
    with suppress(EOFError, pickle.UnpicklingError):  # the child ended in the middle of it
        while True:
            yield pickle.load(file)  # noqa: S301  (our own child's)
