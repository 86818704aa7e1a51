"""A cache."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from .lazy import Lazy

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Keeps a value for each key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[K, Lazy[V]] = {}

    def get_or_set(self, key: K, compute: Callable[[], V]) -> V:
        """Return the value of a key; compute it on the first call.

        Threads that ask for the same key meanwhile wait for the value. Threads that ask for another key do not.
        """
        with self._lock:
            value = self._values.get(key)
            if value is None:
                value = self._values[key] = Lazy(compute)
        return value.get()
