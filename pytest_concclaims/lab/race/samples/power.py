"""When "never seen" is a verdict: only if the harness was able to see."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ....statistics import clopper_pearson_lower, clopper_pearson_upper

#: Of the bounds that are compared, and that the evidence states.
CONFIDENCE = 0.999
#: Overlapping samples of the race, at least.
OVERLAPPING = 1_000
#: Strides with such samples, at least: samples of one stride are not independent.
STRIDES = 20
#: Sightings of the control, at least.
SEEN = 20
#: What was never seen must be at least this many times rarer than what the control shows.
RARER = 20
#: The same for a control that is not the race's own, and says nothing of the race's operation.
RARER_THAN_GENERIC = 100
#: Overlapping samples, and strides with some, with which an absence may be settled before the budget is spent: what
#: takes little time has many more samples in as many strides. How often the control was seen is no reason to: it says
#: nothing of what happens seldom.
PLENTY, PLENTY_OF_STRIDES = 5 * OVERLAPPING, 30
#: Sightings of the control for each OVERLAPPING samples of the race: its lower bound is near then.
_SEEN_WELL = 3 * SEEN
_LONGER = "; a longer budget gives more"


@dataclass(frozen=True)
class Absence:
    """What was not seen, and what its control showed.

    :param overlapping: samples of the race.
    :param strides: of the race, with such samples.
    :param control_overlapping: samples of the control.
    :param control_seen: those of them in which the effect was seen.
    :param matched: whether the control is the race's own.
    """

    overlapping: int
    strides: int
    control_overlapping: int
    control_seen: int
    matched: bool = True

    @property
    def bound(self) -> float | None:
        """The rate of the effect for each overlapping sample, at most; None without a sample."""
        return clopper_pearson_upper(0, self.overlapping, CONFIDENCE) if self.overlapping else None

    def control_is_behind(self) -> bool:
        """Return whether the control is farther from what it takes than the race."""
        return self.control_seen / _SEEN_WELL < self.overlapping / OVERLAPPING

    def is_plenty(self) -> bool:
        """Return whether it is so much that there is no need to wait for the end of the budget."""
        return self.overlapping >= PLENTY and self.strides >= PLENTY_OF_STRIDES and self.lacking() is None

    def lacking(self) -> str | None:
        """Return what this lacks to be a verdict; None if nothing."""
        if self.overlapping < OVERLAPPING:
            return f"too few overlapping samples, {self.overlapping:,} of the {OVERLAPPING:,} that it takes{_LONGER}"
        if self.strides < STRIDES:
            return f"too few strides, {self.strides} of the {STRIDES} that it takes{_LONGER}"
        if self.control_seen < SEEN:
            often = {0: "never seen", 1: "seen only once"}.get(self.control_seen)
            return (
                f"the control was {often or f'seen only {self.control_seen} times'} in {self.control_overlapping:,} "
                f"overlapping samples, and it takes {SEEN} times: this harness could have missed the effect as well"
            )
        if self._rarer() < self._wanted():
            weaker = "" if self.matched else " with a control that is not its own"
            return (
                f"the control was seen {self.control_seen:,} times in {self.control_overlapping:,} overlapping "
                f"samples; so far that shows only that the effect is at least {math.floor(self._rarer() * 10) / 10} "
                f"times rarer, of {self._wanted()} that it takes{weaker}{_LONGER}"
            )
        return None

    def _wanted(self) -> int:
        return RARER if self.matched else RARER_THAN_GENERIC

    def _rarer(self) -> float:
        """Return how many times rarer than the control's the effect is at least."""
        assert self.bound is not None
        return clopper_pearson_lower(self.control_seen, self.control_overlapping, CONFIDENCE) / self.bound
