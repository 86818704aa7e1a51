"""What a child says of where it is, in memory that outlives it."""

from __future__ import annotations

import signal

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.processes.forked import CAN_FORK, run_forked
from pytest_concclaims.lab.race.experiment import Subject
from pytest_concclaims.lab.race.position import (
    _MOST_SWITCHES,
    Part,
    Position,
    SharedPosition,
    SharedSchedule,
    at_work,
)


def deposit(account: list[int]) -> None:
    """Do what an actor may."""


def observe(account: list[int]) -> int:
    """Look at it."""
    return len(account)


RACE = Subject("race", list, (deposit, deposit), observe)


def test_schedule_is_read_as_it_was_written() -> None:
    """With its part, and its number among all."""
    shared = SharedSchedule()
    assert (shared.schedule, shared.number) == ((), 0)
    for number, schedule in enumerate([(), ((1, 1),), ((2**40, 3), (2**41, 255)), ((7, 0),)], 1):
        for part in Part:
            shared.write(schedule, part)
            assert (shared.schedule, shared.part, shared.number) == (schedule, part, number)


def test_schedule_that_is_too_long_is_cut() -> None:
    """As many switches as fit are kept."""
    shared = SharedSchedule()
    long = tuple((step, step % 2) for step in range(1, 1000))
    shared.write(long, Part.SETUP)
    assert shared.schedule == long[:_MOST_SWITCHES]
    shared.write(((5, 1),), Part.SETUP)
    assert shared.schedule == ((5, 1),)


@pytest.mark.starts
@pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
def test_schedule_outlives_a_crash_of_the_child_that_wrote_it() -> None:
    """So it is known what crashed."""
    shared = SharedSchedule()

    def crash() -> None:
        shared.write(((2, 1), (9, 0)), Part.SETUP)
        shared.write(((2, 1), (9, 0)), Part.ACTORS)
        signal.raise_signal(signal.SIGSEGV)

    assert run_forked(crash, deadline=TIMEOUT_S).signal == signal.SIGSEGV
    assert shared.schedule == ((2, 1), (9, 0))
    assert shared.part is Part.ACTORS
    assert shared.where(RACE) == "while the race ran (deposit, deposit; schedule 1)"


def test_position_is_read_as_it_was_written() -> None:
    """All of it."""
    at = Position(of_control=True, strategy=3, part=Part.OUTCOMES, length=2**40, samples=5, overlapping=4)
    with SharedPosition() as shared:
        shared.write(at)
        assert shared.read() == at


@pytest.mark.parametrize(
    ("part", "subject", "text"),
    [
        (Part.SETUP, RACE, "setup: list"),
        (Part.ACTORS, RACE, "deposit, deposit"),
        (Part.OUTCOMES, RACE, "observe: observe, or the predicate"),
        (Part.OUTCOMES, Subject("race", list, (deposit, deposit), None), "the predicate"),
    ],
)
def test_part_is_told_by_the_functions_that_run_in_it(part: Part, subject: Subject, text: str) -> None:
    """Those of the claim's author."""
    assert at_work(subject, part) == text
