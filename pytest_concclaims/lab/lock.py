"""A lock on the machine: one instrument measures at a time, as other measurements would be in its evidence.

All runs of a user on this machine share one lock file, whatever started them: workers of pytest-xdist, environments
of tox, terminals. The kernel drops its lock with the last descriptor of the open file, so a run that crashed leaves
none behind; a forked child would keep the descriptor, and closes it.

The lock is taken by the system's own calls and not by filelock. Since its version 3.30, filelock makes os.fork raise
in a program that forks in two threads at the same time, as claims may do; older versions take a child for its parent.
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
_POLL_INTERVAL_S = 0.01
#: Seconds of waiting after which the user is told what is waited for.
_TELL_AFTER_S = 1.0
#: Seconds that a process leaves to those who wait before it takes the lock again: time for each of them to poll. A
#: run that goes from one experiment to the next without a pause would keep it for good.
_GIVE_WAY_S = 2 * _POLL_INTERVAL_S


class MachineError(Exception):
    """The machine could not be had; the text says why, and what to do."""


class MachineBusy(MachineError):  # noqa: N818  (not an error: it says how things are)
    """Others had the machine until the timeout."""


class MachineLockError(MachineError):
    """There can be no lock in the folder where it should be."""


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


#: The errors of the calls above if another process has the lock.
_TAKEN = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK})


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _seconds(seconds: float) -> str:
    return f"{round(seconds, 1):g} s"


#: The locks of this process, by folder.
_locks: dict[Path, MachineLock] = {}
#: This process, since forks are watched.
_pid: int | None = None
#: The processes that it was forked from, as far as they are known.
_ancestors: set[int] = set()
#: Held by a thread while a lock is taken or released. No other thread forks then: the child would have a descriptor
#: that it does not know of.
_changing = threading.RLock()


@dataclass(frozen=True)
class _Holder:
    """The process that has the lock.

    :param since: the time at which it took it, as ``time.time`` tells it.
    """

    pid: int
    since: float

    def __str__(self) -> str:
        return f"pid {self.pid}, for {_seconds(max(0.0, time.time() - self.since))}"


class MachineLock:
    """The lock in one folder, as this process has it; made by :func:`machine_lock`.

    A thread that has it can take it again; other threads and other processes wait.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "machine.lock"
        #: Says who has the lock. Not the lock file itself, which Windows lets no other process read.
        self._holder_path = folder / "machine.holder"
        self._descriptor: int | None = None
        self._device_and_inode = (0, 0)
        self._thread: int | None = None
        self._depth = 0
        self._released_at = -math.inf

    @contextmanager
    def held(self, *, timeout: float, tell: Callable[[str], None] = _to_stderr) -> Iterator[None]:
        """Have the machine for the time of the block.

        :param timeout: seconds to wait for it; with 0, it is had at once or not at all.
        :param tell: shows the user one line of text: after a second, what is waited for.
        :raises MachineBusy: others had it until the timeout.
        :raises MachineLockError: the lock file cannot be used.
        :raises RuntimeError: this process was forked by one that has the machine, which would wait for its child.
        :raises ValueError: the timeout is negative or not finite.
        """
        if not 0 <= timeout < math.inf:
            raise ValueError(f"MachineLock.held(timeout={timeout!r}): the timeout is a number of seconds, 0 or more")
        acquired = False
        try:
            for _ in self._polls(timeout, tell):
                with interrupts_held():  # one between taking it and knowing that would leave it taken
                    acquired = self._acquire()
                if acquired:
                    break
            yield
        finally:
            with interrupts_held():
                if acquired:
                    self._release()

    def check(self) -> None:
        """Check that there can be a lock, without taking it.

        :raises MachineLockError: the lock file cannot be used.
        """
        with _changing:
            os.close(self._open())

    def forget(self) -> None:
        """In a forked child: close the lock file, and leave the parent's lock alone."""
        self._thread, self._depth = None, 0
        self._close(unlock=False)

    def _polls(self, timeout: float, tell: Callable[[str], None]) -> Iterator[None]:
        """Yield each time that the lock is to be tried.

        :raises MachineBusy: the timeout has passed.
        :raises RuntimeError: the lock is held by a process that this one was forked from.
        """
        if self._thread is None:  # no block in a block
            time.sleep(min(max(0.0, self._released_at + _GIVE_WAY_S - time.monotonic()), _GIVE_WAY_S))
        start = time.monotonic()
        told = False
        while True:
            yield
            holder = self._holder()
            if holder is not None and holder.pid in _ancestors:
                raise RuntimeError(
                    "an instrument is used in a child of the process that measures, such as the one in which a "
                    f"race's actors run: it would wait for its own parent ({holder})"
                )
            waited = time.monotonic() - start
            if waited >= timeout:
                raise MachineBusy(
                    f"the machine was busy for {_seconds(waited)}: {_measures(holder)}. Let that run end, or end it."
                    f" The lock is {self.path}; for runs that share no processors, {LOCK_DIR} names another folder"
                )
            if waited >= _TELL_AFTER_S and not told:
                told = True
                tell(f"waiting for the machine: {_measures(holder)}; at most {_seconds(timeout)}")
            time.sleep(_POLL_INTERVAL_S)

    def _acquire(self) -> bool:
        """Take it if no other thread or process has it; return whether this thread has it now."""
        with _changing:
            if self._thread is None and self._lock_file():
                self._thread = threading.get_ident()
            if self._thread != threading.get_ident():
                return False
            self._depth += 1
            return True

    def _release(self) -> None:
        """Let go of it, once for each time that it was taken."""
        with _changing:
            if not self._depth:  # in a forked child, the end of a block that its parent had begun
                return
            self._depth -= 1
            if self._depth:
                return
            self._thread = None
            self._released_at = time.monotonic()
            with suppress(OSError):
                self._holder_path.write_text("")
            self._close(unlock=True)

    def _lock_file(self) -> bool:
        """Lock the file; return False if another process has."""
        descriptor = self._open()
        try:
            _lock(descriptor)
            found = os.fstat(descriptor)
        except BaseException as error:
            os.close(descriptor)
            if not isinstance(error, OSError):
                raise
            if error.errno in _TAKEN:
                return False
            raise _unusable(self.path.parent, str(error)) from error
        if found.st_nlink == 0:  # the file was deleted: others lock another file of that name
            os.close(descriptor)
            return False
        self._descriptor, self._device_and_inode = descriptor, (found.st_dev, found.st_ino)
        with suppress(OSError):  # on a full disk, it is not told who measures
            self._holder_path.write_text(f"{os.getpid()} {time.time()}")
        return True

    def _open(self) -> int:
        """Return a descriptor of the lock file, which is made if there is none."""
        try:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(self.path, flags, _PRIVATE_FILE)
        except OSError as error:
            raise _unusable(self.path.parent, str(error)) from error
        if sys.platform != "win32":
            with suppress(OSError):  # made under a umask that would keep this user's next run out
                if stat.S_IMODE(os.fstat(descriptor).st_mode) & _PRIVATE_FILE != _PRIVATE_FILE:
                    os.fchmod(descriptor, _PRIVATE_FILE)
        return descriptor

    def _close(self, *, unlock: bool) -> None:
        """Close the lock file, if the descriptor still means it: other code may have closed it and opened another.

        :param unlock: whether to unlock it for forked children, too, that have not closed it yet.
        """
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):
            found = os.fstat(descriptor)
            if (found.st_dev, found.st_ino) != self._device_and_inode:
                return
            if unlock:
                with suppress(OSError):
                    _unlock(descriptor)
            os.close(descriptor)

    def _holder(self) -> _Holder | None:
        """Return the process that says it has the lock; to be asked only while the lock is taken."""
        try:
            pid, since = self._holder_path.read_text("ascii").split()
            return _Holder(int(pid), float(since))
        except (OSError, ValueError):  # released just now, or not yet written, or on a full disk
            return None


def _measures(holder: _Holder | None) -> str:
    if holder is None:
        return "another experiment measures"
    who = "another thread of this process" if holder.pid == os.getpid() else "another experiment"
    return f"{who} measures ({holder})"


def machine_lock() -> MachineLock:
    """Return the lock of this process in the folder that is named now.

    :raises MachineLockError: the folder cannot be used.
    """
    global _pid
    folder = _folder()
    with _changing:
        if _pid is None and hasattr(os, "register_at_fork"):
            _pid = os.getpid()
            os.register_at_fork(
                before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
            )
        return _locks.setdefault(folder, MachineLock(folder))


def check_lock_folder() -> None:
    """Check that the lock's folder can be used, without taking the lock.

    :raises MachineLockError: it cannot.
    """
    machine_lock().check()


def _before_fork() -> None:
    _changing.acquire()


def _after_fork_in_parent() -> None:
    # Of a fork that had begun before forks were watched, there is only this end.
    with suppress(RuntimeError):
        _changing.release()


def _after_fork_in_child() -> None:
    global _changing, _pid
    _changing = threading.RLock()
    if _pid is not None:
        _ancestors.add(_pid)
    _pid = os.getpid()
    for lock in _locks.values():
        lock.forget()
    # Not used again: blocks that the parent began may still end here.
    _locks.clear()


# --- the folder


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
        _check_owner(folder, found)
        if not named and os.name == "posix" and stat.S_IMODE(found.st_mode) != _PRIVATE:
            folder.chmod(_PRIVATE)
    except OSError as error:
        raise _unusable(folder, str(error)) from error
    return folder


def _check_owner(folder: Path, found: os.stat_result) -> None:
    """Refuse a folder by which another user could lead this user's lock elsewhere, or take it away."""
    if stat.S_ISLNK(found.st_mode):
        raise _unusable(folder, "its folder is a symbolic link")
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(folder, "a file is where its folder should be")
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise _unusable(folder, f"its folder belongs to user {found.st_uid}, and you are user {os.geteuid()}")


def _default_folder() -> Path:
    """Return the folder that all runs of this user on this machine agree on.

    As far as possible, the environment of a run has no say; and it is not in the home folder, which other machines
    may share.
    """
    if sys.platform == "win32":
        return Path(tempfile.gettempdir()) / "pytest-concclaims"
    usable = _SHARED.is_dir() and os.access(_SHARED, os.W_OK | os.X_OK)
    return (_SHARED if usable else Path(tempfile.gettempdir())) / f"pytest-concclaims-{os.geteuid()}"
