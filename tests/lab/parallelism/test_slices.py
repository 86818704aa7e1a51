"""A slice from the marks of its workers: its bounds hold the truth."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from pytest_concclaims.lab.parallelism.slices import DELAY, TOGETHER, Report, Slice, slice_of


def report(*marks: tuple[float, float], delay: float | None = 0.0, calls: Sequence[int] | None = None) -> Report:
    """Return a worker's report.

    :param calls: so far, at each mark; by default, one more at each.
    """
    return Report([(*mark, made) for mark, made in zip(marks, calls or range(len(marks)))], delay)


# --- one slice


def test_marks_at_both_ends_leave_no_doubt() -> None:
    """Workers that begin and end at the same time used exactly what their marks differ by."""
    slice_ = slice_of([report((10, 3), (12, 4)), report((10, 0), (11, 1), (12, 2))], 2.0)
    assert slice_ == Slice(1.5, 1.5, seconds=2, planned=2.0, delay=0.0, throttled=False, fewest=1.5, most=1.5)
    assert slice_.middle == 1.5


def test_worker_that_starts_late() -> None:
    """CPU time of another worker between its marks around the beginning may or may not belong to the slice."""
    late = report((1, 7), (2, 8))
    early = report((0, 0), (0.5, 0.5), (1.5, 1), (2, 1.5))
    slice_ = slice_of([early, late], 2.0)
    assert slice_.seconds == 1
    assert slice_.low == 1 + 0.5
    assert slice_.high == 1 + 1


def test_worker_that_ends_early() -> None:
    """CPU time of another worker between its marks around the end may or may not belong to the slice."""
    brief = report((0, 5), (1, 6))
    long = report((0, 0), (0.5, 0.25), (1.5, 0.75), (2, 1.25))
    slice_ = slice_of([long, brief], 1.0)
    assert slice_.seconds == 1
    assert slice_.low == 1 + 0.25
    assert slice_.high == 1 + 0.75


def test_no_worker_uses_more_than_a_core() -> None:
    """A worker uses at most all of the time, whatever its marks around it differ by."""
    slice_ = slice_of([report((0, 0), (10, 9)), report((4, 0), (5, 0))], 1.0)
    assert (slice_.low, slice_.high) == (0, 1)


def test_no_mark_in_the_common_time() -> None:
    """Work that takes longer than the slice used between nothing and one core."""
    slice_ = slice_of([report((0, 0), (10, 5)), report((4, 2), (5, 2.5))], 1.0)
    assert (slice_.low, slice_.high, slice_.middle) == (0.5, 1.5, 1.0)


@pytest.mark.parametrize(
    "marks", [((3, 0), (4, 1)), ((1, 0), (2, 1)), ((5, 0),)], ids=["after", "right after", "too late for a call"]
)
def test_workers_that_were_never_at_work_together(marks: Sequence[tuple[float, float]]) -> None:
    """A slice without a common time has the widest bounds."""
    slice_ = slice_of([report((0, 0), (1, 1)), report(*marks)], 1.0)
    assert slice_ == Slice(0.0, 2.0, 0.0, 1.0, None, False, 0.0, 0.0)


def test_delays_are_added_up() -> None:
    """Each worker's wait for a CPU counts, as a part of the time from the first mark to the last."""
    slice_ = slice_of([report((0, 0), (2, 1), delay=0.1), report((1, 0), (4, 1), delay=0.3)], 3.0)
    assert slice_.delay == pytest.approx(0.1)


def test_delay_that_one_worker_cannot_tell_is_unknown() -> None:
    """If one delay is unknown, the sum is unknown."""
    assert slice_of([report((0, 0), (1, 1), delay=0.5), report((0, 0), (1, 1), delay=None)], 1.0).delay is None


def test_calls_are_those_in_the_common_time() -> None:
    """Calls before another worker began do not count; a call at an end may or may not belong to the slice."""
    early = report((0, 0), (0.5, 0), (1.5, 1), (2, 1.5), calls=[0, 50, 90, 100])
    late = report((1, 7), (2, 8), calls=[0, 20])
    slice_ = slice_of([early, late], 2.0)
    assert (slice_.fewest, slice_.most) == (10 + 20, 50 + 20)


def test_worker_alone() -> None:
    """A slice can have one worker."""
    slice_ = slice_of([report((0, 0), (1, 0.5), (2, 1.5), calls=[0, 1, 4])], 2.0, throttled=True)
    assert (slice_.low, slice_.high, slice_.seconds, slice_.throttled) == (0.75, 0.75, 2, True)
    assert (slice_.fewest, slice_.most, slice_.workers) == (2.0, 2.0, 1)


GOOD = Slice(1.5, 1.5, seconds=2, planned=2.0, delay=0.0, throttled=False, fewest=1.5, most=1.5)


@pytest.mark.parametrize(
    ("slice_", "why"),
    [
        (replace(GOOD, throttled=True), "a CPU quota held the workers back"),
        (replace(GOOD, delay=DELAY + 0.001), "the workers waited for a CPU"),
        (replace(GOOD, seconds=1.99 * TOGETHER), "the workers were hardly at work at the same time"),
        (replace(GOOD, delay=DELAY, seconds=2 * TOGETHER), None),
        (replace(GOOD, delay=None), None),
    ],
)
def test_what_hinders_workers(slice_: Slice, why: str | None) -> None:
    """Each thing that may have hindered workers is a reason."""
    assert slice_.hindered() == why


@dataclass(frozen=True)
class Schedule:
    """The times at which a worker has a CPU: from each even time to the next odd one."""

    times: Sequence[float]

    @classmethod
    def drawn(cls, chance: random.Random) -> Schedule:
        """Return a random schedule."""
        return cls(sorted(chance.uniform(-1, 2) for _ in range(2 * chance.randrange(12))))

    def used(self, time: float) -> float:
        """Return the CPU seconds so far."""
        full = bisect_right(self.times, time)
        total = sum(self.times[i + 1] - self.times[i] for i in range(0, full - 1, 2))
        return total + (time - self.times[full - 1] if full % 2 else 0.0)

    def marks(self, chance: random.Random) -> list[tuple[float, float]]:
        """Return marks that its worker may have made."""
        begin = chance.choice([0.0, chance.uniform(0, 0.5)])
        end = chance.choice([1.0, chance.uniform(0.5, 1.5)])
        times = {begin, end, *(chance.uniform(begin, end) for _ in range(chance.choice([0, 1, 5, 50])))}
        return [(time, self.used(time)) for time in sorted(times)]


@pytest.mark.parametrize("seed", range(1000, 1010))
def test_truth_is_between_low_and_high(seed: int) -> None:
    """For random CPU times and marks, the bounds hold what the workers used in the common time."""
    for chance in (random.Random(seed * number) for number in range(200)):
        assert_bounds_hold_truth(chance)


def assert_bounds_hold_truth(chance: random.Random) -> None:
    """Compare the bounds with the truth for random CPU times and marks."""
    schedules = [Schedule.drawn(chance) for _ in range(chance.randrange(1, 5))]
    all_marks = [schedule.marks(chance) for schedule in schedules]
    slice_ = slice_of([Report([(*mark, 1) for mark in marks], None) for marks in all_marks], 1.0)
    begin, end = max(marks[0][0] for marks in all_marks), min(marks[-1][0] for marks in all_marks)
    truth = sum(schedule.used(end) - schedule.used(begin) for schedule in schedules) / (end - begin)
    assert slice_.seconds == end - begin
    assert slice_.low - 1e-9 <= truth <= slice_.high + 1e-9
    assert 0 <= slice_.low <= slice_.high + 1e-9 <= len(schedules) + 2e-9
