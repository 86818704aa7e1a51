"""The classes of cachebox with one bug each, to see their claims refuted. They are not part of cachebox."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import cachebox
from cachebox import PoolError, rwlock

C = TypeVar("C")
E = TypeVar("E")
K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")


class BoundedBuffer(cachebox.BoundedBuffer[T]):
    """Checks for room without the lock: if an item is taken before ``put`` waits, it is not woken."""

    def put(self, item: T) -> None:
        while len(self._items) >= self._capacity:
            with self._lock:
                self._not_full.wait()
        with self._lock:
            self._items.append(item)
            self._not_empty.notify()


class Cache(cachebox.Cache[K, V]):
    """Looks up and stores under the lock, and releases it in between: two threads may compute the same value."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._computed: dict[K, V] = {}

    def get_or_set(self, key: K, compute: Callable[[], V]) -> V:
        with self._lock:
            if key in self._computed:
                return self._computed[key]
        value = compute()
        with self._lock:
            self._computed[key] = value
        return value


class Counter(cachebox.Counter):
    """Takes no lock: += reads and then writes."""

    def increment(self, amount: int = 1) -> None:
        self._value += amount


class EventBus(cachebox.EventBus[E]):
    """Iterates over the list itself: if another thread removes a handler from it, the next one is skipped."""

    def publish(self, event: E) -> None:
        for handler in self._handlers:
            handler(event)


class Lazy(cachebox.Lazy[T]):
    """Sets the flag before the object is made."""

    def get(self) -> T:
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made = True
                    self._value = self._make()
        return self._value


class Pool(cachebox.Pool[C]):
    """Releases the lock while it connects: meanwhile, another thread may begin to connect as well."""

    def acquire(self) -> C:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if not self._to_make:
                raise PoolError("all connections are lent")
        connection = self._connect()
        with self._lock:
            self._to_make -= 1
        return connection


class RateLimiter(cachebox.RateLimiter):
    """Takes no lock: two threads may count the same token."""

    def allow(self) -> bool:
        now = self._clock()
        tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        allowed = tokens >= 1
        self._tokens = tokens - 1 if allowed else tokens
        self._updated = now
        return allowed


class ReadWriteLock(cachebox.ReadWriteLock):
    """A reader waits for a writer, but a writer does not wait for readers."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = Readers(self.writing)


class Readers(rwlock.Readers):
    """The readers of that lock."""

    def __enter__(self) -> None:
        with self._writing:
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        self._readers -= 1
