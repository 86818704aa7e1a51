"""Documentation, page "collections"."""

from __future__ import annotations

import sys
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest

from pytest_concclaims import CPYTHON, PYPY, Lab, gil_enabled

from .objects import process
from .tables import ROW, Act, case, named

SOURCE = "docs: collections"

# --- deque


append = named("append", lambda d: d.append(3))
append_left = named("appendleft", lambda d: d.appendleft(0))
pop = named("pop", lambda d: d.pop())
pop_left = named("popleft", lambda d: d.popleft())

ENDS = [
    case("append", "append", append, append_left),
    case("appendleft", "appendleft", append_left, append_left),
    case("pop", "pop", pop, pop_left),
    case("popleft", "popleft", pop_left, append),
]


@pytest.mark.parametrize(ROW, ENDS)
@pytest.mark.claim("{text} of a deque is thread-safe", source=f"{SOURCE}, deque objects")
def test_an_operation_at_an_end_of_a_deque_is_safe(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert lab.race(lambda: deque([1, 2]), operation, beside, observe=tuple).atomic()


@pytest.mark.claim(
    "A full deque with a maxlen discards an item from the opposite end for each new one: it never has more",
    source=f"{SOURCE}, deque objects",
)
def test_a_bounded_deque_is_bounded(lab: Lab) -> None:
    assert lab.race(lambda: deque([1, 2], maxlen=2), append, append_left, observe=tuple).atomic()


# --- OrderedDict


def three_keys() -> Any:
    return OrderedDict([(1, 1), (2, 2), (3, 3)])


def keys(d: Any) -> object:
    """Return the keys, or what stands in their place in a damaged object: CPython 3.13t damages it."""
    try:
        return tuple(d)
    except Exception as error:  # noqa: BLE001  (it may be any)
        return type(error).__name__


no_lock = pytest.mark.refuted(
    PYPY or not gil_enabled(),
    reason="PyPy's OrderedDict makes these of several steps, and CPython's has no lock without a GIL (gh-125996)",
)

ORDERED = [
    case("move_to_end", "move_to_end", lambda d: d.move_to_end(1), lambda d: d.popitem(last=False)),
    case("popitem", "popitem(last=False)", lambda d: d.popitem(last=False), lambda d: d.popitem(last=False)),
    case("setitem", "od[key] = value", lambda d: d.__setitem__(4, 4), lambda d: d.move_to_end(1)),
]


@no_lock
@pytest.mark.parametrize(ROW, ORDERED)
@pytest.mark.claim(
    "{text} of an OrderedDict, as an LRU cache uses it, is atomic", source=f"{SOURCE}, OrderedDict, beyond"
)
def test_an_operation_of_an_ordered_dict_is_atomic(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert lab.race(three_keys, operation, beside, observe=keys).atomic()


# --- Counter


def count(counter: Any) -> None:
    counter["key"] += 1


def count_all(counter: Any) -> None:
    counter.update(["key", "key"])


@pytest.mark.claim(
    "counter[key] += 1 can lose an update where the key is new: __missing__ is written in Python",
    source=f"{SOURCE}, Counter, beyond",
)
def test_a_first_count_can_be_lost(lab: Lab) -> None:
    assert lab.race(lambda: Counter(), count, count, observe=lambda counter: counter["key"]).ever(1)


def fresh_counter() -> Any:
    """Return a counter, of a class that has filled its caches."""
    counter: Counter[str] = Counter()
    counter.update(["other"])
    return counter


@pytest.mark.refuted(
    PYPY or not gil_enabled(),
    reason="update reads each count and writes it: on PyPy in Python, on CPython in C code that relies on the GIL",
)
@pytest.mark.claim("counter.update(iterable) of several threads loses no count", source=f"{SOURCE}, Counter, beyond")
def test_an_update_of_a_counter_loses_nothing(lab: Lab) -> None:
    assert lab.race(fresh_counter, count_all, count_all, observe=lambda counter: counter["key"]).always(4)


# --- defaultdict


def make_list() -> list[int]:
    made: list[int] = []
    process(made)
    return made


def add(d: Any) -> None:
    d["key"].append(1)


@pytest.mark.refuted(
    CPYTHON and sys.version_info >= (3, 14, 3),
    reason="since 3.14.3, what is there already is kept (gh-142495)",
)
@pytest.mark.claim(
    "A defaultdict calls a factory in Python for each thread that finds no key: what one thread adds can be lost",
    source=f"{SOURCE}, defaultdict, beyond",
)
def test_a_factory_in_python_can_run_twice(lab: Lab) -> None:
    assert lab.race(lambda: defaultdict(make_list), add, add, observe=lambda d: len(d["key"])).ever(1)


@pytest.mark.refuted(
    not gil_enabled() and sys.version_info < (3, 14, 3),
    reason="without a GIL, before 3.14.3, a thread can replace the list that another one has just stored (gh-142495)",
)
@pytest.mark.claim(
    "With list as its factory, threads that ask a defaultdict for a new key get the same list",
    source=f"{SOURCE}, defaultdict, beyond",
)
def test_a_factory_in_c_gives_one_list(lab: Lab) -> None:
    assert lab.race(lambda: defaultdict(list), add, add, observe=lambda d: len(d["key"])).always(2)


# --- ChainMap


def move_up(chain: Any) -> None:
    first, second = chain.maps
    first["key"] = second["key"]
    process(chain)
    del second["key"]


def look_up(chain: Any) -> object:
    return chain["key"]


@pytest.mark.claim(
    "A lookup in a ChainMap can miss a key that moves to a map searched before, though one of the maps always has it",
    source=f"{SOURCE}, ChainMap, beyond",
)
def test_a_lookup_in_a_chain_map_can_miss_a_key(lab: Lab) -> None:
    race = lab.race(lambda: ChainMap({}, {"key": 1}), look_up, move_up, exceptions=KeyError)
    assert race.ever(KeyError)
