"""Helpers of the claims about costs: a process, or a thread, that is started, is idle, and is ended.

The module is imported by the processes that the claims start, so it imports nothing that would slow them.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection

from .processes import TYPE_CHECKING, WAIT_LIMIT_S, starting

if TYPE_CHECKING:
    from typing import Any


def say_so_and_idle(connection: Connection) -> None:
    """Report that the first line runs, and do nothing until the other end sends something."""
    connection.send_bytes(b"I run")
    connection.poll(WAIT_LIMIT_S)


def process_by(method: str) -> Callable[[], AbstractContextManager[None]]:
    """Return a function whose context starts a process, waits until its first line runs, and ends it at the exit."""

    def start() -> AbstractContextManager[None]:
        return _process(method)

    start.__qualname__ = f"process by {method}"  # as the evidence names it
    return start


@contextmanager
def _process(method: str) -> Iterator[None]:
    context: Any = multiprocessing.get_context(method)
    here, there = context.Pipe()
    process = context.Process(target=say_so_and_idle, args=(there,))
    with starting():
        process.start()
    try:
        _hear(here)
        yield
    finally:
        here.send_bytes(b"end")
        process.kill()  # if it has not ended: to wait for its end takes longer
        process.join()
        here.close()
        there.close()


@contextmanager
def thread() -> Iterator[None]:
    """Start a thread, wait until its first line runs, and end it after the block."""
    here, there = multiprocessing.Pipe()
    started = threading.Thread(target=say_so_and_idle, args=(there,))
    started.start()
    try:
        _hear(here)
        yield
    finally:
        here.send_bytes(b"end")
        started.join()
        here.close()
        there.close()


def _hear(connection: Connection) -> None:
    if not connection.poll(WAIT_LIMIT_S):
        raise TimeoutError(f"the first line did not run within {WAIT_LIMIT_S:g} s")
    connection.recv_bytes()
