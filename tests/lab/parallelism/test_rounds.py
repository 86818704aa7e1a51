"""What slices settle about parallelism; it is never wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_concclaims.lab.measurement import Settled
from pytest_concclaims.lab.parallelism import rounds
from pytest_concclaims.lab.parallelism.findings import MARGIN, NOT_ALONE, UNDISTURBED
from pytest_concclaims.lab.parallelism.rounds import ABOVE, BELOW, NO_CONTROL, TOO_BUSY, Round, Rounds
from pytest_concclaims.lab.parallelism.slices import DELAY, TOGETHER, Slice

LOW, HIGH = 1.2, 1.4
#: The workers of the control, in words.
CONTROL = "2 processes"
#: Workers that were never at work at the same time.
NO_TIME = Slice(0.0, 2.0, 0.0, 1.0, None, False, 0.0, 0.0)


# --- one round


def slice_at(value: float) -> Slice:
    """Return a good slice with a value."""
    return Slice(value - 0.01, value + 0.01, 0.05, 0.05, 0.0, False, 100.0, 100.0)


def round_at(value: float, control: float = 1.98) -> Round:
    """Return a good round with a value, and with a value of its control."""
    return Round(slice_at(control), slice_at(value), slice_at(control))


def hindered(**changes: object) -> Round:
    """Return a round that measured one core, with something that hindered the workers."""
    return replace(round_at(1.0), measured=replace(slice_at(1.0), **changes))  # type: ignore[arg-type]  # of many types


WEAK = slice_at(1.4)
UNFIT = {
    "control before": (replace(round_at(1.0), before=WEAK), TOO_BUSY),
    "control after": (replace(round_at(1.0), after=WEAK), TOO_BUSY),
    "no control": (Round(None, slice_at(1.0), None), NO_CONTROL),
    "no work of the control": (replace(round_at(1.0), after=NO_TIME), TOO_BUSY),
    "quota": (hindered(throttled=True), "a CPU quota held the workers back"),
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
    """Each thing that may have hindered workers is a reason, and no number of such rounds settles anything."""
    assert given.unfit(HIGH) == why
    assert not given.is_above(HIGH)
    findings = Rounds([given] * 1000)
    assert findings.settled(LOW, HIGH) is None
    assert findings.counting(HIGH) == []
    if why != TOO_BUSY:
        assert findings.lacking(LOW, HIGH, CONTROL) == (
            f'in 1,000 of 1,000 slices, {why}. Of 1,000 slices, 0 lie above 1.4; of the 0 that count for "less", 0 '
            "lie below 1.2. Needed: 3 above or 6 below, and 90% that agree"
        )


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
def test_round_that_counts(given: Round) -> None:
    """There is no reason against it."""
    assert given.unfit(HIGH) is None
    assert Rounds([given] * BELOW).settled(LOW, HIGH) is False


def test_control_has_to_exceed_the_number_that_was_asked_about() -> None:
    """A control that shows two cores does not show three."""
    assert round_at(1.0, control=1.98).unfit(1.8) is None
    assert round_at(1.0, control=1.98).unfit(2.5) == TOO_BUSY


def test_slice_without_overlap_shows_nothing() -> None:
    """Workers that hardly ran at the same time show nothing, whatever their numbers."""
    assert not replace(round_at(1.9), measured=replace(slice_at(1.9), seconds=0.01)).is_above(HIGH)


# --- several rounds


def test_above_takes_no_control() -> None:
    """Other programs can make CPU time smaller, but not greater."""
    weak = round_at(1.98, control=0.5)
    busy = replace(weak, measured=replace(slice_at(1.6), delay=0.4, throttled=True))
    assert Rounds([weak] * ABOVE).settled(LOW, HIGH) is True
    assert Rounds([busy] * ABOVE).settled(LOW, HIGH) is True
    assert Rounds([weak] * (ABOVE - 1)).settled(LOW, HIGH) is None
    assert Rounds([weak] * ABOVE).settle(LOW, HIGH) == Settled(True)


def test_below_takes_more_slices() -> None:
    """It is settled by six slices, and not before."""
    assert Rounds([round_at(1.0)] * BELOW).settled(LOW, HIGH) is False
    assert Rounds([round_at(1.0)] * (BELOW - 1)).settled(LOW, HIGH) is None
    assert Rounds([round_at(1.0)] * BELOW).settle(LOW, HIGH) == Settled(False)
    assert Rounds().settle(LOW, HIGH) is None


def test_bounds_count_and_not_the_guess() -> None:
    """A slice whose lower bound is not above the number does not show "more"; the same holds for the upper bound."""
    vague = replace(slice_at(1.0), low=0.5, high=1.9)
    assert Rounds([replace(round_at(1.0), measured=replace(vague, high=2.5))] * 100).settled(LOW, HIGH) is None
    assert Rounds([replace(round_at(1.0), measured=vague)] * 100).settled(LOW, HIGH) is None
    exactly = [replace(round_at(1.0), measured=replace(vague, low=HIGH, high=2.0))] * 100
    assert Rounds(exactly).settled(LOW, HIGH) is None
    assert Rounds([replace(round_at(1.0), measured=replace(vague, high=LOW))] * 100).settled(LOW, HIGH) is None


def test_dead_zone_settles_nothing() -> None:
    """Between the two numbers there is no answer, for any number of slices."""
    findings = Rounds([round_at(1.3)] * 1000)
    assert findings.settled(LOW, HIGH) is None
    assert findings.lacking(LOW, HIGH, CONTROL) == (
        "the slices disagree, or lie in the dead zone. Of 1,000 slices, 0 lie above 1.4; of the 1,000 that count for "
        '"less", 0 lie below 1.2. Needed: 3 above or 6 below, and 90% that agree'
    )


def test_half_and_half_settles_nothing() -> None:
    """Slices that disagree give no answer."""
    findings = Rounds([round_at(1.0), round_at(1.98)] * 500)
    assert findings.settled(LOW, HIGH) is None
    assert '500 lie above 1.4; of the 1,000 that count for "less", 500 lie below 1.2' in findings.lacking(
        LOW, HIGH, CONTROL
    )


def test_witness_counts_against_less_even_beside_a_weak_control_or_none() -> None:
    """Slices that show "more" count whatever their control did."""
    for witness in (round_at(1.98, control=1.0), Round(None, slice_at(1.98), None)):
        assert Rounds([round_at(1.0)] * BELOW + [witness]).settled(LOW, HIGH) is None
        assert Rounds([round_at(1.0)] * 9 + [witness]).settled(LOW, HIGH) is False
        assert Rounds([round_at(1.0)] * 17 + [witness] * 2).settled(LOW, HIGH) is None


def test_more_takes_no_control() -> None:
    """Such slices settle it alone."""
    assert Rounds([Round(None, slice_at(1.98), None)] * ABOVE).settled(LOW, HIGH) is True


def test_few_that_disagree_do_not_keep_it_from_more() -> None:
    """Nine of ten must agree; eight of ten do not suffice."""
    assert Rounds([round_at(1.98)] * 9 + [round_at(1.0)]).settled(LOW, HIGH) is True
    assert Rounds([round_at(1.98)] * 8 + [round_at(1.0)]).settled(LOW, HIGH) is None


@pytest.mark.parametrize("seed", range(10))
def test_hogs_in_the_middle_never_settle_for_less(seed: int) -> None:
    """Programs that run only beside measured slices make two threads look like one core, but their waits show it."""
    chance = random.Random(seed)
    findings = Rounds()
    for _ in range(200):
        if chance.random() < 0.95:  # the other programs run
            measured = replace(slice_at(chance.uniform(0.4, 1.1)), delay=chance.uniform(0.2, 1.0))
        else:
            measured = slice_at(chance.uniform(1.9, 1.98))
        findings.rounds.append(replace(round_at(1.0), measured=measured))
        assert findings.settled(LOW, HIGH) is not False


@pytest.mark.parametrize("seed", range(10))
def test_hogs_that_come_and_stay_never_settle_for_less(seed: int) -> None:
    """The control gets less as well, so there is no answer even if waits are not reported."""
    chance = random.Random(seed)
    findings = Rounds()
    come = chance.randrange(3)  # fewer slices than an answer needs
    for number in range(200):
        value = 1.98 if number < come else chance.uniform(0.4, 1.1)
        part = replace(slice_at(value), delay=None)
        findings.rounds.append(Round(part, part, part))
        assert findings.settled(LOW, HIGH) is None


def test_lacking_says_what_most_slices_lack() -> None:
    """It has the most frequent reason, and the numbers of slices."""
    weak, delayed = UNFIT["control after"][0], UNFIT["delay"][0]
    some = [round_at(1.0)] * 2 + [delayed] * 4 + [round_at(1.3), round_at(1.98, control=1.0)]
    assert Rounds(some).lacking(LOW, HIGH, CONTROL) == (
        "in 4 of 8 slices, the workers waited for a CPU. Of 8 slices, 1 lie above 1.4; of the 3 that count for "
        '"less", 2 lie below 1.2. Needed: 3 above or 6 below, and 90% that agree'
    )
    assert "Even the control (2 processes)" in Rounds([*some, *[weak] * 9]).lacking(LOW, HIGH, CONTROL)


def test_lacking_of_work_that_waits() -> None:
    """A control that neither uses a CPU nor waits for one does not show a busy machine."""
    assert Rounds([round_at(0.05, control=0.04)]).lacking(LOW, HIGH, CONTROL) == (
        "the work hardly uses a CPU, and this measures CPU time. Even the control (2 processes) used 0.04 cores; "
        "more than 1.5 is needed"
    )


@pytest.fixture
def cpus(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, float | None], None]:
    """Return a function that sets the number of usable CPUs, and the CPU quota."""

    def set_cpus(usable: int, quota: float | None) -> None:
        monkeypatch.setattr(rounds, "usable_cpus", lambda: usable)
        monkeypatch.setattr(rounds, "cgroup_quota", lambda: quota)

    set_cpus(2, None)
    return set_cpus


@pytest.mark.usefixtures("cpus")
def test_lacking_of_work_that_was_kept_from_a_cpu() -> None:
    """A control that waited for a CPU, and got little of it, does not show work that waits."""
    round_ = round_at(0.43, control=0.43)
    kept = replace(slice_at(0.43), delay=1.3)
    assert Rounds([replace(round_, before=kept, after=kept)]).lacking(LOW, HIGH, CONTROL) == (
        "this machine was too busy. Even the control (2 processes) got 0.43 cores; more than 1.5 is needed"
    )


@pytest.mark.parametrize(("usable", "quota", "words"), [(1, None, "(1)"), (4, 1.5, "(1.5)"), (2, 0.5, "(0.5)")])
def test_lacking_with_too_few_cpus(
    usable: int, quota: float | None, words: str, cpus: Callable[[int, float | None], None]
) -> None:
    """The control cannot exceed the number of usable CPUs, or the CPU quota."""
    cpus(usable, quota)
    lacking = Rounds([round_at(1.0, control=1.0)]).lacking(LOW, HIGH, CONTROL)
    assert lacking.startswith(
        f"this machine has too few usable CPUs {words}. Even the control (2 processes) got 1.00 "
    )


@pytest.mark.usefixtures("cpus")
def test_lacking_of_work_that_waits_half_of_the_time() -> None:
    """The control wanted too few cores, so the machine need not have been busy."""
    lacking = Rounds([round_at(1.0, control=1.0)]).lacking(LOW, HIGH, CONTROL)
    assert lacking.startswith("this machine was too busy, or the work waits for something other than a CPU. Even ")


@pytest.mark.usefixtures("cpus")
def test_lacking_where_waits_are_not_reported() -> None:
    """Both causes are possible then."""
    unknown = replace(slice_at(0.43), delay=None)
    lacking = Rounds([Round(unknown, unknown, unknown)]).lacking(LOW, HIGH, CONTROL)
    assert lacking.startswith("this machine was too busy, or the work hardly uses a CPU. Even the control ")


# --- results


def test_reading_is_the_median_of_what_says_something() -> None:
    """Slices that do not count are not in the range, unless there are no others."""
    findings = Rounds([round_at(1.0), round_at(1.1), round_at(0.9), hindered(low=0.2, high=0.4, delay=0.5)])
    reading = findings.reading(HIGH)
    assert reading is not None
    assert (reading.value, reading.low, reading.high, reading.samples) == (1.0, 0.89, 1.11, 3)
    alone = Rounds(findings.rounds[3:]).reading(HIGH)
    assert alone is not None
    assert (alone.low, alone.high, alone.samples) == (0.2, 0.4, 1)


def test_nothing_has_no_reading() -> None:
    """Without a slice there is no result; a slice without a common time is none."""
    for findings in (Rounds(), Rounds([Round(NO_TIME, NO_TIME, NO_TIME)])):
        assert findings.reading(HIGH) is None
        assert findings.control() is None


def test_reading_of_the_control() -> None:
    """The slices before and after count, of all rounds."""
    reading = Rounds([round_at(1.0, control=1.9), round_at(1.0, control=1.7)]).control()
    assert reading is not None
    assert reading.value == pytest.approx(1.8)
    assert reading.samples == 4


def test_record() -> None:
    """The evidence is JSON; for each slice, it has what was measured, and why the slice does not count."""
    rows = Rounds([round_at(1.0), UNFIT["quota"][0], hindered(delay=None), UNFIT["no control"][0]]).to_json(HIGH)
    assert (rows[3]["before"], rows[3]["after"]) == (None, None)
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
