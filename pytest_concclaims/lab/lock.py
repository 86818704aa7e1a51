"""The machine lock: one instrument measures at a time, because another measurement would falsify its evidence.

All runs of one user on one machine share one lock file: workers of pytest-xdist, environments of tox, terminals. The
kernel releases the lock when the last descriptor of the open file is closed, so a crashed run leaves no lock behind.
A forked child inherits the descriptor, and closes it.

The lock is taken by system calls and not by filelock. Since version 3.30, filelock makes os.fork raise in a program
that forks in two threads at the same time, as claims may do; older versions take a child for its parent.
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
#: The system's folder for temporary files. Not TMPDIR, which differs between a shell, tox and a service.
_SHARED = Path("/tmp")  # noqa: S108  (the folder in it is made for this user alone, and checked)
_PRIVATE = 0o700
_PRIVATE_FILE = 0o600
_POLL_INTERVAL_S = 0.01
#: Seconds of waiting after which a message says what holds the lock.
_TELL_AFTER_S = 1.0
#: Seconds for which a process leaves the lock free before it takes it again, so that each waiting process polls once.
#: Otherwise, a run with one experiment right after the other would keep the lock all the time.
_GIVE_WAY_S = 2 * _POLL_INTERVAL_S


class MachineError(Exception):
    """The machine lock could not be taken; the text says why, and what to do."""


class MachineBusy(MachineError):  # noqa: N818  (a state of the machine, and not an error)
    """Another process or thread held the lock until the timeout."""


class MachineLockError(MachineError):
    """The lock's folder or file cannot be used."""


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


#: The errors of the calls above where another process holds the lock.
_TAKEN = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK})


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _seconds(seconds: float) -> str:
    return f"{round(seconds, 1):g} s"


#: The locks of this process, by folder.
_locks: dict[Path, MachineLock] = {}
#: This process; None until fork handlers are registered.
_pid: int | None = None
#: The processes that this one was forked from, as far as they are known.
_ancestors: set[int] = set()
#: Held by a thread while it takes or releases a lock. Forks of other threads wait for it: their child would inherit a
#: descriptor that is not recorded yet.
_changing = threading.RLock()


@dataclass(frozen=True)
class _Holder:
    """The process that holds the lock.

    :param since: when it took the lock, as of ``time.time``.
    """

    pid: int
    since: float

    def __str__(self) -> str:
        return f"pid {self.pid}, measuring for {_seconds(max(0.0, time.time() - self.since))}"


class MachineLock:
    """The lock in one folder; made by :func:`machine_lock`.

    It is reentrant: the thread that holds it can take it again. Other threads and other processes wait.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "machine.lock"
        #: Names the holder. Not the lock file itself, which other processes cannot read on Windows.
        self._holder_path = folder / "machine.holder"
        self._descriptor: int | None = None
        self._device_and_inode = (0, 0)
        self._thread: int | None = None
        self._depth = 0
        self._released_at = -math.inf

    @contextmanager
    def held(self, *, timeout: float, tell: Callable[[str], None] = _to_stderr) -> Iterator[None]:
        """Hold the lock during the block.

        :param timeout: seconds to wait; 0 does not block.
        :param tell: shows the user a line of text; called once, after a second of waiting.
        :raises MachineBusy: another process or thread held the lock until the timeout.
        :raises MachineLockError: the lock file cannot be used.
        :raises RuntimeError: a process that this one was forked from holds the lock, which would be a deadlock.
        :raises ValueError: the timeout is negative or not finite.
        """
        if not 0 <= timeout < math.inf:
            raise ValueError(f"MachineLock.held(timeout={timeout!r}): must be a number of seconds, 0 or more")
        acquired = False
        try:
            for _ in self._polls(timeout, tell):
                with interrupts_held():  # an interrupt before `acquired` is set would leave the lock taken
                    acquired = self._acquire()
                if acquired:
                    break
            yield
        finally:
            with interrupts_held():
                if acquired:
                    self._release()

    def check(self) -> None:
        """Check that the lock file can be used, without taking the lock.

        :raises MachineLockError: the lock file cannot be used.
        """
        with _changing:
            os.close(self._open())

    def forget(self) -> None:
        """In a forked child: close the lock file without unlocking it, as the parent may hold the lock."""
        self._thread, self._depth = None, 0
        self._close(unlock=False)

    def _polls(self, timeout: float, tell: Callable[[str], None]) -> Iterator[None]:
        """Yield each time that the caller should try to take the lock.

        :raises MachineBusy: the timeout has passed.
        :raises RuntimeError: a process that this one was forked from holds the lock.
        """
        if self._thread is None:  # not for a nested block
            time.sleep(min(max(0.0, self._released_at + _GIVE_WAY_S - time.monotonic()), _GIVE_WAY_S))
        start = time.monotonic()
        announced = False
        while True:
            yield
            holder = self._holder()
            if holder is not None and holder.pid in _ancestors:
                raise RuntimeError(
                    "an instrument was used in a child of the process that measures, such as one in which a race's "
                    f"actors run; it would wait for its own parent ({holder}). Use instruments in the claim only"
                )
            waited = time.monotonic() - start
            if waited >= timeout:
                raise MachineBusy(
                    f"waited {_seconds(waited)} for {_named(holder)} to end. Let it end, or end it. The lock is "
                    f"{self.path}; for runs that share no CPUs, set {LOCK_DIR} to another folder"
                )
            if waited >= _TELL_AFTER_S and not announced:
                announced = True
                tell(f"waiting for {_named(holder)} to end, at most {_seconds(timeout)}")
            time.sleep(_POLL_INTERVAL_S)

    def _acquire(self) -> bool:
        """Take the lock if it is free, or held by this thread; return whether this thread holds it now."""
        with _changing:
            if self._thread is None and self._lock_file():
                self._thread = threading.get_ident()
            if self._thread != threading.get_ident():
                return False
            self._depth += 1
            return True

    def _release(self) -> None:
        """Undo one :meth:`_acquire`; the last one releases the lock."""
        with _changing:
            if not self._depth:  # a forked child leaves a block that its parent entered
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
        """Lock the file; return False if another process holds its lock."""
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
        if found.st_nlink == 0:  # the file was deleted: other processes lock a new file of that name
            os.close(descriptor)
            return False
        self._descriptor, self._device_and_inode = descriptor, (found.st_dev, found.st_ino)
        with suppress(OSError):  # on a full disk, messages cannot name the holder
            self._holder_path.write_text(f"{os.getpid()} {time.time()}")
        return True

    def _open(self) -> int:
        """Return a descriptor of the lock file; create the file if needed."""
        try:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(self.path, flags, _PRIVATE_FILE)
        except OSError as error:
            raise _unusable(self.path.parent, str(error)) from error
        if sys.platform != "win32":
            with suppress(OSError):  # the umask may have removed a permission that this user's next run needs
                if stat.S_IMODE(os.fstat(descriptor).st_mode) & _PRIVATE_FILE != _PRIVATE_FILE:
                    os.fchmod(descriptor, _PRIVATE_FILE)
        return descriptor

    def _close(self, *, unlock: bool) -> None:
        """Close the lock file, unless other code has closed it and the descriptor means another file now.

        :param unlock: whether to unlock it first: forked children may still hold the descriptor.
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
        """Return the process that holds the lock, if it is known. Valid only while the lock is taken."""
        try:
            pid, since = self._holder_path.read_text("ascii").split()
            return _Holder(int(pid), float(since))
        except (OSError, ValueError):  # just released, not yet written, or the disk is full
            return None


def _named(holder: _Holder | None) -> str:
    if holder is None:
        return "another experiment"
    where = " in another thread of this process" if holder.pid == os.getpid() else ""
    return f"another experiment{where} ({holder})"


def machine_lock() -> MachineLock:
    """Return this process's lock in the current lock folder.

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
    """Check that the lock folder can be used, without taking the lock.

    :raises MachineLockError: it cannot.
    """
    machine_lock().check()


def _before_fork() -> None:
    _changing.acquire()


def _after_fork_in_parent() -> None:
    # A fork that began before the handlers were registered runs only this one.
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
    # The child makes new ones: the old ones still belong to blocks that the parent entered.
    _locks.clear()


# --- the folder


def _unusable(folder: Path, why: str) -> MachineLockError:
    return MachineLockError(
        f"the machine lock cannot be used: {why}. Its folder is {folder}; set {LOCK_DIR} to another one"
    )


def _folder() -> Path:
    """Return the lock folder, which exists and belongs to this user."""
    named = os.environ.get(LOCK_DIR)
    folder = Path(named) if named else _default_folder()
    if not folder.is_absolute():
        raise _unusable(folder, f"{LOCK_DIR} must be an absolute path, or runs would have different locks")
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
    """Refuse a folder through which another user could redirect or remove this user's lock."""
    if stat.S_ISLNK(found.st_mode):
        raise _unusable(folder, "its folder is a symbolic link")
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(folder, "its folder is a file")
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise _unusable(folder, f"its folder belongs to user {found.st_uid}, and you are user {os.geteuid()}")


def _default_folder() -> Path:
    """Return the folder that all runs of this user on this machine use.

    It depends on environment variables as little as possible, as these differ between runs. It is not in the home
    folder, which several machines may share.
    """
    if sys.platform == "win32":
        return Path(tempfile.gettempdir()) / "pytest-concclaims"
    usable = _SHARED.is_dir() and os.access(_SHARED, os.W_OK | os.X_OK)
    return (_SHARED if usable else Path(tempfile.gettempdir())) / f"pytest-concclaims-{os.geteuid()}"
