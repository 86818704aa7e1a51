"""Documentation, page "sched"."""

from __future__ import annotations

import sched

import pytest

from pytest_concclaims import Lab

from .objects import LONG, take_time

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


class UnguardedPlan:
    """A plan without a lock."""

    def __init__(self) -> None:
        self.events = [1]

    def add(self, event: int) -> None:
        before = self.events
        take_time()  # other threads run here
        self.events = sorted([*before, event])

    def run(self) -> tuple[int, ...]:
        return tuple(self.events)


def add_2(plan: UnguardedPlan) -> None:
    plan.add(2)


def add_0(plan: UnguardedPlan) -> None:
    plan.add(0)


@pytest.mark.claim(
    "A scheduler may be used by several threads (since 3.3): what two enter at once is called in order",
    source=SOURCE,
    budget=LONG,
)
def test_a_scheduler_may_be_used_by_threads(lab: Lab) -> None:
    control = lab.control(add_0, add_2, setup=UnguardedPlan)
    race = lab.race(Plan, enter_0, enter_2, observe=lambda plan: plan.run(), control=control)
    assert race.always((0, 1, 2))
