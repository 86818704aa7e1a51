"""What the claims about pools need: tasks that stay in their worker until a gate is opened.

The module is imported by the workers, so it imports nothing that would slow them.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .processes import PATIENCE, starting

#: Seconds for which one waits to see whether another task comes in.
PAUSE = 0.3


@dataclass(frozen=True)
class Stay:
    """When and where a task ran, by a clock that all processes share."""

    pid: int
    begin: float
    end: float


@dataclass(frozen=True)
class _Gate:
    """What tasks wait at.

    :param arrivals: counts the tasks that have come to it.
    :param opened: whether they may go on.
    """

    arrivals: Any
    opened: Any


_gate: _Gate


def _wait_at(gate: _Gate) -> None:
    """Have the tasks of this worker wait at a gate."""
    global _gate
    _gate = gate


def stay() -> Stay:
    """Stay in the worker until the gate is open."""
    begin = time.perf_counter()
    _gate.arrivals.release()
    _gate.opened.wait(PATIENCE)
    return Stay(os.getpid(), begin, time.perf_counter())


class Workers:
    """A pool whose tasks stay until the gate is opened."""

    def __init__(self, pool: Any, gate: _Gate) -> None:
        self.pool = pool
        self._gate = gate

    def give(self, tasks: int) -> list[Any]:
        """Give the pool some tasks; return their results to come."""
        return [self.pool.apply_async(stay) for _ in range(tasks)]

    def wait_for_arrivals(self, tasks: int, seconds: float = PATIENCE) -> bool:
        """Wait until so many more tasks have come to the gate, each within some seconds; return whether they have."""
        return all(self._gate.arrivals.acquire(timeout=seconds) for _ in range(tasks))

    def open_the_gate(self) -> None:
        """Let all tasks go on, also those that are still to come."""
        self._gate.opened.set()


@contextmanager
def pool_of(size: int, *, maxtasksperchild: int | None = None) -> Iterator[Workers]:
    """Start a pool; when the block is left, it is gone."""
    context = multiprocessing.get_context()
    gate = _Gate(context.Semaphore(0), context.Event())
    with starting():  # for all of it, as a pool may start workers at any time
        pool = context.Pool(size, initializer=_wait_at, initargs=(gate,), maxtasksperchild=maxtasksperchild)
        try:
            yield Workers(pool, gate)
        finally:
            gate.opened.set()
            pool.terminate()
            pool.join()


def most_at_once(stays: Sequence[Stay]) -> int:
    """Return how many ran at the same moment, at the moment when most did."""
    return max(sum(other.begin <= each.begin < other.end for other in stays) for each in stays)


@dataclass(frozen=True)
class Crowd:
    """What came of some tasks that wait for each other.

    :param at_once: how many ran at the same moment, at most.
    :param workers: how many processes ran them.
    """

    at_once: int
    workers: int


def crowd_of(tasks: int, *, in_pool_of: int) -> Crowd:
    """Give a pool some tasks, let all but one come to the gate, and the last as well if it does; then open it."""
    with pool_of(in_pool_of) as workers:
        results = workers.give(tasks)
        workers.wait_for_arrivals(tasks - 1)
        workers.wait_for_arrivals(1, PAUSE)
        workers.open_the_gate()
        stays = [result.get(PATIENCE) for result in results]
    return Crowd(most_at_once(stays), len({each.pid for each in stays}))


@dataclass(frozen=True)
class DefaultSize:
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
    pool.join()
    options = getattr(sys, "_xoptions", {})  # documented; where there are none, -X says nothing
    told = "cpu_count" in options or "PYTHON_CPU_COUNT" in os.environ
    return DefaultSize(workers, os.cpu_count(), len(os.sched_getaffinity(0)), told)
