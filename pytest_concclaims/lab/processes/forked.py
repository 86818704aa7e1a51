"""Calls in a forked child, whose crash or hang does not affect the parent.

The function may be a closure. The child raises no exception in the parent's code, runs no exit handler, writes no
buffered output of the parent, and is always waited for.
"""

from __future__ import annotations

import gc
import os
import pickle
import selectors
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Generic, NoReturn, TypeVar

from ...interpreter import gil_enabled
from .. import linux
from .child_main import die_with_parent, forbid_core_dumps
from .signals import interrupts_held, kill_group

with suppress(ImportError):
    import resource  # noqa: F401  (so that forbid_core_dumps does not import it in the child)

T = TypeVar("T")

#: Whether this platform can fork.
CAN_FORK = hasattr(os, "fork")
#: Seconds that a child gets to write the stacks of its threads before it is killed.
_STACKS_TIMEOUT_S = 5.0
#: Seconds between two checks whether a child has ended.
_POLL_INTERVAL_S = 0.5
#: The same after its message, or after it was killed.
_END_INTERVAL_S = 0.0002
_UNKNOWN = -1  # in place of a wait status
_HEADER_BYTES = 8  # the length of the message


@dataclass(frozen=True)
class Forked(Generic[T]):
    """How a forked child ended.

    :param returned: whether the function returned.
    :param value: what it returned.
    :param signal: the signal that ended the child, if any.
    :param exit_code: its exit status, if it exited and the function did not return.
    :param timed_out: whether the child was killed at the deadline.
    :param stacks: of its threads when it crashed or hung, by faulthandler.
    """

    returned: bool
    value: T | None
    signal: int | None = None
    exit_code: int | None = None
    timed_out: bool = False
    stacks: str = ""


class ForkedError(Exception):
    """The function in a forked child raised, or its value could not be unpickled; the text has the traceback."""


def run_forked(work: Callable[[], T], *, deadline: float, progress: Callable[[], object] = lambda: None) -> Forked[T]:
    """Call a function in a forked child of this process, and wait until the child has ended.

    :param work: its value is pickled.
    :param deadline: seconds without progress after which the child is killed: on a busy machine, all takes longer.
    :param progress: returns something else after each piece of the work.
    :raises ForkedError: the function raised, or its value could not be pickled or unpickled.
    """
    # Not at the module's top level: a subinterpreter imports this module, and cannot import faulthandler.
    import faulthandler  # noqa: F401

    linux.load()  # here, or the garbage of ctypes would be collected in the child
    with tempfile.TemporaryFile() as stacks:
        reading, writing = os.pipe()
        process = _Process()
        with open(reading, "rb", buffering=0) as pipe:  # noqa: PTH123  (a descriptor)
            try:
                with interrupts_held():
                    process.pid = _fork(work, reading, writing, stacks)
                message, timed_out = _message(pipe, process, deadline, progress)
            finally:
                with interrupts_held():
                    status = process.end()
        stacks.seek(0)
        return _result(message, status, timed_out, stacks.read().decode("utf-8", "backslashreplace"))


@dataclass
class _Freeze:
    """Objects of this process that are frozen for its children.

    :param others: the other threads when they were frozen, as of :func:`_other_threads`; None if they are not frozen.
    """

    others: dict[str, bytes] | None = None

    def is_whole(self) -> bool:
        """Return whether no other thread can have made an object since."""
        return self.others is not None and self.others == _other_threads()


_freeze = _Freeze()


@dataclass
class _Process:
    """A child and its process group.

    :param pid: 0 before the fork.
    :param status: its wait status, once it has ended.
    """

    pid: int = 0
    status: int | None = None

    def has_ended(self) -> bool:
        if self.status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # other code in this process waits for any child, or SIGCHLD is ignored
                self.status = _UNKNOWN
            else:
                self.status = status if pid else None
        return self.status is not None

    def end(self) -> int:
        """Kill the process group, wait for the child, and return its wait status."""
        if not self.pid:
            return _UNKNOWN
        if not self.has_ended():
            os.kill(self.pid, signal.SIGKILL)  # it may not have made its group yet
        kill_group(self.pid)
        while not self.has_ended():
            time.sleep(_END_INTERVAL_S)
        return _UNKNOWN if self.status is None else self.status


@contextmanager
def objects_frozen() -> Iterator[None]:
    """Without a GIL, keep the objects that there are out of garbage collections, also in children forked meanwhile.

    Each child freezes its objects, or a collection would run finalizers of the parent's garbage in it. Without a GIL,
    that writes to all objects, so that their memory is copied; in this context, they are frozen once, and here.

    This does nothing with a GIL, where a freeze takes no time; if the user has frozen objects, which stay frozen; and
    beside threads that run, which make objects meanwhile.
    """
    is_useful = not gil_enabled() and hasattr(gc, "freeze") and _freeze.others is None
    others = _other_threads() if is_useful and not gc.get_freeze_count() else None
    if others is None:
        yield
        return
    gc.freeze()
    try:
        _freeze.others = others
        yield
    finally:
        _freeze.others = None
        gc.unfreeze()


def _other_threads() -> dict[str, bytes] | None:
    """Return how often and how long each other thread has run; None if one runs now, or if that is not known.

    Only Linux reports it (proc(5), sched-stats.rst): for a thread that waits, as long as it waits, it is the same.
    """
    if threading.active_count() == 1 and not Path("/proc/self/task").is_dir():
        return {}
    others = {}
    try:
        for name in os.listdir("/proc/self/task"):  # noqa: PTH208  (quick)
            if int(name) != threading.get_native_id():
                if Path(f"/proc/self/task/{name}/stat").read_bytes().rpartition(b") ")[2][:1] == b"R":
                    return None
                others[name] = Path(f"/proc/self/task/{name}/schedstat").read_bytes()
    except OSError:
        return None
    return others


@contextmanager
def fork_warnings_ignored() -> Iterator[None]:
    """Ignore the warning, since Python 3.12, of a fork in a process with threads, such as pytest-xdist's.

    A filter that turns it into an error would raise that after the child was made.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _fork(work: Callable[[], T], reading: int, writing: int, stacks: BinaryIO) -> int:
    """Fork; return the child's process id, in the parent only."""
    parent = os.getpid()
    _flush_streams()  # or the child would write the buffers a second time
    is_frozen = _freeze.is_whole()
    try:
        with fork_warnings_ignored():
            child = os.fork()
    except BaseException:
        os.close(writing)
        raise
    if not child:
        _freeze.others = None  # its own children are children of this process, whose objects are others
        _be_child(work, parent, reading, writing, stacks, is_frozen=is_frozen)
    os.close(writing)
    return child


def _be_child(
    work: Callable[[], T], parent: int, reading: int, writing: int, stacks: BinaryIO, *, is_frozen: bool
) -> NoReturn:
    try:
        os.close(reading)
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it, and kills this process
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        forbid_core_dumps()
        die_with_parent(linux.prctl())
        if os.getppid() != parent:
            os._exit(1)
        import faulthandler

        faulthandler.enable(stacks, all_threads=True)
        if not is_frozen and hasattr(gc, "freeze"):
            gc.freeze()
        try:
            message = pickle.dumps(("returned", work()))
        except BaseException:  # noqa: BLE001  (it is sent to the parent)
            message = pickle.dumps(("raised", traceback.format_exc()))
        _flush_streams()
        _write_all(writing, len(message).to_bytes(_HEADER_BYTES, "little") + message)
    finally:
        os._exit(0)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(Exception):  # closed, detached, or None
            stream.flush()  # type: ignore[union-attr]  # None: suppressed


def _message(
    pipe: BinaryIO, process: _Process, deadline: float, progress: Callable[[], object]
) -> tuple[bytes | None, bool]:
    """Return the child's message, None if there is none, and whether the deadline has passed."""
    content = b""
    end, latest = time.monotonic() + deadline, progress()
    timed_out = False
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            left = end - time.monotonic()
            if left <= 0 and timed_out:
                return None, True
            if left <= 0 and not timed_out and progress() != latest:
                end, latest = time.monotonic() + deadline, progress()
            elif left <= 0 and not process.has_ended():
                # On this signal, faulthandler writes the stacks of all threads; then the process ends.
                os.kill(process.pid, signal.SIGABRT)
                timed_out, end = True, time.monotonic() + _STACKS_TIMEOUT_S
            if not selector.select(min(max(left, 0.0), _POLL_INTERVAL_S)):
                if process.has_ended() and not selector.select(0):
                    return None, timed_out  # a process that it started still has its end of the pipe
                continue
            piece = pipe.read(1 << 20)
            content += piece
            size = int.from_bytes(content[:_HEADER_BYTES], "little")
            if len(content) >= _HEADER_BYTES and len(content) - _HEADER_BYTES == size:
                return content[_HEADER_BYTES:], False
            if not piece:
                return None, timed_out


def _result(message: bytes | None, status: int, timed_out: bool, stacks: str) -> Forked[Any]:
    if message is not None:
        try:
            kind, content = pickle.loads(message)  # noqa: S301  (our own child's)
        except Exception as error:
            raise ForkedError(f"the child's message could not be unpickled: {error!r}") from error
        if kind == "raised":
            raise ForkedError(content)
        return Forked(True, content)
    if status == _UNKNOWN:
        return Forked(False, None, timed_out=timed_out, stacks=stacks)
    if os.WIFSIGNALED(status):
        return Forked(False, None, signal=os.WTERMSIG(status), timed_out=timed_out, stacks=stacks)
    return Forked(False, None, exit_code=os.WEXITSTATUS(status), timed_out=timed_out, stacks=stacks)
