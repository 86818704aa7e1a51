"""What a row of slices says about how many cores workers use: each is between two slices of their control."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..measurement import Reading
from .findings import MARGIN, NOT_ALONE, UNDISTURBED, Findings, spread
from .slices import TOGETHER, Slice
from .workers import Worker

#: Slices that have to agree that there was more parallelism,
ABOVE = 3
#: and those that have to agree that there was less, which takes a control.
BELOW = 6
#: This part of the slices has to agree: that there was more, of all; that there was less, of those that can say so.
AGREE = 0.9
NO_CONTROL = "it was measured without a control"
TOO_BUSY = "the control used no more cores than that"
#: Work that uses less of a CPU than this waits, mostly.
WAITS = 0.5


@dataclass(frozen=True)
class Round:
    """A slice of what is measured, and those of the control right before and after it; None where there are none."""

    before: Slice | None
    measured: Slice
    after: Slice | None

    @property
    def delay(self) -> float | None:
        """As of the slice: where the workers waited, they used less."""
        return self.measured.delay

    @property
    def throttled(self) -> bool:
        """As of the slice."""
        return self.measured.throttled

    def unfit(self, high: float) -> str | None:
        """Return why this says nothing about a lack of parallelism; None if it does.

        :param high: the number that the control has to exceed.
        """
        if self.before is None or self.after is None:
            return NO_CONTROL
        control = min(self.before.low, self.after.low)
        if control <= high + MARGIN:
            return TOO_BUSY
        if self.measured.delay is None and control < UNDISTURBED * self.before.workers:
            # The system does not tell whether workers had to wait; those of the control may have got other shares.
            return NOT_ALONE
        return self.measured.hindered()

    def is_above(self, high: float) -> bool:
        """Return whether this is a witness: more CPU time was used than so many cores have."""
        return _is_above(self.measured, high)


def _is_above(measured: Slice, high: float) -> bool:
    return measured.seconds >= TOGETHER * measured.planned and measured.low > high


@dataclass
class Rounds(Findings[Slice]):
    """Slices of what is measured, each between two of the control."""

    rounds: list[Round] = field(default_factory=list)

    def look(self, workers: Sequence[Worker], slice_of_some: Callable[[Sequence[Worker]], Slice]) -> Slice:
        """Return a slice of all of them."""
        return slice_of_some(workers)

    def add(self, measured: Slice, control: tuple[Slice, Slice] | None) -> None:  # noqa: D102  (as the base class says)
        before, after = control or (None, None)
        self.rounds.append(Round(before, measured, after))

    def is_witness(self, measured: Slice, high: float) -> bool:
        """Return whether a slice says "more", which takes no control."""
        return _is_above(measured, high)

    def copy(self) -> Rounds:
        """Return findings of one's own that begin with these."""
        return Rounds([*self.rounds])

    def become(self, other: Rounds) -> None:
        """Hold what others hold."""
        self.rounds = [*other.rounds]

    def settled(self, low: float, high: float) -> bool | None:
        """Return whether the CPU seconds per second lie above ``high`` or below ``low``; None if that is not settled.

        More takes no control, less does.
        """
        telling = self.telling(high)
        above = sum(round_.is_above(high) for round_ in telling)
        below = sum(round_.measured.high < low for round_ in telling)
        # Of all, and not of those that can say "less": on a busy machine, hardly any can, and some moments of more
        # parallelism than there mostly is would be left alone.
        if above >= ABOVE and above >= AGREE * len(self.rounds):
            return True
        if below >= BELOW and below >= AGREE * len(telling):
            return False
        return None

    def telling(self, high: float) -> list[Round]:
        """Return the rounds that say something: the fit ones, and the witnesses."""
        return [round_ for round_ in self.rounds if round_.is_above(high) or round_.unfit(high) is None]

    def lacking(self, low: float, high: float) -> str:
        """Return why nothing is settled: what most of the slices lack, and their numbers."""
        reasons = [round_.unfit(high) for round_ in self.rounds]
        worst = max(set(reasons), key=reasons.count)
        above = sum(round_.is_above(high) for round_ in self.rounds)
        below = sum(round_.unfit(high) is None and round_.measured.high < low for round_ in self.rounds)
        return (
            f"{self._cause(worst, high)} ({len(self.rounds)} slices; above {high:.4g}: {above}; below {low:.4g}, and "
            f"able to say so: {below} of {reasons.count(None)}; it takes {ABOVE} above or {BELOW} below, and "
            f"{AGREE:.0%} that agree)"
        )

    def _cause(self, reason: str | None, high: float) -> str:
        """Return a reason in more words."""
        control = self.control()
        if reason is None:
            return "the slices do not agree, or lie in the dead zone"
        if reason != TOO_BUSY or control is None:
            return reason
        wanted, used = self._wanted_by_control(), f"the control used {control.value:.3g}"
        if wanted is not None and wanted < WAITS:
            return f"the work hardly uses a CPU, nor wants one: {used}, and this is of CPU time"
        cause = "the machine was too busy, or has too few cores"
        if wanted is None and control.value < WAITS:
            cause += ", or the work hardly uses a CPU"
        return f'{cause}: {used}, and it takes more than {high + MARGIN:.3g} to say "less"'

    def _wanted_by_control(self) -> float | None:
        """Return how many cores the control used or waited for; None if the system does not tell."""
        wanted = [
            part.middle + part.delay
            for round_ in self.rounds
            for part in (round_.before, round_.after)
            if part is not None and part.delay is not None
        ]
        return statistics.median(wanted) if wanted else None

    def reading(self, high: float) -> Reading | None:
        """Return what it comes to, by the slices that can say that there was less, or by all if none can."""
        fit = [round_ for round_ in self.rounds if round_.unfit(high) is None]
        return spread([round_.measured for round_ in fit or self.rounds])
