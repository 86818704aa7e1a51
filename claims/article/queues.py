"""Helpers of the claims about queues: processes that write to a queue, or read from it.

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

from .processes import TYPE_CHECKING, WAIT_LIMIT_S, is_alive, starting

if TYPE_CHECKING:
    from typing import Any

    from pytest_concclaims import Lab

#: The item at which a reader ends.
SENTINEL = None
EMPTY = "Empty"


@contextmanager
def new_queue() -> Iterator[Any]:
    """Make a queue; remove it, with its feeder thread, after the block."""
    made: Any = multiprocessing.Queue()
    try:
        yield made
    finally:
        made.close()
        made.join_thread()


def what_get_gives(from_queue: Any, *how: object) -> object:
    """Return what a get() returns, or :data:`EMPTY` if it raises Empty."""
    try:
        return from_queue.get(*how)
    except queue.Empty:
        return EMPTY


def times_off_the_cpu() -> int:
    """Return how often the system has taken this thread off its CPU; always 0 if the system does not report it."""
    try:
        with open("/proc/thread-self/status") as status:  # noqa: PTH123  (pathlib is slow to import)
            fields = dict(line.split(":", 1) for line in status)
    except OSError:  # only Linux has it
        return 0
    return int(fields.get("nonvoluntary_ctxt_switches", 0))


@contextmanager
def child(target: Callable[..., None], *arguments: object) -> Iterator[Any]:
    """Start a process; end it after the block."""
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
    """Let SIGTERM end the process even if its parent ignores the signal, which a child inherits."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def write(to_queue: Any, items: Sequence[object]) -> None:
    """Put the id of this process, and items, into a queue."""
    to_queue.put(os.getpid())
    for item in items:
        to_queue.put(item)


def read_all(from_queue: Any) -> list[object]:
    """Return the items up to the sentinel, or until none is there for a minute."""
    read: list[object] = []
    while True:
        item = what_get_gives(from_queue, True, WAIT_LIMIT_S)
        if item in (SENTINEL, EMPTY):
            return read
        read.append(item)


class Reader:
    """A count of what a reading process has read, and a limit of what it may read, which makes it slow."""

    def __init__(self) -> None:
        self.count = multiprocessing.RawValue("i", 0)
        self._allowed = multiprocessing.Semaphore(0)
        self._read = multiprocessing.Semaphore(0)

    def read_on(self, from_queue: Any) -> None:
        """Read up to the sentinel, as far as the limit allows."""
        for _ in iter(from_queue.get, SENTINEL):
            self._allowed.acquire()
            self.count.value += 1
            self._read.release()

    def read_for_ever(self, from_queue: Any) -> None:
        """Read in an endless loop, as far as the limit allows."""
        _end_when_terminated()
        while True:
            from_queue.get(True)
            self._allowed.acquire()
            self.count.value += 1
            self._read.release()

    def allow(self, items: int) -> None:
        """Allow further items."""
        for _ in range(items):
            self._allowed.release()

    def let_it_read(self, items: int) -> bool:
        """Allow further items, and wait until they are read; return whether they are."""
        self.allow(items)
        return all(self._read.acquire(timeout=WAIT_LIMIT_S) for _ in range(items))


def loop_for_ever(beats: Any) -> None:
    """Count in an endless loop."""
    _end_when_terminated()
    while True:
        beats.value += 1
        time.sleep(0.001)


def is_counting(beats: Any) -> bool:
    """Return whether a count changes, as soon as it does."""
    before, deadline = beats.value, time.monotonic() + WAIT_LIMIT_S
    while beats.value == before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def ends(process: Any, lab: Lab) -> bool:
    """Return whether a process ends; end the claim INCONCLUSIVE unless it ends by itself or by terminate()."""
    process.join(WAIT_LIMIT_S)
    terminated = -signal.SIGTERM if os.name == "posix" else signal.SIGTERM
    lab.require(process.exitcode in (None, 0, terminated), "the process did not fail, and no other signal ended it")
    return not is_alive(lab, process)
