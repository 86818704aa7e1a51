"""Questions to a race: schedules first, then samples, each in a child forked for it or in place."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Union

from ...interpreter import gil_enabled
from ...machine import cgroup_quota, usable_cpus
from .. import linux
from ..failure import Failed, Failure
from ..processes.forked import CAN_FORK, Forked, run_forked
from ..tracing import is_traced
from .child_end import GRACE_S, child_failure, with_assertions
from .experiment import RaceExperiment
from .findings import RaceFindings, Side
from .position import Part, Position, SharedPosition, at_work
from .power import Absence
from .progress import Progress
from .question import CRASH, DEADLOCK, OutcomeQuestion
from .samples.meetings import meetings_for
from .samples.sampler import Begin, Sampler
from .samples.stride import clock
from .schedules.replay import Token
from .schedules.search import ScheduleSearch, Searched
from .tally import Count, Sighting
from .transport import deserialized, serialized

#: Seconds of the first child that is watched for a crash; each of the race gets twice as much as the one before.
_FIRST_CRASH_WATCH_S = 0.1
#: Threads run freely after schedules have answered, as C code can let the GIL go: in this part of the budget, and at
#: most these seconds and these samples.
_LOOK_PART, _MOST_LOOK_S, _MOST_LOOK_SAMPLES = 0.1, 0.2, 2_000
_NOT_A_RACE = (
    "the control shows it also where its actors run one after the other: what it shows is not the effect of a race"
)
_TRACED = (
    "a tracer, profiler or debugger is active, which runs code of its own between the actors' instructions: what "
    "threads do that run freely is not what they do without it"
)
_LEAKS = (
    "actors leave behind in the process what changes the next run of them, and samples share a process; let setup "
    "undo it"
)
_INSIDE = "no schedule shows it: it comes about inside C code or a single instruction"

#: What a child returns: a failure, or findings and progress, serialized.
_Report = Union[Failure, bytes]


@dataclass(frozen=True)
class Result:
    """What a question has come to.

    :param searched: by schedules.
    :param progress: by samples; None where there were none.
    :param lacking: why there is no answer; None if there is.
    :param is_look: whether samples were only a short look, and no ground for the answer.
    :param remark: on the witness.
    """

    searched: Searched | None
    progress: Progress | None
    lacking: str | None
    is_look: bool = False
    remark: str | None = None

    @property
    def bound(self) -> float | None:
        """Return the rate of what was not seen in samples, at most; None where they are no ground for an answer."""
        if self.progress is None or self.lacking is not None or self.is_look or self.is_witnessed:
            return None
        return self.progress.absence.bound

    @property
    def is_witnessed(self) -> bool:
        """Return whether what is sought was seen."""
        by_schedule = self.searched is not None and self.searched.witness is not None
        return by_schedule or (self.progress is not None and self.progress.seen.samples > 0)


class Runner:
    """Runs an experiment for one question after the other.

    :param budget: seconds for each question.
    :param timeout: seconds that a stride may take before its actors count as hanging.
    :param in_process: whether to do without a child where there could be one.
    :param portable: whether schedules switch threads at any instruction.
    :param replay: tokens of schedules, of which one may be of this race.
    :param failed_assertions: returns those of the claim that have failed in this process, in words. A failure that
        is caught in a child would be lost with the child.
    """

    def __init__(
        self,
        experiment: RaceExperiment,
        *,
        budget: float,
        timeout: float,
        in_process: bool,
        portable: bool = False,
        replay: Sequence[Token] = (),
        failed_assertions: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.experiment = experiment
        self.budget = budget
        self.in_process = in_process or not CAN_FORK
        self.findings = RaceFindings.none_yet(experiment)
        #: How many schedules of the latest question had each outcome.
        self.in_schedules: Mapping[Hashable, int] = {}
        self.gil = gil_enabled()
        self._timeout = timeout
        self._failed_assertions = failed_assertions
        self._search = ScheduleSearch(
            experiment,
            budget=budget,
            timeout=timeout,
            in_process=in_process,
            portable=portable,
            replay=replay,
            failed_assertions=failed_assertions,
        )

    @property
    def is_replay(self) -> bool:
        """Return whether only a schedule is run that a replay token names."""
        return self._search.is_replay

    def ask(self, asked: OutcomeQuestion, alone: Callable[[], AbstractContextManager[None]]) -> Result:
        """Look for what a question seeks, by schedules and, where these do not suffice, by samples.

        :param alone: gives the machine to samples.
        :raises Failed: what was to be run raised, hung, or ended the process.
        """
        if asked.end is CRASH and self.in_process:
            return Result(None, None, _NO_CHILD)
        started, gil = clock(), gil_enabled()
        linux.load()
        searched = self._search.ask(asked)
        self.in_schedules = {} if searched.race is None else searched.race.outcomes
        result = self._with_samples(asked, searched, started, alone)
        after = gil_enabled() if result.progress is None else result.progress.gil
        return result if after is gil else replace(result, lacking=_gil_changed(gil, after))

    def _with_samples(
        self,
        asked: OutcomeQuestion,
        searched: Searched,
        started: float,
        alone: Callable[[], AbstractContextManager[None]],
    ) -> Result:
        lacking = searched.lacking()
        if searched.witness is not None or searched.replayed or asked.end is DEADLOCK:
            return Result(searched, None, lacking)
        if (
            searched.control is not None
            and searched.control.in_order
            and not (searched.race is not None and searched.race.exhausted)
        ):
            return Result(searched, None, _NOT_A_RACE)
        if searched.race is not None and searched.race.leaks:
            return Result(searched, None, lacking or (None if gil_enabled() else _LEAKS))
        if searched.race is not None and searched.race.once and lacking is not None:
            return Result(searched, None, lacking)  # samples share a process, and have one chance in all of them
        suffices = lacking is None and gil_enabled()
        if is_traced():
            return Result(searched, None, None if suffices else _TRACED)
        with nullcontext() if suffices else alone():  # a short look asks for no power, and so for no quiet machine
            now = clock()
            look_s = min(_LOOK_PART * self.budget, _MOST_LOOK_S)
            end = now + look_s if suffices else max(now, started + self.budget)
            most = self.findings.race.tally.total.samples + _MOST_LOOK_SAMPLES if suffices else math.inf
            progress = (
                self.until_crash(now, end) if asked.end is CRASH else self.until_settled(asked, now, end, most=most)
            )
        if progress.seen.samples:
            return Result(searched, progress, None, remark=_INSIDE if lacking is None else None)
        if suffices:
            return Result(searched, progress, progress.impossible, is_look=True)
        both = "; and of samples: ".join(filter(None, (lacking, progress.lacking)))
        return Result(searched, progress, both if progress.lacking is not None else None)

    def until_settled(
        self, asked: OutcomeQuestion, started: float, end: float, *, most: float = math.inf
    ) -> Progress:
        """Sample until a question is settled or time is up.

        :param most: samples of the race that are enough, whatever they show.
        :raises Failed: what was to be sampled raised, hung, or ended the process.
        """
        self._prepare()
        if self.in_process:
            return self._sampler(lambda *_: None).sample(asked, started, end, most=most)
        with SharedPosition() as position:
            forked = self._forked(position, asked, started, end, most=most)
            if not forked.returned:
                raise Failed(self._ended(forked, position.read()))
        return self._adopt(forked)

    def until_crash(self, started: float, end: float) -> Progress:
        """Sample until the process crashes, in one child after the other, the race and its control in turns.

        :raises Failed: what was to be sampled raised, hung, or ended the process in another way.
        """
        self._prepare()
        seconds = _FIRST_CRASH_WATCH_S
        in_vain = True  # whether the last child was the control's, and did not crash: then it is the race's turn
        matched = self.experiment.matched
        while clock() < end and not (matched and self._absence_of_crash().is_plenty()):
            findings = self.findings
            control_is_next = matched and not in_vain and self._absence_of_crash().control_is_behind()
            side = findings.control if control_is_next else findings.race
            with SharedPosition() as position:
                forked = self._forked(position, _NOTHING, started, min(end, clock() + seconds), only=side)
                at = position.read()
            if side is findings.race:
                seconds *= 2  # what takes its time in one process has to get it, too
            in_vain = side is findings.control and forked.returned
            if forked.returned:
                self._adopt(forked)
                continue
            failure = self._ended(forked, at)
            if failure.kind != "crash" or at.part is not Part.ACTORS:
                raise Failed(failure)
            self._count_crash(side, at)
            if side is findings.race:
                strategy = findings.strategies[at.strategy]
                witness = Sighting.at(strategy, clock() - started, at.samples + 1, overlapping=True)
                return Progress(Count(1, 1), witness, repr(CRASH), self._absence_of_crash(), None, None, self.gil)
        return self._no_crash(self._lacking_of_crash())

    # --- before

    def _prepare(self) -> None:
        """Choose the strategies for the present conditions; a free-threaded build's GIL can come back."""
        linux.load()
        gil = gil_enabled()
        if self.findings.strategies and gil == self.gil:
            return
        self.gil = gil
        quota = cgroup_quota()
        cores = usable_cpus() if quota is None else min(usable_cpus(), int(quota))
        strategies = meetings_for(gil=gil, cores=cores, actors=len(self.experiment.race.actors))
        # What was seen in another state of the GIL says nothing about this one.
        self.findings = RaceFindings.none_yet(self.experiment, strategies)

    # --- a child

    @property
    def _known(self) -> list[object]:
        """The things that a child knows as well, and that cannot be pickled."""
        return [self.experiment.race, self.experiment.control, *self.experiment.race.exceptions]

    def _forked(
        self,
        position: SharedPosition,
        asked: OutcomeQuestion,
        started: float,
        end: float,
        *,
        only: Side | None = None,
        most: float = math.inf,
    ) -> Forked[_Report]:
        known = self._known

        def begin(side: Side, strategy: int, length: int, part: Part) -> None:
            of_control, total = side is self.findings.control, side.tally.total
            position.write(Position(of_control, strategy, part, length, total.samples, total.overlapping))

        def work() -> _Report:
            progress = with_assertions(
                lambda: self._sampler(begin).sample(asked, started, end, only=only, most=most),
                self._failed_assertions,
            )
            if isinstance(progress, Failure):
                return progress
            return serialized((self.findings.portable(known), progress), known)

        return run_forked(work, deadline=self.budget + self._timeout + GRACE_S)

    def _sampler(self, begin: Begin) -> Sampler:
        return Sampler(self.experiment, self.findings, timeout=self._timeout, begin=begin)

    def _adopt(self, forked: Forked[_Report]) -> Progress:
        """Take over the findings of a child.

        :raises Failed: it was a failure.
        """
        report = forked.value
        if isinstance(report, Failure):
            raise Failed(report)
        assert report is not None, "the child has returned"
        progress: Progress
        self.findings, progress = deserialized(report, self._known)
        return progress

    def _ended(self, forked: Forked[_Report], at: Position) -> Failure:
        """Return what it means that a child did not return."""
        subject = self.experiment.control if at.of_control else self.experiment.race
        strategy = self.findings.strategies[at.strategy].value
        did = f"{at_work(subject, at.part)}; {strategy}; after {at.samples:,} samples"
        return child_failure(forked, f"while the {subject.name} ran ({did})")

    # --- crashes

    def _count_crash(self, side: Side, at: Position) -> None:
        """Add the samples of a child that crashed: all that is known is how many there were.

        In the stride that crashed, all of the control's may have overlapped: it must not seem to crash more often
        than it does.
        """
        tally = side.tally
        samples, overlapping = at.samples - tally.total.samples, at.overlapping - tally.total.overlapping
        if side is self.findings.control:
            samples, overlapping = samples + at.length - 1, overlapping + at.length - 1
        lost = Count(max(0, samples), max(0, overlapping))
        tally.turns += 1
        tally.strides += 1
        for name, count in (("in a process that crashed", lost), (repr(CRASH), Count(1, 1))):
            if count.samples:
                tally.forgotten.setdefault(name, Count()).add(count.samples, count.overlapping)
                tally.total.add(count.samples, count.overlapping)

    def _absence_of_crash(self) -> Absence:
        race, control = self.findings.race.tally, self.findings.control.tally
        seen = control.forgotten.get(repr(CRASH), Count())
        return Absence(
            overlapping=race.total.overlapping,
            strides=race.strides,
            control_overlapping=control.total.overlapping,
            control_seen=seen.overlapping,
        )

    def _lacking_of_crash(self) -> str | None:
        if not self.experiment.matched:
            return "a crash has no generic control: give the race one that crashes, lab.race(..., control=...)"
        return self._absence_of_crash().lacking()

    def _no_crash(self, lacking: str | None) -> Progress:
        return Progress(Count(), None, None, self._absence_of_crash(), None, lacking, self.gil)


#: What is asked of a child that is watched for a crash.
_NOTHING = OutcomeQuestion("ever", "nothing", lambda _: False)
_NO_CHILD = (
    "lab.CRASH can be seen only in a child forked for it: not under --claims-in-process, and not where there is no "
    "os.fork"
)


def _gil_changed(before: bool, after: bool) -> str:
    return (
        f"the GIL was {'on' if before else 'off'} when this was asked and {'on' if after else 'off'} at the end; "
        "import what brings it back before the race"
    )
