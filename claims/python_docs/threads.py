"""What claims about threads need: a call that may be refused, and a thread that returns a value."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from .tables import Act, named

#: How long a thread may take to return.
PATIENCE_S = 10.0

#: How long a thread is looked at that is to wait.
CHANCE_S = 0.05

#: What stands for the value of a function that does not return.
WAITS = "waits"


def refusable(name: str, call: Act, error: type[Exception]) -> Callable[[Any], str]:
    """Return an actor that says whether a call was done, or raised an error.

    :param name: what the actor does.
    """

    def actor(state: Any) -> str:
        try:
            call(state)
        except error:
            return "refused"
        return "done"

    named(name, actor)
    return actor


class Threads:
    """Threads that each call a function. They are daemons, so that none that waits for ever keeps Python alive."""

    def __init__(self, *functions: Callable[[], object]) -> None:
        self._returned: list[object] = [WAITS] * len(functions)
        self._threads = [
            threading.Thread(target=self._call, args=(index, function), daemon=True)
            for index, function in enumerate(functions)
        ]
        for thread in self._threads:
            thread.start()

    def _call(self, index: int, function: Callable[[], object]) -> None:
        self._returned[index] = function()

    def until(self, condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
        """Wait until a condition holds, or all threads have ended, but for some seconds at most."""
        end = time.monotonic() + within_s
        while not condition() and any(thread.is_alive() for thread in self._threads) and time.monotonic() < end:
            time.sleep(0.001)

    def have_a_chance(self) -> None:
        """Wait for a moment, in which a thread returns that does not wait for anything."""
        self.until(lambda: False, within_s=CHANCE_S)

    def returned(self) -> list[object]:
        """Return what the functions returned; ``WAITS`` for one that does not return."""
        end = time.monotonic() + PATIENCE_S
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return list(self._returned)


def in_a_thread(function: Callable[[], object]) -> Any:
    """Return what a function returns that a thread of its own calls."""
    [value] = Threads(function).returned()
    return value
