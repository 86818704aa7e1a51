"""Documentation, page "queue"."""

from __future__ import annotations

import queue
import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest

from pytest_concclaims import PYPY, Lab

from .objects import LONG
from .tables import Act
from .threads import PATIENCE_S, Threads, refusable
from .unlocked import UNLOCKED

SOURCE = "docs: queue"

# --- what several threads put and get


def drained(items: Any) -> tuple[int, ...]:
    """Return what is in a queue, in the order in which it is retrieved."""
    return tuple([items.get_nowait() for _ in range(items.qsize())])


def put_all(items: Any, numbers: Iterable[int]) -> None:
    for number in numbers:
        items.put(number)


def holding(kind: Any, *numbers: int) -> Any:
    items = kind()
    put_all(items, numbers)
    return items


def put(items: Any) -> None:
    items.put(2)


def get(items: Any) -> object:
    return items.get_nowait()


def append_2(items: Any) -> None:
    items.append(2)


def pop_first(items: Any) -> object:
    return items.pop(0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("Queue", queue.Queue, id="queue"),
        pytest.param("SimpleQueue", lambda: queue.SimpleQueue(), id="simplequeue"),
    ],
)
@pytest.mark.claim(
    "A {text} exchanges items safely between threads: what put and get do is atomic", source=SOURCE, budget=LONG
)
def test_put_and_get_are_atomic(lab: Lab, text: str, kind: Callable[[], Any]) -> None:
    control = lab.control(append_2, pop_first, setup=lambda: UNLOCKED.list([1, 3]), observe=tuple)
    assert lab.race(lambda: holding(kind, 1, 3), put, get, observe=drained, control=control).atomic()


def in_turn(*numbers: int) -> Callable[[list[int]], bool]:
    """Return whether items are retrieved in an order of their numbers, whatever comes in between."""
    return lambda items: [item for item in items if item in numbers] == list(numbers)


#: Two threads put 10, 11, 12 and 20, 21, 22.
ORDERS = [
    pytest.param("Queue", "first", queue.Queue, (in_turn(10, 11, 12), in_turn(20, 21, 22)), id="queue"),
    pytest.param("LifoQueue", "last", queue.LifoQueue, (in_turn(12, 11, 10), in_turn(22, 21, 20)), id="lifoqueue"),
    pytest.param(
        "PriorityQueue", "lowest", queue.PriorityQueue, (in_turn(10, 11, 12, 20, 21, 22),), id="priorityqueue"
    ),
    pytest.param(
        "SimpleQueue",
        "first",
        lambda: queue.SimpleQueue(),
        (in_turn(10, 11, 12), in_turn(20, 21, 22)),
        id="simplequeue",
    ),
]


@pytest.mark.parametrize(("text", "which", "kind", "are_in_order"), ORDERS)
@pytest.mark.claim(
    "{text}: of what several threads put, each thread's {which} entry is the first one retrieved; none is lost",
    source=SOURCE,
)
def test_a_queue_keeps_its_order(
    text: str, which: str, kind: Callable[[], Any], are_in_order: tuple[Callable[[list[int]], bool], ...]
) -> None:
    for _ in range(20):
        items = kind()
        threads = Threads(*[partial(put_all, items, range(first, first + 3)) for first in (10, 20)])
        assert threads.returned() == [None, None]
        retrieved = list(drained(items))
        assert sorted(retrieved) == [10, 11, 12, 20, 21, 22]
        assert all(is_in_order(retrieved) for is_in_order in are_in_order)


# --- what a look at a queue does not promise


def get_if_any(items: Any) -> object:
    return items.get_nowait() if items.qsize() > 0 else None


def get_unless_empty(items: Any) -> object:
    return None if items.empty() else items.get_nowait()


def put_unless_full(items: Any) -> None:
    if not items.full():
        items.put_nowait(2)


LOOKS = [
    pytest.param("qsize() > 0", "get", queue.Empty, partial(holding, queue.Queue, 1), get_if_any, id="qsize"),
    pytest.param("empty()", "get", queue.Empty, partial(holding, queue.Queue, 1), get_unless_empty, id="empty"),
    pytest.param("full()", "put", queue.Full, lambda: queue.Queue(maxsize=1), put_unless_full, id="full"),
    pytest.param(
        "qsize() > 0", "get", queue.Empty, partial(holding, queue.SimpleQueue, 1), get_if_any, id="simplequeue"
    ),
]


@pytest.mark.parametrize(("text", "call", "error", "make", "look_and_act"), LOOKS)
@pytest.mark.claim("{text} does not guarantee that a subsequent {call} does not block", source=SOURCE)
def test_a_look_at_a_queue_guarantees_nothing(
    lab: Lab, text: str, call: str, error: type[Exception], make: Callable[[], object], look_and_act: Act
) -> None:
    assert lab.race(make, look_and_act, look_and_act, exceptions=error).ever(error)


# --- limits


def full_queue() -> Any:
    items: Any = queue.Queue(maxsize=1)
    items.put(1)
    return items


@pytest.mark.claim("put blocks while the queue has maxsize items, until there is a free slot", source=SOURCE)
def test_put_waits_for_a_free_slot() -> None:
    items = full_queue()
    threads = Threads(lambda: put(items))
    threads.have_a_chance()
    assert (items.qsize(), items.get(timeout=PATIENCE_S)) == (1, 1)
    assert threads.returned() == [None]
    assert items.get(timeout=PATIENCE_S) == 2


@pytest.mark.claim("get blocks until there is an item", source=SOURCE)
def test_get_waits_for_an_item() -> None:
    items: Any = queue.Queue()
    threads = Threads(items.get)
    threads.have_a_chance()
    items.put(2)
    assert threads.returned() == [2]


# --- tasks


@pytest.mark.claim("join blocks until task_done has been called for each item", source=SOURCE)
def test_join_waits_for_all_tasks() -> None:
    tasks = holding(queue.Queue, 1, 2)
    done: list[object] = []
    threads = Threads(lambda: (tasks.join(), len(done))[1])
    for _ in range(2):
        threads.have_a_chance()
        done.append(tasks.get())
        tasks.task_done()
    assert threads.returned() == [2]


@pytest.mark.claim("task_done raises ValueError if it is called more often than there were items", source=SOURCE)
def test_task_done_is_counted() -> None:
    tasks = holding(queue.Queue, 1)
    tasks.get()
    task_done = refusable("task_done", lambda tasks: tasks.task_done(), ValueError)
    assert [task_done(tasks), task_done(tasks)] == ["done", "refused"]


# --- shutdown


SHUT_DOWN: Any = getattr(queue, "ShutDown", RuntimeError)

BLOCKED = [
    pytest.param("put", full_queue, lambda items: items.put(2), id="put"),
    pytest.param("get", lambda: queue.Queue(), lambda items: items.get(), id="get"),
]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="queues can be shut down since Python 3.13")
@pytest.mark.parametrize(("text", "make", "call"), BLOCKED)
@pytest.mark.claim("shutdown unblocks a thread that is blocked in {text}, and raises ShutDown there", source=SOURCE)
def test_shutdown_unblocks(text: str, make: Callable[[], Any], call: Act) -> None:
    items = make()
    call_or_fail = refusable(text, call, SHUT_DOWN)
    threads = Threads(*[lambda: call_or_fail(items)] * 2)
    threads.have_a_chance()
    items.shutdown()
    assert threads.returned() == ["refused", "refused"]


# --- within one thread


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("Queue", queue.Queue, id="queue"),
        pytest.param("LifoQueue", queue.LifoQueue, id="lifoqueue"),
        pytest.param("PriorityQueue", queue.PriorityQueue, id="priorityqueue"),
    ],
)
@pytest.mark.claim(
    "{text} is not designed for reentrancy: a put within a put of the same thread can wait for ever", source=SOURCE
)
def test_put_of_a_queue_is_not_reentrant(lab: Lab, text: str, kind: Callable[[], Any]) -> None:
    assert lab.interrupted(kind, put, put).ever(lab.DEADLOCK)


REENTRANT = [pytest.param("put", put, id="put"), pytest.param("get", get, id="get")]


@pytest.mark.refuted(
    PYPY, reason="the page says so of CPython's implementation in C; PyPy's SimpleQueue is in Python, and has a lock"
)
@pytest.mark.parametrize(("text", "interrupted"), REENTRANT)
@pytest.mark.claim(
    "SimpleQueue.{text} can be interrupted by a put of the same thread, without a deadlock and without damage",
    source=f"{SOURCE}, SimpleQueue.put",
)
def test_put_of_a_simple_queue_is_reentrant(lab: Lab, text: str, interrupted: Act) -> None:
    handled = lab.interrupted(lambda: holding(queue.SimpleQueue, 1), interrupted, put, observe=drained)
    assert handled.atomic()


# --- what the page calls an alternative


def append(items: Any) -> None:
    items.append(2)


def pop_left(items: Any) -> object:
    return items.popleft()


@pytest.mark.claim(
    "append and popleft of a collections.deque are atomic, and need no lock", source=f"{SOURCE}, See also"
)
def test_a_deque_is_a_queue(lab: Lab) -> None:
    assert lab.race(lambda: deque([1]), append, pop_left, observe=tuple).atomic()
