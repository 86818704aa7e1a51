"""CPU affinity: the CPUs that a thread may run on, and whether it can be pinned to some of them."""

from __future__ import annotations

import os


def usable_cores() -> set[int]:
    """Return the numbers of the CPUs that this thread may run on; an empty set where the system has no affinity."""
    return set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set()


def can_pin() -> bool:
    """Return whether a thread can be pinned to CPUs on this system."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    try:
        os.sched_setaffinity(0, os.sched_getaffinity(0))
    except OSError:  # a sandbox forbids it
        return False
    return True
