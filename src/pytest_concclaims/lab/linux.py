"""What only Linux has, and only its C library tells: ``prctl``."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

_PR_SET_TIMERSLACK = 29  # linux/prctl.h
_NANOSECOND = 1


@cache
def _prctl() -> Any:
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        return ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):  # another C library, or a Python without ctypes
        return None


def load() -> None:
    """Look it up now: in a forked child, or a thread, that takes time that should go into sampling."""
    _prctl()


def sharpen_timers() -> None:
    """Let this thread's waits end when they should: Linux adds 50 us, which is many switch intervals."""
    prctl = _prctl()
    if prctl is not None:
        prctl(_PR_SET_TIMERSLACK, _NANOSECOND)
