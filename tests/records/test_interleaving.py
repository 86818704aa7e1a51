"""Interleavings: steps of a witness, and which of them are most relevant."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from helpers.sample_records import STEPS
from pytest_concclaims.records.interleaving import Step, most_relevant, steps_of, waiting


def steps(*events: str | None, actors: str | None = None) -> list[Step]:
    """Return steps with these events.

    :param actors: a digit for each step; None: all are of actor 0.
    """
    numbers = map(int, actors) if actors else [0] * len(events)
    return [Step(actor, "a.py", line, "", event) for line, (actor, event) in enumerate(zip(numbers, events))]


def test_steps_are_read_from_a_witness() -> None:
    """A witness may have none. A number that another program wrote as 1.0 is 1."""
    stored = [asdict(step) for step in STEPS]
    assert steps_of({"steps": stored}) == STEPS
    assert steps_of({"steps": None}) == steps_of(None) == []
    (step,) = steps_of({"steps": [{**stored[3], "actor": 1.0}]})
    assert isinstance(step.actor, int)


def test_all_are_shown_where_there_is_room() -> None:
    """They are in their order."""
    assert most_relevant(STEPS, len(STEPS)) == list(range(len(STEPS)))


def test_steps_around_a_switch_are_shown_first() -> None:
    """The step in which an actor was preempted, and the next one; then the beginning and the end."""
    events: list[str | None] = [None] * 40
    events[20] = "preempted"
    given = steps(*events, actors="0" * 21 + "1" * 19)
    assert most_relevant(given, 4) == [20, 21]
    assert most_relevant(given, 6) == [0, 20, 21, 39]
    assert most_relevant(given, 8) == [0, 19, 20, 21, 22, 39]


def test_ends_of_actors_are_shown_before_what_led_to_them() -> None:
    """They are what actors did last."""
    events: list[str | None] = [None] * 40
    events[9], events[30] = "returned", "raised ValueError"
    assert most_relevant(steps(*events), 7) == [0, 9, 30, 39]


def test_exception_is_shown_before_switches() -> None:
    """It is the outcome."""
    events: list[str | None] = [None] * 40
    events[30] = "raised ValueError"
    assert 30 in most_relevant(steps(*events, actors="01" * 20), 4)


def test_code_of_others_is_shown_last() -> None:
    """For example that of a library which both actors call."""
    given = [*steps(*[None] * 20), *(replace(step, file="lib.py") for step in steps(*[None] * 20)), *steps(None)]
    assert [given[number].file for number in most_relevant(given, 19)].count("lib.py") == 0


@pytest.mark.parametrize("most", range(1, 30))
@pytest.mark.parametrize("place", [0, 1, 2, 15, 28, 29])
def test_no_more_lines_are_used_than_allowed(most: int, place: int) -> None:
    """A gap takes one line, too, so that no gap is of one step only."""
    events: list[str | None] = [None] * 30
    events[place] = "preempted"
    shown = most_relevant(steps(*events), most)
    missing = [second - first - 1 for first, second in zip([-1, *shown], [*shown, 30])]
    assert len(shown) + sum(map(bool, missing)) <= max(most, 1)
    assert 1 not in missing


def test_actors_that_wait_at_the_end() -> None:
    """Each does so in its last line."""
    assert waiting(STEPS) == []
    assert waiting(STEPS[:6]) == [STEPS[5]]
    assert waiting([*STEPS[:6], Step(0, "a.py", 3, "", "blocked")]) == [Step(0, "a.py", 3, "", "blocked"), STEPS[5]]
