"""Scenarios: every different one once, the smallest first."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import pytest

from pytest_concclaims.lab.race.orders import MOST_ORDERS, order_count
from pytest_concclaims.lab.race.scenarios import Operation, Scenario, Shape, any_scenario, count, scenarios, shapes

SHAPES: tuple[Shape, ...] = ((1,), (1, 1), (2, 1), (2, 2), (1, 1, 1), (2, 1, 1), (2, 2, 1), (3, 1))


@pytest.mark.parametrize(
    ("threads", "each", "expected"),
    [
        (2, 1, [(1, 1)]),
        (2, 2, [(1, 1), (2, 1), (2, 2)]),
        (2, 3, [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)]),
        (3, 2, [(1, 1, 1), (2, 1, 1), (2, 2, 1), (2, 2, 2)]),
    ],
)
def test_shapes(threads: int, each: int, expected: list[Shape]) -> None:
    """The smallest come first; shapes that differ only in the order of the threads are one."""
    assert shapes(threads, each) == expected


@pytest.mark.parametrize(("threads", "each"), [(4, 2), (3, 5), (4, 5), (2, 5)])
def test_shapes_have_orders_that_can_be_run(threads: int, each: int) -> None:
    """Shapes with thousands of orders are left out."""
    found = shapes(threads, each)
    assert found[0] == (1,) * threads
    assert max(map(order_count, found)) <= MOST_ORDERS
    every = set(itertools.combinations_with_replacement(range(each, 0, -1), threads))
    assert all(order_count(shape) > MOST_ORDERS for shape in every.difference(found))


@pytest.mark.parametrize("operations", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_every_different_scenario_once(shape: Shape, operations: int) -> None:
    """Two are the same if only the threads are exchanged."""
    per_thread = [itertools.product(range(operations), repeat=length) for length in shape]
    different = {tuple(sorted(threads)) for threads in itertools.product(*per_thread)}
    found = list(scenarios(shape, operations))
    assert {tuple(sorted(scenario)) for scenario in found} == different
    assert len(found) == len(different) == count(shape, operations)
    assert all(tuple(map(len, scenario)) == shape for scenario in found)


def test_chosen_at_random() -> None:
    """A random scenario has the shape, and each can be chosen."""
    shape, seen = (2, 1), set[Scenario]()
    while len(seen) < count(shape, 2):
        scenario = any_scenario(shape, 2)
        assert tuple(map(len, scenario)) == shape
        seen.add(scenario)
    assert seen == set(scenarios(shape, 2))


def put(state: list[Any], item: object) -> None:
    """Append."""
    state.append(item)


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (Operation(put, (1,)), "put(1)"),
        (Operation(put, ("a",)), "put('a')"),
        (Operation(partial(put, item=1)), "put()"),
    ],
)
def test_operation(operation: Operation, text: str) -> None:
    """It is shown as a call."""
    assert repr(operation) == text


def test_operation_is_called_with_the_state_first() -> None:
    """Its arguments follow."""
    state: list[Any] = []
    Operation(put, (7,))(state)
    assert state == [7]
