"""What children do in the tests of ``lab.child``; they import this, so it imports nothing that would slow them."""

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
    """Pickles, but what it pickles to cannot be read: a pickled exception is made anew from its ``args``."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")


class Stopped(BaseException):
    """No ``Exception``, as pytest's own outcomes are not."""


class ReadableBy:
    """Can be unpickled in just one process."""

    def __init__(self, pid: int) -> None:
        assert os.getpid() == pid, "not here"
        self.pid = pid

    def __reduce__(self) -> tuple[type[ReadableBy], tuple[int]]:
        return ReadableBy, (self.pid,)


class ReadableByError(ReadableBy, Exception):
    """An error that can be unpickled in just one process."""


def readable_here() -> ReadableBy:
    """Return what can be pickled and cannot be read elsewhere."""
    return ReadableBy(os.getpid())


class NoLongerError(Exception):
    """What was pickled as an error is read as something else."""

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
    """Return how large a core dump may be."""
    import resource

    return resource.getrlimit(resource.RLIMIT_CORE)[0]


def doubled_by_processes(methods: Sequence[str]) -> list[list[int]]:
    """Double a number in a process that was started by each of these methods."""
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
    """Start a process that only SIGKILL ends, and return its id once it has come so far."""
    source = """
        import signal, threading
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        print("ready", flush=True)
        threading.Event().wait()
    """
    import subprocess

    # Its handle is kept alive, so that nothing waits for it or warns.
    process = subprocess.Popen([sys.executable, "-c", "if True:" + source], stdout=subprocess.PIPE)
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"ready"
    return process.pid


started: list[object] = []


def stay(told: str, with_grandchild: bool = True) -> None:
    """Tell the ids of this process and a grandchild in a file, and never end."""
    import json

    pids = [os.getpid(), *([start_grandchild()] if with_grandchild else [])]
    unfinished = Path(f"{told}.unfinished")
    unfinished.write_text(json.dumps(pids))
    unfinished.replace(told)
    threading.Event().wait()


#: A script that does the same.
STAY = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from helpers import child_work
child_work.stay(*sys.argv[1:2], with_grandchild=len(sys.argv) == 2)
"""


def print_stdin() -> None:
    """Tell what standard input has."""
    sys.stdout.write(repr(sys.stdin.read()))


def print_optimize() -> None:
    """Tell one of the interpreter's flags."""
    sys.stdout.write(str(sys.flags.optimize))


def print_signals() -> None:
    """Tell how this process deals with signals."""
    default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    sys.stdout.write(f"{default} {len(signal.pthread_sigmask(signal.SIG_BLOCK, []))}")
