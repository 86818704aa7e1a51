"""What the claims about threads need: threads that act at the same time, and things that all can reach.

The module is imported by the processes that the claims start, so it imports nothing that would slow them.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds to wait for a thread that should act at once; a machine may be very busy.
PATIENCE = 60.0

LIVED_ON = "the process lived on"

#: A variable that all threads can reach, and an object that it could lead to.
balance = 0
bookings: list[int] = []


def in_threads(count: int, function: Callable[[int, threading.Barrier], T]) -> list[T]:
    """Return what a function returns in each of some threads that are alive at the same time.

    :param function: called with the thread's number, from 0, and a barrier that all of them can wait at.
    """
    from concurrent.futures import ThreadPoolExecutor

    barrier = threading.Barrier(count, timeout=PATIENCE)
    with ThreadPoolExecutor(max_workers=count) as pool:
        futures = [pool.submit(function, number, barrier) for number in range(count)]
        return [future.result() for future in futures]


def in_another_thread(function: Callable[[], T]) -> T:
    """Return what a function returns in a new thread."""
    return in_threads(1, lambda _, __: function())[0]


def threads_of_this_process() -> int:
    """Return how many threads the operating system (elsewhere than on Linux: Python) counts here."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208  (pathlib is slow to import)
    except OSError:
        return threading.active_count()


def crash_in_a_thread() -> str:
    """Have a thread die of a segmentation fault, and return if there is still somebody to return."""
    thread = threading.Thread(target=signal.raise_signal, args=(signal.SIGSEGV,))
    print("the thread crashes now", flush=True)
    thread.start()
    thread.join()
    print(LIVED_ON, flush=True)
    return LIVED_ON


def raise_in_a_thread() -> str:
    """Have a thread die of an exception, and return if there is still somebody to return."""
    # Python's own, whatever this interpreter was started with.
    own = getattr(threading, "__excepthook__", None) or _thread._excepthook  # noqa: SLF001  (public since 3.10)
    threading.excepthook = own
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    print(LIVED_ON, flush=True)
    return LIVED_ON
