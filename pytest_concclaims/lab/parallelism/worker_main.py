"""A worker's part: calling the work over and over for the time of a slice, and telling what that took.

A subinterpreter runs this file by its path, so it imports nothing but the standard library.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

#: One and the same clock in all threads and processes: that of the system, from a point that they share.
clock = time.perf_counter
#: Seconds between two marks, about: work that is shorter is repeated between them.
_MARK_INTERVAL_S = 0.0002
_MOST_CALLS = 1 << 20
_NOT_RUN = (CoroutineType, GeneratorType, AsyncGeneratorType)


def serve(work: Callable[[], Any], connection: Any) -> None:
    """Do slices until there are no more: each order is the times of begin and end, None is the last.

    An order also says on which CPUs to be, None where that cannot be said.

    Answers ``("marks", marks, delay)``: each mark has the time, the CPU seconds of this thread so far, and how often
    the work was called in this slice so far; ``delay`` is how many seconds this thread waited for a CPU, None if the
    system does not tell. Or ``("raised", text, traceback)``.
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
        except BaseException as error:  # noqa: BLE001  (the answer tells it)
            words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            called = error.__traceback__
            while called is not None and called.tb_frame.f_code.co_filename == _slice.__code__.co_filename:
                called = called.tb_next
            details = "".join(traceback.format_exception(type(error), error, called))
            connection.send(("raised", words, details))
        else:
            connection.send(answer)


def _slice(work: Callable[[], Any], begin: float, end: float, calls: int) -> tuple[tuple[Any, ...], int]:
    """Return the answer, and how often to call the work between two marks from now on."""
    # Not when others are at work: under a GIL, each step of reading a file would wait for a turn of its own.
    before = _waited()
    # At work from now on, or from the begin if that is to come: a GIL that others keep then is a part of what is
    # measured. PyPy gives its GIL up after 10,000 bytecodes: where these are calls of C code, the slice may be over.
    ready = clock()
    done = 0
    marks = [(max(begin, ready), time.thread_time(), done)]
    if ready < begin:
        time.sleep(begin - ready)
        marks.append((max(begin, clock()), time.thread_time(), done))
    value: object = None
    if marks[-1][0] >= end:
        value = work()  # too late to count; but what is wrong with the work is seen
    while marks[-1][0] < end:
        for _ in range(calls):
            value = work()
        done += calls
        marks.append((clock(), time.thread_time(), done))
        # By the clock: work that waits takes its time without the CPU's.
        if marks[-1][0] - marks[-2][0] < _MARK_INTERVAL_S and calls < _MOST_CALLS:
            calls *= 2
    if type(value) in _NOT_RUN:
        raise TypeError(f"it returned a {type(value).__name__}, so nothing of it has run")
    after = _waited()
    return ("marks", marks, None if before is None or after is None else after - before), calls


def _waited() -> float | None:
    """Return how many seconds this thread has waited for a CPU so far (Linux: sched-stats.rst)."""
    try:
        with open("/proc/thread-self/schedstat", encoding="ascii") as file:  # noqa: PTH123  (pathlib is slow to import)
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None


def serve_in_interpreter(work: Callable[[], Any], descriptor: int) -> None:
    """Serve at a descriptor, which the thread that started the subinterpreter closes in the end."""
    from multiprocessing.connection import Connection

    with Connection(os.dup(descriptor)) as connection:
        serve(work, connection)
