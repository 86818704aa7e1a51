"""A lazy singleton."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """An object that is made on first use: ``settings = Lazy(load_settings)``.

    :param make: makes the object; called once.
    """

    _value: T

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made = False

    def get(self) -> T:
        """Return the object. Takes no lock once the object is made."""
        if not self._made:
            with self._lock:
                if not self._made:
                    self._value = self._make()
                    self._made = True  # last: a thread that sees it reads the value without the lock
        return self._value
