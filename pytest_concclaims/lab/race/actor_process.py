"""An actor's process: how it is started, says what the actor returned, and ends."""

from __future__ import annotations

import multiprocessing
import multiprocessing.util
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ..failure import ElsewhereError, Failed, Failure, is_of_the_call
from ..linux import sharpen_timers
from ..processes.child_main import die_with_parent
from ..processes.forked import CAN_FORK, fork_warnings_ignored
from .child_end import ended_by, with_assertions

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
        self.channel, theirs = context.Pipe()
        # A process that is no copy of this one knows of no assertions of the claim's.
        assertions = failed_assertions if start_method == "fork" else tuple
        self._process: BaseProcess = context.Process(target=_main, args=(theirs, main, arguments, assertions))
        self._has_ended = False
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
            return self.channel.recv_bytes()
        except (EOFError, OSError):
            self._process.join()
            raise Failed(ended_by(self._process.exitcode, f"while {self._name} ran")) from None

    def end(self, message: bytes) -> End:
        """Read how the actor ended, and wait for the threads that it has left."""
        end: End = pickle.loads(message)  # noqa: S301  (our own process's)
        if end.has_threads:
            self._process.join()
        self._has_ended = True
        return end

    def stop(self) -> None:
        """End it, if the actor has not ended."""
        if not self._has_ended:
            self._process.kill()

    def close(self) -> None:
        """Wait for its end."""
        self._process.join(_JOIN_S)
        self.channel.close()


def _main(
    channel: Connection,
    main: Callable[..., None],
    arguments: Sequence[object],
    failed_assertions: Callable[[], Sequence[str]],
) -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    sharpen_timers()
    main(channel, failed_assertions, *arguments)


def called(call: Callable[[], object], failed_assertions: Callable[[], Sequence[str]]) -> End:
    """Return how an actor ended, in its process."""
    try:
        value = with_assertions(call, failed_assertions)
    except BaseException as error:  # noqa: BLE001  (it is an outcome, or ends the race)
        return End(raised=error, traceback=traceback.format_exc(), is_of_the_call=is_of_the_call(error))
    return End(failure=value) if isinstance(value, Failure) else End(value)


def packed(end: End) -> bytes:
    """Do what a process does at its end, and return how the actor ended, to be sent: or why that cannot be sent."""
    multiprocessing.util._exit_function()  # type: ignore[attr-defined]  # noqa: SLF001  (fills queues; there is no other call)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # there is none, or it is closed
            stream.flush()
    end = replace(end, has_threads=threading.active_count() > 1)
    try:
        return pickle.dumps(end)
    except Exception as error:  # noqa: BLE001  (whatever its __reduce__ raises)
        what = f"raised {end.raised!r}" if end.raised is not None else f"returned {end.value!r}"
        text = f"an actor {what}, which cannot be sent from its process: {error}; let it return plain data"
        return pickle.dumps(End(failure=Failure("raised", text, end.traceback)))
