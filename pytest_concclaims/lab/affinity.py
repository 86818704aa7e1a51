"""The CPUs that threads may run on, and whether threads can be kept on them."""

from __future__ import annotations

import os


def usable_cores() -> set[int]:
    """Return the numbers of the CPUs that this thread may run on; none where the system does not say."""
    return set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set()


def can_pin() -> bool:
    """Return whether threads can be kept on CPUs here."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    try:
        os.sched_setaffinity(0, os.sched_getaffinity(0))
    except OSError:  # a sandbox forbids it
        return False
    return True
