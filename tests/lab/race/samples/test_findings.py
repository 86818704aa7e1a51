"""What samples have shown so far, and what follows: whose turn it is, what is lacking."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from pytest_concclaims.lab.race.question import portable
from pytest_concclaims.lab.race.samples.findings import Findings, Side
from pytest_concclaims.lab.race.samples.meetings import Meeting
from pytest_concclaims.lab.race.samples.power import OVERLAPPING, PLENTY, PLENTY_OF_STRIDES, SEEN, STRIDES
from pytest_concclaims.lab.race.samples.tally import Count, Tally

#: Samples of a race with which the control that was seen so often is not behind.
AS_MANY = OVERLAPPING // 10
SEEN_AS_OFTEN = 3 * SEEN // 10


def side(turns: int = 0, overlapping: int = 0, seen: int = 0, strides: int = 0) -> Side:
    """Return a side after some turns, each as long as a first one."""
    tally = Tally(turns, strides, total=Count(overlapping, overlapping), seen=Count(seen, seen))
    return Side(tally, seconds=turns * Side().turn_s)


def findings(race: Side | None = None, control: Side | None = None, **what: Any) -> Findings:
    """Return what there is of a race and of its control."""
    return Findings((Meeting.LEAPFROG,), race=race or side(), control=control or side(), **what)


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
    """The one that is farther from what it takes; the control has an eighth of the race's time at least."""
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
    """And the control's, once it is no longer behind."""
    found = findings(race, control)
    assert (found.is_turn_over(race), found.is_turn_over(control)) == (race_over, control_over)
    assert found.is_settled() is race_over


@pytest.mark.parametrize(
    ("outcome", "samples", "is_settled"), [(None, 9, False), (None, 10, True), (1, 9, True)], ids=repr
)
def test_actors_that_have_returned_nothing_so_far(outcome: int | None, samples: int, is_settled: bool) -> None:
    """What is sought was seen, but that may be all that there is to see: it takes some more samples to know."""
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
        (PLENTY_OF_RACE, {"crash": True, "matched": False}, "a crash has no generic control: give the race one"),
        (side(60, OVERLAPPING - 1, strides=STRIDES), {}, "too few overlapping samples"),
    ],
    ids=["witness", "crash", "absence", "no crash", "no crash, no control", "too few"],
)
def test_what_is_lacking(race: Side, what: dict[str, bool], lacking: str | None) -> None:
    """Nothing, where something was seen, or could have been."""
    found = findings(race, PLENTY_OF_CONTROL, **what).lacking()
    assert found is None if lacking is None else str(found).startswith(lacking)


@pytest.mark.parametrize(
    ("what", "race", "control"),
    [
        ({"watched": 0}, False, True),
        ({"watched": 3}, True, True),
        ({"watched": 3, "shares": "setup changes a list"}, False, False),
        ({"watched": 3, "shares": "setup changes a list", "same_setup": False}, False, True),
    ],
    ids=["not yet known", "nothing shared", "shared", "control of its own"],
)
def test_samples_are_pooled_where_states_share_nothing(what: dict[str, Any], race: bool, control: bool) -> None:
    """The race's, once that was looked for often enough."""
    found = findings(**what)
    assert (found.are_pooled(found.race), found.are_pooled(found.control)) == (race, control)
    assert bool(found.remarks) is ("shares" in what)


def test_findings_travel_between_processes() -> None:
    """The sides are told apart there as well."""
    here = findings(side(9, AS_MANY), shares="setup changes a list", seconds=1.5)
    there: Findings = pickle.loads(pickle.dumps(here))
    assert there == here
    assert there.next() is there.control
