"""Helpers of the claims about crashes: processes that crash beside others, all of them below a fresh interpreter.

The module is imported by the processes that the claims start, so it imports nothing that would slow them.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from .processes import QUICKEST, WAIT_LIMIT_S


def segmentation_fault() -> None:
    """Crash as C code does that accesses an invalid address."""
    signal.raise_signal(signal.SIGSEGV)


def abort() -> None:
    """Crash as C code does that detects an error in itself."""
    os.abort()


#: The crashes, and the signal that ends a process by each.
CRASHES: dict[Callable[[], None], signal.Signals] = {
    segmentation_fault: signal.SIGSEGV,
    abort: signal.SIGABRT,
}
#: An answer.
HERE = b"I am here"
#: What an undisturbed task ends in.
ITS_RESULT = "the result"
#: Seconds within which a broken executor ends all its tasks: it does so in one step.
SOON_S = 1.0


def answer(connection: Connection) -> None:
    """Answer each message until the other end is closed, or no message arrives for five minutes."""
    while connection.poll(5 * WAIT_LIMIT_S):  # longer than the other end takes to ask again
        try:
            connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(HERE)


def answers(connection: Connection, process: Any) -> bool:
    """Return whether a process answers."""
    connection.send_bytes(b"Are you here?")
    wait([connection, process.sentinel], WAIT_LIMIT_S)
    return connection.poll() and connection.recv_bytes() == HERE


class Aftermath(NamedTuple):
    """The results of crashes of children.

    :param exit_codes: of the children that crashed.
    :param sibling_before: whether another child answered before the crashes.
    :param sibling_after: whether it answered after them.
    :param sibling_exit_code: its exit code after them; None if it had not ended.
    """

    exit_codes: list[int]
    sibling_before: bool
    sibling_after: bool
    sibling_exit_code: int | None


def crash_beside_a_sibling(method: str) -> Aftermath:
    """Let children crash beside one that does not."""
    context: Any = multiprocessing.get_context(method)
    here, there = context.Pipe()
    sibling = context.Process(target=answer, args=(there,))
    sibling.start()
    try:
        before = answers(here, sibling)
        crashed = [context.Process(target=crash) for crash in CRASHES]
        for process in crashed:
            process.start()
        for process in crashed:
            process.join(WAIT_LIMIT_S)
        print("the children have crashed", flush=True)
        after = answers(here, sibling)
        exit_code = sibling.exitcode
    finally:
        sibling.kill()
        sibling.join()
    return Aftermath([process.exitcode for process in crashed], before, after, exit_code)


_begun: Any
_over: Any
_crashing: Any


def _set_up(begun: Any, over: Any, crashing: Any) -> None:
    global _begun, _over, _crashing
    _begun, _over, _crashing = begun, over, crashing


def _begin_and_wait(until: int) -> None:
    _begun.release()
    deadline = time.monotonic() + WAIT_LIMIT_S
    while _over.value < until and time.monotonic() < deadline:
        time.sleep(0.001)  # no Event: it cannot be set after a process was killed while it waited for it


def crash_when_asked() -> None:
    """Crash when ``_over`` is set to 1."""
    _begin_and_wait(1)
    _crashing.value = 1
    segmentation_fault()


def work_until_it_is_over() -> None:
    """Work until ``_over`` is set to 2; set it to 3 at the end."""
    _begin_and_wait(2)
    _over.value = 3


class OtherTask(NamedTuple):
    """The results of a task beside a task that crashed in the same executor.

    :param both_began: whether each task had a worker before the crash.
    :param crashed: whether the crashing task reached its crash, and broke the executor.
    :param worker_went_on: whether the worker finished the other task.
    :param ended_in: what the executor has of the other task: its result, or the name of an exception.
    """

    both_began: bool
    crashed: bool
    worker_went_on: bool
    ended_in: str


def crash_beside_another_task() -> OtherTask:
    """Let a worker of an executor crash while another worker has a task."""
    context = multiprocessing.get_context(QUICKEST)
    begun = context.Semaphore(0)
    over, crashing_begun = multiprocessing.RawValue("i", 0), multiprocessing.RawValue("b", 0)
    with concurrent.futures.ProcessPoolExecutor(2, context, _set_up, (begun, over, crashing_begun)) as executor:
        other, crashing = executor.submit(work_until_it_is_over), executor.submit(crash_when_asked)
        both_began = all(begun.acquire(timeout=WAIT_LIMIT_S) for _ in range(2))
        # A worker that is started on demand is watched only from the next task on (_ExecutorManagerThread).
        executor.submit(os.getpid)
        over.value = 1
        concurrent.futures.wait([crashing], WAIT_LIMIT_S)
        concurrent.futures.wait([other], SOON_S)
        if not other.done():  # it is not harmed: let it finish
            over.value = 2
    # Here, all workers have ended.
    crashed = bool(crashing_begun.value) and _outcome(crashing) == BrokenProcessPool.__name__
    return OtherTask(both_began, crashed, over.value == 3, _outcome(other))


def _outcome(future: concurrent.futures.Future[None]) -> str:
    if not future.done():
        return "nothing"
    error = future.exception()
    return ITS_RESULT if error is None else type(error).__name__
