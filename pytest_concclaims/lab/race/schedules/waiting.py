"""Waits of threads in the kernel: for a lock, for data, or for time to pass.

A *look* at a thread reads three files of ``/proc/self/task/TID`` on Linux (proc(5), sched-stats.rst):

- ``syscall``: the system call in which the thread waits, with its arguments.
- ``schedstat``: how often the thread has run. Two looks with equal numbers are of one wait.
- ``stat``: the state of the thread. A thread that is being woken up is runnable here at once. By ``syscall`` it waits
  until its CPU notices, which may take milliseconds in a busy virtual machine.

Other systems do not report what a thread waits in. There, it counts as waiting if it makes no progress for a while.

A thread may also wait for the GIL. On CPython, such a wait is a timed one. So with a GIL, a timed wait counts only if
it lasts longer than a wait for the GIL (``Wait.seconds``).
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from ....interpreter import CPYTHON, PYPY

#: The numbers of system calls that wait for other threads, for time to pass, and for files (Linux, asm/unistd.h).
_FUTEX, _SLEEPS, _SELECTS, _READS, _FILE_LOCKS = {
    "x86_64": (202, (35, 230), (23, 270), (0,), (72, 73)),
    "aarch64": (98, (101, 115), (72,), (63,), (25, 32)),
}.get(platform.machine(), (-1, (), (), (), ()))
#: System calls that wait for files with a timeout, and the number of the argument that has it: in milliseconds, or as
#: a pointer.
_POLLS_MS, _POLLS_AT = {
    "x86_64": ({7: 3, 232: 4, 281: 4}, {23: 5, 270: 5, 271: 3, 441: 4}),
    "aarch64": ({22: 4}, {72: 5, 73: 3, 441: 4}),
}.get(platform.machine(), ({}, {}))
_SIGN_BIT = 1 << 31
_FUTEX_PRIVATE_FLAG = 128  # linux/futex.h: no other process can wake the thread
#: The most bytes that are read of a file.
_MAX_READ_BYTES = 256
#: A thread that waits for the GIL wakes up within this time: the switch interval and a reserve.
_GIL_WAIT_S = 0.01
#: On PyPy, all but one of the threads that wait for the GIL wait for a mutex, like threads that wait for an actor.
_MUTEX_WAIT_S = 3e-4 if PYPY else 0.0
#: Whether threads wait at the address of the lock (thread_pthread.h). From 3.13 on, they do not (parking_lot.c).
_WAITS_AT_LOCK = CPYTHON and sys.version_info < (3, 13)
#: The time that a server gets for an answer before the process that asked counts as blocked.
_ANSWER_S = 0.02
#: The time without progress after which a thread counts as waiting, if the system does not report waits.
_UNREPORTED_WAIT_S = 0.03


@dataclass(frozen=True)
class Wait:
    """A wait in which a look has seen a thread. Equal looks are of one wait.

    :param call: the system call and its arguments; empty if the system does not report them.
    :param ran: how often the thread had run before.
    :param endless: whether only another thread of this process can end it.
    :param timed: whether it ends by itself at some time.
    :param seconds: for how long it has to last before it counts: a shorter one may be for the GIL.
    """

    call: bytes
    ran: bytes
    endless: bool
    timed: bool
    seconds: float

    def may_be_for_the_same(self, other: Wait) -> bool:
        """Return whether two threads may wait for the same lock."""
        return not _WAITS_AT_LOCK or not self.is_known or self.call.split()[:2] == other.call.split()[:2]

    @property
    def is_known(self) -> bool:
        """Return whether the system reports what the thread waits in, and so when the thread is woken up."""
        return bool(self.call)


class Waits:
    """Looks at the waits of some threads of this process.

    :param gil: whether there is a GIL, for which threads may wait.
    """

    def __init__(self, *, gil: bool) -> None:
        self._gil_wait_s = _GIL_WAIT_S if gil else 0.0
        self._files: dict[int, tuple[int, ...] | None] = {}

    def of(self, thread: int) -> Wait | None:
        """Look at a thread. Return its wait; None if it runs, is being woken up, or has ended.

        :param thread: its native id.
        """
        if thread not in self._files:
            self._files[thread] = _opened(self._folder(thread))
        files = self._files[thread]
        if files is None:
            return Wait(b"", b"", endless=False, timed=False, seconds=_UNREPORTED_WAIT_S)
        try:
            call = os.pread(files[0], _MAX_READ_BYTES, 0)
            if call.startswith(b"running"):
                return None
            wait = _wait(call, os.pread(files[1], _MAX_READ_BYTES, 0), self._gil_wait_s)
            return None if _is_runnable_or_ended(files[2]) else wait
        except OSError:  # the thread has ended
            return None

    def is_as_before(self, thread: int, wait: Wait) -> bool:
        """Return whether a thread still is in this wait. Takes half the time of a look."""
        files = self._files.get(thread)
        if files is None:
            return True
        try:
            return os.pread(files[1], _MAX_READ_BYTES, 0) == wait.ran and not _is_runnable_or_ended(files[2])
        except OSError:
            return False

    def of_all(self, but: Collection[int]) -> dict[int, Wait | None]:
        """Look at all threads of this process except for ``but``. Where that is impossible, return None for these."""
        try:
            threads = {int(name) for name in os.listdir("/proc/self/task")}  # noqa: PTH208  (quick)
        except OSError:
            return dict.fromkeys(but)
        for ended in self._files.keys() - threads:
            self._close(ended)
        return {thread: self.of(thread) for thread in threads if thread not in but}

    def lasting(self, thread: int, interval_s: float) -> Wait | None:
        """Look at a thread again and again. Return its wait if that lasts long enough to count, else None.

        This thread sleeps between the looks, so that the other one can run.

        :param interval_s: seconds between two looks.
        """
        before = self.of(thread)
        begun = time.perf_counter()
        while before is not None:
            time.sleep(interval_s)
            now = self.of(thread)
            if now is None or now != before:
                return None
            if time.perf_counter() - begun >= now.seconds:
                return now
        return None

    def _folder(self, thread: int) -> str:
        return f"/proc/self/task/{thread}"

    def close(self) -> None:
        """Close the files."""
        for thread in list(self._files):
            self._close(thread)

    def _close(self, thread: int) -> None:
        for file in self._files.pop(thread) or ():
            os.close(file)


class ProcessWaits(Waits):
    """Looks at the waits of actors' processes.

    A server may end the wait of such a process soon. So only a wait for time to pass, for a lock or at a pipe counts
    at once; another one has to last for ``_ANSWER_S``.
    """

    def __init__(self, *, gil: bool) -> None:
        super().__init__(gil=gil)
        self._processes: dict[int, int] = {}
        self._channels: dict[int, Connection] = {}
        self._own_reads: dict[Connection, int] = {}
        #: Threads of this process that wake up no actor.
        self.own_threads: set[int] = set()

    def begin(self, process: int, channel: Connection) -> None:
        """Take a process into account.

        :param channel: on which the process asks its proxy. A wait there is not for another actor.
        """
        for ended in [one for one, known in self._channels.items() if known.closed]:
            self._own_reads.pop(self._channels.pop(ended), None)
            if ended in self._files:
                self._close(ended)
        self._channels[process] = channel

    def known(self, channel: Connection, descriptor: int) -> None:
        """Note the descriptor of a channel in its process."""
        self._own_reads[channel] = descriptor

    def of(self, thread: int) -> Wait | None:
        """Look at a thread. Return its wait; None if it runs, is being woken up, has ended, or asks its proxy."""
        channel = self._channels.get(thread)
        if channel is not None and (channel not in self._own_reads or channel.closed or channel.poll()):
            return None
        wait = super().of(thread)
        if wait is None or not wait.is_known:
            return wait
        words = wait.call.split()
        if channel is not None and int(words[0]) in _READS and int(words[1], 16) == self._own_reads[channel]:
            return None
        process = self._processes.get(thread, thread)
        if _sleeps(words) or int(words[0]) == _FUTEX or int(words[0]) in _FILE_LOCKS:
            return _until_an_alarm(process, replace(wait, endless=not wait.timed))
        if int(words[0]) in _READS and _is_pipe(process, int(words[1], 16)):
            return _until_an_alarm(process, replace(wait, endless=True))
        return replace(wait, seconds=_ANSWER_S)

    def of_all(self, but: Collection[int]) -> dict[int, Wait | None]:
        """Look at all threads of the other processes, and at those of this process that ``setup`` has started."""
        own = super().of_all({*but, *self.own_threads}) if self.own_threads else {}
        waits = {thread: wait for thread, wait in own.items() if thread not in self.own_threads}
        for process in _group():
            with suppress(OSError):  # the process has ended
                for name in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208  (quick)
                    thread = int(name)
                    self._processes[thread] = process
                    wait = self.of(thread)
                    if (wait is not None and wait.endless) or not _has_ended(self._folder(thread)):
                        waits[thread] = wait
        return waits

    def _folder(self, thread: int) -> str:
        return f"/proc/{self._processes.get(thread, thread)}/task/{thread}"


def _group() -> list[int]:
    """Return the other processes of this one's group, and all processes that this one and they have started.

    Where the system does not list processes, return this one.
    """
    try:
        names = os.listdir("/proc")  # noqa: PTH208  (quick)
    except OSError:
        return [os.getpid()]
    parents: dict[int, int] = {}
    group, own, found = os.getpgrp(), os.getpid(), set()
    for process in (int(name) for name in names if name.isdecimal()):
        with suppress(OSError):
            parents[process] = _parent(process)
            if os.getpgid(process) == group:
                found.add(process)
    found.add(own)
    while True:
        more = {process for process, parent in parents.items() if parent in found} - found
        if not more:
            return sorted(found - {own})
        found |= more


def _parent(process: int) -> int:
    return int(_stat(f"/proc/{process}")[1])


def _has_ended(folder: str) -> bool:
    """Return whether a thread has ended, though its process was not waited for yet."""
    return _stat(folder)[0] in (b"Z", b"X")


def _stat(folder: str) -> list[bytes]:
    with open(f"{folder}/stat", "rb", buffering=0) as stat:  # noqa: PTH123  (quick)
        return _fields(stat.read(_MAX_READ_BYTES))


def _fields(stat: bytes) -> list[bytes]:
    """Return the state, the parent, and the rest (proc(5), stat: the name before may contain any character)."""
    return stat[stat.rindex(b")") + 2 :].split(None, 2)


def _until_an_alarm(process: int, wait: Wait) -> Wait:
    """Return the wait as a timed one if the process handles SIGALRM, as its timer may end the wait."""
    timed = wait.timed or _catches_alarms(process)
    return replace(wait, endless=wait.endless and not timed, timed=timed)


def _catches_alarms(process: int) -> bool:
    try:
        with open(f"/proc/{process}/status", "rb") as status:  # noqa: PTH123  (quick)
            caught = [line for line in status if line.startswith(b"SigCgt:")]
    except OSError:  # the process has ended, or the system does not report it
        return False
    return any(int(line.split()[1], 16) >> (signal.SIGALRM - 1) & 1 for line in caught)


def _is_pipe(process: int, descriptor: int) -> bool:
    try:
        return os.readlink(f"/proc/{process}/fd/{descriptor}").startswith("pipe:")  # noqa: PTH115  (no path)
    except OSError:
        return False


def _opened(folder: str) -> tuple[int, ...] | None:
    if sys.platform != "linux" or _FUTEX < 0:
        return None
    files: list[int] = []
    try:
        for name in ("syscall", "schedstat", "stat"):
            files.append(os.open(f"{folder}/{name}", os.O_RDONLY))
            os.pread(files[-1], _MAX_READ_BYTES, 0)
    except OSError:  # the kernel or a sandbox does not report it
        for file in files:
            with suppress(OSError):
                os.close(file)
        return None
    return tuple(files)


def _is_runnable_or_ended(stat: int) -> bool:
    """Return whether a thread is being woken up, or has ended (proc(5), state)."""
    return _fields(os.pread(stat, _MAX_READ_BYTES, 0))[0] in (b"R", b"Z", b"X")


def _wait(call: bytes, ran: bytes, gil_wait_s: float) -> Wait:
    words = call.split()
    number = int(words[0])
    if number != _FUTEX:
        return Wait(call, ran, endless=False, timed=_sleeps(words) or _polls_for_a_time(words), seconds=0.0)
    timed = words[4] != b"0x0"
    endless = not timed and bool(int(words[2], 16) & _FUTEX_PRIVATE_FLAG)
    return Wait(call, ran, endless=endless, timed=timed, seconds=gil_wait_s if timed else _MUTEX_WAIT_S)


def _sleeps(words: list[bytes]) -> bool:
    # Before 3.11, time.sleep is a select without files.
    return int(words[0]) in _SLEEPS or (int(words[0]) in _SELECTS and words[1] == b"0x0")


def _polls_for_a_time(words: list[bytes]) -> bool:
    number = int(words[0])
    if number in _POLLS_MS:
        return not int(words[_POLLS_MS[number]], 16) & _SIGN_BIT
    return number in _POLLS_AT and words[_POLLS_AT[number]] != b"0x0"
