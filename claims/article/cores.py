"""What the claims about cores and the GIL need: work for workers, and two that watch each other at work.

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

#: Seconds to wait for somebody who should act at once; a machine may be very busy.
PATIENCE = 60.0
#: As many threads as there are cores to use, if they used them: two at least, and not more than can be made to meet.
AS_MANY = min(4, max(2, os.cpu_count() or 1))
_LARGE = bytes(1 << 18)


# --- work


def compute() -> int:
    """Work in pure Python, which takes a CPU and nothing else."""
    total = 0
    for number in range(1000):
        total += number * number
    return total


def hash_much() -> bytes:
    """Work in C that lets the GIL go, as ``hashlib`` does for large data."""
    import hashlib  # slow to import, and of no use to others that import this module

    return hashlib.sha256(_LARGE).digest()


# --- two at work: one counts, and the other looks whether it sees that


#: Seconds for which the one that looks goes on without ever giving the GIL away.
STRETCH = 0.003
STRETCHES = 40
#: A thread that wants the GIL asks for it after so many seconds: later than anybody here keeps it.
_NEVER = 100.0


class Counting:
    """One that counts, as long as it is let, and often stops for a moment to let others go on.

    :param count: a number that both can reach.
    """

    def __init__(self, count: Any, over: Any) -> None:
        self.count, self.over = count, over

    def go_on(self) -> None:
        """Count until it is over."""
        while not self.over[0]:
            for _ in range(200):
                self.count[0] = (self.count[0] + 1) % 101
            time.sleep(1e-6)


def stretches_with_the_other_at_work(count: Any) -> int:
    """Return in how many stretches of pure Python, in which the GIL is not given away, the count went on."""
    seen = 0
    for _ in range(STRETCHES):
        time.sleep(0.0005)  # here the other one may go on
        end = time.perf_counter() + STRETCH
        before = count[0]
        while count[0] == before:
            if time.perf_counter() > end:
                break
        else:
            seen += 1
    return seen


@contextmanager
def _beside(start: Callable[[Counting], Any]) -> Iterator[Any]:
    """Let one count; return the count."""
    count, over = (multiprocessing.RawArray("b", 1) for _ in range(2))
    counting = start(Counting(count, over))
    try:
        deadline = time.monotonic() + PATIENCE
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
    """In how many stretches of a thread somebody else was seen to go on: another thread, and another process."""

    beside_a_thread: int
    beside_a_process: int


def watch() -> Seen:
    """Look at another thread, and before and after that at another process.

    In an interpreter of its own: a tracer, a signal handler or somebody else's thread would give the GIL away.
    """
    beside_a_process = _beside_a_process()
    before = sys.getswitchinterval()
    sys.setswitchinterval(_NEVER)
    try:
        with _beside(_in_a_thread) as count:
            beside_a_thread = stretches_with_the_other_at_work(count)
    finally:
        sys.setswitchinterval(before)
    return Seen(beside_a_thread, beside_a_process + _beside_a_process())


def _beside_a_process() -> int:
    with _beside(_in_a_process) as count:
        return stretches_with_the_other_at_work(count)


# --- how long a thread goes on before another one comes in


def keep_on() -> None:
    """Do nothing that gives the GIL away."""


def let_others_in() -> None:
    """Give the GIL away."""
    time.sleep(1e-6)


class Turns(NamedTuple):
    """How many rounds of its loop, each of several bytecodes, a thread did before another one came in."""

    rounds: list[int]

    @property
    def typical(self) -> int:
        """The median."""
        return sorted(self.rounds)[len(self.rounds) // 2]


#: A thread asks, each time that it has done so many rounds, whether to give the GIL away.
EVERY = 100
#: Seconds, as of an interpreter that nobody has told otherwise.
DEFAULT_INTERVAL = 0.005
TURNS = 15


def rounds_of_a_turn() -> int:
    """Return how many rounds a thread can do in the default interval, if nobody else wants the GIL."""
    counts, most = [0, 0], 0
    for _ in range(5):  # other programs may take the CPU for a while
        seen, rounds = counts[1], 0
        end = time.perf_counter() + DEFAULT_INTERVAL
        while time.perf_counter() < end:
            for _ in range(EVERY):
                rounds += 1
                if counts[1] != seen:
                    break
        most = max(most, rounds)
    return most


def turns_of_two_threads(every_100: Callable[[], None] = keep_on) -> Turns:
    """Let two threads compete for the GIL, and return how long the turns of one are.

    :param every_100: called after each 100 rounds.
    """
    counts = [0, 0]
    over = [False]
    turns: list[int] = []
    before = sys.getswitchinterval()
    sys.setswitchinterval(DEFAULT_INTERVAL)

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
    return Turns(turns[1:])  # the first was under way already


# --- two that wait


#: Seconds for which both are let wait, and the part of a wait that may take the CPU: one who asks again and again
#: takes all of it.
BOTH_WAIT, OF_THE_CPU = 0.05, 0.2


class Wait(NamedTuple):
    """How a thread waited.

    :param begin: the time, as that of the end.
    :param cpu: seconds of the CPU's time that it took.
    """

    begin: float
    end: float
    cpu: float

    @property
    def is_idle(self) -> bool:
        """Whether it waited, and did not ask again and again."""
        return self.cpu < OF_THE_CPU * (self.end - self.begin)

    def overlaps(self, other: Wait) -> bool:
        """Return whether both waited at the same time."""
        return max(self.begin, other.begin) < min(self.end, other.end)


def two_waits() -> list[Wait]:
    """Have two threads wait for something to read, that is written once both have begun, or have had the time to."""
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
        if all(event.wait(PATIENCE) for event in begun):
            time.sleep(BOTH_WAIT)
    finally:
        for _, there in pipes:
            os.write(there, b"!")
        for thread in threads:
            thread.join(PATIENCE)
        for pipe in pipes:
            for end in pipe:
                os.close(end)
    return waits
