"""Documentation, page "concurrent.futures"."""

from __future__ import annotations

import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from pytest_concclaims import Lab

from . import pools
from .objects import LONG

THREADS = "docs: concurrent.futures, ThreadPoolExecutor"
PROCESSES = "docs: concurrent.futures, ProcessPoolExecutor"
FUTURES = "docs: concurrent.futures, Future objects"

#: Seconds to wait for what should happen at once; a machine may be very busy.
PATIENCE_S = 60.0
#: Seconds to wait at least for what should not happen, and how many times as long as it takes where it happens.
PAUSE_S, PATIENTLY = 0.05, 5


# --- tasks that wait for each other


def inner_is_done(size: int, seconds: float) -> bool:
    """Return whether a task of a pool of threads gets the result of another one that it has given to the pool."""
    with ThreadPoolExecutor(size) as pool:

        def wait_for_another() -> bool:
            other = pool.submit(pow, 5, 2)
            return not concurrent.futures.wait([other], seconds).not_done

        return pool.submit(wait_for_another).result()


@pytest.mark.claim(
    "A task that waits for another one of its pool of one thread waits for ever: there is no thread for it",
    source=THREADS,
)
def test_a_task_that_waits_for_its_own_pool_waits_for_ever(lab: Lab) -> None:
    begin = time.perf_counter()
    lab.require(inner_is_done(2, PATIENCE_S), "in a pool of two threads, it gets the result")
    seconds = max(PAUSE_S, PATIENTLY * (time.perf_counter() - begin))
    done = inner_is_done(1, seconds)
    lab.note(f"in a pool of two threads, it got the result; in one of one thread, it {'did' if done else 'did not'}")
    assert not done


def each_other_is_done(mutual: bool, seconds: float) -> bool:
    """Return whether two tasks get the result of another one: each that of the other, or of a third."""
    futures: list[Future[bool]] = []
    ready = threading.Event()

    def wait_for(number: int) -> bool:
        ready.wait(PATIENCE_S)
        return not concurrent.futures.wait([futures[number]], seconds).not_done

    with ThreadPoolExecutor(3) as pool:
        futures.append(pool.submit(wait_for, 1 if mutual else 2))
        futures.append(pool.submit(wait_for, 0 if mutual else 2))
        futures.append(pool.submit(lambda: True))
        ready.set()
        return all(future.result() for future in futures[:2])


@pytest.mark.claim("Two tasks that wait for each other's results wait for ever", source=THREADS)
def test_tasks_that_wait_for_each_other_wait_for_ever(lab: Lab) -> None:
    begin = time.perf_counter()
    lab.require(each_other_is_done(False, PATIENCE_S), "both get the result of a third one")
    seconds = max(PAUSE_S, PATIENTLY * (time.perf_counter() - begin))
    done = each_other_is_done(True, seconds)
    lab.note(f"both got the result of a third task; that of each other they {'got' if done else 'did not get'}")
    assert not done


# --- what breaks a pool


def fail() -> None:
    raise KeyError("of the initializer")


def outcome_of(call: Callable[[], Any]) -> str:
    """Return the name of the exception that a call raises."""
    try:
        call()
    except BrokenExecutor as error:
        return type(error).__name__
    return "none"


@pytest.mark.claim(
    "If an initializer raises, pending tasks and further submits of a ThreadPoolExecutor raise BrokenThreadPool",
    source=THREADS,
)
def test_an_initializer_that_raises_breaks_the_pool(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("concurrent.futures"), "disabled", True)  # it logs the exception
    with ThreadPoolExecutor(1, initializer=fail) as pool:
        seen = [outcome_of(lambda: pool.submit(pow, 5, 2).result()) for _ in range(2)]
        seen.append(outcome_of(lambda: pool.submit(pow, 5, 2)))
    lab.note(f"two tasks and a submit: {', '.join(seen)}")
    assert seen == ["BrokenThreadPool"] * 3


@pytest.mark.claim(
    "If a worker process ends abruptly, pending tasks and further submits raise BrokenProcessPool (since 3.3)",
    source=PROCESSES,
)
def test_the_death_of_a_worker_breaks_the_pool(lab: Lab) -> None:
    child = lab.child(pools.death_of_a_worker)
    lab.require(not child.timed_out, "the pool notices it")
    lab.note(f"the task that ended its process, one that waited, and a submit: {', '.join(child.value)}")
    assert child.value == ["BrokenProcessPool"] * 3


@pytest.mark.claim(
    "The threads of a ThreadPoolExecutor are joined at exit, before functions of atexit are called", source=THREADS
)
def test_threads_of_a_pool_are_joined_before_atexit(lab: Lab) -> None:
    child = lab.child(pools.SCRIPT)
    lab.require(not child.timed_out and child.exit_code == 0, "the program ends")
    order = child.stdout.split()
    lab.note(f"the program printed: {', '.join(order)}")
    assert order == ["main", "task", "atexit"]


# --- futures


def run(future: Any) -> bool:
    return bool(future.set_running_or_notify_cancel())


def cancel(future: Any) -> bool:
    return bool(future.cancel())


@pytest.mark.claim(
    "Of a thread that cancels a future and one that runs it, one succeeds", source=FUTURES, budget=LONG
)
def test_a_future_is_either_run_or_cancelled(lab: Lab) -> None:
    assert lab.race(Future, run, cancel).always((True, False), (False, True))


class Called:
    """A future, and how often its callback was called."""

    def __init__(self) -> None:
        self.future: Any = Future()
        self.count = 0

    def callback(self, _: object) -> None:
        self.count += 1


def set_result(called: Called) -> None:
    called.future.set_result(1)


def add_callback(called: Called) -> None:
    called.future.add_done_callback(called.callback)


@pytest.mark.claim(
    "A callback that is added while another thread sets the result is called once",
    source=f"{FUTURES}, add_done_callback",
    budget=LONG,
)
def test_a_callback_is_called_once(lab: Lab) -> None:
    assert lab.race(Called, set_result, add_callback, observe=lambda called: called.count).always(1)


@pytest.mark.claim(
    "An exception of a future's callback is logged and ignored: the next one is called",
    source=f"{FUTURES}, add_done_callback",
)
def test_an_exception_of_a_callback_is_ignored(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(
        logging.getLogger("concurrent.futures"), "exception", lambda *_, **__: logged.append("logged")
    )
    future: Future[int] = Future()
    called: list[str] = []
    future.add_done_callback(lambda _: [][0])
    future.add_done_callback(lambda _: called.append("the second"))
    future.set_result(1)
    lab.note(f"{len(logged)} exceptions were logged, and {len(called)} further callbacks called")
    assert (logged, called) == (["logged"], ["the second"])
