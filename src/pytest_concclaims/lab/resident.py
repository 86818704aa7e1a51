"""How much memory processes take: that of this one, and of all that it has started."""

from __future__ import annotations

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
class Resident:
    """Memory at one moment, in bytes.

    :param own: the resident memory of this process.
    :param started: that of each of its descendants alone (its unique set size), by process id: what would be free if
        just that one ended. Where the system does not tell, its resident memory.
    :param unique: whether the system tells.
    """

    own: int
    started: dict[int, int]
    unique: bool

    def since(self, before: Resident) -> int:
        """Return how much more there is than before.

        Of this process, all that is resident counts: what a child shares with it is here anyway.
        """
        grown = sum(size - before.started.get(process, 0) for process, size in self.started.items())
        return self.own - before.own + grown


#: Reads it.
Gauge = Callable[[], Resident]


def gauge() -> Gauge | None:
    """Return what reads memory here; None if nothing can: psutil is missing, and this is not Linux."""
    if sys.platform == "linux" and (_PROC / "self" / "statm").exists():
        return of_linux
    try:
        psutil = import_module("psutil")
    except ImportError:
        return None
    return lambda: of_psutil(psutil)


# --- Linux, where psutil may be missing (PyPy)


def of_linux() -> Resident:
    """Return what the files below /proc tell (proc(5))."""
    told = unique = (_PROC / "self" / "smaps_rollup").exists()
    sizes: dict[int, int] = {}
    for process in _descendants(os.getpid()):
        try:
            size = _private(process) if told else _resident(process)
        except PermissionError:  # such as a process of another user
            size, unique = _resident(process), False
        if size is not None:  # or it has ended
            sizes[process] = size
    return Resident(_resident(os.getpid()) or 0, sizes, unique)


def _resident(process: int) -> int | None:
    with suppress(OSError):
        # Counted exactly, while the sum in statm may lag behind by some pages for each CPU.
        for line in _lines(process, "smaps_rollup"):
            if line.startswith("Rss:"):
                return int(line.split()[1]) * _KIB
    with suppress(OSError, IndexError):
        pages = int((_PROC / str(process) / "statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGESIZE")
    return None


def _private(process: int) -> int | None:
    try:
        lines = _lines(process, "smaps_rollup")
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * _KIB


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


def of_psutil(psutil: Any) -> Resident:
    """Return what psutil tells."""
    own = psutil.Process()
    sizes: dict[int, int] = {}
    unique = True
    for process in own.children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it has ended, or says nothing at all
            try:
                sizes[process.pid] = process.memory_full_info().uss
            except (psutil.AccessDenied, AttributeError):
                unique = False
                sizes[process.pid] = process.memory_info().rss
    return Resident(own.memory_info().rss, sizes, unique)
