"""Looks at threads that may wait in the kernel: for a lock, for data, or for a moment in time.

Linux tells what a thread waits in (``/proc/self/task/TID/syscall``, proc(5)), whether it ran meanwhile
(``schedstat``, sched-stats.rst), and whether it is being woken up (``stat``: ``syscall`` has it waiting until the CPU
on which it wakes up knows, which may take milliseconds in a busy virtual machine). Elsewhere a thread counts as
waiting when it made no progress for a while.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from ....interpreter import CPYTHON, PYPY

#: The system calls by which threads wait for others, for a moment in time, and for files (Linux, asm/unistd.h).
_FUTEX, _SLEEPS, _SELECTS = {
    "x86_64": (202, (35, 230), (23, 270)),
    "aarch64": (98, (101, 115), (72,)),
}.get(platform.machine(), (-1, (), ()))
_FUTEX_PRIVATE_FLAG = 128  # linux/futex.h: no other process can wake it
#: The bytes of a look, at most.
_LOOK_SIZE = 256
#: Seconds within which a thread that waits for the GIL wakes up to ask for it: the switch interval, and some more.
_GIL_WAIT_S = 0.01
#: On PyPy, all but one of the threads that wait for the GIL wait for a mutex, as those do that wait for an actor.
_MUTEX_WAIT_S = 3e-4 if PYPY else 0.0
#: Whether threads wait at the lock (thread_pthread.h); later ones wait at a place of their own (parking_lot.c).
_WAITS_AT_LOCK = CPYTHON and sys.version_info < (3, 13)
#: Seconds without progress after which a thread counts as waiting where the system does not tell.
_UNTOLD_WAIT_S = 0.03


@dataclass(frozen=True)
class Wait:
    """What a thread was seen waiting in; equal looks are of one wait.

    :param call: the system call, and its arguments.
    :param ran: how often the thread ran before.
    :param endless: whether only another thread of this process can end it.
    :param timed: whether time alone ends it.
    :param seconds: how long it is to last before it is certain: a thread that waits for the GIL does not wait for
        another actor.
    """

    call: bytes
    ran: bytes
    endless: bool
    timed: bool
    seconds: float

    def may_be_for_the_same(self, other: Wait) -> bool:
        """Return whether two threads may wait for the same lock."""
        return not _WAITS_AT_LOCK or not self.told or self.call.split()[:2] == other.call.split()[:2]

    @property
    def told(self) -> bool:
        """Return whether the system tells what the thread waits in, and so when it is woken up."""
        return bool(self.call)


class Waits:
    """Looks at the waits of some threads of this process.

    :param gil: whether there is a GIL that threads may be seen waiting for.
    """

    def __init__(self, *, gil: bool) -> None:
        self._gil_wait_s = _GIL_WAIT_S if gil else 0.0
        self._files: dict[int, tuple[int, ...] | None] = {}

    def of(self, thread: int) -> Wait | None:
        """Return what a thread waits in; None if it runs or is about to.

        :param thread: its native id.
        """
        if thread not in self._files:
            self._files[thread] = _opened(thread)
        files = self._files[thread]
        if files is None:
            return Wait(b"", b"", endless=False, timed=False, seconds=_UNTOLD_WAIT_S)
        try:
            call = os.pread(files[0], _LOOK_SIZE, 0)
            if call.startswith(b"running"):
                return None
            wait = _wait(call, os.pread(files[1], _LOOK_SIZE, 0), self._gil_wait_s)
            return None if _is_being_woken(files[2]) else wait
        except OSError:  # it has ended
            return None

    def is_as_before(self, thread: int, wait: Wait) -> bool:
        """Return whether a thread still is in a wait; this takes half the time of a look."""
        files = self._files.get(thread)
        if files is None:
            return True
        try:
            return os.pread(files[1], _LOOK_SIZE, 0) == wait.ran and not _is_being_woken(files[2])
        except OSError:
            return False

    def of_all(self, but: Collection[int]) -> dict[int, Wait | None]:
        """Return what all threads of this process wait in, but for some; elsewhere, those may run."""
        try:
            threads = {int(name) for name in os.listdir("/proc/self/task")}  # noqa: PTH208  (quick)
        except OSError:
            return dict.fromkeys(but)
        for ended in self._files.keys() - threads:
            self._close(ended)
        return {thread: self.of(thread) for thread in threads if thread not in but}

    def lasting(self, thread: int, interval_s: float) -> Wait | None:
        """Return a thread's wait that lasts, although this one lets the thread run; None if it does not last.

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

    def close(self) -> None:
        """Close the files."""
        for thread in list(self._files):
            self._close(thread)

    def _close(self, thread: int) -> None:
        for file in self._files.pop(thread) or ():
            os.close(file)


def _opened(thread: int) -> tuple[int, ...] | None:
    if sys.platform != "linux" or _FUTEX < 0:
        return None
    files: list[int] = []
    try:
        for name in ("syscall", "schedstat", "stat"):
            files.append(os.open(f"/proc/self/task/{thread}/{name}", os.O_RDONLY))
            os.pread(files[-1], _LOOK_SIZE, 0)
    except OSError:  # a kernel or a sandbox that does not tell
        for file in files:
            with suppress(OSError):
                os.close(file)
        return None
    return tuple(files)


def _is_being_woken(stat: int) -> bool:
    look = os.pread(stat, _LOOK_SIZE, 0)
    return look[look.rindex(b")") + 2 :].startswith(b"R")


def _wait(call: bytes, ran: bytes, gil_wait_s: float) -> Wait:
    words = call.split()
    number = int(words[0])
    if number != _FUTEX:
        # Before 3.11, time.sleep is a select without files.
        timed = number in _SLEEPS or (number in _SELECTS and words[1] == b"0x0")
        return Wait(call, ran, endless=False, timed=timed, seconds=0.0)
    timed = words[4] != b"0x0"
    endless = not timed and bool(int(words[2], 16) & _FUTEX_PRIVATE_FLAG)
    return Wait(call, ran, endless=endless, timed=timed, seconds=gil_wait_s if timed else _MUTEX_WAIT_S)
