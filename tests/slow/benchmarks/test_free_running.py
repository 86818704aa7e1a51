"""Threads that run freely: they show what they can of an object, and nothing ends the benchmark."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from helpers.benchmark_modules import benchmark_module
from helpers.waiting import TIMEOUT_S

free_running = benchmark_module("free_running")
small_objects = benchmark_module("small_objects")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each way is tried in a forked process")


def seen(what: Any) -> Any:
    """Return the outcomes of the first way, until one was wrong."""
    return free_running.in_child(what, free_running.ways()[0], TIMEOUT_S, 1)


def test_lost_update_is_seen() -> None:
    """On every interpreter, as there is a call between read and write."""
    what = next(what for what in small_objects.OBJECTS if what.name == "function between")
    assert set(seen(what).wrong) == {"1"}


def test_deadlock_is_seen() -> None:
    """The threads make no progress, and sleep."""
    lock = threading.Lock()
    what = small_objects.SmallObject("stuck", lambda: lock, (acquire, acquire), frozenset({(True, True)}))
    assert free_running.DEADLOCK in seen(what).wrong


def acquire(lock: threading.Lock) -> bool:
    """Take a lock, and keep it."""
    return lock.acquire()


def test_crash_is_seen() -> None:
    """It ends the child only."""

    def crash(_: object) -> None:
        signal.raise_signal(signal.SIGKILL)

    assert set(seen(small_objects.SmallObject("crash", object, (crash, crash), frozenset())).wrong) == {"CRASH"}


def test_what_an_actor_raises_is_an_outcome() -> None:
    """It is wrong, as it equals no right outcome."""

    def fail(_: object) -> None:
        raise LookupError

    (outcome,) = seen(small_objects.SmallObject("fails", object, (fail, fail), frozenset())).wrong
    assert "LookupError" in outcome


def test_renewed_code_does_the_same() -> None:
    """The copy is a new object, and so is nested code."""

    def numbers() -> list[int]:
        return sorted(map(lambda number: number + 1, (2, 1)))  # noqa: C417  (nested code)

    before = numbers.__code__
    free_running.renew(numbers)
    assert numbers.__code__ is not before
    assert not {id(item) for item in before.co_consts} & {id(item) for item in code_within(numbers.__code__)}
    assert numbers() == [2, 3]


def code_within(code: Any) -> list[Any]:
    """Return the code objects nested in code."""
    return [item for item in code.co_consts if hasattr(item, "co_code")]


def test_functions_that_actors_may_run_are_found() -> None:
    """Those that they call, directly or not; and special methods, which are called without their name."""
    (what,) = (what for what in small_objects.OBJECTS if what.name == "checked twice")
    names = {function.__qualname__ for function in free_running.functions_used_by(what)}
    assert {"same_text", "checked_twice.<locals>.get", "Key.__eq__"} <= names
    assert "take_checked_outside" not in names
