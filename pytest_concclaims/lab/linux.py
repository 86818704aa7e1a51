"""What only Linux has, and only its C library tells: ``prctl``, and glibc's ``malloc_trim``."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

_PR_SET_TIMERSLACK = 29  # linux/prctl.h
_NANOSECOND = 1


@cache
def _function(name: str) -> Any:
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        return getattr(ctypes.CDLL(None), name)
    except (ImportError, OSError, AttributeError):  # another C library, or a Python without ctypes
        return None


def load() -> None:
    """Look it up now: in a forked child, or a thread, that takes time that should go into sampling."""
    _function("prctl")


def sharpen_timers() -> None:
    """Let this thread's waits end when they should: Linux adds 50 us, which is many switch intervals."""
    prctl = _function("prctl")
    if prctl is not None:
        prctl(_PR_SET_TIMERSLACK, _NANOSECOND)


def trim() -> None:
    """Give the memory back that threads, also such as have ended, have got from ``malloc`` and do not use."""
    malloc_trim = _function("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)
