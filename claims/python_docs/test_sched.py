"""Documentation, page "sched"."""

from __future__ import annotations

import sched
from typing import Any

import pytest

from pytest_concclaims import Lab

from .objects import LONG
from .unlocked import UNLOCKED

SOURCE = "docs: sched, scheduler"


class Clock:
    """Time that passes only where it is waited for."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Plan:
    """A scheduler, and what it has called."""

    def __init__(self) -> None:
        clock = Clock()
        self.called: list[int] = []
        self.scheduler = sched.scheduler(clock.time, clock.sleep)
        self.scheduler.enterabs(1, 0, self.called.append, (1,))

    def run(self) -> tuple[int, ...]:
        """Return what the scheduler calls, in order."""
        self.scheduler.run()
        return tuple(self.called)


def enter_2(plan: Plan) -> None:
    plan.scheduler.enterabs(2, 0, plan.called.append, (2,))


def enter_0(plan: Plan) -> None:
    plan.scheduler.enterabs(0, 0, plan.called.append, (0,))


def append_0(events: Any) -> None:
    events.append(0)


def append_2(events: Any) -> None:
    events.append(2)


@pytest.mark.claim(
    "A scheduler may be used by several threads (since 3.3): what two enter at once is called in order",
    source=SOURCE,
    budget=LONG,
)
def test_a_scheduler_may_be_used_by_threads(lab: Lab) -> None:
    control = lab.control(
        append_0, append_2, setup=lambda: UNLOCKED.list([1]), observe=lambda events: tuple(sorted(events))
    )
    race = lab.race(Plan, enter_0, enter_2, observe=lambda plan: plan.run(), control=control)
    assert race.always((0, 1, 2))
