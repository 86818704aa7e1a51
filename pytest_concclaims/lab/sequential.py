"""A sequential test of the median of samples that vary.

A sample compares two things that were measured one right after the other, in random order. So a slow phase of the
machine slows both, and an effect of the position favours neither: with a fixed order, a 5 % effect of the position is
"found" every time. The sources of the test are in :mod:`pytest_concclaims.statistics`.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..statistics import median_range, settles
from ..text import counted
from .measurement import Reading, Settled, ThresholdQuestion, clock

T = TypeVar("T")

#: The probability that the answer to a question is wrong, for any number of samples.
ERROR = 1e-3


@dataclass(frozen=True)
class Sample:
    """A sample: an estimate, and bounds that hold for sure.

    :param value: the estimate.
    :param low: the lower bound; ``high`` is the upper bound.
    """

    value: float
    low: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Sample:
        """Return a sample whose bounds are its value."""
        return cls(value, value, value)


def beside(samples: Sequence[Sample], low: float, high: float) -> tuple[int, int]:
    """Return how many samples lie wholly above ``high``, and how many wholly below ``low``."""
    return sum(sample.low > high for sample in samples), sum(sample.high < low for sample in samples)


def side_of(above: int, below: int, size: int, error: float = ERROR) -> bool | None:
    """Return whether the median of the population lies above a dead zone (True) or below it (False).

    :param above: how many of ``size`` values lie above the dead zone. All others count against a median above it,
        those that are equal to its limit included.
    :param below: how many lie below it.
    :param error: the probability that an answer is wrong, if this is called after every value.
    :returns: None if neither is settled.
    """
    if settles(above, size - above, error):
        return True
    if settles(below, size - below, error):
        return False
    return None


def sample_until_settled(
    samples: list[Sample], draw: Callable[[], Sample], low: float, high: float, *, end: float, error: float = ERROR
) -> Settled:
    """Add samples until it is settled on which side of a dead zone their median lies, or until time is up.

    :param samples: those so far.
    :param draw: makes a sample.
    :param end: the time, by the clock of this module, after which no sample begins, except the very first one.
    """
    above, below = beside(samples, low, high)
    while True:
        side = side_of(above, below, len(samples), error)
        if side is not None:
            return Settled(side)
        if samples and clock() >= end:
            return Settled(None, unsettled(above, below, len(samples), f"{low:g}", f"{high:g}"))
        sample = draw()
        samples.append(sample)
        # Counting all of them again would take longer with each sample.
        above += sample.low > high
        below += sample.high < low


def unsettled(above: int, below: int, size: int, low: str, high: str, *, limit: str | None = None) -> str:
    """Return why samples do not settle a question, and what to do.

    :param above: how many of ``size`` lie above the dead zone.
    :param below: how many lie below it.
    :param low: the lower end of the dead zone, in words.
    :param high: the upper end.
    :param limit: why there were no more samples; None if the budget is spent.
    """
    agree = max(above, below)
    more = next(more for more in range(1, 1 << 20) if settles(agree + more, size - agree, ERROR))
    advice = f"the median may lie at {high}" if low == high else f"the median may lie between {low} and {high}"
    if agree > 0.8 * size:
        advice = f"{more:,} more that agree would settle it"
        if limit is None:
            advice += "; give a larger budget"
    sides = f"{above:,} lie above {high}, {below:,} below {low}"
    if size > above + below:
        sides += f", and {size - above - below:,} on neither side"
    return f"{limit or 'the budget is spent'}. Of {counted(size, 'sample')}, {sides}: {advice}"


def in_random_order(one: Callable[[], T], other: Callable[[], T], chance: random.Random) -> tuple[T, T]:
    """Call two functions in random order; return their values, that of ``one`` first."""
    if chance.random() < 0.5:
        first = one()
        return first, other()
    second = other()
    return one(), second


def reading_of(samples: Sequence[Sample], *, error: float = ERROR) -> Reading | None:
    """Return the median of the samples, and the range of medians that the test does not exclude; None of no samples.

    :param error: the probability that the range does not hold the median.
    """
    if not samples:
        return None
    low, _ = median_range([sample.low for sample in samples], error)
    _, high = median_range([sample.high for sample in samples], error)
    return Reading(statistics.median(sample.value for sample in samples), low, high, len(samples))


def tested(samples: Sequence[Sample], question: ThresholdQuestion) -> dict[str, Any]:
    """Return the fields of the evidence that only sequential tests have."""
    (low, _), (_, high) = question.cuts[0], question.cuts[-1]
    above, below = beside(samples, low, high)
    return {"above": above, "below": below, "error": ERROR}
