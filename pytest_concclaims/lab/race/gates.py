"""Places where a thread waits for another one, which an interrupt of the main thread cannot leave locked."""

from __future__ import annotations

import _thread
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

_T = TypeVar("_T")


class LockGate:
    """A place where one thread waits for others: a lock."""

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def open(self) -> None:
        """Let the thread go on that waits here, or will."""
        with suppress(RuntimeError):  # it is open, and nothing has waited since
            self._lock.release()

    def wait(self, timeout: float = -1) -> bool:
        """Wait for it to be opened; return whether it was."""
        return self._lock.acquire(True, timeout)


class QueueGate:
    """The same without a GIL, where locks yield the CPU forty times before they wait: each time to what else runs."""

    def __init__(self) -> None:
        self._opened: SimpleQueue[None] = SimpleQueue()

    def open(self) -> None:
        """Let the thread go on that waits here, or will."""
        self._opened.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it to be opened; return whether it was."""
        try:
            self._opened.get(True, timeout)
        except Empty:
            return False
        return True


class Channel(Generic[_T]):
    """A queue for one reader.

    PyPy's queues are Python code: a Ctrl-C in the middle of a ``get`` may leave their lock held for ever.
    """

    def __init__(self) -> None:
        self._items: deque[_T] = deque()
        self._changed = LockGate()

    def put(self, item: _T) -> None:
        """Add an item."""
        self._items.append(item)
        self._changed.open()

    def get(self, timeout: float = -1) -> _T:
        """Wait for an item and take it out.

        :param timeout: seconds without an item; negative: no limit.
        :raises Empty: there was none in time.
        """
        while True:
            with suppress(IndexError):
                return self._items.popleft()
            if not self._changed.wait(timeout):
                raise Empty
