"""Small objects whose work is done in C, where no schedule can switch, but threads that run freely may.

Like ``small_objects.py``. On builds without a GIL, C code runs at the same time as other C code; on others, it may
release the GIL in the middle of a call.
"""

from __future__ import annotations

import functools
import io
import os
import random
from collections import Counter, deque

from small_objects import SmallObject, same


class Pipe:
    """A text file to write to, and what was written."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.raw = open(writer, "wb", buffering=0)  # noqa: SIM115, PTH123  (a descriptor; written_to closes it)
        self.text = io.TextIOWrapper(self.raw, write_through=True)  # like sys.stderr
        self.buffered = io.BufferedWriter(self.raw, buffer_size=2)


def written_to(pipe: Pipe) -> bytes:
    """Close the pipe, and return what was written."""
    pipe.buffered.flush()
    pipe.text.close()
    text = os.read(pipe.reader, 1000)
    os.close(pipe.reader)
    return text


def print_ab(pipe: Pipe) -> None:
    print("a", "b", file=pipe.text)


def print_cd(pipe: Pipe) -> None:
    print("c", "d", file=pipe.text)


def write_aaa(pipe: Pipe) -> None:
    pipe.buffered.write(b"aaa")


def write_bbb(pipe: Pipe) -> None:
    pipe.buffered.write(b"bbb")


def print_aaa(pipe: Pipe) -> None:
    print("a", "a", "a", sep="", end="", file=pipe.text)


def print_bbb(pipe: Pipe) -> None:
    print("b", "b", "b", sep="", end="", file=pipe.text)


class Items:
    def __init__(self) -> None:
        self.list = [3, 1, 2]
        self.deque = deque((1, 2, 3))
        self.dict = {1: 1, 2: 2, 3: 3}
        self.counter = Counter("a")


def sort_by_key(items: Items) -> bool:
    try:
        items.list.sort(key=same)
    except ValueError:  # it was changed meanwhile
        return False
    return True


def append_0(items: Items) -> None:
    items.list.append(0)


def list_of(items: Items) -> tuple[int, ...]:
    return tuple(items.list)


def rotate(items: Items) -> None:
    items.deque.rotate(1)


def copy_deque(items: Items) -> tuple[int, ...] | None:
    try:
        return tuple(items.deque)
    except RuntimeError:  # it was changed meanwhile
        return None


def sum_of_values(items: Items) -> int | None:
    try:
        return sum(items.dict.values())
    except RuntimeError:  # it was changed meanwhile
        return None


def insert_4(items: Items) -> None:
    items.dict[4] = 4


def count_a(items: Items) -> None:
    items.counter.update("a")


def number_of_a(items: Items) -> int:
    return items.counter["a"]


def half_used_random() -> random.Random:
    """Return a generator that has the second number of a pair stored."""
    generator = random.Random(0)  # noqa: S311  (not a secret)
    generator.gauss(0.0, 1.0)
    return generator


def draw(generator: random.Random) -> float:
    return generator.gauss(0.0, 1.0)


def _both_drawn() -> tuple[float, float]:
    """Return what two threads draw, one after the other."""
    generator = half_used_random()
    return draw(generator), draw(generator)


class CachedC:
    """A C function with ``functools.lru_cache``."""

    def __init__(self) -> None:
        self.call = functools.lru_cache(maxsize=None)(abs)


def call_cached(cached: CachedC) -> None:
    cached.call(-1)


def hits_and_misses(cached: CachedC) -> tuple[int, int]:
    info = cached.call.cache_info()
    return info.hits, info.misses


OBJECTS_IN_C = (
    SmallObject(
        "print to a text file",
        Pipe,
        (print_ab, print_cd),
        frozenset({b"a b\nc d\n", b"c d\na b\n"}),
        written_to,
        pooled=False,
    ),
    SmallObject(
        "io.BufferedWriter",
        Pipe,
        (write_aaa, write_bbb),
        frozenset({b"aaabbb", b"bbbaaa"}),
        written_to,
        control=(print_aaa, print_bbb),
        pooled=False,
    ),
    SmallObject(
        "list.sort and append", Items, (sort_by_key, append_0), frozenset({(0, 1, 2, 3), (1, 2, 3, 0)}), list_of
    ),
    SmallObject(
        "deque.rotate and copy", Items, (rotate, copy_deque), frozenset({(None, (1, 2, 3)), (None, (3, 1, 2))})
    ),
    SmallObject("sum of dict and insert", Items, (sum_of_values, insert_4), frozenset({(6, None), (10, None)})),
    SmallObject("Counter.update", Items, (count_a, count_a), frozenset({3}), number_of_a),
    SmallObject("random.gauss", half_used_random, (draw, draw), frozenset({_both_drawn(), _both_drawn()[::-1]})),
    SmallObject("lru_cache of C", CachedC, (call_cached, call_cached), frozenset({(1, 1)}), hits_and_misses),
)
