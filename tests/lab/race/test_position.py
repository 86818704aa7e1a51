"""The position of a child in its work, in memory that outlives it."""

from __future__ import annotations

import signal

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.processes.forked import CAN_FORK, run_forked
from pytest_concclaims.lab.race.experiment import Subject
from pytest_concclaims.lab.race.position import AtSchedule, Part, Position, at_work


def deposit(account: list[int]) -> None:
    """Do nothing, as an actor."""


def observe(account: list[int]) -> int:
    """Observe the state."""
    return len(account)


RACE = Subject("race", list, (deposit, deposit), observe)


def test_schedule_is_read_as_it_was_written() -> None:
    """Each begins with its setup. Before the first one begins, it is the given one."""
    position = Position(AtSchedule())
    assert position.read() == (AtSchedule(), Part.SETUP)
    for number, schedule in enumerate([(), ((1, 1),), ((2**40, 3), (2**41, 255)), ((7, 0),)], 1):
        at = AtSchedule(schedule, number, ((0, 1), (2,)))
        position.begin(at)
        assert position.read() == (at, Part.SETUP)
        for part in Part:
            position.enter(part)
            assert position.read() == (at, part)


def test_schedule_that_is_too_large_is_not_kept() -> None:
    """The one before it is not returned either."""
    position = Position("")
    position.begin("before")
    position.begin("x" * 10**6)
    position.enter(Part.ACTORS)
    assert position.read() == ("", Part.SETUP)
    position.begin("after")
    assert position.read() == ("after", Part.SETUP)


def test_each_part_that_begins_is_counted() -> None:
    """Also that of a schedule which is not kept."""
    position = Position("")
    before = position.begun()
    position.begin("x" * 10**6)
    position.enter(Part.ACTORS)
    position.enter(Part.ACTORS)
    assert position.begun() == before + 3
    assert position.read() == ("", Part.SETUP)


@pytest.mark.starts
@pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
def test_position_outlives_a_crash_of_the_child_that_wrote_it() -> None:
    """So the parent knows what crashed."""
    position = Position("")

    def crash() -> None:
        position.begin("a schedule")
        position.enter(Part.ACTORS)
        signal.raise_signal(signal.SIGSEGV)

    assert run_forked(crash, deadline=TIMEOUT_S).signal == signal.SIGSEGV
    assert position.read() == ("a schedule", Part.ACTORS)


@pytest.mark.parametrize(
    ("part", "subject", "text"),
    [
        (Part.SETUP, RACE, "setup: list"),
        (Part.ACTORS, RACE, "deposit, deposit"),
        (Part.SETUP_OF_ORDER, RACE, "setup: list"),
        (Part.ORDER, RACE, "one call after the other: deposit, deposit"),
        (Part.OUTCOMES, RACE, "observe: observe, or the predicate"),
        (Part.OUTCOMES, Subject("race", list, (deposit, deposit), None), "the predicate"),
    ],
)
def test_part_is_told_by_the_functions_that_run_in_it(part: Part, subject: Subject, text: str) -> None:
    """These are functions of the claim."""
    assert at_work(subject, part) == text
