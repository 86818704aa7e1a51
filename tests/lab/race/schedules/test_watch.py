"""Recordings of what actors do, line by line."""

from __future__ import annotations

from types import CodeType

from pytest_concclaims.lab.race.schedules.story import Visit
from pytest_concclaims.lab.race.schedules.watch import Recording


def code_of_an_actor() -> CodeType:
    """Return some code that is not the lab's own."""
    return (lambda: None).__code__


def test_actor_that_is_blocked_where_it_was_preempted_is_noted_there() -> None:
    """It continues within an instruction, so that no visit comes before the block."""
    visits: list[Visit] = []
    recording, code = Recording(visits.append), code_of_an_actor()
    recording.visit(0, code, 1)
    recording.note(0, "preempted")
    recording.visit(1, code, 2)
    recording.note(1, "blocked")
    recording.note(0, "blocked")
    assert [(visit.actor, visit.line, visit.event) for visit in visits] == [
        (0, 1, None),
        (0, 1, "preempted"),
        (1, 2, None),
        (1, 2, "blocked"),
        (0, 1, "blocked"),
    ]


def test_actor_that_was_never_seen_in_code_has_no_visit() -> None:
    """A function in C has no line."""
    visits: list[Visit] = []
    Recording(visits.append).note(0, "returned")
    assert visits == []
