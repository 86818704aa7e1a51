"""Gates and queues on which threads wait, and which an interrupt of the main thread cannot leave locked."""

from __future__ import annotations

import _thread
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

_T = TypeVar("_T")


class LockGate:
    """A gate at which one thread waits until another opens it; made of a lock."""

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def open(self) -> None:
        """Let the thread through that waits here, or the next one that does."""
        with suppress(RuntimeError):  # it is open already
            self._lock.release()

    def wait(self, timeout: float = -1) -> bool:
        """Wait until the gate is opened, and return whether it was.

        :param timeout: seconds to wait; negative for no limit.
        """
        return self._lock.acquire(True, timeout)


class QueueGate:
    """The same without a GIL, made of a queue: a lock would first yield the CPU to other programs forty times."""

    def __init__(self) -> None:
        self._opened: SimpleQueue[None] = SimpleQueue()

    def open(self) -> None:
        """Let the thread through that waits here, or the next one that does."""
        self._opened.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the gate is opened, and return whether it was.

        :param timeout: seconds to wait; None for no limit.
        """
        try:
            self._opened.get(True, timeout)
        except Empty:
            return False
        return True


class Channel(Generic[_T]):
    """A queue with one reader.

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
        """Wait for an item and remove it.

        :param timeout: seconds to wait; negative for no limit.
        :raises Empty: no item arrived in time.
        """
        while True:
            with suppress(IndexError):
                return self._items.popleft()
            if not self._changed.wait(timeout):
                raise Empty
