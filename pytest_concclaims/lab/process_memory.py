"""How much memory processes take: that of this one, and of all that it has started."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_KIB = 1024


@dataclass(frozen=True)
class Growth:
    """How much memory has come, in bytes: at least, and at most.

    They differ by what processes that were started share with each other, and with those of others.
    """

    low: float
    high: float

    def less(self, other: Growth) -> Growth:
        """Return by how much more this is than another."""
        return Growth(self.low - other.high, self.high - other.low)


@dataclass(frozen=True)
class MemoryInUse:
    """Memory at one moment, in bytes.

    :param own: the resident memory of this process.
    :param started: that of each of its descendants alone (its unique set size), by process id: what would be free if
        just that one ended. None where the system does not tell: of its resident memory, it may share all.
    :param unique: whether the system tells.
    :param together: that of this process and all its descendants, in which what they share counts once (the sum of
        their proportional set sizes). Where the system does not tell, at most; infinite where nothing is told.
    """

    own: int
    started: dict[int, int | None]
    unique: bool
    together: float

    def since(self, before: MemoryInUse) -> Growth:
        """Return how much more there is than before.

        At least: of this process, all that is resident counts, as what a child shares with it is here anyway; of the
        others, what each has alone, which may be nothing where it is not told. At most: what they have together.
        """
        low = self.own - before.own
        for process, now in self.started.items():
            then = before.started.get(process, 0)
            if now is not None and then is not None:
                low += now - then
        if math.isinf(self.together) or math.isinf(before.together):
            return Growth(low, math.inf)
        return Growth(low, max(low, self.together - before.together))


#: Reads it.
Gauge = Callable[[], MemoryInUse]


def gauge() -> Gauge | None:
    """Return what reads memory here; None if nothing can: psutil is missing, and this is not Linux."""
    if sys.platform == "linux" and (_PROC / "self" / "statm").exists():
        return memory_on_linux
    try:
        psutil = import_module("psutil")
    except ImportError:
        return None
    return lambda: memory_by_psutil(psutil)


# --- Linux, where psutil may be missing (PyPy)


def memory_on_linux() -> MemoryInUse:
    """Return what the files below /proc tell (proc(5))."""
    own = _sizes(os.getpid())
    others = {process: _sizes(process) for process in _descendants(os.getpid())}
    found = {process: sizes for process, sizes in others.items() if sizes is not None}  # or it has ended
    return MemoryInUse(
        own=own.resident if own is not None else 0,
        started={process: sizes.unique for process, sizes in found.items()},
        unique=all(sizes.unique is not None for sizes in (own, *found.values()) if sizes is not None),
        together=sum(sizes.proportional for sizes in (own, *found.values()) if sizes is not None),
    )


@dataclass(frozen=True)
class _Sizes:
    """A process's sizes; where the system tells the resident one only, that is the proportional one, at most."""

    resident: int
    unique: int | None
    proportional: int


def _sizes(process: int) -> _Sizes | None:
    """Return a process's sizes; None if it has ended."""
    with suppress(OSError):
        sizes = {"Rss": 0, "Pss": 0, "Private": 0}
        for line in _lines(process, "smaps_rollup"):
            name, _, value = line.partition(":")
            name = "Private" if name.startswith("Private_") else name
            if name in sizes:
                sizes[name] += int(value.split()[0]) * _KIB
        return _Sizes(sizes["Rss"], sizes["Private"], sizes["Pss"])
    with suppress(OSError, IndexError):  # an old kernel, or another user's process
        pages = int((_PROC / str(process) / "statm").read_text(encoding="ascii").split()[1])
        size = pages * os.sysconf("SC_PAGESIZE")
        return _Sizes(size, None, size) if size else None  # a zombie has none
    return None


def _lines(process: int, name: str) -> list[str]:
    return (_PROC / str(process) / name).read_text(encoding="ascii", errors="replace").splitlines()


def _descendants(process: int) -> list[int]:
    """Return the ids of the processes that a process, or one of its descendants, has started."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            with suppress(OSError, IndexError):
                # The name before it, in parentheses, may hold anything.
                parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = [process]
    while waiting:
        started = children.get(waiting.pop(), [])
        found += started
        waiting += started
    return found


# --- elsewhere


def memory_by_psutil(psutil: Any) -> MemoryInUse:
    """Return what psutil tells."""
    own = psutil.Process()
    mine = own.memory_info().rss
    sizes: dict[int, int | None] = {}
    together: float = mine
    for process in own.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended
            try:
                resident = process.memory_info().rss
            except psutil.AccessDenied:  # it says nothing at all
                resident = math.inf
            try:
                sizes[process.pid] = process.memory_full_info().uss
            except (psutil.AccessDenied, AttributeError):
                sizes[process.pid] = None
            together += resident
    return MemoryInUse(mine, sizes, None not in sizes.values(), together)
