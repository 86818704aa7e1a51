"""Waits of tests for what must happen."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMEOUT_S = 120.0  #: Limit of the wait for something that must happen; a machine may be very busy.

_POLL_INTERVAL_S = 0.005


def wait_until(condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
    """Poll until the condition is true; fail the test after the timeout."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not true within {timeout_s:g} s"
        time.sleep(_POLL_INTERVAL_S)
