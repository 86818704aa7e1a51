"""Pairs of slices, one of a single worker and one of all, from which the speed-up follows."""

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

NOT_SCALING = "the control did not exceed that number"
#: Even without waiting for a CPU, workers are slowed by programs on other CPUs, which share caches and often a core.
DISTURBED = "the control did more than its CPUs can, so other programs slowed the worker that ran alone"


@dataclass(frozen=True)
class Pair:
    """A slice of one worker and a slice of all workers, right after each other."""

    one: Slice
    many: Slice

    @property
    def low(self) -> float:
        """How many times as much all workers did as one, at least."""
        return self.many.fewest / self.one.most if self.one.most else 0.0

    @property
    def high(self) -> float:
        """The same at most: calls between two marks at an end of the slice may or may not belong to it."""
        return self.many.most / self.one.fewest if self.one.fewest else float(self.many.workers)

    @property
    def middle(self) -> float:
        """The estimate."""
        return (self.low + self.high) / 2

    @property
    def seconds(self) -> float:
        """The time in which all workers were at work, in the shorter slice."""
        return min(self.one.seconds, self.many.seconds)

    @property
    def delay(self) -> float | None:
        """The part of the time that workers waited for a CPU, in the slice with more of it; None if unknown."""
        delays = [part.delay for part in (self.one, self.many) if part.delay is not None]
        return max(delays) if len(delays) == 2 else None

    def hindered(self) -> str | None:
        """Return what hindered the workers; None if nothing did."""
        return self.one.hindered() or self.many.hindered()

    def is_undisturbed(self) -> bool:
        """Return whether the workers did about as much as they can on idle CPUs."""
        workers = self.many.workers
        return self.low >= UNDISTURBED * workers and self.high <= workers / UNDISTURBED


@dataclass(frozen=True)
class PairRound:
    """A pair of the measured workers, and pairs of the control right before and after it."""

    before: Pair
    measured: Pair
    after: Pair

    @property
    def delay(self) -> float | None:
        """The greatest of the three pairs; None if unknown.

        If the worker that runs alone waits, the speed-up seems greater; if the others wait, it seems less.
        """
        delays = [pair.delay for pair in self._pairs if pair.delay is not None]
        return max(delays) if len(delays) == len(self._pairs) else None

    @property
    def throttled(self) -> bool:
        """Whether a CPU quota held workers back."""
        return any(part.throttled for pair in self._pairs for part in (pair.one, pair.many))

    @property
    def _pairs(self) -> tuple[Pair, Pair, Pair]:
        return self.measured, self.before, self.after

    def unfit(self, high: float) -> str | None:
        """Return why this round does not count; None if it counts.

        :param high: the upper end of the dead zone; the control has to exceed it.
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
    """Pairs of the measured workers, each between two of the control."""

    rounds: list[PairRound] = field(default_factory=list)
    _chance: random.Random = field(default_factory=random.Random)

    def look(self, workers: Sequence[Worker], slice_of_some: Callable[[Sequence[Worker]], Slice]) -> Pair:
        """Return a pair, measured in random order."""
        return Pair(
            *in_random_order(lambda: slice_of_some(workers[:1]), lambda: slice_of_some(workers), self._chance)
        )

    def add(self, measured: Pair, control: tuple[Pair, Pair] | None) -> None:  # noqa: D102  (as the base class says; so below)
        assert control is not None, "a pair does not count without a control"
        before, after = control
        self.rounds.append(PairRound(before, measured, after))

    def fit(self, high: float) -> list[PairRound]:
        """Return the rounds that count."""
        return [round_ for round_ in self.rounds if round_.unfit(high) is None]

    def beside(self, low: float, high: float) -> tuple[int, int]:
        """Return how many rounds that count lie above ``high``, and how many below ``low``."""
        return beside(_samples(self.fit(high)), low, high)

    def settled(self, low: float, high: float) -> bool | None:  # noqa: D102
        return side_of(*self.beside(low, high), len(self.fit(high)))

    def lacking(self, low: float, high: float, control: str) -> str:  # noqa: D102
        reasons = [round_.unfit(high) for round_ in self.rounds]
        worst = max(set(reasons), key=reasons.count)
        fit = reasons.count(None)
        if worst is None:
            return unsettled(*self.beside(low, high), fit, f"{low:g}", f"{high:g}")
        seen = self.control()
        if worst == NOT_SCALING and seen is not None:
            return (
                "this machine was too busy or has too few CPUs, or the work does not scale. Even the control "
                f"({control}) did only {seen.value:.2f} times as much as one; more than {high + MARGIN:.3g} is needed"
            )
        return f"in {reasons.count(worst):,} of {counted(len(self.rounds), 'round')}, {worst}; {fit:,} rounds count"

    def reading(self, high: float) -> Reading | None:  # noqa: D102
        return reading_of(_samples(self.fit(high) or self.rounds))


def _samples(rounds: Sequence[PairRound]) -> list[Sample]:
    return [Sample(each.measured.middle, each.measured.low, each.measured.high) for each in rounds]
