"""Documentation, page "functools"."""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any

import pytest

from pytest_concclaims import Lab

from .threads import CHANCE_S, PATIENCE_S, Threads

SOURCE = "docs: functools"

# --- caches of functions


class Cached:
    """A function with a cache, and how often it was called.

    :param decorator: makes the cache.
    """

    def __init__(self, decorator: Any) -> None:
        self.calls = 0

        def square(number: int) -> int:
            self.calls += 1
            return number * number

        self.square = decorator(square)


def square_two(cached: Cached) -> int:
    return int(cached.square(2))


def square_three(cached: Cached) -> int:
    return int(cached.square(3))


def size_and_misses(cached: Cached, values: tuple[int, ...]) -> tuple[object, ...]:
    info = cached.square.cache_info()
    return values, info.currsize, info.misses + info.hits


@pytest.mark.claim(
    "lru_cache is threadsafe: with concurrent updates its structure remains coherent", source=f"{SOURCE}, lru_cache"
)
def test_an_lru_cache_remains_coherent(lab: Lab) -> None:
    def full() -> Cached:
        cached = Cached(functools.lru_cache(maxsize=1))
        cached.square(2)
        return cached

    assert lab.race(full, square_two, square_three, observe=size_and_misses).always(((4, 9), 1, 3))


CACHES = [
    pytest.param("lru_cache", functools.lru_cache(maxsize=None), id="lru_cache"),
    pytest.param("cache", functools.cache, id="cache"),
]


@pytest.mark.parametrize(("text", "decorator"), CACHES)
@pytest.mark.claim(
    "{text}: the function may be called twice with the same arguments, before the first call is cached",
    source=SOURCE,
)
def test_a_cached_function_may_be_called_twice(lab: Lab, text: str, decorator: Any) -> None:
    race = lab.race(lambda: Cached(decorator), square_two, square_two, observe=lambda cached: cached.calls)
    assert race.ever(2)


# --- properties


def interrupted_cell() -> Any:
    """Return an object whose cached property is computed by a thread, and by another one meanwhile, if that can be.

    Its values are 1 and 2, in the order in which the runs begin; the first run ends last.
    """
    is_inside, may_end = threading.Event(), threading.Event()

    class Cell:
        runs = 0

        @functools.cached_property
        def value(self) -> int:
            self.runs += 1
            run = self.runs
            if run == 1:
                is_inside.set()
                may_end.wait(PATIENCE_S)
            return run

    cell = Cell()
    first = Threads(lambda: cell.value)
    is_inside.wait(PATIENCE_S)
    second = Threads(lambda: cell.value)
    second.until(lambda: False, within_s=PATIENCE_S if sys.version_info >= (3, 12) else CHANCE_S)
    may_end.set()
    first.returned()
    second.returned()
    return cell


has_a_lock = pytest.mark.refuted(
    sys.version_info < (3, 12),
    reason="before 3.12, cached_property has a lock, which the documentation did not mention (gh-87634)",
)


@has_a_lock
@pytest.mark.claim(
    "The function of a cached_property may run more than once on an object, if several threads ask for the value",
    source=f"{SOURCE}, cached_property",
)
def test_a_cached_property_may_run_twice() -> None:
    assert interrupted_cell().runs == 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before 3.12, a lock lets it run once only")
@pytest.mark.claim(
    "The latest run of a cached_property's function sets the value that is cached",
    source=f"{SOURCE}, cached_property",
)
def test_the_latest_run_sets_a_cached_property() -> None:
    cell = interrupted_cell()
    assert (cell.runs, cell.value) == (2, 1)


# --- generic functions


def generic() -> Any:
    @functools.singledispatch
    def kind(_: object) -> str:
        return "object"

    return kind


def ask(kind: Any) -> None:
    kind(1)


def register(kind: Any) -> None:
    kind.register(int, lambda _: "int")


@pytest.mark.refuted(
    True,
    reason="register() changes the registry and empties a cache, both without a lock: a call meanwhile can raise "
    "RuntimeError, or store the old implementation in the cache afterwards, where it stays",
)
@pytest.mark.claim(
    "A function of singledispatch calls an implementation once register() has returned, whatever other threads call",
    source=f"{SOURCE}, singledispatch, beyond",
)
def test_a_registered_implementation_is_called(lab: Lab) -> None:
    race = lab.race(generic, ask, register, observe=lambda kind: kind(1), exceptions=RuntimeError)
    assert race.always("int")
