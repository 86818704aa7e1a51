"""The child instrument: a function or a script in a fresh interpreter, with a deadline."""

from __future__ import annotations

import functools
import math
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..interpreter import FREE_THREADED_BUILD, gil_enabled
from ..records.evidence import ChildRun
from .processes.child_main import UNUSABLE
from .processes.signals import interrupts_held, kill_group

T_co = TypeVar("T_co", covariant=True)

_CHILD_MAIN = Path(__file__).with_name("processes") / "child_main.py"
#: How much of the end of a child's output goes into the record, in characters.
_OUTPUT_KEPT = 2000
_REPR_KEPT = 200
#: Seconds between two looks whether a child has ended, where nothing tells of it.
_POLL_INTERVAL_S = 0.002


class ChildError(Exception):
    """A child has no value to give (it raised, crashed, exited, was killed), or cannot say what came of it."""


class RemoteError(Exception):
    """Stands for an exception of the child that could not be carried over; the text names and quotes it."""


@dataclass(frozen=True, repr=False)
class Child(Generic[T_co]):
    """How a run in a fresh interpreter ended.

    :param target: what ran.
    :param exit_code: the exit status; None if a signal or the deadline ended it. A real-time signal, for
        which Python has no name, is its number, negative.
    :param signal: the signal that ended it, if one did.
    :param killed_late: whether it was killed at its deadline; claims ask :attr:`timed_out`.
    :param deadline: that deadline, in seconds after the start.
    :param duration: seconds from its start to its end, the interpreter's own start included.
    :param stdout: its standard output.
    :param stderr: its standard error.
    :param returned: whether the function returned; its value is :attr:`value`.
    :param exception: the exception that the function raised, if it did.
    :param traceback: that exception's traceback, as text.
    :param looks: one entry for each time that :attr:`timed_out` was asked.
    """

    target: str
    exit_code: int | None
    signal: signal.Signals | None
    killed_late: bool
    deadline: float
    duration: float
    stdout: str
    stderr: str
    returned: bool
    returned_value: T_co | None
    exception: BaseException | None
    traceback: str | None
    looks: list[None] = field(default_factory=list, compare=False)

    @property
    def timed_out(self) -> bool:
        """Whether it was killed at its deadline, which on a busy machine any child may be.

        A claim with such a child has no verdict unless it has asked this.
        """
        self.looks.append(None)
        return self.killed_late

    @property
    def unexplained(self) -> bool:
        """Whether it was killed at its deadline, and :attr:`timed_out` was not asked."""
        return self.killed_late and not self.looks

    @property
    def value(self) -> T_co:
        """What the function returned.

        :raises ChildError: it did not return; the text says how it ended.
        """
        if not self.returned:
            detail = self.traceback or self.stderr[-_OUTPUT_KEPT:]
            message = f"{self.evidence().phrase()}: there is no value"
            raise ChildError(f"{message}\n{detail.rstrip()}" if detail.strip() else message) from self.exception
        return self.returned_value  # type: ignore[return-value]  # None is a value, too

    def evidence(self) -> ChildRun:
        """Return the record of this run."""
        error = self.exception
        return ChildRun(
            target=self.target,
            exit_code=self.exit_code,
            signal=None if self.signal is None else self.signal.name,
            timed_out=self.killed_late,
            deadline=self.deadline,
            duration=round(self.duration, 4),
            value=_shortened(repr(self.returned_value)) if self.returned else None,
            exception=None if error is None else _shortened(_exception_text(error)),
            stdout=self.stdout[-_OUTPUT_KEPT:],
            stderr=self.stderr[-_OUTPUT_KEPT:],
        )

    def __repr__(self) -> str:
        return f"<Child: {self.evidence().phrase()}, after {self.duration:.2f} s>"


def _exception_text(error: BaseException) -> str:
    if isinstance(error, RemoteError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _shortened(text: str) -> str:
    return text if len(text) <= _REPR_KEPT else text[: _REPR_KEPT - 3] + "..."


def run_child(target: object, args: Sequence[object], kwargs: Mapping[str, object], *, deadline: float) -> Child[Any]:
    """Run a target to its end or deadline; see :meth:`Lab.child`, which records the evidence as well."""
    __tracebackhide__ = True
    _check_children_are_heard_of()
    if not isinstance(deadline, (int, float)) or not 0 < deadline < math.inf:
        raise ValueError(f"lab.child(deadline={deadline!r}): the deadline is a positive number of seconds")
    with _scratch_folder() as folder:
        if callable(target):
            command, shown = _function_command(folder, target, args, kwargs)
        else:
            command, shown = _script_command(folder, target, args, kwargs)
        exit_status, duration = _run(command, folder, deadline)
        ended_by = _signal(exit_status)
        try:
            value, error, trace = _result(folder, exit_status)
        except ChildError as unusable:
            unusable.args = (f"lab.child, {shown}: {unusable}",)
            raise
        return Child(
            target=shown,
            exit_code=exit_status if ended_by is None else None,
            signal=ended_by,
            killed_late=exit_status is None,
            deadline=float(deadline),
            duration=duration,
            stdout=_output(folder / "stdout"),
            stderr=_output(folder / "stderr"),
            returned=value is not None,
            returned_value=None if value is None else value[0],
            exception=error,
            traceback=trace,
        )


def _check_children_are_heard_of() -> None:
    __tracebackhide__ = True
    if hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        raise ChildError("lab.child: SIGCHLD is ignored here, so how a child ends cannot be known; give it SIG_DFL")


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="concclaims-"))
    try:
        yield folder
    finally:
        # Windows refuses while a process that was just killed still holds a file open.
        shutil.rmtree(folder, ignore_errors=True)


def _signal(exit_status: int | None) -> signal.Signals | None:
    try:
        return signal.Signals(-exit_status) if exit_status is not None and exit_status < 0 else None
    except ValueError:
        return None


def _output(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "backslashreplace").replace("\r\n", "\n")


# --- what to run


def _function_command(
    folder: Path, function: Any, args: Sequence[object], kwargs: Mapping[str, object]
) -> tuple[list[str], str]:
    __tracebackhide__ = True
    call = (function, args, dict(kwargs))
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", repr(function))
    module = getattr(function, "__module__", None)
    if module == "__main__":
        raise TypeError(f"lab.child({name}): the function is in __main__, which a fresh interpreter cannot import")
    try:
        pickled_call = pickle.dumps(call)
    except Exception as error:
        raise TypeError(
            f"lab.child({name}): the function must be importable (defined at the top level of a module) "
            f"and its arguments must pickle: {error}"
        ) from error
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    order = {"sys_path": list(sys.path), "module": module, "file": file, "call": pickled_call}
    (folder / "order.pickle").write_bytes(pickle.dumps(order))
    return [*_interpreter(), str(_CHILD_MAIN), "function", str(folder)], f"{name}()"


def _script_command(
    folder: Path, target: object, args: Sequence[object], kwargs: Mapping[str, object]
) -> tuple[list[str], str]:
    __tracebackhide__ = True
    if kwargs:
        raise TypeError(f"lab.child: a script takes no keyword arguments, got {', '.join(kwargs)}")
    if isinstance(target, str):
        if target.strip().endswith(".py") and "\n" not in target.strip():
            raise TypeError(
                f"lab.child({target!r}): text is taken for a script's source; for a file, pass a pathlib.Path"
            )
        script, shown = folder / "script.py", "the script"
        script.write_text(textwrap.dedent(target), encoding="utf-8")
    elif isinstance(target, os.PathLike):
        script = Path(target)
        shown = script.name
        if not script.is_file():
            raise FileNotFoundError(f"lab.child({target!r}): there is no such script")
    else:
        raise TypeError(f"lab.child({target!r}): pass a function, a script's source as text, or a pathlib.Path")
    command = [*_interpreter(), str(script), *map(str, args)]
    if os.name == "posix":  # os.execv keeps neither process id nor exit status on Windows
        command = [*_interpreter(), str(_CHILD_MAIN), "script", *command]
    return command, shown


def _interpreter() -> list[str]:
    """Return the command of this interpreter, with its flags; a free-threaded one in today's state of the GIL."""
    # What multiprocessing starts its own children with; there is no public equivalent.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    if FREE_THREADED_BUILD:
        flags += ["-X", f"gil={int(gil_enabled())}"]
    return [sys.executable, *flags]


def _environment() -> dict[str, str]:
    """Return the environment without what speaks of this test run.

    pytest-benchmark, for one, disables itself wherever it finds PYTEST_XDIST_WORKER. The encoding is the one
    that the output is read in; the locale's would be another one on Windows.
    """
    disturbing = ("PYTEST_XDIST_", "PYTEST_CURRENT_TEST", "PYTEST_VERSION")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(disturbing)}
    return {**kept, "PYTHONIOENCODING": "utf-8"}


# --- running it


def _run(command: Sequence[str], folder: Path, deadline: float) -> tuple[int | None, float]:
    """Run a command to its end, or to its deadline; return its status (None at the deadline) and duration."""
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        start = time.perf_counter()
        with _own_group(command, stdout=stdout, stderr=stderr) as process:
            status = _wait(process, deadline)
        return status, time.perf_counter() - start


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    """Wait for a process; return its exit status, None if it has not ended. ``Popen.wait`` looks every 50 ms."""
    end = time.perf_counter() + timeout_s
    if hasattr(os, "pidfd_open"):
        with suppress(OSError):  # a sandbox forbids it
            descriptor = os.pidfd_open(process.pid)
            try:
                wait([descriptor], timeout_s)
            finally:
                os.close(descriptor)
    while process.poll() is None and time.perf_counter() < end:
        time.sleep(_POLL_INTERVAL_S)
    return process.returncode


@contextmanager
def _own_group(command: Sequence[str], **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a process group of its own, all of which is gone when the block is left."""
    own: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    process: subprocess.Popen[bytes] | None = None
    try:
        with interrupts_held():
            process = subprocess.Popen(  # noqa: S603  (runs this very interpreter)
                command, stdin=subprocess.DEVNULL, env=_environment(), **own, **streams
            )
        yield process
    finally:
        if process is not None:
            with interrupts_held():
                _kill_group(process)
                process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        subprocess.run(  # noqa: S603
            ["taskkill", "/F", "/T", "/PID", str(process.pid)],  # noqa: S607  (a part of Windows)
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return
    kill_group(process.pid)


# --- its result


def _result(folder: Path, exit_status: int | None) -> tuple[tuple[Any] | None, BaseException | None, str | None]:
    """Return the value (in a tuple), or the exception and its traceback, that a function left.

    :raises ChildError: there was one, or the function was never called, but it cannot be told.
    """
    try:
        kind, content = pickle.loads((folder / "result.pickle").read_bytes())  # noqa: S301  (our own child's)
    except FileNotFoundError:
        if exit_status == UNUSABLE:
            raise ChildError("what came of the function could not be written; is the disk full?") from None
        return None, None, None
    if kind == "unusable":
        raise ChildError(content)
    if kind == "returned":
        try:
            return (pickle.loads(content),), None, None  # noqa: S301
        except Exception as unusable:
            raise ChildError(f"what the function returned could not be read here: {unusable!r}") from unusable
    error = RemoteError(content["text"])
    if content["pickle"] is not None:
        try:
            return None, pickle.loads(content["pickle"]), content["traceback"]  # noqa: S301
        except Exception as unusable:  # noqa: BLE001  (unpickling runs arbitrary code)
            error.__cause__ = unusable
    return None, error, content["traceback"]
