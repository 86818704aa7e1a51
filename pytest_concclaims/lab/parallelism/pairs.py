"""What pairs of slices say about how much more workers do than one: each pair is between two of their control."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...text import counted
from ..measurement import Reading
from ..sequential import Sample, beside, in_random_order, reading_of, side_of, unsettled
from .findings import MARGIN, NOT_ALONE, UNDISTURBED, Findings
from .slices import Slice
from .workers import Worker

NOT_SCALING = "the control did no more than that"
#: What waits for no CPU may still be slowed by what runs on another one: they share caches, and often a core.
DISTURBED = "the control did more than that many CPUs can: other programs were at work beside one worker alone"


@dataclass(frozen=True)
class Pair:
    """A slice of one worker and one of all of them, right after each other."""

    one: Slice
    many: Slice

    @property
    def low(self) -> float:
        """How many times as much all of them did as one, at least."""
        return self.many.fewest / self.one.most if self.one.most else 0.0

    @property
    def high(self) -> float:
        """And at most: a call between two marks may have been inside of the time or outside."""
        return self.many.most / self.one.fewest if self.one.fewest else float(self.many.workers)

    @property
    def middle(self) -> float:
        """The best guess."""
        return (self.low + self.high) / 2

    @property
    def seconds(self) -> float:
        """The time in which all of them were at work, in the shorter slice."""
        return min(self.one.seconds, self.many.seconds)

    @property
    def delay(self) -> float | None:
        """The part of the time that workers waited for a CPU, in the slice with more of it; None if untold."""
        delays = [part.delay for part in (self.one, self.many) if part.delay is not None]
        return max(delays) if len(delays) == 2 else None

    def hindered(self) -> str | None:
        """Return what kept workers from showing what they can; None if nothing did."""
        return self.one.hindered() or self.many.hindered()

    def is_undisturbed(self) -> bool:
        """Return whether all of them did about as much as so many CPUs that are idle otherwise."""
        workers = self.many.workers
        return self.low >= UNDISTURBED * workers and self.high <= workers / UNDISTURBED


@dataclass(frozen=True)
class PairRound:
    """A pair of what is measured, and those of the control right before and after it."""

    before: Pair
    measured: Pair
    after: Pair

    @property
    def delay(self) -> float | None:
        """As of a pair: one worker that waited makes it seem more, and many that waited less."""
        delays = [pair.delay for pair in self._pairs if pair.delay is not None]
        return max(delays) if len(delays) == len(self._pairs) else None

    @property
    def throttled(self) -> bool:
        """Whether the system has held workers back for having used up their share."""
        return any(part.throttled for pair in self._pairs for part in (pair.one, pair.many))

    @property
    def _pairs(self) -> tuple[Pair, Pair, Pair]:
        return self.measured, self.before, self.after

    def unfit(self, high: float) -> str | None:
        """Return why this says nothing; None if it does.

        :param high: the number that the control has to exceed.
        """
        hindered = next(filter(None, (pair.hindered() for pair in self._pairs)), None)
        if hindered is not None:
            return hindered
        if min(self.before.low, self.after.low) <= high + MARGIN:
            return NOT_SCALING
        if max(self.before.low, self.after.low) > self.before.many.workers / UNDISTURBED:
            return DISTURBED
        if self.delay is None and not (self.before.is_undisturbed() and self.after.is_undisturbed()):
            return NOT_ALONE
        return None


@dataclass
class Pairs(Findings[Pair]):
    """Pairs of what is measured, each between two of the control."""

    rounds: list[PairRound] = field(default_factory=list)
    _chance: random.Random = field(default_factory=random.Random)

    def look(self, workers: Sequence[Worker], slice_of_some: Callable[[Sequence[Worker]], Slice]) -> Pair:
        """Return a pair, the order within it drawn at random."""
        return Pair(
            *in_random_order(lambda: slice_of_some(workers[:1]), lambda: slice_of_some(workers), self._chance)
        )

    def add(self, measured: Pair, control: tuple[Pair, Pair] | None) -> None:  # noqa: D102  (as the base class says; so below)
        assert control is not None, "a pair says nothing without a control"
        before, after = control
        self.rounds.append(PairRound(before, measured, after))

    def fit(self, high: float) -> list[PairRound]:
        """Return the rounds that say something."""
        return [round_ for round_ in self.rounds if round_.unfit(high) is None]

    def beside(self, low: float, high: float) -> tuple[int, int]:
        """Return how many rounds that say something lie above ``high``, and how many below ``low``."""
        return beside(_samples(self.fit(high)), low, high)

    def settled(self, low: float, high: float) -> bool | None:  # noqa: D102
        return side_of(*self.beside(low, high), len(self.fit(high)))

    def lacking(self, low: float, high: float) -> str:  # noqa: D102
        reasons = [round_.unfit(high) for round_ in self.rounds]
        worst = max(set(reasons), key=reasons.count)
        fit = reasons.count(None)
        if worst is None:
            return unsettled(*self.beside(low, high), fit, f"{low:g}", f"{high:g}")
        control = self.control()
        if worst == NOT_SCALING and control is not None:
            worst = (
                "too few cores, a busy machine, or work that does not scale in workers of the control either: "
                f"that did {control.value:.3g} times as much, and it takes more than {high + MARGIN:.3g}"
            )
        return f"{worst} ({counted(len(self.rounds), 'round')}, of which {fit:,} count)"

    def reading(self, high: float) -> Reading | None:  # noqa: D102
        return reading_of(_samples(self.fit(high) or self.rounds))


def _samples(rounds: Sequence[PairRound]) -> list[Sample]:
    return [Sample(each.measured.middle, each.measured.low, each.measured.high) for each in rounds]
