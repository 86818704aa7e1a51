"""Work for workers of all kinds; subinterpreters import this, so it imports nothing that would slow them."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import sys
import threading
import time
from typing import NoReturn

#: Seconds for which something stands still: longer than any test waits for it, and not for ever should one fail.
FOR_EVER = 600.0
_LARGE = bytes(1 << 18)


def compute() -> int:
    """Work in pure Python."""
    total = 0
    for number in range(1000):
        total += number * number
    return total


def hash_much() -> bytes:
    """Work in C that lets the GIL go."""
    return hashlib.sha256(_LARGE).digest()


#: How often this interpreter has counted up.
counted = [0]


def count_up() -> NoReturn:
    """Raise how often this was called in this interpreter."""
    counted[0] += 1
    raise RuntimeError(counted[0])


def nothing() -> None:
    """Take no time."""


def wait_a_millisecond() -> None:
    """Take time, and hardly any of a CPU's."""
    time.sleep(0.001)


def take_ten_milliseconds() -> None:
    """Use that much of a CPU."""
    end = time.thread_time() + 0.01
    while time.thread_time() < end:
        pass


def fail() -> NoReturn:
    """Raise an error."""
    raise LookupError("no such account")


def refute() -> NoReturn:
    """Raise what would refute a claim, if it were the claim's."""
    raise AssertionError("not so")


def leave() -> NoReturn:
    """Raise what ends a thread without a word."""
    sys.exit("enough")


def vanish() -> NoReturn:
    """End the process without a word."""
    os._exit(3)


def be_killed() -> None:
    """End the process as a crash does, without a core dump."""
    os.kill(os.getpid(), signal.SIGKILL)
    stand_still()


#: The environment variable with the path of a file that gets a byte from each worker that hangs.
HANGING = "TESTS_HANGING"


def tell_of_hanging() -> None:
    """Write a byte into the file that a test waits for, if it does."""
    if HANGING in os.environ:
        with open(os.environ[HANGING], "ab", buffering=0) as file:  # noqa: PTH123  (pathlib is slow to import)
            file.write(b".")


def stand_still() -> None:
    """Hang."""
    tell_of_hanging()
    threading.Event().wait(FOR_EVER)


def keep_the_gil() -> None:
    """Hang, and let no other thread do anything."""
    tell_of_hanging()
    ctypes.PyDLL(None).sleep(int(FOR_EVER))
