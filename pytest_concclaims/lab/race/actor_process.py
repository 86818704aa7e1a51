"""The process of an actor: its start, the result that it sends, and its end."""

from __future__ import annotations

import faulthandler
import multiprocessing
import multiprocessing.util
import os
import pickle
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, BinaryIO

from ..failure import ElsewhereError, Failed, Failure, is_of_the_call, raised
from ..linux import sharpen_timers
from ..processes.child_main import die_with_parent, forbid_core_dumps
from ..processes.forked import CAN_FORK, fork_warnings_ignored
from .child_end import caught, ended_by, stacks_of_actors

#: How actors' processes are started: only ``fork`` can pass closures.
START_METHOD = "fork" if CAN_FORK else "spawn"
#: Python's default switch interval, for threads that actors start.
_SWITCH_INTERVAL_S = 0.005
#: Seconds to wait for the end of a process that is to end.
_JOIN_S = 5.0


@dataclass(frozen=True)
class End:
    """How a call of an actor ended.

    :param value: what the actor returned.
    :param raised: what the actor raised; None if it returned.
    :param traceback: of that exception, which is sent without it.
    :param is_of_the_call: whether the call itself raised, for example because of wrong arguments.
    :param failure: an assertion of the claim that failed and was caught.
    :param has_threads: whether the actor left threads that the process waits for.
    """

    value: object = None
    raised: BaseException | None = None
    traceback: str = ""
    is_of_the_call: bool = False
    failure: Failure | None = None
    has_threads: bool = False

    def result(self) -> object:
        """Return what the actor returned, or raise what it raised.

        :raises Failed: an assertion of the claim failed there and was caught.
        """
        if self.failure is not None:
            raise Failed(self.failure)
        if self.raised is not None:
            raise self.raised from ElsewhereError(self.traceback, is_of_the_call=self.is_of_the_call)
        return self.value


class ActorProcess:
    """The process of an actor; it starts at once.

    :param name: of the actor, for messages.
    :param main: runs in the process; called with the channel to this process, ``failed_assertions`` and
        ``arguments``.
    :param failed_assertions: returns texts of the claim's assertions that have failed in a process.
    """

    def __init__(
        self,
        name: str,
        main: Callable[..., None],
        *arguments: object,
        failed_assertions: Callable[[], Sequence[str]],
        start_method: str = START_METHOD,
    ) -> None:
        context: Any = multiprocessing.get_context(start_method)
        self._name = name
        self._stacks = tempfile.TemporaryFile() if start_method == "fork" else None  # noqa: SIM115  (until it ends)
        self.channel, theirs = context.Pipe()
        # Only a forked process records the claim's assertions.
        assertions = failed_assertions if start_method == "fork" else tuple
        self._process: BaseProcess = context.Process(
            target=_main, args=(theirs, main, arguments, assertions, self._stacks)
        )
        #: Whether the actor has not returned.
        self.is_at_work = True
        with theirs, fork_warnings_ignored():
            self._process.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    def receive(self) -> bytes:
        """Return the next message of the process.

        :raises Failed: the process has ended.
        """
        try:
            message: bytes = self.channel.recv_bytes()
        except (EOFError, OSError):
            self._process.join()
            where = f"while {self._name} ran"
            raise Failed(ended_by(self._process.exitcode, where, self._read_stacks())) from None
        return message

    def stacks(self) -> str:
        """End the process at once, and return the stack of its actor."""
        if self._stacks is None or not hasattr(signal, "SIGABRT") or self.pid == 0:
            return ""
        with suppress(OSError):  # it has ended
            os.kill(self.pid, signal.SIGABRT)
        self._process.join(_JOIN_S)
        _, _, calls = stacks_of_actors(self._read_stacks()).partition("\n\n")  # without the line about SIGABRT
        return f"{self._name}:\n{calls}"

    def _read_stacks(self) -> str:
        if self._stacks is None:
            return ""
        self._stacks.seek(0)
        return self._stacks.read().decode("utf-8", "backslashreplace")

    def go_on(self) -> None:
        """Let the process call its actor."""
        self.is_at_work = True
        self.channel.send_bytes(b"")

    def end(self, message: bytes, *, goes_on: bool = False) -> End:
        """Read how the actor ended, and wait for the threads that it left.

        :param goes_on: whether the process runs on, so that there is no wait.
        """
        end: End = pickle.loads(message)  # noqa: S301  (from our own process)
        if end.has_threads and not goes_on:
            self._process.join()
        self.is_at_work = False
        return end

    def stop(self) -> None:
        """Kill the process."""
        self._process.kill()

    def close(self) -> None:
        """Wait for the end of the process."""
        self._process.join(_JOIN_S)
        self.channel.close()
        if self._stacks is not None:
            self._stacks.close()


def _main(
    channel: Connection,
    main: Callable[..., None],
    arguments: Sequence[object],
    failed_assertions: Callable[[], Sequence[str]],
    stacks: BinaryIO | None,
) -> None:
    die_with_parent()
    forbid_core_dumps()
    if stacks is not None:
        faulthandler.enable(stacks)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    _forget_watchdog()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    sharpen_timers()
    main(channel, failed_assertions, *arguments)


def _forget_watchdog() -> None:
    """Remove pytest-timeout's signal handler, which could end any wait here: its timer runs in the test process."""
    alarm = getattr(signal, "SIGALRM", None)
    if alarm is not None and getattr(signal.getsignal(alarm), "__module__", None) == "pytest_timeout":
        signal.signal(alarm, signal.SIG_DFL)


def called(call: Callable[[], object], failed_assertions: Callable[[], Sequence[str]]) -> End:
    """Call an actor in its process, and return how that ended."""
    before = len(failed_assertions())
    try:
        value = call()
    except BaseException as error:  # noqa: BLE001  (it is sent: as an outcome, or as the end of the race)
        return End(raised=error, traceback=raised("it", error).details, is_of_the_call=is_of_the_call(error))
    return End(value, failure=caught(failed_assertions()[before:]))


def packed(end: End, *, goes_on: bool = False) -> bytes:
    """Return how the actor ended as a message; if it cannot be pickled, a message with that failure.

    :param goes_on: whether the process runs on; otherwise it first runs its exit handlers.
    """
    if not goes_on:
        _exit()
    end = replace(end, has_threads=threading.active_count() > 1)
    try:
        message = pickle.dumps(end)
        pickle.loads(message)  # noqa: S301  (its own; some exceptions can be pickled and not unpickled)
    except Exception as error:  # noqa: BLE001  (__reduce__ may raise anything)
        what, advice = f"returned {end.value!r}", "return plain data"
        if end.raised is not None:
            what = f"raised {end.raised!r}"
            advice = "pass all arguments of its class to super().__init__(), or catch it in the actor"
        text = f"an actor {what}, which cannot be sent from its process: {error}; {advice}"
        return pickle.dumps(End(failure=Failure("raised", text, end.traceback)))
    return message


def _exit() -> None:
    # It flushes queues, and has no public name.
    multiprocessing.util._exit_function()  # type: ignore[attr-defined]  # noqa: SLF001  (see above)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # there is none, or it is closed
            stream.flush()
