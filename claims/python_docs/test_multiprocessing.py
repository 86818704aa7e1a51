"""Documentation, page "multiprocessing"."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_concclaims import Lab

from . import producers
from .objects import LONG, take_time
from .threads import PATIENCE_S, Threads

SOURCE = "docs: multiprocessing"
QUEUES = "docs: multiprocessing, pipes and queues"
SHARED = "docs: multiprocessing, shared ctypes objects"


# --- shared numbers


def number() -> Any:
    return multiprocessing.Value("i", 0)


def add_one(value: Any) -> None:
    value.value += 1


def add_one_with_the_lock(value: Any) -> None:
    with value.get_lock():
        value.value += 1


def add_one_slowly(value: Any) -> None:
    before = value.value
    take_time()
    value.value = before + 1


@pytest.mark.parametrize("kind", ["thread", "process"])
@pytest.mark.claim("Value: += is not atomic, although it has a lock: a {kind} can lose an update", source=SHARED)
def test_an_update_of_a_shared_number_can_be_lost(lab: Lab, kind: Any) -> None:
    assert lab.race(number, add_one, add_one, observe=lambda value: value.value, kind=kind).ever(1)


@pytest.mark.claim("Value: with its get_lock(), += loses no update", source=SHARED, budget=LONG)
def test_no_update_is_lost_with_get_lock(lab: Lab) -> None:
    race = lab.race(
        number,
        add_one_with_the_lock,
        add_one_with_the_lock,
        observe=lambda value: value.value,
        control=(add_one_slowly, add_one_slowly),
    )
    assert race.always(2)


# --- locks


LOCKS = [
    pytest.param("Lock may be released by another process", "Lock", "released", id="lock"),
    pytest.param("RLock may be released by its own process only", "RLock", "AssertionError", id="rlock"),
]


@pytest.mark.parametrize(("text", "kind", "expected"), LOCKS)
@pytest.mark.claim("{text}", source="docs: multiprocessing, synchronization primitives")
def test_who_may_release_a_lock(lab: Lab, text: str, kind: str, expected: str) -> None:
    child = lab.child(producers.release_in_another_process, kind)
    lab.require(not child.timed_out, "the other process ends")
    lab.note(f"release() in another process than the one that had it: {child.value}")
    assert child.value == expected


# --- queues


@pytest.mark.claim("Objects that one process puts into a Queue are received in their order", source=QUEUES)
def test_objects_of_one_process_are_received_in_order(lab: Lab) -> None:
    child = lab.child(producers.received_of_two_producers, 50)
    lab.require(not child.timed_out, "all is received")
    received = child.value
    lab.note(f"of two processes, {' and '.join(str(len(numbers)) for numbers in received)} numbers were received")
    assert received == [list(range(50))] * 2


@pytest.mark.claim(
    "Objects that two processes put into a Queue one after the other can be received in the other order",
    source=QUEUES,
)
def test_objects_of_two_processes_can_be_received_out_of_order(lab: Lab) -> None:
    child = lab.child(producers.received_out_of_order)
    lab.require(not child.timed_out, "all is received")
    lab.note(f"put: first, second; received: {', '.join(child.value)}")
    assert child.value == ["second", "first"]


@pytest.mark.claim(
    "After a put, for a moment, empty() of a Queue is still True and get_nowait() raises Empty", source=QUEUES
)
def test_a_queue_can_be_empty_after_a_put(lab: Lab) -> None:
    child = lab.child(producers.empty_after_put)
    lab.require(not child.timed_out, "the object is received")
    empty, got, received = child.value
    lab.require(received == "first", "in the end, it is received")
    lab.note(f"after put() had returned, empty() returned {empty}, and get_nowait() {got}")
    assert empty
    assert got == "raised Empty"


@pytest.mark.claim(
    "A process that has put a large object does not end before it is received: join() before get() waits for ever",
    source=QUEUES,
)
def test_join_before_get_waits_for_ever(lab: Lab) -> None:
    child = lab.child(producers.join_before_get, False)
    lab.require(not child.timed_out, "it ends when the object is received")
    lab.note(str(child.value))
    lab.require(child.value.after_get == 0, "after get(), the process ends")
    assert child.value.alive


@pytest.mark.claim(
    "With cancel_join_thread(), a process ends although nothing has received what it put",
    source="docs: multiprocessing, programming guidelines, joining processes that use queues",
)
def test_with_cancel_join_thread_a_process_ends(lab: Lab) -> None:
    child = lab.child(producers.join_before_get, True)
    lab.require(not child.timed_out, "the object is received, or the process ends")
    lab.note(str(child.value))
    assert not child.value.alive


# --- managers

PROXIES = "docs: multiprocessing, proxy objects"


@pytest.fixture(scope="module")
def manager() -> Iterator[Any]:
    """Start the process of a manager, which holds what proxies stand for."""
    # Not forked: newer versions warn of a fork beside threads.
    with multiprocessing.get_context("spawn").Manager() as started:
        yield started


@pytest.mark.claim("A list in a proxied list that is changed in place does not change in the manager", source=PROXIES)
def test_a_change_in_place_is_not_propagated(lab: Lab, manager: Any) -> None:
    outer = manager.list([[]])
    inner = outer[0]
    inner.append("new")
    lab.note(f"after append() to the list at index 0, the manager has {outer[0]} there")
    assert outer[0] == []


@pytest.mark.claim("A change in place is in the manager once the object is stored again", source=PROXIES)
def test_what_is_stored_again_is_propagated(manager: Any) -> None:
    outer = manager.list([[]])
    inner = outer[0]
    inner.append("new")
    outer[0] = inner
    assert outer[0] == ["new"]


@pytest.mark.claim("A proxied list in a proxied list can be changed in place", source=PROXIES)
def test_a_change_of_a_nested_proxy_is_propagated(manager: Any) -> None:
    outer = manager.list([manager.list()])
    outer[0].append("new")
    assert list(outer[0]) == ["new"]


@pytest.mark.claim(
    "A proxy must not be used by two threads without a lock: while one waits for an answer, the other gets none",
    source="docs: multiprocessing, programming guidelines, thread safety of proxies",
)
@pytest.mark.refuted(
    True,
    reason="a proxy has a connection for each thread (multiprocessing.managers, BaseProxy), so calls do not mix",
)
def test_two_threads_disturb_each_other_in_a_proxy(lab: Lab, manager: Any) -> None:
    queue = manager.Queue()
    waiting = Threads(lambda: queue.get(True, PATIENCE_S))
    waiting.have_a_chance()  # it waits in the manager for an item
    answered = Threads(lambda: queue.put("an item")).returned()
    got = waiting.returned()
    lab.note(f"get() in one thread gave {got[0]!r}; put() in another thread, meanwhile, {answered[0]!r}")
    assert (got, answered) != (["an item"], [None])
