"""Calls one after the other: in which orders they may run, and the results that each order gives.

What calls that overlap may give is what they give in some order of theirs, one after the other: linearizability, by
Herlihy and Wing (Linearizability: A Correctness Condition for Concurrent Objects, TOPLAS 1990). A call that has ended
before another one begins comes before it.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..failure import is_of_the_call

#: The actors of calls, one after the other: each takes its next one.
Order = tuple[int, ...]
#: A call: its actor, and its number among that actor's.
Call = tuple[int, int]
#: Orders of calls, at most: each is run, and more than once.
MOST_ORDERS = 1_000


@dataclass(frozen=True)
class Raised:
    """The result of a call that has raised; what matters is the type.

    :param type: of the exception.
    """

    type: type[BaseException]

    def __repr__(self) -> str:
        return f"{self.type.__name__} raised"


def result_of(call: Callable[[], object]) -> object:
    """Return what a call returns or raises.

    A failed assertion is no result, as it speaks of the claim itself; nor is a call with the wrong arguments.
    """
    try:
        return call()
    except AssertionError:
        raise
    except Exception as error:
        if isinstance(error, TypeError) and is_of_the_call(error):
            raise
        return Raised(type(error))


def kept(result: Any) -> Any:
    """Return a result as it is now: a copy of what can change, such as a dict that ``setup`` clears for the next run.

    What can be hashed stays itself: it may matter which one it is.
    """
    if isinstance(result, dict):
        made = copy.copy(result)
        for key, item in result.items():
            dict.__setitem__(made, key, kept(item))
        return made
    if isinstance(result, (list, deque)):
        changed = copy.copy(result)
        for place, item in enumerate(result):
            changed[place] = kept(item)
        return changed
    if type(result) is tuple:
        return tuple(map(kept, result))
    if isinstance(result, set):
        return copy.copy(result)
    try:
        hash(result)
    except TypeError:
        return copy.deepcopy(result)
    return result


@dataclass(frozen=True)
class Results:
    """What came of all calls of a run: equal to another if values and state are.

    :param values: of each actor's calls.
    :param state: what was observed of it at the end; None where it is not observed.
    :param before: pairs of calls, the first of which ended before the second one began, as far as that is known.
    """

    values: tuple[tuple[Any, ...], ...]
    state: Any = None
    before: frozenset[tuple[Call, Call]] = field(default=frozenset(), compare=False)

    @property
    def is_empty(self) -> bool:
        """Return whether they say nothing."""
        return self.state is None and all(value is None for values in self.values for value in values)

    def __repr__(self) -> str:
        flat = [value for values in self.values for value in values]
        values = repr(tuple(flat))
        if self.state is None:
            return values
        return repr(self.state) if all(value is None for value in flat) else f"{values} and {self.state!r}"


@dataclass(frozen=True)
class Sequential:
    """What the calls give one after the other.

    :param results: by order; those in which a call waits for another one are missing.
    :param lacking: why they are no ground for an answer; None if they are.
    :param once: whether calls did other things the first time than the second time.
    """

    results: tuple[tuple[Order, Results], ...]
    lacking: str | None = None
    once: bool = False

    def allows(self, found: Results) -> bool:
        """Return whether an order of the calls gives what was found, and respects which ended before which began."""
        return any(found == given and is_possible(order, found.before) for order, given in self.results)


def order_count(counts: Sequence[int]) -> int:
    """Return how many orders there are of the calls of some actors.

    :param counts: as of :func:`orders`.
    """
    return math.factorial(sum(counts)) // math.prod(map(math.factorial, counts))


def orders(counts: Sequence[int]) -> Iterator[Order]:
    """Yield all orders of the calls of some actors.

    :param counts: for each actor, how many calls it makes.
    """
    if not any(counts):
        yield ()
    for actor, count in enumerate(counts):
        if count:
            left = [*counts[:actor], count - 1, *counts[actor + 1 :]]
            yield from ((actor, *rest) for rest in orders(left))


def is_possible(order: Order, before: frozenset[tuple[Call, Call]]) -> bool:
    """Return whether an order has no call after one that began when it had ended."""
    places: dict[Call, int] = {}
    made: dict[int, int] = {}
    for place, actor in enumerate(order):
        places[actor, made.get(actor, 0)] = place
        made[actor] = made.get(actor, 0) + 1
    return all(places[first] < places[second] for first, second in before)


class History:
    """The begins and ends of calls, in the order in which they happened."""

    def __init__(self) -> None:
        self._ended: list[Call] = []
        self.before: set[tuple[Call, Call]] = set()

    def begin(self, call: Call) -> None:
        """Note that a call begins."""
        self.before.update((ended, call) for ended in self._ended)

    def end(self, call: Call) -> None:
        """Note that a call has ended."""
        self._ended.append(call)
