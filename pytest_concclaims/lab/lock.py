"""The machine for one instrument at a time: what others measure at the same time would be in the evidence.

All runs of a user on this machine share one lock file, whatever started them: workers of pytest-xdist, environments
of tox, terminals. The kernel drops its lock with the last descriptor of the open file, so a run that crashed leaves
none behind; a forked child would keep the descriptor, and closes it.
"""

from __future__ import annotations

import errno
import math
import os
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .processes.signals import interrupts_held

#: The environment variable that names another folder for the lock.
LOCK_DIR = "PYTEST_CONCCLAIMS_LOCK_DIR"
#: Where POSIX has temporary files, whatever TMPDIR says: it differs between a shell, tox and a service.
_SHARED = Path("/tmp")  # noqa: S108  (the folder in it is made for this user alone, and checked)
_PRIVATE = 0o700
_PRIVATE_FILE = 0o600
#: Seconds between two looks whether the machine is free.
_LOOK = 0.01
#: Seconds after which people are told what is waited for.
_TELL_AFTER = 1.0
#: Seconds that a process leaves to those who wait before it takes the machine again: time for each of them to look. A
#: run that goes from one experiment to the next without a pause would keep it for good.
_GIVE_WAY = 2 * _LOOK


class MachineError(Exception):
    """The machine could not be had; the text says why, and what to do."""


class MachineBusy(MachineError):  # noqa: N818  (not an error of anybody's: it says how things are)
    """Others had the machine for as long as was waited for it."""


class MachineLockError(MachineError):
    """There can be no lock in the folder where it should be."""


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


class MachineLock:
    """The machine for one instrument of this user at a time.

    :param patience: seconds to wait for it; with 0, it is had at once or not at all.
    :param tell: shows people one line of text: after a second, what is waited for.
    :raises ValueError: ``patience`` is negative or not finite.
    """

    def __init__(self, *, patience: float, tell: Callable[[str], None] = _to_stderr) -> None:
        if not 0 <= patience < math.inf:
            raise ValueError(f"MachineLock(patience={patience!r}): the patience is a number of seconds, 0 or more")
        self._patience = patience
        self._tell = tell

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the machine for the time of the block.

        A thread that has it already does not wait for itself; another thread of the process does.

        :raises MachineBusy: others had it for as long as ``patience``.
        :raises MachineLockError: the lock's folder or file cannot be used.
        :raises RuntimeError: this process was forked by one that has the machine, which would wait for its child.
        """
        turn = _Turn(_process.machine(_folder()))
        try:
            self._wait(turn)
            yield
        finally:
            with interrupts_held():
                turn.end()

    def _wait(self, turn: _Turn) -> None:
        machine = turn.machine
        time.sleep(machine.time_for_others())
        start = time.monotonic()
        told = False
        while True:
            with interrupts_held():
                turn.begin()
            if turn.begun:
                return
            _refuse_parent(machine)
            waited = time.monotonic() - start
            if waited >= self._patience:
                raise MachineBusy(
                    f"the machine was busy for {_seconds(waited)}: {_measures(machine)}. Let that run end, or end it."
                    f" The lock is {machine.path}; for runs that share no processors, {LOCK_DIR} names another folder"
                )
            if waited >= _TELL_AFTER and not told:
                told = True
                self._tell(f"waiting for the machine: {_measures(machine)}; at most {_seconds(self._patience)}")
            time.sleep(_LOOK)


def _refuse_parent(machine: _Machine) -> None:
    if not _process.ancestors:
        return
    holder = _holder(machine.told)
    if holder is not None and holder.pid in _process.ancestors:
        raise RuntimeError(
            "an instrument is used in a child of the process that measures, such as the one in which a race's actors "
            f"run: it would wait for its own parent ({holder})"
        )


def _measures(machine: _Machine) -> str:
    holder = _holder(machine.told)
    if holder is None:
        return "another experiment measures"
    who = "another thread of this process" if holder.pid == os.getpid() else "another experiment"
    return f"{who} measures ({holder})"


def _seconds(seconds: float) -> str:
    return f"{round(seconds, 1):g} s"


# --- who has it


@dataclass(frozen=True)
class _Holder:
    """Who has the machine.

    :param since: the time at which it was taken, as ``time.time`` tells it.
    """

    pid: int
    since: float

    def __str__(self) -> str:
        return f"pid {self.pid}, for {_seconds(max(0.0, time.time() - self.since))}"


def _holder(told: Path) -> _Holder | None:
    """Return who says to have the machine; to be asked only while somebody has it."""
    try:
        pid, since = told.read_text("ascii").split()
        return _Holder(int(pid), float(since))
    except (OSError, ValueError):  # let go just now, or not yet written, or on a full disk
        return None


# --- taking it and letting go


# By the system's own calls and not by filelock: since its version 3.30, os.fork raises in a program that forks in two
# threads at the same time, as claims may do, once it is imported; and older versions take a child for their parent.
if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


#: What the calls above say if somebody else has it.
_TAKEN = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK})


@dataclass(frozen=True)
class _LockedFile:
    """A file that this process has locked, until it lets go, or what was opened for that is open nowhere any more."""

    descriptor: int
    device: int
    inode: int

    @staticmethod
    def lock(path: Path) -> _LockedFile | None:
        """Lock a file, which is made if there is none; return None if somebody else has.

        :raises OSError: that cannot be done there.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), _PRIVATE_FILE)
        try:
            _lock(descriptor)
            found = os.fstat(descriptor)
            if os.name == "posix" and stat.S_IMODE(found.st_mode) & _PRIVATE_FILE != _PRIVATE_FILE:
                with suppress(OSError):  # made under a umask that would keep this user's next run out
                    os.fchmod(descriptor, _PRIVATE_FILE)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError) and error.errno in _TAKEN:
                return None
            raise
        if found.st_nlink == 0:  # somebody has tidied up: others lock another file of that name
            os.close(descriptor)
            return None
        return _LockedFile(descriptor, found.st_dev, found.st_ino)

    def unlock(self) -> None:
        """Unlock it, also for forked children that have not come to closing it."""
        if self._is_open():
            with suppress(OSError):
                _unlock(self.descriptor)
            os.close(self.descriptor)

    def close_in_child(self) -> None:
        """Close it in a forked child, and leave the parent's lock alone."""
        if self._is_open():
            os.close(self.descriptor)

    def _is_open(self) -> bool:
        """Return whether the number still means this file: somebody may have closed it, and opened another."""
        try:
            found = os.fstat(self.descriptor)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (self.device, self.inode)


class _Machine:
    """One lock file, as this process has it.

    :param told: the file in which its holder says who it is. Not the lock file, which Windows lets nobody else read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "machine.lock"
        self.told = folder / "machine.holder"
        self._file: _LockedFile | None = None
        self._thread: int | None = None
        self._depth = 0
        self._free_since = -math.inf

    def time_for_others(self) -> float:
        """Return the seconds for which this thread should not take it yet."""
        if self._thread is not None:
            return 0.0
        return min(max(0.0, self._free_since + _GIVE_WAY - time.monotonic()), _GIVE_WAY)

    def take(self) -> bool:
        """Take it for this thread, if no other thread or process has it; return whether this thread has it now."""
        with _process.changing:
            if self._thread is None:
                try:
                    taken = self._lock_file()
                except OSError as error:
                    raise _unusable(self.path.parent, str(error)) from error
                if not taken:
                    return False
                self._thread = threading.get_ident()
            if self._thread != threading.get_ident():
                return False
            self._depth += 1
            return True

    def let_go(self) -> None:
        """Let go of it, once for each time that it was taken."""
        with _process.changing:
            if not self._depth:  # in a forked child, the end of a block that its parent had begun
                return
            self._depth -= 1
            if self._depth or self._file is None:
                return
            file, self._file, self._thread = self._file, None, None
            self._free_since = time.monotonic()
            with suppress(OSError):
                self.told.write_text("")
            file.unlock()

    def forget(self) -> None:
        """In a forked child: have nothing to do with it any more."""
        self._thread, self._depth = None, 0
        if self._file is not None:
            self._file.close_in_child()

    def _lock_file(self) -> bool:
        self._file = _LockedFile.lock(self.path)
        if self._file is None:
            return False
        with suppress(OSError):  # a full disk: it is not told who measures
            self.told.write_text(f"{os.getpid()} {time.time()}")
        return True


@dataclass
class _Turn:
    """One time that the machine is taken, or not."""

    machine: _Machine
    begun: bool = False

    def begin(self) -> None:
        self.begun = self.machine.take()

    def end(self) -> None:
        if self.begun:
            self.machine.let_go()


class _Process:
    """What there is once in each process.

    :param ancestors: the processes that this one was forked from, as far as they are known.
    :param changing: held by a thread while a lock is taken or let go of; nobody forks then, or the child would have a
        descriptor that it does not know of.
    """

    def __init__(self) -> None:
        self.ancestors: frozenset[int] = frozenset()
        self.changing = threading.RLock()
        self._pid = os.getpid()
        self._machines: dict[Path, _Machine] = {}
        self._forking: list[int] = []  # threads
        self._watches_forks = False

    def machine(self, folder: Path) -> _Machine:
        """Return what this process has of the lock in a folder."""
        with self.changing:
            if not self._watches_forks and hasattr(os, "register_at_fork"):
                self._watches_forks = True
                os.register_at_fork(
                    before=self._stop_changes,
                    after_in_parent=self._let_change,
                    after_in_child=self._become_child,
                )
            return self._machines.setdefault(folder, _Machine(folder))

    def _stop_changes(self) -> None:
        self.changing.acquire()
        self._forking.append(threading.get_ident())

    def _let_change(self) -> None:
        # Of a fork that had begun when it was asked to be watched, there is only this end.
        if self._forking[-1:] == [threading.get_ident()]:
            self._forking.pop()
            self.changing.release()

    def _become_child(self) -> None:
        self.ancestors |= {self._pid}
        self.changing = threading.RLock()
        self._forking = []
        self._pid = os.getpid()
        for machine in self._machines.values():
            machine.forget()
        # Not used again: blocks that the parent began may still end here.
        self._machines = {}


_process = _Process()


# --- where it is


def _unusable(folder: Path, why: str) -> MachineLockError:
    return MachineLockError(
        f"the machine cannot be locked: {why}. The lock's folder is {folder}; {LOCK_DIR} names another one"
    )


def _folder() -> Path:
    """Return the lock's folder, which is there and this user's own."""
    named = os.environ.get(LOCK_DIR)
    folder = Path(named) if named else _default_folder()
    if not folder.is_absolute():
        raise _unusable(folder, f"{LOCK_DIR} is no absolute path, so each run would have its own lock")
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=_PRIVATE, parents=True)
        found = folder.lstat()
        _check(folder, found)
        if not named and os.name == "posix" and stat.S_IMODE(found.st_mode) != _PRIVATE:
            folder.chmod(_PRIVATE)
    except OSError as error:
        raise _unusable(folder, str(error)) from error
    return folder


def _check(folder: Path, found: os.stat_result) -> None:
    """Let nobody else lead this user's lock elsewhere, or take it away."""
    if stat.S_ISLNK(found.st_mode):
        raise _unusable(folder, "its folder is a symbolic link")
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(folder, "a file is where its folder should be")
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise _unusable(folder, f"its folder belongs to user {found.st_uid}, and you are user {os.geteuid()}")


def _default_folder() -> Path:
    """Return the folder that all runs of this user on this machine agree on.

    Nothing in the environment of a run says where it is, as far as possible; and not in the home folder, which other
    machines may share.
    """
    if sys.platform == "win32":
        return Path(tempfile.gettempdir()) / "pytest-concclaims"
    usable = _SHARED.is_dir() and os.access(_SHARED, os.W_OK | os.X_OK)
    return (_SHARED if usable else Path(tempfile.gettempdir())) / f"pytest-concclaims-{os.geteuid()}"
