"""Documentation, page "multiprocessing"."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest

from pytest_concclaims import Lab

from . import producers

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


@pytest.mark.parametrize("kind", ["thread", "process"])
@pytest.mark.claim("Value: += is not atomic, although it has a lock: a {kind} can lose an update", source=SHARED)
def test_an_update_of_a_shared_number_can_be_lost(lab: Lab, kind: Any) -> None:
    assert lab.race(number, add_one, add_one, observe=lambda value: value.value, kind=kind).ever(1)


@pytest.mark.claim("Value: with its get_lock(), += loses no update", source=SHARED, budget=6)
def test_no_update_is_lost_with_get_lock(lab: Lab) -> None:
    race = lab.race(
        number,
        add_one_with_the_lock,
        add_one_with_the_lock,
        observe=lambda value: value.value,
        control=(add_one, add_one),
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
