"""The position of a child in its work, in memory that outlives it."""

from __future__ import annotations

import signal

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.processes.forked import CAN_FORK, run_forked
from pytest_concclaims.lab.race.experiment import Subject
from pytest_concclaims.lab.race.position import AtSchedule, Part, Shared, at_work


def deposit(account: list[int]) -> None:
    """Do nothing, as an actor."""


def observe(account: list[int]) -> int:
    """Observe the state."""
    return len(account)


RACE = Subject("race", list, (deposit, deposit), observe)


def test_value_is_read_as_it_was_written() -> None:
    """Before the first write, it is the first value."""
    shared = Shared(AtSchedule())
    assert shared.read() == AtSchedule()
    for number, schedule in enumerate([(), ((1, 1),), ((2**40, 3), (2**41, 255)), ((7, 0),)], 1):
        for part in Part:
            at = AtSchedule(part, schedule, number, ((0, 1), (2,)))
            shared.write(at)
            assert shared.read() == at


def test_value_that_is_too_large_is_not_kept() -> None:
    """The value before it is not returned either."""
    shared = Shared("")
    shared.write("before")
    shared.write("x" * 10**6)
    assert shared.read() == ""
    shared.write("after")
    assert shared.read() == "after"


@pytest.mark.starts
@pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
def test_value_outlives_a_crash_of_the_child_that_wrote_it() -> None:
    """So the parent knows what crashed."""
    shared = Shared("")

    def crash() -> None:
        shared.write("begun")
        signal.raise_signal(signal.SIGSEGV)

    assert run_forked(crash, deadline=TIMEOUT_S).signal == signal.SIGSEGV
    assert shared.read() == "begun"


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
    """These are functions of the claim."""
    assert at_work(subject, part) == text
