"""What claims about signals run in a process of its own, whose main thread handles them."""

from __future__ import annotations

import collections
import itertools
import os
import signal
import threading
import time

#: Seconds to wait for a signal that should come at once; a machine may be very busy.
PATIENCE_S = 25.0
#: Seconds after which a timer sends a signal.
TIMER_S = 0.01


class _SignalError(Exception):
    pass


def _kind_of_this_thread() -> str:
    return "main" if threading.current_thread() is threading.main_thread() else "other"


def thread_of_the_handler() -> str:
    """Return in which thread the handler of a signal runs that another thread has received."""
    done, ran_in = threading.Event(), []

    def handle(*_: object) -> None:
        ran_in.append(_kind_of_this_thread())
        done.set()

    signal.signal(signal.SIGUSR1, handle)
    thread = threading.Thread(target=_send_to_itself, args=(done, []))
    thread.start()
    while thread.is_alive():  # a join would not be interrupted by a signal that another thread receives
        time.sleep(TIMER_S)
    return ran_in[0]


def thread_of_the_exception() -> str:
    """Return in which thread an exception is raised by the handler of a signal that another thread has received."""
    done, (reading, writing) = threading.Event(), os.pipe()
    raised_in: list[str] = []

    def handle(*_: object) -> None:
        raise _SignalError

    def send() -> None:
        os.read(reading, 1)
        _send_to_itself(done, raised_in)

    signal.signal(signal.SIGUSR1, handle)
    thread = threading.Thread(target=send)
    thread.start()
    end = time.monotonic() + PATIENCE_S
    try:
        os.write(writing, b"x")
        while not raised_in and time.monotonic() < end:  # code of threading would leave its lock in disorder
            time.sleep(TIMER_S)
    except _SignalError:
        raised_in.append(_kind_of_this_thread())
    done.set()
    thread.join(PATIENCE_S)
    return raised_in[0]


def _send_to_itself(done: threading.Event, raised_in: list[str]) -> None:
    """Send a signal to this thread, and go on until an event, or until an exception."""
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        done.wait(PATIENCE_S)
    except _SignalError:
        raised_in.append(_kind_of_this_thread())
        done.set()


def progress_at_the_handler() -> tuple[int, int, float]:
    """Return how much of a calculation in C was done when a handler ran, whose signal came meanwhile.

    :returns: the steps that were done, all steps, and the seconds of the calculation.
    """
    steps = 1_000_000
    while _calculate(itertools.count(), steps) < 5 * TIMER_S:
        steps *= 2
    counter, done = itertools.count(), []
    signal.signal(signal.SIGALRM, lambda *_: done.append(next(counter)))
    signal.setitimer(signal.ITIMER_REAL, TIMER_S)
    seconds = _calculate(counter, steps)
    while not done:
        time.sleep(TIMER_S)
    return done[0], steps, seconds


def _calculate(counter: itertools.count[int], steps: int) -> float:
    """Have C code count; return its seconds."""
    begin = time.perf_counter()
    collections.deque(itertools.islice(counter, steps), maxlen=0)
    return time.perf_counter() - begin
