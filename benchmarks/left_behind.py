"""What a run has left behind: processes, temporary files, shared memory.

A run gets a folder for its temporary files, and a mark in its environment. A process that it starts has the mark as
well, and so has each one that such a process starts, in whatever group or session. Processes and shared memory, which
includes named semaphores, are looked for on Linux only: in ``/proc`` and ``/dev/shm``.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

#: The environment variable that is a run's mark.
MARK = "CONCCLAIMS_RUN"
#: Seconds in which what is left may go by itself: multiprocessing's fork server and resource tracker notice only then
#: that their parent has ended.
GRACE = 10.0
#: Seconds between two looks.
_LOOK = 0.05
_LINUX = sys.platform == "linux"
_PROCESSES = Path("/proc")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (nothing is made there)
#: Characters of a command, and names of one kind, that are told.
_COMMAND_TOLD, _NAMES_TOLD = 200, 20


@dataclass(frozen=True)
class Process:
    """A process that lives, and the command line that it has."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command[:_COMMAND_TOLD]})"


@dataclass(frozen=True)
class LeftBehind:
    """What is there after the end of a run, and was not before it; false if that is nothing.

    :param files: their paths in the folder for temporary files; a folder counts if it is empty.
    :param shared: paths of shared memory.
    """

    processes: tuple[Process, ...] = ()
    files: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.processes or self.files or self.shared)

    def __str__(self) -> str:
        processes = [str(process) for process in self.processes]
        files = [f"file {path}" for path in self.files]
        shared = [f"shared memory {path}" for path in self.shared]
        return f"left behind: {', '.join([*_first(processes), *_first(files), *_first(shared)])}"


def _first(names: list[str]) -> list[str]:
    more = len(names) - _NAMES_TOLD
    return names if more <= 0 else [*names[:_NAMES_TOLD], f"{more} more"]


@dataclass(frozen=True)
class Surroundings:
    """Where a run takes place: what it has to itself there, and what was there before.

    :param folder: for its temporary files; nobody else has any in it.
    :param mark: the mark of its processes.
    :param shared: the shared memory that there was before.
    """

    folder: Path
    mark: str
    shared: frozenset[Path]

    @classmethod
    def of_run(cls, folder: Path) -> Surroundings:
        """Make the folder, and the surroundings of a run that has not begun."""
        folder.mkdir()
        return cls(folder, secrets.token_hex(16), frozenset(_shared_memory()))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that the run needs."""
        return {"TMPDIR": str(self.folder), MARK: self.mark}

    def left_behind(self, grace: float = GRACE) -> LeftBehind:
        """Return what is left behind, once the run has ended and what goes by itself has gone.

        :param grace: seconds in which it may go.
        """
        end = time.monotonic() + grace
        left = self._look()
        while left and time.monotonic() < end:
            time.sleep(_LOOK)
            now = self._look()
            # Others make shared memory as well, at any time. Ours was there from the first look on.
            left = replace(now, shared=tuple(path for path in now.shared if path in left.shared))
        return left

    def end_processes(self) -> None:
        """Kill the run's processes, and wait until they are gone."""
        end = time.monotonic() + GRACE
        processes = self._processes()
        while processes and time.monotonic() < end:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            time.sleep(_LOOK)
            processes = self._processes()

    def _look(self) -> LeftBehind:
        processes = self._processes()
        new = [path for path in _shared_memory() if path not in self.shared]
        used = self._used_by_others(new) if new else set()
        shared = tuple(str(path) for path in sorted(new) if path not in used)
        return LeftBehind(tuple(processes), tuple(sorted(_files(self.folder))), shared)

    def _processes(self) -> list[Process]:
        # A process that has just been started, or becomes another program, is easily missed; but hardly twice.
        found = {pid: _process(pid) for _ in range(2) for pid in _pids() if self._is_ours(pid)}
        return [found[pid] for pid in sorted(found)]

    def _is_ours(self, pid: int) -> bool:
        return f"{MARK}={self.mark}".encode() in _read(pid, "environ").split(b"\0")

    def _used_by_others(self, paths: Iterable[Path]) -> set[Path]:
        """Return which files are in use by processes that are not the run's: they are not the run's, either."""
        identities = {}
        for path in paths:
            with suppress(FileNotFoundError):
                identities[_identity(path)] = path
        used = set()
        for pid in _pids():
            if not self._is_ours(pid):
                used |= identities.keys() & set(_open_files(pid))
        return {identities[identity] for identity in used}


def _pids() -> Iterator[int]:
    if _LINUX:
        yield from (int(entry.name) for entry in _PROCESSES.iterdir() if entry.name.isdecimal())


def _read(pid: int, name: str) -> bytes:
    """Return what there is to read of a process: nothing if it has ended, or is another user's."""
    with suppress(OSError):
        return (_PROCESSES / str(pid) / name).read_bytes()
    return b""


def _process(pid: int) -> Process:
    return Process(pid, " ".join(_read(pid, "cmdline").decode(errors="backslashreplace").split("\0")).strip())


def _open_files(pid: int) -> Iterator[tuple[int, int]]:
    """Yield device and inode of what a process has mapped or open.

    Not the path: a semaphore was mapped when it had another one.
    """
    for line in _read(pid, "maps").splitlines():
        _, _, _, device, inode, *_ = line.split()
        major, minor = device.split(b":")
        yield os.makedev(int(major, 16), int(minor, 16)), int(inode)
    with suppress(OSError):
        for descriptor in (_PROCESSES / str(pid) / "fd").iterdir():
            with suppress(OSError):
                yield _identity(descriptor)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _shared_memory() -> Iterator[Path]:
    """Yield the paths of this user's shared memory."""
    if not _LINUX or not _SHARED_MEMORY.is_dir():
        return
    for entry in _SHARED_MEMORY.iterdir():
        with suppress(FileNotFoundError):
            if entry.stat().st_uid == os.getuid():
                yield entry


def _files(folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        yield from (str((here / name).relative_to(folder)) for name in files)
        if not folders and not files and here != folder:
            yield str(here.relative_to(folder))
