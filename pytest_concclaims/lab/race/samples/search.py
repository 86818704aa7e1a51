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
from ..question import CRASH, Broken, OutcomeQuestion, Portable, portable
from .findings import Findings, Side
from .meetings import Meeting, meetings_for
from .sampler import Sampler
from .stride import clock
from .tally import Sighting

#: Seconds after which actors without their locks count as hanging.
_BROKEN_S = 1.0
_LOST = Portable("in a process that came to no end")


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

    def begin(self) -> None:
        """Forget what was found for another question, and choose the strategies for the present conditions."""
        quota = cgroup_quota()
        cores = usable_cpus() if quota is None else min(usable_cpus(), int(quota))
        race = self._experiment.race
        meetings = (
            (Meeting.PROCESSES,)
            if race.in_processes
            else meetings_for(gil=gil_enabled(), cores=cores, actors=len(race.actors))
        )
        self.findings = Findings(meetings, budget=self._budget)

    def ask(self, question: OutcomeQuestion, experiment: RaceExperiment, started: float, end: float) -> None:
        """Sample until a question is settled or time is up.

        :param experiment: the same race, with the control for the question.
        :param started: the clock's time when it was asked.
        :param end: the clock's time when to stop.
        :raises Failed: what was to be sampled raised, hung, or ended the process.
        """
        self._experiment = experiment
        findings = self.findings
        findings.matched, findings.crash = experiment.matched, question.end is CRASH
        findings.least_empty = question.least_empty
        findings.same_setup = experiment.control.setup is experiment.race.setup
        while clock() < end and not self.findings.is_settled():
            side, begun = self.findings.next(), clock()
            of_race, until = side is self.findings.race, min(end, begun + side.turn_s)
            side.turn_s *= 2
            if self.findings.crash and not of_race:
                side.length = 1  # all samples of the stride that crashes are taken to have overlapped
            self._take_turn(side, question, started, until)
            after = self.findings.race if of_race else self.findings.control
            after.seconds += clock() - begun

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
        experiment, scenario = self._experiment.at_random()
        of_control, total = side is self.findings.control, side.tally.total
        may_break = of_control and experiment.control.may_break
        timeout = min(self._timeout, _BROKEN_S) if may_break else self._timeout
        failed_assertions = tuple if may_break else self._failed_assertions

        def sample(begin: Callable[[int, int, Part], None]) -> Findings:
            sampler = Sampler(
                experiment,
                self.findings,
                side,
                question,
                timeout=timeout,
                begin=begin,
                failed_assertions=failed_assertions,
            )
            sampler.sample(started, end, most=most)
            return self.findings

        if self._in_process:
            sample(lambda *_: None)
            self.findings.scenario = scenario
            return
        with SharedPosition() as shared:

            def begin(strategy: int, length: int, part: Part) -> None:
                shared.write(Position(of_control, strategy, part, length, total.samples, total.overlapping))

            def work() -> _Report:
                return with_assertions(lambda: sample(begin), failed_assertions)

            forked = run_forked(work, deadline=end - clock() + timeout + GRACE_S)
            at = shared.read()
        if isinstance(forked.value, Findings):
            self.findings = forked.value
            self.findings.scenario = scenario
            return
        failure = self._failure(forked, at) if forked.value is None else forked.value
        self._count_end(side, at, failure, clock() - started)

    def _failure(self, forked: Forked[_Report], at: Position) -> Failure:
        """Return what it means that a child did not return."""
        subject = self._experiment.control if at.of_control else self._experiment.race
        strategy = self.findings.strategies[at.strategy].value
        did = f"{at_work(subject, at.part)}; {strategy}; after {at.samples:,} samples"
        return child_failure(forked, f"while the {subject.name} ran ({did})")

    def _count_end(self, side: Side, at: Position, failure: Failure, seconds: float) -> None:
        """Count the samples of a child that did not return: all that is known is how many there were.

        In its last stride, all of the control's may have overlapped: it must not seem to end so more often than it
        does.

        :raises Failed: such an end is not sought, or it was no actor's.
        """
        is_crash, tally = failure.kind == "crash", side.tally
        is_broken = at.of_control and self._experiment.control.may_break and failure.kind in ("crash", "hang")
        if not (is_broken or (self.findings.crash and is_crash)) or at.part is not Part.ACTORS:
            raise Failed(failure)
        end = portable(CRASH if is_crash else Broken("a hang"))
        samples, overlapping = at.samples - tally.total.samples, at.overlapping - tally.total.overlapping
        if at.of_control:
            samples, overlapping = samples + at.length - 1, overlapping + at.length - 1
        tally.turns += 1
        tally.strides += 1
        if samples > 0:
            tally.count(_LOST, max(0, overlapping), samples)
        tally.count(end, 1)
        tally.seen.add(1, 1)
        meeting, number = self.findings.strategies[at.strategy], tally.total.samples
        tally.witness = tally.witness or Sighting.at(str(end), meeting, seconds, number, overlapping=True)


#: What a child returns: a failure, or all findings so far.
_Report = Union[Failure, Findings]
