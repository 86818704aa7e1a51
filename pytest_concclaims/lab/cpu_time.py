"""CPU time, and the time in which there was none, as far as the system tells."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass

from ..machine import usable_cpus

#: What takes less than this part of the time is not worth a thought.
NEGLIGIBLE = 0.05


@dataclass(frozen=True)
class CpuTime:
    """What was used, and waited for, so far; in seconds.

    :param own: CPU time of this thread.
    :param together: of all threads that this process has had, and of the processes that it has started (on Linux;
        elsewhere, of those that have ended and been waited for).
    :param waited: for which this thread has waited for a CPU; 0 if the system does not tell.
    """

    own: float
    together: float
    waited: float

    # To look takes some time, and a thread may be made to wait meanwhile: that is not of what is looked at.

    @classmethod
    def before(cls) -> CpuTime:
        """Return what there is so far, right before something."""
        processes, waited = _of_processes(), _waited()
        together = time.process_time()
        return cls(time.thread_time(), together + processes, waited)

    @classmethod
    def after(cls) -> CpuTime:
        """Return what there is so far, right after something."""
        own = time.thread_time()
        together = time.process_time()
        waited = _waited()
        return cls(own, together + _of_processes(), waited)


@dataclass(frozen=True)
class Took:
    """How long something took, in seconds.

    :param seconds: by the clock.
    :param least: as long at least, if its thread had not had to wait for a CPU.
    :param least_of_all: if nothing that took part in it, such as another thread, had had to either.
    """

    seconds: float
    least: float
    least_of_all: float

    @classmethod
    def between(cls, before: CpuTime, after: CpuTime, seconds: float) -> Took:
        """Return how long it took, from the CPU time before and after.

        :param seconds: by the clock.
        """
        own = after.own - before.own
        together = after.together - before.together
        least = min(seconds, max(own, seconds - (after.waited - before.waited)))
        if together - own <= NEGLIGIBLE * seconds:
            return cls(seconds, least, least)
        # What other threads and processes waited for is not told once they have ended.
        return cls(seconds, least, min(least, max(own, together / usable_cpus())))

    @property
    def waited(self) -> bool:
        """Whether its thread had to wait for a CPU, and not just for a moment."""
        return self.seconds - self.least > NEGLIGIBLE * self.seconds

    @property
    def shared(self) -> bool:
        """Whether other threads or processes took part in it."""
        return self.least_of_all < self.least


def machine_waited() -> float | None:
    """Return for how many seconds anything on this machine has waited for a CPU so far; None if it does not tell.

    Of all CPUs together: that in which their queues were waited in, as Linux counts it (sched-stats.rst), or that in
    which there was one (accounting/psi.rst). The latter is right over some tenths of a second, and not for less.
    """
    with suppress(OSError, IndexError, ValueError), open("/proc/schedstat", encoding="ascii") as file:  # noqa: PTH123  (quick)
        return sum(int(line.split()[8]) for line in file if line.startswith("cpu")) / 1e9
    with suppress(OSError, IndexError, ValueError), open("/proc/pressure/cpu", encoding="ascii") as file:  # noqa: PTH123
        # The mean of the CPUs, weighted by how busy each is; one alone may have all of it.
        return int(file.readline().rpartition("total=")[2]) / 1e6 * (os.cpu_count() or 1)
    return None


def _waited() -> float:
    with suppress(OSError, IndexError, ValueError), open("/proc/thread-self/schedstat", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) / 1e9
    return 0.0


def _of_processes() -> float:
    """Return what processes have used that this one, or one of these, has started."""
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
