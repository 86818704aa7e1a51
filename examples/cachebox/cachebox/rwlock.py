"""A readers-writer lock."""

from __future__ import annotations

import threading


class ReadWriteLock:
    """Many readers at the same time, or one writer: ``with lock.reading:`` and ``with lock.writing:``."""

    def __init__(self) -> None:
        self.writing = threading.Lock()
        self.reading = Readers(self.writing)


class Readers:
    """The readers of a lock: the first one takes the writers' lock, and the last one releases it.

    :param writing: the lock that a writer holds.
    """

    def __init__(self, writing: threading.Lock) -> None:
        self._writing = writing
        self._lock = threading.Lock()
        self._readers = 0

    def __enter__(self) -> None:
        with self._lock:
            self._readers += 1
            if self._readers == 1:
                self._writing.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                self._writing.release()
