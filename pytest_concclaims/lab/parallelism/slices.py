"""A slice: what workers did while all of them were at work, computed from their marks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

#: A slice does not count in which workers waited for a CPU for a greater part of the time, added up.
DELAY = 0.05
#: A slice does not count in which all workers were at work at the same time for a smaller part of its planned length.
TOGETHER = 0.5

#: What a worker reports at one moment: the time, its CPU seconds so far, and its calls of the work so far.
Mark = tuple[float, float, int]


@dataclass(frozen=True)
class Slice:
    """What workers did while all of them were at work.

    :param low: CPU seconds per second, of all workers together, at least.
    :param high: the same at most: CPU time between two marks at an end of the slice may or may not belong to it.
    :param seconds: for which all workers were at work.
    :param planned: seconds that the slice was planned to take.
    :param delay: the part of the time that workers waited for a CPU, added up; None if unknown.
    :param throttled: whether a CPU quota held the processes back.
    :param fewest: calls of the work by all workers per second, at least.
    :param most: the same at most.
    :param workers: number of workers.
    """

    low: float
    high: float
    seconds: float
    planned: float
    delay: float | None
    throttled: bool
    fewest: float
    most: float
    workers: int = 2

    @property
    def middle(self) -> float:
        """The estimate of the CPU seconds per second."""
        return (self.low + self.high) / 2

    def hindered(self) -> str | None:
        """Return what hindered the workers; None if nothing did."""
        if self.throttled:
            return "a CPU quota held the workers back"
        if self.delay is not None and self.delay > DELAY:
            return "the workers waited for a CPU"
        if self.seconds < TOGETHER * self.planned:
            return "the workers were hardly at work at the same time"
        return None


@dataclass(frozen=True)
class Report:
    """What one worker reports of a slice; see :func:`worker_main.serve`."""

    marks: Sequence[Mark]
    delay: float | None


def slice_of(reports: Sequence[Report], planned: float, *, throttled: bool = False) -> Slice:
    """Return the slice that the reports of its workers describe.

    :param planned: seconds that the slice was planned to take.
    :param throttled: whether a CPU quota held the processes back.
    """
    begin = max(report.marks[0][0] for report in reports)
    end = min(report.marks[-1][0] for report in reports)
    seconds = end - begin
    delays = [report.delay for report in reports]
    longest = max(report.marks[-1][0] for report in reports) - min(report.marks[0][0] for report in reports)
    if seconds <= 0:
        return Slice(0.0, float(len(reports)), 0.0, planned, None, throttled, 0.0, 0.0, len(reports))
    within = [_within(report.marks, begin, end) for report in reports]
    return Slice(
        low=sum(least[1] for least, _ in within) / seconds,
        high=sum(min(seconds, most[1]) for _, most in within) / seconds,
        seconds=seconds,
        planned=planned,
        delay=None if None in delays else sum(delay for delay in delays if delay is not None) / longest,
        throttled=throttled,
        fewest=sum(least[2] for least, _ in within) / seconds,
        most=sum(most[2] for _, most in within) / seconds,
        workers=len(reports),
    )


def _within(marks: Sequence[Mark], begin: float, end: float) -> tuple[Mark, Mark]:
    """Return by how much a worker's numbers rose between two times, at least and at most."""
    times = [mark[0] for mark in marks]
    first_inside, last_inside = bisect_left(times, begin), bisect_right(times, end) - 1
    least = _rise(marks[first_inside], marks[last_inside]) if last_inside >= first_inside else (0.0, 0.0, 0)
    last_before = max(0, bisect_right(times, begin) - 1)
    first_after = min(len(times) - 1, bisect_left(times, end))
    return least, _rise(marks[last_before], marks[first_after])


def _rise(before: Mark, after: Mark) -> Mark:
    return after[0] - before[0], max(0.0, after[1] - before[1]), after[2] - before[2]
