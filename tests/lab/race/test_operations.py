"""``lab.operations().linearizable()`` for correct objects, and for the same objects with one fault each."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from helpers.race_questions import last
from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.lab.race.experiment import RaceError
from pytest_concclaims.lab.race.race import Operations
from pytest_concclaims.lab.race.scenarios import Operation
from pytest_concclaims.lab.race.schedules.replay import Token

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced, pytest.mark.usefixtures("settled_at_once")]


def away() -> None:
    """Return: each interpreter switches threads where a function begins."""


class Stack:
    """Gives the latest first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.items: list[int] = []

    def push(self, item: int) -> None:
        """Put an item on top."""
        with self.lock:
            self.items.append(item)

    def pop(self) -> int | None:
        """Remove the top, if there is one."""
        with self.lock:
            return self.items.pop() if self.items else None


class PeekingStack(Stack):
    """Reads the top and removes it afterwards."""

    def pop(self) -> int | None:
        """Remove the top, and return what was the top before."""
        with self.lock:
            top = self.items[-1] if self.items else None
        away()
        with self.lock:
            if self.items:
                self.items.pop()
        return top


class Channel:
    """A queue for at most two items."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.items: deque[int] = deque()

    def put(self, item: int) -> bool:
        """Add an item, if there is room."""
        with self.lock:
            return self.is_put(item)

    def is_put(self, item: int) -> bool:
        """Add an item, and return whether there was room."""
        if len(self.items) >= 1:
            return False
        away()
        self.items.append(item)
        return True

    def get(self) -> int | None:
        """Remove the oldest item, if there is one."""
        with self.lock:
            return self.items.popleft() if self.items else None


class OverfullChannel(Channel):
    """Checks without its lock whether there is room."""

    def put(self, item: int) -> bool:
        """Add one, if there was room."""
        return self.is_put(item)


class Cache:
    """Keeps the items that were used last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: OrderedDict[str, int] = OrderedDict(a=1)

    def get(self, key: str) -> int | None:
        """Return the item of a key, and mark it as used."""
        with self.lock:
            return self.used(key)

    def used(self, key: str) -> int | None:
        """Return the item of a key and mark it as used, without the lock."""
        if key not in self.known:
            return None
        away()
        self.known.move_to_end(key)
        return self.known[key]

    def put(self, key: str, value: int) -> None:
        """Store an item, and remove another one."""
        with self.lock:
            self.known[key] = value
            self.known.move_to_end(key)
            if len(self.known) > 1:
                self.known.popitem(last=False)


class ForgetfulCache(Cache):
    """Reads without its lock, while another thread may remove the item."""

    def get(self, key: str) -> int | None:
        """Return the item of a key, or raise KeyError by mistake."""
        return self.used(key)


class Counters:
    """Counters with names."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.counts: dict[str, int] = {}

    def add(self, name: str) -> int:
        """Count, and return the number."""
        with self.lock:
            return self.added(name)

    def added(self, name: str) -> int:
        """Count without the lock; return the number."""
        count = self.counts.get(name, 0)
        away()
        self.counts[name] = count + 1
        return count + 1


class LosingCounters(Counters):
    """Reads and writes without its lock."""

    def add(self, name: str) -> int:
        """Count; an update may be lost."""
        return self.added(name)


class Limiter:
    """Admits a limited number."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.left = 1

    def allow(self) -> bool:
        """Return whether one more is admitted."""
        with self.lock:
            return self.taken()

    def taken(self) -> bool:
        """Take a place without the lock, if one is left."""
        if self.left < 1:
            return False
        away()
        self.left -= 1
        return True

    def give_back(self) -> None:
        """Add a place."""
        with self.lock:
            self.left += 1


class LaxLimiter(Limiter):
    """Checks without its lock how many places are left."""

    def allow(self) -> bool:
        """Return whether one more is admitted; two threads may get the last place."""
        return self.taken()


class ReadersWriterLock:
    """Many may read, or one may write; the two numbers that it protects are always equal."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.resource = threading.Lock()
        self.readers = 0
        self.one = self.other = 0

    def begin(self) -> None:
        """Begin to read; the first reader locks writers out."""
        with self.mutex:
            self.readers += 1
            if self.readers == 1:
                self.resource.acquire()

    def end(self) -> None:
        """Stop reading; the last reader lets writers in."""
        with self.mutex:
            self.readers -= 1
            if self.readers == 0:
                self.resource.release()

    def read(self) -> tuple[int, int]:
        """Return both numbers."""
        self.begin()
        one = self.one
        away()
        found = one, self.other
        self.end()
        return found

    def write(self, number: int) -> None:
        """Write both numbers."""
        with self.resource:
            self.one = number
            away()
            self.other = number


class ForgettingReadersWriterLock(ReadersWriterLock):
    """Its readers do not lock writers out."""

    def begin(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


#: For each kind of object, the fewest operations that show its fault.
OPERATIONS: dict[type[Any], Callable[[Any], list[Operation]]] = {
    Stack: lambda kind: [Operation(kind.push, (1,)), Operation(kind.pop)],
    Channel: lambda kind: [Operation(kind.put, (1,)), Operation(kind.get)],
    Cache: lambda kind: [Operation(kind.get, ("a",)), Operation(kind.put, ("b", 2))],
    Counters: lambda kind: [Operation(kind.add, ("a",))],
    Limiter: lambda kind: [Operation(kind.allow), Operation(kind.give_back)],
    ReadersWriterLock: lambda kind: [Operation(kind.read), Operation(kind.write, (1,))],
}


def asked(lab: Lab, setup: type[Any], **options: Any) -> Operations:
    """Return the operations of an object, with one call in each thread."""
    operations = next(made(setup) for kind, made in OPERATIONS.items() if issubclass(setup, kind))
    return lab.operations(setup, *operations, each=1, **options)


@pytest.mark.parametrize("setup", OPERATIONS)
@pytest.mark.usefixtures("schedules_alone")
def test_right(forking: Lab, setup: type[Any]) -> None:
    """All scenarios with one call in each thread are run, and the control is the object without its locks."""
    assert asked(forking, setup, budget=120.0).linearizable() is True
    run = last(forking)
    assert (run.question, run.answer, run.witness) == ("linearizable", True, None)
    assert run.scenarios is not None
    (shape,) = run.scenarios["shapes"]
    assert shape["calls"] == (1, 1)
    assert shape["run"] == shape["of"]
    assert run.actors == ["thread 1", "thread 2"]


def bare_stack() -> PeekingStack:
    """Make a stack with two items."""
    made = PeekingStack()
    made.items = [1, 2]
    return made


FAULTS: list[tuple[type[Any], set[str]]] = [
    (PeekingStack, {"pop"}),
    (OverfullChannel, {"put"}),
    (ForgetfulCache, {"get", "put"}),
    (LosingCounters, {"add"}),
    (LaxLimiter, {"allow"}),
    (ForgettingReadersWriterLock, {"read", "write"}),
]


def calls_of(lab: Lab) -> list[list[tuple[str, str | None]]]:
    """Return the calls of each thread of the witness, with their results."""
    witness = last(lab).witness
    assert witness is not None
    return [[(call["call"], call["result"]) for call in thread] for thread in witness["scenario"]]


@pytest.mark.parametrize(("setup", "calls"), FAULTS, ids=[setup.__name__ for setup, _ in FAULTS])
def test_with_a_fault(lab: Lab, setup: type[Any], calls: set[str]) -> None:
    """The first scenario that fails is the smallest, with one call in each thread; the witness has their results."""
    if setup is PeekingStack:
        race = lab.operations(bare_stack, lab.op(PeekingStack.push, 3), PeekingStack.pop)
    else:
        race = asked(lab, setup)
    assert race.linearizable() is False
    found = calls_of(lab)
    assert [len(thread) for thread in found] == [1, 1]
    assert {call.partition("(")[0].rpartition(".")[2] for ((call, _),) in found} == calls
    assert all(result is not None for ((_, result),) in found)
    run = last(lab)
    assert run.witness is not None
    assert run.witness["steps"]
    assert re.search(r":[0-9a-f]{8}@\d-\d:", run.witness["replay"])
    assert run.orders


class Remembering(Counters):
    """Fails only if something was counted before."""

    def add(self, name: str) -> int:
        """Count, the first time with the lock."""
        with self.lock:
            is_first = name not in self.counts
            if is_first:
                return self.added(name)
        return self.added(name)


def test_the_witness_is_minimal(forking: Lab) -> None:
    """If a thread must make two calls to fail, all scenarios with one call in each thread were run before."""
    race = forking.operations(Remembering, forking.op(Remembering.add, "a"))
    assert race.linearizable() is False
    assert [len(thread) for thread in calls_of(forking)] == [2, 1]
    run = last(forking)
    assert run.scenarios is not None
    least = run.scenarios["shapes"][0]
    assert (least["calls"], least["run"], least["of"]) == ((1, 1), 1, 1)


# --- the witness


def test_replay_shows_it_again(forking: Lab) -> None:
    """The token names the scenario; it alone is run, in this process."""
    assert asked(forking, LosingCounters).linearizable() is False
    first = last(forking).witness
    assert first is not None
    again = Lab(budget=forking.budget, replay=[Token.parse(first["replay"])])
    race = asked(again, LosingCounters)
    assert race.is_replay
    assert race.linearizable() is False
    witness = last(again).witness
    assert witness is not None
    for what in ("replay", "outcome", "scenario"):
        assert witness[what] == first[what]
    assert witness["steps"]


def test_samples_show_it_too(forking: Lab, samples_alone: None) -> None:
    """In samples, threads run random scenarios freely."""

    class Slow(LosingCounters):
        """Takes its time between reading and writing."""

        def added(self, name: str) -> int:
            count = self.counts.get(name, 0)
            time.sleep(1e-4)
            self.counts[name] = count + 1
            return count + 1

    race = forking.operations(Slow, forking.op(Slow.add, "a"), observe=lambda state: state.counts)
    assert race.linearizable() is False
    assert calls_of(forking)


def test_three_threads_and_several_calls(forking: Lab) -> None:
    """Each thread has its name, in the order of the scenario."""
    race = forking.operations(LosingCounters, forking.op(LosingCounters.add, "a"), threads=3, each=2)
    assert race.linearizable() is False
    assert last(forking).actors == ["thread 1", "thread 2", "thread 3"]
    assert len(calls_of(forking)) == 3


# --- refused operations


def test_an_operation_that_waits_alone_is_refused(forking: Lab) -> None:
    """The message has advice."""

    def take(state: Any) -> None:
        state.acquire()

    def give(state: Any) -> None:
        state.release()

    def taken() -> Any:
        return threading.Semaphore(0)

    with pytest.raises(RaceError, match=r"take\(\): .* one of them waits for another thread; give it a time"):
        forking.operations(taken, take, give).linearizable()


def test_an_operation_may_take_time(staying: Lab) -> None:
    """A short sleep is not a wait for another thread."""

    def rest(state: list[int]) -> int:
        time.sleep(1e-4)
        return len(state)

    try:
        answer: bool | None = staying.operations(list, rest, each=1, budget=3).linearizable()
    except Inconclusive:  # on a busy machine, a schedule may take longer
        answer = None
    assert answer is not False


def make_list() -> list[int]:
    """Make a state."""
    return []


def test_operations_that_return_nothing(lab: Lab) -> None:
    """Without observe, there is no outcome to ask about."""
    with pytest.raises(RaceError, match=r"lab\.operations: .*returned None in .* without observe"):
        lab.operations(make_list, lambda state: state.append(1), each=1).linearizable()


class Connected:
    """A state whose operations share the one connection of the process."""

    connections: ClassVar[list[object]] = []

    def nothing(self) -> None:
        """Do nothing."""

    def connect(self, _: str = "") -> bool:
        """Return whether the connection is the one that was made or found before."""
        found = self.connections[:]
        away()
        mine = found or [self]
        self.connections[:] = mine
        away()
        return self.connections[0] is mine[0]


@pytest.mark.parametrize("operation", [Connected.connect, Operation(Connected.connect, ("a",))])
def test_what_an_operation_does_once_in_a_process_is_found(
    forking: Lab, operation: Callable[[Connected], object]
) -> None:
    """Also if it is not the first operation, and whatever its arguments are."""
    Connected.connections.clear()
    asked = forking.operations(Connected, Connected.nothing, operation)
    with pytest.raises(Inconclusive, match="the actors do something only once in a process"):
        asked.linearizable()


def test_an_assertion_in_an_operation(lab: Lab) -> None:
    """It is an error."""

    def check(state: list[int]) -> None:
        assert not state
        state.append(1)

    with pytest.raises(RaceError, match=r"actor thread \d raised AssertionError"):
        lab.operations(make_list, check, each=1).linearizable()


def test_what_differs_from_run_to_run_is_no_ground(lab: Lab) -> None:
    """There is no answer, and the message says why."""
    numbers = iter(range(10**6))

    def number(_: object) -> int:
        return next(numbers)

    with pytest.raises(Inconclusive, match=r"gave different results: number\(\), then number\(\) gave"):
        lab.operations(list, number, each=1).linearizable()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"threads": 5}, r"lab\.operations\(threads=5\): threads must be a whole number from 2 to 4"),
        ({"threads": 1}, r"threads=1"),
        ({"threads": True}, r"threads=True"),
        ({"threads": 2.0}, r"threads=2\.0"),
        ({"each": 0}, r"lab\.operations\(each=0\): each must be a whole number from 1 to 5"),
        ({"each": 6}, r"each=6"),
        ({"each": None}, r"each=None"),
        ({"budget": 0}, r"lab\.operations\(budget=0\)"),
        ({"deadline": -1}, r"lab\.operations\(deadline=-1\)"),
    ],
)
def test_bad_numbers(staying: Lab, options: dict[str, Any], text: str) -> None:
    """The message has the number and the valid range."""
    with pytest.raises(ValueError, match=text):
        staying.operations(list, list.copy, **options)


def test_bad_operations(staying: Lab) -> None:
    """The message has the call and the fix."""

    async def nothing(_: object) -> None: ...

    lab: Any = staying
    with pytest.raises(ValueError, match=r"lab\.operations: no operation is given; write"):
        lab.operations(list)
    with pytest.raises(TypeError, match=r"lab\.operations: operation 2 is 7, which cannot be called"):
        lab.operations(list, list.copy, 7)
    with pytest.raises(TypeError, match=r"pass each item of the list: lab\.operations\(setup, \*list\)"):
        lab.operations(list, [list.copy])
    with pytest.raises(TypeError, match=r"lab\.operations: setup is \[\], which cannot be called"):
        lab.operations([], list.copy)
    with pytest.raises(TypeError, match=r"operation 1 is .*nothing, a coroutine or generator function"):
        lab.operations(list, nothing)
    with pytest.raises(TypeError, match=r"lab\.op\(7\): must be callable; pass a function that takes the state"):
        lab.op(7)
    assert lab.op(list.append, 1) == Operation(list.append, (1,))


def test_operations_are_no_answer(staying: Lab) -> None:
    """They have no truth value and cannot be compared; the message says what to ask."""
    race = staying.operations(list, list.copy)
    with pytest.raises(TypeError, match=r"lab\.operations: .* has no truth value; ask operations\.linearizable\(\)"):
        bool(race)
    with pytest.raises(TypeError, match=r"a set of operations cannot be compared"):
        assert race == race
    assert repr(race) in {f"<Operations of {name}: 0 schedules, 0 samples>" for name in ("copy()", "list.copy()")}
