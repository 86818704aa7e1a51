"""Objects with methods in Python that built-in types call, and what interpreters do not promise alike."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pytest

from pytest_concclaims import CPYTHON, gil_enabled

#: How many elements an object has: to go through them takes some time.
SIZE = 100

#: Seconds for claims with many schedules, or with few samples: an answer takes less where it can.
LONG = 10.0

#: For what is said to go wrong without a GIL.
without_a_gil = pytest.mark.skipif(
    gil_enabled(), reason="the page speaks of the free-threaded build with its GIL disabled"
)

#: For what is called not atomic, and has no call of a Python function within.
no_switch_within = pytest.mark.refuted(
    CPYTHON and gil_enabled() and sys.version_info >= (3, 10),
    reason="since 3.10 CPython with a GIL switches threads only at calls and at the ends of loops, and there is "
    "neither between the two steps (Python/ceval.c, CHECK_EVAL_BREAKER)",
)


#: Of a length that is read without the lock that another operation has.
seen_half_done = pytest.mark.refuted(
    not gil_enabled(),
    reason="without a GIL, len() takes no lock, and sees an operation that changes many elements half done "
    "(gh-129519)",
)


class Two(NamedTuple):
    """Two objects: an operation's own, and the one that it reads."""

    target: Any
    source: Any


class Value:
    """A number whose ``__eq__`` and ``__hash__`` are written in Python: threads can be switched there."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and self.number == other.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __repr__(self) -> str:
        return f"Value({self.number})"


class Watching(Value):
    """A key that notices whether a container changes its length while the key is compared."""

    def __init__(self, number: int, container: Any) -> None:
        super().__init__(number)
        self.container = container
        self.saw_a_change = False

    def __eq__(self, other: object) -> bool:
        before = len(self.container)
        equal = super().__eq__(other)
        self.saw_a_change = self.saw_a_change or len(self.container) != before
        return equal

    __hash__ = Value.__hash__


class Finalized:
    """An object whose finalizer is written in Python: threads can be switched there."""

    def __del__(self) -> None:
        process(self)


def process(item: object) -> object:
    """Return an item: a call of a function, at which threads can be switched."""
    return item


def take_time() -> None:
    """Take some time without a switch point within it, so that threads without a GIL meet here."""
    process(list(range(1000)))


def each_of(items: Iterable[Any]) -> Iterator[Any]:
    """Yield each item: a generator, which is none of the types that operations lock."""
    for item in items:  # noqa: UP028  (each is a step of its own)
        yield item
