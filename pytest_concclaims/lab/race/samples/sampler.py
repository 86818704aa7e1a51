"""Sampling a race until a question is settled, or time is up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from ...failure import Failed, Failure, raised
from ...threads import ends_of_threads_heard
from ..experiment import RaceExperiment
from ..findings import RaceFindings, Side
from ..position import Part
from ..power import APART
from ..progress import OpenQuestion, Progress, Search
from ..question import OutcomeQuestion
from ..tally import Count, sighting
from .actor_threads import ActorThreads
from .meetings import meet
from .strategy import Meeting, Strategy
from .stride import PART_TIMEOUT_S, Stride, clock, make_states

_ONE_BY_ONE = Strategy(Meeting.ONE_BY_ONE)

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
                with _switch_interval_restored(), ends_of_threads_heard(note):
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
        side, strategies = search.side, self._findings.strategies
        subject, tally = side.subject, side.tally
        # Each side uses all strategies in turns, and with each of them every actor leads in turns.
        cycle, index = divmod(tally.turns, len(strategies))
        strategy = strategies[index]
        length = side.next_length(strategy)
        if side is self._findings.control and self._control_is_to_be_apart():
            strategy, length = _ONE_BY_ONE, min(side.safe_length, APART)
        begin = partial(self._begin, side, index, length)
        begin(Part.SETUP)
        _apply(strategy)
        begun = clock()
        states = make_states(subject.setup, length, self._latest_states.get(subject.name))
        self._latest_states[subject.name] = states[-1]
        stride = Stride(subject, states, max(begun, min(end, clock() + PART_TIMEOUT_S)))
        begin(Part.ACTORS)
        try:
            samples = meet(threads, stride, strategy, leader=cycle % len(subject.actors))
        finally:
            if stride.failure is not None:  # also where another actor hangs, as it waits for the one that failed
                raise Failed(stride.failure)
        begin(Part.OUTCOMES)
        seen = stride.outcomes(samples)
        side.learn_length(strategy, len(states), clock() - begun)
        side.samples_by_strategy.setdefault(strategy, Count()).add(len(seen.found), sum(seen.overlapping))
        before, seconds = tally.total.samples, clock() - started
        if search.add(tally.add(seen, strategy, seconds)):
            index = next(index for index, outcome in enumerate(seen.found) if search.is_sought(outcome))
            search.witness = seen.found[index], sighting(seen, index, before, strategy, seconds)

    def _control_is_to_be_apart(self) -> bool:
        """Return whether to see what the control shows without a race: early, and seldom if it cannot be apart."""
        tally = self._findings.control.tally
        turn = tally.turns
        return self._matched and turn > 0 and turn & (turn + 1) == 0 and tally.total.apart < APART


def _apply(strategy: Strategy) -> None:
    if strategy.switch_interval is not None:
        sys.setswitchinterval(strategy.switch_interval)
    if strategy.jit is not None:
        import pypyjit  # type: ignore[import-not-found]  # PyPy only

        pypyjit.set_param("default" if strategy.jit else "off")


@contextmanager
def _switch_interval_restored() -> Iterator[None]:
    before = sys.getswitchinterval()
    try:
        yield
    finally:
        sys.setswitchinterval(before)
