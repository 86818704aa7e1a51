"""Measuring by samples of which each may say something else: the median of what they say, by a sequential test.

A sample compares two things that were looked at one right after the other, in an order drawn at random: what makes
the machine slow for a while then makes both slow, and what makes the second of two slower is as often against the one
as against the other (with a fixed order, a 5 % effect of the position is "found" every time).
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..statistics import median_range, settles
from .measurement import Question, Reading, Settled, clock

T = TypeVar("T")

#: The probability that a question is ever answered wrongly, however many samples are looked at.
ERROR = 1e-3


def side_of(values: Sequence[float], low: float, high: float, *, error: float = ERROR) -> bool | None:
    """Return whether the median of what values are drawn from lies above ``high`` or below ``low``.

    :param error: the probability that this, asked after every value, ever says what is wrong.
    :returns: True for above, False for below, None if neither is settled.
    """
    if settles(sum(value > high for value in values), sum(value < high for value in values), error):
        return True
    if settles(sum(value < low for value in values), sum(value > low for value in values), error):
        return False
    return None


def sample_until_settled(
    values: list[float], draw: Callable[[], float], low: float, high: float, *, end: float, error: float = ERROR
) -> Settled:
    """Add samples to those that are there until it is settled on which side of a dead zone their median lies.

    :param draw: makes a sample.
    :param end: the time, by the clock of this module, after which no sample begins; there is one in any case.
    """
    while True:
        side = side_of(values, low, high, error=error)
        if side is not None:
            return Settled(side)
        if values and clock() >= end:
            return Settled(None, _unsettled(values, low, high))
        values.append(draw())


def _unsettled(values: Sequence[float], low: float, high: float) -> str:
    above, below = sum(value > high for value in values), sum(value < low for value in values)
    where = f"{low:g}" if low == high else f"the dead zone from {low:g} to {high:g}"
    return (
        f"{above:,} of {len(values):,} samples lie above {where} and {below:,} below when time is up, which does not "
        "settle it; a larger budget may"
    )


def in_random_order(one: Callable[[], T], other: Callable[[], T], chance: random.Random) -> tuple[T, T]:
    """Call two functions one right after the other; return what they return, that of ``one`` first."""
    if chance.random() < 0.5:
        first = one()
        return first, other()
    second = other()
    return one(), second


def reading_of(values: Sequence[float], *, error: float = ERROR) -> Reading | None:
    """Return the median, and the range of those that are not excluded; None of no values."""
    if not values:
        return None
    return Reading(statistics.median(values), *median_range(values, error), len(values))


def tested(values: Sequence[float], question: Question) -> dict[str, Any]:
    """Return the fields of the evidence that are those of a sequential test."""
    (low, _), (_, high) = question.cuts[0], question.cuts[-1]
    above, below = sum(value > high for value in values), sum(value < low for value in values)
    return {"above": above, "below": below, "error": ERROR}
