"""Documentation, page "threading"."""

from __future__ import annotations

import contextvars
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import FREE_THREADED_BUILD, Lab

from .objects import LONG, process, take_time
from .tables import Act
from .threads import PATIENCE_S, Threads, in_a_thread, refusable

SOURCE = "docs: threading"

# --- what is executed atomically, and what raises in the wrong order


def try_to_acquire(lock: Any) -> object:
    return lock.acquire(blocking=False)


def release(lock: Any) -> None:
    lock.release()


class Door:
    """A lock that is taken in two steps."""

    def __init__(self) -> None:
        self.is_free = True

    def acquire(self, *, blocking: bool) -> bool:
        if not self.is_free:
            return blocking
        take_time()  # other threads run here
        self.is_free = False
        return True


LOCKS = [
    pytest.param("Lock", lambda: threading.Lock(), id="lock"),
    pytest.param("RLock", lambda: threading.RLock(), id="rlock"),
    pytest.param("Condition", lambda: threading.Condition(), id="condition"),
    pytest.param("Semaphore", lambda: threading.Semaphore(1), id="semaphore"),
    pytest.param("BoundedSemaphore", lambda: threading.BoundedSemaphore(1), id="boundedsemaphore"),
]


@pytest.mark.parametrize(("text", "make"), LOCKS)
@pytest.mark.claim("{text}.acquire is executed atomically: of two threads, one gets in", source=SOURCE, budget=LONG)
def test_of_two_threads_one_acquires(lab: Lab, text: str, make: Callable[[], object]) -> None:
    control = lab.control(try_to_acquire, try_to_acquire, setup=Door)
    race = lab.race(make, try_to_acquire, try_to_acquire, control=control)
    assert race.always((True, False), (False, True))


def acquire(lock: Any) -> object:
    return lock.acquire()


def acquired(lock: Any) -> Any:
    lock.acquire()
    return lock


@pytest.mark.claim(
    "Lock.release is executed atomically: of two threads that release it, one gets RuntimeError",
    source=f"{SOURCE}, Lock objects",
)
def test_of_two_threads_one_releases(lab: Lab) -> None:
    release_once = refusable("release", release, RuntimeError)
    race = lab.race(lambda: acquired(threading.Lock()), release_once, release_once)
    assert race.always(("done", "refused"), ("refused", "done"))


@pytest.mark.claim("A Lock may be released by a thread that has not acquired it", source=f"{SOURCE}, Lock objects")
def test_any_thread_may_release_a_lock() -> None:
    lock = acquired(threading.Lock())
    release_it = refusable("release", release, RuntimeError)
    assert (in_a_thread(lambda: release_it(lock)), lock.locked()) == ("done", False)


@pytest.mark.claim(
    "An RLock may only be released by the thread that has acquired it: another one gets RuntimeError",
    source=f"{SOURCE}, RLock objects",
)
def test_only_its_owner_may_release_an_rlock() -> None:
    lock = acquired(threading.RLock())
    release_it = refusable("release", release, RuntimeError)
    assert in_a_thread(lambda: release_it(lock)) == "refused"


@pytest.mark.claim(
    "A BoundedSemaphore that is released more often than it was acquired raises ValueError",
    source=f"{SOURCE}, Semaphore objects",
)
def test_a_bounded_semaphore_is_bounded() -> None:
    semaphore = acquired(threading.BoundedSemaphore(1))
    release_it = refusable("release", release, ValueError)
    assert [release_it(semaphore), release_it(semaphore)] == ["done", "refused"]


# --- reentrant and not


def enter(lock: Any) -> None:
    with lock:
        process(lock)


@pytest.mark.claim(
    "A thread that has a Lock waits for ever when it acquires it again", source=f"{SOURCE}, Lock objects"
)
def test_a_lock_keeps_its_own_thread_out(lab: Lab) -> None:
    assert lab.interrupted(lambda: threading.Lock(), enter, enter).ever(lab.DEADLOCK)


@pytest.mark.claim(
    "A thread that has an RLock may acquire it again without waiting", source=f"{SOURCE}, RLock objects"
)
def test_an_rlock_lets_its_own_thread_in(lab: Lab) -> None:
    assert lab.interrupted(lambda: threading.RLock(), enter, enter).never(lab.DEADLOCK)


@pytest.mark.claim(
    "Only the last of several releases of an RLock lets another thread in", source=f"{SOURCE}, RLock objects"
)
def test_only_the_last_release_of_an_rlock_lets_others_in() -> None:
    lock = acquired(acquired(threading.RLock()))
    gets_in = []
    for _ in range(2):
        gets_in.append(in_a_thread(lambda: try_to_acquire(lock)))
        lock.release()
    gets_in.append(in_a_thread(lambda: try_to_acquire(lock)))
    assert gets_in == [False, False, True]


# --- semaphores


@pytest.mark.claim("release(2) of a Semaphore lets two waiting threads in", source=f"{SOURCE}, Semaphore objects")
def test_a_release_of_two_lets_two_threads_in() -> None:
    semaphore = threading.Semaphore(0)
    threads = Threads(semaphore.acquire, semaphore.acquire)
    threads.have_a_chance()
    semaphore.release(2)
    assert threads.returned() == [True, True]


# --- conditions


CALLS = [
    pytest.param("wait", "an RLock", threading.RLock, lambda condition: condition.wait(0.01), id="wait"),
    pytest.param("notify", "an RLock", threading.RLock, lambda condition: condition.notify(), id="notify"),
    pytest.param(
        "notify_all", "an RLock", threading.RLock, lambda condition: condition.notify_all(), id="notify_all"
    ),
    pytest.param(
        "notify",
        "a Lock",
        lambda: threading.Lock(),
        lambda condition: condition.notify(),
        id="notify-lock",
        marks=pytest.mark.refuted(
            True,
            reason="a Lock has no owner: a Condition takes one that any thread has as the caller's own (gh-69702)",
        ),
    ),
]


@pytest.mark.parametrize(("text", "kind", "make", "call"), CALLS)
@pytest.mark.claim(
    "Condition.{text} raises RuntimeError in a thread that has not acquired the condition's lock, which is {kind}",
    source=f"{SOURCE}, Condition objects",
)
def test_a_condition_needs_its_lock(text: str, kind: str, make: Callable[[], Any], call: Act) -> None:
    condition = threading.Condition(make())
    call_or_fail = refusable(text, call, RuntimeError)
    with condition:
        assert in_a_thread(lambda: call_or_fail(condition)) == "refused"


class Mailbox:
    """Something that a thread waits for, and a condition."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.full = False
        self.sent = False


def receive(mailbox: Mailbox) -> bool:
    with mailbox.condition:
        while not mailbox.full:
            mailbox.condition.wait()
        return mailbox.sent


def receive_too_late(mailbox: Mailbox) -> bool:
    if not mailbox.full:
        with mailbox.condition:
            mailbox.condition.wait()
    return mailbox.sent


def send(mailbox: Mailbox) -> None:
    with mailbox.condition:
        mailbox.full = True
        mailbox.sent = True
        mailbox.condition.notify()


def look(mailbox: Mailbox) -> tuple[bool, bool]:
    return mailbox.full, mailbox.sent


def send_in_steps(mailbox: Mailbox) -> None:
    mailbox.full = True
    take_time()  # other threads run here
    mailbox.sent = True


@pytest.mark.claim(
    "A thread that looks at the state without the lock, and waits then, can miss the notification",
    source=f"{SOURCE}, Condition objects, beyond",
)
def test_a_notification_can_be_missed_without_the_lock(lab: Lab) -> None:
    assert lab.race(Mailbox, receive_too_late, send).ever(lab.DEADLOCK)


@pytest.mark.claim(
    "A thread that looks at the state and waits under the lock misses no notification",
    source=f"{SOURCE}, Condition objects",
    budget=LONG,
)
def test_no_notification_is_missed_with_the_lock(lab: Lab) -> None:
    assert lab.race(Mailbox, receive, send, control=(look, send_in_steps)).atomic()


@pytest.mark.claim(
    "Condition.wait releases the lock, and notify_all wakes all threads that wait",
    source=f"{SOURCE}, Condition objects",
)
def test_notify_all_wakes_all() -> None:
    condition = threading.Condition()
    waiting: list[int] = []

    def wait_in_turn() -> bool:
        with condition:
            waiting.append(1)
            return condition.wait(PATIENCE_S)

    def all_wait() -> bool:
        if not condition.acquire(timeout=PATIENCE_S):
            return False
        try:
            if len(waiting) == 3:
                condition.notify_all()
            return len(waiting) == 3
        finally:
            condition.release()

    threads = Threads(wait_in_turn, wait_in_turn, wait_in_turn)
    threads.until(all_wait)
    assert threads.returned() == [True, True, True]


@pytest.mark.claim(
    "A notified thread returns from wait only when the thread that has notified it releases the lock",
    source=f"{SOURCE}, Condition objects",
)
def test_notify_does_not_release_the_lock() -> None:
    mailbox = Mailbox()
    threads = Threads(lambda: receive(mailbox))
    with mailbox.condition:
        mailbox.full = True
        mailbox.condition.notify()
        threads.have_a_chance()
        mailbox.sent = True
    assert threads.returned() == [True]


# --- events


def wait(primitive: Any) -> Any:
    return primitive.wait()


@pytest.mark.claim("Event.set wakes all threads that wait", source=f"{SOURCE}, Event objects")
def test_set_of_an_event_wakes_all() -> None:
    event = threading.Event()
    threads = Threads(event.wait, event.wait, event.wait)
    threads.have_a_chance()
    event.set()
    assert threads.returned() == [True, True, True]


def set_and_clear(event: threading.Event) -> None:
    event.set()
    event.clear()


@pytest.mark.claim(
    "A thread that waits for an Event after set and clear waits until the next set", source=f"{SOURCE}, Event objects"
)
def test_an_event_that_is_cleared_at_once_can_be_missed(lab: Lab) -> None:
    assert lab.race(lambda: threading.Event(), wait, set_and_clear).ever(lab.DEADLOCK)


# --- barriers


@pytest.mark.claim(
    "Barrier.wait returns another number from 0 to parties - 1 in each thread", source=f"{SOURCE}, Barrier objects"
)
def test_a_barrier_numbers_its_threads() -> None:
    barrier = threading.Barrier(3)
    assert sorted(Threads(barrier.wait, barrier.wait, barrier.wait).returned(), key=repr) == [0, 1, 2]


@pytest.mark.claim("No thread passes a Barrier before all have called wait", source=f"{SOURCE}, Barrier objects")
def test_no_thread_passes_a_barrier_alone() -> None:
    barrier = threading.Barrier(2)
    others: list[str] = []
    threads = Threads(lambda: (barrier.wait(), list(others))[1])
    threads.until(lambda: barrier.n_waiting == 1)
    others.append("comes later")
    barrier.wait(PATIENCE_S)
    assert threads.returned() == [["comes later"]]


BREAKS = [
    pytest.param("abort", lambda barrier: barrier.abort(), id="abort"),
    pytest.param("reset", lambda barrier: barrier.reset(), id="reset"),
]


@pytest.mark.parametrize(("text", "call"), BREAKS)
@pytest.mark.claim(
    "Barrier.{text} makes a thread that waits raise BrokenBarrierError", source=f"{SOURCE}, Barrier objects"
)
def test_a_waiting_thread_fails_with_its_barrier(text: str, call: Act) -> None:
    barrier = threading.Barrier(2)
    wait_or_fail = refusable("wait", wait, threading.BrokenBarrierError)
    threads = Threads(lambda: wait_or_fail(barrier))
    threads.until(lambda: barrier.n_waiting == 1)
    call(barrier)
    assert threads.returned() == ["refused"]


# --- threads


@pytest.mark.claim("A thread that joins itself gets RuntimeError", source=f"{SOURCE}, Thread.join")
def test_a_thread_cannot_join_itself() -> None:
    join_itself = refusable("join", lambda _: threading.current_thread().join(1), RuntimeError)
    assert in_a_thread(lambda: join_itself(None)) == "refused"


@pytest.mark.claim("Joining a thread before it is started raises RuntimeError", source=f"{SOURCE}, Thread.join")
def test_a_thread_that_is_not_started_cannot_be_joined() -> None:
    join = refusable("join", lambda thread: thread.join(1), RuntimeError)
    assert join(threading.Thread()) == "refused"


class Idle(threading.Thread):
    """A thread that does nothing."""

    def run(self) -> None:
        """Do nothing."""


def start(thread: threading.Thread) -> None:
    thread.start()


@pytest.mark.claim("Starting a thread a second time raises RuntimeError", source=f"{SOURCE}, Thread.start")
def test_a_thread_cannot_be_started_again() -> None:
    start_once = refusable("start", start, RuntimeError)
    thread = Idle()
    assert [start_once(thread), start_once(thread)] == ["done", "refused"]
    thread.join()


#: One thread is stopped before each line of ``Thread.start`` in turn, while another one starts the same thread.
TWO_STARTS = """
import os, sys, threading

def end(error):
    # the start waits for ever for a thread that has ended so
    print(f"the thread ended with {error.exc_type.__name__}", flush=True)
    os._exit(1)

sys.unraisablehook = end

class Idle(threading.Thread):
    def run(self):
        pass

def start(thread, results):
    try:
        thread.start()
    except Exception as error:
        results.append(type(error).__name__)
    else:
        results.append("started")

def stop_before(number, results):
    thread, reached, go_on, lines = Idle(), threading.Event(), threading.Event(), []

    def trace(frame, event, _):
        if frame.f_code is not threading.Thread.start.__code__:
            return None
        if event == "line":
            lines.append(frame.f_lineno)
            if len(lines) == number:
                reached.set()
                go_on.wait()
        return trace

    def start_and_stop():
        sys.settrace(trace)
        start(thread, results)
        reached.set()

    first = threading.Thread(target=start_and_stop)
    second = threading.Thread(target=lambda: (reached.wait(), start(thread, results), reached.clear()))
    for other in second, first:
        other.start()
    second.join(0.2)  # in vain, if the first one has a lock
    go_on.set()
    first.join()
    second.join()
    return len(lines) >= number

number, results = 1, []
while stop_before(number, results):
    print(", ".join(sorted(results)), flush=True)
    number, results = number + 1, []
"""


@pytest.mark.refuted(
    True,
    reason="start() looks whether the thread is started, and notes that it is later: until 3.12 and on PyPy both "
    "threads start it; it can end with KeyError, and since 3.13 the process can crash (bpo-27908)",
)
@pytest.mark.claim(
    "A thread is started at most once: of two threads that start it at the same time, one gets RuntimeError",
    source=f"{SOURCE}, Thread.start",
)
def test_a_thread_is_started_once(lab: Lab) -> None:
    child = lab.child(TWO_STARTS)
    lab.require(not child.timed_out, "both threads returned")
    assert (child.exit_code, set(child.stdout.splitlines())) == (0, {"RuntimeError, started"})


# --- excepthook

HOOK = """
import sys, threading
def hook(args):
    print("hook", args.exc_type.__name__, args.exc_value, args.thread is thread)
threading.excepthook = hook
thread = threading.Thread(target=lambda: [][0])
thread.start()
thread.join()
print("alive", thread.is_alive())
"""


@pytest.mark.claim(
    "threading.excepthook handles an exception that a thread does not catch, with its type and its thread",
    source=f"{SOURCE}, excepthook",
)
def test_the_hook_handles_an_uncaught_exception(lab: Lab) -> None:
    child = lab.child(HOOK)
    lab.require(child.exit_code == 0, "the child ended as it should")
    assert child.stdout.splitlines() == ["hook IndexError list index out of range True", "alive False"]


EXIT = """
import sys, threading
thread = threading.Thread(target=sys.exit, args=(3,))
thread.start()
thread.join()
print("lives on")
"""


@pytest.mark.claim(
    "SystemExit in a thread ends the thread silently, and nothing else", source=f"{SOURCE}, excepthook"
)
def test_sys_exit_in_a_thread_ends_the_thread_only(lab: Lab) -> None:
    child = lab.child(EXIT)
    lab.require(not child.timed_out, "the child ended by itself")
    assert (child.stdout.split(), child.stderr, child.exit_code) == (["lives", "on"], "", 0)


BROKEN_HOOK = """
import sys, threading
def broken(args):
    raise KeyError("hook")
def hook(kind, value, traceback):
    print(kind.__name__)
threading.excepthook, sys.excepthook = broken, hook
thread = threading.Thread(target=lambda: [][0])
thread.start()
thread.join()
"""


@pytest.mark.claim(
    "If threading.excepthook raises, sys.excepthook handles that exception", source=f"{SOURCE}, excepthook"
)
def test_sys_excepthook_handles_what_the_hook_raises(lab: Lab) -> None:
    child = lab.child(BROKEN_HOOK)
    lab.require(child.exit_code == 0, "the child ended as it should")
    assert child.stdout.split() == ["KeyError"]


# --- what belongs to a thread


class Counting(threading.local):
    """Data of a thread, and in how many threads it was initialized."""

    threads: list[int]

    def __init__(self, threads: list[int]) -> None:
        self.number = 0
        threads.append(1)


@pytest.mark.claim(
    "__init__ of a subclass of local is called once in each thread that uses it",
    source=f"{SOURCE}, Thread-local data",
)
def test_a_local_is_initialized_in_each_thread() -> None:
    calls: list[int] = []
    local = Counting(calls)
    local.number = 1
    assert in_a_thread(lambda: (local.number, local.number)) == (0, 0)
    assert (local.number, len(calls)) == (1, 2)


class Slotted(threading.local):
    """Data of which one part has a slot."""

    __slots__ = ("shared",)

    shared: str


def set_both(local: Any) -> None:
    local.shared = local.own = "changed"


@pytest.mark.claim(
    "Slots of a subclass of local are shared by all threads; its other attributes are not",
    source=f"{SOURCE}, Thread-local data",
)
def test_slots_of_a_local_are_shared() -> None:
    local: Any = Slotted()
    local.shared = local.own = "first"
    in_a_thread(lambda: set_both(local))
    assert (local.shared, local.own) == ("changed", "first")


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def in_a_context(start: Callable[[], object]) -> Any:
    """Return what a function returns in a context in which the variable is set."""

    def call() -> object:
        VARIABLE.set("set")
        return start()

    return contextvars.copy_context().run(call)


@pytest.mark.refuted(
    FREE_THREADED_BUILD and sys.version_info < (3, 14),
    reason="threads inherit the context since 3.14, which has brought the flag thread_inherit_context",
)
@pytest.mark.claim(
    "A thread starts with an empty context on a build with a GIL, and on a free-threaded one with a copy of its "
    "starter's",
    source=f"{SOURCE}, Thread",
)
def test_a_thread_inherits_the_context_on_a_free_threaded_build() -> None:
    assert in_a_context(lambda: in_a_thread(VARIABLE.get)) == ("set" if FREE_THREADED_BUILD else "unset")


# --- iterators

since_3_15 = pytest.mark.skipif(sys.version_info < (3, 15), reason="threading has it since Python 3.15")

#: What the library has since 3.15, also for the type checker.
library: Any = threading


def numbers() -> Iterator[int]:
    for number in range(4):
        process(number)
        yield number


def take_two(iterator: Iterator[int]) -> tuple[int, int]:
    return next(iterator), next(iterator)


def gives_each_once(values: Any) -> bool:
    return isinstance(values, tuple) and sorted(values[0] + values[1]) == [0, 1, 2, 3]


SERIALIZED = [
    pytest.param("serialize_iterator(a generator)", lambda: library.serialize_iterator(numbers()), id="serialize"),
    pytest.param(
        "the generator of a synchronized_iterator",
        lambda: library.synchronized_iterator(numbers)(),
        id="synchronized",
    ),
]


@since_3_15
@pytest.mark.parametrize(("text", "make"), SERIALIZED)
@pytest.mark.claim("Threads that share {text} get each item once", source=f"{SOURCE}, Iterator synchronization")
def test_a_serialized_iterator_gives_each_item_once(lab: Lab, text: str, make: Callable[[], Any]) -> None:
    race = lab.race(make, take_two, take_two, exceptions=ValueError)
    assert race.always(gives_each_once)


@since_3_15
@pytest.mark.claim(
    "Each thread gets all items from its iterator of concurrent_tee", source=f"{SOURCE}, Iterator synchronization"
)
def test_each_iterator_of_a_concurrent_tee_gives_all(lab: Lab) -> None:
    def teed(tee: Callable[..., Any]) -> SimpleNamespace:
        left, right = tee(process(number) for number in range(2))
        return SimpleNamespace(left=left, right=right)

    def left(state: SimpleNamespace) -> tuple[int, ...]:
        return tuple(state.left)

    def right(state: SimpleNamespace) -> tuple[int, ...]:
        return tuple(state.right)

    control = lab.control(left, right, setup=lambda: teed(itertools.tee))
    race = lab.race(lambda: teed(library.concurrent_tee), left, right, control=control, exceptions=RuntimeError)
    assert race.always(((0, 1), (0, 1)))
