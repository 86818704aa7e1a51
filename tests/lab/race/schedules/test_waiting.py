"""Looks at threads: whether a thread waits, and what can end the wait."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from helpers.waiting import TIMEOUT_S, wait_until
from pytest_concclaims.interpreter import gil_enabled
from pytest_concclaims.lab.race.schedules.waiting import Wait, Waits

pytestmark = pytest.mark.interpreter
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports waits")


@pytest.fixture
def waits() -> Iterator[Waits]:
    """Return an object that looks at threads."""
    made = Waits(gil=gil_enabled())
    yield made
    made.close()


@contextmanager
def thread_that(work: Callable[[], object], end_it: Callable[[], object]) -> Iterator[int]:
    """Let a thread do something; yield its native id."""
    thread = threading.Thread(target=work)
    thread.start()
    assert thread.native_id is not None
    try:
        yield thread.native_id
    finally:
        end_it()
        thread.join(TIMEOUT_S)


def settled(waits: Waits, thread: int, *, timed: bool | None = None) -> Wait:
    """Return a thread's wait as soon as it lasts."""
    found: list[Wait] = []

    def lasts() -> bool:
        wait = waits.lasting(thread, 1e-3)
        if wait is not None and timed in (None, wait.timed):
            found.append(wait)
        return bool(found)

    wait_until(lasts)
    return found[0]


def sleeping() -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a function that sleeps again and again, and one that ends it."""
    ended = threading.Event()

    def sleep() -> None:
        while not ended.is_set():
            time.sleep(0.02)

    return sleep, ended.set


def held_lock() -> threading.Lock:  # type: ignore[valid-type,unused-ignore]  # a function before 3.13
    """Return a lock that is held."""
    lock = threading.Lock()
    lock.acquire()
    return lock


@linux
def test_wait_for_a_lock_is_ended_by_other_threads_alone(waits: Waits) -> None:
    """It is endless, and looks at it are equal."""
    lock = held_lock()
    with thread_that(lock.acquire, lock.release) as thread:
        wait = settled(waits, thread, timed=False)
        assert wait.endless
        assert waits.of(thread) == wait
        assert waits.is_as_before(thread, wait)


@linux
def test_wait_with_a_timeout_is_timed(waits: Waits) -> None:
    """It may end by itself."""
    lock = held_lock()
    with thread_that(lambda: lock.acquire(timeout=TIMEOUT_S), lock.release) as thread:
        assert not settled(waits, thread, timed=True).endless


def _by_poll(file: int, seconds: float | None) -> None:
    poll = select.poll()
    poll.register(file, select.POLLIN)
    poll.poll(None if seconds is None else 1000 * seconds)


def _by_epoll(file: int, seconds: float | None) -> None:
    with select.epoll() as poll:
        poll.register(file, select.EPOLLIN)
        poll.poll(-1 if seconds is None else seconds)


@linux
@pytest.mark.parametrize("seconds", [None, TIMEOUT_S], ids=["endless", "timeout"])
@pytest.mark.parametrize(
    "wait",
    [lambda file, seconds: select.select([file], [], [], seconds), _by_poll, _by_epoll],
    ids=["select", "poll", "epoll"],
)
def test_wait_for_files_is_timed_where_it_has_a_timeout(
    waits: Waits, wait: Callable[[int, float | None], object], seconds: float | None
) -> None:
    """Without a timeout, it does not end by itself."""
    reads, writes = os.pipe()
    with thread_that(lambda: wait(reads, seconds), lambda: os.write(writes, b"x")) as thread:
        assert settled(waits, thread, timed=seconds is not None).timed is (seconds is not None)
    os.close(reads)
    os.close(writes)


@linux
def test_sleep_is_timed(waits: Waits) -> None:
    """It ends by itself."""
    with thread_that(*sleeping()) as thread:
        wait = settled(waits, thread, timed=True)
        assert not wait.endless


@linux
def test_wait_for_data_may_be_ended_from_elsewhere(waits: Waits) -> None:
    """For example at a pipe, by another process."""
    reads, writes = os.pipe()
    with thread_that(lambda: os.read(reads, 1), lambda: os.write(writes, b"x")) as thread:
        wait = settled(waits, thread)
        assert not wait.endless
        assert not wait.timed
    os.close(reads)
    os.close(writes)


@linux
def test_thread_that_runs_does_not_wait(waits: Waits) -> None:
    """An example is the thread that looks."""
    assert waits.of(threading.get_native_id()) is None
    assert waits.lasting(threading.get_native_id(), 1e-4) is None


@linux
def test_successive_waits_differ(waits: Waits) -> None:
    """Even if they are for the same lock."""
    lock, taken = held_lock(), []

    def take_twice() -> None:
        for _ in range(2):
            lock.acquire()
            taken.append(1)

    with thread_that(take_twice, lock.release) as thread:
        first = settled(waits, thread, timed=False)
        lock.release()
        wait_until(lambda: taken)
        second = settled(waits, thread, timed=False)
        assert first != second
        assert not waits.is_as_before(thread, first)
        assert waits.is_as_before(thread, second)


@linux
def test_thread_that_has_ended_does_not_wait(waits: Waits) -> None:
    """Even if a look saw it waiting before."""
    lock = held_lock()
    with thread_that(lock.acquire, lock.release) as thread:
        wait = settled(waits, thread)
    wait_until(lambda: waits.of(thread) is None)
    assert not waits.is_as_before(thread, wait)


@linux
def test_all_threads_are_looked_at_but_one(waits: Waits) -> None:
    """An ended thread is not looked at."""
    me, lock = threading.get_native_id(), held_lock()
    with thread_that(lock.acquire, lock.release) as thread:
        wait = settled(waits, thread, timed=False)
        all_of_them = waits.of_all(but=[me])
        assert all_of_them[thread] == wait
        assert me not in all_of_them
    wait_until(lambda: thread not in waits.of_all(but=[me]))
    assert thread not in waits._files


@linux
def test_looks_leave_no_file_open() -> None:
    """Each thread takes a few files until the end."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    waits = Waits(gil=True)
    waits.of(threading.get_native_id())
    assert len(list(Path("/proc/self/fd").iterdir())) > before
    waits.close()
    waits.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_if_the_system_does_not_report_waits_they_are_long_and_not_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread counts as waiting when it made no progress for a while."""
    monkeypatch.setattr("pytest_concclaims.lab.race.schedules.waiting._FUTEX", -1)
    waits = Waits(gil=True)
    wait = waits.of(threading.get_native_id())
    assert wait is not None
    assert wait.seconds > 0.01
    assert not wait.endless
    assert not wait.timed
    assert waits.is_as_before(threading.get_native_id(), wait)
    with suppress(OSError):
        waits.close()
