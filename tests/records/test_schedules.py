"""Phrases about schedules."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.sample_records import SCHEDULES
from pytest_concclaims.records import schedules as words

POINTS = "14 switch points of CPython 3.13 with the GIL"
CORRECT = "on this interpreter, the control's code is correct, too"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "422 schedules with at most two preemptions (more exist: 782 with three)"),
        ({"further": None}, "422 schedules with at most two preemptions (more exist)"),
        ({"preemptions": 0, "run": 2, "further": 10}, "2 schedules with no preemption (more exist: 10 with one)"),
        ({"preemptions": 1, "further": 9}, "422 schedules with at most one preemption (more exist: 9 with two)"),
        ({"preemptions": 10, "further": 9}, "422 schedules with at most ten preemptions (more exist: 9 with 11)"),
        ({"preemptions": None, "run": 1}, "1 schedule (no level of preemptions was completed)"),
        ({"exhausted": True, "run": 6}, "all 6 schedules"),
    ],
)
def test_which_schedules_ran(changes: dict[str, Any], text: str) -> None:
    """The phrase has their number, up to which level they ran, and whether more exist."""
    assert words.tried({**SCHEDULES, **changes}) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "14 and 16 switch points of CPython 3.13 with the GIL"),
        ({"switch_points": [1, 2, 3]}, "1, 2 and 3 switch points of CPython 3.13 with the GIL"),
        (
            {"switch_points": [0, 0]},
            "actors have no switch point on CPython 3.13 with the GIL, so they ran one after the other",
        ),
        ({"grade": "portable"}, "at each of 14 and 16 instructions, on CPython 3.13 with the GIL"),
        ({"switch_points": [14]}, f"{POINTS}, where a handler can run (a finalizer also elsewhere)"),
    ],
)
def test_where_actors_were_switched(changes: dict[str, Any], text: str) -> None:
    """The phrase has the number of switch points of each actor, and the interpreter."""
    assert words.switch_points({**SCHEDULES, **changes}) == text


@pytest.mark.parametrize(
    ("control", "matched", "text"),
    [
        (None, True, None),
        ({}, True, "its control showed it in 16 of 62"),
        ({}, False, "a generic control showed it in 16 of 62"),
        ({"seen": 0}, True, "its control showed it in none of 62"),
        (
            {"seen": 0, "exhausted": True},
            True,
            f"its control showed it in none of all 62 schedules; {CORRECT}",
        ),
        ({"seen": 0, "exhausted": True}, False, "a generic control showed it in none of all 62 schedules"),
    ],
)
def test_what_the_control_showed(control: dict[str, Any] | None, matched: bool, text: str | None) -> None:
    """A control of which no schedule shows the effect is correct."""
    run = None if control is None else {**SCHEDULES["control"], **control}
    assert words.of_control({**SCHEDULES, "control": run}, "its control" if matched else "a generic control") == text


@pytest.mark.parametrize(
    ("seen", "exhausted", "text"),
    [
        (2, False, "without a GIL: 2 of 20 schedules show it"),
        (1, False, "without a GIL: 1 of 20 schedules shows it"),
        (0, False, "without a GIL: none of 20 schedules with at most one preemption (more exist) shows it"),
        (0, True, "without a GIL: none of all 20 schedules shows it"),
    ],
)
def test_what_portable_schedules_showed(seen: int, exhausted: bool, text: str) -> None:
    """There, actors are switched anywhere."""
    portable = {"run": 20, "seen": seen, "preemptions": 1, "exhausted": exhausted}
    assert words.without_gil({**SCHEDULES, "portable": portable}) == text
    assert words.without_gil(SCHEDULES) is None


@pytest.mark.parametrize("preemptions", [None, 0])
def test_portable_schedules_without_a_preemption_tell_nothing(preemptions: int | None) -> None:
    """There was no time for others."""
    portable = {"run": 20, "seen": 0, "preemptions": preemptions, "exhausted": False}
    assert words.without_gil({**SCHEDULES, "portable": portable}) is None


@pytest.mark.parametrize(
    ("seen", "exhausted", "text"),
    [
        (2, True, "at any instruction: 2 of 20 schedules show it"),
        (0, True, "at any instruction: none of 20 schedules shows it"),
        (0, False, "at any instruction: none of 20 schedules (more exist) shows it"),
    ],
)
def test_what_portable_schedules_showed_of_a_handler(seen: int, exhausted: bool, text: str) -> None:
    """One actor has switch points, and the phrase does not mention the GIL."""
    portable = {"run": 20, "seen": seen, "preemptions": 0, "exhausted": exhausted}
    assert words.without_gil({**SCHEDULES, "switch_points": [14], "portable": portable}) == text


def test_random_schedules_and_their_probability() -> None:
    """It is that of one schedule."""
    random = {"run": 1_000, "preemptions": 3, "chance": 0.00012}
    text = words.at_random({**SCHEDULES, "random": random})
    assert text == (
        "1,000 random ones with three preemptions (each shows an effect that takes these with a probability of at "
        "least 1.2e-04)"
    )
    assert words.at_random(SCHEDULES) is None


@pytest.mark.parametrize(
    ("strategy", "by_schedule", "text"),
    [
        ("schedule with 1 preemption", True, "schedule 7 of 422 (1 preemption): 1"),
        ("leapfrog", False, None),
    ],
)
def test_where_a_witness_was_seen(strategy: str, by_schedule: bool, text: str | None) -> None:
    """The name of the strategy says whether it was a schedule or a sample."""
    witness = {"strategy": strategy, "sample": 7, "outcome": "1", "scenario": None}
    assert words.in_schedule(witness) is by_schedule
    if text is not None:
        assert words.seen_in(witness, {**SCHEDULES, "seen": 1}) == text
        assert words.seen_in(witness, {**SCHEDULES, "seen": 16}) == f"{text}; 16 of them show it"


@pytest.mark.parametrize(
    ("scenario", "text"),
    [
        (None, "(None, 1)"),
        ([[("push(1)", "None")], [("pop()", "1")]], "push(1) -> None | pop() -> 1"),
        ([[("push(1)", None), ("pop()", None)], [("pop()", None)]], "push(1); pop() | pop(): (None, 1)"),
    ],
)
def test_what_a_witness_shows(scenario: list[list[tuple[str, str | None]]] | None, text: str) -> None:
    """The outcome; of operations, the calls with their results, or with the outcome if these are unknown."""
    threads = [[{"call": call, "result": result} for call, result in calls] for calls in scenario or ()]
    assert words.found({"outcome": "(None, 1)", "scenario": threads or None}) == text


def test_remarks() -> None:
    """Schedules that did not repeat come first."""
    given = {**SCHEDULES, "unrepeatable": 2, "remarks": ["a", "b"]}
    assert list(words.remarks(given)) == ["2 schedules did not repeat", "a", "b"]
    assert list(words.remarks(SCHEDULES)) == []
