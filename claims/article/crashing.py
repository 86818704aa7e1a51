"""What the claims about crashes need: processes that crash beside others, all of them in an interpreter of their own.

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

from .processes import PATIENCE


def segmentation_fault() -> None:
    """Crash as code in C does that uses memory that is not its own."""
    signal.raise_signal(signal.SIGSEGV)


def abort() -> None:
    """Crash as code in C does that finds itself broken."""
    os.abort()


#: The crashes, and the signal that ends a process by each.
CRASHES: dict[Callable[[], None], signal.Signals] = {
    segmentation_fault: signal.SIGSEGV,
    abort: signal.SIGABRT,
}
#: What an answer is.
HERE = b"I am here"
#: What a task ends in that nothing has happened to.
ITS_RESULT = "the result"
#: Seconds within which an executor that breaks breaks all its tasks: it does so in one go.
SOON = 1.0


def answer(connection: Connection) -> None:
    """Answer whatever comes, until nobody is there any more."""
    while connection.poll(5 * PATIENCE):  # longer than anybody takes to ask again
        try:
            connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(HERE)


def answers(connection: Connection, process: Any) -> bool:
    """Return whether a process answers."""
    connection.send_bytes(b"Are you here?")
    wait([connection, process.sentinel], PATIENCE)
    return connection.poll() and connection.recv_bytes() == HERE


class Aftermath(NamedTuple):
    """What came of crashes of children.

    :param exit_codes: of those that crashed.
    :param sibling_before: whether another child answered before.
    :param sibling_after: whether it did afterwards.
    :param sibling_exit_code: how it had ended by then, if it had.
    """

    exit_codes: list[int]
    sibling_before: bool
    sibling_after: bool
    sibling_exit_code: int | None


def crash_beside_a_sibling(method: str) -> Aftermath:
    """Have children crash, one after the other, beside one that does not."""
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
            process.join(PATIENCE)
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
    deadline = time.monotonic() + PATIENCE
    while _over.value < until and time.monotonic() < deadline:
        time.sleep(0.001)  # and no Event: one that a process waited for when it was killed cannot be set any more


def crash_when_told() -> None:
    """Crash, as soon as one is told to."""
    _begin_and_wait(1)
    _crashing.value = 1
    segmentation_fault()


def work_until_it_is_over() -> None:
    """Work, until one is told that it is over; note that one has come so far."""
    _begin_and_wait(2)
    _over.value = 3


class OtherTask(NamedTuple):
    """What came of a task whose executor had another one that crashed.

    :param both_began: whether each of them had a worker before the crash.
    :param crashed: whether the task that was to crash came to it, and was the end of its worker.
    :param worker_went_on: whether the worker of the other task came to its end.
    :param ended_in: what the executor has of the other task: its result, or the name of an exception.
    """

    both_began: bool
    crashed: bool
    worker_went_on: bool
    ended_in: str


def crash_beside_another_task() -> OtherTask:
    """Have a worker of an executor crash while another worker has a task."""
    context = multiprocessing.get_context()
    begun = context.Semaphore(0)
    over, came_to_it = multiprocessing.RawValue("i", 0), multiprocessing.RawValue("b", 0)
    with concurrent.futures.ProcessPoolExecutor(2, context, _set_up, (begun, over, came_to_it)) as executor:
        other, crashing = executor.submit(work_until_it_is_over), executor.submit(crash_when_told)
        both_began = all(begun.acquire(timeout=PATIENCE) for _ in range(2))
        # A worker that is started on demand is watched only from the next task on (_ExecutorManagerThread).
        executor.submit(os.getpid)
        over.value = 1
        concurrent.futures.wait([crashing], PATIENCE)
        concurrent.futures.wait([other], SOON)
        if not other.done():  # it is not harmed: let it come to its end
            over.value = 2
    # Here, all workers have ended.
    crashed = bool(came_to_it.value) and _outcome(crashing) == BrokenProcessPool.__name__
    return OtherTask(both_began, crashed, over.value == 3, _outcome(other))


def _outcome(future: concurrent.futures.Future[None]) -> str:
    if not future.done():
        return "nothing"
    error = future.exception()
    return ITS_RESULT if error is None else type(error).__name__
