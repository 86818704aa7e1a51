"""Questions to a race, each in a child forked for it or in place; and the meaning of a crash there."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Union

from ...interpreter import gil_enabled
from ...machine import cgroup_quota, usable_cpus
from .. import linux
from ..callables import name_of
from ..failure import Failed, Failure
from ..processes.forked import CAN_FORK, Forked, run_forked
from .experiment import RaceExperiment, Subject
from .findings import RaceFindings, Side
from .position import Part, Position, SharedPosition
from .power import Absence
from .progress import Progress
from .question import CRASH, OutcomeQuestion
from .samples.meetings import meetings_for
from .samples.sampler import Begin, Sampler
from .samples.stride import clock
from .tally import Count, Sighting
from .transport import deserialized, serialized

#: Seconds that a forked child gets beyond the budget and the timeout, before it is killed.
_GRACE_S = 5.0
#: Seconds of the first child that is watched for a crash; each of the race gets twice as much as the one before.
_FIRST_CRASH_WATCH_S = 0.1
_CRASHES = frozenset(
    getattr(signal, name)
    for name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
    if hasattr(signal, name)
)

#: What a child returns: a failure, or findings and progress, serialized.
_Report = Union[Failure, bytes]


class Runner:
    """Runs an experiment for one question after the other.

    :param budget: seconds for each question.
    :param timeout: seconds that a stride may take before its actors count as hanging.
    :param in_process: whether to do without a child where there could be one.
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
        failed_assertions: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.experiment = experiment
        self.budget = budget
        self.in_process = in_process or not CAN_FORK
        self.findings = RaceFindings.none_yet(experiment)
        self.gil = gil_enabled()
        self._timeout = timeout
        self._failed_assertions = failed_assertions

    def until_settled(self, asked: OutcomeQuestion) -> Progress:
        """Sample until a question is settled or the budget is spent.

        :raises Failed: what was to be sampled raised, hung, or ended the process.
        """
        self._prepare()
        started = clock()
        end = started + self.budget
        if self.in_process:
            return self._sampler(lambda *_: None).sample(asked, started, end)
        with SharedPosition() as position:
            forked = self._forked(position, asked, started, end)
            if not forked.returned:
                raise Failed(self._ended(forked, position.read()))
        return self._adopt(forked)

    def until_crash(self) -> Progress:
        """Sample until the process crashes, in one child after the other, the race and its control in turns.

        :raises Failed: what was to be sampled raised, hung, or ended the process in another way.
        """
        if self.in_process:
            return self._no_crash(_NO_CHILD)
        self._prepare()
        started = clock()
        end = started + self.budget
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
                return Progress(Count(1, 1), witness, repr(CRASH), self._absence_of_crash(), None, self.gil)
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
    ) -> Forked[_Report]:
        known = self._known

        def begin(side: Side, strategy: int, length: int, part: Part) -> None:
            of_control, total = side is self.findings.control, side.tally.total
            position.write(Position(of_control, strategy, part, length, total.samples, total.overlapping))

        def work() -> _Report:
            before = len(self._failed_assertions())
            try:
                progress = self._sampler(begin).sample(asked, started, end, only=only)
            except Failed as failed:
                return failed.failure
            for text in self._failed_assertions()[before:]:
                what = f"an assertion failed in what the race runs, and the failure was caught: {text}"
                return Failure("raised", f"{what}; let it go", "")
            return serialized((self.findings.portable(known), progress), known)

        return run_forked(work, deadline=self.budget + self._timeout + _GRACE_S)

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
        where = (
            f"while the {subject.name} ran ({_at_work(subject, at.part)}; {strategy}; after {at.samples:,} samples)"
        )
        if forked.timed_out:
            return Failure("hang", f"nothing came back in time {where}", forked.stacks)
        if forked.signal is None and forked.exit_code is None:
            return Failure("ended", f"the process ended, and it is not known how (is SIGCHLD ignored?), {where}", "")
        if forked.signal is None:
            return Failure("ended", f"the process was left with exit status {forked.exit_code} {where}", "")
        kind = "crash" if forked.signal in _CRASHES else "ended"
        return Failure(kind, f"the process was ended by {_name(forked.signal)} {where}", forked.stacks)

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
        return Progress(Count(), None, None, self._absence_of_crash(), lacking, self.gil)


#: What is asked of a child that is watched for a crash.
_NOTHING = OutcomeQuestion("ever", "nothing", lambda _: False)
_NO_CHILD = (
    "lab.CRASH can be seen only in a child forked for it: not under --claims-in-process, and not where there is no "
    "os.fork"
)


def _at_work(subject: Subject, part: Part) -> str:
    if part is Part.SETUP:
        return f"setup: {name_of(subject.setup)}"
    if part is Part.OUTCOMES:
        return f"observe: {name_of(subject.observe)}, or the predicate" if subject.observe else "the predicate"
    return ", ".join(name_of(actor) for actor in subject.actors)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
