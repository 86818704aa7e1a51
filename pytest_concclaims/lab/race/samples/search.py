"""The samples of a question: the race and its control in turns, each turn in a forked child or in this process."""

from __future__ import annotations

import math

from ....interpreter import gil_enabled
from ....machine import cgroup_quota, usable_cpus
from ...failure import Failed, Failure
from ..conditions import Conditions
from ..experiment import RaceExperiment
from ..position import AtStride, Part, Position, at_work
from ..question import CRASH, Broken, OutcomeQuestion, Portable, of_control, portable
from .findings import Findings, Side
from .sampler import Sampler
from .strategies import Strategy, strategies_for
from .stride import clock
from .tally import Sighting

#: Stands for the outcomes of earlier samples in a child that did not return.
_LOST = Portable("lost when the process ended")


class SampleSearch:
    """Samples an experiment for one question after the other."""

    def __init__(self, experiment: RaceExperiment, conditions: Conditions) -> None:
        self._experiment = experiment
        self._conditions = conditions
        #: For the latest question.
        self.findings = Findings()

    def begin(self) -> None:
        """Forget the findings of the question before, and choose the strategies for the present conditions."""
        quota = cgroup_quota()
        cores = usable_cpus() if quota is None else min(usable_cpus(), int(quota))
        race = self._experiment.race
        strategies = (
            (Strategy.PROCESSES,)
            if race.in_processes
            else strategies_for(gil=gil_enabled(), cores=cores, actors=len(race.actors))
        )
        self.findings = Findings(strategies, budget=self._conditions.budget)

    def ask(self, question: OutcomeQuestion, experiment: RaceExperiment, started: float, end: float) -> None:
        """Sample until a question is settled or time is up.

        :param experiment: the same race, with the control for the question.
        :param started: the clock's time at which the question was asked.
        :param end: the clock's time at which to stop.
        :raises Failed: the code of the race raised, hung, or ended the process.
        """
        self._experiment = experiment
        findings = self.findings
        findings.matched, findings.crash = experiment.matched, question.end is CRASH
        findings.crash_parts = question.crash_parts
        findings.least_empty = question.least_empty
        findings.same_setup = experiment.control.setup is experiment.race.setup
        while clock() < end and not self.findings.is_settled():
            side, begun = self.findings.next(), clock()
            of_race, until = side is self.findings.race, min(end, begun + side.turn_s)
            side.turn_s *= 2
            if self.findings.crash and not of_race:
                side.lengths.clear()  # all samples of a stride that crashes count as overlapping
            self._take_turn(side, question, started, until)
            after = self.findings.race if of_race else self.findings.control
            after.seconds += clock() - begun

    def look(self, question: OutcomeQuestion, started: float, end: float, *, enough: int) -> None:
        """Sample the race alone for a short time.

        :param started: the clock's time at which this begins.
        :param end: the clock's time at which to stop.
        :param enough: the number of overlapping samples after which to stop.
        :raises Failed: the code of the race raised, hung, or ended the process.
        """
        self.findings.crash_parts = question.crash_parts
        self._take_turn(self.findings.race, question, started, end, enough)

    def _take_turn(
        self, side: Side, question: OutcomeQuestion, started: float, end: float, enough: float = math.inf
    ) -> None:
        experiment, scenario = self._experiment.at_random()
        total, strategies = side.tally.total, self.findings.strategies
        of_race = side is self.findings.race
        asked = question if of_race else of_control(question, matched=experiment.matched)
        subject = asked.of(experiment.race if of_race else experiment.control)
        position = Position(AtStride(0, 0, 0, 0))

        def begin(strategy: int, length: int, part: Part) -> None:
            if part is Part.SETUP:
                position.begin(AtStride(strategy, length, total.samples, total.overlapping))
            else:
                position.enter(part)

        def sample() -> Findings:
            timeout = self._conditions.timeout_of(subject)
            failed_assertions = self._conditions.assertions_of(subject)
            sampler = Sampler(
                subject,
                asked,
                self.findings,
                side,
                timeout=timeout,
                begin=begin,
                failed_assertions=failed_assertions,
            )
            sampler.sample(started, end, enough=enough)
            return self.findings

        def where() -> str:
            at, part = position.read()
            did = f"{at_work(subject, part)}; {strategies[at.strategy].value}; after {at.samples:,} samples"
            return f"while the {subject.name} ran ({did})"

        try:
            self.findings = self._conditions.in_child(sample, subject, end - clock(), where, position.begun)
            self.findings.scenario = scenario
        except Failed as failed:
            if self._conditions.in_process:
                raise
            self._count_end(side, *position.read(), failed.failure, clock() - started)
            self.findings.scenario = scenario

    def _count_end(self, side: Side, at: AtStride, part: Part, failure: Failure, seconds: float) -> None:
        """Count the samples of a child that did not return; only their numbers are known.

        In its last stride, all samples of the control count as overlapping, so that its rate of such ends is not
        overestimated.

        :raises Failed: such an end is not sought, or no actor was running.
        """
        is_crash, tally, of_control = failure.kind == "crash", side.tally, side is self.findings.control
        is_broken = of_control and self._experiment.control.may_break and failure.kind in ("crash", "hang")
        is_sought = is_crash and part in self.findings.crash_parts
        if not (is_sought or (is_broken and part is Part.ACTORS)):
            raise Failed(failure)
        end = portable(CRASH if is_crash else Broken("a hang"))
        samples, overlapping = at.samples - tally.total.samples, at.overlapping - tally.total.overlapping
        if of_control:
            samples, overlapping = samples + at.length - 1, overlapping + at.length - 1
        tally.turns += 1
        tally.strides += 1
        if samples > 0:
            tally.count(_LOST, max(0, overlapping), samples)
        tally.count(end, 1)
        tally.seen.add(1, 1)
        strategy, number = self.findings.strategies[at.strategy], tally.total.samples
        tally.witness = tally.witness or Sighting.at(str(end), strategy, seconds, number, overlapping=True)
