"""Rounds of measured workers between two looks at their control: what parallelism and speed-up have in common."""

from __future__ import annotations

import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from ..measurement import Reading, Settled
from .slices import Slice
from .workers import Worker

#: By how much the control must exceed the number that is asked about.
MARGIN = 0.1
#: Where the system does not report waits for a CPU, the control must do this part of what idle CPUs can.
UNDISTURBED = 0.9
NOT_ALONE = "other programs used the CPUs, and this system does not report whether workers waited for one"

L = TypeVar("L")


class Look(Protocol):
    """What workers did in one turn: a slice, or a pair of slices."""

    @property
    def low(self) -> float:
        """The measured quantity, at least."""

    @property
    def middle(self) -> float:
        """The estimate."""

    @property
    def high(self) -> float:
        """The measured quantity, at most."""

    @property
    def seconds(self) -> float:
        """The time in which all workers were at work."""


class Round(Protocol):
    """A look at the measured workers, between two looks at the control."""

    @property
    def before(self) -> Look | None:
        """The control before; None if none was run."""

    @property
    def measured(self) -> Look:
        """The measured workers."""

    @property
    def after(self) -> Look | None:
        """The control after; None if none was run."""

    @property
    def delay(self) -> float | None:
        """The part of the time that workers waited for a CPU; None if unknown."""

    @property
    def throttled(self) -> bool:
        """Whether a CPU quota held workers back."""

    def unfit(self, high: float) -> str | None:
        """Return why this round does not count (of parallelism: for "less"); None if it counts.

        :param high: the upper end of the dead zone; the control has to exceed it.
        """


class Findings(ABC, Generic[L]):
    """All that was measured so far, for all questions."""

    rounds: Sequence[Round]

    @abstractmethod
    def look(self, workers: Sequence[Worker], slice_of_some: Callable[[Sequence[Worker]], Slice]) -> L:
        """Run workers for one turn, and return what they did.

        :param slice_of_some: runs some of the workers at the same time.
        """

    @abstractmethod
    def add(self, measured: L, control: tuple[L, L] | None) -> None:
        """Add a round.

        :param control: the control before and after; None if none was run.
        """

    def is_witness(self, measured: Any, high: float) -> bool:  # noqa: ARG002  (for subclasses that have witnesses)
        """Return whether a look shows "more", for which it needs no control."""
        return False

    @abstractmethod
    def settled(self, low: float, high: float) -> bool | None:
        """Return whether the quantity lies above ``high`` (True) or below ``low``; None if that is not settled."""

    @abstractmethod
    def lacking(self, low: float, high: float, control: str) -> str:
        """Return why nothing is settled, after at least one round.

        :param control: the workers of the control, such as ``2 processes``.
        """

    @abstractmethod
    def reading(self, high: float) -> Reading | None:
        """Return the result by the rounds that count, or by all rounds if none counts."""

    def control(self) -> Reading | None:
        """Return the result of the control."""
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
        """Return the side of the dead zone that is settled; None if none is."""
        side = self.settled(low, high)
        return None if side is None else Settled(side)


def _range(look: Look | None) -> list[float] | None:
    return None if look is None else [round(look.low, 4), round(look.high, 4)]


def spread(looks: Sequence[Look]) -> Reading | None:
    """Return the median of some looks, and their full range; None if none has a duration."""
    known = [look for look in looks if look.seconds]
    if not known:
        return None
    value = statistics.median(look.middle for look in known)
    return Reading(value, min(look.low for look in known), max(look.high for look in known), len(known))
