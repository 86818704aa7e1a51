"""What children do in the tests of ``lab.child``; they import this, so it imports nothing slow."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path


def identity(value: object) -> object:
    """Return its argument."""
    return value


def joined(*args: object, **kwargs: object) -> str:
    """Return its arguments as text."""
    return f"{args} {kwargs}"


class UnpackedError(Exception):
    """Can be pickled but not unpickled: an exception is unpickled by calling its class with its ``args``."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")


class Stopped(BaseException):
    """Not an ``Exception``, like pytest's own outcomes."""


class ReadableBy:
    """Can be unpickled in one process only."""

    def __init__(self, pid: int) -> None:
        assert os.getpid() == pid, "not here"
        self.pid = pid

    def __reduce__(self) -> tuple[type[ReadableBy], tuple[int]]:
        return ReadableBy, (self.pid,)


class ReadableByError(ReadableBy, Exception):
    """An error that can be unpickled in one process only."""


def readable_here() -> ReadableBy:
    """Return an object that can be pickled, and unpickled in this process only."""
    return ReadableBy(os.getpid())


class NoLongerError(Exception):
    """An error that is unpickled as another object."""

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, ("only text",)


def raise_(kind: str) -> None:
    """Raise an exception of some kind."""

    class LocalError(Exception):
        pass

    errors: dict[str, BaseException] = {
        "plain": LookupError("no such account"),
        "base": Stopped("enough"),
        "local": LocalError("not to be pickled"),
        "unpacked": UnpackedError(7, "not to be unpickled"),
        "only here": ReadableByError(os.getpid()),
        "no error": NoLongerError("in its pickle"),
    }
    raise errors[kind]


def unpicklable() -> object:
    """Return what cannot be pickled."""
    return lambda: None


def write(stream: str, data: bytes, times: int = 1) -> None:
    """Write bytes to a standard stream."""
    getattr(sys, stream).buffer.write(data * times)


def environment() -> dict[str, str]:
    """Return the environment."""
    return dict(os.environ)


def raise_signal(number: int) -> None:
    """Send a signal to this process."""
    signal.raise_signal(number)


def process_and_group() -> tuple[int, int, int]:
    """Return the ids of this process, its group and session."""
    return os.getpid(), os.getpgid(0), os.getsid(0)


def core_limit() -> int:
    """Return the maximum size of a core dump."""
    import resource

    return resource.getrlimit(resource.RLIMIT_CORE)[0]


def doubled_by_processes(methods: Sequence[str]) -> list[list[int]]:
    """Double a number in processes that are started by these methods."""
    import multiprocessing

    doubled = []
    for method in methods:
        with multiprocessing.get_context(method).Pool(1) as pool:
            doubled.append(pool.map(double, [21]))
    return doubled


def double(number: int) -> int:
    """Double a number."""
    return 2 * number


def start_grandchild() -> int:
    """Start a process that only SIGKILL ends, and return its id when it is ready."""
    source = """
        import signal, threading
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        print("ready", flush=True)
        threading.Event().wait()
    """
    import subprocess

    # The reference to it is kept, so that Python neither waits for it nor warns.
    process = subprocess.Popen([sys.executable, "-c", "if True:" + source], stdout=subprocess.PIPE)
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"ready"
    return process.pid


started: list[object] = []


def stay(listed: str, with_grandchild: bool = True) -> None:
    """Write the ids of this process and of a grandchild into a file, and never end."""
    import json

    pids = [os.getpid(), *([start_grandchild()] if with_grandchild else [])]
    unfinished = Path(f"{listed}.unfinished")
    unfinished.write_text(json.dumps(pids))
    unfinished.replace(listed)
    threading.Event().wait()


#: A script that does the same.
STAY = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from helpers import child_work
child_work.stay(*sys.argv[1:2], with_grandchild=len(sys.argv) == 2)
"""


def print_stdin() -> None:
    """Print all of standard input."""
    sys.stdout.write(repr(sys.stdin.read()))


def print_optimize() -> None:
    """Print one of the interpreter's flags."""
    sys.stdout.write(str(sys.flags.optimize))


def print_signals() -> None:
    """Print how this process handles signals."""
    default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    sys.stdout.write(f"{default} {len(signal.pthread_sigmask(signal.SIG_BLOCK, []))}")
