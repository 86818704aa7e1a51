"""The memory of this process and of its descendants."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_KIB = 1024


@dataclass(frozen=True)
class Growth:
    """By how much memory has grown, in bytes: at least, and at most.

    The bounds differ by memory that started processes may share with each other.
    """

    low: float
    high: float

    def less(self, other: Growth) -> Growth:
        """Return the difference of two growths."""
        return Growth(self.low - other.high, self.high - other.low)


@dataclass(frozen=True)
class Sizes:
    """The sizes of a process, in bytes.

    :param resident: its resident set size; infinite if unknown.
    :param unique: its unique set size: what would be free if only this process ended. None if unknown.
    :param proportional: its proportional set size: ``unique``, and its part of what it shares. If unknown, the
        resident set size.
    """

    resident: float
    unique: int | None
    proportional: float


@dataclass(frozen=True)
class MemoryInUse:
    """Memory at one moment.

    :param own: the resident set size of this process, in bytes.
    :param started: the sizes of its descendants, by process id.
    :param idle: the resident set sizes of idle descendants, by process id.
    """

    own: int
    started: Mapping[int, Sizes]
    idle: Mapping[int, float] = field(default_factory=dict)

    @property
    def unique(self) -> bool:
        """Whether the system reports the unique set size of each descendant."""
        return all(sizes.unique is not None for sizes in self.started.values())

    def since(self, before: MemoryInUse) -> Growth:
        """Return the growth since another moment.

        It adds up:

        - of this process, the resident memory: memory that it shares with a child counts here;
        - of a new descendant, its unique set size. Of several, that is the lower bound; the upper bound is their
          proportional set sizes, as they may share memory with each other only;
        - of an older descendant, the growth of its unique set size;
        - of an idle one, at most the growth of its resident set size. Its unique set size would not do: when this
          process writes to shared memory, the old page becomes unique to the idle one, which takes no more for that.
        """
        low: float = self.own - before.own
        high = low
        new = [sizes for process, sizes in self.started.items() if process not in before.started]
        for sizes in new:
            low += sizes.unique or 0
            high += sizes.proportional if sizes.unique is None or len(new) > 1 else sizes.unique
        for process, now in self.started.items():
            then = before.started.get(process)
            if then is None:
                continue
            if now.unique is None or then.unique is None:
                high += _more(now.proportional, then.proportional)
            else:
                low, high = low + now.unique - then.unique, high + now.unique - then.unique
        for process, resident in self.idle.items():
            seen = before.started.get(process)
            high += _more(resident, before.idle[process] if seen is None else seen.resident)
        return Growth(low, high)


def _more(now: float, then: float) -> float:
    """Return by how much a size that may be infinite has grown, at most."""
    more = now - then
    return max(0.0, more) if math.isfinite(more) else math.inf


#: Reads the memory in use; the argument has the ids of idle descendants.
Gauge = Callable[[Container[int]], MemoryInUse]


def gauge() -> Gauge | None:
    """Return the function that reads memory on this system; None without Linux's ``/proc`` and without psutil."""
    if sys.platform == "linux" and (_PROC / "self" / "statm").exists():
        return memory_on_linux
    try:
        psutil = import_module("psutil")
    except ImportError:
        return None
    return lambda idle: memory_by_psutil(psutil, idle)


# --- Linux, which needs no psutil


def memory_on_linux(idle: Container[int] = ()) -> MemoryInUse:
    """Return the memory in use, from the files below ``/proc`` (proc(5)).

    :param idle: ids of descendants of which only the resident set size is read, which is faster.
    """
    own = _sizes(os.getpid())
    started: dict[int, Sizes] = {}
    resident: dict[int, float] = {}
    for process in _descendants(os.getpid()):
        if process in idle:
            with suppress(OSError, IndexError):
                resident[process] = _resident(process)
            continue
        sizes = _sizes(process)
        if sizes is not None:  # None: it has ended
            started[process] = sizes
    return MemoryInUse(0 if own is None else int(own.resident), started, resident)


def _sizes(process: int) -> Sizes | None:
    """Return a process's sizes; None if it has ended."""
    with suppress(OSError):
        sizes = {"Rss": 0, "Pss": 0, "Private": 0}
        for line in _lines(process, "smaps_rollup"):
            name, _, value = line.partition(":")
            name = "Private" if name.startswith("Private_") else name
            if name in sizes:
                sizes[name] += int(value.split()[0]) * _KIB
        return Sizes(sizes["Rss"], sizes["Private"], sizes["Pss"])
    with suppress(OSError, IndexError):  # no smaps_rollup: an old kernel, or another user's process
        size = _resident(process)
        return Sizes(size, None, size) if size else None  # 0: a zombie
    return None


def _resident(process: int) -> int:
    pages = int(_read(f"{_PROC}/{process}/statm").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def _lines(process: int, name: str) -> list[str]:
    return _read(f"{_PROC}/{process}/{name}").decode("ascii", errors="replace").splitlines()


def _read(path: str) -> bytes:
    """Return the content of a file below ``/proc``; without a buffer, as there is a file of each process to read."""
    with open(path, "rb", 0) as file:  # noqa: PTH123  (see _descendants)
        return file.read()


def _descendants(process: int) -> list[int]:
    """Return the ids of a process's descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir(_PROC):  # noqa: PTH208  (paths of all processes would take longer than reading the files)
        if name.isdigit():
            with suppress(OSError, IndexError):
                # The second field, the name in parentheses, may hold any characters, so split after it.
                parent = int(_read(f"{_PROC}/{name}/stat").rpartition(b")")[2].split(None, 2)[1])
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [process]
    while waiting:
        started = children.get(waiting.pop(), [])
        found += started
        waiting += started
    return found


# --- elsewhere


def memory_by_psutil(psutil: Any, idle: Container[int] = ()) -> MemoryInUse:
    """Return the memory in use, from psutil.

    :param idle: as of :func:`memory_on_linux`.
    """
    own = psutil.Process()
    started: dict[int, Sizes] = {}
    resident: dict[int, float] = {}
    for process in own.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended
            try:
                size: float = process.memory_info().rss
            except psutil.AccessDenied:  # nothing is known
                size = math.inf
            if process.pid in idle:
                resident[process.pid] = size
                continue
            try:
                unique: int | None = process.memory_full_info().uss
            except (psutil.AccessDenied, AttributeError):
                unique = None
            started[process.pid] = Sizes(size, unique, size)
    return MemoryInUse(own.memory_info().rss, started, resident)
