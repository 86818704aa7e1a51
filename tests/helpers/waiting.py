"""Waiting for events in tests."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMEOUT_S = 120.0  #: Seconds after which something that must happen is given up; a machine may be very busy.


def wait_until(condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
    """Poll until the condition is true; fail the test after the timeout."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "what must happen did not happen in time"
        time.sleep(0.005)
