"""The child instrument: a function or a script in a fresh interpreter, killed at a deadline."""

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
#: Characters of the end of a child's output that the record has.
_OUTPUT_KEPT = 2000
#: Characters of the repr of a value or exception that the record has.
_REPR_KEPT = 200
#: Seconds between two checks whether a child has ended, where the system does not notify of that.
_POLL_INTERVAL_S = 0.002


class ChildError(Exception):
    """A child has no value (it raised, crashed, exited or was killed), or its result is unknown."""


class RemoteError(Exception):
    """Stands for an exception of the child that cannot be pickled; the text has its type and message."""


@dataclass(frozen=True, repr=False)
class Child(Generic[T_co]):
    """How a run in a fresh interpreter ended.

    :param target: what ran.
    :param exit_code: the exit status; None if a signal ended the child, or if it was killed at the deadline. For a
        real-time signal, which has no name in Python: its number, negative.
    :param signal: the signal that ended it, if any.
    :param killed_late: whether it was killed at its deadline; claims read :attr:`timed_out`.
    :param deadline: seconds after the start.
    :param duration: seconds from the start to the end, including the interpreter's start.
    :param stdout: its standard output.
    :param stderr: its standard error.
    :param returned: whether the function returned; claims read :attr:`value`.
    :param exception: the exception that the function raised, if any.
    :param traceback: that exception's traceback, as text.
    :param looks: has one entry for each time that :attr:`timed_out` was read.
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
        """Whether it was killed at its deadline; on a busy machine, that can happen to any child.

        If it was, and the claim does not read this, the claim is INCONCLUSIVE.
        """
        self.looks.append(None)
        return self.killed_late

    @property
    def unexplained(self) -> bool:
        """Whether it was killed at its deadline, and :attr:`timed_out` was not read."""
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
    """Run a target until its end or deadline; see :meth:`Lab.child`, which also records the evidence."""
    __tracebackhide__ = True
    _check_sigchld()
    if not isinstance(deadline, (int, float)) or not 0 < deadline < math.inf:
        raise ValueError(f"lab.child(deadline={deadline!r}): must be a positive number of seconds, e.g. 30")
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


def _check_sigchld() -> None:
    """Check that the exit status of a child can be read.

    :raises ChildError: it cannot.
    """
    __tracebackhide__ = True
    if hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        raise ChildError("lab.child: SIGCHLD is ignored, so the exit status of a child is lost; set it to SIG_DFL")


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="concclaims-"))
    try:
        yield folder
    finally:
        # On Windows, this fails while a process that was just killed still has a file open.
        shutil.rmtree(folder, ignore_errors=True)


def _signal(exit_status: int | None) -> signal.Signals | None:
    try:
        return signal.Signals(-exit_status) if exit_status is not None and exit_status < 0 else None
    except ValueError:
        return None


def _output(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "backslashreplace").replace("\r\n", "\n")


# --- the command


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
        raise TypeError(
            f"lab.child({name}): a fresh interpreter cannot import it from __main__; define it in another module"
        )
    try:
        pickled_call = pickle.dumps(call)
    except Exception as error:
        raise TypeError(
            f"lab.child({name}): cannot be pickled: {error}; define the function at the top level of a module, and "
            "pass arguments that can be pickled"
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
        names = ", ".join(kwargs)
        raise TypeError(f"lab.child({names}=...): a script takes no keyword arguments; pass them by position")
    if isinstance(target, str):
        if target.strip().endswith(".py") and "\n" not in target.strip():
            raise TypeError(f"lab.child({target!r}): text is the source of a script; for a file, pass a pathlib.Path")
        script, shown = folder / "script.py", "the script"
        script.write_text(textwrap.dedent(target), encoding="utf-8")
    elif isinstance(target, os.PathLike):
        script = Path(target)
        shown = script.name
        if not script.is_file():
            raise FileNotFoundError(f"lab.child({target!r}): no such file; pass the path of a script")
    else:
        raise TypeError(
            f"lab.child({target!r}): cannot be run; pass a function, a script's source as text, or a pathlib.Path"
        )
    command = [*_interpreter(), str(script), *map(str, args)]
    if os.name == "posix":  # os.execv keeps neither process id nor exit status on Windows
        command = [*_interpreter(), str(_CHILD_MAIN), "script", *command]
    return command, shown


def _interpreter() -> list[str]:
    """Return the command of this interpreter with its flags; on a free-threaded build, with the state of the GIL."""
    # multiprocessing starts its children with these; there is no public equivalent.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    if FREE_THREADED_BUILD:
        flags += ["-X", f"gil={int(gil_enabled())}"]
    return [sys.executable, *flags]


def _environment() -> dict[str, str]:
    """Return the environment without variables of this test run, and with the encoding in which the output is read.

    With PYTEST_XDIST_WORKER, for example, pytest-benchmark disables itself. On Windows, the locale has another
    encoding.
    """
    disturbing = ("PYTEST_XDIST_", "PYTEST_CURRENT_TEST", "PYTEST_VERSION")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(disturbing)}
    return {**kept, "PYTHONIOENCODING": "utf-8"}


# --- running it


def _run(command: Sequence[str], folder: Path, deadline: float) -> tuple[int | None, float]:
    """Run a command until its end or deadline (seconds); return its status (None at the deadline) and duration."""
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        start = time.perf_counter()
        with _own_group(command, stdout=stdout, stderr=stderr) as process:
            status = _wait(process, deadline)
        return status, time.perf_counter() - start


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    """Wait for a process; return its exit status, None if it has not ended. ``Popen.wait`` polls every 50 ms only."""
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
    """Start a command in a process group of its own; at the end of the block, kill the group."""
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
    """Return the value (in a tuple), or the exception and its traceback, that the child has written.

    :raises ChildError: the function was not called, or its result could not be written or read.
    """
    try:
        kind, content = pickle.loads((folder / "result.pickle").read_bytes())  # noqa: S301  (our own child's)
    except FileNotFoundError:
        if exit_status == UNUSABLE:
            raise ChildError("the result could not be written; is the disk full?") from None
        return None, None, None
    if kind == "unusable":
        raise ChildError(content)
    if kind == "returned":
        try:
            return (pickle.loads(content),), None, None  # noqa: S301
        except Exception as unusable:
            raise ChildError(f"the function's value could not be unpickled: {unusable!r}") from unusable
    error = RemoteError(content["text"])
    if content["pickle"] is not None:
        try:
            return None, pickle.loads(content["pickle"]), content["traceback"]  # noqa: S301
        except Exception as unusable:  # noqa: BLE001  (unpickling runs arbitrary code)
            error.__cause__ = unusable
    return None, error, content["traceback"]
