"""An actor's process: how it is started, says what the actor returned, and ends."""

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

#: How actors' processes are started: closures go along only by ``fork``.
START_METHOD = "fork" if CAN_FORK else "spawn"
#: The switch interval of Python, for threads that actors start.
_SWITCH_INTERVAL_S = 0.005
_JOIN_S = 5.0


@dataclass(frozen=True)
class End:
    """How an actor ended.

    :param value: what it returned.
    :param raised: what it raised; None if it returned.
    :param traceback: of that: an exception is sent without it.
    :param is_of_the_call: whether that is wrong with how the actor was called.
    :param failure: of the claim's assertions.
    :param has_threads: whether threads are left that the process waits for.
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
    """An actor's process, which starts at once.

    :param name: of the actor, for messages.
    :param main: what it runs: called with the channel to this process, and the arguments.
    :param failed_assertions: returns those of the claim that have failed in a process, in words.
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
        # A process that is no copy of this one knows of no assertions of the claim's.
        assertions = failed_assertions if start_method == "fork" else tuple
        self._process: BaseProcess = context.Process(
            target=_main, args=(theirs, main, arguments, assertions, self._stacks)
        )
        #: Whether the actor has not ended.
        self.is_at_work = True
        with theirs, fork_warnings_ignored():
            self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    def receive(self) -> bytes:
        """Return what it says next.

        :raises Failed: it has ended.
        """
        try:
            message: bytes = self.channel.recv_bytes()
        except (EOFError, OSError):
            self._process.join()
            where = f"while {self._name} ran"
            raise Failed(ended_by(self._process.exitcode, where, self._read_stacks())) from None
        return message

    def stacks(self) -> str:
        """End it at once, and return what it calls."""
        if self._stacks is None or not hasattr(signal, "SIGABRT") or self.pid == 0:
            return ""
        with suppress(OSError):  # it has ended
            os.kill(self.pid, signal.SIGABRT)
        self._process.join(_JOIN_S)
        _, _, calls = stacks_of_actors(self._read_stacks()).partition("\n\n")  # that it was aborted is our doing
        return f"{self._name}:\n{calls}"

    def _read_stacks(self) -> str:
        if self._stacks is None:
            return ""
        self._stacks.seek(0)
        return self._stacks.read().decode("utf-8", "backslashreplace")

    def go_on(self) -> None:
        """Let it call the actor."""
        self.is_at_work = True
        self.channel.send_bytes(b"")

    def end(self, message: bytes, *, goes_on: bool = False) -> End:
        """Read how the actor ended, and wait for the threads that it has left.

        :param goes_on: whether the process does not end now.
        """
        end: End = pickle.loads(message)  # noqa: S301  (our own process's)
        if end.has_threads and not goes_on:
            self._process.join()
        self.is_at_work = False
        return end

    def stop(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """Wait for its end."""
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
    """Do without the handler of pytest-timeout, whose timer runs in the test process: else it could end any wait."""
    alarm = getattr(signal, "SIGALRM", None)
    if alarm is not None and getattr(signal.getsignal(alarm), "__module__", None) == "pytest_timeout":
        signal.signal(alarm, signal.SIG_DFL)


def called(call: Callable[[], object], failed_assertions: Callable[[], Sequence[str]]) -> End:
    """Return how an actor ended, in its process."""
    before = len(failed_assertions())
    try:
        value = call()
    except BaseException as error:  # noqa: BLE001  (it is an outcome, or ends the race)
        return End(raised=error, traceback=raised("it", error).details, is_of_the_call=is_of_the_call(error))
    return End(value, failure=caught(failed_assertions()[before:]))


def packed(end: End, *, goes_on: bool = False) -> bytes:
    """Return how the actor ended, to be sent: or why that cannot be sent.

    :param goes_on: whether the process does not end now; else it does what a process does then.
    """
    if not goes_on:
        _exit()
    end = replace(end, has_threads=threading.active_count() > 1)
    try:
        message = pickle.dumps(end)
        pickle.loads(message)  # noqa: S301  (its own; an exception that can be packed need not come out again)
    except Exception as error:  # noqa: BLE001  (whatever its __reduce__ raises)
        what, advice = f"returned {end.value!r}", "let it return plain data"
        if end.raised is not None:
            what = f"raised {end.raised!r}"
            advice = "let its class hand all arguments to super().__init__(), or let the actor catch it"
        text = f"an actor {what}, which cannot be sent from its process: {error}; {advice}"
        return pickle.dumps(End(failure=Failure("raised", text, end.traceback)))
    return message


def _exit() -> None:
    multiprocessing.util._exit_function()  # type: ignore[attr-defined]  # noqa: SLF001  (fills queues; there is no other call)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # there is none, or it is closed
            stream.flush()
