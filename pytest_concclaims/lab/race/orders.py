"""The orders in which calls can run one after the other, and the results of each.

Overlapping calls are linearizable if their results are those of some order, one after the other, in which a call
that ended before another one began comes before it: Herlihy and Wing, Linearizability: A Correctness Condition for
Concurrent Objects, TOPLAS 1990.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..failure import is_of_the_call

#: For each call, its actor; an actor's calls are in their own order.
Order = tuple[int, ...]
#: A call: its actor, and its number among that actor's.
Call = tuple[int, int]
#: The maximal number of orders, as each is run more than once.
MOST_ORDERS = 1_000


@dataclass(frozen=True)
class Raised:
    """The result of a call that raised: the type of the exception."""

    type: type[BaseException]

    def __repr__(self) -> str:
        return f"{self.type.__name__} raised"


_UNCHANGING = frozenset({type(None), bool, int, float, str, bytes, Raised})


def result_of(call: Callable[[], object]) -> object:
    """Return what a call returns or raises.

    A failed assertion is not a result, as it is about the claim; nor is the exception of a call with wrong
    arguments.
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
    """Return a copy of a result that can change later, such as a dict that ``setup`` clears for the next run.

    A hashable result is not copied: its identity may matter.
    """
    if type(result) in _UNCHANGING:  # this is called for each sample
        return result
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
    """The results of all calls of a run; two are equal if their values and states are.

    :param values: of each actor's calls.
    :param state: what ``observe`` returned at the end; None without ``observe``.
    :param before: pairs of calls, the first of which is known to have ended before the second one began.
    """

    values: tuple[tuple[Any, ...], ...]
    state: Any = None
    before: frozenset[tuple[Call, Call]] = field(default=frozenset(), compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether all values are None, and the state is."""
        return self.state is None and all(value is None for values in self.values for value in values)

    def __repr__(self) -> str:
        flat = [value for values in self.values for value in values]
        values = repr(tuple(flat))
        if self.state is None:
            return values
        return repr(self.state) if all(value is None for value in flat) else f"{values} and {self.state!r}"


@dataclass(frozen=True)
class Sequential:
    """The results of the calls, one after the other.

    :param results: by order; orders in which a call waits for another one are missing.
    :param lacking: why no answer can rest on them; None if one can.
    :param once: what calls did only the first time; None if nothing.
    :param checked: whether many runs gave the same results, also with pauses.
    """

    results: tuple[tuple[Order, Results], ...]
    lacking: str | None = None
    once: str | None = None
    checked: bool = field(default=False, compare=False)

    def allows(self, found: Results) -> bool:
        """Return whether some order has the same results and respects which call ended before which one began."""
        return any(found == given and is_possible(order, found.before) for order, given in self.results)


def order_count(counts: Sequence[int]) -> int:
    """Return the number of orders.

    :param counts: as of :func:`orders`.
    """
    return math.factorial(sum(counts)) // math.prod(map(math.factorial, counts))


def orders(counts: Sequence[int]) -> Iterator[Order]:
    """Yield all orders of the actors' calls.

    :param counts: the number of calls of each actor.
    """
    if not any(counts):
        yield ()
    for actor, count in enumerate(counts):
        if count:
            left = [*counts[:actor], count - 1, *counts[actor + 1 :]]
            yield from ((actor, *rest) for rest in orders(left))


def is_possible(order: Order, before: frozenset[tuple[Call, Call]]) -> bool:
    """Return whether an order respects which call ended before which one began."""
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
        """Record that a call begins."""
        self.before.update((ended, call) for ended in self._ended)

    def end(self, call: Call) -> None:
        """Record that a call has ended."""
        self._ended.append(call)
