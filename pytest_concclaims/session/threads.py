"""The threads of a claim: exceptions that end them, and those that the claim leaves running."""

from __future__ import annotations

import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import FrameType

import pytest

from ..lab.threads import OF_TOOLS, named, running_threads

#: Seconds that a claim's threads have to end after its teardown.
_JOIN_TIMEOUT_S = 5.0
#: Seconds between two checks whether one of them is idle.
_POLL_INTERVAL_S = 0.02


def threads_in(is_code: Callable[[FrameType], bool]) -> frozenset[threading.Thread]:
    """Return the threads, except the current one, that have a frame of certain code on their stack.

    :param is_code: whether a frame is of that code.
    """
    frames = sys._current_frames()  # noqa: SLF001  (documented, for exactly this)
    return frozenset(
        thread for thread in running_threads() if any(map(is_code, _stack(frames.get(thread.ident or 0))))
    )


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_idle_worker(thread: threading.Thread) -> bool:
    """Return whether a thread waits for work in a pool of ``concurrent.futures``, which may be a fixture's.

    A pool starts its threads with its tasks, perhaps a claim's, and keeps what these raise. The threads of a pool
    that is not referenced any more end by themselves.
    """
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001  (documented, for exactly this)
    files = {call.f_code.co_filename for call in _stack(frame)}
    return _POOL in files and files <= _WAITING


_POOL = ThreadPoolExecutor.submit.__code__.co_filename
#: The files of the functions that such a thread is in.
_WAITING = frozenset({_POOL, threading.Thread.run.__code__.co_filename, queue.Queue.get.__code__.co_filename})


_OF_CONFTEST_FILES: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


@contextmanager
def of_conftest_files() -> Iterator[None]:
    """Note the threads that are started in the block, in which conftest files are imported."""
    before = running_threads()
    yield
    _OF_CONFTEST_FILES.update(running_threads() - before)


class ToolThreads:
    """A plugin that notes the threads of other plugins, such as the server of pytest-rerunfailures."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, object, object]:
        """Note the threads that run before the first test file is imported."""
        result = yield
        OF_TOOLS.update(running_threads() - {*_OF_CONFTEST_FILES})
        return result


class LeftThreads:
    """The threads that the claims of a run left running."""

    def __init__(self) -> None:
        self._threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()

    def add_those_of_a_claim(self, before: frozenset[threading.Thread]) -> str | None:
        """Wait for the threads that a claim started; return a message if some of them do not end.

        :param before: the threads that ran when the claim was called.
        """
        deadline = time.monotonic() + _JOIN_TIMEOUT_S
        for thread in running_threads() - before:
            # A thread that Python did not start cannot be joined.
            with suppress(AssertionError, RuntimeError):
                while thread.is_alive() and not _is_idle_worker(thread) and time.monotonic() < deadline:
                    thread.join(_POLL_INTERVAL_S)
        left = {thread for thread in running_threads() - before if not _is_idle_worker(thread)}
        self._threads.update(left)
        if not left:
            return None
        return (
            f"the claim left {named(left)} running, whose end is not seen; join it before the claim returns, or "
            "start it in a fixture"
        )

    def still_running(self) -> frozenset[threading.Thread]:
        """Return those of them that still run."""
        return frozenset(thread for thread in self._threads if thread.is_alive())


def unrelated_reason(threads: Iterable[threading.Thread]) -> str | None:
    """Return why a claim cannot be confirmed while some threads run; None if there are no threads."""
    if not threads:
        return None
    return (
        f"{named(threads)} ran before the claim and may assert something in its code, which cannot be distinguished "
        "from the claim's own assertions; end it before the claim"
    )
