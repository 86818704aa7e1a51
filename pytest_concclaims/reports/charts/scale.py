"""Scales: the position of a value on an axis, and the round values that have a tick."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

#: The ratio between values beyond which a scale is logarithmic.
WIDE = 50.0
#: Arithmetic overflows beyond this, and underflows below 1 by this. No measurement comes near.
_LARGEST = 1e300
_MOST_TICKS = 5


@dataclass(frozen=True)
class Scale:
    """An axis from ``low`` to ``high``; ``low`` is less."""

    low: float
    high: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return the position of a value, from 0 to 1; a value beyond an end is at that end."""
        if self.logarithmic:
            position = _part(math.log(max(value, self.low)), math.log(self.low), math.log(self.high))
        else:
            position = _part(value, self.low, self.high)
        return min(1.0, max(0.0, position))

    def ticks(self, *, binary: bool = False) -> list[float]:
        """Return round values on the axis, in ascending order.

        :param binary: whether the values are bytes, which are shown in units of 1024 each.
        """
        return _powers(self, 4 if binary else 10) if self.logarithmic else _multiples(self, binary=binary)


def scale_over(values: Iterable[float], *, from_zero: bool = False, may_be_logarithmic: bool = True) -> Scale:
    """Return a scale that contains all values.

    :param values: at least one.
    :param from_zero: whether it contains 0; then it is linear.
    :param may_be_logarithmic: whether it is logarithmic if the values are far apart and all are positive.
    """
    sane = [_sane(float(value)) for value in values]
    low, high = min(sane), max(sane)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    elif may_be_logarithmic and low > 1 / _LARGEST and high / low > WIDE:
        return Scale(low / 1.2, high * 1.2, logarithmic=True)
    # If its ends were too close, all ticks would have the same label.
    margin = max((high - low) * 0.04, max(abs(high), abs(low)) * 0.025) or 1.0
    return Scale(low if from_zero and low == 0 else low - margin, high + margin)


def _sane(value: float) -> float:
    return 0.0 if abs(value) < 1 / _LARGEST else min(_LARGEST, max(-_LARGEST, value))


def _part(value: float, low: float, high: float) -> float:
    return (min(_LARGEST * 2, max(-_LARGEST * 2, value)) - low) / (high - low)


def _multiples(scale: Scale, *, binary: bool) -> list[float]:
    largest = max(abs(scale.low), abs(scale.high))
    unit = 1024.0 ** min(3, int(math.log(largest, 1024))) if binary and largest > 1 else 1.0
    step = unit * _round_step((scale.high - scale.low) / _MOST_TICKS / unit)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    return [number * step for number in range(first, last + 1)]


def _round_step(least: float) -> float:
    """Return the next round number: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((digit * power for digit in (1, 2, 5) if digit * power >= least), 10 * power)


def _powers(scale: Scale, base: int) -> list[float]:
    first = math.ceil(round(math.log(scale.low, base), 9))
    last = math.floor(round(math.log(scale.high, base), 9))
    every = math.ceil((last - first + 1) / _MOST_TICKS)
    found = [float(base) ** power for power in range(first, last + 1) if power % every == 0]
    if len(found) > 2 or base != 10:
        return found
    between = [3 * 10.0**power for power in range(first - 1, last + 1)]
    return sorted([*found, *(value for value in between if scale.low <= value <= scale.high)])
