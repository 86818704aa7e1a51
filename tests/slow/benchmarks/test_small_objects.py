"""The small objects: their right outcomes are those of actors that run one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import Any

import pytest

from helpers.benchmark_modules import benchmark_module

OBJECTS = (*benchmark_module("small_objects").OBJECTS, *benchmark_module("c_objects").OBJECTS_IN_C)


def one_after_the_other(what: Any, actors: Sequence[Any], order: Sequence[int]) -> Hashable:
    """Return the outcome of actors in an order."""
    state = what.setup()
    values = {me: actors[me](state) for me in order}
    return tuple(values[me] for me in sorted(values)) if what.observe is None else what.observe(state)


@pytest.mark.parametrize("what", [what for what in OBJECTS if "wait" not in what.name], ids=lambda what: what.name)
def test_one_after_the_other_is_right(what: Any) -> None:
    """In any order; and also with the control, which goes wrong only if threads overlap."""
    for actors in filter(None, (what.actors, what.control)):
        outcomes = {one_after_the_other(what, actors, order) for order in itertools.permutations(range(len(actors)))}
        assert outcomes <= what.right


@pytest.mark.parametrize("what", [what for what in OBJECTS if "wait" in what.name], ids=lambda what: what.name)
def test_those_that_wait_are_right_if_what_they_wait_for_is_there(what: Any) -> None:
    """The last actor provides it."""
    order = [len(what.actors) - 1, *range(len(what.actors) - 1)]
    assert one_after_the_other(what, what.actors, order) in what.right


def test_each_has_a_name_of_its_own() -> None:
    """Their truth is stored by name."""
    names = [what.name for what in OBJECTS]
    assert len(names) == len(set(names))
