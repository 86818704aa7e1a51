"""What the claims about queues need: processes that write to one, or read from it.

The module is imported by the processes that the claims start, so it imports nothing that would slow them.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .processes import PATIENCE, is_alive, starting

if TYPE_CHECKING:
    from pytest_concclaims import Lab

#: What a reader is to end at.
SENTINEL = None
EMPTY = "Empty"


@contextmanager
def new_queue() -> Iterator[Any]:
    """Make a queue; when the block is left, nothing of it is left."""
    made: Any = multiprocessing.Queue()
    try:
        yield made
    finally:
        made.close()
        made.join_thread()


def what_get_gives(from_queue: Any, *how: object) -> object:
    """Return what a get() returns, or that it raises Empty."""
    try:
        return from_queue.get(*how)
    except queue.Empty:
        return EMPTY


@contextmanager
def child(target: Callable[..., None], *arguments: object) -> Iterator[Any]:
    """Start a process; when the block is left, it is gone."""
    process = multiprocessing.Process(target=target, args=arguments)
    with starting():
        process.start()
    try:
        yield process
    finally:
        if process.is_alive():
            process.kill()
        process.join()


def _end_when_terminated() -> None:
    """Let the process be terminated, even if its parent cannot be: what is ignored there is ignored here."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def write(to_queue: Any, items: Sequence[object]) -> None:
    """Put one's process id, and items, into a queue."""
    to_queue.put(os.getpid())
    for item in items:
        to_queue.put(item)


def read_all(from_queue: Any) -> list[object]:
    """Return what comes, until the sentinel does or nothing comes any more."""
    read: list[object] = []
    while True:
        item = what_get_gives(from_queue, True, PATIENCE)
        if item in (SENTINEL, EMPTY):
            return read
        read.append(item)


class Reader:
    """Counts what a reading process has read, and how much it may read: it can be as slow as one likes."""

    def __init__(self) -> None:
        self.count = multiprocessing.RawValue("i", 0)
        self._allowed = multiprocessing.Semaphore(0)
        self._read = multiprocessing.Semaphore(0)

    def read_on(self, from_queue: Any) -> None:
        """Read until the sentinel comes, as fast as one may."""
        for _ in iter(from_queue.get, SENTINEL):
            self._allowed.acquire()
            self.count.value += 1
            self._read.release()

    def read_for_ever(self, from_queue: Any) -> None:
        """Read in an endless loop, as fast as one may."""
        _end_when_terminated()
        while True:
            from_queue.get(True)
            self._allowed.acquire()
            self.count.value += 1
            self._read.release()

    def allow(self, items: int) -> None:
        """Allow so many items more."""
        for _ in range(items):
            self._allowed.release()

    def let_it_read(self, items: int) -> bool:
        """Allow so many items more, and wait until they are read; return whether they are."""
        self.allow(items)
        return all(self._read.acquire(timeout=PATIENCE) for _ in range(items))


def loop_for_ever(beats: Any) -> None:
    """Count, without an end."""
    _end_when_terminated()
    while True:
        beats.value += 1
        time.sleep(0.001)


def is_counting(beats: Any) -> bool:
    """Return whether a count goes on, as soon as it does."""
    before, deadline = beats.value, time.monotonic() + PATIENCE
    while beats.value == before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def ends(process: Any, lab: Lab) -> bool:
    """Return whether a process ends; no verdict if anything but its own end or terminate() ends it."""
    process.join(PATIENCE)
    terminated = -signal.SIGTERM if os.name == "posix" else signal.SIGTERM
    lab.require(process.exitcode in (None, 0, terminated), "the process did not fail, and nobody else ended it")
    return not is_alive(lab, process)
