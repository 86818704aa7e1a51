"""What the instruments of workers have in common: rounds of a look at what is measured between two at its control."""

from __future__ import annotations

import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from ..measurement import Reading, Settled
from .slices import Slice
from .workers import Worker

#: The control shows that much more than it would take.
MARGIN = 0.1
#: Where the system does not tell who waited for a CPU, the control does this part of what that many CPUs could.
UNDISTURBED = 0.9
NOT_ALONE = "other programs were at work, and this system does not tell whether the workers had to wait for a CPU"

L = TypeVar("L")


class Look(Protocol):
    """What workers did in one turn: a slice, or a pair of them."""

    @property
    def low(self) -> float:
        """The quantity that is measured, at least."""

    @property
    def middle(self) -> float:
        """The best guess."""

    @property
    def high(self) -> float:
        """And at most."""

    @property
    def seconds(self) -> float:
        """The time in which all of them were at work."""


class Round(Protocol):
    """A look at what is measured between two at the control."""

    @property
    def before(self) -> Look | None:
        """The control; None where there is none."""

    @property
    def measured(self) -> Look:
        """What is measured."""

    @property
    def after(self) -> Look | None:
        """The control again."""

    @property
    def delay(self) -> float | None:
        """The part of the time that workers waited for a CPU; None if the system does not tell."""

    @property
    def throttled(self) -> bool:
        """Whether the system has held workers back for having used up their share."""

    def unfit(self, high: float) -> str | None:
        """Return why this says nothing (of parallelism: about a lack of it); None if it does.

        :param high: the number that the control has to exceed.
        """


class Findings(ABC, Generic[L]):
    """What was measured so far, of all questions."""

    rounds: Sequence[Round]

    @abstractmethod
    def look(self, workers: Sequence[Worker], slice_of_some: Callable[[Sequence[Worker]], Slice]) -> L:
        """Have workers work, and return what they did.

        :param slice_of_some: has the workers that it is given work at the same time.
        """

    @abstractmethod
    def add(self, measured: L, control: tuple[L, L] | None) -> None:
        """Add a round: what was measured, and the control before and after it; None where there is none."""

    def is_witness(self, measured: Any, high: float) -> bool:  # noqa: ARG002  (for those in which there are such)
        """Return whether what was measured says "more" without a control."""
        return False

    @abstractmethod
    def settled(self, low: float, high: float) -> bool | None:
        """Return whether what is measured lies above ``high`` or below ``low``; None if that is not settled."""

    @abstractmethod
    def lacking(self, low: float, high: float) -> str:
        """Return why nothing is settled, after one round at least."""

    @abstractmethod
    def reading(self, high: float) -> Reading | None:
        """Return what it comes to, by the rounds that say something, or by all if none do."""

    def control(self) -> Reading | None:
        """Return what the control comes to."""
        return spread([look for each in self.rounds for look in (each.before, each.after) if look is not None])

    def to_json(self, high: float) -> list[dict[str, Any]]:
        """Return the rounds as JSON's types."""
        return [
            {
                "low": round(each.measured.low, 4),
                "high": round(each.measured.high, 4),
                "before": _range(each.before),
                "after": _range(each.after),
                "delay": None if each.delay is None else round(each.delay, 4),
                "throttled": each.throttled,
                "unfit": each.unfit(high),
            }
            for each in self.rounds
        ]

    def settle(self, low: float, high: float) -> Settled | None:
        """Return what is settled; None if nothing is."""
        side = self.settled(low, high)
        return None if side is None else Settled(side)


def _range(look: Look | None) -> list[float] | None:
    return None if look is None else [round(look.low, 4), round(look.high, 4)]


def spread(looks: Sequence[Look]) -> Reading | None:
    """Return the median of what was seen, and all of its range."""
    told = [look for look in looks if look.seconds]  # the others say nothing at all
    if not told:
        return None
    value = statistics.median(look.middle for look in told)
    return Reading(value, min(look.low for look in told), max(look.high for look in told), len(told))
