"""The conditions under which "never seen" is an answer: the experiment must have been able to show the effect."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ....statistics import clopper_pearson_lower, clopper_pearson_upper

#: Of the bounds that are compared and recorded.
CONFIDENCE = 0.999
#: The least number of overlapping samples of the race.
OVERLAPPING = 1_000
#: The least number of strides with overlapping samples, because samples of one stride are not independent.
STRIDES = 20
#: The least number of samples in which the control shows the effect.
SEEN = 20
#: The effect must be at least this many times rarer in the race than in its control.
RARER = 20
#: The same for a generic control, which has other code than the race.
RARER_THAN_GENERIC = 100
#: Overlapping samples and strides with which an absence is settled before the budget is spent. Fast actors have many
#: more samples in 30 strides. Sightings of the control are no reason to stop early: they say nothing of rare effects.
PLENTY, PLENTY_OF_STRIDES = 5 * OVERLAPPING, 30
#: The budget that is advised, as a multiple of the one that would just be enough.
_RESERVE = 1.5
#: Sightings of the control for each OVERLAPPING samples of the race, which bring its lower bound near its rate.
_SEEN_WELL = 3 * SEEN


@dataclass(frozen=True)
class Absence:
    """An effect that was not seen, and how often the control showed it.

    :param overlapping: samples of the race.
    :param strides: of the race, with overlapping samples.
    :param control_overlapping: samples of the control.
    :param control_seen: those of them that show the effect.
    :param matched: whether the control is the race's own.
    :param budget: seconds for these samples; None to advise no other one.
    """

    overlapping: int
    strides: int
    control_overlapping: int
    control_seen: int
    matched: bool = True
    budget: float | None = None

    @property
    def bound(self) -> float | None:
        """The upper bound of the rate of the effect for each overlapping sample; None without a sample."""
        return clopper_pearson_upper(0, self.overlapping, CONFIDENCE) if self.overlapping else None

    def control_is_behind(self) -> bool:
        """Return whether the control needs more samples than the race does."""
        return self.control_seen / _SEEN_WELL < self.overlapping / OVERLAPPING

    def is_plenty(self) -> bool:
        """Return whether the samples settle the absence before the end of the budget."""
        return self.overlapping >= PLENTY and self.strides >= PLENTY_OF_STRIDES and self.lacking() is None

    def lacking(self) -> str | None:
        """Return why the absence is not an answer; None if it is."""
        if self.overlapping < OVERLAPPING:
            longer = self._longer(self.overlapping / OVERLAPPING)
            return f"only {self.overlapping:,} of the {OVERLAPPING:,} overlapping samples needed{longer}"
        if self.strides < STRIDES:
            longer = self._longer(self.strides / STRIDES)
            return f"only {self.strides} of the {STRIDES} strides needed{longer}"
        if self.control_seen < SEEN:
            often = f"in only {self.control_seen} of" if self.control_seen else "in none of"
            return (
                f"the control showed the effect {often} {self.control_overlapping:,} overlapping samples, and {SEEN} "
                "are needed: the experiment could have missed it in the race as well"
            )
        if self._rarer() < self._wanted():
            longer = self._longer(self._rarer() / self._wanted())
            weaker = "" if self.matched else " with a generic control"
            return (
                f"the control showed the effect in {self.control_seen:,} of {self.control_overlapping:,} overlapping "
                f"samples, so in the race it is at least {math.floor(self._rarer() * 10) / 10} times rarer; "
                f"{self._wanted()} times are needed{weaker}{longer}"
            )
        return None

    def _longer(self, part: float) -> str:
        """Return the advice to give a longer budget; empty if none is to be given.

        :param part: the part of the samples needed that there are.
        """
        if self.budget is None:
            return ""
        if not part:
            return "; give the claim a longer budget"
        return f"; give the claim a budget of about {math.ceil(_RESERVE * self.budget / part):,} s"

    def _wanted(self) -> int:
        return RARER if self.matched else RARER_THAN_GENERIC

    def _rarer(self) -> float:
        """Return how many times rarer the effect is than in the control, at least."""
        assert self.bound is not None
        return clopper_pearson_lower(self.control_seen, self.control_overlapping, CONFIDENCE) / self.bound
