"""Documentation, the pages of "asyncio"."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import queue
import selectors
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_concclaims import CPYTHON, Lab, gil_enabled

from .objects import LONG

CONCURRENCY = "docs: asyncio, developing with asyncio, concurrency and multithreading"

#: Seconds to wait for what should happen at once; a machine may be very busy.
PATIENCE_S = 60.0
#: Seconds to wait at least for what should not happen, and how many times as long as it takes where it happens.
PAUSE_S, PATIENTLY = 0.05, 5


class Selector(selectors.DefaultSelector):
    """A selector that says when its loop waits, and has nothing to do."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = threading.Event()

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout > 0:
            self.idle.set()
        ready = super().select(timeout)
        self.idle.clear()
        return ready


class Loop:
    """An event loop that runs in a thread."""

    def __init__(self, *, debug: bool) -> None:
        self.selector = Selector()
        self.loop = asyncio.SelectorEventLoop(self.selector)
        self.loop.set_debug(debug)
        self.thread = threading.Thread(target=self.loop.run_forever)

    def wait_until_idle(self, lab: Lab) -> None:
        """Wait until the loop waits for something to do."""
        lab.require(self.selector.idle.wait(PATIENCE_S), "the loop has nothing left to do")

    def run(self, function: Callable[[], Any]) -> Any:
        """Return what a function returns that the loop calls."""

        async def call() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(PATIENCE_S)


@contextmanager
def running_loop(lab: Lab, *, debug: bool = False) -> Iterator[Loop]:
    """Yield a loop that runs in another thread, and has nothing to do; it ends with the block."""
    running = Loop(debug=debug)
    running.thread.start()
    try:
        running.wait_until_idle(lab)
        yield running
    finally:
        running.loop.call_soon_threadsafe(running.loop.stop)
        running.thread.join()
        running.loop.close()


# --- from another thread


@pytest.mark.claim(
    "call_soon_threadsafe() from another thread runs the callback in the loop's thread", source=CONCURRENCY
)
def test_call_soon_threadsafe_runs_in_the_loops_thread(lab: Lab) -> None:
    ran_in: queue.SimpleQueue[int] = queue.SimpleQueue()
    with running_loop(lab) as running:
        running.loop.call_soon_threadsafe(lambda: ran_in.put(threading.get_ident()))
        try:
            thread = ran_in.get(timeout=PATIENCE_S)
        except queue.Empty:
            thread = None
        expected = running.thread.ident
    which = "the loop's thread" if thread == expected else "no thread" if thread is None else "another thread"
    lab.note(f"a loop that waited ran the callback in {which}")
    assert thread == expected


WAKERS = [
    pytest.param("loop.call_soon(callback)", lambda loop, done, event: loop.call_soon(done), id="call-soon"),
    pytest.param("asyncio.Event.set()", lambda loop, done, event: event.set(), id="event"),
]


@pytest.mark.parametrize(("text", "act"), WAKERS)
@pytest.mark.claim(
    "{text} is not thread-safe: called from another thread, it may have no effect while the loop waits",
    source="docs: asyncio, event loop; synchronization primitives",
)
def test_a_waiting_loop_does_not_notice(lab: Lab, text: str, act: Callable[..., object]) -> None:
    with running_loop(lab) as running:
        done, effect = threading.Event(), threading.Event()
        event = running.run(asyncio.Event)

        async def wait() -> None:
            await event.wait()
            effect.set()

        waiting = asyncio.run_coroutine_threadsafe(wait(), running.loop)
        begin = time.perf_counter()
        running.loop.call_soon_threadsafe(done.set)
        lab.require(done.wait(PATIENCE_S), "a loop that waits notices call_soon_threadsafe()")
        seconds = time.perf_counter() - begin
        running.wait_until_idle(lab)
        act(running.loop, effect.set, event)
        noticed = effect.wait(max(PAUSE_S, PATIENTLY * seconds))
        running.loop.call_soon_threadsafe(event.set)
        lab.require(effect.wait(PATIENCE_S), "when something else has woken the loop up, it takes effect")
        waiting.result(PATIENCE_S)
    lab.note(f"a loop that waited {'noticed it at once' if noticed else 'noticed it when something else woke it up'}")
    assert not noticed


CALLS = [
    pytest.param("call_soon()", lambda loop: loop.call_soon(print), id="soon"),
    pytest.param("call_later()", lambda loop: loop.call_later(PATIENCE_S, print), id="later"),
    pytest.param("call_at()", lambda loop: loop.call_at(loop.time() + PATIENCE_S, print), id="at"),
]


@pytest.mark.parametrize(("text", "call"), CALLS)
@pytest.mark.claim(
    "In debug mode, {text} from another thread raises RuntimeError",
    source="docs: asyncio, developing with asyncio, debug mode",
)
def test_debug_mode_notices_another_thread(lab: Lab, text: str, call: Callable[[Any], Any]) -> None:
    with running_loop(lab, debug=True) as running:
        running.run(lambda: call(running.loop).cancel())  # in the loop's own thread, it may
        with pytest.raises(RuntimeError) as raised:
            call(running.loop)
    lab.note(f"it raised {raised.value!r}")


@pytest.mark.claim(
    "run_coroutine_threadsafe() returns a concurrent.futures.Future, whose result another thread can wait for",
    source=CONCURRENCY,
)
def test_run_coroutine_threadsafe_returns_a_future(lab: Lab) -> None:
    async def where() -> int:
        await asyncio.sleep(0)
        return threading.get_ident()

    with running_loop(lab) as running:
        future = asyncio.run_coroutine_threadsafe(where(), running.loop)
        thread = future.result(PATIENCE_S)
    lab.note(f"{type(future).__module__}.{type(future).__name__}")
    assert isinstance(future, concurrent.futures.Future)
    assert thread == running.thread.ident


@pytest.mark.claim(
    "An exception of the coroutine is raised by the Future of run_coroutine_threadsafe()",
    source="docs: asyncio, coroutines and tasks, scheduling from other threads",
)
def test_a_coroutines_exception_is_raised_by_the_future(lab: Lab) -> None:
    async def fail() -> None:
        raise KeyError("of the coroutine")

    with running_loop(lab) as running:
        future = asyncio.run_coroutine_threadsafe(fail(), running.loop)
        with pytest.raises(KeyError) as raised:
            future.result(PATIENCE_S)
    lab.note(f"result() raised {raised.value!r}")


@pytest.mark.claim(
    "To cancel the Future of run_coroutine_threadsafe() cancels the task in the loop",
    source="docs: asyncio, coroutines and tasks, scheduling from other threads",
)
def test_to_cancel_the_future_cancels_the_task(lab: Lab) -> None:
    began, ended = threading.Event(), threading.Event()
    cancelled = []

    async def wait() -> None:
        began.set()
        try:
            await asyncio.sleep(PATIENCE_S)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        finally:
            ended.set()

    with running_loop(lab) as running:
        future = asyncio.run_coroutine_threadsafe(wait(), running.loop)
        lab.require(began.wait(PATIENCE_S), "the task begins")
        future.cancel()
        lab.require(ended.wait(2 * PATIENCE_S), "the task ends")
    lab.note(f"the task was {'cancelled' if cancelled else 'not cancelled'}")
    assert cancelled == [True]


class Calls:
    """A loop that does not run yet, and what it calls."""

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.made: list[int] = []
        self.context = contextvars.copy_context()

    def run(self) -> tuple[int, ...]:
        """Let the loop run, and end; return what it has called."""
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()
        self.loop.close()
        return tuple(self.made)


def call_1(calls: Calls) -> None:
    calls.loop.call_soon_threadsafe(calls.made.append, 1, context=calls.context)


def call_2(calls: Calls) -> None:
    calls.loop.call_soon_threadsafe(calls.made.append, 2, context=calls.context)


@pytest.mark.claim(
    "call_soon_threadsafe() may be called in a signal handler: each callback is called once",
    source="docs: asyncio, event loop, call_soon_threadsafe",
)
def test_call_soon_threadsafe_is_reentrant(lab: Lab) -> None:
    interrupted = lab.interrupted(Calls, call_1, call_2, observe=lambda calls: calls.run(), budget=LONG)
    assert interrupted.always((1, 2), (2, 1))


@pytest.mark.claim(
    "asyncio handles signals in the main thread only: elsewhere, add_signal_handler() raises an exception",
    source=CONCURRENCY,
)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no add_signal_handler() on Windows")
def test_signals_are_handled_in_the_main_thread(lab: Lab) -> None:
    with running_loop(lab) as running, pytest.raises((RuntimeError, ValueError)) as raised:
        running.run(lambda: running.loop.add_signal_handler(signal.SIGUSR1, print))
    lab.note(f"it raised {raised.value!r}")


# --- in one thread


async def count(steps: int, between: Callable[[], Coroutine[Any, Any, None]] | None) -> int:
    """Return what this number of tasks has counted, each of which adds one."""
    value = 0

    async def add_one() -> None:
        nonlocal value
        seen = value
        if between is not None:
            await between()
        value = seen + 1

    await asyncio.gather(*[add_one() for _ in range(steps)])
    return value


async def no_suspension() -> None:
    """Return at once: to await this suspends nothing."""


@pytest.mark.claim(
    "While a task runs, no other task of its thread does: without an await, no update is lost", source=CONCURRENCY
)
def test_no_update_is_lost_without_an_await(lab: Lab) -> None:
    counted = asyncio.run(count(100, None))
    lab.note(f"100 tasks have counted to {counted}")
    assert counted == 100


@pytest.mark.claim("At an await, another task can run: an update can be lost", source=CONCURRENCY)
def test_an_update_can_be_lost_at_an_await(lab: Lab) -> None:
    counted = asyncio.run(count(100, lambda: asyncio.sleep(0)))
    lab.note(f"100 tasks have counted to {counted}")
    assert counted < 100


@pytest.mark.claim("Each await suspends the task, and lets another one run", source=f"{CONCURRENCY}, literally")
@pytest.mark.refuted(
    True,
    reason="a coroutine that is awaited runs in the same task, at once; other tasks run where it waits for something "
    "(docs: asyncio.sleep, 0 as an optimized path for that)",
)
def test_each_await_suspends_the_task(lab: Lab) -> None:
    counted = asyncio.run(count(100, no_suspension))
    lab.note(f"100 tasks that awaited a coroutine between their read and their write have counted to {counted}")
    assert counted < 100


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.mark.claim(
    "to_thread() hands the context to its thread: context variables have the task's values there",
    source="docs: asyncio, coroutines and tasks, running in threads",
)
def test_to_thread_hands_over_the_context(lab: Lab) -> None:
    async def ask() -> tuple[str, int]:
        variable.set("of the task")
        return await asyncio.to_thread(lambda: (variable.get(), threading.get_ident()))

    seen, thread = asyncio.run(ask())
    lab.require(thread != threading.get_ident(), "it runs in another thread")
    lab.note(f"in the thread, it is {seen!r}")
    assert seen == "of the task"


# --- what is not thread-safe


@pytest.fixture
def loop_of_the_thread() -> Iterator[None]:
    """Set an event loop, which primitives ask for when they are made, before 3.10."""
    if sys.version_info >= (3, 10):
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def put(items: asyncio.Queue[int]) -> str:
    try:
        items.put_nowait(1)
    except asyncio.QueueFull:
        return "full"
    return "put"


@pytest.mark.usefixtures("loop_of_the_thread")
@pytest.mark.claim(
    "asyncio.Queue is not thread-safe: threads can put more than its maxsize", source="docs: asyncio, queues"
)
def test_an_asyncio_queue_is_not_thread_safe(lab: Lab) -> None:
    race = lab.race(lambda: asyncio.Queue(maxsize=1), put, put, observe=lambda items: items.qsize())
    assert race.ever(2)


def enter(lock: asyncio.Lock) -> bool:
    """Take a lock, as a task does; return whether it was to be had at once."""
    try:
        lock.acquire().send(None)
    except StopIteration:
        return True
    except AttributeError:  # it has to wait, and there is no loop to wait in
        pass
    return False


@pytest.mark.usefixtures("loop_of_the_thread")
@pytest.mark.refuted(
    CPYTHON and gil_enabled() and sys.version_info >= (3, 11),
    reason="since 3.11 CPython with a GIL switches threads only at calls and at the ends of loops, and there is "
    "neither between the two steps; 3.10 also switches where a condition jumps (Python/ceval.c, "
    "CHECK_EVAL_BREAKER)",
)
@pytest.mark.claim(
    "asyncio.Lock is not thread-safe: two threads can take it at once",
    source="docs: asyncio, synchronization primitives",
)
def test_an_asyncio_lock_is_not_thread_safe(lab: Lab) -> None:
    assert lab.race(asyncio.Lock, enter, enter).ever((True, True))
