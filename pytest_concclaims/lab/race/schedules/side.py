"""One side of a race, the race itself or its control, whose schedules run in children."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from ....interpreter import gil_enabled
from ....records.interleaving import Step
from ...failure import Failed, Failure
from ...processes.forked import CAN_FORK, run_forked
from ..child_end import GRACE_S, child_failure, with_assertions
from ..experiment import Subject
from ..position import Part, SharedSchedule
from ..question import CRASH, OutcomeQuestion
from ..scenarios import Scenario
from .explorer import ENOUGH, Explored, Explorer, Seen, Witness, clock
from .run import Schedule, preemption_count
from .runs import UNSCHEDULED, Runs
from .scenario_search import explore_scenarios
from .story import Visit, story

T = TypeVar("T")

#: Seconds after which actors without their locks count as hanging.
_BROKEN_S = 2.0
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

    def __init__(
        self,
        failure: Failure,
        subject: Subject,
        schedule: Schedule,
        steps: tuple[Step, ...],
        *,
        portable: bool,
        scenario: Scenario | None,
    ) -> None:
        super().__init__(failure)
        self.subject = subject
        self.portable = portable
        self.schedule = schedule
        self.scenario = scenario
        self.steps = steps


class Children:
    """Runs schedules in a child, where there can be one.

    :param timeout: seconds after which actors that do not come back count as hanging.
    :param in_process: whether to do without a child.
    :param failed_assertions: returns those of the claim that have failed in this process, in words.
    """

    def __init__(self, *, timeout: float, in_process: bool, failed_assertions: Callable[[], Sequence[str]]) -> None:
        self._timeout = timeout
        self.in_process = in_process or not CAN_FORK
        self._failed_assertions = failed_assertions

    def run(self, side: Side, work: Callable[[Runs], T], seconds: float) -> T:
        """Run schedules of a side in a child, where there can be one.

        :raises EndedBySchedule: they failed.
        """
        timeout = min(self._timeout, _BROKEN_S) if side.subject.may_break else self._timeout

        def work_of_child() -> tuple[T]:
            with side.runs(timeout) as runs:
                return (work(runs),)

        def act() -> tuple[T] | Failure:
            return with_assertions(work_of_child, tuple if side.subject.may_break else self._failed_assertions)

        if self.in_process:
            result = act()
        else:
            forked = run_forked(act, deadline=seconds + timeout + GRACE_S)
            if not forked.returned or forked.value is None:
                raise Failed(child_failure(forked, side.position.where(side.subject)))
            result = forked.value
        if isinstance(result, Failure):
            raise Failed(result)
        return result[0]


class Side:
    """The race or its control, and a question about it."""

    def __init__(self, children: Children, subject: Subject, question: OutcomeQuestion, *, portable: bool) -> None:
        self.subject = subject if subject.operations else question.of(subject)
        self.position = SharedSchedule()
        self._children = children
        self._question = question
        self._portable = portable

    @property
    def is_atomic(self) -> bool:
        """Return whether it is asked about calls: all orders of these are run first in each process."""
        return self._question.atomic

    def runs(self, timeout: float) -> Runs:
        """Return what runs schedules in this process."""
        return Runs(
            self.subject,
            self._question,
            gil=gil_enabled(),
            portable_grade=self._portable,
            timeout=timeout,
            begin=self.position.write,
        )

    def explored(self, seconds: float, *, stop_after: int = 1) -> Explored:
        """Return what its schedules show."""

        def explore(runs: Runs) -> Explored:
            if runs.unordered is not None:
                return Explored(unordered=runs.unordered)
            end = clock() + seconds
            if self.subject.operations:
                explored = explore_scenarios(runs, self.subject, end, self.position.begin_scenario)
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

        return self._unless_crash_is_sought(lambda: self._children.run(self, explore, seconds))

    def explored_afresh(self, seconds: float) -> Explored:
        """Return what its schedules show where each is run in a process of its own."""

        def run(schedule: Schedule) -> Seen:
            return self._children.run(self, lambda runs: runs.run(schedule), seconds)

        explorer = Explorer(run, actors=len(self.subject.actors), most=ENOUGH, repeat=False)
        return self._unless_crash_is_sought(lambda: explorer.explore(clock() + seconds))

    def in_scenario(self, scenario: Scenario | None) -> Side:
        """Return the same with one scenario of its operations."""
        if scenario is None:
            return self
        subject = replace(self.subject.scenario(scenario), operations=())
        return Side(self._children, subject, self._question, portable=self._portable)

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
                shown_again, results = self._children.run(self, tell, 0.0)
            except Failed:
                shown_again, results = True, ()  # as before
            file.seek(0)
            return Told(shown_again, tuple(story(list(_written(file)))), results)

    def _unless_crash_is_sought(self, explore: Callable[[], Explored]) -> Explored:
        try:
            return explore()
        except Failed as failed:
            at, number = self.position.schedule, self.position.number
            if failed.failure.kind == "crash" and self.position.part is Part.ACTORS and self._question.end is CRASH:
                preemptions = preemption_count(at)
                witness = Witness(at, repr(CRASH), number, preemptions, 0.0)
                return Explored(run=number, seen=1, witness=witness, no_race=not preemptions)
            in_actors = self.position.part is Part.ACTORS
            if self.subject.may_break and failed.failure.kind in ("crash", "hang") and in_actors:
                return Explored(run=number, seen=1, no_race=not preemption_count(at))
            again = not self._children.in_process and failed.failure.kind != "hang"
            scenario = self.position.scenario
            steps = self.in_scenario(scenario).told(at).steps if again else ()
            raise EndedBySchedule(
                failed.failure, self.subject, at, steps, portable=self._portable, scenario=scenario
            ) from failed.__cause__


def _written(file: BinaryIO) -> Iterator[Visit]:
    with suppress(EOFError, pickle.UnpicklingError):  # the child ended in the middle of it
        while True:
            yield pickle.load(file)  # noqa: S301  (our own child's)
