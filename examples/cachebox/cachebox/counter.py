"""A counter."""

from __future__ import annotations

import threading


class Counter:
    """Counts up from 0."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value = 0

    @property
    def value(self) -> int:
        """The sum of all amounts that were added."""
        return self._value

    def increment(self, amount: int = 1) -> None:
        """Add an amount."""
        with self._lock:
            self._value += amount
