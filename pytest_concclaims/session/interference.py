"""Interference in the test process: replaced clocks and thread functions, with which no verdict is valid.

Fixtures and conftest files may replace them at any time, so they are checked right before each claim.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import BuiltinFunctionType, ModuleType

#: Functions that experiments depend on, and what is wrong if they are replaced.
_FOUNDATIONS: tuple[tuple[ModuleType, str, str], ...] = (
    (time, "perf_counter", "durations cannot be measured"),
    (time, "monotonic", "durations cannot be measured"),
    (time, "sleep", "a claim may not wait where it has to"),
    # Not start_new_thread: debuggers replace it by a function that starts such a thread, too.
    (threading, "get_ident", "threads may not be Python's own"),
    (threading, "get_native_id", "threads cannot be identified"),
    (os, "getpid", "processes cannot be identified"),
    (os, "getppid", "processes cannot be identified"),
)
#: The number of times that a clock is read. A clock that ticks 64 times a second, as on Windows, ticks meanwhile.
_READINGS = 1_000_000


def find_interference() -> str | None:
    """Return why no verdict is valid in this process now; None if there is no interference."""
    for module, name, what in _FOUNDATIONS:
        function = getattr(module, name, len)  # a function that this platform does not have was not replaced
        if not isinstance(function, BuiltinFunctionType):
            culprit = getattr(function, "__module__", None) or type(function).__module__
            return f"{module.__name__}.{name} was replaced (by {culprit}), so {what}; run the claims without that"
    for clock in (time.perf_counter, time.monotonic):
        if not _goes(clock):
            return f"time.{clock.__name__} does not advance, so durations cannot be measured; replace no clocks"
    return None


def _goes(clock: Callable[[], float]) -> bool:
    begin = clock()
    return any(clock() > begin for _ in range(_READINGS))
