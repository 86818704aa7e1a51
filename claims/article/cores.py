"""Helpers of the claims about cores and the GIL: work for workers, and a thread that watches another one at work.

Subinterpreters and other processes import this module, so it imports nothing that would slow them.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

#: Seconds to wait for what should happen at once; a machine may be very busy.
WAIT_LIMIT_S = 60.0
#: The number of threads: one for each core, at least two, and not more than can be made to run at the same time.
AS_MANY = min(4, max(2, os.cpu_count() or 1))
_LARGE = bytes(1 << 18)


# --- work


def compute() -> int:
    """Work in pure Python: it needs a CPU and nothing else."""
    total = 0
    for number in range(1000):
        total += number * number
    return total


def hash_much() -> bytes:
    """Work in C that releases the GIL, as ``hashlib`` does for large data."""
    import hashlib  # slow to import, and the other helpers do not need it

    return hashlib.sha256(_LARGE).digest()


# --- two at work: one counts, and the other one watches the count


#: Seconds for which the watching thread runs without releasing the GIL.
STRETCH_S = 0.003
STRETCHES = 40
#: A switch interval in seconds that is longer than any thread here keeps the GIL.
_NEVER_S = 100.0


class Counting:
    """A target that counts until it is stopped, and often sleeps for a moment so that others can run.

    :param count: a number in memory that both can reach.
    :param over: 1 ends the counting.
    """

    def __init__(self, count: Any, over: Any) -> None:
        self.count, self.over = count, over

    def go_on(self) -> None:
        """Count until ``over`` is set."""
        while not self.over[0]:
            for _ in range(200):
                self.count[0] = (self.count[0] + 1) % 101
            time.sleep(1e-6)


def stretches_with_the_other_at_work(count: Any) -> int:
    """Return in how many stretches of pure Python, which do not release the GIL, the count changed."""
    seen = 0
    for _ in range(STRETCHES):
        time.sleep(0.0005)  # here the other one may run
        end = time.perf_counter() + STRETCH_S
        before = count[0]
        while count[0] == before:
            if time.perf_counter() > end:
                break
        else:
            seen += 1
    return seen


@contextmanager
def _beside(start: Callable[[Counting], Any]) -> Iterator[Any]:
    """Run a counting target during the block; yield the count."""
    count, over = (multiprocessing.RawArray("b", 1) for _ in range(2))
    counting = start(Counting(count, over))
    try:
        deadline = time.monotonic() + WAIT_LIMIT_S
        while not count[0] and time.monotonic() < deadline:
            time.sleep(0.001)
        yield count
    finally:
        over[0] = 1
        counting.join()


def _in_a_thread(counting: Counting) -> threading.Thread:
    thread = threading.Thread(target=counting.go_on)
    thread.start()
    return thread


def _in_a_process(counting: Counting) -> Any:
    process = multiprocessing.Process(target=counting.go_on)
    with warnings.catch_warnings():
        # Since 3.12, in a process with threads, as a worker of pytest-xdist is one.
        warnings.filterwarnings("ignore", message=".*multi-threaded", category=DeprecationWarning)
        process.start()
    return process


class Seen(NamedTuple):
    """In how many stretches a thread saw another thread count, and in how many another process."""

    beside_a_thread: int
    beside_a_process: int


def watch() -> Seen:
    """Watch another thread; before and after that, watch another process.

    It needs a fresh interpreter: a tracer, a signal handler or a further thread would release the GIL.
    """
    beside_a_process = _beside_a_process()
    before = sys.getswitchinterval()
    sys.setswitchinterval(_NEVER_S)
    try:
        with _beside(_in_a_thread) as count:
            beside_a_thread = stretches_with_the_other_at_work(count)
    finally:
        sys.setswitchinterval(before)
    return Seen(beside_a_thread, beside_a_process + _beside_a_process())


def _beside_a_process() -> int:
    with _beside(_in_a_process) as count:
        return stretches_with_the_other_at_work(count)


# --- how long a thread runs before another one gets the GIL


def keep_on() -> None:
    """Do nothing that releases the GIL."""


def let_others_in() -> None:
    """Release the GIL."""
    time.sleep(1e-6)


class Turns(NamedTuple):
    """How many rounds of its loop, each of several bytecodes, a thread did before another one got the GIL."""

    rounds: list[int]

    @property
    def typical(self) -> int:
        """The median."""
        return sorted(self.rounds)[len(self.rounds) // 2]


#: Rounds after which the thread calls what may release the GIL.
EVERY = 100
#: The default of ``sys.getswitchinterval()``.
DEFAULT_INTERVAL_S = 0.005
TURNS = 15


def rounds_of_a_turn() -> int:
    """Return how many rounds a thread can do in the default interval while no other thread wants the GIL."""
    counts, most = [0, 0], 0
    for _ in range(5):  # other programs may take the CPU for a while
        seen, rounds = counts[1], 0
        end = time.perf_counter() + DEFAULT_INTERVAL_S
        while time.perf_counter() < end:
            for _ in range(EVERY):
                rounds += 1
                if counts[1] != seen:
                    break
        most = max(most, rounds)
    return most


def turns_of_two_threads(every_100: Callable[[], None] = keep_on) -> Turns:
    """Let two threads compete for the GIL, and return the turns of one of them.

    :param every_100: is called after each 100 rounds.
    """
    counts = [0, 0]
    over = [False]
    turns: list[int] = []
    before = sys.getswitchinterval()
    sys.setswitchinterval(DEFAULT_INTERVAL_S)

    def compete() -> None:
        while not over[0]:
            counts[1] += 1

    other = threading.Thread(target=compete)
    other.start()
    try:
        seen = counts[1]
        rounds = 0
        while len(turns) <= TURNS:
            for _ in range(EVERY):
                rounds += 1
                if counts[1] != seen:
                    turns.append(rounds)
                    seen, rounds = counts[1], 0
            every_100()
    finally:
        over[0] = True
        other.join()
        sys.setswitchinterval(before)
    return Turns(turns[1:])  # the first one had begun before it was counted


# --- two threads that wait


#: Seconds for which both wait. An idle thread uses a CPU for less than this share of its wait; a polling one for all.
BOTH_WAIT_S, IDLE_CPU_SHARE = 0.05, 0.2


class Wait(NamedTuple):
    """How a thread waited.

    :param begin: the time in seconds; ``end``, by the same clock.
    :param cpu: seconds of CPU time that it used.
    """

    begin: float
    end: float
    cpu: float

    @property
    def is_idle(self) -> bool:
        """Whether it waited without polling."""
        return self.cpu < IDLE_CPU_SHARE * (self.end - self.begin)

    def overlaps(self, other: Wait) -> bool:
        """Return whether both waited at the same time."""
        return max(self.begin, other.begin) < min(self.end, other.end)


def two_waits() -> list[Wait]:
    """Let two threads wait to read from pipes; write to these when both have begun, or had the time to."""
    pipes = [os.pipe() for _ in range(2)]
    begun = [threading.Event() for _ in range(2)]
    waits: list[Wait] = []

    def wait(number: int) -> None:
        cpu, begin = time.thread_time(), time.perf_counter()
        begun[number].set()
        os.read(pipes[number][0], 1)
        waits.append(Wait(begin, time.perf_counter(), time.thread_time() - cpu))

    threads = [threading.Thread(target=wait, args=(number,), daemon=True) for number in range(2)]
    try:
        for thread in threads:
            thread.start()
        if all(event.wait(WAIT_LIMIT_S) for event in begun):
            time.sleep(BOTH_WAIT_S)
    finally:
        for _, there in pipes:
            os.write(there, b"!")
        for thread in threads:
            thread.join(WAIT_LIMIT_S)
        for pipe in pipes:
            for end in pipe:
                os.close(end)
    return waits
