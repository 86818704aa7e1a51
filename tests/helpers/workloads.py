"""Work for workers of all kinds; subinterpreters import this, so it imports nothing slow."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import sys
import threading
import time
from typing import NoReturn

#: Seconds for which work hangs: longer than any test waits for it, but finite in case a test fails.
FOR_EVER = 600.0
_LARGE = bytes(1 << 18)


def compute() -> int:
    """Work in pure Python."""
    total = 0
    for number in range(1000):
        total += number * number
    return total


def hash_much() -> bytes:
    """Work in C that releases the GIL."""
    return hashlib.sha256(_LARGE).digest()


#: The number of calls of ``count_up`` in this interpreter.
counted = [0]


def count_up() -> NoReturn:
    """Raise the number of calls in this interpreter."""
    counted[0] += 1
    raise RuntimeError(counted[0])


def nothing() -> None:
    """Take no time."""


def wait_a_millisecond() -> None:
    """Take time, and hardly any CPU time."""
    time.sleep(0.001)


def take_ten_milliseconds() -> None:
    """Use ten milliseconds of CPU time."""
    end = time.thread_time() + 0.01
    while time.thread_time() < end:
        pass


def fail() -> NoReturn:
    """Raise an error."""
    raise LookupError("no such account")


def refute() -> NoReturn:
    """Fail an assertion, which would refute the claim if the claim made it."""
    raise AssertionError("not so")


def leave() -> NoReturn:
    """Raise an exception that ends a thread silently."""
    sys.exit("enough")


def vanish() -> NoReturn:
    """End the process silently."""
    os._exit(3)


def be_killed() -> None:
    """End the process by a signal, without a core dump."""
    os.kill(os.getpid(), signal.SIGKILL)
    stand_still()


#: The environment variable for the path of a file that gets a byte from each worker that hangs.
HANGING = "TESTS_HANGING"


def report_hanging() -> None:
    """Write a byte into that file, if there is one."""
    if HANGING in os.environ:
        with open(os.environ[HANGING], "ab", buffering=0) as file:  # noqa: PTH123  (pathlib is slow to import)
            file.write(b".")


def stand_still() -> None:
    """Hang."""
    report_hanging()
    threading.Event().wait(FOR_EVER)


def keep_the_gil() -> None:
    """Hang, and keep the GIL."""
    report_hanging()
    ctypes.PyDLL(None).sleep(int(FOR_EVER))
