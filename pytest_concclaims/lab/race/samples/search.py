"""Samples for a question: the race and its control in turns, each turn in a child forked for it, or in place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Union

from ....interpreter import gil_enabled
from ....machine import cgroup_quota, usable_cpus
from ...failure import Failed, Failure
from ...processes.forked import CAN_FORK, Forked, run_forked
from ..child_end import GRACE_S, child_failure, with_assertions
from ..experiment import RaceExperiment
from ..position import Part, Position, SharedPosition, at_work
from ..question import CRASH, OutcomeQuestion, Portable, portable
from .findings import Findings, Side
from .meetings import meetings_for
from .sampler import Sampler
from .stride import clock
from .tally import Sighting

_LOST = Portable("in a process that crashed")


class SampleSearch:
    """Samples an experiment for one question after the other.

    :param budget: seconds for each question.
    :param timeout: seconds that a stride may take before its actors count as hanging.
    :param in_process: whether to do without a child.
    :param failed_assertions: returns those of the claim that have failed in this process, in words.
    """

    def __init__(
        self,
        experiment: RaceExperiment,
        *,
        budget: float,
        timeout: float,
        in_process: bool,
        failed_assertions: Callable[[], Sequence[str]],
    ) -> None:
        self._experiment = experiment
        self._budget = budget
        self._timeout = timeout
        self._in_process = in_process or not CAN_FORK
        self._failed_assertions = failed_assertions
        #: Of the latest question.
        self.findings = Findings()

    def begin(self, question: OutcomeQuestion) -> None:
        """Forget what was found for another question, and choose the strategies for the present conditions."""
        experiment, quota = self._experiment, cgroup_quota()
        cores = usable_cpus() if quota is None else min(usable_cpus(), int(quota))
        self.findings = Findings(
            meetings_for(gil=gil_enabled(), cores=cores, actors=len(experiment.race.actors)),
            matched=experiment.matched,
            crash=question.end is CRASH,
            least_empty=question.least_empty,
            same_setup=experiment.control.setup is experiment.race.setup,
        )

    def ask(self, question: OutcomeQuestion, started: float, end: float) -> None:
        """Sample until a question is settled or time is up.

        :param started: the clock's time when it was asked.
        :param end: the clock's time when to stop.
        :raises Failed: what was to be sampled raised, hung, or ended the process.
        """
        while clock() < end and not self.findings.is_settled():
            side = self.findings.next()
            until = min(end, clock() + side.turn_s)
            if side is self.findings.race:
                side.turn_s *= 2
            elif self.findings.crash:
                side.length = 1  # all samples of the stride that crashes are taken to have overlapped
            self._take_turn(side, question, started, until)

    def look(self, question: OutcomeQuestion, started: float, end: float, *, most: int) -> None:
        """Sample the race alone for a short time.

        :param started: the clock's time when this begins.
        :param most: samples that are enough, whatever they show.
        :raises Failed: what was to be sampled raised, hung, or ended the process.
        """
        self._take_turn(self.findings.race, question, started, end, most)

    def _take_turn(
        self, side: Side, question: OutcomeQuestion, started: float, end: float, most: float = math.inf
    ) -> None:
        def sample(begin: Callable[[int, int, Part], None]) -> Findings:
            sampler = Sampler(self._experiment, self.findings, side, question, timeout=self._timeout, begin=begin)
            sampler.sample(started, end, most=most)
            return self.findings

        if self._in_process:
            sample(lambda *_: None)
            return
        of_control, total = side is self.findings.control, side.tally.total
        with SharedPosition() as shared:

            def begin(strategy: int, length: int, part: Part) -> None:
                shared.write(Position(of_control, strategy, part, length, total.samples, total.overlapping))

            def work() -> _Report:
                return with_assertions(lambda: sample(begin), self._failed_assertions)

            forked = run_forked(work, deadline=end - clock() + self._timeout + GRACE_S)
            at = shared.read()
        if isinstance(forked.value, Failure):
            raise Failed(forked.value)
        if forked.value is not None:
            self.findings = forked.value
        else:
            self._count_crash(side, at, self._failure(forked, at), clock() - started)

    def _failure(self, forked: Forked[_Report], at: Position) -> Failure:
        """Return what it means that a child did not return."""
        subject = self._experiment.control if at.of_control else self._experiment.race
        strategy = self.findings.strategies[at.strategy].value
        did = f"{at_work(subject, at.part)}; {strategy}; after {at.samples:,} samples"
        return child_failure(forked, f"while the {subject.name} ran ({did})")

    def _count_crash(self, side: Side, at: Position, failure: Failure, seconds: float) -> None:
        """Count the samples of a child that crashed: all that is known is how many there were.

        In the stride that crashed, all of the control's may have overlapped: it must not seem to crash more often
        than it does.

        :raises Failed: a crash is not sought, or it was no actor's.
        """
        if not (self.findings.crash and failure.kind == "crash" and at.part is Part.ACTORS):
            raise Failed(failure)
        tally = side.tally
        samples, overlapping = at.samples - tally.total.samples, at.overlapping - tally.total.overlapping
        if at.of_control:
            samples, overlapping = samples + at.length - 1, overlapping + at.length - 1
        tally.turns += 1
        tally.strides += 1
        if samples > 0:
            tally.count(_LOST, max(0, overlapping), samples)
        crash = portable(CRASH)
        tally.count(crash, 1)
        tally.seen.add(1, 1)
        meeting = self.findings.strategies[at.strategy]
        tally.witness = tally.witness or Sighting.at(
            str(crash), meeting, seconds, tally.total.samples, overlapping=True
        )


#: What a child returns: a failure, or all findings so far.
_Report = Union[Failure, Findings]
