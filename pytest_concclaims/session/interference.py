"""Interference in the test process that makes every verdict worthless: replaced clocks and thread functions.

Fixtures and conftest files may do so long after the start, so it is checked right before each claim.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import BuiltinFunctionType, ModuleType

#: What every experiment rests on, and what it is needed for.
_FOUNDATIONS: tuple[tuple[ModuleType, str, str], ...] = (
    (time, "perf_counter", "how long something takes cannot be told"),
    (time, "monotonic", "how long something takes cannot be told"),
    (time, "sleep", "nobody waits where a claim has to"),
    # Not start_new_thread: debuggers replace it with one that starts such a thread all the same.
    (threading, "get_ident", "what runs here are not Python's threads"),
    (threading, "get_native_id", "which thread is which cannot be told"),
    (os, "getpid", "which process is which cannot be told"),
    (os, "getppid", "which process is which cannot be told"),
)
#: So often is a clock read: it is enough for one that ticks 64 times a second, as on Windows.
_READINGS = 1_000_000


def find_interference() -> str | None:
    """Return why no claim can have a verdict in this process as it is now; None if one can."""
    for module, name, what in _FOUNDATIONS:
        function = getattr(module, name, len)  # what is not there was not replaced
        if not isinstance(function, BuiltinFunctionType):
            culprit = getattr(function, "__module__", None) or type(function).__module__
            return (
                f"{module.__name__}.{name} has been replaced (by something of {culprit}), so {what}; run the claims "
                "without that"
            )
    for clock in (time.perf_counter, time.monotonic):
        if not _goes(clock):
            return f"time.{clock.__name__} stands still, so how long something takes cannot be told"
    return None


def _goes(clock: Callable[[], float]) -> bool:
    begin = clock()
    return any(clock() > begin for _ in range(_READINGS))
