"""Samples for a question: the race and its control in turns, each turn in a child forked for it, or in place."""

from __future__ import annotations

import math

from ....interpreter import gil_enabled
from ....machine import cgroup_quota, usable_cpus
from ...failure import Failed, Failure
from ..conditions import Conditions
from ..experiment import RaceExperiment
from ..position import AtStride, Part, Shared, at_work
from ..question import CRASH, Broken, OutcomeQuestion, Portable, of_control, portable
from .findings import Findings, Side
from .meetings import Meeting, meetings_for
from .sampler import Sampler
from .stride import clock
from .tally import Sighting

_LOST = Portable("in a process that came to no end")


class SampleSearch:
    """Samples an experiment for one question after the other."""

    def __init__(self, experiment: RaceExperiment, conditions: Conditions) -> None:
        self._experiment = experiment
        self._conditions = conditions
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
        self.findings = Findings(meetings, budget=self._conditions.budget)

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
        total, strategies = side.tally.total, self.findings.strategies
        of_race = side is self.findings.race
        asked = question if of_race else of_control(question, matched=experiment.matched)
        subject = asked.of(experiment.race if of_race else experiment.control)
        position = Shared(AtStride(0, Part.SETUP, 0, 0, 0))

        def begin(strategy: int, length: int, part: Part) -> None:
            position.write(AtStride(strategy, part, length, total.samples, total.overlapping))

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
            sampler.sample(started, end, most=most)
            return self.findings

        def where() -> str:
            at = position.read()
            did = f"{at_work(subject, at.part)}; {strategies[at.strategy].value}; after {at.samples:,} samples"
            return f"while the {subject.name} ran ({did})"

        try:
            self.findings = self._conditions.in_child(sample, subject, end - clock(), where)
            self.findings.scenario = scenario
        except Failed as failed:
            if self._conditions.in_process:
                raise
            self._count_end(side, position.read(), failed.failure, clock() - started)

    def _count_end(self, side: Side, at: AtStride, failure: Failure, seconds: float) -> None:
        """Count the samples of a child that did not return: all that is known is how many there were.

        In its last stride, all of the control's may have overlapped: it must not seem to end so more often than it
        does.

        :raises Failed: such an end is not sought, or it was no actor's.
        """
        is_crash, tally, of_control = failure.kind == "crash", side.tally, side is self.findings.control
        is_broken = of_control and self._experiment.control.may_break and failure.kind in ("crash", "hang")
        if not (is_broken or (self.findings.crash and is_crash)) or at.part is not Part.ACTORS:
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
        meeting, number = self.findings.strategies[at.strategy], tally.total.samples
        tally.witness = tally.witness or Sighting.at(str(end), meeting, seconds, number, overlapping=True)
