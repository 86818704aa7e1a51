"""What a run has left behind: processes, temporary files, shared memory.

A run gets a folder for its temporary files, and a mark in its environment, which all processes inherit that it
starts, directly or not, in any group or session. Processes and shared memory, which includes named semaphores, are
found on Linux only, in ``/proc`` and ``/dev/shm``.
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

#: The environment variable of the mark.
MARK = "CONCCLAIMS_RUN"
#: Seconds in which things may disappear by themselves: multiprocessing's fork server and resource tracker need some
#: time to notice that their parent has ended.
GRACE_S = 10.0
#: Seconds between two checks.
_POLL_INTERVAL_S = 0.05
_LINUX = sys.platform == "linux"
_PROCESSES = Path("/proc")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (only read)
#: Characters of a command, and names of one kind, that messages have.
_COMMAND_SHOWN, _NAMES_SHOWN = 200, 20


@dataclass(frozen=True)
class Process:
    """A running process and its command line."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command[:_COMMAND_SHOWN]})"


@dataclass(frozen=True)
class LeftBehind:
    """What exists after the end of a run, and did not exist before; false if that is nothing.

    :param files: paths in the folder for temporary files; of folders, only empty ones.
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
    more = len(names) - _NAMES_SHOWN
    return names if more <= 0 else [*names[:_NAMES_SHOWN], f"{more} more"]


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a run.

    :param folder: for its temporary files only.
    :param mark: the mark of its processes.
    :param shared: the shared memory that existed before.
    """

    folder: Path
    mark: str
    shared: frozenset[Path]

    @classmethod
    def of_run(cls, folder: Path) -> Surroundings:
        """Make the folder; return the surroundings of a run that has not begun."""
        folder.mkdir()
        return cls(folder, secrets.token_hex(16), frozenset(_shared_memory()))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the run."""
        return {"TMPDIR": str(self.folder), MARK: self.mark}

    def left_behind(self, grace: float = GRACE_S) -> LeftBehind:
        """Return what is left behind after the run has ended.

        :param grace: seconds in which things may disappear by themselves.
        """
        end = time.monotonic() + grace
        left = self._look()
        while left and time.monotonic() < end:
            time.sleep(_POLL_INTERVAL_S)
            now = self._look()
            # Other programs make shared memory at any time. That of the run exists at the first check.
            left = replace(now, shared=tuple(path for path in now.shared if path in left.shared))
        return left

    def end_processes(self) -> None:
        """Kill the run's processes, and wait until they have ended."""
        end = time.monotonic() + GRACE_S
        processes = self._processes()
        while processes and time.monotonic() < end:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            time.sleep(_POLL_INTERVAL_S)
            processes = self._processes()

    def _look(self) -> LeftBehind:
        processes = self._processes()
        new = [path for path in _shared_memory() if path not in self.shared]
        used = self._used_by_others(new) if new else set()
        shared = tuple(str(path) for path in sorted(new) if path not in used)
        return LeftBehind(tuple(processes), tuple(sorted(_files(self.folder))), shared)

    def _processes(self) -> list[Process]:
        # A process that has just started, or runs execve, is easily missed; but hardly twice.
        found = {pid: _process(pid) for _ in range(2) for pid in _pids() if self._is_ours(pid)}
        return [found[pid] for pid in sorted(found)]

    def _is_ours(self, pid: int) -> bool:
        return f"{MARK}={self.mark}".encode() in _read(pid, "environ").split(b"\0")

    def _used_by_others(self, paths: Iterable[Path]) -> set[Path]:
        """Return which files are in use by processes of other programs, and so do not belong to the run."""
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
    """Return the content of a file of a process; empty if the process has ended, or belongs to another user."""
    with suppress(OSError):
        return (_PROCESSES / str(pid) / name).read_bytes()
    return b""


def _process(pid: int) -> Process:
    return Process(pid, " ".join(_read(pid, "cmdline").decode(errors="backslashreplace").split("\0")).strip())


def _open_files(pid: int) -> Iterator[tuple[int, int]]:
    """Yield device and inode of the files that a process has mapped or open.

    Not the paths: the file of a semaphore was renamed after it was mapped.
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
