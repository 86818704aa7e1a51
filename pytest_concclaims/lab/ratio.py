"""The cost of one thing against another in time, from adjacent pairs."""

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

#: Seconds that a sample of an arm takes at least: as short as the clock's ticks and its own cost allow.
_LONG_ENOUGH_S = max(100e-6, 1000 * time.get_clock_info("perf_counter").resolution)
_MOST_CALLS = 1 << 20
#: Seconds that a sample may take for the sake of as many calls as the other arm's.
_EVEN_UP_TO_S = 10 * _LONG_ENOUGH_S
#: Seconds that a pair takes with the longest pause before it.
_PAUSE_S = 0.03
#: Of so many samples, the first, the record has the figures.
_KEPT = 1000


@dataclass
class Timing:
    """One of the two things whose cost is compared.

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
        """Call it once without looking, as what is done for the first time takes longer; find the number of calls."""
        with failures_of(self.name), ExitStack() as stack:
            self._enters = begin(self.function, stack)
        calls = 1
        while not self._takes_long(calls) and calls < _MOST_CALLS:
            calls *= 2
        self.calls = calls

    def even(self, calls: int) -> None:
        """Be called as often in each sample as the other arm is, if that takes no time that would be missed.

        The clock's own cost is then the same part of both, and equal arms are equal.
        """
        if self._takes / self.calls * calls <= _EVEN_UP_TO_S:
            self.calls = calls

    def sample(self) -> Took:
        """Return how long a call takes now."""
        took = self._timed(self.calls)
        return Took(took.seconds / self.calls, took.least / self.calls, took.least_of_all / self.calls)

    def to_json(self) -> dict[str, Any]:
        """Return what goes on record of it, as JSON's types."""
        kept = [float(f"{taken:.4g}") for taken in self.seconds[:_KEPT]]
        median = statistics.median(self.seconds) if self.seconds else None
        return {"name": self.name, "calls": self.calls, "median": median, "seconds": kept}

    def _takes_long(self, calls: int) -> bool:
        """Return whether so many calls are enough for the clock.

        Twice in a row, as whatever else the machine does for a moment makes short work look long.
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
                # Not as the end of a block: what one call raises is not for what another has entered to swallow.
                stack.close()


class Ratio(Measurement):
    """How many times as long A takes as B; made by :meth:`Lab.ratio`.

    What is compared with a number is the median of the pairs' ratios: "above 2" says that in most adjacent pairs A
    took longer than 2 x B. It says nothing about the mean. Where an arm waited for a CPU, a pair counts only if it
    says the same without that time.
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
        #: What they say.
        self._samples: list[Sample] = []
        #: Whether what took part in an arm, beside the thread that called it, may have waited for a CPU.
        self._crowded = False
        self._chance = random.Random()  # noqa: S311  (a coin for the order, and no secret)

    def _settle(self, low: float, high: float) -> Settled:
        if is_traced():
            slows = "a tracer, profiler or debugger is active, which slows one arm more than the other"
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
        """Return whether something that took part in an arm may have waited for a CPU, and that counts from now on.

        :param known: how many pairs there were before.
        :param seconds: that further ones took.
        :param before: what the machine had waited before them.
        """
        if self._crowded or not any(took.shared for pair in self._pairs[known:] for took in pair):
            return False
        after = machine_waited()
        return before is not None and after is not None and after - before > NEGLIGIBLE * seconds

    def _with_waits(self, lacking: str) -> str:
        """Return why there is no answer, with what was waited for."""
        if self._crowded:
            return f"threads or processes of an arm may have waited for a CPU, as the machine was busy; {lacking}"
        waited = sum(a.waited or b.waited for a, b in self._pairs)
        return f"an arm waited for a CPU in {counted(waited, 'pair')}; {lacking}" if waited else lacking

    def _prepare(self) -> None:
        for arm in self.timings:
            arm.prepare()
        most = max(arm.calls for arm in self.timings)
        for arm in self.timings:
            arm.even(most)

    def _pair(self) -> Sample:
        a, b = self.timings
        # Dozens of pairs of quick arms would fit into one moment of the machine, or one phase of the work. Others
        # take longer than that anyway.
        latest = sum(arm.calls * arm.seconds[-1] for arm in self.timings if arm.seconds)
        if latest < _PAUSE_S:
            time.sleep(self._chance.uniform(0.0, _PAUSE_S - latest))
        pair = in_random_order(a.sample, b.sample, self._chance)
        for arm, took in zip(self.timings, pair):
            arm.seconds.append(took.seconds)
        self._pairs.append(pair)
        return self._sample(*pair)

    def _sample(self, a: Took, b: Took) -> Sample:
        """Return what a pair says: the ratio, and what it may have been if no arm had waited for a CPU."""
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
