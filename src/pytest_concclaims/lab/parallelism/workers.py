"""The kinds of workers: how each is started, spoken to, and ended."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar

from .. import bootstrap
from ..forked import CAN_FORK
from . import working

_ENDS_WITHIN = 5.0  # seconds


class Worker(ABC):
    """One worker.

    :param work: what it does, over and over.
    """

    kind: ClassVar[str]

    def __init__(self, work: Callable[[], Any]) -> None:
        self.connection: Connection
        self.connection, there = multiprocessing.Pipe()
        with warnings.catch_warnings():
            # Since 3.12, of a fork in a process with threads, such as one under --claims-in-process.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._start(work, there)

    @abstractmethod
    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        """Start it with its end of the pipe."""

    @abstractmethod
    def is_alive(self) -> bool:
        """Return whether it has not ended."""

    def end(self) -> None:
        """Let it end, and wait for that."""
        with suppress(OSError):
            self.connection.send(None)
        self._wait()
        self.connection.close()

    @abstractmethod
    def _wait(self) -> None:
        """Wait until it has ended, or make it."""


class ThreadWorker(Worker):
    """A thread of this process."""

    kind = "thread"

    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        self._thread = threading.Thread(target=working.serve, args=(work, there), daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:  # noqa: D102  (as the base class says; so below)
        return self._thread.is_alive()

    def _wait(self) -> None:
        self._thread.join(_ENDS_WITHIN)


class ProcessWorker(Worker):
    """A ``multiprocessing.Process``, forked where the platform can, so that the work need not be importable."""

    kind = "process"

    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        context: Any = multiprocessing.get_context("fork" if CAN_FORK else None)
        self._process = context.Process(target=working.serve, args=(work, there), daemon=True)
        self._process.start()

    def is_alive(self) -> bool:  # noqa: D102
        return bool(self._process.is_alive())

    def _wait(self) -> None:
        self._process.join(_ENDS_WITHIN)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class InterpreterWorker(Worker):
    """A subinterpreter with a GIL of its own (PEP 684, PEP 734), in a thread of this process."""

    kind = "interpreter"

    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        from concurrent import interpreters  # type: ignore[attr-defined]  # Python 3.14 and later

        self._failure: BaseException | None = None
        module = sys.modules[work.__module__]
        script = _SCRIPT.format(
            path=sys.path,
            working=working.__file__,
            bootstrap=bootstrap.__file__,
            module=module.__name__,
            file=getattr(module, "__file__", None),
            work=pickle.dumps(work),
            descriptor=os.dup(there.fileno()),
        )
        there.close()

        def run() -> None:
            interpreter = interpreters.create()
            try:
                interpreter.exec(script)
            except BaseException as error:  # noqa: BLE001  (told by who waits for it)
                self._failure = error
            finally:
                interpreter.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:  # noqa: D102  (as the base class says; so below)
        return self._thread.is_alive()

    def _wait(self) -> None:
        self._thread.join(_ENDS_WITHIN)


_SCRIPT = """
import pickle, runpy, sys
sys.path[:] = {path!r}
runpy.run_path({bootstrap!r})["import_as_parent"]({module!r}, {file!r})
runpy.run_path({working!r})["serve_in_interpreter"](pickle.loads({work!r}), {descriptor!r})
"""


class ForkedWorker(Worker):
    """A process that the lab forks by itself: a control that does without ``multiprocessing``."""

    kind = "process"

    def _start(self, work: Callable[[], Any], there: Connection) -> None:
        self._ended = False
        self._pid = os.fork()
        if not self._pid:
            try:
                bootstrap.die_with_parent()
                working.serve(work, there)
            finally:
                os._exit(0)

    def is_alive(self) -> bool:  # noqa: D102
        if not self._ended:
            with suppress(ChildProcessError):
                self._ended = os.waitpid(self._pid, os.WNOHANG)[0] != 0
        return not self._ended

    def _wait(self) -> None:
        if not self._ended:
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            self._ended = True


MEASURED: dict[str, type[Worker]] = {kind.kind: kind for kind in (ThreadWorker, ProcessWorker, InterpreterWorker)}
#: What a control is made of: where the platform can fork, its processes have nothing of those that are measured.
CONTROLS: dict[str, type[Worker]] = {**MEASURED, **({"process": ForkedWorker} if CAN_FORK else {})}


def has_interpreters() -> bool:
    """Return whether this Python has subinterpreters with a GIL of their own, and a public way to them (PEP 734)."""
    return find_spec("concurrent.interpreters") is not None


def is_importable(work: Callable[[], Any]) -> bool:
    """Return whether another interpreter can import a function: whether it stands in a module, by its name."""
    try:
        pickle.dumps(work)
    except Exception:  # noqa: BLE001  (pickling runs arbitrary code)
        return False
    module = sys.modules.get(getattr(work, "__module__", None) or "")
    return module is not None and Path(getattr(module, "__file__", None) or "").is_file()
