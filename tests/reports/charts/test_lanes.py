"""The lanes of a witness's actors."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import Element

from helpers.pictures import parts, percentage, read, text_of
from helpers.sample_records import ABSENT, DEADLOCK, LINEARIZABLE, RACE, SCHEDULED
from pytest_concclaims.reports import charts as pictures

LANES = pictures.lanes(SCHEDULED)


def rows() -> list[Element]:
    """Return the rows of the body."""
    body = next(read(LANES).iter("tbody"))
    return list(body)


def test_each_actor_has_a_lane_and_each_step_a_row() -> None:
    """In the order in which they ran; the other lanes are empty there."""
    heads = [head.text for head in read(LANES).iter("th")]
    assert heads == ["deposit_5", "deposit_8"]
    steps = [row for row in rows() if row.get("class") != "switch"]
    assert [["runs" in cell.get("class", "").split() for cell in row].index(True) for row in steps] == [
        0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1,
    ]  # fmt: skip
    assert "10 seen = account.balance" in text_of(LANES)
    assert "audit.py:4 lines.append(text) preempted" in text_of(LANES)
    assert "... 8 more rounds of this line" in text_of(LANES)


def test_switches_are_arrows_from_lane_to_lane() -> None:
    """Those of a preemption and of blocking look different. Words say the same, so screen readers skip the arrows."""
    arrows = parts(LANES, "arrow")
    ends = [
        [percentage(line, name) for name in ("x1", "x2")] for arrow in arrows for line in list(arrow.iter("line"))[1:]
    ]
    assert ends == [[25, 75], [75, 25], [25, 75]]
    assert [arrow.get("class") for arrow in arrows] == [
        "picture arrow is-preempted",
        "picture arrow is-blocked",
        "picture arrow",
    ]
    assert [row.get("aria-hidden") for row in parts(LANES, "switch")] == ["true"] * 3


def test_stretch_in_which_an_actor_waits_is_marked() -> None:
    """From the line in which it waits to the one in which it goes on; and one that has to wait for its turn."""
    classes = [cell.get("class") for row in rows() for cell in row if row.get("class") != "switch"]
    assert classes.count("waits") == 3
    assert classes.count("paused") == 3
    assert text_of(LANES).count("waits here") == 1


def test_actor_that_waits_to_the_end_is_named_there() -> None:
    """With the place."""
    text = text_of(pictures.lanes(DEADLOCK))
    assert "outcome: lab.DEADLOCK" in text
    assert "deposit_8 waits in account.py:21: with account.lock:" in text


def test_calls_of_a_scenario_stand_at_the_head() -> None:
    """A row for each; a thread that calls less often has nothing there."""
    head = next(read(pictures.lanes(LINEARIZABLE)).iter("thead"))
    assert [["".join(cell.itertext()) for cell in row] for row in head] == [
        ["thread 1", "thread 2"],
        ["push(1) -> None", "pop() -> 1"],
        ["pop() -> IndexError raised", ""],
    ]


def test_without_steps_there_are_no_lanes() -> None:
    """By whatever it was answered."""
    assert pictures.lanes(RACE) == pictures.lanes(ABSENT) == ""


def test_what_raised_stands_out() -> None:
    """The type of the exception, in the line that it ended."""
    assert [mark.text for mark in parts(LANES, "is-raised")] == ["raised NameError"]
    assert parts(pictures.lanes(replace(DEADLOCK)), "is-raised") == []
