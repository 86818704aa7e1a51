"""A lazy singleton."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """An object that is made when it is first asked for: ``settings = Lazy(load_settings)``.

    :param make: makes it; called once.
    """

    _value: T

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made = False

    def get(self) -> T:
        """Return the object. Once it is made, that takes no lock."""
        if not self._made:
            with self._lock:
                if not self._made:
                    self._value = self._make()
                    self._made = True  # last: a thread that sees it takes the value without the lock
        return self._value
