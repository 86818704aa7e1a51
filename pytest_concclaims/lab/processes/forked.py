"""Calls in a forked child, to which closures go along, and whose crash or hang does not reach the parent.

No exception, exit handler or half-written stream of the child gets out, and no child is left behind.
"""

from __future__ import annotations

import gc
import os
import pickle
import selectors
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, NoReturn, TypeVar

from .child_main import die_with_parent, forbid_core_dumps
from .signals import interrupts_held, kill_group

with suppress(ImportError):
    import resource  # noqa: F401  (for forbid_core_dumps: it is to be there before the child is forked)

T = TypeVar("T")

#: Whether this platform can fork.
CAN_FORK = hasattr(os, "fork")
#: Seconds that a child gets to tell where its threads are, before it is killed.
_LAST_WORDS_S = 5.0
#: Seconds between two checks whether it has ended.
_POLL_INTERVAL_S = 0.5
#: The same of one that has said what it had to say.
_END_INTERVAL_S = 0.0002
_UNKNOWN = -1  # in place of a wait status
_HEADER = 8  # bytes: the length of the message


@dataclass(frozen=True)
class Forked(Generic[T]):
    """How a forked child ended.

    :param returned: whether it returned; the value is ``value``.
    :param signal: the signal that ended it, if one did.
    :param exit_code: its exit status, if it left without returning.
    :param timed_out: whether it was ended because it had not returned in time.
    :param stacks: where its threads were when it crashed or hung, as faulthandler tells.
    """

    returned: bool
    value: T | None
    signal: int | None = None
    exit_code: int | None = None
    timed_out: bool = False
    stacks: str = ""


class ForkedError(Exception):
    """What ran in a forked child raised; the text is the traceback."""


def run_forked(work: Callable[[], T], *, deadline: float) -> Forked[T]:
    """Call a function in a forked child of this process, and wait for the child's end.

    :param work: its value travels by pickle.
    :param deadline: seconds after which the child is ended.
    :raises ForkedError: the function raised.
    """
    # Here and before the fork: a subinterpreter, which has other uses for this package, cannot load it.
    import faulthandler  # noqa: F401

    with tempfile.TemporaryFile() as stacks:
        reading, writing = os.pipe()
        process = _Process()
        with open(reading, "rb", buffering=0) as pipe:  # noqa: PTH123  (a descriptor)
            try:
                with interrupts_held():
                    process.pid = _fork(work, reading, writing, stacks)
                message, timed_out = _message(pipe, process, deadline)
            finally:
                with interrupts_held():
                    status = process.end()
        stacks.seek(0)
        return _result(message, status, timed_out, stacks.read().decode("utf-8", "backslashreplace"))


@dataclass
class _Process:
    """A child, its process group, and how it ended.

    :param status: its wait status, once it has ended.
    """

    pid: int = 0
    status: int | None = None

    def has_ended(self) -> bool:
        if self.status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # other code here waits for any child, or SIGCHLD is ignored
                self.status = _UNKNOWN
            else:
                self.status = status if pid else None
        return self.status is not None

    def end(self) -> int:
        """Let nothing of it be left; return its wait status."""
        if not self.pid:
            return _UNKNOWN
        if not self.has_ended():
            os.kill(self.pid, signal.SIGKILL)  # it may not have its group yet
        kill_group(self.pid)
        while not self.has_ended():
            time.sleep(_END_INTERVAL_S)
        return _UNKNOWN if self.status is None else self.status


@contextmanager
def fork_warnings_ignored() -> Iterator[None]:
    """Ignore what Python warns of since 3.12: that there are threads in the parent, such as pytest-xdist's.

    A filter that makes it an error would raise it when the child exists already.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _fork(work: Callable[[], T], reading: int, writing: int, stacks: BinaryIO) -> int:
    """Fork; return the child's process id, in the parent only."""
    parent = os.getpid()
    _flush_streams()  # or the child would write what is in them a second time
    try:
        with fork_warnings_ignored():
            child = os.fork()
    except BaseException:
        os.close(writing)
        raise
    if not child:
        _be_child(work, parent, reading, writing, stacks)
    os.close(writing)
    return child


def _be_child(work: Callable[[], T], parent: int, reading: int, writing: int, stacks: BinaryIO) -> NoReturn:
    try:
        os.close(reading)
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        forbid_core_dumps()
        die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        import faulthandler

        faulthandler.enable(stacks, all_threads=True)
        if hasattr(gc, "freeze"):
            gc.freeze()  # the parent's objects are no garbage here
        try:
            message = pickle.dumps(("returned", work()))
        except BaseException:  # noqa: BLE001  (nothing escapes)
            message = pickle.dumps(("raised", traceback.format_exc()))
        _flush_streams()
        _write_all(writing, len(message).to_bytes(_HEADER, "little") + message)
    finally:
        os._exit(0)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(Exception):  # closed, detached, or none at all
            stream.flush()  # type: ignore[union-attr]  # or none at all


def _message(pipe: BinaryIO, process: _Process, deadline: float) -> tuple[bytes | None, bool]:
    """Return the child's message (None if it ended without one), and whether its time was up."""
    content = b""
    end = time.monotonic() + deadline
    timed_out = False
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            left = end - time.monotonic()
            if left <= 0 and timed_out:
                return None, True
            if left <= 0 and not process.has_ended():
                # Under faulthandler, that one tells where all threads are, and then ends the process.
                os.kill(process.pid, signal.SIGABRT)
                timed_out, end = True, time.monotonic() + _LAST_WORDS_S
            if not selector.select(min(max(left, 0.0), _POLL_INTERVAL_S)):
                if process.has_ended() and not selector.select(0):
                    return None, timed_out  # it left its end of the pipe to a process that it had started
                continue
            piece = pipe.read(1 << 20)
            content += piece
            size = int.from_bytes(content[:_HEADER], "little")
            if len(content) >= _HEADER and len(content) - _HEADER == size:
                return content[_HEADER:], False
            if not piece:
                return None, timed_out


def _result(message: bytes | None, status: int, timed_out: bool, stacks: str) -> Forked[Any]:
    if message is not None:
        try:
            kind, content = pickle.loads(message)  # noqa: S301  (our own child's)
        except Exception as error:
            raise ForkedError(f"what the child had to say could not be read here: {error!r}") from error
        if kind == "raised":
            raise ForkedError(content)
        return Forked(True, content)
    if status == _UNKNOWN:
        return Forked(False, None, timed_out=timed_out, stacks=stacks)
    if os.WIFSIGNALED(status):
        return Forked(False, None, signal=os.WTERMSIG(status), timed_out=timed_out, stacks=stacks)
    return Forked(False, None, exit_code=os.WEXITSTATUS(status), timed_out=timed_out, stacks=stacks)
