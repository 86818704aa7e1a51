"""An event bus."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

E = TypeVar("E")


class EventBus(Generic[E]):
    """Calls all subscribed handlers with each event that is published."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handlers: list[Callable[[E], object]] = []

    def subscribe(self, handler: Callable[[E], object]) -> None:
        """Call a handler with each event that is published from now on."""
        with self._lock:
            self._handlers.append(handler)

    def unsubscribe(self, handler: Callable[[E], object]) -> None:
        """Undo :meth:`subscribe`. An event that is being published may still reach the handler."""
        with self._lock:
            self._handlers.remove(handler)

    def publish(self, event: E) -> None:
        """Call the handlers with an event, in the order in which they were subscribed."""
        with self._lock:
            handlers = self._handlers.copy()
        for handler in handlers:  # without the lock: a handler may subscribe and unsubscribe
            handler(event)
