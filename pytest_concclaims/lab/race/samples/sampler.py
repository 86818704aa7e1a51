"""Sampling a race until a question is settled, or time is up."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from ...failure import Failed, Failure, raised
from ...threads import ends_of_threads_heard
from ..experiment import RaceExperiment
from ..findings import STRIDE_S, RaceFindings, Side
from ..outcome import close_unawaited
from ..position import Part
from ..progress import OpenQuestion, Progress, Search
from ..question import OutcomeQuestion
from ..tally import Count, sighting
from .actor_threads import ActorThreads
from .meetings import SWITCH_INTERVAL_S, meet
from .sharing import Watch, shared
from .stride import PART_TIMEOUT_S, Outcomes, Stride, clock, make_states

#: States that are kept: the next one is none of them.
_LATEST = 16

#: Is called before each part of a stride: with the side, the number of the strategy, the stride's length, the part.
Begin = Callable[[Side, int, int, Part], None]


class Sampler:
    """Samples a race and its control in turns.

    :param findings: are added to.
    :param timeout: seconds that a stride may take before its actors count as hanging.
    """

    def __init__(self, experiment: RaceExperiment, findings: RaceFindings, *, timeout: float, begin: Begin) -> None:
        self._matched = experiment.matched
        self._findings = findings
        self._timeout = timeout
        self._begin = begin
        #: For each subject, by name: the latest states, as far as they are compared with others.
        self._latest: dict[str, deque[object]] = {}

    def sample(
        self,
        question: OutcomeQuestion,
        started: float,
        end: float,
        *,
        only: Side | None = None,
        most: float = math.inf,
    ) -> Progress:
        """Sample until the question is settled, or time is up.

        :param started: the clock's time when it was asked.
        :param end: the clock's time when to stop.
        :param only: the one side that is sampled; None: both, in turns.
        :param most: samples of the race that are enough, whatever they show.
        :raises Failed: what was to be sampled failed.
        """
        total = self._findings.race.tally.total
        asked = OpenQuestion(question, self._findings, matched=self._matched)
        begun = clock()
        died: list[Failure] = []  # threads that actors have started, perhaps
        earlier_threads = frozenset(threading.enumerate())

        def note(name: str, thread: threading.Thread | None, error: BaseException) -> bool:
            if thread in earlier_threads:
                return False
            died.append(raised(name, error))
            return True

        threads = ActorThreads(self._findings.race.subject.names(), timeout=self._timeout)
        try:
            try:
                threads.start()
                with _fast_switches(), ends_of_threads_heard(note):
                    while not asked.is_settled() and clock() < end and total.samples < most:
                        self._stride(threads, asked.next(only), started, end)
                        if died:
                            raise Failed(died[0])
            finally:
                threads.close()
        except BaseException:
            threads.close()  # again, as an interrupt may have come when the first time had not begun
            raise
        finally:
            self._findings.seconds += clock() - begun
        return asked.progress()

    def _stride(self, threads: ActorThreads, search: Search, started: float, end: float) -> None:
        side = search.side
        tally, before = side.tally, side.tally.total.samples
        index = tally.turns % len(self._findings.strategies)
        meeting = self._findings.strategies[index]
        seen = self._seen(threads, side, index, end)
        side.samples_by_strategy.setdefault(meeting, Count()).add(len(seen.found), sum(seen.overlapping))
        seconds = clock() - started
        if search.add(tally.add(seen, meeting, seconds)):
            index = next(index for index, outcome in enumerate(seen.found) if search.is_sought(outcome))
            search.witness = seen.found[index], sighting(seen, index, before, meeting, seconds)

    def _seen(self, threads: ActorThreads, side: Side, index: int, end: float) -> Outcomes:
        """Return the outcomes of a stride: of a pool of states, or of states one at a time."""
        if self._findings.are_pooled(side):
            cpu = time.process_time()
            seen = self._sampled(threads, side, index, side.length, end)
            side.learn_length(time.process_time() - cpu)
            return seen
        seen, until = Outcomes([], []), min(end, clock() + STRIDE_S)
        while True:
            one = self._sampled(threads, side, index, 1, end)
            seen = Outcomes([*seen.found, *one.found], [*seen.overlapping, *one.overlapping])
            if clock() >= until:
                return seen

    def _sampled(self, threads: ActorThreads, side: Side, index: int, length: int, end: float) -> Outcomes:
        """Return the outcomes of a pool, whose states are gone then: their finalizers may take time."""
        subject = side.subject
        begin = partial(self._begin, side, index, length)
        begin(Part.SETUP)
        begun, latest = clock(), self._latest.setdefault(subject.name, deque(maxlen=_LATEST))
        findings, watch = self._findings, None
        if latest and findings.is_watched and side is findings.race:
            watch = Watch((subject.setup, *subject.actors, subject.observe))
        states = make_states(subject.setup, length, latest)
        if watch is not None:
            findings.shares = watch.changed() or shared(latest[-1], states[0])
        findings.watched += side is findings.race
        latest.append(states[-1])
        stride = Stride(subject, states, max(begun, min(end, clock() + PART_TIMEOUT_S)))
        begin(Part.ACTORS)
        try:
            samples = meet(threads, stride, self._findings.strategies[index])
            begin(Part.OUTCOMES)
            return stride.outcomes(samples)
        finally:
            if stride.failure is not None:  # also where another actor hangs, as it waits for the one that failed
                raise Failed(stride.failure)
            close_unawaited(states)


@contextmanager
def _fast_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
