"""Threads of the test process: the exceptions that end them, and the CPU time that they take from a measurement."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakSet

from .failure import Failure, is_own, raised

#: Threads of races in this process that wait for each other, and will for ever.
DEADLOCKED: WeakSet[threading.Thread] = WeakSet()


@contextmanager
def ends_of_threads_heard(note: Callable[[str, threading.Thread | None, BaseException], bool]) -> Iterator[None]:
    """Tell of the exceptions that end threads in the block, but for ``SystemExit``, of which Python tells nothing.

    :param note: called with the thread's name, for people, the thread, and the exception; returns whether it has
        taken note. If not, the hook that was set before is called.
    """
    before = threading.excepthook

    def hear(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit:
            return
        name = args.thread.name if args.thread is not None else "a thread"
        if not note(f"thread {name!r}", args.thread, args.exc_value or args.exc_type()):
            before(args)

    threading.excepthook = hear
    try:
        yield
    finally:
        threading.excepthook = before


@contextmanager
def ends_of_new_threads() -> Iterator[list[Failure]]:
    """Note the exceptions that end threads which were not there before the block: actors may have started them.

    :returns: those so far.
    """
    ends: list[Failure] = []
    earlier = frozenset(threading.enumerate())

    def note(name: str, thread: threading.Thread | None, error: BaseException) -> bool:
        if thread in earlier:
            return False
        ends.append(raised(name, error))
        return True

    with ends_of_threads_heard(note):
        yield ends


def hang(threads: Mapping[str, threading.Thread], timeout: float) -> Failure:
    """Return the failure of actors that do not come back, with the stacks of what they call.

    :param threads: by what they are called, such as ``actor put``.
    :param timeout: seconds that they had.
    """
    frames = sys._current_frames()  # noqa: SLF001  (documented, for exactly this)
    stacks = []
    for name, thread in threads.items():
        stack = traceback.extract_stack(frames.get(thread.ident or 0))
        begin = next((index for index, call in enumerate(stack) if is_own(call.filename)), 0)
        called = [call for call in stack[begin:] if not is_own(call.filename)]  # it may be at a switch point just now
        stacks.append(f"{name}:\n{''.join(traceback.format_list(called))}")
    return hung(threads, timeout, stacks)


def hung(names: Iterable[str], timeout: float, stacks: Iterable[str]) -> Failure:
    """Return the failure of actors that do not come back.

    :param names: what they are called, such as ``actor put``.
    :param timeout: seconds that they had.
    :param stacks: of what they call.
    """
    return Failure("hang", f"{' and '.join(names)} did not come back within {timeout:g} s", "\n".join(stacks))


# --- threads at work

#: Seconds of doing nothing, to see what others do.
_NAP_S = 0.02
#: A thread is at work that uses this part of a CPU meanwhile; one that waits wakes up now and then.
_BUSY_PART = 0.05


def threads_at_work(threads: Iterable[threading.Thread]) -> str | None:
    """Return which of these threads is at work while this one does nothing, in words; None if none is.

    By the CPU time of each, which only Linux tells (``schedstat``, sched-stats.rst): elsewhere, none is. One that
    works for this one, such as a server, waits meanwhile.
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
                f"thread {thread.name!r}, which was there before the claim, is at work, and what it does is in what "
                "is measured; end it first"
            )
    return None


def _cpu_seconds(thread: threading.Thread) -> float | None:
    """Return how many seconds a thread has used a CPU so far; None if that is not told, or it has ended."""
    try:
        with open(f"/proc/self/task/{thread.native_id}/schedstat", encoding="ascii") as file:  # noqa: PTH123  (quick)
            return int(file.read().split()[0]) / 1e9
    except (OSError, IndexError, ValueError):
        return None
