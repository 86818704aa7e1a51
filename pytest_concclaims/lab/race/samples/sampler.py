"""Sampling a race until a question is settled, or time is up."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from ...failure import Failed, Failure, raised
from ...threads import ends_of_threads_heard
from ..experiment import RaceExperiment
from ..findings import RaceFindings, Side
from ..position import Part
from ..progress import OpenQuestion, Progress, Search
from ..question import OutcomeQuestion
from ..tally import Count, sighting
from .actor_threads import ActorThreads
from .meetings import SWITCH_INTERVAL_S, meet
from .stride import PART_TIMEOUT_S, Outcomes, Stride, clock, make_states

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
        #: For each subject, by name: a state of its latest stride.
        self._latest_states: dict[str, object] = {}

    def sample(self, question: OutcomeQuestion, started: float, end: float, *, only: Side | None = None) -> Progress:
        """Sample until the question is settled, or time is up.

        :param started: the clock's time when it was asked.
        :param end: the clock's time when to stop.
        :param only: the one side that is sampled; None: both, in turns.
        :raises Failed: what was to be sampled failed.
        """
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
                    while not asked.is_settled() and clock() < end:
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
        """Return the outcomes of a stride, whose states are gone then: their finalizers may take time."""
        subject, length = side.subject, side.length
        begin = partial(self._begin, side, index, length)
        begin(Part.SETUP)
        begun, cpu = clock(), time.process_time()
        states = make_states(subject.setup, length, self._latest_states.get(subject.name))
        self._latest_states[subject.name] = states[-1]
        stride = Stride(subject, states, max(begun, min(end, clock() + PART_TIMEOUT_S)))
        begin(Part.ACTORS)
        try:
            samples = meet(threads, stride, self._findings.strategies[index])
        finally:
            if stride.failure is not None:  # also where another actor hangs, as it waits for the one that failed
                raise Failed(stride.failure)
        begin(Part.OUTCOMES)
        seen = stride.outcomes(samples)
        side.learn_length(len(states), time.process_time() - cpu)
        return seen


@contextmanager
def _fast_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
