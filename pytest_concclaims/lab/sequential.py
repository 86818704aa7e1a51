"""Measuring by samples of which each may say something else: the median of what they say, by a sequential test.

A sample compares two things that were looked at one right after the other, in an order drawn at random: what makes
the machine slow for a while then makes both slow, and what makes the second of two slower is as often against the one
as against the other (with a fixed order, a 5 % effect of the position is "found" every time).
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..statistics import median_range, settles
from .measurement import Reading, Settled, ThresholdQuestion, clock

T = TypeVar("T")

#: The probability that a question is ever answered wrongly, however many samples are looked at.
ERROR = 1e-3


@dataclass(frozen=True)
class Sample:
    """What a sample says.

    :param value: the best guess.
    :param low: it lies there at least, for sure, and at most at ``high``.
    """

    value: float
    low: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Sample:
        """Return a sample that leaves no doubt."""
        return cls(value, value, value)


def beside(samples: Sequence[Sample], low: float, high: float) -> tuple[int, int]:
    """Return how many samples lie above ``high`` for sure, and how many below ``low``."""
    return sum(sample.low > high for sample in samples), sum(sample.high < low for sample in samples)


def side_of(above: int, below: int, size: int, error: float = ERROR) -> bool | None:
    """Return whether the median of what values are drawn from lies above a dead zone (True) or below (False).

    :param above: how many of ``size`` values lie above it; all others speak against a median there, those that are
        equal to a number as well: if half of them are, it is the median.
    :param error: the probability that this, asked after every value, ever says what is wrong.
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
    """Add samples to those that are there until it is settled on which side of a dead zone their median lies.

    :param draw: makes a sample.
    :param end: the time, by the clock of this module, after which no sample begins; there is one in any case.
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
        # Counted on, and not anew, which would take longer and longer and leave less and less time for samples.
        above += sample.low > high
        below += sample.high < low


def unsettled(above: int, below: int, size: int, low: str, high: str, *, limit: str | None = None) -> str:
    """Return why samples do not settle a question.

    :param above: how many of ``size`` lie above the dead zone.
    :param low: where that begins, for people.
    :param high: where it ends.
    :param limit: why there were no more samples; None: time was up.
    """
    agree = max(above, below)
    more = next(more for more in range(1, 1 << 20) if settles(agree + more, size - agree, ERROR))
    advice = f"the median may lie at {high}" if low == high else f"the median may lie between {low} and {high}"
    if agree > 0.8 * size:
        advice = f"{more:,} more that agree would" + (": give a larger budget" if limit is None else "")
    lower = "" if low == high else f" {low}"
    told = f"of {size:,} sample{'' if size == 1 else 's'} {above:,} lie above {high} and {below:,} below{lower}"
    if size > above + below:
        told += f", and {size - above - below:,} too near to tell"
    return f"{limit or 'when time is up'}, {told}, which does not settle it; {advice}"


def in_random_order(one: Callable[[], T], other: Callable[[], T], chance: random.Random) -> tuple[T, T]:
    """Call two functions one right after the other; return what they return, that of ``one`` first."""
    if chance.random() < 0.5:
        first = one()
        return first, other()
    second = other()
    return one(), second


def reading_of(samples: Sequence[Sample], *, error: float = ERROR) -> Reading | None:
    """Return the median, and the range of those that are not excluded; None of no samples."""
    if not samples:
        return None
    low, _ = median_range([sample.low for sample in samples], error)
    _, high = median_range([sample.high for sample in samples], error)
    return Reading(statistics.median(sample.value for sample in samples), low, high, len(samples))


def tested(samples: Sequence[Sample], question: ThresholdQuestion) -> dict[str, Any]:
    """Return the fields of the evidence that are those of a sequential test."""
    (low, _), (_, high) = question.cuts[0], question.cuts[-1]
    above, below = beside(samples, low, high)
    return {"above": above, "below": below, "error": ERROR}
