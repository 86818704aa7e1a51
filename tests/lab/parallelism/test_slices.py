"""What marks of workers say about a slice, and what a row of slices settles: never what is not so."""

from __future__ import annotations

import json
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from pytest_concclaims.lab.measurement import Settled
from pytest_concclaims.lab.parallelism.slices import (
    ABOVE,
    BELOW,
    DELAY,
    MARGIN,
    NO_CONTROL,
    NOT_ALONE,
    TOGETHER,
    TOO_BUSY,
    UNDISTURBED,
    Report,
    Round,
    Rounds,
    Slice,
    settle,
    slice_of,
)

LOW, HIGH = 1.2, 1.4


def report(*marks: tuple[float, float], delay: float | None = 0.0, calls: int = 100) -> Report:
    """Return what a worker tells."""
    return Report(marks, delay, calls)


# --- one slice


def test_marks_at_both_ends_leave_no_doubt() -> None:
    """Workers that begin and end at the same time have used just what their last mark says more than the first."""
    slice_ = slice_of([report((10, 3), (12, 4)), report((10, 0), (11, 1), (12, 2))], 2.0)
    assert slice_ == Slice(low=1.5, high=1.5, seconds=2, planned=2.0, delay=0.0, throttled=False, calls=100.0)
    assert slice_.middle == 1.5


def test_worker_that_starts_late() -> None:
    """What another used between its marks around the begin of the common time may lie in there or before."""
    late = report((1, 7), (2, 8))
    early = report((0, 0), (0.5, 0.5), (1.5, 1), (2, 1.5))
    slice_ = slice_of([early, late], 2.0)
    assert slice_.seconds == 1
    assert slice_.low == 1 + 0.5
    assert slice_.high == 1 + 1


def test_worker_that_ends_early() -> None:
    """What another used between its marks around the end of the common time may lie in there or after."""
    brief = report((0, 5), (1, 6))
    long = report((0, 0), (0.5, 0.25), (1.5, 0.75), (2, 1.25))
    slice_ = slice_of([long, brief], 1.0)
    assert slice_.seconds == 1
    assert slice_.low == 1 + 0.25
    assert slice_.high == 1 + 0.75


def test_nobody_uses_more_than_a_core() -> None:
    """A worker has used at most all of the time, however much lies between its marks around that."""
    slice_ = slice_of([report((0, 0), (10, 9)), report((4, 0), (5, 0))], 1.0)
    assert (slice_.low, slice_.high) == (0, 1)


def test_no_mark_in_the_common_time() -> None:
    """Work that takes longer than all of the time says: between nothing and one core."""
    slice_ = slice_of([report((0, 0), (10, 5)), report((4, 2), (5, 2.5))], 1.0)
    assert (slice_.low, slice_.high, slice_.middle) == (0.5, 1.5, 1.0)


@pytest.mark.parametrize(
    "marks", [((3, 0), (4, 1)), ((1, 0), (2, 1)), ((5, 0),)], ids=["after", "right after", "too late for a call"]
)
def test_workers_that_were_never_at_work_together(marks: Sequence[tuple[float, float]]) -> None:
    """Of no time, everything is possible and nothing is said."""
    slice_ = slice_of([report((0, 0), (1, 1)), report(*marks)], 1.0)
    assert slice_ == Slice(0.0, 2.0, 0.0, 1.0, None, False, 0.0)


def test_delays_are_added_up() -> None:
    """Each worker's waiting for a CPU counts, as a part of the time from the first mark to the last."""
    slice_ = slice_of([report((0, 0), (2, 1), delay=0.1), report((1, 0), (4, 1), delay=0.3)], 3.0)
    assert slice_.delay == pytest.approx(0.1)


def test_delay_that_one_worker_cannot_tell_is_unknown() -> None:
    """Half of the delays would be no more than a guess."""
    assert slice_of([report((0, 0), (1, 1), delay=0.5), report((0, 0), (1, 1), delay=None)], 1.0).delay is None


def test_calls_are_those_of_all_workers_per_second() -> None:
    """Each worker's calls count by its own time."""
    workers = [report((0, 0), (2, 1), calls=50), report((1, 0), (2, 1), calls=10)]
    assert slice_of(workers, 1.0).calls == 35


def test_worker_alone() -> None:
    """A slice of one is one as well."""
    slice_ = slice_of([report((0, 0), (1, 0.5), (2, 1.5), calls=4)], 2.0, throttled=True)
    assert (slice_.low, slice_.high, slice_.seconds, slice_.calls, slice_.throttled) == (0.75, 0.75, 2, 2.0, True)


@dataclass(frozen=True)
class Schedule:
    """When a worker has a CPU: from each even time to the next odd one."""

    times: Sequence[float]

    @classmethod
    def drawn(cls, chance: random.Random) -> Schedule:
        """Return one at random."""
        return cls(sorted(chance.uniform(-1, 2) for _ in range(2 * chance.randrange(12))))

    def used(self, time: float) -> float:
        """Return the CPU seconds so far."""
        full = bisect_right(self.times, time)
        total = sum(self.times[i + 1] - self.times[i] for i in range(0, full - 1, 2))
        return total + (time - self.times[full - 1] if full % 2 else 0.0)

    def marks(self, chance: random.Random) -> list[tuple[float, float]]:
        """Return some that its worker may have made."""
        begin = chance.choice([0.0, chance.uniform(0, 0.5)])
        end = chance.choice([1.0, chance.uniform(0.5, 1.5)])
        times = {begin, end, *(chance.uniform(begin, end) for _ in range(chance.choice([0, 1, 5, 50])))}
        return [(time, self.used(time)) for time in sorted(times)]


@pytest.mark.parametrize("seed", range(1000, 1010))
def test_truth_is_between_low_and_high(seed: int) -> None:
    """Whenever workers had a CPU, and whenever they made marks: the bounds hold what they used in the common time."""
    for chance in (random.Random(seed * number) for number in range(200)):
        assert_bounds_hold_truth(chance)


def assert_bounds_hold_truth(chance: random.Random) -> None:
    """Let workers have a CPU and make marks at random times, and compare."""
    schedules = [Schedule.drawn(chance) for _ in range(chance.randrange(1, 5))]
    all_marks = [schedule.marks(chance) for schedule in schedules]
    slice_ = slice_of([Report(marks, None, 1) for marks in all_marks], 1.0)
    begin, end = max(marks[0][0] for marks in all_marks), min(marks[-1][0] for marks in all_marks)
    truth = sum(schedule.used(end) - schedule.used(begin) for schedule in schedules) / (end - begin)
    assert slice_.seconds == end - begin
    assert slice_.low - 1e-9 <= truth <= slice_.high + 1e-9
    assert 0 <= slice_.low <= slice_.high + 1e-9 <= len(schedules) + 2e-9


# --- one round


def slice_at(value: float) -> Slice:
    """Return a good slice with a value."""
    return Slice(value - 0.01, value + 0.01, 0.05, 0.05, 0.0, False, value * 100)


def round_at(value: float, control: float = 1.98) -> Round:
    """Return a good round with a value, and with one of its control."""
    return Round(slice_at(control), slice_at(value), slice_at(control))


def hindered(**changes: object) -> Round:
    """Return a round that measured one core, but for a reason."""
    return replace(round_at(1.0), measured=replace(slice_at(1.0), **changes))  # type: ignore[arg-type]  # of many types


WEAK = slice_at(1.4)
UNFIT = {
    "control before": (replace(round_at(1.0), before=WEAK), TOO_BUSY),
    "control after": (replace(round_at(1.0), after=WEAK), TOO_BUSY),
    "no control": (Round(None, slice_at(1.0), None), NO_CONTROL),
    "no work of the control": (replace(round_at(1.0), after=slice_of([report((0, 0))], 1.0)), TOO_BUSY),
    "quota": (hindered(throttled=True), "the system held the workers back (its CPU quota)"),
    "delay": (hindered(delay=DELAY + 0.001), "the workers waited for a CPU"),
    "apart": (hindered(seconds=0.04 * TOGETHER), "the workers were hardly at work at the same time"),
    "not alone": (
        replace(hindered(delay=None), before=slice_at(2 * UNDISTURBED)),
        NOT_ALONE,
    ),
    "never together": (hindered(seconds=0.0, delay=None), "the workers were hardly at work at the same time"),
}


@pytest.mark.parametrize(("given", "why"), UNFIT.values(), ids=UNFIT)
def test_round_that_says_nothing_about_less(given: Round, why: str) -> None:
    """Each thing that may have kept workers from running is a reason, and none settles anything, however often."""
    assert given.unfit(HIGH) == why
    assert not given.is_above(HIGH)
    findings = Rounds([given] * 1000)
    assert findings.settled(LOW, HIGH) is None
    assert findings.telling(HIGH) == []
    if why != TOO_BUSY:
        assert findings.lacking(LOW, HIGH).startswith(f"{why} (1000 slices; above 1.4: 0; below 1.2, and able to say")


@pytest.mark.parametrize(
    "given",
    [
        round_at(1.0),
        round_at(1.0, control=HIGH + MARGIN + 0.011),
        hindered(delay=DELAY),
        hindered(delay=None),
        hindered(seconds=0.05 * TOGETHER),
    ],
    ids=["as planned", "control just so", "hardly a delay", "delay unknown", "half of the time"],
)
def test_round_that_says_something(given: Round) -> None:
    """Nothing is wrong with it."""
    assert given.unfit(HIGH) is None
    assert Rounds([given] * BELOW).settled(LOW, HIGH) is False


def test_control_has_to_exceed_the_number_that_was_asked_about() -> None:
    """What shows that two cores are there says nothing about three."""
    assert round_at(1.0, control=1.98).unfit(1.8) is None
    assert round_at(1.0, control=1.98).unfit(2.5) == TOO_BUSY


def test_witness_in_no_time_is_none() -> None:
    """Workers that hardly ran at the same time show nothing, whatever the figures say."""
    assert not replace(round_at(1.9), measured=replace(slice_at(1.9), seconds=0.01)).is_above(HIGH)


# --- a row of them


def test_above_takes_no_control() -> None:
    """CPU time that was used cannot have been used up by others."""
    weak = round_at(1.98, control=0.5)
    assert Rounds([Round(None, slice_at(1.98), None)] * ABOVE).settled(LOW, HIGH) is True
    busy = replace(weak, measured=replace(slice_at(1.6), delay=0.4, throttled=True))
    assert Rounds([weak] * ABOVE).settled(LOW, HIGH) is True
    assert Rounds([busy] * ABOVE).settled(LOW, HIGH) is True
    assert Rounds([weak] * (ABOVE - 1)).settled(LOW, HIGH) is None
    assert settle(Rounds([weak] * ABOVE), LOW, HIGH) == Settled(True)


def test_below_takes_more_slices() -> None:
    """It is settled by that many, and not before."""
    assert Rounds([round_at(1.0)] * BELOW).settled(LOW, HIGH) is False
    assert Rounds([round_at(1.0)] * (BELOW - 1)).settled(LOW, HIGH) is None
    assert settle(Rounds([round_at(1.0)] * BELOW), LOW, HIGH) == Settled(False)
    assert settle(Rounds(), LOW, HIGH) is None


def test_bounds_count_and_not_the_guess() -> None:
    """A slice whose lower bound is not above the number is no witness; nor is one whose upper bound is not below."""
    vague = replace(slice_at(1.0), low=0.5, high=1.9)
    assert Rounds([replace(round_at(1.0), measured=replace(vague, high=2.5))] * 100).settled(LOW, HIGH) is None
    assert Rounds([replace(round_at(1.0), measured=vague)] * 100).settled(LOW, HIGH) is None
    exactly = [replace(round_at(1.0), measured=replace(vague, low=HIGH, high=2.0))] * 100
    assert Rounds(exactly).settled(LOW, HIGH) is None
    assert Rounds([replace(round_at(1.0), measured=replace(vague, high=LOW))] * 100).settled(LOW, HIGH) is None


def test_dead_zone_settles_nothing() -> None:
    """Between the two numbers there is no answer, however long it is looked for."""
    findings = Rounds([round_at(1.3)] * 1000)
    assert findings.settled(LOW, HIGH) is None
    assert findings.lacking(LOW, HIGH) == (
        "the slices do not agree, or lie in the dead zone (1000 slices; above 1.4: 0; below 1.2, and able to say so: "
        "0 of 1000; it takes 3 above or 6 below, and 90% that agree)"
    )


def test_half_and_half_settles_nothing() -> None:
    """A machine on which it is now so and now otherwise has no answer."""
    findings = Rounds([round_at(1.0), round_at(1.98)] * 500)
    assert findings.settled(LOW, HIGH) is None
    assert "above 1.4: 500; below 1.2, and able to say so: 500 of 1000" in findings.lacking(LOW, HIGH)


def test_witness_counts_against_less_even_beside_a_weak_control_or_none() -> None:
    """Slices that show more parallelism are not left out for what their control did."""
    for witness in (round_at(1.98, control=1.0), Round(None, slice_at(1.98), None)):
        assert Rounds([round_at(1.0)] * BELOW + [witness]).settled(LOW, HIGH) is None
        assert Rounds([round_at(1.0)] * 9 + [witness]).settled(LOW, HIGH) is False
        assert Rounds([round_at(1.0)] * 17 + [witness] * 2).settled(LOW, HIGH) is None


def test_few_that_disagree_do_not_keep_it_from_more() -> None:
    """Nine of ten suffice, and fewer do not."""
    assert Rounds([round_at(1.98)] * 9 + [round_at(1.0)]).settled(LOW, HIGH) is True
    assert Rounds([round_at(1.98)] * 8 + [round_at(1.0)]).settled(LOW, HIGH) is None


@pytest.mark.parametrize("seed", range(10))
def test_hogs_in_the_middle_never_settle_for_less(seed: int) -> None:
    """Others that come just for measured slices make free threads look like one core; their delay gives them away."""
    chance = random.Random(seed)
    findings = Rounds()
    for _ in range(200):
        if chance.random() < 0.95:  # the hogs are there
            measured = replace(slice_at(chance.uniform(0.4, 1.1)), delay=chance.uniform(0.2, 1.0))
        else:
            measured = slice_at(chance.uniform(1.9, 1.98))
        findings.rounds.append(replace(round_at(1.0), measured=measured))
        assert findings.settled(LOW, HIGH) is not False


@pytest.mark.parametrize("seed", range(10))
def test_hogs_that_come_and_stay_never_settle_for_less(seed: int) -> None:
    """The control falls with the threads, so where the system tells of no delay there is no answer either."""
    chance = random.Random(seed)
    findings = Rounds()
    come = chance.randrange(3)  # before there are enough slices for an answer
    for number in range(200):
        value = 1.98 if number < come else chance.uniform(0.4, 1.1)
        part = replace(slice_at(value), delay=None)
        findings.rounds.append(Round(part, part, part))
        assert findings.settled(LOW, HIGH) is None


def test_lacking_says_what_most_slices_lack() -> None:
    """What people read names the reason that comes most often, and counts those that could say something."""
    weak, delayed = UNFIT["control after"][0], UNFIT["delay"][0]
    some = [round_at(1.0)] * 2 + [delayed] * 4 + [round_at(1.3), round_at(1.98, control=1.0)]
    assert Rounds(some).lacking(LOW, HIGH) == (
        "the workers waited for a CPU (8 slices; above 1.4: 1; below 1.2, and able to say so: 2 of 3; it takes 3 "
        "above or 6 below, and 90% that agree)"
    )
    assert Rounds([*some, *[weak] * 9]).lacking(LOW, HIGH).startswith("the machine was too busy, or has too few")


def test_lacking_of_work_that_waits() -> None:
    """A control that neither uses a CPU nor waits for one shows no busy machine."""
    assert Rounds([round_at(0.05, control=0.04)]).lacking(LOW, HIGH).startswith("the work hardly uses a CPU")


def test_lacking_of_work_that_was_kept_from_a_cpu() -> None:
    """A control that waited for a CPU, and got little of it, is no work that waits."""
    round_ = round_at(0.43, control=0.43)
    kept = replace(slice_at(0.43), delay=1.3)
    lacking = Rounds([replace(round_, before=kept, after=kept)]).lacking(LOW, HIGH)
    assert lacking.startswith("the machine was too busy, or has too few cores: the control used 0.43,")


def test_lacking_where_nobody_tells_what_was_waited_for() -> None:
    """Then it may have been either."""
    untold = replace(slice_at(0.43), delay=None)
    lacking = Rounds([Round(untold, untold, untold)]).lacking(LOW, HIGH)
    assert lacking.startswith("the machine was too busy, or has too few cores, or the work hardly uses a CPU: ")


# --- for the reader


def test_reading_is_the_median_of_what_says_something() -> None:
    """Slices that say nothing are not in the range, unless there are no others."""
    findings = Rounds([round_at(1.0), round_at(1.1), round_at(0.9), hindered(low=0.2, high=0.4, delay=0.5)])
    reading = findings.reading(HIGH)
    assert reading is not None
    assert (reading.value, reading.low, reading.high, reading.samples) == (1.0, 0.89, 1.11, 3)
    alone = Rounds(findings.rounds[3:]).reading(HIGH)
    assert alone is not None
    assert (alone.low, alone.high, alone.samples) == (0.2, 0.4, 1)


def test_nothing_has_no_reading() -> None:
    """Without a slice there is no figure, and no time together is no slice."""
    apart = slice_of([report((0, 0)), report((1, 0))], 1.0)
    for findings in (Rounds(), Rounds([Round(apart, apart, apart)])):
        assert findings.reading(HIGH) is None
        assert findings.control() is None
        assert findings.speed_up() is None


def test_reading_of_the_control() -> None:
    """The slices before and after count, of all rounds."""
    reading = Rounds([round_at(1.0, control=1.9), round_at(1.0, control=1.7)]).control()
    assert reading is not None
    assert reading.value == pytest.approx(1.8)
    assert reading.samples == 4


def test_speed_up() -> None:
    """It compares all workers with one of them alone, by the calls of both."""
    assert Rounds([round_at(1.5)]).speed_up() is None
    assert Rounds([], [100.0]).speed_up() is None
    assert Rounds([round_at(1.5), round_at(1.0), round_at(2.0)], [90.0, 100.0, 120.0]).speed_up() == 1.5


def test_speed_up_leaves_out_slices_without_a_call() -> None:
    """A worker that came too late for its slice is not infinitely slow."""
    apart = replace(round_at(1.0), measured=slice_of([report((0, 0)), report((1, 0))], 1.0))
    assert Rounds([round_at(1.5)], [0.0]).speed_up() is None
    assert Rounds([apart], [100.0]).speed_up() is None
    assert Rounds([round_at(1.5), apart, apart], [0.0, 100.0, 0.0]).speed_up() == 1.5


def test_record() -> None:
    """What goes on record is JSON, and says of each slice what it measured and why it does not count."""
    rows = Rounds([round_at(1.0), UNFIT["quota"][0], hindered(delay=None), UNFIT["no control"][0]]).to_json(HIGH)
    assert json.loads(json.dumps(rows)) == rows
    assert rows[0] == {
        "low": 0.99,
        "high": 1.01,
        "before": [1.97, 1.99],
        "after": [1.97, 1.99],
        "delay": 0.0,
        "throttled": False,
        "unfit": None,
    }
    assert (rows[1]["throttled"], rows[1]["unfit"]) == (True, UNFIT["quota"][1])
    assert rows[2]["delay"] is None
    assert (rows[3]["before"], rows[3]["after"]) == (None, None)
