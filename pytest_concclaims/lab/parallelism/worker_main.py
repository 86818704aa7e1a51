"""The code of a worker: it calls the work repeatedly during a slice, and reports what that took.

A subinterpreter runs this file by its path, so it imports the standard library only.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

#: A system clock with the same zero in all threads and processes.
clock = time.perf_counter
#: Seconds between two marks, about; shorter work is repeated in between.
_MARK_INTERVAL_S = 0.0002
_MOST_CALLS = 1 << 20
_NOT_RUN = (CoroutineType, GeneratorType, AsyncGeneratorType)


def serve(work: Callable[[], Any], connection: Any) -> None:
    """Receive orders and answer them, until the order is None.

    An order is ``(begin, end, cpus)``: the times of a slice, and the CPUs to run on (None: do not change them).

    The answer is ``("marks", marks, delay)`` or ``("raised", text, traceback)``. Each mark has the time, the CPU
    seconds of this thread so far, and the number of calls in this slice so far. ``delay`` is for how many seconds
    this thread waited for a CPU; None if unknown.
    """
    calls = 1
    while True:
        order = connection.recv()
        if order is None:
            return
        try:
            begin, end, cpus = order
            if cpus is not None:
                os.sched_setaffinity(0, cpus)
            answer, calls = _slice(work, begin, end, calls)
        except BaseException as error:  # noqa: BLE001  (it is sent as the answer)
            words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            called = error.__traceback__
            while called is not None and called.tb_frame.f_code.co_filename == _slice.__code__.co_filename:
                called = called.tb_next
            details = "".join(traceback.format_exception(type(error), error, called))
            connection.send(("raised", words, details))
        else:
            connection.send(answer)


def _slice(work: Callable[[], Any], begin: float, end: float, calls: int) -> tuple[tuple[Any, ...], int]:
    """Return the answer, and the number of calls between two marks for the next slice."""
    # Read before the slice begins: under a GIL, each step of reading a file would wait for the other workers.
    before = _waited()
    # The worker is at work from now on, or from ``begin`` if that is later: the time that it waits for the GIL is
    # part of what is measured. (PyPy releases its GIL after 10,000 bytecodes; if these call C code, the slice may be
    # over by then.)
    ready = clock()
    done = 0
    marks = [(max(begin, ready), time.thread_time(), done)]
    if ready < begin:
        time.sleep(begin - ready)
        marks.append((max(begin, clock()), time.thread_time(), done))
    value: object = None
    if marks[-1][0] >= end:
        value = work()  # too late to count, but an exception is reported
    while marks[-1][0] < end:
        for _ in range(calls):
            value = work()
        done += calls
        marks.append((clock(), time.thread_time(), done))
        # By the clock and not by CPU time: work may wait.
        if marks[-1][0] - marks[-2][0] < _MARK_INTERVAL_S and calls < _MOST_CALLS:
            calls *= 2
    if type(value) in _NOT_RUN:
        raise TypeError(f"returned a {type(value).__name__}, so its code has not run; pass a function that runs it")
    after = _waited()
    return ("marks", marks, None if before is None or after is None else after - before), calls


def _waited() -> float | None:
    """Return for how many seconds this thread has waited for a CPU (Linux: sched-stats.rst); None if unknown."""
    try:
        with open("/proc/thread-self/schedstat", encoding="ascii") as file:  # noqa: PTH123  (pathlib is slow to import)
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None


def serve_in_interpreter(work: Callable[[], Any], descriptor: int) -> None:
    """Serve at a copy of a descriptor; the thread that started the subinterpreter closes the original."""
    from multiprocessing.connection import Connection

    with Connection(os.dup(descriptor)) as connection:
        serve(work, connection)
