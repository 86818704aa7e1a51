"""Helpers of the claims about pools: tasks that stay in their worker until a gate is opened.

The module is imported by the workers, so it imports nothing that would slow them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from .processes import QUICKEST, WAIT_LIMIT_S, clock, starting

if TYPE_CHECKING:
    from pytest_concclaims import Lab

#: The least seconds to wait for something that would happen at once.
PAUSE_S = 0.05
#: The wait for it is this many times as long as it takes where it does happen.
TIMES_AS_LONG = 5


class Stay(NamedTuple):
    """When and where a task ran, by a clock that all processes share."""

    pid: int
    begin: float
    end: float


class _Gate(NamedTuple):
    """What tasks wait at.

    :param arrivals: a semaphore that each task releases when it reaches the gate.
    :param opened: whether tasks may pass. No Event: it cannot be set after a process was killed in its wait().
    """

    arrivals: Any
    opened: Any

    def wait(self) -> None:
        """Wait until it is open; give up after a minute."""
        deadline = time.monotonic() + WAIT_LIMIT_S
        while not self.opened.value and time.monotonic() < deadline:
            time.sleep(0.001)


_gate: _Gate


def _wait_at(gate: _Gate) -> None:
    """Let the tasks of this worker wait at a gate, and let SIGTERM end it even if its parent ignores the signal."""
    global _gate
    _gate = gate
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def stay() -> Stay:
    """Stay in the worker until the gate is open."""
    begin = clock()
    _gate.arrivals.release()
    _gate.wait()
    return Stay(os.getpid(), begin, clock())


class Workers:
    """A pool whose tasks stay until the gate is opened."""

    def __init__(self, lab: Lab, pool: Any, gate: _Gate) -> None:
        self.pool = pool
        self._lab = lab
        self._gate = gate

    def give(self, tasks: int) -> list[Any]:
        """Give the pool tasks; return their results, which are not there yet."""
        return [self.pool.apply_async(stay) for _ in range(tasks)]

    def wait_for_arrivals(self, tasks: int, seconds: float = WAIT_LIMIT_S) -> bool:
        """Wait until further tasks have reached the gate, each within some seconds; return whether they have."""
        return all(self._gate.arrivals.acquire(timeout=seconds) for _ in range(tasks))

    def open_the_gate(self) -> None:
        """Let all tasks pass, also those that have not reached it yet."""
        self._gate.opened.value = 1

    def stays(self, results: Sequence[Any]) -> list[Stay]:
        """Return when and where tasks ran; end the claim INCONCLUSIVE if they do not end."""
        deadline = time.monotonic() + 2 * WAIT_LIMIT_S
        for result in results:
            result.wait(max(0.0, deadline - time.monotonic()))
        self._lab.require(all(result.ready() for result in results), f"all tasks end within {2 * WAIT_LIMIT_S:g} s")
        return [result.get() for result in results]


@contextmanager
def pool_of(lab: Lab, size: int, *, maxtasksperchild: int | None = None) -> Iterator[Workers]:
    """Start a pool; when the block is left, it is gone."""
    context: Any = multiprocessing.get_context(QUICKEST)
    gate = _Gate(context.Semaphore(0), multiprocessing.RawValue("b", 0))
    with starting():  # for all of it, as a pool may start workers at any time
        pool = context.Pool(size, initializer=_wait_at, initargs=(gate,), maxtasksperchild=maxtasksperchild)
        try:
            yield Workers(lab, pool, gate)
        finally:
            gate.opened.value = 1
            _end(pool)


def _end(pool: Any) -> None:
    """End a pool as soon as its tasks have ended.

    A terminate() at once may hang: a worker that is killed while it hands over a result keeps a lock, and the pool's
    own thread waits for it. Only tasks that do not end, such as that of a worker that was killed, need a terminate().
    """
    ended = []

    def join() -> None:
        with suppress(ValueError):  # it could not be closed
            pool.join()
            ended.append(True)

    pool.close()
    joining = threading.Thread(target=join, daemon=True)
    joining.start()
    joining.join(2 * WAIT_LIMIT_S)
    if not ended:
        pool.terminate()
        pool.join()


def most_at_once(stays: Sequence[Stay]) -> int:
    """Return the greatest number of tasks that ran at the same moment."""
    return max(sum(other.begin <= each.begin < other.end for other in stays) for each in stays)


class Crowd(NamedTuple):
    """How tasks that wait at one gate ran.

    :param at_once: the greatest number of tasks that ran at the same moment.
    :param workers: how many processes ran them.
    :param seconds: how long the last task took to reach the gate, after all others.
    """

    at_once: int
    workers: int
    seconds: float


def crowd_of(lab: Lab, tasks: int, *, in_pool_of: int, seconds: float = WAIT_LIMIT_S) -> Crowd:
    """Give a pool tasks, wait until all but one have reached the gate, and then for the last one; open the gate.

    :param seconds: how long to wait for the last one at most.
    """
    with pool_of(lab, in_pool_of) as workers:
        results = workers.give(tasks)
        workers.wait_for_arrivals(tasks - 1)
        begin = clock()
        workers.wait_for_arrivals(1, seconds)
        waited = clock() - begin
        workers.open_the_gate()
        stays = workers.stays(results)
    return Crowd(most_at_once(stays), len({each.pid for each in stays}), waited)


class DefaultSize(NamedTuple):
    """How many workers a pool has by default.

    :param cores: how many the machine has.
    :param usable: how many of them the process may use.
    :param overridden: whether an option or the environment gives the interpreter another number of cores.
    """

    workers: int
    cores: int | None
    usable: int
    overridden: bool


def default_size_on_one_core() -> DefaultSize:
    """Use one core only, and start a pool; it needs a fresh interpreter, which ends afterwards."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with multiprocessing.get_context(QUICKEST).Pool() as pool:
        workers = len(multiprocessing.active_children())
        _end(pool)
    options = getattr(sys, "_xoptions", {})  # PyPy has none
    overridden = "cpu_count" in options or "PYTHON_CPU_COUNT" in os.environ
    return DefaultSize(workers, os.cpu_count(), len(os.sched_getaffinity(0)), overridden)
