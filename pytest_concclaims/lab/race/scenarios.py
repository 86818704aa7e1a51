"""The scenarios of operations: every different one, the smallest first, so that the first that fails is minimal.

The idea is Lincheck's: Koval et al., Lincheck: A Practical Framework for Testing Concurrent Data Structures on JVM,
CAV 2023.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..callables import name_of
from .orders import MOST_ORDERS, order_count

#: The number of calls of each thread, the highest first.
Shape = tuple[int, ...]
#: For each thread, the numbers of the operations that it calls.
Scenario = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Operation:
    """A call that a scenario may have; made by :meth:`Lab.op`.

    :param function: is called with the state and the arguments.
    """

    function: Callable[..., object]
    arguments: tuple[object, ...] = ()

    def __call__(self, state: Any) -> object:
        """Make the call."""
        return self.function(state, *self.arguments)

    def __repr__(self) -> str:
        return f"{name_of(self.function)}({', '.join(map(repr, self.arguments))})"


def shapes(threads: int, each: int) -> list[Shape]:
    """Return the shapes of all scenarios, the smallest first, except those whose calls have too many orders.

    :param threads: the number of threads, each of which makes at least one call.
    :param each: the maximal number of calls of each thread.
    """
    found = itertools.combinations_with_replacement(range(each, 0, -1), threads)
    few = [shape for shape in found if order_count(shape) <= MOST_ORDERS]
    return sorted(few, key=lambda shape: (sum(shape), shape))


def scenarios(shape: Shape, operations: int) -> Iterator[Scenario]:
    """Yield all scenarios of a shape; two that differ only in which thread makes which calls count as one.

    :param operations: the number of operations.
    """
    groups = [(length, len(list(group))) for length, group in itertools.groupby(shape)]
    calls = [
        itertools.combinations_with_replacement(itertools.product(range(operations), repeat=length), threads)
        for length, threads in groups
    ]
    for chosen in itertools.product(*calls):
        yield tuple(itertools.chain.from_iterable(chosen))


def count(shape: Shape, operations: int) -> int:
    """Return the number of scenarios of a shape."""
    groups = ((length, len(list(group))) for length, group in itertools.groupby(shape))
    return math.prod(math.comb(operations**length + threads - 1, threads) for length, threads in groups)


def any_scenario(shape: Shape, operations: int) -> Scenario:
    """Return a random scenario of a shape."""
    return tuple(tuple(random.choices(range(operations), k=length)) for length in shape)  # noqa: S311  (no secrets)
