"""The lines of actors in the order in which they ran: which of them tell most."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from helpers.sample_records import STEPS
from pytest_concclaims.records.interleaving import Step, most_relevant, steps_of, waiting


def steps(*events: str | None, actors: str | None = None) -> list[Step]:
    """Return steps with these events, of actor 0, or of those with these digits."""
    numbers = map(int, actors) if actors else [0] * len(events)
    return [Step(actor, "a.py", line, "", event) for line, (actor, event) in enumerate(zip(numbers, events))]


def test_steps_are_read_from_a_witness() -> None:
    """None where it has none; a number that another program wrote as 1.0 is 1."""
    stored = [asdict(step) for step in STEPS]
    assert steps_of({"steps": stored}) == STEPS
    assert steps_of({"steps": None}) == steps_of(None) == []
    (step,) = steps_of({"steps": [{**stored[3], "actor": 1.0}]})
    assert isinstance(step.actor, int)


def test_all_are_shown_where_there_is_room() -> None:
    """In their order."""
    assert most_relevant(STEPS, len(STEPS)) == list(range(len(STEPS)))


def test_what_is_around_a_switch_is_shown_first() -> None:
    """The line in which an actor was preempted, and the one that ran next; then the beginning and the end."""
    events: list[str | None] = [None] * 40
    events[20] = "preempted"
    told = steps(*events, actors="0" * 21 + "1" * 19)
    assert most_relevant(told, 4) == [20, 21]
    assert most_relevant(told, 6) == [0, 20, 21, 39]
    assert most_relevant(told, 8) == [0, 19, 20, 21, 22, 39]


def test_ends_of_actors_are_shown_before_what_led_to_them() -> None:
    """What they did last."""
    events: list[str | None] = [None] * 40
    events[9], events[30] = "returned", "raised ValueError"
    assert most_relevant(steps(*events), 7) == [0, 9, 30, 39]


def test_code_of_others_is_shown_last() -> None:
    """Within a call that both actors make into a library."""
    told = [*steps(*[None] * 20), *(replace(step, file="lib.py") for step in steps(*[None] * 20)), *steps(None)]
    assert [told[number].file for number in most_relevant(told, 19)].count("lib.py") == 0


@pytest.mark.parametrize("most", range(1, 30))
@pytest.mark.parametrize("place", [0, 1, 2, 15, 28, 29])
def test_no_more_lines_are_taken_than_there_are(most: int, place: int) -> None:
    """Each gap takes one as well, and so none is of one step only."""
    events: list[str | None] = [None] * 30
    events[place] = "preempted"
    shown = most_relevant(steps(*events), most)
    missing = [second - first - 1 for first, second in zip([-1, *shown], [*shown, 30])]
    assert len(shown) + sum(map(bool, missing)) <= max(most, 1)
    assert 1 not in missing


def test_actors_that_wait_at_the_end() -> None:
    """Each in its last line; those that went on do not."""
    assert waiting(STEPS) == []
    assert waiting(STEPS[:6]) == [STEPS[5]]
    assert waiting([*STEPS[:6], Step(0, "a.py", 3, "", "blocked")]) == [Step(0, "a.py", 3, "", "blocked"), STEPS[5]]
