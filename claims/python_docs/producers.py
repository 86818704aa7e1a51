"""What claims about ``multiprocessing`` run: processes that put objects into a queue.

The processes import the module, so it imports nothing that would slow them.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
import time
from typing import Any, NamedTuple

#: Seconds to wait for what should happen at once; a machine may be very busy.
PATIENCE_S = 25.0
#: Seconds to wait at least for what should not happen, and how many times as long as it takes where it happens.
PAUSE_S, PATIENTLY = 0.1, 5
#: More bytes than fit into a pipe.
LARGE = 1_000_000


class Slow:
    """An object that is not pickled before an event."""

    def __init__(self, event: Any) -> None:
        self.event = event

    def __reduce__(self) -> tuple[Any, ...]:
        self.event.wait(PATIENCE_S)
        return str, ("first",)


def _release(lock: Any, connection: Any) -> None:
    try:
        lock.release()
    except AssertionError:
        connection.send("AssertionError")
    else:
        connection.send("released")


def release_in_another_process(kind: str) -> str:
    """Return the outcome of ``release()`` in another process than the one that has the lock."""
    lock = getattr(multiprocessing, kind)()
    here, there = multiprocessing.Pipe()
    lock.acquire()
    process = multiprocessing.Process(target=_release, args=(lock, there))
    process.start()
    said: str = here.recv()
    process.join()
    if said == "released" and not lock.acquire(block=False):
        return "not released"
    return said


def _put_numbers(items: Any, producer: int, count: int) -> None:
    for number in range(count):
        items.put((producer, number))


def received_of_two_producers(count: int) -> list[list[int]]:
    """Return the numbers that are received of two processes which put them into one queue."""
    items: Any = multiprocessing.Queue()
    producers = [multiprocessing.Process(target=_put_numbers, args=(items, each, count)) for each in range(2)]
    for process in producers:
        process.start()
    received: list[list[int]] = [[], []]
    for _ in range(2 * count):
        producer, number = items.get(timeout=PATIENCE_S)
        received[producer].append(number)
    for process in producers:
        process.join()
    return received


def _put_slowly(items: Any, has_put: Any, may_be_pickled: Any) -> None:
    items.put(Slow(may_be_pickled))
    has_put.set()


def received_out_of_order() -> list[str]:
    """Return what is received when a process has put "first", and then this one has put "second"."""
    items: Any = multiprocessing.Queue()
    has_put, may_be_pickled = multiprocessing.Event(), multiprocessing.Event()
    process = multiprocessing.Process(target=_put_slowly, args=(items, has_put, may_be_pickled))
    process.start()
    has_put.wait(PATIENCE_S)
    items.put("second")
    received = [items.get(timeout=2 * PATIENCE_S)]
    may_be_pickled.set()
    received.append(items.get(timeout=PATIENCE_S))
    process.join()
    return received


def empty_after_put() -> tuple[bool, str, str]:
    """Return what ``empty()`` and ``get_nowait()`` say after a ``put()``, and what is received later."""
    items: Any = multiprocessing.Queue()
    may_be_pickled = threading.Event()
    items.put(Slow(may_be_pickled))
    empty = items.empty()
    try:
        got = f"returned {items.get_nowait()!r}"
    except queue.Empty:
        got = "raised Empty"
    may_be_pickled.set()
    return empty, got, items.get(timeout=PATIENCE_S) if got == "raised Empty" else "first"


class Joined(NamedTuple):
    """A process that has put a large object into a queue.

    :param alive: whether it lived on, before the object was received.
    :param waited: seconds for which it was joined.
    :param after_get: its exit code after the object was received.
    """

    alive: bool
    waited: float
    after_get: int | None

    def __str__(self) -> str:
        ended = "had not ended" if self.alive else "had ended"
        return f"not received: it {ended} after {self.waited:.2f} s; then received: exit code {self.after_get}"


def _put_large(items: Any, size: int, cancel: bool, has_put: Any) -> None:
    if cancel:
        items.cancel_join_thread()
    items.put("x" * size)
    has_put.set()


def join_before_get(cancel: bool) -> Joined:
    """Join a process that has put a large object, for longer than one that has put a small object takes to end."""
    seconds = 0.0
    for size in (1, LARGE):
        items: Any = multiprocessing.Queue()
        has_put = multiprocessing.Event()
        process = multiprocessing.Process(target=_put_large, args=(items, size, cancel, has_put))
        process.start()
        has_put.wait(PATIENCE_S)
        begin = time.perf_counter()
        process.join(max(PAUSE_S, PATIENTLY * seconds) if size == LARGE and not cancel else PATIENCE_S)
        seconds = time.perf_counter() - begin
    alive = process.is_alive()
    if not cancel:
        items.get(timeout=PATIENCE_S)
        process.join(PATIENCE_S)
    return Joined(alive, seconds, process.exitcode)
