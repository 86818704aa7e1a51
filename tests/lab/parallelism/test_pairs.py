"""What pairs of slices settle about a speed-up; it is never wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_concclaims.lab.parallelism.findings import MARGIN, NOT_ALONE, UNDISTURBED
from pytest_concclaims.lab.parallelism.pairs import DISTURBED, NOT_SCALING, Pair, PairRound, Pairs
from pytest_concclaims.lab.parallelism.slices import DELAY, TOGETHER, Slice

LOW, HIGH = 1.4, 1.6
#: The workers of the control, in words.
CONTROL = "2 processes"
ONE = Slice(1.0, 1.0, 0.02, 0.02, 0.0, False, 1000.0, 1000.0, 1)


def pair_at(value: float) -> Pair:
    """Return a good pair with a value."""
    return Pair(ONE, Slice(1.9, 1.9, 0.03, 0.03, 0.0, False, 990 * value, 1010 * value, 2))


def round_at(value: float, control: float = 1.98) -> PairRound:
    """Return a good round with a value, and with a value of its control."""
    return PairRound(pair_at(control), pair_at(value), pair_at(control))


def test_pair_has_bounds() -> None:
    """The lower and the upper bound of what all did, over what one did."""
    pair = pair_at(1.5)
    assert (pair.low, pair.middle, pair.high) == pytest.approx((1.485, 1.5, 1.515))


def test_pair_of_which_a_slice_has_no_call_says_anything() -> None:
    """Its bounds are zero and the number of workers."""
    pair = Pair(replace(ONE, seconds=0.0, fewest=0.0, most=0.0), pair_at(1.0).many)
    assert (pair.low, pair.high, pair.hindered()) == (0.0, 2.0, "the workers were hardly at work at the same time")


def parts(changes: dict[str, Any]) -> list[PairRound]:
    """Return rounds in each of which one slice has these changes: of one worker or of all, in each of the pairs."""
    good = round_at(1.0)
    return [
        replace(good, **{name: replace(pair, **{part: replace(getattr(pair, part), **changes)})})
        for name, pair in (("before", good.before), ("measured", good.measured), ("after", good.after))
        for part in ("one", "many")
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"delay": DELAY + 0.001}, "the workers waited for a CPU"),
        ({"throttled": True}, "a CPU quota held the workers back"),
        ({"seconds": 0.019 * TOGETHER}, "the workers were hardly at work at the same time"),
    ],
)
def test_any_slice_that_was_hindered_spoils_its_round(changes: dict[str, Any], why: str) -> None:
    """If one worker waited, the speed-up seems greater; if all waited, it seems less. So it is for the control."""
    for given in parts(changes):
        assert given.unfit(HIGH) == why
        findings = Pairs([given] * 1000)
        assert findings.settled(LOW, HIGH) is None
        assert findings.lacking(LOW, HIGH, CONTROL) == f"in 1,000 of 1,000 rounds, {why}; 0 rounds count"


def test_control_that_does_not_scale_spoils_its_round() -> None:
    """Before or after; it must exceed the number that is asked about, and not just one."""
    good = round_at(1.0)
    weak = pair_at(HIGH + MARGIN)
    for given in (replace(good, before=weak), replace(good, after=weak)):
        assert given.unfit(HIGH) == NOT_SCALING
        assert given.unfit(1.2) is None
        assert Pairs([given] * 1000).settled(LOW, HIGH) is None
    assert Pairs([replace(good, before=weak, after=weak)]).lacking(LOW, HIGH, CONTROL) == (
        "this machine was too busy or has too few CPUs, or the work does not scale. Even the control (2 processes) "
        "did only 1.70 times as much as one; more than 1.7 is needed"
    )


def test_control_that_does_too_much_spoils_its_round() -> None:
    """If other programs slow the worker that runs alone, without making it wait, the speed-up seems greater."""
    good = round_at(1.98)
    much = pair_at(2 / UNDISTURBED / 0.98)
    for given in (replace(good, before=much), replace(good, after=much)):
        assert given.unfit(HIGH) == DISTURBED
        assert Pairs([given] * 1000).settled(LOW, HIGH) is None


@pytest.mark.parametrize("control", [2 * UNDISTURBED - 0.01, 2 / UNDISTURBED + 0.01])
def test_without_delays_the_control_must_be_undisturbed(control: float) -> None:
    """It must do about as much as it can on idle CPUs, neither less nor more."""
    for given in parts({"delay": None}):
        assert given.unfit(HIGH) is None
        weak = pair_at(control)
        for disturbed in (replace(given, before=weak), replace(given, after=weak)):
            assert disturbed.unfit(HIGH) == (NOT_ALONE if disturbed.delay is None else None)


@pytest.mark.parametrize(("value", "above"), [(1.98, True), (1.0, False), (0.25, False)])
def test_thirteen_rounds_that_agree_settle_it(value: float, above: bool) -> None:
    """Twelve rounds do not settle it."""
    assert Pairs([round_at(value)] * 13).settled(LOW, HIGH) is above
    assert Pairs([round_at(value)] * 12).settled(LOW, HIGH) is None
    lacking = Pairs([round_at(value)] * 12).lacking(LOW, HIGH, CONTROL)
    assert lacking.endswith("1 more that agree would settle it; give a larger budget")


def test_one_that_disagrees_takes_more() -> None:
    """The test is that of ratios."""
    other = round_at(1.0)
    assert Pairs([other, *[round_at(1.98)] * 17]).settled(LOW, HIGH) is None
    assert Pairs([other, *[round_at(1.98)] * 18]).settled(LOW, HIGH) is True


def test_dead_zone_and_vague_pairs_settle_nothing() -> None:
    """The bounds count, and not the estimate."""
    vague = Pair(ONE, replace(pair_at(1.98).many, fewest=500.0))
    for given in (round_at(1.5), replace(round_at(1.98), measured=vague)):
        findings = Pairs([given] * 1000)
        assert findings.settled(LOW, HIGH) is None
        assert "1,000 on neither side" in findings.lacking(LOW, HIGH, CONTROL)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("truth", [1.0, 1.98])
def test_hogs_that_come_and_go_never_settle_what_is_not_so(truth: float, seed: int) -> None:
    """A slice beside such a program is slow, and its workers report that they waited."""
    chance = random.Random(seed)

    def beside_hogs(slice_: Slice) -> Slice:
        if chance.random() < 0.4:
            return slice_
        part = chance.uniform(0.3, 0.9)
        return replace(slice_, fewest=slice_.fewest * part, most=slice_.most * part, delay=1 - part)

    def pair(value: float) -> Pair:
        good = pair_at(value)
        return Pair(beside_hogs(good.one), beside_hogs(good.many))

    findings = Pairs()
    for _ in range(300):
        findings.add(pair(truth), (pair(1.98), pair(1.98)))
        assert findings.settled(LOW, HIGH) in (truth > HIGH, None)


# --- results


def test_reading_is_of_the_rounds_that_count() -> None:
    """The range has the medians that the test does not exclude; of too few rounds, there is none."""
    bad = parts({"delay": 1.0})[2]
    findings = Pairs([*[round_at(value) for value in (0.45, 0.5, 0.55)], bad])
    reading = findings.reading(HIGH)
    assert reading is not None
    assert (reading.value, reading.samples) == (0.5, 3)
    assert reading.low == -reading.high == float("-inf")
    more = Pairs([*findings.rounds, *[round_at(0.5)] * 40]).reading(HIGH)
    assert more is not None
    assert (more.low, more.high) == pytest.approx((0.495, 0.505))
    alone = Pairs([bad]).reading(HIGH)
    assert alone is not None
    assert alone.samples == 1
    assert Pairs().reading(HIGH) is None
    assert Pairs().control() is None


def test_record() -> None:
    """The evidence is JSON; for each round, it has what was measured, and why the round does not count."""
    rows = Pairs([round_at(1.0), parts({"delay": 0.5, "throttled": True})[0], parts({"delay": None})[5]]).to_json(
        HIGH
    )
    assert json.loads(json.dumps(rows)) == rows
    assert rows[0] == {
        "low": 0.99,
        "high": 1.01,
        "before": [1.9602, 1.9998],
        "after": [1.9602, 1.9998],
        "delay": 0.0,
        "throttled": False,
        "unfit": None,
    }
    assert (rows[1]["delay"], rows[1]["throttled"]) == (0.5, True)
    assert rows[2]["delay"] is None


def test_order_within_a_pair_is_drawn() -> None:
    """One worker comes first about as often as all workers."""
    findings = Pairs(_chance=random.Random(3))
    asked: list[int] = []

    def take(workers: Sequence[Any]) -> Slice:
        asked.append(len(workers))
        return ONE if len(workers) == 1 else pair_at(1.0).many

    crew: Any = [object(), object()]
    for _ in range(100):
        pair = findings.look(crew, take)
        assert (pair.one.workers, pair.many.workers) == (1, 2)
    assert 35 < asked[::2].count(1) < 65
