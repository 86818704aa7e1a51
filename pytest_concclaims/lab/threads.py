"""Threads of the test process: exceptions that end them, and CPU time that they take from a measurement."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakSet

from .failure import Failure, is_own, raised

#: Threads of races in this process that are deadlocked, and stay so.
DEADLOCKED: WeakSet[threading.Thread] = WeakSet()
#: Threads of races in this process that did not return in time, which is an error of their claims.
HANGING: WeakSet[threading.Thread] = WeakSet()
#: Threads with which the code of claims has nothing to do: of pytest, its plugins, and a debugger.
OF_TOOLS: WeakSet[threading.Thread] = WeakSet()


def running_threads() -> frozenset[threading.Thread]:
    """Return the threads that run now, except the current one, those of tools, and those in a deadlock of a race."""
    return frozenset(threading.enumerate()) - {threading.current_thread(), *OF_TOOLS, *DEADLOCKED}


def named(threads: Iterable[threading.Thread]) -> str:
    """Return the names of threads, for messages."""
    names = sorted(repr(thread.name) for thread in threads)
    return f"thread{'' if len(names) == 1 else 's'} {', '.join(names)}"


@contextmanager
def ends_of_threads_reported(note: Callable[[str, threading.Thread | None, BaseException], bool]) -> Iterator[None]:
    """Report exceptions that end threads in the block, except ``SystemExit``, which Python does not report either.

    :param note: called with the thread's name in words, the thread, and the exception. Returns whether it handled
        the exception; if not, the previous hook is called.
    """
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit:
            return
        name = args.thread.name if args.thread is not None else "a thread"
        if not note(f"thread {name!r}", args.thread, args.exc_value or args.exc_type()):
            before(args)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


@contextmanager
def ends_of_new_threads() -> Iterator[list[Failure]]:
    """Collect exceptions that end threads which were started in the block, such as by actors.

    :returns: a list to which the failures are added.
    """
    ends: list[Failure] = []
    earlier = frozenset(threading.enumerate())

    def note(name: str, thread: threading.Thread | None, error: BaseException) -> bool:
        if thread in earlier:
            return False
        ends.append(raised(name, error))
        return True

    with ends_of_threads_reported(note):
        yield ends


def hang(threads: Mapping[str, threading.Thread], timeout: float) -> Failure:
    """Return the failure of actors that hang, with their stacks.

    :param threads: by name, such as ``actor put``.
    :param timeout: seconds that they had to return.
    """
    HANGING.update(threads.values())
    frames = sys._current_frames()  # noqa: SLF001  (documented, for exactly this)
    stacks = []
    for name, thread in threads.items():
        stack = traceback.extract_stack(frames.get(thread.ident or 0))
        begin = next((index for index, call in enumerate(stack) if is_own(call.filename)), 0)
        called = [call for call in stack[begin:] if not is_own(call.filename)]  # the actor may be at a switch point
        stacks.append(f"{name}:\n{''.join(traceback.format_list(called))}")
    return hung(threads, timeout, stacks)


def hung(names: Iterable[str], timeout: float, stacks: Iterable[str]) -> Failure:
    """Return the failure of actors that hang.

    :param names: such as ``actor put``.
    :param timeout: seconds that they had to return.
    :param stacks: of the actors.
    """
    return Failure("hang", f"{' and '.join(names)} did not return within {timeout:g} s", "\n".join(stacks))


# --- threads at work

#: Seconds that this thread sleeps to see which others use a CPU.
_NAP_S = 0.02
#: A thread that uses more than this part of a CPU meanwhile is at work; even an idle thread may wake up briefly.
_BUSY_PART = 0.05


def threads_at_work(threads: Iterable[threading.Thread]) -> str | None:
    """Return a message about one of these threads that uses a CPU while this one sleeps; None if there is none.

    Only Linux reports the CPU time of each thread (``schedstat``, sched-stats.rst); elsewhere, return None. A thread
    that serves this one, such as a server, is idle meanwhile.
    """
    before = {thread: _cpu_seconds(thread) for thread in threads if thread is not threading.current_thread()}
    if all(seconds is None for seconds in before.values()):
        return None
    begun = time.perf_counter()
    time.sleep(_NAP_S)
    least = _BUSY_PART * (time.perf_counter() - begun)
    for thread, seconds in before.items():
        now = _cpu_seconds(thread)
        if seconds is not None and now is not None and now - seconds > least:
            return (
                f"thread {thread.name!r} is at work, and so falsifies the measurement. It was started before the "
                "claim; end it first"
            )
    return None


def _cpu_seconds(thread: threading.Thread) -> float | None:
    """Return the CPU seconds of a thread so far; None if unknown, or if the thread has ended."""
    try:
        with open(f"/proc/self/task/{thread.native_id}/schedstat", encoding="ascii") as file:  # noqa: PTH123  (quick)
            return int(file.read().split()[0]) / 1e9
    except (OSError, IndexError, ValueError):
        return None
