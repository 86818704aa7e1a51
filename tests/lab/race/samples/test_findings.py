"""The samples of a question: whose turn it is, how long strides are, and why there is no answer yet."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from pytest_concclaims.lab.race.question import portable
from pytest_concclaims.lab.race.samples.findings import Findings, Side
from pytest_concclaims.lab.race.samples.power import OVERLAPPING, PLENTY, PLENTY_OF_STRIDES, SEEN, STRIDES
from pytest_concclaims.lab.race.samples.strategies import Strategy
from pytest_concclaims.lab.race.samples.tally import Count, Tally

#: Samples of a race with which the control is not behind.
AS_MANY = OVERLAPPING // 10
SEEN_AS_OFTEN = 3 * SEEN // 10


def side(turns: int = 0, overlapping: int = 0, seen: int = 0, strides: int = 0) -> Side:
    """Return a side after some turns, each as long as the first one."""
    tally = Tally(turns, strides, total=Count(overlapping, overlapping), seen=Count(seen, seen))
    return Side(tally, seconds=turns * Side().turn_s)


def findings(race: Side | None = None, control: Side | None = None, **what: Any) -> Findings:
    """Return the findings of a race and its control."""
    return Findings((Strategy.LEAPFROG,), race=race or side(), control=control or side(), **what)


# --- turns


@pytest.mark.parametrize(
    ("race", "control", "what", "turn"),
    [
        (side(), side(), {}, "race"),
        (side(1), side(), {}, "race"),
        (side(1, AS_MANY), side(), {}, "control"),
        (side(2, AS_MANY), side(1, AS_MANY, SEEN_AS_OFTEN), {}, "race"),
        (side(2, AS_MANY), side(1, AS_MANY, SEEN_AS_OFTEN - 1), {}, "control"),
        (side(2, AS_MANY), side(2), {}, "race"),
        (side(7), side(), {}, "race"),
        (side(8), side(), {}, "control"),
        (side(15), side(1), {}, "race"),
        (side(16), side(1), {}, "control"),
        (side(16, AS_MANY), side(1), {"crash": True}, "control"),
        (side(16, AS_MANY), side(1), {"crash": True, "matched": False}, "race"),
    ],
    ids=[
        "first",
        "nothing overlapped",
        "control is behind",
        "control is not behind",
        "control is just behind",
        "control is behind for long",
        "seven turns",
        "eight turns",
        "fifteen turns",
        "sixteen turns",
        "crash",
        "crash without a control",
    ],
)
def test_side_whose_turn_it_is(race: Side, control: Side, what: dict[str, bool], turn: str) -> None:
    """It is the side that needs more samples; the control has at least an eighth of the race's time."""
    found = findings(race, control, **what)
    assert found.next() is {"race": race, "control": control}[turn]


PLENTY_OF_RACE = side(60, PLENTY, strides=PLENTY_OF_STRIDES)
PLENTY_OF_CONTROL = side(60, PLENTY, PLENTY)


@pytest.mark.parametrize(
    ("race", "control", "race_over", "control_over"),
    [
        (side(), side(), False, True),
        (side(1, 1), side(), False, False),
        (side(2, AS_MANY), side(1, AS_MANY, SEEN_AS_OFTEN), False, True),
        (side(2, AS_MANY, seen=1), side(), True, True),
        (PLENTY_OF_RACE, PLENTY_OF_CONTROL, True, True),
        (PLENTY_OF_RACE, side(1), False, False),
    ],
    ids=["nothing", "control is behind", "control is not behind", "witness", "plenty", "unseen control"],
)
def test_turn_ends_once_it_is_settled(race: Side, control: Side, race_over: bool, control_over: bool) -> None:
    """The control's turn also ends when it is no longer behind."""
    found = findings(race, control)
    assert (found.is_turn_over(race), found.is_turn_over(control)) == (race_over, control_over)
    assert found.is_settled() is race_over


@pytest.mark.parametrize(
    ("outcome", "samples", "is_settled"), [(None, 9, False), (None, 10, True), (1, 9, True)], ids=repr
)
def test_actors_that_have_returned_nothing_so_far(outcome: int | None, samples: int, is_settled: bool) -> None:
    """After a witness, more samples are needed to know whether they ever return something."""
    found = findings(least_empty=10)
    found.race.tally.count(portable((None, None)), 0, samples - 1)
    found.race.tally.count(portable((None, outcome)), 0)
    found.race.tally.seen.add(1, 0)
    assert found.is_settled() is is_settled


@pytest.mark.parametrize(
    ("race", "what", "lacking"),
    [
        (side(1, 1, seen=1), {}, None),
        (side(1, 1, seen=1), {"crash": True, "matched": False}, None),
        (PLENTY_OF_RACE, {}, None),
        (PLENTY_OF_RACE, {"crash": True}, None),
        (PLENTY_OF_RACE, {"crash": True, "matched": False}, "a crash has no generic control; pass one that crashes"),
        (side(60, OVERLAPPING - 1, strides=STRIDES), {}, f"only {OVERLAPPING - 1} of "),
    ],
    ids=["witness", "crash", "absence", "no crash", "no crash, no control", "too few"],
)
def test_what_is_lacking(race: Side, what: dict[str, bool], lacking: str | None) -> None:
    """There is an answer with a witness, or with enough samples."""
    found = findings(race, PLENTY_OF_CONTROL, **what).lacking()
    assert found is None if lacking is None else str(found).startswith(lacking)


@pytest.mark.parametrize(
    ("what", "race", "control"),
    [
        ({"checked": 0}, False, True),
        ({"checked": 3}, True, True),
        ({"checked": 3, "one_at_a_time": "setup changes a list"}, False, False),
        ({"checked": 3, "one_at_a_time": "setup changes a list", "same_setup": False}, False, True),
    ],
    ids=["not yet known", "nothing shared", "shared", "control of its own"],
)
def test_samples_are_pooled_where_states_share_nothing(what: dict[str, Any], race: bool, control: bool) -> None:
    """The race's are, after some checks."""
    found = findings(**what)
    assert (found.are_pooled(found.race), found.are_pooled(found.control)) == (race, control)
    assert bool(found.remarks) is ("one_at_a_time" in what)


def test_findings_travel_between_processes() -> None:
    """The two sides are still different objects."""
    here = findings(side(9, AS_MANY), one_at_a_time="setup changes a list", seconds=1.5)
    there: Findings = pickle.loads(pickle.dumps(here))
    assert there == here
    assert there.next() is there.control


# --- lengths of strides


def lengths(cost: float, waking: float = 0.001, strides: int = 12) -> list[int]:
    """Return the lengths of strides with the same CPU time for each sample."""
    one, found = side(), []
    for _ in range(strides):
        found.append(one.length(Strategy.LEAPFROG))
        one.learn_length(Strategy.LEAPFROG, waking + found[-1] * cost)
    return found


def test_strides_of_slow_actors_are_short() -> None:
    """The first one is short, because an actor may take a second."""
    assert lengths(cost=1.0) == [1] * 12


def test_strides_of_fast_actors_grow_at_once() -> None:
    """After a few strides, they are long enough."""
    found = lengths(cost=1e-6)
    assert found[0] == 1
    assert max(found[:6]) > 500
    assert all(later <= 16 * earlier for earlier, later in zip(found, found[1:]))


def test_actors_that_take_no_cpu_time() -> None:
    """If actors sleep, strides have a maximal length and are cut short by time."""
    assert 1 < lengths(cost=0.0, waking=0.0)[-1] <= 16_384


def test_stride_takes_about_the_time_that_it_should() -> None:
    """It is long enough not to consist of thread switches, and short enough that outcomes are judged often."""
    assert lengths(cost=1e-5)[-1] == pytest.approx(300, rel=0.2)


def test_lengths_do_not_fall() -> None:
    """One slow stride does not shorten the next."""
    one = side()
    one.lengths[Strategy.LEAPFROG] = 100
    one.learn_length(Strategy.LEAPFROG, 1.0)
    assert one.length(Strategy.LEAPFROG) == 100


def test_each_strategy_has_lengths_of_its_own() -> None:
    """One of them may take much longer for a sample."""
    one = side()
    one.learn_length(Strategy.LEAPFROG, 0.0)
    assert one.length(Strategy.LEAPFROG) > one.length(Strategy.RENDEZVOUS) == 1


def test_control_has_lengths_of_its_own() -> None:
    """The control's actors may be slower or faster than the race's."""
    known = findings()
    for _ in range(5):
        known.race.learn_length(Strategy.LEAPFROG, 0.001)
    assert known.race.length(Strategy.LEAPFROG) > 1_000
    assert known.control.length(Strategy.LEAPFROG) == 1
