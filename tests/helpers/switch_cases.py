"""Code of each kind at which an interpreter may switch threads, or not."""
# ruff: noqa: D101, D102, D103 - the names say what these are

from __future__ import annotations

import contextlib
import functools
import itertools
import threading
from collections.abc import Generator, Iterator
from typing import Any


class Number:
    """An object whose operators run Python code; some of its methods are written in C."""

    def __init__(self) -> None:
        self.value: Any = 0
        self.lock = threading.Lock()

    def get(self, *, plus: int = 0) -> Any:
        return self.value + plus

    @property
    def read(self) -> Any:
        return self.value

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __bool__(self) -> bool:
        return True

    def __format__(self, how: str) -> str:
        return "number"

    def __call__(self) -> int:
        return 1

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> bool:
        return True

    def __getitem__(self, index: int) -> int:
        return index


class Point:
    def __init__(self, x: int) -> None:
        self.x = x


class Later:
    def __await__(self) -> Generator[int, None, None]:
        yield 1


def same(value: Any) -> Any:
    return value


def counting() -> Iterator[int]:
    yield 1
    yield 2


def delegating() -> Iterator[int]:
    yield from counting()


async def awaiting() -> None:
    await Later()
    number.value = 1


number = Number()
keys: dict[Any, int] = {number: 1}
ones = [1]
nothing: list[int] = []
bound_to_one = functools.partial(same, 1)
endless = itertools.count()
cached = functools.lru_cache(maxsize=0)(same)


def attributes() -> None:
    number.value += 1
    number.value = ones[0]
    del ones[0]
    ones[:] = [1]


def python_calls() -> None:
    number.value = same(1)
    number.value = number.get()
    number.value = number.get(plus=1)
    number.value = same(same(1))


def star_calls() -> None:
    one = (1,)
    number.value = same(*one)
    number.value = max(*one, 2)
    number.value = Point(*one).x
    number.value = same(value=1)


def star_call_of_a_method() -> None:
    none = ()
    number.value = number.get(*none)


def c_calls() -> None:
    number.value = max(1, 2)
    number.value = keys.get(None, 1)
    number.value = min(ones, key=same)
    number.value = int("1")


def specialized_calls() -> None:
    number.value = len(ones)
    number.value = isinstance(ones, list)
    ones.append(1)
    ones.pop()


def calls_of_classes() -> None:
    number.value = Point(1).x
    number.value = Point(x=1).x


def calls_through_c() -> None:
    number.value = bound_to_one()
    number.value = cached(1)
    number.value = number()
    number.value = next(endless)


def python_through_operators() -> None:
    number.value = number.read
    number.value = number == ones
    number.value = keys[number]
    number.value = f"{number}"
    number.value = number[1]


def locked() -> None:
    with number.lock:
        number.value = 1
    number.value = 2


def managed() -> None:
    with number:
        number.value = 1
    number.value = 2


def managed_with_an_error() -> None:
    with number:
        raise ValueError
    number.value = 2


def conditions() -> None:
    empty = nothing
    if empty:
        number.value = 1
    else:
        number.value = 2
    if not empty:
        number.value = 3
    if 1 in ones and 2 not in ones:
        number.value = 4
    number.value = 5 if number else 6


def loops() -> None:
    for value in (1, 2):
        number.value = value
    count = 0
    while count < 2:
        count += 1
        number.value = count
    rest: int | None = 1
    while rest is not None:
        number.value = rest
        rest = None if rest == 3 else rest + 1


def loop_without_an_end() -> None:
    value = 0
    while True:
        number.value = value
        value += 1
        if value > 2:
            break


def one_round() -> None:
    before = number.value
    for value in (1,):
        number.value = before + value


def comprehensions() -> None:
    number.value = [value + 1 for value in (1, 2)]
    number.value = sum(value for value in (1, 2))


def generators() -> None:
    for value in counting():
        number.value = value
    for value in delegating():
        number.value = value


def coroutines() -> None:
    coroutine = awaiting()
    with contextlib.suppress(StopIteration):
        coroutine.send(None)
        coroutine.send(None)


def errors() -> None:
    try:
        raise ValueError
    except ValueError:
        number.value = 1
    try:
        try:
            number.value = keys["none"]
        finally:
            number.value = 2
    except KeyError as error:
        number.value = error
    number.value = 3


def choice_of_a_call() -> None:
    number.value = 1 if number.value is number else len(ones)
    number.value = len(ones) if number.value is number else 1


#: Arguments of instructions that take more than one byte: many constants, and a jump over them.
LONG = "def long_arguments():\n    for value in (1, 2):\n"
LONG += (
    "".join(f"        number.value = {count}.5\n" for count in range(300)) + "        number.value = max(value, 1)\n"
)
exec(compile(LONG, __file__, "exec"))
long_arguments: Any = globals()["long_arguments"]

#: All of them, except star_call_of_a_method and long_arguments.
CASES = (
    attributes,
    python_calls,
    star_calls,
    c_calls,
    specialized_calls,
    calls_of_classes,
    calls_through_c,
    python_through_operators,
    locked,
    managed,
    managed_with_an_error,
    conditions,
    loops,
    loop_without_an_end,
    one_round,
    comprehensions,
    generators,
    coroutines,
    errors,
    choice_of_a_call,
)
#: Those that call a generator function or a coroutine function.
MAKE_GENERATORS = (comprehensions, generators, coroutines)
