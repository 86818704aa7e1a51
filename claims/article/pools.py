"""What the claims about pools need: tasks that stay in their worker until a gate is opened.

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

from .processes import PATIENCE, clock, starting

if TYPE_CHECKING:
    from pytest_concclaims import Lab

#: Seconds for which one waits at least to see whether something happens that would happen at once.
PAUSE = 0.05
#: It is waited so many times as long as it takes where it does happen.
PATIENTLY = 5


class Stay(NamedTuple):
    """When and where a task ran, by a clock that all processes share."""

    pid: int
    begin: float
    end: float


class _Gate(NamedTuple):
    """What tasks wait at.

    :param arrivals: counts the tasks that have come to it.
    :param opened: whether they may go on. No Event: one that a killed process waited for cannot be set any more.
    """

    arrivals: Any
    opened: Any

    def wait(self) -> None:
        """Wait until it is open; not for ever."""
        deadline = time.monotonic() + PATIENCE
        while not self.opened.value and time.monotonic() < deadline:
            time.sleep(0.001)


_gate: _Gate


def _wait_at(gate: _Gate) -> None:
    """Have the tasks of this worker wait at a gate; and let it be terminated, even if its parent cannot be."""
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
        """Give the pool some tasks; return their results to come."""
        return [self.pool.apply_async(stay) for _ in range(tasks)]

    def wait_for_arrivals(self, tasks: int, seconds: float = PATIENCE) -> bool:
        """Wait until so many more tasks have come to the gate, each within some seconds; return whether they have."""
        return all(self._gate.arrivals.acquire(timeout=seconds) for _ in range(tasks))

    def open_the_gate(self) -> None:
        """Let all tasks go on, also those that are still to come."""
        self._gate.opened.value = 1

    def stays(self, results: Sequence[Any]) -> list[Stay]:
        """Return what came of tasks; no verdict if they do not end."""
        deadline = time.monotonic() + 2 * PATIENCE
        for result in results:
            result.wait(max(0.0, deadline - time.monotonic()))
        self._lab.require(all(result.ready() for result in results), f"all tasks end within {2 * PATIENCE:g} s")
        return [result.get() for result in results]


@contextmanager
def pool_of(lab: Lab, size: int, *, maxtasksperchild: int | None = None) -> Iterator[Workers]:
    """Start a pool; when the block is left, it is gone."""
    context = multiprocessing.get_context()
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

    To terminate() it at once may take for ever: a worker that is killed while it hands over a result keeps the lock
    for that, and the pool's own thread waits for it. If they do not end, as that of a worker that somebody killed, it
    has to be.
    """
    ended = []

    def join() -> None:
        with suppress(ValueError):  # it could not be closed
            pool.join()
            ended.append(True)

    pool.close()
    joining = threading.Thread(target=join, daemon=True)
    joining.start()
    joining.join(2 * PATIENCE)
    if not ended:
        pool.terminate()
        pool.join()


def most_at_once(stays: Sequence[Stay]) -> int:
    """Return how many ran at the same moment, at the moment when most did."""
    return max(sum(other.begin <= each.begin < other.end for other in stays) for each in stays)


class Crowd(NamedTuple):
    """What came of some tasks that wait for each other.

    :param at_once: how many ran at the same moment, at most.
    :param workers: how many processes ran them.
    :param seconds: for which the last was waited for, after the others had come.
    """

    at_once: int
    workers: int
    seconds: float


def crowd_of(lab: Lab, tasks: int, *, in_pool_of: int, seconds: float = PATIENCE) -> Crowd:
    """Give a pool some tasks, let all but one come to the gate, and the last as well if it does; then open it.

    :param seconds: for which the last is waited for at most.
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
    :param told: whether the interpreter was told another number of cores.
    """

    workers: int
    cores: int | None
    usable: int
    told: bool


def default_size_on_one_core() -> DefaultSize:
    """Use one core only, and start a pool: in an interpreter of its own, which ends afterwards."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with multiprocessing.Pool() as pool:
        workers = len(multiprocessing.active_children())
        _end(pool)
    options = getattr(sys, "_xoptions", {})  # documented; where there are none, -X says nothing
    told = "cpu_count" in options or "PYTHON_CPU_COUNT" in os.environ
    return DefaultSize(workers, os.cpu_count(), len(os.sched_getaffinity(0)), told)
