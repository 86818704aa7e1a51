"""The kinds of workers: how each is started and ended, and how it communicates."""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar

from ..failure import Failure, is_own
from ..processes import child_main
from ..processes.forked import CAN_FORK
from . import worker_main

_END_TIMEOUT_S = 5.0  #: Seconds that a worker gets to end before it is killed.


class Worker(ABC):
    """One worker.

    :param work: called repeatedly.
    """

    kind: ClassVar[str]

    def __init__(self, work: Callable[[], Any]) -> None:
        self.connection: Connection
        self.connection, there = multiprocessing.Pipe()
        #: Whether its work hangs, so that end() does not wait for it.
        self.hangs = False
        try:
            with warnings.catch_warnings():
                # Since 3.12, Python warns of a fork in a process with threads, as under --claims-in-process.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._start(work, there)
        except BaseException:
            self.connection.close()
            there.close()
            raise

    @abstractmethod
    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        """Start the worker.

        :param there: its end of the pipe, which is closed in this process as soon as it is not needed here.
        """

    @abstractmethod
    def is_alive(self) -> bool:
        """Return whether the worker has not ended."""

    def ending(self) -> Failure:
        """Return how a worker ended that was not asked to, as far as that is known; the text has no subject."""
        return Failure("ended", "ended its worker", "")

    def stack(self) -> str:
        """Return the stack of the work; an empty text if it is unknown."""
        return ""

    def end(self) -> None:
        """Ask the worker to end, and wait until it has."""
        with suppress(OSError):
            self.connection.send(None)
        self._wait(0.0 if self.hangs else _END_TIMEOUT_S)
        self.connection.close()

    @abstractmethod
    def _wait(self, timeout_s: float) -> None:
        """Wait until the worker has ended; after the timeout, kill it if it is a process."""


class ThreadWorker(Worker):
    """A thread of this process."""

    kind = "thread"

    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        def run() -> None:
            # Work that hung may return after the connection was closed.
            with there, suppress(OSError):
                worker_main.serve(work, there)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:  # noqa: D102  (as the base class says; so below)
        return self._thread.is_alive()

    def stack(self) -> str:  # noqa: D102
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001  (documented)
        calls = traceback.extract_stack(frame) if frame is not None else []
        begin = max((index for index, call in enumerate(calls) if is_own(call.filename)), default=-1) + 1
        return "".join(traceback.format_list(calls[begin:]))

    def _wait(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)


class ProcessWorker(Worker):
    """A ``multiprocessing.Process``; forked where the platform can fork, so that the work need not be importable."""

    kind = "process"

    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        self._ended = False
        context: Any = multiprocessing.get_context("fork" if CAN_FORK else None)
        self._process = context.Process(target=worker_main.serve, args=(work, there), daemon=True)
        self._process.start()
        there.close()

    def is_alive(self) -> bool:  # noqa: D102
        return not self._ended and self._process.is_alive()

    def ending(self) -> Failure:  # noqa: D102
        self._process.join(_END_TIMEOUT_S)
        return _ended_with(self._process.exitcode)

    def _wait(self, timeout_s: float) -> None:
        if self._ended:
            return
        self._process.join(timeout_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self._ended = True


class InterpreterWorker(Worker):
    """A subinterpreter with a GIL of its own (PEP 684, PEP 734), in a thread of this process."""

    kind = "interpreter"

    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        from concurrent import interpreters  # type: ignore[attr-defined]  # Python 3.14 and later

        self._failure: BaseException | None = None
        module = sys.modules[work.__module__]
        script = _SCRIPT.format(
            path=sys.path,
            worker_main=worker_main.__file__,
            child_main=child_main.__file__,
            module=module.__name__,
            file=getattr(module, "__file__", None),
            work=pickle.dumps(work),
            descriptor=there.fileno(),
        )

        def run() -> None:
            with there:
                try:
                    interpreter = interpreters.create()
                    try:
                        interpreter.exec(script)
                    finally:
                        interpreter.close()
                except BaseException as error:  # noqa: BLE001  (ending() reports it)
                    self._failure = error

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:  # noqa: D102
        return self._thread.is_alive()

    def ending(self) -> Failure:  # noqa: D102
        self._thread.join(_END_TIMEOUT_S)
        if self._failure is None:
            return super().ending()
        details = str(self._failure)  # with the traceback in the subinterpreter
        return Failure("raised", f"could not be called: {details.strip().partition(chr(10))[0]}", details)

    def _wait(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)


_SCRIPT = """
import pickle, runpy, sys
sys.path[:] = {path!r}
runpy.run_path({child_main!r})["import_as_parent"]({module!r}, {file!r})
runpy.run_path({worker_main!r})["serve_in_interpreter"](pickle.loads({work!r}), {descriptor!r})
"""


class ForkedWorker(Worker):
    """A process that is forked without ``multiprocessing``, so that a control does not share its faults."""

    kind = "process"

    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        self._code: int | None = None
        self._pid = os.fork()
        if not self._pid:
            try:
                child_main.die_with_parent()
                worker_main.serve(work, there)
            finally:
                os._exit(0)
        there.close()

    def is_alive(self) -> bool:  # noqa: D102
        if self._code is None:
            try:
                pid, status = os.waitpid(self._pid, os.WNOHANG)
            except ChildProcessError:  # other code in this process waits for any child
                self._code = 0
            else:
                self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code is None

    def ending(self) -> Failure:  # noqa: D102
        self._join(_END_TIMEOUT_S)
        return _ended_with(self._code)

    def _wait(self, timeout_s: float) -> None:
        self._join(timeout_s)
        if self.is_alive():
            os.kill(self._pid, signal.SIGKILL)
            self._join(math.inf)

    def _join(self, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while self.is_alive() and time.monotonic() < end:
            time.sleep(0.001)


def _ended_with(code: int | None) -> Failure:
    """Return how a process ended.

    :param code: its exit status, or a signal's number, negative, as of ``multiprocessing``; None if unknown.
    """
    if code is None:
        return Failure("ended", "ended its worker", "")
    if code >= 0:
        return Failure("ended", f"ended its worker, with exit status {code}", "")
    return Failure("crash", f"crashed its worker, with signal {-code}", "")


MEASURED: dict[str, type[Worker]] = {kind.kind: kind for kind in (ThreadWorker, ProcessWorker, InterpreterWorker)}
#: The kinds of a control. Where the platform can fork, its processes do not use multiprocessing.
CONTROLS: dict[str, type[Worker]] = {**MEASURED, **({"process": ForkedWorker} if CAN_FORK else {})}


def has_interpreters() -> bool:
    """Return whether this Python has a public API for subinterpreters with their own GIL (PEP 734)."""
    return find_spec("concurrent.interpreters") is not None


def is_importable(work: Callable[[], Any]) -> bool:
    """Return whether another interpreter can import a function: whether a module in a file has it under its name."""
    try:
        pickle.dumps(work)
    except Exception:  # noqa: BLE001  (pickling runs arbitrary code)
        return False
    module = sys.modules.get(getattr(work, "__module__", None) or "")
    return module is not None and Path(getattr(module, "__file__", None) or "").is_file()
