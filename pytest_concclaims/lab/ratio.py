"""The ratio instrument: how many times as long one function takes as another, from adjacent pairs."""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

from ..records.evidence import Evidence, RatioRun
from ..text import counted
from .callables import begin, failures_of, name_of
from .cpu_time import NEGLIGIBLE, CpuTime, Took, machine_waited
from .failure import Failure
from .measurement import Bench, Measurement, Reading, Settled, ThresholdQuestion, clock
from .sequential import Sample, in_random_order, reading_of, sample_until_settled, tested
from .tracing import is_traced, tracer_advice

#: Minimum of seconds for a sample of an arm; the clock's resolution and cost are small against it.
_LONG_ENOUGH_S = max(100e-6, 1000 * time.get_clock_info("perf_counter").resolution)
_MOST_CALLS = 1 << 20
#: Seconds that a sample may take so that both arms have the same number of calls.
_EVEN_UP_TO_S = 10 * _LONG_ENOUGH_S
#: Seconds that a pair takes with the longest pause before it.
_PAUSE_S = 0.02
#: The record has the times of the first samples, at most this number.
_KEPT = 1000


@dataclass
class Timing:
    """An arm.

    :param calls: of the function in each sample.
    :param seconds: for each sample, how long one call took.
    """

    name: str
    function: Callable[[], Any]
    calls: int = 0
    seconds: list[float] = field(default_factory=list)
    _enters: bool = False
    _takes: float = 0.0

    def prepare(self) -> None:
        """Call the function once without timing it, as a first call takes longer; then find the number of calls."""
        with failures_of(self.name), ExitStack() as stack:
            self._enters = begin(self.function, stack)
        calls = 1
        while not self._takes_long(calls) and calls < _MOST_CALLS:
            calls *= 2
        self.calls = calls

    def even(self, calls: int) -> None:
        """Use the other arm's number of calls, if that does not take too long.

        The clock's own cost is then the same part of both, so that equal arms measure equal.
        """
        if self._takes / self.calls * calls <= _EVEN_UP_TO_S:
            self.calls = calls

    def sample(self) -> Took:
        """Time one sample; return how long a call took."""
        took = self._timed(self.calls)
        return Took(took.seconds / self.calls, took.least / self.calls, took.least_of_all / self.calls)

    def to_json(self) -> dict[str, Any]:
        """Return the arm's part of the evidence, as JSON's types."""
        kept = [float(f"{taken:.4g}") for taken in self.seconds[:_KEPT]]
        median = statistics.median(self.seconds) if self.seconds else None
        return {"name": self.name, "calls": self.calls, "median": median, "seconds": kept}

    def _takes_long(self, calls: int) -> bool:
        """Return whether a number of calls takes long enough for the clock.

        It must do so twice in a row: a preemption makes short work seem long.
        """
        self._takes = math.inf
        for _ in range(2):
            self._takes = min(self._takes, self._timed(calls).seconds)
            if self._takes < _LONG_ENOUGH_S:
                return False
        return True

    def _timed(self, calls: int) -> Took:
        function = self.function
        with failures_of(self.name):
            stack = ExitStack()
            try:
                before = CpuTime.before()
                started = clock()
                if self._enters:
                    for _ in repeat(None, calls):
                        stack.enter_context(function())
                else:
                    for _ in repeat(None, calls):
                        function()
                seconds = clock() - started
                return Took.between(before, CpuTime.after(), seconds)
            finally:
                # Not by "with stack": an exception of one call must not be suppressed by a context of another.
                stack.close()


class Ratio(Measurement):
    """How many times as long A takes as B; made by :meth:`Lab.ratio`.

    The median of the pairs' ratios is compared with a number: "above 2" says that in most adjacent pairs, A took
    longer than 2 x B. It says nothing about the mean. A pair in which an arm waited for a CPU counts only if it lies
    on the same side of the number without that time.
    """

    def __init__(self, a: Callable[[], Any], b: Callable[[], Any], *, budget: float, bench: Bench) -> None:
        names = name_of(a), name_of(b)
        if names[0] == names[1]:
            names = f"{names[0]} (A)", f"{names[1]} (B)"
        super().__init__(
            f"lab.ratio({names[0]}, {names[1]})",
            f"{names[0]} against {names[1]}",
            budget=budget,
            bench=bench,
        )
        self.timings = Timing(names[0], a), Timing(names[1], b)
        self._pairs: list[tuple[Took, Took]] = []
        #: The pairs' ratios.
        self._samples: list[Sample] = []
        #: Whether threads or processes of an arm, other than the calling thread, may have waited for a CPU.
        self._crowded = False
        self._chance = random.Random()  # noqa: S311  (a coin for the order, and no secret)

    def _settle(self, low: float, high: float) -> Settled:
        if is_traced():
            slows = "a tracer, profiler or debugger is active, and may slow one arm more than the other"
            return Settled(None, f"{slows}; {tracer_advice()}")
        end = clock() + self._budget
        if not all(arm.calls for arm in self.timings):
            self._prepare()
        begun, before, known = clock(), machine_waited(), len(self._pairs)
        settled = sample_until_settled(self._samples, self._pair, low, high, end=end)
        if self._was_crowded(known, clock() - begun, before):
            self._crowded = True
            self._samples = [self._sample(*pair) for pair in self._pairs]
            settled = sample_until_settled(self._samples, self._pair, low, high, end=end)
        return settled if settled.lacking is None else replace(settled, lacking=self._with_waits(settled.lacking))

    def _was_crowded(self, known: int, seconds: float, before: float | None) -> bool:
        """Return whether other threads or processes of an arm may have waited for a CPU in the latest pairs.

        :param known: number of pairs before them.
        :param seconds: that they took.
        :param before: as of :func:`machine_waited`, before them.
        """
        if self._crowded or not any(took.shared for pair in self._pairs[known:] for took in pair):
            return False
        after = machine_waited()
        return before is not None and after is not None and after - before > NEGLIGIBLE * seconds

    def _with_waits(self, lacking: str) -> str:
        """Return why there is no answer, with waits for a CPU, if there were any."""
        if self._crowded:
            return (
                "this machine was busy. Threads or processes of an arm may have waited for a CPU, so the pairs are "
                f"uncertain, and {lacking}"
            )
        waited = sum(a.waited or b.waited for a, b in self._pairs)
        if not waited:
            return lacking
        pairs = counted(len(self._pairs), "pair")
        return f"{lacking}. An arm waited for a CPU in {waited:,} of {pairs}"

    def _prepare(self) -> None:
        for arm in self.timings:
            arm.prepare()
        most = max(arm.calls for arm in self.timings)
        for arm in self.timings:
            arm.even(most)

    def _pair(self) -> Sample:
        a, b = self.timings
        # Without a pause, dozens of pairs of quick arms would fit into one phase of the machine or of the work.
        latest = sum(arm.calls * arm.seconds[-1] for arm in self.timings if arm.seconds)
        if latest < _PAUSE_S:
            time.sleep(self._chance.uniform(0.0, _PAUSE_S - latest))
        pair = in_random_order(a.sample, b.sample, self._chance)
        for arm, took in zip(self.timings, pair):
            arm.seconds.append(took.seconds)
        self._pairs.append(pair)
        return self._sample(*pair)

    def _sample(self, a: Took, b: Took) -> Sample:
        """Return a pair's ratio; its bounds are what it may have been if no arm had waited for a CPU."""
        least = [took.least_of_all if self._crowded else took.least for took in (a, b)]
        longest = max(b.seconds, sys.float_info.min)
        return Sample(a.seconds / longest, least[0] / longest, a.seconds / max(least[1], sys.float_info.min))

    def _reading(self) -> Reading | None:
        return reading_of(self._samples)

    def _instead(self) -> str:
        return "measure one against the other, and write lab.ratio(a, b) > 1"

    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        common = self._common(question, answer, lacking, failure)
        return RatioRun(**common, **tested(self._samples, question), arms=[arm.to_json() for arm in self.timings])
