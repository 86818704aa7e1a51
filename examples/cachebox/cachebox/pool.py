"""A connection pool."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

C = TypeVar("C")


class PoolError(Exception):
    """All connections of a pool are lent."""


class Pool(Generic[C]):
    """Lends connections, each to one thread at a time.

    :param connect: makes a connection; called if all connections so far are lent.
    :param size: the largest number of connections.
    """

    def __init__(self, connect: Callable[[], C], size: int) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[C] = []
        self._to_make = size

    def acquire(self) -> C:
        """Lend a connection, until :meth:`release`.

        :raises PoolError: all connections are lent.
        """
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if not self._to_make:
                raise PoolError("all connections are lent")
            connection = self._connect()
            self._to_make -= 1
            return connection

    def release(self, connection: C) -> None:
        """Take a connection back."""
        with self._lock:
            self._idle.append(connection)
