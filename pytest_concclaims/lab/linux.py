"""Functions of Linux's C library: ``prctl``, and glibc's ``malloc_trim``."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

_PR_SET_TIMERSLACK = 29  # linux/prctl.h
_SLACK_NS = 1


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
    """Look ``prctl`` up now, so that a forked child or a thread does not spend sampling time on it."""
    prctl()


def prctl() -> Any:
    """Return the C library's function of this name, which is looked up once; None if there is none."""
    return _function("prctl")


def sharpen_timers() -> None:
    """Reduce this thread's timer slack. By default, Linux lets each timed wait last up to 50 us longer."""
    call = prctl()
    if call is not None:
        call(_PR_SET_TIMERSLACK, _SLACK_NS)


def trim() -> None:
    """Return memory to the system that ``malloc`` holds but does not use, such as that of ended threads."""
    malloc_trim = _function("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)
