"""A rate limiter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class RateLimiter:
    """A token bucket.

    :param rate: calls per second in the long run.
    :param burst: calls that may be made at once.
    :param clock: returns the time in seconds.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = float(burst)
        self._updated = clock()

    def allow(self) -> bool:
        """Return whether one more call may be made now; if so, count it."""
        with self._lock:
            now = self._clock()
            tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
            allowed = tokens >= 1
            self._tokens = tokens - 1 if allowed else tokens
            self._updated = now
            return allowed
