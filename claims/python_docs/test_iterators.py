"""Documentation, page "Python support for free threading", section "Iterators", and what other pages say of them."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import Lab, gil_enabled

from .objects import process, without_a_gil

SOURCE = "docs: Python support for free threading, Iterators"

#: For what the page does not say of the free-threaded build.
with_a_gil = pytest.mark.skipif(not gil_enabled(), reason="the claim is about interpreters with a GIL")

# --- iterators of built-in types


def take(iterator: Any) -> tuple[object, ...]:
    return next(iterator, None), next(iterator, None), next(iterator, None)


def are_first_six(make: Callable[[], Any], values: tuple[tuple[object, ...], ...]) -> bool:
    """Return whether threads have taken the first six elements, and each of them once."""
    return {element for taken in values for element in taken} == set(itertools.islice(make(), 6))


ITERATORS = [
    pytest.param("a list's iterator", lambda: iter([0, 1, 2, 3, 4, 5]), id="list"),
    pytest.param("a range's iterator", lambda: iter(range(6)), id="range"),
    pytest.param("enumerate", lambda: enumerate("abcdef"), id="enumerate"),
    pytest.param("zip", lambda: zip(range(6), range(6)), id="zip"),
    pytest.param("map", lambda: map(abs, range(6)), id="map"),
    pytest.param("itertools.chain", lambda: itertools.chain((0, 1), (2, 3), (4, 5)), id="chain"),
    pytest.param("itertools.cycle", lambda: itertools.cycle(range(6)), id="cycle"),
    pytest.param(
        "itertools.count",
        lambda: itertools.count(),
        id="count",
        marks=pytest.mark.refuted(not gil_enabled(), reason="count() adds its step in one atomic operation"),
    ),
]


@with_a_gil
@pytest.mark.parametrize(("text", "make"), ITERATORS)
@pytest.mark.claim("With a GIL, threads that share {text} see each element once", source=f"{SOURCE}, beyond")
def test_with_a_gil_each_element_is_seen_once(lab: Lab, text: str, make: Callable[[], object]) -> None:
    assert lab.race(make, take, take).always(partial(are_first_six, make))


@without_a_gil
@pytest.mark.parametrize(("text", "make"), ITERATORS)
@pytest.mark.claim("Threads that share {text} may see an element twice, or miss one", source=SOURCE)
def test_without_a_gil_elements_may_be_seen_twice(lab: Lab, text: str, make: Callable[[], object]) -> None:
    assert not lab.race(make, take, take).always(partial(are_first_six, make))


# --- iterators that call functions in Python


def numbers() -> Iterator[int]:
    for number in range(6):
        process(number)
        yield number


@pytest.mark.claim(
    "A generator that is executing raises ValueError when another thread asks it for an item",
    source="docs: threading, Iterator synchronization",
)
def test_a_generator_is_not_entered_twice(lab: Lab) -> None:
    assert lab.race(numbers, next, next, exceptions=ValueError).ever(ValueError)


@with_a_gil
@pytest.mark.claim(
    "With a GIL, a generator that threads share gives no item twice",
    source="docs: threading, Iterator synchronization, beyond",
)
def test_a_generator_gives_no_item_twice(lab: Lab) -> None:
    race = lab.race(numbers, next, next, exceptions=ValueError)
    assert race.always((0, 1), (1, 0), ValueError)


@pytest.mark.refuted(
    not gil_enabled() and sys.version_info < (3, 15),
    reason="without a GIL, two threads can enter a generator at the same time; fixed in 3.15 (gh-120321)",
)
@pytest.mark.claim("A generator that threads share never crashes the interpreter", source=f"{SOURCE}, beyond")
def test_a_shared_generator_does_not_crash(lab: Lab) -> None:
    # A generator that two threads have entered may raise anything.
    assert lab.race(numbers, next, next, exceptions=Exception).never(lab.CRASH)


def teed() -> SimpleNamespace:
    left, right = itertools.tee(process(number) for number in range(6))
    return SimpleNamespace(left=left, right=right)


@pytest.mark.claim(
    "Iterators of one tee() raise RuntimeError if threads use them at the same time", source="docs: itertools, tee"
)
def test_iterators_of_one_tee_are_not_threadsafe(lab: Lab) -> None:
    race = lab.race(
        teed, lambda state: next(state.left), lambda state: next(state.right), exceptions=(RuntimeError, ValueError)
    )
    assert race.ever(RuntimeError)
