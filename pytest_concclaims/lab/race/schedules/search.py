"""The search for what a question seeks among the schedules of a race, each side in a child of its own."""

from __future__ import annotations

import math
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from ....interpreter import gil_enabled
from ....records.interleaving import Step
from ....text import counted, listed
from ...failure import Failed, Failure
from ...processes.forked import CAN_FORK, run_forked
from ..child_end import GRACE_S, child_failure, with_assertions
from ..controls import Controls
from ..experiment import RaceExperiment, Subject
from ..position import Part, SharedSchedule
from ..question import CRASH, DEADLOCK, OutcomeQuestion, of_control
from ..scenarios import Scenario
from .explorer import ENOUGH, Explored, Explorer, Seen, Witness, clock
from .replay import Token, code_digest
from .runs import Runs
from .scenario_search import explore_scenarios
from .scheduler import Schedule, preemption_count
from .story import Visit, story
from .switch_points import switches_anywhere
from .watch import WatchError

T = TypeVar("T")

#: Parts of the budget: for the race's schedules, for those in fresh processes, for the control's, and for those of
#: the portable grade.
_RACE_PART, _AFRESH_PART, _CONTROL_PART, _PORTABLE_PART = 0.5, 0.3, 0.18, 0.02
#: Of these parts, what is taken where samples have to follow.
_PART_BEFORE_SAMPLES = 0.6
#: Times the budget that would just be enough, for advice.
_RESERVE = 1.5
#: Schedules after which it is enough to have seen the effect: of the control, and of the portable grade.
_ENOUGH_SEEN = 100
#: Seconds after which actors without their locks count as hanging.
_BROKEN_S = 2.0
_UNSCHEDULED = ("threads that actors start are not scheduled",)
#: The least level where each schedule has a process of its own, if more were run in one process.
_LEAST_AFRESH = 1
#: Times that a schedule is run to see it show again what it has shown.
_TRIES = 3


@dataclass(frozen=True)
class Searched:
    """What the schedules of a race came to.

    :param portable: whether threads were switched at any instruction, as if there were no GIL.
    :param race: None if there were none, for the reason in ``remarks``.
    :param control: None if it was not needed.
    :param afresh: what schedules show that are run in a process of their own each; None if there is no need.
    :param anywhere: with a GIL, what schedules show that switch at any instruction; None if they were not run.
    :param control_anywhere: the same of the control, where it has shown nothing here.
    :param steps: of the witness.
    :param results: of the witness: of each actor's calls, in words.
    :param replayed: whether only the schedule was run that a replay token says.
    """

    portable: bool
    race: Explored | None
    control: Explored | None = None
    afresh: Explored | None = None
    anywhere: Explored | None = None
    control_anywhere: Explored | None = None
    steps: tuple[Step, ...] = ()
    results: tuple[tuple[str, ...], ...] = ()
    remarks: tuple[str, ...] = ()
    replayed: bool = False

    @property
    def seconds(self) -> float:
        """Return how long they took."""
        parts = self.race, self.afresh, self.control, self.anywhere, self.control_anywhere
        return sum(explored.seconds for explored in parts if explored is not None)

    @property
    def witness(self) -> Witness | None:
        """The first schedule that shows what is sought."""
        return None if self.race is None else self.race.witness

    @property
    def is_final(self) -> bool:
        """Return whether samples could add nothing."""
        # Where something happens once in a process, samples would have one chance in all.
        once = self.race is not None and self.race.once and self.lacking() is not None
        return self.witness is not None or self.replayed or once

    @property
    def control_needs_no_race(self) -> bool:
        """Return whether the control shows the effect without a race, while the race has more schedules."""
        exhausted = self.race is not None and self.race.exhausted
        return self.control is not None and self.control.no_race and not exhausted

    def _is_enough_afresh(self) -> bool:
        """Return whether schedules in fresh processes are ground for "never", alone or with those of one process."""
        race, afresh = self.race, self.afresh
        if race is None or afresh is None:
            return False
        return afresh.is_enough or (race.is_enough and (afresh.preemptions or 0) >= _LEAST_AFRESH)

    def lacking(self) -> str | None:
        """Return why schedules are no ground for an answer; None if they are."""
        race, control = self.race, self.control
        if self.witness is not None:
            return None
        if race is None:
            return self.remarks[0]
        if self.replayed and race.unrepeatable:
            return "the schedule cannot be followed any more: what actors call was changed since"
        if self.replayed:
            return f"the schedule that was replayed came to {', '.join(map(str, race.outcomes))}"
        if race.unordered is not None:
            return race.unordered
        if race.unseen is not None:
            return f"this interpreter switches threads {race.unseen}, and no schedule does"
        if race.remarks:
            return race.remarks[0]
        if race.contended:
            return (
                "who gets a lock that an actor lets go of and takes again at once is a matter of time, and schedules "
                "always give it to the one that waits"
            )
        if race.impatient:
            return (
                f"an actor waits for time to pass, and {counted(race.impatient, 'schedule')} would have that over "
                "sooner than it is; let it wait for less than 10 ms"
            )
        if race.once and not self._is_enough_afresh():
            return (
                "what the actors do for the first time in a process they do not do again; let setup undo it, such as "
                "a cache that is filled or a global that is changed"
            )
        if self.afresh is not None and self.afresh.exhausted:
            return None
        if race.unrepeatable:
            return (
                f"{counted(race.unrepeatable, 'schedule')} of {race.run:,} did not repeat: what the actors do "
                "differs from run to run, such as by random numbers, time or addresses"
            )
        if race.exhausted:
            return None
        if not race.is_enough:
            return _too_many(race)
        if control is None or control.seen or control.exhausted:
            return None
        elsewhere = self.control_anywhere
        if elsewhere is not None and elsewhere.seen:
            return (
                f"its control does not show it at this interpreter's switch points, in "
                f"{counted(control.run, 'schedule')}; without a GIL it does, in {elsewhere.seen:,} of "
                f"{counted(elsewhere.run, 'schedule')}. Give the race a control that goes wrong here, such as "
                "lab.WITHOUT_LOCKS"
            )
        return (
            f"its control did not show it in {counted(control.run, 'schedule')}; give the race a control that goes "
            "wrong with at most two preemptions"
        )


@dataclass(frozen=True)
class Told:
    """A schedule that was run once more, for its story.

    :param shown: whether it shows what is sought, or fails, again.
    :param results: of each actor's calls, in words; nothing if actors have values.
    """

    shown: bool
    steps: tuple[Step, ...]
    results: tuple[tuple[str, ...], ...] = ()


def _too_many(race: Explored) -> str:
    """Return that there was no time for all schedules, and how much it would take, as far as that is known."""
    if race.shapes:
        least = race.shapes[0]
        run = f"of {counted(least.of, 'scenario')} with one call in each thread, {least.run:,} were run whole"
        return f"there are too many schedules for the budget: {run}; a longer budget gives more, or fewer operations"
    whole = "none" if race.preemptions is None else f"only those with at most {race.preemptions}"
    text = f"there are too many schedules for the budget: with {ENOUGH} preemptions, {whole} were run"
    if race.preemptions == ENOUGH - 1 and race.further:
        # The race has a part of the budget only.
        seconds = math.ceil(_RESERVE * race.further * race.seconds / race.run / _RACE_PART)
        return f"{text}; a budget of about {seconds:,} s would be enough"
    return text


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


class ScheduleSearch:
    """Runs the schedules of an experiment for one question after the other.

    :param budget: seconds for each question, of which this takes a part.
    :param timeout: seconds after which actors that do not come back count as hanging.
    :param in_process: whether to do without a child.
    :param portable: whether to switch threads at any instruction, as if there were no GIL.
    :param failed_assertions: returns those of the claim that have failed in this process, in words.
    :param controls: has the control for a question.
    """

    def __init__(
        self,
        experiment: RaceExperiment,
        *,
        budget: float,
        timeout: float,
        in_process: bool,
        portable: bool,
        replay: Sequence[Token],
        failed_assertions: Callable[[], Sequence[str]],
        controls: Controls,
    ) -> None:
        self._experiment = experiment
        self._controls = controls
        self._budget = budget
        self._timeout = timeout
        self.is_in_process = in_process or not CAN_FORK
        self._portable = portable
        self._replay = [one for one in replay if one.code == code_digest(experiment.race)]
        self._failed_assertions = failed_assertions

    def ask(self, question: OutcomeQuestion) -> Searched:
        """Run schedules for a question.

        :raises EndedBySchedule: what was to be run raised, hung, or ended the process.
        """
        budget = self._budget
        if self._replay:
            return self._replayed(self._replay[0], question)
        # Samples have to have time without a GIL.
        share = 1.0 if gil_enabled() or question.end is DEADLOCK else _PART_BEFORE_SAMPLES
        race = _Side(self, self._experiment.race, question, portable=self._portable)
        try:
            searched = self._of_race(race, share * budget)
        except WatchError as error:
            return Searched(self._portable, None, remarks=(str(error),))
        if searched.witness is not None or (searched.race is not None and searched.race.unordered is not None):
            return searched
        experiment = self._controls.of(question)
        explored, useless = self._of_first_control(experiment, question, _CONTROL_PART * share * budget)
        generic = None if useless is None else self._controls.instead()
        if generic is not None:
            remark = f"without {listed(experiment.taken_out)}, {useless}"
            searched = replace(searched, remarks=(*searched.remarks, remark))
            experiment = generic
            explored = self._of_control(generic, question, _CONTROL_PART * share * budget)
        searched = replace(searched, control=explored)
        has_grades = not self._portable and not switches_anywhere(gil_enabled())
        if not explored.seen and has_grades:
            sought = of_control(question, matched=experiment.matched)
            side = _Side(self, experiment.control, sought, portable=True)
            searched = replace(searched, control_anywhere=self._anywhere(side))
        if searched.lacking() is None and has_grades:
            searched = self._with_portable_grade(searched, question)
        return searched

    def _of_first_control(
        self, experiment: RaceExperiment, question: OutcomeQuestion, seconds: float
    ) -> tuple[Explored, str | None]:
        """Return what the control's schedules show, and why that is of no use, in words; None if it is."""
        try:
            explored = self._of_control(experiment, question, seconds)
        except EndedBySchedule as ended:
            if self._experiment.matched or not experiment.matched:  # it is no control that was made for it
                raise
            return Explored(), ended.failure.text
        if not explored.seen:
            return explored, f"it is not seen either, in {counted(explored.run, 'schedule')}"
        return explored, "it is seen also where actors run one after the other" if explored.no_race else None

    def _of_control(self, experiment: RaceExperiment, question: OutcomeQuestion, seconds: float) -> Explored:
        """Return what the control's schedules show."""
        sought = of_control(question, matched=experiment.matched)
        control = _Side(self, experiment.control, sought, portable=self._portable)
        explored = control.explored(seconds, stop_after=_ENOUGH_SEEN)
        if explored.once and not self.is_in_process and not control.is_atomic:
            return control.explored_afresh(seconds)
        return explored

    def _of_race(self, race: _Side, budget: float) -> Searched:
        """Return what the race's schedules show. A witness counts if a process of its own shows it again."""
        explored = race.explored(_RACE_PART * budget)
        if explored.witness is not None:
            told = race.story_of(explored.witness, explored.scenario)
            if told is not None:
                return Searched(self._portable, explored, steps=told.steps, results=told.results)
            if explored.witness.is_sound:
                return Searched(self._portable, explored)
            explored = replace(explored, witness=None, seen=0, once=True, leaks=True)
        if not explored.once or self.is_in_process or race.is_atomic:
            return Searched(self._portable, explored)
        afresh = race.explored_afresh(_AFRESH_PART * budget)
        if explored.leaks or afresh.witness is not None:  # what was seen in one process is no effect of a race
            explored = replace(afresh, once=True, leaks=explored.leaks)
        told = None if afresh.witness is None else race.story_of(afresh.witness, None)
        steps = () if told is None else told.steps
        return Searched(self._portable, explored, afresh=afresh, steps=steps, remarks=(_afresh_remark(afresh),))

    @property
    def is_replay(self) -> bool:
        """Return whether only a schedule is run that a replay token says."""
        return bool(self._replay)

    def _replayed(self, replay: Token, question: OutcomeQuestion) -> Searched:
        """Run one schedule, in this process and without a limit of time, so that a debugger can be used in it."""
        race = _Side(self, self._experiment.race, question, portable=replay.portable)
        side = race.in_scenario(replay.scenario)
        written: list[Visit] = []
        with side.runs(math.inf) as runs:
            explorer = Explorer(lambda schedule: runs.run(schedule, written.append), actors=len(side.subject.actors))
            explored = explorer.one(replay.schedule)
            explored = replace(explored, scenario=replay.scenario, in_order=runs.in_order)
            results = runs.results
        if explored.witness is not None:
            witness = replace(explored.witness, preemptions=preemption_count(replay.schedule))
            explored = replace(explored, witness=witness)
        return Searched(replay.portable, explored, steps=tuple(story(written)), results=results, replayed=True)

    def _with_portable_grade(self, searched: Searched, question: OutcomeQuestion) -> Searched:
        race = _Side(self, self._experiment.race, question, portable=True)
        try:
            anywhere = self._anywhere(race)
        except Failed as failed:
            return replace(searched, remarks=(*searched.remarks, f"without a GIL: {failed.failure.text}"))
        return replace(searched, anywhere=anywhere)

    def _anywhere(self, side: _Side) -> Explored:
        """Return what schedules show that switch at any instruction."""
        return side.explored(_PORTABLE_PART * self._budget, stop_after=_ENOUGH_SEEN)

    def in_child(self, side: _Side, work: Callable[[Runs], T], seconds: float) -> T:
        """Run schedules of a side in a child, where there can be one.

        :raises EndedBySchedule: they failed.
        """
        timeout = min(self._timeout, _BROKEN_S) if side.subject.may_break else self._timeout

        def run() -> tuple[T]:
            with side.runs(timeout) as runs:
                return (work(runs),)

        def act() -> tuple[T] | Failure:
            return with_assertions(run, tuple if side.subject.may_break else self._failed_assertions)

        if self.is_in_process:
            result = act()
        else:
            forked = run_forked(act, deadline=seconds + timeout + GRACE_S)
            if not forked.returned or forked.value is None:
                raise Failed(child_failure(forked, side.position.where(side.subject)))
            result = forked.value
        if isinstance(result, Failure):
            raise Failed(result)
        return result[0]


class _Side:
    """The race or its control, and a question about it."""

    def __init__(
        self, search: ScheduleSearch, subject: Subject, question: OutcomeQuestion, *, portable: bool
    ) -> None:
        self.subject = subject if subject.operations else question.of(subject)
        self.position = SharedSchedule()
        self._search = search
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
                explored = replace(explorer.explore(end), in_order=runs.in_order, unordered=runs.unordered)
            remarks = _UNSCHEDULED if runs.started_threads else ()
            contended = explored.contended and self._question.end is DEADLOCK
            once = explored.once or runs.once
            return replace(explored, remarks=remarks, unseen=runs.unseen, contended=contended, once=once)

        return self._unless_crash_is_sought(lambda: self._search.in_child(self, explore, seconds))

    def explored_afresh(self, seconds: float) -> Explored:
        """Return what its schedules show where each is run in a process of its own."""

        def run(schedule: Schedule) -> Seen:
            return self._search.in_child(self, lambda runs: runs.run(schedule), seconds)

        explorer = Explorer(run, actors=len(self.subject.actors), most=ENOUGH, repeat=False)
        return self._unless_crash_is_sought(lambda: explorer.explore(clock() + seconds))

    def in_scenario(self, scenario: Scenario | None) -> _Side:
        """Return the same with one scenario of its operations."""
        if scenario is None:
            return self
        subject = replace(self.subject.scenario(scenario), operations=())
        return _Side(self._search, subject, self._question, portable=self._portable)

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
                shown_again, results = self._search.in_child(self, tell, 0.0)
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
            again = not self._search.is_in_process and failed.failure.kind != "hang"
            scenario = self.position.scenario
            steps = self.in_scenario(scenario).told(at).steps if again else ()
            raise EndedBySchedule(
                failed.failure, self.subject, at, steps, portable=self._portable, scenario=scenario
            ) from failed.__cause__


def _afresh_remark(afresh: Explored) -> str:
    return (
        "what the actors do for the first time in a process they do not do again, so "
        f"{counted(afresh.run, 'schedule')} had a process each"
    )


def _written(file: BinaryIO) -> Iterator[Visit]:
    with suppress(EOFError, pickle.UnpicklingError):  # the child ended in the middle of it
        while True:
            yield pickle.load(file)  # noqa: S301  (our own child's)
