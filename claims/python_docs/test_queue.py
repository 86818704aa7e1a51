"""Documentation, page "queue"."""

from __future__ import annotations

import queue
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import PYPY, Lab

from .tables import Act
from .threads import Threads, refusable

SOURCE = "docs: queue"

# --- what several threads put and get


def drained(items: Any) -> tuple[int, ...]:
    """Return what is in a queue, in the order in which it is retrieved."""
    return tuple([items.get_nowait() for _ in range(items.qsize())])


def holding(kind: Any, *numbers: int) -> Any:
    items = kind()
    for number in numbers:
        items.put(number)
    return items


def put(items: Any) -> None:
    items.put(2)


def get(items: Any) -> object:
    return items.get_nowait()


KINDS = [
    pytest.param("Queue", queue.Queue, id="queue"),
    pytest.param("LifoQueue", queue.LifoQueue, id="lifoqueue"),
    pytest.param("PriorityQueue", queue.PriorityQueue, id="priorityqueue"),
    pytest.param("SimpleQueue", queue.SimpleQueue, id="simplequeue"),
]


@pytest.mark.parametrize(("text", "kind"), KINDS)
@pytest.mark.claim("A {text} exchanges items safely between threads: what put and get do is atomic", source=SOURCE)
def test_put_and_get_are_atomic(lab: Lab, text: str, kind: Callable[[], Any]) -> None:
    assert lab.race(lambda: holding(kind, 1, 3), put, get, observe=drained).atomic()


#: What a queue gives that holds 1, when threads have put 0 and 2.
ORDERS = [
    pytest.param("Queue: the first item put is the first one retrieved", queue.Queue, {0: 1}, id="queue"),
    pytest.param("LifoQueue: the first item put is the last one retrieved", queue.LifoQueue, {2: 1}, id="lifoqueue"),
    pytest.param(
        "PriorityQueue: the lowest item is retrieved first",
        queue.PriorityQueue,
        {0: 0, 1: 1, 2: 2},
        id="priorityqueue",
    ),
    pytest.param(
        "SimpleQueue: the first item put is the first one retrieved", queue.SimpleQueue, {0: 1}, id="simplequeue"
    ),
]


@pytest.mark.parametrize(("text", "kind", "places"), ORDERS)
@pytest.mark.claim("{text}, whatever other threads put", source=SOURCE)
def test_a_queue_keeps_its_order(lab: Lab, text: str, kind: Callable[[], Any], places: dict[int, int]) -> None:
    def is_in_order(items: tuple[int, ...]) -> bool:
        return sorted(items) == [0, 1, 2] and all(items[place] == item for place, item in places.items())

    def put_zero(items: Any) -> None:
        items.put(0)

    assert lab.race(lambda: holding(kind, 1), put, put_zero, observe=drained).always(is_in_order)


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


@pytest.mark.claim("put blocks while the queue has maxsize items: it never has more", source=SOURCE)
def test_a_queue_never_exceeds_its_size(lab: Lab) -> None:
    put_now = refusable("put_nowait", lambda items: items.put_nowait(2), queue.Full)
    race = lab.race(lambda: queue.Queue(maxsize=1), put_now, put_now)
    assert race.always(("done", "refused"), ("refused", "done"))


@pytest.mark.claim("Of two threads, one gets the last item, and the other one waits or gets Empty", source=SOURCE)
def test_one_thread_gets_the_last_item(lab: Lab) -> None:
    get_now = refusable("get_nowait", get, queue.Empty)
    race = lab.race(lambda: holding(queue.Queue, 1), get_now, get_now)
    assert race.always(("done", "refused"), ("refused", "done"))


# --- tasks


def with_tasks(count: int, *, done: int = 0) -> Any:
    """Return a queue of which a number of items were retrieved, and how many of these are done."""
    tasks = SimpleNamespace(queue=holding(queue.Queue, *range(count)), done=0)
    drained(tasks.queue)
    for _ in range(done):
        work(tasks)
    return tasks


def work(tasks: SimpleNamespace) -> None:
    tasks.done += 1
    tasks.queue.task_done()


def join(tasks: SimpleNamespace) -> int:
    tasks.queue.join()
    return int(tasks.done)


@pytest.mark.claim("join blocks until task_done has been called for each item", source=SOURCE)
def test_join_waits_for_all_tasks(lab: Lab) -> None:
    assert lab.race(lambda: with_tasks(2, done=1), join, work, observe=lambda _, values: values[0]).always(2)


@pytest.mark.claim(
    "task_done raises ValueError if it is called more often than there were items: of two threads, one gets it",
    source=SOURCE,
)
def test_task_done_is_counted(lab: Lab) -> None:
    task_done = refusable("task_done", lambda tasks: tasks.queue.task_done(), ValueError)
    race = lab.race(lambda: with_tasks(1), task_done, task_done)
    assert race.always(("done", "refused"), ("refused", "done"))


# --- shutdown


def full_queue() -> Any:
    items: Any = queue.Queue(maxsize=1)
    items.put(1)
    return items


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
    items.shutdown()
    assert threads.returned() == ["refused", "refused"]


# --- within one thread


@pytest.mark.parametrize(("text", "kind"), KINDS[:3])
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
