"""``race.atomic()``: whether each outcome is one that the actors also have one after the other."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.counters import successor
from helpers.race_questions import last
from helpers.waiting import TIMEOUT_S
from pytest_concclaims import Inconclusive, Lab, gil_enabled
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.lab.race.experiment import RaceError
from pytest_concclaims.lab.race.schedules import runs, scheduler
from pytest_concclaims.lab.race.schedules.switch_points import switches_anywhere

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced, pytest.mark.usefixtures("settled_at_once")]


class Counter:
    """Counts, with and without its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0

    def add(self) -> int:
        """Count, with a call between reading and writing."""
        self.value = successor(self.value)
        return 0

    def add_locked(self) -> int:
        """Count under the lock."""
        with self.lock:
            return self.add()

    def next_locked(self) -> int:
        """Count under the lock, and return the number."""
        with self.lock:
            self.add()
            return self.value


def value_of(counter: Counter) -> int:
    """Return the value."""
    return counter.value


def orders_of(lab: Lab) -> dict[tuple[str, ...], str]:
    """Return the recorded orders with their outcomes."""
    return {tuple(order["calls"]): order["outcome"] for order in last(lab).orders}


# --- answers


def test_a_lost_update_is_not_atomic(lab: Lab) -> None:
    """The witness is a schedule; the evidence has the outcomes of all orders."""
    assert lab.race(Counter, Counter.add, Counter.add, observe=value_of).atomic() is False
    run = last(lab)
    assert (run.question, run.answer) == ("atomic", False)
    assert run.witness is not None
    assert run.witness["outcome"] == "(0, 0) and 1"
    assert run.witness["replay"]
    assert list(orders_of(lab).values()) == ["(0, 0) and 2", "(0, 0) and 2"]
    assert {calls[0].rpartition("add")[2] for calls in orders_of(lab)} == {" (1)", " (2)"}


@pytest.mark.usefixtures("schedules_alone")
def test_under_a_lock_it_is(lab: Lab) -> None:
    """The orders have different outcomes, and each outcome seen is one of these."""
    assert lab.race(Counter, Counter.next_locked, Counter.next_locked, observe=value_of).atomic() is True
    assert sorted(orders_of(lab).values()) == ["(1, 2) and 2", "(2, 1) and 2"]
    assert last(lab).control["without_locks"]


def pop(items: list[int]) -> int:
    """Remove an item."""
    return items.pop()


def look_and_pop(items: list[int]) -> int:
    """Remove an item if there is one, with a call in between."""
    if successor(len(items)) > 1:
        return items.pop()
    return 0


def test_exceptions_are_results(lab: Lab) -> None:
    """If both pop the only item, one raises in each order; if both look first, neither does in any order."""
    assert lab.race(lambda: [1], pop, pop).atomic() is True
    assert sorted(orders_of(lab).values()) == ["(1, IndexError raised)", "(IndexError raised, 1)"]
    assert lab.race(lambda: [1], look_and_pop, look_and_pop).atomic() is False
    witness = last(lab).witness
    assert witness is not None
    assert "IndexError raised" in witness["outcome"]


def crash_if_met(counter: Counter) -> int:
    """Crash if another thread was here meanwhile; nothing else shows that it was."""
    counter.value = me = threading.get_ident()
    successor(me)  # threads can be switched in a call
    if counter.value != me:
        signal.raise_signal(signal.SIGSEGV)
    return 0


@pytest.mark.skipif(not CAN_FORK, reason="races run in a child process")
def test_a_crash_in_a_schedule_is_not_atomic(forking: Lab) -> None:
    """No order of the calls gives it: it is a witness, and no failure."""
    assert forking.race(Counter, crash_if_met, crash_if_met, observe=lambda _: 0).atomic() is False
    run = last(forking)
    assert (run.answer, run.failure) == (False, None)
    assert run.witness is not None
    assert run.witness["outcome"] == "lab.CRASH"
    assert run.witness["replay"]


@pytest.mark.skipif(not CAN_FORK, reason="races run in a child process")
@pytest.mark.skipif(
    switches_anywhere(gil_enabled()) or sys.version_info < (3, 10), reason="hundreds of schedules come first"
)
def test_a_crash_in_samples_is_not_atomic(forking: Lab) -> None:
    """What happens in C code is seen in samples only; it has no replay token."""
    calls = itertools.count()

    def crash(counter: Counter) -> int:
        if next(calls) == 1_000:
            signal.raise_signal(signal.SIGSEGV)
        return counter.add_locked()

    assert forking.race(Counter, crash, crash, observe=value_of, budget=30.0).atomic() is False
    run = last(forking)
    assert (run.answer, run.failure) == (False, None)
    assert run.witness is not None
    assert run.witness["outcome"] == "lab.CRASH"
    assert not run.witness["replay"]


@pytest.mark.skipif(not CAN_FORK, reason="races run in a child process")
def test_calls_that_crash_one_after_the_other_are_an_error(forking: Lab) -> None:
    """It takes no race."""
    with pytest.raises(RaceError, match="SIGSEGV"):
        forking.race(Counter, lambda _: signal.raise_signal(signal.SIGSEGV), Counter.add).atomic()


@pytest.mark.skipif(not CAN_FORK, reason="races run in a child process")
def test_crash_of_a_later_setup_is_that_of_setup(forking: Lab) -> None:
    """Each order of the calls has a state of its own."""
    made = itertools.count(1)

    def setup() -> Counter:
        if next(made) > 2:
            signal.raise_signal(signal.SIGSEGV)
        return Counter()

    with pytest.raises(RaceError, match=r"SIGSEGV while the race ran \(setup: setup\)"):
        forking.race(setup, Counter.add, Counter.add).atomic()


@pytest.mark.parametrize(("observe", "values"), [(True, False), (False, True)])
def test_values_and_the_state_both_count(lab: Lab, observe: bool, values: bool) -> None:
    """A wrong value or a wrong state is enough."""

    def add(counter: Counter) -> int:
        counter.add()
        return counter.value if values else 0

    race = lab.race(Counter, add, add, observe=value_of if observe else lambda _: "state")
    assert race.atomic() is False


@pytest.mark.usefixtures("schedules_alone")
def test_observe_may_take_the_values(lab: Lab) -> None:
    """There is one for each actor."""

    def both(counter: Counter, values: tuple[int, ...]) -> tuple[int, int]:
        return counter.value, sum(values)

    assert lab.race(Counter, Counter.next_locked, Counter.next_locked, observe=both).atomic() is True
    assert all(outcome.endswith("and (2, 3)") for outcome in orders_of(lab).values())


def test_rounds_are_one_call(lab: Lab) -> None:
    """Another actor comes before all rounds or after them."""
    assert lab.race(Counter, Counter.next_locked, Counter.add_locked, observe=value_of, rounds=2).atomic() is False


class Combiner:
    """One caller makes the writes of all others, which return before that."""

    def __init__(self) -> None:
        self.at_work = False
        self.waiting: list[int] = []
        self.value = 0

    def work(self) -> None:
        """Make the writes that others have left."""
        self.at_work = True
        successor(0)
        self.at_work = False
        for value in self.waiting:
            self.value = value

    def write(self) -> str:
        """Write, or leave the write to the caller that is at work."""
        if self.at_work:
            self.waiting.append(1)
        else:
            self.value = 1
        return "written"

    def read(self) -> int:
        """Return the written value."""
        return self.value


def test_what_has_ended_comes_before_what_begins(lab: Lab) -> None:
    """A read before the write returns 0, but not if the write had ended before the read began."""
    race = lab.race(Combiner, Combiner.work, Combiner.write, Combiner.read, observe=Combiner.read)
    assert race.atomic() is False
    run = last(lab)
    assert run.witness is not None
    assert run.witness["outcome"] in orders_of(lab).values()


# --- calls that wait


class Slot:
    """Holds one item; empty at first."""

    def __init__(self) -> None:
        self.full = threading.Lock()
        self.full.acquire()


def put(slot: Slot) -> None:
    """Put an item."""
    slot.full.release()


def get(slot: Slot) -> bool:
    """Wait for an item."""
    return slot.full.acquire()


def test_an_actor_that_waits_has_only_the_other_order(lab: Lab) -> None:
    """An actor that waits for the other cannot be the first."""
    assert lab.race(Slot, get, put).atomic() is True
    assert orders_of(lab) == {("put", "get"): "(True, None)"}


def by_a_thread(wait: Callable[[], object]) -> None:
    """Call a function in a thread, and wait for the thread's end."""
    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()


def by_a_pool(wait: Callable[[], object]) -> object:
    """Call a function in a thread of a pool, and wait for its result."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(wait).result()


def by_a_program(_: Callable[[], object]) -> object:
    """Start a program, and wait for its end."""
    return subprocess.run(["sleep", "0.02"], check=True)


@pytest.mark.parametrize(
    "ask",
    [
        by_a_thread,
        by_a_pool,
        pytest.param(by_a_program, marks=pytest.mark.skipif(os.name != "posix", reason="sleep")),
    ],
)
def test_an_actor_that_waits_for_a_helper_of_its_own_has_both_orders(
    ask: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it then returns does not count as a witness. However late the helper is, it ends the wait."""
    monkeypatch.setattr(scheduler, "ORDER_WAIT_S", TIMEOUT_S)
    lab = Lab(budget=1.0, in_process=True)

    def get(answers: list[int]) -> int:
        before = len(answers)
        if not before:
            ask(partial(time.sleep, 0.02))
        return before

    with suppress(Inconclusive):
        assert lab.race(list, get, lambda answers: answers.append(1)).atomic()
    assert set(orders_of(lab).values()) == {"(0, None)", "(1, None)"}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers with signals here")
def test_actor_that_a_signal_wakes_up_is_in_no_deadlock() -> None:
    """The handler runs in the main thread."""
    lab = Lab(budget=1.0, in_process=True)

    def event_of_a_timer() -> threading.Event:
        event = threading.Event()
        signal.signal(signal.SIGALRM, lambda *_: event.set())
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        return event

    before = signal.getsignal(signal.SIGALRM)
    try:
        race = lab.race(event_of_a_timer, threading.Event.wait, lambda _: 2)
        with suppress(Inconclusive):
            assert race.never(lab.DEADLOCK)
        assert last(lab).seen == 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def test_where_each_order_waits_nothing_is_atomic(lab: Lab) -> None:
    """If an actor waits in each order, the question makes no sense, which is an error."""

    def meet(state: SimpleNamespace, mine: int) -> None:
        state.events[mine].set()
        state.events[1 - mine].wait()

    race = lab.race(
        lambda: SimpleNamespace(events=[threading.Event(), threading.Event()]),
        lambda state: meet(state, 0),
        lambda state: meet(state, 1),
        observe=lambda _: 1,
    )
    with pytest.raises(RaceError, match=r"in each order, a call waits for a later one.*ask race\.always"):
        race.atomic()


def get_in_time(slot: Slot) -> bool:
    """Wait for an item, but not for long."""
    return slot.full.acquire(timeout=0.001)


def test_what_comes_of_a_wait_for_time_is_a_result(staying: Lab) -> None:
    """An order in which the wait times out is one of the allowed ones."""
    with suppress(Inconclusive):  # on a busy machine, the wait may end later than in the schedules
        assert staying.race(Slot, get_in_time, put).atomic() is True
    assert orders_of(staying) == {("get_in_time", "put"): "(False, None)", ("put", "get_in_time"): "(True, None)"}


def test_a_wait_for_long_is_no_ground(staying: Lab) -> None:
    """The result of a long wait is unknown, so no outcome may count as wrong because of it."""

    def get_at_last(slot: Slot) -> bool:
        return slot.full.acquire(timeout=60)

    with pytest.raises(Inconclusive, match=r"get_at_last, then put: called one after the other, one of them waits"):
        staying.race(Slot, get_at_last, put).atomic()


# --- no answer


def test_orders_that_do_not_repeat_themselves(lab: Lab) -> None:
    """They do not show which outcomes are allowed."""
    numbers = itertools.count()
    race = lab.race(list, lambda _: next(numbers), lambda _: 0)
    with pytest.raises(
        Inconclusive, match=r"the same calls in the same order gave different results: .* gave .*, then .*"
    ):
        race.atomic()


def test_orders_on_what_earlier_runs_have_left(lab: Lab) -> None:
    """The advice is another one than for results that cannot be compared."""

    def append(items: list[int]) -> int:
        items.append(0)
        return len(items)

    kept: list[int] = []
    race = lab.race(lambda: kept, append, append)
    with pytest.raises(Inconclusive, match="let setup make a fresh state each time: a new object, a file with a new"):
        race.atomic()
    with pytest.raises(Inconclusive, match="let the calls return values that can be compared, such as a number"):
        lab.race(list, lambda _: object(), lambda _: object()).atomic()


def test_chance_is_no_witness(lab: Lab) -> None:
    """A result that a call has only now and then, it also has one after the other, if it is called more often."""
    seed = random.Random(1)

    def toss(counter: Counter) -> int:
        counter.add_locked()
        return int(seed.random() < 0.1)

    with pytest.raises(Inconclusive):
        lab.race(Counter, toss, toss).atomic()


def test_too_many_orders(staying: Lab) -> None:
    """Nine actors have hundreds of thousands of orders. These are not run, and the message says so."""
    with pytest.raises(Inconclusive, match=r"the calls have 362,880 orders, and at most 1,000 can be run"):
        staying.race(Counter, *[Counter.add] * 9, observe=value_of).atomic()


class Lazy:
    """An object that is made once in a process, which ``setup`` does not undo."""

    one: Any = None
    made = 0

    @classmethod
    def get(cls, _: object = None) -> object:
        """Return the object, and make it if there is none."""
        if cls.one is None:
            cls.made = successor(cls.made)
            cls.one = object()
        return cls.one


@dataclass
class Switch:
    """Is off at first."""

    on: bool = False


def turn_on(switch: Switch) -> int:
    """Turn it on."""
    switch.on = True
    return 1


def make_unless_on(switch: Switch) -> int:
    """Make the object unless the switch is on."""
    if not switch.on:
        Lazy.get()
    return 2


@pytest.mark.parametrize(
    ("setup", "actors"),
    [(object, [Lazy.get, Lazy.get]), (Switch, [turn_on, make_unless_on, make_unless_on])],
    ids=["in each order", "in some orders"],
)
def test_what_happens_once_in_a_process_is_no_ground(
    forking: Lab, setup: Callable[[], Any], actors: list[Callable[[Any], object]]
) -> None:
    """The orders run before any schedule, so no schedule could show it."""
    race = forking.race(setup, *actors, observe=lambda _, values: len(set(values)) < 3 and Lazy.made < 2)
    with pytest.raises(Inconclusive, match="the actors do something only once in a process"):
        race.atomic()


TOTALS = {"sum": 0}


def fresh_totals() -> list[dict[str, int]]:
    """Clear the module's totals."""
    TOTALS["sum"] = 0
    return [TOTALS]


def add_total(state: list[dict[str, int]]) -> None:
    """Add one, with a call between reading and writing."""
    state[0]["sum"] = successor(state[0]["sum"])


@pytest.mark.parametrize("observe", [lambda state: state[0], lambda state: [state], lambda state: (state[0], 1)])
def test_a_state_that_is_the_same_for_all_runs(lab: Lab, observe: Callable[[Any], object]) -> None:
    """Its content after each run counts; that it is equal to itself does not."""
    assert lab.race(fresh_totals, add_total, add_total, observe=observe).atomic() is False


# --- errors


def test_a_failed_assertion_is_an_error(lab: Lab) -> None:
    """It is about the claim, and is not a result."""

    def check(counter: Counter) -> None:
        counter.add()
        assert counter.value < 2

    with pytest.raises(RaceError, match=r"actor check \([12]\) raised AssertionError"):
        lab.race(Counter, check, check, observe=value_of).atomic()


def test_nothing_to_look_at(lab: Lab) -> None:
    """Actors that return None, without observe."""
    with pytest.raises(RaceError, match=r"returned None in .* without observe"):
        lab.race(Counter, lambda counter: counter.add() or None, lambda counter: counter.add() or None).atomic()


class Odd:
    """Its comparison has no truth value, like that of arrays."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("the truth of this is ambiguous")


def test_results_that_cannot_be_compared(lab: Lab) -> None:
    """The message has the exception of the comparison."""
    with pytest.raises(RaceError, match=r"the comparison of .* with other results raised ValueError"):
        lab.race(list, lambda _: Odd(), lambda _: 1).atomic()


def test_results_that_cannot_be_hashed(lab: Lab) -> None:
    """They count as results."""

    def put_and_copy(items: list[int]) -> list[int]:
        time.sleep(0)
        items.append(1)
        return []

    assert lab.race(list, put_and_copy, put_and_copy, observe=list).atomic() is True


def test_a_deadlock_is_what_no_order_gives(forking: Lab) -> None:
    """One after the other, the calls return."""

    def one_way(locks: tuple[Any, Any]) -> None:
        with locks[0]:
            successor(0)
            with locks[1]:
                pass

    race = forking.race(
        lambda: (threading.Lock(), threading.Lock()), one_way, lambda locks: one_way(locks[::-1]), observe=lambda _: 1
    )
    assert race.atomic() is False
    witness = last(forking).witness
    assert witness is not None
    assert witness["outcome"] == "lab.DEADLOCK"
    assert witness["steps"][-1]["event"] == "blocked"


# --- actors that never ran, and results that depend on time


def test_an_actor_with_other_arguments_is_an_error(lab: Lab) -> None:
    """A TypeError of the call itself is not a result, because no code of the actor has run."""

    def two(state: list[int], number: int) -> None:
        state.append(number)

    with pytest.raises(RaceError, match="an actor is called with the state alone"):
        lab.race(list, two, two, observe=tuple).atomic()  # type: ignore[arg-type]  # that is the point


def test_an_actor_that_always_raises_is_an_error(lab: Lab) -> None:
    """No other result of it is known."""
    with pytest.raises(RaceError, match="IndexError raised in each order, so the claim shows nothing else about it"):
        lab.race(list, list.pop, list.pop).atomic()


def test_what_depends_on_time_is_no_witness(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code is slower under schedules, and may then have another result."""
    slept: list[float] = []
    monkeypatch.setattr(runs, "time", SimpleNamespace(sleep=slept.append))

    class Lease:
        def __init__(self) -> None:
            self.begin = sum(slept)
            self.calls = 0

        def call(self) -> tuple[int, bool]:
            calls = self.calls
            self.calls = successor(calls)
            return calls, sum(slept) > self.begin

    with pytest.raises(Inconclusive, match="results depend on time"):
        lab.race(Lease, Lease.call, Lease.call).atomic()


def test_an_observer_that_returns_nothing_is_named(lab: Lab) -> None:
    """It may lack a return statement."""
    with pytest.raises(RaceError, match=r"observe and .* returned None"):
        lab.race(list, lambda one: one.append(1), lambda one: one.append(2), observe=lambda _: None).atomic()
