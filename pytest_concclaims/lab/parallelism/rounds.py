"""Slices of workers, each between two slices of their control, from which parallelism follows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...machine import cgroup_quota, usable_cpus
from ...text import counted
from ..measurement import Reading
from .findings import MARGIN, NOT_ALONE, UNDISTURBED, Findings, spread
from .slices import TOGETHER, Slice
from .workers import Worker

#: Number of slices that must show more parallelism for "more".
ABOVE = 3
#: Number of slices that must show less parallelism for "less".
BELOW = 6
#: The part of the slices that must agree: for "more", of all; for "less", of those that count.
AGREE = 0.9
NO_CONTROL = "no control was run"
TOO_BUSY = "the control used no more cores than that"
#: Work that uses a smaller part of a CPU mostly waits.
WAITS = 0.5


@dataclass(frozen=True)
class Round:
    """A slice of the measured workers, and the slices of the control right before and after it, if these were run."""

    before: Slice | None
    measured: Slice
    after: Slice | None

    @property
    def delay(self) -> float | None:
        """That of the measured slice: workers that wait for a CPU use less of it."""
        return self.measured.delay

    @property
    def throttled(self) -> bool:
        """That of the measured slice."""
        return self.measured.throttled

    def unfit(self, high: float) -> str | None:
        """Return why this round does not count for "less"; None if it counts.

        :param high: the upper end of the dead zone; the control has to exceed it.
        """
        if self.before is None or self.after is None:
            return NO_CONTROL
        control = min(self.before.low, self.after.low)
        if control <= high + MARGIN:
            return TOO_BUSY
        if self.measured.delay is None and control < UNDISTURBED * self.before.workers:
            # The workers may have waited for a CPU, while those of the control did not.
            return NOT_ALONE
        return self.measured.hindered()

    def is_above(self, high: float) -> bool:
        """Return whether the measured slice shows "more"."""
        return _is_above(self.measured, high)


def _is_above(measured: Slice, high: float) -> bool:
    return measured.seconds >= TOGETHER * measured.planned and measured.low > high


@dataclass
class Rounds(Findings[Slice]):
    """Slices of the measured workers, each between two of the control."""

    rounds: list[Round] = field(default_factory=list)

    def look(self, workers: Sequence[Worker], slice_of_some: Callable[[Sequence[Worker]], Slice]) -> Slice:
        """Return a slice of all workers."""
        return slice_of_some(workers)

    def add(self, measured: Slice, control: tuple[Slice, Slice] | None) -> None:  # noqa: D102  (as the base class says)
        before, after = control or (None, None)
        self.rounds.append(Round(before, measured, after))

    def is_witness(self, measured: Slice, high: float) -> bool:
        """Return whether a slice shows "more", for which it needs no control."""
        return _is_above(measured, high)

    def copy(self) -> Rounds:
        """Return a copy."""
        return Rounds([*self.rounds])

    def become(self, other: Rounds) -> None:
        """Replace these rounds by others."""
        self.rounds = [*other.rounds]

    def settled(self, low: float, high: float) -> bool | None:
        """Return whether CPU seconds per second lie above ``high`` (True) or below ``low``; None if not settled."""
        counting = self.counting(high)
        above = sum(round_.is_above(high) for round_ in counting)
        below = sum(round_.measured.high < low for round_ in counting)
        # "More" must hold for most of all rounds, and not only of those that count for "less": on a busy machine,
        # hardly any of these count, and a few moments of more parallelism than usual would decide.
        if above >= ABOVE and above >= AGREE * len(self.rounds):
            return True
        if below >= BELOW and below >= AGREE * len(counting):
            return False
        return None

    def counting(self, high: float) -> list[Round]:
        """Return the rounds that count: those that show "more", and those that count for "less"."""
        return [round_ for round_ in self.rounds if round_.is_above(high) or round_.unfit(high) is None]

    def lacking(self, low: float, high: float, control: str) -> str:
        """Return why nothing is settled: the most frequent reason for which rounds do not count, and numbers."""
        reasons = [round_.unfit(high) for round_ in self.rounds]
        worst = max(set(reasons), key=reasons.count)
        seen = self.control()
        if worst == TOO_BUSY and seen is not None:
            return self._too_busy(high + MARGIN, seen.value, control)
        fit, all_of = reasons.count(None), counted(len(self.rounds), "slice")
        above = sum(round_.is_above(high) for round_ in self.rounds)
        below = sum(round_.unfit(high) is None and round_.measured.high < low for round_ in self.rounds)
        cause = "the slices disagree, or lie in the dead zone"
        if worst is not None:
            cause = f"in {reasons.count(worst):,} of {all_of}, {worst}"
        return (
            f'{cause}. Of {all_of}, {above:,} lie above {high:.4g}; of the {fit:,} that count for "less", {below:,} '
            f"lie below {low:.4g}. Needed: {ABOVE} above or {BELOW} below, and {AGREE:.0%} that agree"
        )

    def _too_busy(self, needed: float, seen: float, control: str) -> str:
        """Return why the control used too few cores.

        :param needed: cores that it must exceed.
        :param seen: cores that it used.
        """
        wanted = self._wanted_by_control()
        if wanted is not None and wanted < WAITS:
            return (
                "the work hardly uses a CPU, and this measures CPU time. Even the control "
                f"({control}) used {seen:.2f} cores; more than {needed:.3g} is needed"
            )
        cpus = min(usable_cpus(), cgroup_quota() or math.inf)
        cause = "this machine was too busy"
        if cpus <= needed:
            cause = f"this machine has too few usable CPUs ({cpus:.3g})"
        elif wanted is None and seen < WAITS:
            cause += ", or the work hardly uses a CPU"
        elif wanted is not None and wanted <= needed:
            cause += ", or the work waits for something other than a CPU"
        return f"{cause}. Even the control ({control}) got {seen:.2f} cores; more than {needed:.3g} is needed"

    def _wanted_by_control(self) -> float | None:
        """Return how many cores the control used or waited for; None if unknown."""
        wanted = [
            part.middle + part.delay
            for round_ in self.rounds
            for part in (round_.before, round_.after)
            if part is not None and part.delay is not None
        ]
        return statistics.median(wanted) if wanted else None

    def reading(self, high: float) -> Reading | None:
        """Return the result by the slices that count for "less", or by all slices if none counts."""
        fit = [round_ for round_ in self.rounds if round_.unfit(high) is None]
        return spread([round_.measured for round_ in fit or self.rounds])
