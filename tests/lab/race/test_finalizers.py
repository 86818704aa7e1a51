"""Finalizers in races, and earlier states: these must not end while actors run, nor live where actors may see them.

On a free-threaded build, the thread that has made an object runs its finalizer if it still lives.
"""

from __future__ import annotations

import contextvars
import signal
import threading
import weakref
from contextlib import suppress
from typing import Any, ClassVar

import pytest

from helpers.counters import successor
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


# --- earlier states


class Connection:
    """Counts those that are open."""

    open = 0

    def __init__(self) -> None:
        Connection.open += 1

    def __del__(self) -> None:
        Connection.open -= 1


class App:
    """Knows how many connections there were when it opened its own."""

    def __init__(self) -> None:
        self.connection = Connection()
        self.at_begin = Connection.open

    def closed(self) -> int:
        """Return how many have been closed since."""
        return self.at_begin - Connection.open


class Cyclic(App):
    """Is garbage only for the garbage collector."""

    def __init__(self) -> None:
        super().__init__()
        self.me = self


class Registered:
    """Is known to its class."""

    instances: ClassVar[weakref.WeakSet[Registered]] = weakref.WeakSet()

    def __init__(self) -> None:
        self.instances.add(self)

    def count(self) -> int:
        """Return how many there are."""
        return len(self.instances)


@pytest.mark.parametrize("make", [App, Cyclic])
@pytest.mark.usefixtures("engine")
def test_earlier_state_does_not_end_while_actors_run(make: type[App]) -> None:
    """Nor does its finalizer run in a garbage collection then."""
    with suppress(Inconclusive):
        assert Lab(budget=0.5).race(make, App.closed, App.closed).always((0, 0))


def test_nor_does_it_in_an_interruption(forking: Lab) -> None:
    """Its actors have a scheduler of their own."""
    with suppress(Inconclusive):
        assert forking.interrupted(App, App.closed, App.closed).always((0, 0))


@pytest.mark.usefixtures("engine")
def test_actors_see_no_earlier_state_alive() -> None:
    """Such as in a registry of weak references."""
    with suppress(Inconclusive):
        assert Lab(budget=0.5).race(Registered, Registered.count, Registered.count).always((1, 1))


class Slot:
    """A place for an object, and a weak reference to it."""

    current: object = None
    reference: object = None


def filled() -> list[object]:
    """Return the list that gets a note when the object ends."""
    notes: list[object] = []
    Slot.current = current = Registered()
    Slot.reference = weakref.ref(current, notes.append)
    return notes


def empty(notes: list[object]) -> None:
    """Drop the object, and then the note."""
    Slot.current = None
    successor(0)
    notes.clear()


@pytest.mark.usefixtures("schedules_alone")
def test_object_that_an_actor_drops_ends(forking: Lab) -> None:
    """No snapshot keeps it alive in the only schedule that shows its end."""
    for _ in range(5):  # the schedules of a level are run in random order
        assert forking.race(filled, empty, len).ever(lambda values: values[1] == 1)


class Shared:
    """Has an object in a place that all states share, as modules have."""

    ended: ClassVar[list[int]] = []
    items: ClassVar[list[Shared.Item]] = []

    class Item:
        """Takes a note when it ends."""

        def __del__(self) -> None:
            Shared.ended.append(1)

    def __init__(self) -> None:
        self.items.clear()
        self.ended.clear()
        self.items.append(Shared.Item())

    def clear(self) -> int:
        """Drop the item; return how many have ended."""
        self.items.clear()
        return len(self.ended)

    def pause(self) -> None:
        """Do nothing."""


@pytest.mark.usefixtures("schedules_alone")
def test_what_setup_puts_elsewhere_ends_at_once_in_each_run(lab: Lab) -> None:
    """Also in the first run, and in those that are compared with their repetition."""
    race = lab.race(Shared, Shared.clear, Shared.pause)
    assert race.always((1, None))
    assert race.atomic()


@pytest.mark.usefixtures("samples_alone")
def test_so_it_does_in_each_sample() -> None:
    """Also in those after the ones that show that samples have to be made one at a time."""
    with suppress(Inconclusive):
        assert Lab(budget=0.5).race(Shared, Shared.clear, Shared.pause).always((1, None))


def test_so_it_does_in_each_interruption(forking: Lab) -> None:
    """Its first runs are compared, too."""
    assert forking.interrupted(Shared, Shared.clear, Shared.pause).always((1, None))


def test_context_of_setup_is_that_of_observe(forking: Lab) -> None:
    """A context variable that setup sets, for example the precision of decimals."""
    variable = contextvars.ContextVar("variable", default=0)

    def setup() -> Pool:
        variable.set(1)
        return full()

    with suppress(Inconclusive):
        assert forking.race(setup, Pool.clear, Pool.closed, observe=lambda _: variable.get()).always(1)
