"""How many CPU seconds workers have used per second of a slice, and what a row of slices says: pure functions."""

from __future__ import annotations

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..measurement import Reading, Settled

#: Slices that have to agree that there was more parallelism,
ABOVE = 3
#: and those that have to agree that there was less, which takes a control.
BELOW = 6
#: This part of the slices has to agree: that there was more, of all; that there was less, of those that can say so.
AGREE = 0.9
#: The control shows that much more than it would take, in CPU seconds per second.
MARGIN = 0.1
#: Workers that waited for a CPU for more than this part of the time, together, could not show what they can.
DELAY = 0.05
#: Where the system does not tell that, the control uses this part of as many cores as there are workers: all is idle.
UNDISTURBED = 0.9
TOO_BUSY = "the control used no more cores than that"
NO_CONTROL = "it was measured without a control"
NOT_ALONE = "other programs were at work, and this system does not tell whether the workers had to wait for a CPU"
#: Work that uses less of a CPU than this waits, mostly.
WAITS = 0.5
#: Workers are to run at the same time for this part of a slice.
TOGETHER = 0.5


@dataclass(frozen=True)
class Slice:
    """What workers did in the time in which all of them were at work.

    :param low: CPU seconds per second, of all workers together, at least.
    :param high: at most: what was used between two marks may have been used inside of the time or outside.
    :param seconds: of that time.
    :param planned: seconds that it was to take.
    :param delay: the part of the time that workers waited for a CPU, added up; None if the system does not tell.
    :param throttled: whether the system has held back the processes for having used up their share.
    :param calls: of the work, by all workers, per second.
    """

    low: float
    high: float
    seconds: float
    planned: float
    delay: float | None
    throttled: bool
    calls: float
    workers: int = 2

    @property
    def middle(self) -> float:
        """The best guess."""
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class Report:
    """What one worker tells of a slice, as :func:`worker_main.serve` says."""

    marks: Sequence[tuple[float, float]]
    delay: float | None
    calls: int


def slice_of(reports: Sequence[Report], planned: float, *, throttled: bool = False) -> Slice:
    """Return what workers did together.

    :param planned: seconds that the slice was to take.
    """
    begin = max(report.marks[0][0] for report in reports)
    end = min(report.marks[-1][0] for report in reports)
    seconds = end - begin
    delays = [report.delay for report in reports]
    longest = max(report.marks[-1][0] for report in reports) - min(report.marks[0][0] for report in reports)
    if seconds <= 0:
        return Slice(0.0, float(len(reports)), 0.0, planned, None, throttled, 0.0)
    used = [_used(report.marks, begin, end) for report in reports]
    return Slice(
        low=sum(low for low, _ in used) / seconds,
        high=sum(high for _, high in used) / seconds,
        seconds=seconds,
        planned=planned,
        delay=None if None in delays else sum(delay for delay in delays if delay is not None) / longest,
        throttled=throttled,
        calls=sum(report.calls / (report.marks[-1][0] - report.marks[0][0]) for report in reports),
        workers=len(reports),
    )


def _used(marks: Sequence[tuple[float, float]], begin: float, end: float) -> tuple[float, float]:
    """Return the CPU seconds between two times, at least and at most."""
    times = [time for time, _ in marks]
    cpu = [used for _, used in marks]
    first_inside, last_inside = bisect_left(times, begin), bisect_right(times, end) - 1
    low = max(0.0, cpu[last_inside] - cpu[first_inside]) if last_inside >= first_inside else 0.0
    last_before = max(0, bisect_right(times, begin) - 1)
    first_after = min(len(times) - 1, bisect_left(times, end))
    return low, min(end - begin, cpu[first_after] - cpu[last_before])


@dataclass(frozen=True)
class Round:
    """A slice of what is measured, and those of the control right before and after it; None where there are none."""

    before: Slice | None
    measured: Slice
    after: Slice | None

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
        if self.measured.throttled:
            return "the system held the workers back (its CPU quota)"
        if self.measured.delay is not None and self.measured.delay > DELAY:
            return "the workers waited for a CPU"
        if self.measured.seconds < TOGETHER * self.measured.planned:
            return "the workers were hardly at work at the same time"
        return None

    def is_above(self, high: float) -> bool:
        """Return whether this is a witness: more CPU time was used than so many cores have."""
        return self.measured.seconds >= TOGETHER * self.measured.planned and self.measured.low > high

    @property
    def controls(self) -> list[Slice]:
        """The slices of the control."""
        return [control for control in (self.before, self.after) if control is not None]


@dataclass
class Rounds:
    """What was measured so far, of all questions.

    :param alone: how often one worker alone called the work, per second.
    """

    rounds: list[Round] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)

    def copy(self) -> Rounds:
        """Return findings of one's own that begin with these."""
        return Rounds([*self.rounds], [*self.alone])

    def become(self, other: Rounds) -> None:
        """Hold what others hold."""
        self.rounds, self.alone = [*other.rounds], [*other.alone]

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
            part.middle + part.delay for round_ in self.rounds for part in round_.controls if part.delay is not None
        ]
        return statistics.median(wanted) if wanted else None

    def reading(self, high: float) -> Reading | None:
        """Return what it comes to, by the slices that can say that there was less, or by all if none can."""
        fit = [round_ for round_ in self.rounds if round_.unfit(high) is None]
        return _reading([round_.measured for round_ in fit or self.rounds])

    def control(self) -> Reading | None:
        """Return what the control comes to."""
        return _reading([part for round_ in self.rounds for part in round_.controls])

    def speed_up(self) -> float | None:
        """Return how many times as often all workers called the work as one alone; for the reader only."""
        together = [round_.measured.calls for round_ in self.rounds if round_.measured.calls]
        alone = [calls for calls in self.alone if calls]  # a worker that comes too late for its slice has made none
        return statistics.median(together) / statistics.median(alone) if together and alone else None

    def to_json(self, high: float) -> list[dict[str, Any]]:
        """Return the rounds as JSON's types."""
        return [
            {
                "low": round(each.measured.low, 4),
                "high": round(each.measured.high, 4),
                "before": _range(each.before),
                "after": _range(each.after),
                "delay": None if each.measured.delay is None else round(each.measured.delay, 4),
                "throttled": each.measured.throttled,
                "unfit": each.unfit(high),
            }
            for each in self.rounds
        ]


def _range(control: Slice | None) -> list[float] | None:
    return None if control is None else [round(control.low, 4), round(control.high, 4)]


def _reading(slices: Sequence[Slice]) -> Reading | None:
    slices = [part for part in slices if part.seconds]  # or they say nothing at all
    if not slices:
        return None
    value = statistics.median(part.middle for part in slices)
    return Reading(value, min(part.low for part in slices), max(part.high for part in slices), len(slices))


def settle(findings: Rounds, low: float, high: float) -> Settled | None:
    """Return what findings settle; None if they do not."""
    side = findings.settled(low, high)
    return None if side is None else Settled(side)
