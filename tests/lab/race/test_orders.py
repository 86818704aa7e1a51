"""Orders of calls, their results, and which orders a history allows."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_concclaims.lab.race.orders import (
    Call,
    History,
    Order,
    Raised,
    Results,
    Sequential,
    is_possible,
    kept,
    order_count,
    orders,
    result_of,
)

#: The first and the second call of two actors.
A1, A2, B1 = (0, 0), (0, 1), (1, 0)


@pytest.mark.parametrize(
    ("counts", "of"), [((), 1), ((0, 0), 1), ((1,), 1), ((1, 1), 2), ((2, 1), 3), ((1, 1, 1), 6), ((2, 2), 6)]
)
def test_orders(counts: tuple[int, ...], of: int) -> None:
    """Their number is the multinomial coefficient, each occurs once, and an actor makes all its calls in each."""
    found = list(orders(counts))
    assert len(found) == len(set(found)) == order_count(counts) == of
    assert all(tuple(order.count(actor) for actor in range(len(counts))) == counts for order in found)


def test_many_orders_are_counted_without_being_made() -> None:
    """Four actors with five calls each have twelve thousand million orders."""
    assert order_count((5, 5, 5, 5)) == 11_732_745_024


@pytest.mark.parametrize(
    ("order", "before", "possible"),
    [
        ((0, 1), set(), True),
        ((0, 1), {(A1, B1)}, True),
        ((1, 0), {(A1, B1)}, False),
        ((0, 1, 0), {(A1, B1), (A1, A2)}, True),
        ((0, 0, 1), {(B1, A2)}, False),
        ((0, 1, 0), {(B1, A2)}, True),
        ((1, 0, 0), {(A1, A2)}, True),
    ],
)
def test_what_has_ended_before_comes_before(order: Order, before: set[tuple[Call, Call]], possible: bool) -> None:
    """An order is impossible if a call comes after one that began when it had ended."""
    assert is_possible(order, frozenset(before)) is possible


def results(*values: Any, state: Any = None, before: tuple[tuple[Call, Call], ...] = ()) -> Results:
    """Return the results of actors with one call each."""
    return Results(tuple((value,) for value in values), state, frozenset(before))


@pytest.mark.parametrize(
    ("found", "allowed"),
    [
        (results(1, 2), True),
        (results(2, 1), True),
        (results(1, 1), False),
        (results(1, 2, state=0), False),
        (results(1, 2, before=((A1, B1),)), True),
        (results(1, 2, before=((B1, A1),)), False),
        (results(2, 1, before=((B1, A1),)), True),
    ],
    ids=repr,
)
def test_an_order_that_is_possible_allows_its_results(found: Results, allowed: bool) -> None:
    """The first actor returns 1 if it comes first; if it ended before the other one began, it must come first."""
    sequential = Sequential((((0, 1), results(1, 2)), ((1, 0), results(2, 1))))
    assert sequential.allows(found) is allowed


def test_results_are_equal_if_values_and_state_are() -> None:
    """Which calls ended before others began does not matter."""
    assert results(1, before=((A1, B1),)) == results(1)
    for other in (results(2), results(1, state=1), results(1, 1), results(Raised(KeyError))):
        assert results(1) != other
    assert results(Raised(KeyError)) == results(Raised(KeyError)) != results(Raised(IndexError))


@pytest.mark.parametrize(
    ("found", "text", "empty"),
    [
        (results(None, None), "(None, None)", True),
        (Results(((None, None), ())), "(None, None)", True),
        (results(1, None), "(1, None)", False),
        (results(None, None, state=2), "2", False),
        (results(None, state=()), "()", False),
        (results(1, 2, state=3), "(1, 2) and 3", False),
        (results(0, Raised(IndexError)), "(0, IndexError raised)", False),
        (results(0, False), "(0, False)", False),
        (results(False), "(False,)", False),
    ],
)
def test_results_in_words(found: Results, text: str, empty: bool) -> None:
    """They show all values, and the state if there is one; they are empty if all are None."""
    assert repr(found) == text
    assert found.is_empty is empty


def test_an_exception_is_a_result() -> None:
    """A failed assertion and the end of the program are not."""
    assert result_of(lambda: 7) == 7
    assert result_of([].pop) == Raised(IndexError)

    def fail() -> None:
        raise AssertionError

    def leave() -> None:
        raise SystemExit

    for call, error in ((fail, AssertionError), (leave, SystemExit)):
        with pytest.raises(error):
            result_of(call)


def test_history() -> None:
    """A call comes before the calls of any actor that begin after its end."""
    history = History()
    history.begin(A1)
    history.begin(B1)
    assert history.before == set()
    history.end(A1)
    history.begin(A2)
    assert history.before == {(A1, A2)}
    history.end(B1)
    history.begin((2, 0))
    assert history.before == {(A1, A2), (A1, (2, 0)), (B1, (2, 0))}


@dataclass
class Totals:
    """Mutable, and equal to one with the same totals."""

    numbers: list[int] = field(default_factory=list)


@pytest.mark.parametrize(
    "make",
    [
        lambda: [1],
        lambda: {"key": [1]},
        lambda: {1},
        lambda: bytearray(b"1"),
        lambda: deque([1]),
        lambda: deque([[1]], maxlen=3),
        lambda: Counter("aab"),
        lambda: OrderedDict(key=[1]),
        lambda: Totals([1]),
        lambda: ([1], [Totals([1])]),
    ],
    ids=lambda make: repr(make()),
)
def test_what_can_change_is_kept_as_it_is_now(make: Any) -> None:
    """Otherwise a state that ``setup`` clears for the next run would always be equal to itself."""
    found = make()
    copied = kept(found)
    assert copied == make()
    assert type(copied) is type(found)
    inner = found
    while isinstance(inner, (tuple, dict, deque, Totals)) and not isinstance(inner, Counter):
        if isinstance(inner, Totals):
            inner = inner.numbers
        elif isinstance(inner, deque) and not isinstance(inner[0], list):
            break
        else:
            inner = next(iter(inner.values())) if isinstance(inner, dict) else inner[0]
    inner.clear()
    assert copied == make()


def test_what_can_be_hashed_stays_itself() -> None:
    """Its identity may matter, also in a container."""
    missing = object()
    for found in (missing, [missing], (missing, []), {"key": missing}, deque([missing])):
        assert kept(found) == found
    frozen = dataclasses.make_dataclass("Frozen", ["x"], frozen=True)(missing)
    assert kept(frozen) is frozen


def test_orders_come_in_the_order_of_the_actors() -> None:
    """The first order is that of the arguments."""
    assert list(orders((1, 1, 1))) == list(itertools.permutations(range(3)))
