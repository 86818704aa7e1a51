"""When "never seen" is a verdict: only if the harness was able to see."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...statistics import clopper_pearson_lower, clopper_pearson_upper

#: Of the bounds that are compared, and that the evidence states.
CONFIDENCE = 0.999
#: So many overlapping samples at least.
OVERLAPPING = 1_000
#: In so many strides at least: samples of one stride are not independent.
STRIDES = 20
#: So often at least must the control be seen.
SEEN = 20
#: What was never seen must be at least so many times rarer than what the control shows.
RARER = 20


@dataclass(frozen=True)
class Absence:
    """What was not seen, and what its control showed.

    :param overlapping: samples of the race.
    :param strides: of the race.
    :param control_overlapping: samples of the control.
    :param control_seen: in so many of these the effect was seen.
    """

    overlapping: int
    strides: int
    control_overlapping: int
    control_seen: int

    @property
    def bound(self) -> float | None:
        """The rate of the effect for each overlapping sample, at most; None without a sample."""
        return clopper_pearson_upper(0, self.overlapping, CONFIDENCE) if self.overlapping else None

    def control_is_behind(self) -> bool:
        """Return whether the control is farther from what it takes than the race."""
        return self.control_seen / SEEN < self.overlapping / OVERLAPPING

    def lacking(self) -> str | None:
        """Return what this lacks to be a verdict; None if nothing."""
        if self.overlapping < OVERLAPPING:
            return f"too few overlapping samples, {self.overlapping:,} of the {OVERLAPPING:,} that it takes"
        if self.strides < STRIDES:
            return f"too few strides, {self.strides} of the {STRIDES} that it takes"
        if self.control_seen < SEEN:
            often = {0: "never seen", 1: "seen only once"}.get(self.control_seen)
            return (
                f"the control was {often or f'seen only {self.control_seen} times'} in {self.control_overlapping:,} "
                f"overlapping samples, and it takes {SEEN} times: this harness could have missed the effect as well"
            )
        if not self._could_be_enough() or self._rarer() < RARER:
            times = math.floor(self._rarer() * 10) / 10
            return (
                f"the control was seen {self.control_seen:,} times in {self.control_overlapping:,} overlapping "
                f"samples, by which the effect may be just {times} times rarer, and it takes {RARER} times"
            )
        return None

    def _could_be_enough(self) -> bool:
        """Return whether the control's rate, of which a lower bound takes a while to work out, would be enough."""
        assert self.bound is not None
        return self.control_seen / self.control_overlapping >= RARER * self.bound

    def _rarer(self) -> float:
        """Return how many times rarer than the control's the effect is at least."""
        assert self.bound is not None
        return clopper_pearson_lower(self.control_seen, self.control_overlapping, CONFIDENCE) / self.bound
