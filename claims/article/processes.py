"""Helpers of the claims about processes: another process that follows orders.

The module is imported by the processes that the claims start, so it imports nothing that would slow them.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from types import ModuleType

TYPE_CHECKING = False  # as of typing, which is slow to import

if TYPE_CHECKING:
    from typing import Any

    from pytest_concclaims import Lab

#: fork, spawn and forkserver, as far as the platform has them.
START_METHODS = multiprocessing.get_all_start_methods()
#: The start method that takes the least time and memory: fork, if possible, or else the default one.
QUICKEST = "fork" if "fork" in START_METHODS else START_METHODS[0]

#: Seconds to wait for a process that should answer at once; a machine may be very busy.
WAIT_LIMIT_S = 60.0
#: A clock that all processes share. On macOS and Windows, perf_counter() is one since 3.10 (docs: time.perf_counter).
clock = time.perf_counter if sys.version_info >= (3, 10) or sys.platform == "linux" else time.time
#: Seconds for which a process or thread runs on after it was asked to end.
LAST_WORK_S = 0.05

INITIAL_BALANCE = 100
#: The variable that the claims are about.
balance = INITIAL_BALANCE


def obey(connection: Connection) -> None:
    """Follow the orders of the other end of the connection, until one is "end" or the other end is closed."""
    global balance
    while connection.poll(WAIT_LIMIT_S):
        try:
            order, value = connection.recv()
        except EOFError:
            return
        if order == "set the balance":
            balance = value
        elif order == "end":
            time.sleep(LAST_WORK_S)
            connection.send(clock())
            raise SystemExit(value)
        connection.send({"balance": balance, "pid": os.getpid(), "parent": os.getppid()})


def send_back(connection: Connection, *arguments: object, **keywords: object) -> None:
    """Send the arguments to the other end of the connection."""
    connection.send((arguments, keywords))


def shared_balance() -> Any:
    """Return a balance that processes share."""
    return multiprocessing.Value("i", INITIAL_BALANCE)


def set_to_5(shared: Any) -> None:
    """Change a shared balance."""
    shared.value = 5


def add_5(shared: Any) -> None:
    """Read a shared balance, add to it, and write it."""
    shared.value += 5


def read(shared: Any) -> int:
    """Return a shared balance."""
    return int(shared.value)


class OtherProcess:
    """A process that was started for a claim, and the connection to it."""

    def __init__(self, lab: Lab, process: Any, connection: Connection) -> None:
        self.process = process
        self._lab = lab
        self._connection = connection

    @property
    def balance(self) -> int:
        """The balance as the process has it."""
        return int(self._ask("report")["balance"])

    @property
    def pid(self) -> int:
        """The process id as the process has it."""
        return int(self._ask("report")["pid"])

    @property
    def parent_pid(self) -> int:
        """The id of the parent as the process has it."""
        return int(self._ask("report")["parent"])

    def set_balance(self, value: int) -> None:
        """Let the process change its balance; end the claim INCONCLUSIVE unless it does."""
        self._lab.require(
            self._ask("set the balance", value)["balance"] == value, "the other process can change its variable"
        )

    def ask_to_end(self, exit_code: int) -> None:
        """Let the process end a moment after this returns; the last thing that it sends is the time."""
        self._connection.send(("end", exit_code))

    def hear(self) -> Any:
        """Return what the process sends; end the claim INCONCLUSIVE if it sends nothing."""
        wait([self._connection, self.process.sentinel], WAIT_LIMIT_S)
        self._lab.require(self._connection.poll(), f"the other process lives, and answers within {WAIT_LIMIT_S:g} s")
        return self._connection.recv()

    def _ask(self, order: str, value: object = None) -> Any:
        self._connection.send((order, value))
        return self.hear()


def is_alive(lab: Lab, process: Any) -> bool:
    """Return whether a process lives; end the claim INCONCLUSIVE if other code has taken its exit status."""
    alive: bool = process.is_alive()
    if alive and wait([process.sentinel], 0):
        process.join()  # it has just ended; without its exit status, it seems to live for ever
        lab.require(not process.is_alive(), "no other code has taken the exit status of the process")
    return alive


@contextmanager
def starting() -> Iterator[None]:
    """Let processes start in the block as a small script would start them.

    There is no warning: since 3.12, fork warns in a process with threads, such as a worker of pytest-xdist. The main
    module is empty: spawn and forkserver import it in the new process, and pytest's is large.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*multi-threaded", category=DeprecationWarning)
            yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def another_process(
    lab: Lab, method: str, target: Callable[..., None] = obey, *arguments: object, **keywords: object
) -> Iterator[OtherProcess]:
    """Start a process by one of the start methods; end it after the block."""
    context: Any = multiprocessing.get_context(method)
    here, there = context.Pipe()
    process = context.Process(target=target, args=(there, *arguments), kwargs=keywords)
    with starting():
        process.start()
    try:
        yield OtherProcess(lab, process, here)
    finally:
        here.close()
        if process.is_alive():
            process.kill()
        process.join()
        there.close()
