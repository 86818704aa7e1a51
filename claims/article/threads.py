"""Helpers of the claims about threads: threads that act at the same time, and objects that all of them can reach.

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
WAIT_LIMIT_S = 60.0

LIVED_ON = "the process lived on"

#: A variable that all threads can reach, and an object that it could lead to.
balance = 0
bookings: list[int] = []


def in_threads(count: int, function: Callable[[int, threading.Barrier], T]) -> list[T]:
    """Return what a function returns in each of several threads that are alive at the same time.

    :param function: is called with the thread's number, from 0, and a barrier at which all of them can wait.
    """
    from concurrent.futures import ThreadPoolExecutor

    barrier = threading.Barrier(count, timeout=WAIT_LIMIT_S)
    with ThreadPoolExecutor(max_workers=count) as pool:
        futures = [pool.submit(function, number, barrier) for number in range(count)]
        return [future.result() for future in futures]


def in_another_thread(function: Callable[[], T]) -> T:
    """Return what a function returns in a new thread."""
    return in_threads(1, lambda _, __: function())[0]


def threads_of_this_process() -> int:
    """Return how many threads this process has, by the operating system's count; by Python's, except on Linux."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208  (pathlib is slow to import)
    except OSError:
        return threading.active_count()


def crash_in_a_thread() -> str:
    """Let a thread die of a segmentation fault; return if the process lives on."""
    thread = threading.Thread(target=signal.raise_signal, args=(signal.SIGSEGV,))
    print("the thread crashes now", flush=True)
    thread.start()
    thread.join()
    print(LIVED_ON, flush=True)
    return LIVED_ON


def raise_in_a_thread() -> str:
    """Let a thread die of an exception; return if the process lives on."""
    # Python's own, whatever this interpreter was started with.
    own = getattr(threading, "__excepthook__", None) or _thread._excepthook  # noqa: SLF001  (public since 3.10)
    threading.excepthook = own
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    print(LIVED_ON, flush=True)
    return LIVED_ON
