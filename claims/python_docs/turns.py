"""Threads that take turns: what each does, and in which order, is up to the claim."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol


class Caller(Protocol):
    """Calls a function in a thread, and returns or raises what it returns or raises."""

    def __call__(self, function: Callable[..., Any], /, *arguments: object) -> Any: ...


@contextmanager
def two_threads() -> Iterator[tuple[Caller, Caller]]:
    """Yield a caller for each of two threads; the threads end with the block."""
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        yield _caller(first), _caller(second)


def _caller(thread: ThreadPoolExecutor) -> Caller:
    def call(function: Callable[..., Any], /, *arguments: object) -> Any:
        return thread.submit(function, *arguments).result()

    return call


def in_a_new_thread(function: Callable[[], Any]) -> Any:
    """Return what a function returns in a thread that is started now, and so may inherit the context."""
    returned: list[Any] = []
    thread = threading.Thread(target=lambda: returned.append(function()))
    thread.start()
    thread.join()
    return returned[0]


def is_kept_out(lock: Any) -> bool:
    """Return whether another thread cannot have a lock."""

    def try_it() -> bool:
        got = bool(lock.acquire(blocking=False))
        if got:
            lock.release()
        return got

    with two_threads() as (other, _):
        return not other(try_it)
