"""Finalizers in races: on a free-threaded build, the thread that has made an object runs them if it still lives."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import Any

import pytest

from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.interpreter import CPYTHON

pytestmark = [
    pytest.mark.interpreter,
    pytest.mark.skipif(not CPYTHON, reason="PyPy runs finalizers only when it collects garbage"),
]


class Resource:
    """Takes a note under a lock when it ends."""

    def __init__(self, pool: Pool) -> None:
        self.lock, self.ended = pool.lock, pool.ended

    def __del__(self) -> None:
        with self.lock:
            self.ended.append(1)


class Pool:
    """Resources that it still has, and how many have ended."""

    def __init__(self, resources: int = 0) -> None:
        self.lock: Any = threading.RLock()
        self.ended: list[int] = []
        self.items = [Resource(self) for _ in range(resources)]

    def put(self) -> None:
        """Add a resource."""
        self.items.append(Resource(self))

    def clear(self) -> int:
        """Drop the resources; return how many have ended."""
        self.items.clear()
        return self.closed()

    def clear_under_the_lock(self) -> None:
        """Drop the resources while their lock is held."""
        with self.lock:
            self.items.clear()
            self.closed()

    def closed(self) -> int:
        """Return how many have ended."""
        return len(self.ended)

    def closed_twice(self) -> tuple[int, int]:
        """Return how many have ended, at two moments."""
        return self.closed(), self.closed()

    def count(self) -> int:
        """Return the number of all resources."""
        return len(self.items) + self.closed()


def full() -> Pool:
    """Return a pool with one resource."""
    return Pool(1)


@pytest.mark.usefixtures("schedules_alone")
def test_actor_that_drops_an_object_of_setup_runs_its_finalizer(lab: Lab) -> None:
    """No thread that lives has made it."""
    race = lab.race(full, Pool.clear, Pool.closed_twice)
    assert race.always(lambda values: values[0] == 1)
    assert race.ever((1, (0, 1)))  # schedules switch threads before and after it


@pytest.mark.usefixtures("samples_alone")
def test_so_it_does_in_samples(lab: Lab) -> None:
    """Their states are made many at a time."""
    assert lab.race(full, Pool.clear, Pool.closed_twice).ever(lambda values: values[0] == 1)


@pytest.mark.usefixtures("schedules_alone")
def test_finalizer_has_run_before_the_outcome(forking: Lab) -> None:
    """Also if it is of an object that another actor has made, whose call has ended."""
    with suppress(Inconclusive):  # it may run just before its thread waits for the token: that does not repeat
        assert forking.race(Pool, Pool.put, Pool.clear, observe=Pool.count).always(1)


@pytest.mark.usefixtures("samples_alone")
def test_so_it_has_in_samples() -> None:
    """A sample of another kind would be seen soon."""
    with suppress(Inconclusive):
        assert Lab(budget=0.5).race(Pool, Pool.put, Pool.clear, observe=Pool.count).always(1)


@pytest.mark.usefixtures("schedules_alone")
def test_finalizer_in_a_thread_that_takes_the_token_may_wait(forking: Lab) -> None:
    """Without a GIL it runs before the next step of the actor that has made the object, and may be blocked."""
    race = forking.race(Pool, Pool.put, Pool.clear_under_the_lock, observe=Pool.count)
    with suppress(Inconclusive):  # as above
        assert race.always(1)
    with suppress(Inconclusive):
        assert race.never(forking.DEADLOCK)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_setup_may_need_the_main_thread(lab: Lab) -> None:
    """As signal.signal does."""

    def setup() -> list[int]:
        before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, before)
        return []

    def add(numbers: list[int]) -> None:
        numbers.append(1)

    assert lab.race(setup, add, add, observe=len).ever(2)
