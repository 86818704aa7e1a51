"""CPU time, and the time spent waiting for a CPU, as far as the system reports it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass

from ..machine import usable_cpus

#: A smaller part of the time than this is ignored.
NEGLIGIBLE = 0.05


@dataclass(frozen=True)
class CpuTime:
    """CPU time and waiting time so far, in seconds.

    :param own: CPU time of this thread.
    :param together: CPU time of all threads of this process, ended ones included, and of the processes that it
        started (on Linux; elsewhere, only those that have ended and been waited for).
    :param waited: time that this thread has waited for a CPU; 0 if the system does not report it.
    """

    own: float
    together: float
    waited: float

    # Reading takes time itself, and the thread may be preempted meanwhile. The order of the reads keeps that out of
    # the interval between before() and after().

    @classmethod
    def before(cls) -> CpuTime:
        """Return the times right before something."""
        processes, waited = _of_processes(), _waited()
        together = time.process_time()
        return cls(time.thread_time(), together + processes, waited)

    @classmethod
    def after(cls) -> CpuTime:
        """Return the times right after something."""
        own = time.thread_time()
        together = time.process_time()
        waited = _waited()
        return cls(own, together + _of_processes(), waited)


@dataclass(frozen=True)
class Took:
    """How long something took, in seconds.

    :param seconds: by the clock.
    :param least: the least it can have taken if its thread had not waited for a CPU.
    :param least_of_all: the least if no other thread or process that took part had waited either.
    """

    seconds: float
    least: float
    least_of_all: float

    @classmethod
    def between(cls, before: CpuTime, after: CpuTime, seconds: float) -> Took:
        """Return the bounds of how long it took.

        :param seconds: by the clock.
        """
        own = after.own - before.own
        together = after.together - before.together
        least = min(seconds, max(own, seconds - (after.waited - before.waited)))
        if together - own <= NEGLIGIBLE * seconds:
            return cls(seconds, least, least)
        # The system does not report the waiting time of threads and processes that have ended.
        return cls(seconds, least, min(least, max(own, together / usable_cpus())))

    @property
    def waited(self) -> bool:
        """Whether its thread waited for a CPU for a part of the time that is not negligible."""
        return self.seconds - self.least > NEGLIGIBLE * self.seconds

    @property
    def shared(self) -> bool:
        """Whether other threads or processes took part in it."""
        return self.least_of_all < self.least


def machine_waited() -> float | None:
    """Return for how many seconds tasks on this machine have waited for a CPU so far; None if unknown.

    The sum over all CPUs: the time that tasks waited in the run queues (Linux: sched-stats.rst), or else the time in
    which at least one task waited (accounting/psi.rst). The latter is updated only every few tenths of a second.
    """
    with suppress(OSError, IndexError, ValueError), open("/proc/schedstat", encoding="ascii") as file:  # noqa: PTH123  (quick)
        return sum(int(line.split()[8]) for line in file if line.startswith("cpu")) / 1e9
    with suppress(OSError, IndexError, ValueError), open("/proc/pressure/cpu", encoding="ascii") as file:  # noqa: PTH123
        # This is a mean over the CPUs, weighted by how busy each is; all of the waiting may be on one CPU.
        return int(file.readline().rpartition("total=")[2]) / 1e6 * (os.cpu_count() or 1)
    return None


def _waited() -> float:
    with suppress(OSError, IndexError, ValueError), open("/proc/thread-self/schedstat", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) / 1e9
    return 0.0


def _of_processes() -> float:
    """Return the CPU seconds of this process's descendants."""
    return _of_ended() + _of_living()


def _of_living() -> float:
    used, parents = 0, ["self"]
    while parents:
        parent = parents.pop()
        with suppress(OSError):  # it may end meanwhile
            for task in os.listdir(f"/proc/{parent}/task"):  # noqa: PTH208  (quick)
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as file:  # noqa: PTH123
                    parents += file.read().split()
                if parent != "self":
                    with open(f"/proc/{parent}/task/{task}/schedstat", encoding="ascii") as file:  # noqa: PTH123
                        used += int(file.read().split()[0])
    return used / 1e9


def _of_ended() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
