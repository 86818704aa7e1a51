"""``lab.interrupted``: a handler that runs in the actor's thread, at each of the actor's switch points."""

from __future__ import annotations

import gc
import itertools
import queue
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from helpers.race_questions import last
from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.interpreter import CPYTHON
from pytest_concclaims.lab.race.experiment import RaceError
from pytest_concclaims.lab.race.schedules.replay import Token

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]


def away() -> None:
    """Do nothing: each interpreter has a switch point at the start of a function."""


class Counter:
    """Counts under a lock."""

    def __init__(self, lock: Any = None) -> None:
        self.lock = threading.RLock() if lock is None else lock
        self.value = 0


def count(counter: Counter) -> int:
    """Add one, with a switch point between reading and writing."""
    with counter.lock:
        value = counter.value
        away()
        counter.value = value + 1
    return value


def value_of(counter: Counter) -> int:
    """Return the number."""
    return counter.value


def put(items: Any) -> None:
    """Put an item into a queue."""
    items.put(1)


def size_of(items: Any) -> int:
    """Return the number of items in a queue."""
    return int(items.qsize())


def counting(lock: Callable[[], Any]) -> Callable[[], Counter]:
    """Return a function that makes a counter with a lock of this kind."""
    return lambda: Counter(lock())


# --- locks, queues and generators


def test_lock_keeps_its_own_thread_out(forking: Lab) -> None:
    """A handler that acquires the lock waits for the actor that it interrupts; the story shows where."""
    assert forking.interrupted(counting(threading.Lock), count, count).ever(forking.DEADLOCK)
    witness = last(forking).witness
    assert witness is not None
    waits = witness["steps"][-1]
    assert (waits["actor"], waits["text"], waits["event"]) == (1, "with counter.lock:", "blocked")
    assert [step["event"] for step in witness["steps"] if step["actor"] == 0][-1] == "preempted"


def test_rlock_lets_its_own_thread_in(lab: Lab) -> None:
    """The handler runs in the middle of an update, and one update is lost."""
    interrupted = lab.interrupted(counting(threading.RLock), count, count, value_of)
    assert interrupted.never(lab.DEADLOCK)
    assert interrupted.ever(1)
    assert not interrupted.always(2)
    assert not interrupted.atomic()
    assert last(lab).orders == [
        {"calls": ["count", "count (handler)"], "outcome": "(0, 1) and 2"},
        {"calls": ["count (handler)", "count"], "outcome": "(1, 0) and 2"},
    ]


def test_reader_that_is_whole_is_atomic(forking: Lab) -> None:
    """Each outcome is that of the handler before or after the actor."""
    assert forking.interrupted(Counter, value_of, count, value_of).atomic()


def test_put_of_a_queue_is_not_reentrant(forking: Lab) -> None:
    """The documentation says so."""
    assert forking.interrupted(queue.Queue, put, put).ever(forking.DEADLOCK)


@pytest.mark.parametrize("lost", [False, True])
def test_put_of_a_simple_queue_is_reentrant_in_c(forking: Lab, lost: bool) -> None:
    """The documentation says so for CPython; PyPy's queue is Python code with a lock."""
    interrupted = forking.interrupted(queue.SimpleQueue, put, put, size_of)
    if lost and CPYTHON:
        assert interrupted.always(2)
    elif CPYTHON:
        assert interrupted.never(forking.DEADLOCK)
    else:
        assert interrupted.ever(forking.DEADLOCK)


class Locking:
    """Takes a lock when it ends."""

    def __init__(self, lock: Any) -> None:
        self.lock = lock

    def __del__(self) -> None:
        with self.lock:
            away()


class Guarded:
    """A lock, and something that takes it when it ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.things = [Locking(self.lock)]


def hold(guarded: Guarded) -> None:
    """Hold the lock for a moment."""
    with guarded.lock:
        away()


def collect(guarded: Guarded) -> None:
    """Drop the thing, and collect garbage: PyPy calls finalizers only then."""
    guarded.things.clear()
    gc.collect()


def test_finalizer_that_takes_the_lock_of_its_thread_is_a_deadlock(forking: Lab) -> None:
    """Also where it waits in a garbage collection, which then never ends."""
    assert forking.interrupted(Guarded, hold, collect).ever(forking.DEADLOCK)


def test_generator_is_not_resumed_where_it_runs(forking: Lab) -> None:
    """The handler resumes it in the thread in which it runs."""

    def numbers() -> Iterator[int]:
        for number in range(2):
            away()
            yield number

    assert forking.interrupted(numbers, next, next, exceptions=ValueError).ever(ValueError)


# --- where the handler runs


def thread_after_a_call(_: object) -> int:
    """Return the id of the thread, after a switch point."""
    away()
    return threading.get_ident()


def test_handler_runs_in_the_actors_thread(lab: Lab) -> None:
    """Thread-local state and reentrant locks are the same for both."""
    interrupted = lab.interrupted(dict, thread_after_a_call, lambda _: threading.get_ident())
    assert interrupted.always(lambda values: values[0] == values[1])


def test_handler_runs_at_each_switch_point_once(lab: Lab) -> None:
    """Each time, the state is fresh; the handler itself is not interrupted."""

    def actor(log: list[str]) -> None:
        for number in range(3):
            log.append(str(number))
            away()

    def handler(log: list[str]) -> None:
        log.append("h")
        away()
        log.append("h")

    interrupted = lab.interrupted(list, actor, handler, "".join)
    assert interrupted.never("0hh1hh2")
    outcomes = dict(interrupted.outcomes)
    assert outcomes.keys() == {"hh012", "0hh12", "01hh2", "012hh"}
    schedules = last(lab).schedules
    assert schedules is not None
    assert [schedules["run"]] == schedules["switch_points"] == [sum(outcomes.values())]
    assert schedules["exhausted"]


def test_witness_has_lines_of_both(forking: Lab) -> None:
    """They are in the order in which they ran: the actor continues after the handler."""
    assert forking.interrupted(Counter, count, count, value_of).ever(1)
    race = last(forking)
    assert race.actors == ["count", "count (handler)"]
    assert race.witness is not None
    steps = [(step["actor"], step["text"], step["event"]) for step in race.witness["steps"]]
    handled = [number for number, step in enumerate(steps) if step[0] == 1]
    assert handled == list(range(handled[0], handled[-1] + 1))
    assert steps[handled[0] - 1][2] == "preempted"
    assert (1, "counter.value = value + 1", None) in steps
    assert steps[handled[-1]][2] == "returned"
    assert steps[-1] == (0, "return value", "returned")


def test_witness_can_be_run_again(forking: Lab) -> None:
    """Its token runs it, and does not apply to a race."""
    assert forking.interrupted(Counter, count, count, value_of).ever(1)
    witness = last(forking).witness
    assert witness is not None
    again = Lab(budget=1.0, replay=[Token.parse(witness["replay"])])
    assert again.interrupted(Counter, count, count, value_of).ever(1)
    found = last(again).witness
    assert found is not None
    assert found["steps"] == witness["steps"]
    race = Lab(budget=1.0, replay=[Token.parse(witness["replay"])]).race(Counter, count, count, observe=value_of)
    assert not race.is_replay


def test_sleep_is_no_deadlock(forking: Lab) -> None:
    """The end of a sleep is not a switch point either."""

    def nap(_: Counter) -> None:
        time.sleep(0.002)

    assert forking.interrupted(Counter, nap, nap).never(forking.DEADLOCK)


# --- exceptions, deadlocks and crashes


def test_exceptions_are_outcomes_where_they_are_asked_for(lab: Lab) -> None:
    """What the handler raises does not reach the actor."""

    def pop(items: list[int]) -> int:
        away()
        return items.pop()

    assert lab.interrupted(lambda: [1], pop, pop, exceptions=IndexError).always(IndexError)
    assert lab.interrupted(lambda: [1], pop, pop).atomic()
    with pytest.raises(RaceError, match=r"lab.interrupted: actor pop( \(handler\))? raised IndexError"):
        lab.interrupted(lambda: [1], pop, pop).ever((1, 1))
    with pytest.raises(RaceError, match=re.escape("lab.interrupted: actor handler (handler) raised KeyError")):
        lab.interrupted(lambda: [1], pop, handler).ever((1, 1))


def handler(_: object) -> None:
    """Raise."""
    raise KeyError


def test_deadlock_that_was_not_asked_about_is_an_error(forking: Lab) -> None:
    """The error has its story."""
    words = r"count and count \(handler\) waited for something that only .*, ask interrupted\.ever\(lab\.DEADLOCK\)"
    with pytest.raises(RaceError, match=words):
        forking.interrupted(counting(threading.Lock), count, count, value_of).always(2)
    assert last(forking).witness is not None


def test_actor_that_waits_alone_is_an_error(forking: Lab) -> None:
    """It never returns, with or without the handler."""

    def wait(event: threading.Event) -> None:
        event.wait()

    with pytest.raises(RaceError, match="actor wait: without the handler, it waits for another thread"):
        forking.interrupted(threading.Event, wait, threading.Event.set).ever(forking.DEADLOCK)


def test_actor_that_raises_alone_is_an_error(forking: Lab) -> None:
    """It is one also without a switch point."""
    setup: Any = object
    with pytest.raises(RaceError, match="raised TypeError"):
        forking.interrupted(setup, len, away_with).ever((0, None))


def away_with(_: object) -> None:
    """Do nothing."""


def test_crash_is_an_outcome(forking: Lab) -> None:
    """The handler crashes the process; the actor alone does not."""

    def crash(_: object) -> None:
        signal.raise_signal(signal.SIGSEGV)

    assert forking.interrupted(Counter, count, crash).ever(forking.CRASH)
    witness = last(forking).witness
    assert witness is not None
    assert witness["strategy"] == "schedule with 1 preemption"
    assert forking.interrupted(Counter, count, count).never(forking.CRASH)
    with pytest.raises(RaceError, match="SIGSEGV"):
        forking.interrupted(Counter, crash, count).ever(forking.CRASH)


# --- no answer


def test_actor_without_a_switch_point_says_nothing(forking: Lab) -> None:
    """No Python code can run inside its C code."""
    with pytest.raises(Inconclusive, match="the actor has no switch point at which a handler can run"):
        forking.interrupted(list, len, list.clear).never(forking.DEADLOCK)


def test_too_many_switch_points_are_not_enough(forking: Lab) -> None:
    """The message says at how many of them the handler ran."""

    def count_to_a_thousand(counter: Counter) -> None:
        for _ in range(1_000):
            away()

    interrupted = forking.interrupted(Counter, count_to_a_thousand, count, value_of, budget=0.05)
    with pytest.raises(
        Inconclusive, match=r"the handler ran at only [\d,]+ of [\d,]+ switch points, chosen at random"
    ):
        interrupted.never(0)


def test_actor_that_differs_from_run_to_run_is_noticed(forking: Lab) -> None:
    """Its switch points change."""
    calls = itertools.count()

    def differ(_: Counter) -> None:
        for __ in range(next(calls) % 3 + 1):
            away()

    with pytest.raises(Inconclusive, match="what the actors do"):
        forking.interrupted(Counter, differ, count).never(forking.DEADLOCK)


def test_branches_that_are_as_long_are_told_apart(forking: Lab) -> None:
    """They have the same number of switch points, in different places."""
    calls = itertools.count()

    def one() -> None:
        away()

    def other() -> None:
        away()

    def differ(_: Counter) -> None:
        (one if next(calls) < 3 else other)()  # the runs that show the actor's switch points, and the next ones

    with pytest.raises(Inconclusive, match="did not repeat"):
        forking.interrupted(Counter, differ, count).never(forking.DEADLOCK)


def test_what_is_done_once_in_a_process_has_processes_of_its_own(forking: Lab) -> None:
    """The first run differs from the others."""
    known: list[int] = []

    def fill(_: Counter) -> int:
        if not known:
            away()
            known.append(1)
        return len(known)

    interrupted = forking.interrupted(Counter, fill, lambda _: known.append(1), lambda _: len(known))
    assert interrupted.ever(2)
    assert interrupted.never(9)
    race = last(forking)
    assert race.schedules is not None
    assert "had a process each" in race.schedules["remarks"][0]


def test_what_a_handler_does_once_in_a_process_is_tried_at_each_switch_point(forking: Lab) -> None:
    """In one process, the handler would do it only at the first one."""
    known: list[int] = []

    def actor(log: list[bool]) -> None:
        for _ in range(8):
            away()
        log.append(True)
        away()
        log.clear()

    def look_once(log: list[bool]) -> bool:
        if known:
            return False
        known.append(1)
        return bool(log)

    assert forking.interrupted(list, actor, look_once).ever((None, True))


# --- arguments


def test_arguments_have_to_make_sense() -> None:
    """The message names the argument; messages of questions name ``interrupted``."""
    lab = Lab(budget=1.0)
    nothing: Any = None
    for arguments, words in (
        ((nothing, count, count), "lab.interrupted: setup is None"),
        ((Counter, nothing, count), "lab.interrupted: the actor is None"),
        ((Counter, count, nothing), "lab.interrupted: the handler is None"),
    ):
        with pytest.raises(TypeError, match=words):
            lab.interrupted(*arguments)
    with pytest.raises(TypeError, match=re.escape("lab.interrupted(exceptions=1)")):
        lab.interrupted(Counter, count, count, exceptions=1)  # type: ignore[arg-type]
    interrupted = lab.interrupted(Counter, count, count)
    with pytest.raises(TypeError, match=r"lab\.interrupted: an interruption has no truth value; ask interrupted\."):
        bool(interrupted)
    with pytest.raises(TypeError, match=r"outcomes: nothing has run yet; ask interrupted\.ever"):
        list(interrupted.outcomes)
    with pytest.raises(TypeError, match=r"^interrupted\.ever\(\): no outcome is given; write interrupted\.ever\("):
        interrupted.ever()
    with pytest.raises(ValueError, match=r"^interrupted\.always\(lab\.CRASH\): .*; write interrupted\.ever\("):
        interrupted.always(lab.CRASH)
    with pytest.raises(ValueError, match=r"^interrupted\.never\(KeyError\(\)\): .*; write interrupted\.never\("):
        interrupted.never(KeyError())


def test_state_that_is_not_fresh_is_an_error(forking: Lab) -> None:
    """The effects of an earlier run could hide the outcome."""
    counter = Counter()
    interrupted = forking.interrupted(lambda: counter, count, count, observe=lambda counter: counter.value)
    with pytest.raises(RaceError, match="setup returned the same Counter twice"):
        interrupted.never(1)


def test_what_returns_nothing_is_nothing_to_ask_about(forking: Lab) -> None:
    """The error is as in a race."""
    with pytest.raises(RaceError, match=re.escape("put and away_with (handler) returned None")):
        forking.interrupted(queue.SimpleQueue, put, away_with).never((1, 1))
