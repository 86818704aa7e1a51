"""The sampling of one side, the race or its control, during its turn."""

from __future__ import annotations

import gc
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from ....interpreter import CPYTHON, FREE_THREADED_BUILD, gil_enabled
from ...failure import Failed
from ...threads import ends_of_new_threads
from ..experiment import Subject
from ..isolation import Snapshots, reached_outside
from ..outcome import close_unawaited, role
from ..ownership import StateMaker
from ..position import Part
from ..question import Judge, OutcomeQuestion
from ..schedules.runs import sequential, undisturbed
from ..sharing import Snapshot, shared
from .actor_threads import ActorThreads
from .findings import STRIDE_S, Findings, Side
from .processes import meet_in_processes
from .strategies import SWITCH_INTERVAL_S, Strategy, meet
from .stride import PART_TIMEOUT_S, Outcomes, Stride, clock, make_states
from .tally import Count

#: Earlier states that are kept, to check that ``setup`` returns none of them again.
_LATEST = 16

#: Of this number of turns with one sample at a time, one is the second strategy's.
_TURNS_PER_LEAPFROG = 4
#: Whether the garbage collector can look at new objects only, which takes little time.
_COLLECTS_THE_YOUNG = CPYTHON and not FREE_THREADED_BUILD
#: Seconds between two collections where it cannot.
_COLLECTION_INTERVAL_S = 1.0

#: Is called before each part of a stride, with the number of the strategy, the length of the stride, and the part.
Begin = Callable[[int, int, Part], None]


class Sampler:
    """Samples one side of an experiment.

    :param question: that is asked of this side.
    :param findings: of both sides.
    :param side: the one to sample; the samples are added to it.
    :param timeout: seconds after which an actor that has not finished a stride hangs.
    :param begin: is called before each part of a stride.
    :param failed_assertions: returns texts of the claim's assertions that have failed in this process.
    """

    def __init__(
        self,
        subject: Subject,
        question: OutcomeQuestion,
        findings: Findings,
        side: Side,
        *,
        timeout: float,
        begin: Begin,
        failed_assertions: Callable[[], Sequence[str]],
    ) -> None:
        self._subject = subject
        self._question = question
        self._findings = findings
        self._side = side
        self._judge = Judge(self._question, may_break=self._subject.may_break)
        self._names = [role(self._subject, actor) for actor in range(len(self._subject.actors))]
        self._timeout = timeout
        self._begin = begin
        self._failed_assertions = failed_assertions
        self._snapshots = Snapshots(self._subject.setup)
        self._maker = StateMaker(subject)
        self._collected = clock()
        #: The latest states.
        self._latest: deque[object] = deque()
        #: The seconds that a stride took, at most.
        self._longest_s = 0.0

    def sample(self, started: float, end: float, *, enough: float = math.inf) -> None:
        """Sample until the side's turn is over.

        :param started: the clock's time at which the question was asked.
        :param end: the clock's time at which to stop.
        :param enough: the number of overlapping samples after which to stop.
        :raises Failed: the code of the race failed.
        """
        findings, side, begun = self._findings, self._side, clock()
        known = sequential(self._subject, self._question, timeout=self._timeout) if self._question.atomic else None
        if known is not None and known.lacking is not None:
            side.tally.turns += 1
            findings.unordered = known.lacking if side is findings.race else findings.unordered
            return
        self._judge = Judge(self._question, known, may_break=self._subject.may_break)
        end += clock() - begun  # the time for the orders does not count
        threads = ActorThreads(self._names, timeout=self._timeout)
        try:
            try:
                threads.start()
                with undisturbed(SWITCH_INTERVAL_S), ends_of_new_threads() as ends:
                    is_over = False  # at least one stride is made, however long the start took
                    while not is_over:
                        self._stride(threads, started, end)
                        if ends:
                            raise Failed(ends[0])
                        is_enough = findings.is_turn_over(side) or side.tally.total.overlapping >= enough
                        is_over = is_enough or clock() >= end
            finally:
                threads.close()
        except BaseException:
            threads.close()  # again, because an interrupt may have come just before the first time
            raise
        finally:
            findings.seconds += clock() - begun
            findings.gil = gil_enabled()
        if known is not None and side is findings.race and side.tally.seen.samples:
            again = sequential(
                self._subject, self._question, timeout=self._timeout, known=known, seconds=self._longest_s
            )
            if again.lacking is not None:  # the orders do not repeat, so the witness may be an outcome of one
                findings.unordered = again.lacking
                side.tally.seen, side.tally.witness = Count(), None

    def _stride(self, threads: ActorThreads, started: float, end: float) -> None:
        side, tally, strategies = self._side, self._side.tally, self._findings.strategies
        is_pooled = self._findings.are_pooled(side)
        # In a leapfrog of one sample, actors seldom overlap.
        turn = tally.turns if is_pooled else tally.turns % _TURNS_PER_LEAPFROG + 1 == _TURNS_PER_LEAPFROG
        index = turn % len(strategies)
        strategy, cpu = strategies[index], time.process_time()
        if is_pooled:
            seen = self._sampled(threads, index, side.length(strategy), end)
            tally.add(seen, self._judge, strategy, clock() - started)
            side.learn_length(strategy, time.process_time() - cpu)
        else:
            tally.add(self._one_at_a_time(threads, index, end), self._judge, strategy, clock() - started)

    def _one_at_a_time(self, threads: ActorThreads, index: int, end: float) -> Outcomes:
        """Return the outcomes of several strides of one sample each."""
        seen, until = Outcomes([], []), min(end, clock() + STRIDE_S)
        while True:
            one = self._sampled(threads, index, 1, end)
            seen = Outcomes([*seen.found, *one.found], [*seen.overlapping, *one.overlapping])
            if clock() >= until:
                return seen

    def _sampled(self, threads: ActorThreads, index: int, length: int, end: float) -> Outcomes:
        """Return the outcomes of one stride.

        Its states are freed before the next one, because finalizers may take time.
        """
        subject, latest, findings, before = self._subject, self._latest, self._findings, None
        self._drop_earlier()
        of_race = self._side is findings.race
        begin = partial(self._begin, index, length)
        begin(Part.SETUP)
        begun = clock()
        if latest and findings.needs_check and of_race:
            before = Snapshot(subject.functions)
        make = partial(make_states, subject.setup, length, latest)
        states = self._maker.several(make)
        if before is not None:
            findings.one_at_a_time = _phrase("setup changes", before.changed()) or (
                _phrase("processes may share", reached_outside(subject.functions, latest[-1], states[0]))
                if subject.in_processes
                else shared(latest[-1], states[0])
            )
        findings.checked += before is not None
        if findings.one_at_a_time is None:
            latest.append(states[-1])
        elif before is not None:  # actors may see that earlier states live: this is the last time that some do
            others = self._maker.several(partial(make_states, subject.setup, _LATEST, [*latest, *states]))
            close_unawaited([*states, *others])
            return Outcomes([], [])
        stride = Stride(subject, states, max(begun, min(end, clock() + PART_TIMEOUT_S)))
        begin(Part.ACTORS)
        try:
            samples = self._met(threads, stride, self._findings.strategies[index])
            begin(Part.OUTCOMES)
            findings.one_at_a_time = findings.one_at_a_time or _phrase("actors change", stride.side_effect)
            return stride.outcomes(samples)
        finally:
            self._longest_s = max(self._longest_s, clock() - begun)
            if stride.failure is not None:  # it is also why another actor hangs that waits for the one that failed
                raise Failed(stride.failure)
            close_unawaited(states)

    def _drop_earlier(self) -> None:
        """Drop states and garbage of earlier strides now: finalizers may change what actors see."""
        if self._findings.one_at_a_time is not None:
            self._latest.clear()
        elif len(self._latest) == _LATEST:
            self._latest.popleft()
        if _COLLECTS_THE_YOUNG:
            gc.collect(0)
        elif clock() > self._collected + _COLLECTION_INTERVAL_S:
            gc.collect()
            self._collected = clock()

    def _met(self, threads: ActorThreads, stride: Stride, strategy: Strategy) -> Sequence[int]:
        """Run a stride; return the samples that all actors have done."""
        if strategy is Strategy.PROCESSES:
            snapshots = self._snapshots if self._findings.one_at_a_time is None else None
            return meet_in_processes(stride, self._names, self._timeout, self._failed_assertions, snapshots)
        samples = meet(threads, stride, strategy)
        threads.settle()
        return samples


def _phrase(verb: str, thing: str | None) -> str | None:
    return None if thing is None else f"{verb} {thing}"
