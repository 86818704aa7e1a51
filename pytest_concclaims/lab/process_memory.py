"""How much memory processes take: that of this one, and of all that it has started."""

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
    """How much memory has come, in bytes: at least, and at most.

    They differ by what processes that were started share with each other.
    """

    low: float
    high: float

    def less(self, other: Growth) -> Growth:
        """Return by how much more this is than another."""
        return Growth(self.low - other.high, self.high - other.low)


@dataclass(frozen=True)
class Sizes:
    """How much memory a process takes, in bytes.

    :param resident: all of it that is in memory; infinite where nothing is told.
    :param unique: what it has alone (its unique set size): what would be free if just that one ended. None where the
        system does not tell: it may share all.
    :param proportional: with its part of what it shares (its proportional set size). Where the system does not tell,
        what is resident.
    """

    resident: float
    unique: int | None
    proportional: float


@dataclass(frozen=True)
class MemoryInUse:
    """Memory at one moment.

    :param own: the resident memory of this process, in bytes.
    :param started: what each of its descendants takes, by process id.
    :param idle: how much of others is resident: of descendants that have their memory already.
    """

    own: int
    started: Mapping[int, Sizes]
    idle: Mapping[int, float] = field(default_factory=dict)

    @property
    def unique(self) -> bool:
        """Whether the system tells what each process has alone."""
        return all(sizes.unique is not None for sizes in self.started.values())

    def since(self, before: MemoryInUse) -> Growth:
        """Return how much more there is than before.

        Of this process, all that is resident counts, as what a child shares with it is here anyway. Of one that was
        started, what it has alone. Of several, that is the least; at most it is what they have with their part of
        what they share, which may be with each other alone. Of one that was there, what it has come to have alone. Of
        an idle one, at most what has become resident: when this process writes to what they share, that one has it
        alone, and takes no more than before.
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
    """Return how much more there may be of what is told, or is infinite."""
    more = now - then
    return max(0.0, more) if math.isfinite(more) else math.inf


#: Reads it; the descendants of these ids are idle.
Gauge = Callable[[Container[int]], MemoryInUse]


def gauge() -> Gauge | None:
    """Return what reads memory here; None if nothing can: psutil is missing, and this is not Linux."""
    if sys.platform == "linux" and (_PROC / "self" / "statm").exists():
        return memory_on_linux
    try:
        psutil = import_module("psutil")
    except ImportError:
        return None
    return lambda idle: memory_by_psutil(psutil, idle)


# --- Linux, where psutil may be missing (PyPy)


def memory_on_linux(idle: Container[int] = ()) -> MemoryInUse:
    """Return what the files below /proc tell (proc(5)).

    :param idle: descendants of which only is read how much is resident, which takes less time.
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
        if sizes is not None:  # or it has ended
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
    with suppress(OSError, IndexError):  # an old kernel, or another user's process
        size = _resident(process)
        return Sizes(size, None, size) if size else None  # a zombie has none
    return None


def _resident(process: int) -> int:
    pages = int(_read(_PROC / str(process) / "statm").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def _lines(process: int, name: str) -> list[str]:
    return _read(_PROC / str(process) / name).decode("ascii", errors="replace").splitlines()


def _read(path: Path) -> bytes:
    """Return what a file below /proc says; unbuffered, as there is one of each process to read."""
    with path.open("rb", 0) as file:
        return file.read()


def _descendants(process: int) -> list[int]:
    """Return the ids of the processes that a process, or one of its descendants, has started."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            with suppress(OSError, IndexError):
                # The name before it, in parentheses, may hold anything.
                parent = int(_read(folder / "stat").rpartition(b")")[2].split(None, 2)[1])
                children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = [process]
    while waiting:
        started = children.get(waiting.pop(), [])
        found += started
        waiting += started
    return found


# --- elsewhere


def memory_by_psutil(psutil: Any, idle: Container[int] = ()) -> MemoryInUse:
    """Return what psutil tells.

    :param idle: as of :func:`memory_on_linux`.
    """
    own = psutil.Process()
    started: dict[int, Sizes] = {}
    resident: dict[int, float] = {}
    for process in own.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended
            try:
                size: float = process.memory_info().rss
            except psutil.AccessDenied:  # it says nothing at all
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
