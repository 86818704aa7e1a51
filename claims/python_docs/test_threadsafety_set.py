"""Documentation, page "Thread Safety Guarantees", section "Thread safety for set objects"."""

from __future__ import annotations

import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import Lab

from .objects import (
    LONG,
    SIZE,
    Finalized,
    Two,
    Value,
    Watching,
    each_of,
    no_switch_within,
    process,
    seen_half_done,
    without_a_gil,
)
from .tables import ROW, Act, case, operations_of
from .unlocked import BUILT_IN, race

SOURCE = "docs: Thread Safety Guarantees, set"


def numbers(types: SimpleNamespace) -> Any:
    return types.set(range(SIZE))


def two_sets(types: SimpleNamespace) -> Two:
    """Return two sets that have half of their elements in common."""
    return Two(types.set(range(SIZE)), types.set(range(SIZE // 2, SIZE + SIZE // 2)))


def clear(s: Any) -> None:
    s.clear()


def refill(s: Any) -> None:
    """Replace all elements by others."""
    s ^= OTHERS


ALL = frozenset(range(SIZE))
#: The same, and as many others: what is in exactly one of both is the others.
OTHERS = frozenset(range(2 * SIZE))


# --- one set

ATOMIC = [
    case("len", "len(s)", lambda s: len(s), refill, seen_half_done),
    case("copy", "s.copy()", lambda s: len(s.copy() & ALL), refill),
]
WRITES = [
    case("add", "s.add(elem)", lambda s: s.add(-1), clear),
    case("remove", "s.remove(elem)", lambda s: s.remove(0), lambda s: s.remove(0)),
    case("discard", "s.discard(elem)", lambda s: s.discard(0), lambda s: s.remove(0)),
    case("pop", "s.pop()", lambda s: s.pop(), lambda s: s.pop()),
]


@pytest.mark.parametrize(ROW, ATOMIC)
@pytest.mark.claim("{text} is atomic", source=SOURCE)
def test_an_operation_of_a_set_is_atomic(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert race(lab, numbers, operation, beside, observe=sum).atomic()


@pytest.mark.claim("add, remove, discard and pop are safe, each beside each", source=SOURCE, budget=LONG)
def test_changes_of_a_set_are_safe(lab: Lab) -> None:
    operations = lab.operations(partial(numbers, BUILT_IN), *operations_of(WRITES), observe=sum, each=1)
    assert operations.linearizable()


@pytest.mark.claim(
    "While s.clear() runs, other threads do not observe elements being removed: all are there, or none",
    source=SOURCE,
)
def test_elements_of_a_set_are_not_seen_being_removed(lab: Lab) -> None:
    seen = race(
        lab,
        lambda types: types.set([Finalized() for _ in range(5)]),
        clear,
        lambda s: (len(s), len(s.copy())),
        observe=lambda _, values: values[1],
    )
    assert seen.always((5, 5), (5, 0), (0, 0))


def look_for_both_ends(two: Two) -> tuple[bool, bool]:
    return 1000 in two.target, 1000 + SIZE - 1 in two.target


def update(two: Two) -> None:
    two.target.update(two.source)


@without_a_gil
@pytest.mark.refuted(
    sys.version_info < (3, 15), reason="until 3.15, elem in s takes the set's lock (gh-132657 made it lock-free)"
)
@pytest.mark.claim("elem in s may observe an intermediate state of an operation that holds the lock", source=SOURCE)
def test_membership_may_observe_an_intermediate_state(lab: Lab) -> None:
    seen = lab.race(
        lambda: Two(set(), set(range(1000, 1000 + SIZE))),
        look_for_both_ends,
        update,
        observe=lambda _, values: values[0],
    )
    assert seen.ever((True, False))


# --- elements that are compared in Python

COMPARISONS = [
    case("in", "elem in s", lambda s: Value(0) in s, lambda s: s.add("new")),
    case("add", "s.add(elem)", lambda s: s.add(Value(0)), lambda s: s.add("new")),
    case("remove", "s.remove(elem)", lambda s: s.remove(Value(0)), lambda s: s.add("new")),
    case("discard", "s.discard(elem)", lambda s: s.discard(Value(0)), lambda s: s.add("new")),
]


@pytest.mark.parametrize(ROW, COMPARISONS)
@pytest.mark.claim(
    "While {text} compares elements whose __eq__ is written in Python, another thread can change the set",
    source=SOURCE,
)
def test_a_set_can_change_while_its_elements_are_compared(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    def setup() -> Two:
        s: set[Any] = set()
        element = Watching(0, s)
        s.add(element)
        return Two(s, element)

    seen = lab.race(
        setup,
        lambda two: operation(two.target),
        lambda two: beside(two.target),
        observe=lambda two: two.source.saw_a_change,
    )
    assert seen.ever(True)


# --- two sets


def clear_source(two: Two) -> None:
    two.source.clear()


def update_in_place(two: Two) -> None:
    s = two.target
    s |= two.source


def intersect_in_place(two: Two) -> None:
    s = two.target
    s &= two.source


def subtract_in_place(two: Two) -> None:
    s = two.target
    s -= two.source


def differ_in_place(two: Two) -> None:
    s = two.target
    s ^= two.source


TWO_SETS = [
    case("ior", "s |= other", update_in_place, clear_source),
    case("iand", "s &= other", intersect_in_place, clear_source),
    case("isub", "s -= other", subtract_in_place, clear_source),
    case("ixor", "s ^= other", differ_in_place, clear_source),
]


@pytest.mark.parametrize(ROW, TWO_SETS)
@pytest.mark.claim("{text} locks both sets: it is safe from changes of the other one", source=SOURCE)
def test_an_operation_on_two_sets_is_safe(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert race(lab, two_sets, operation, beside, observe=lambda two: len(two.target)).atomic()


def by_operators(two: Two) -> tuple[int, ...]:
    s, other = two
    return len(s | other), len(s & other), len(s - other), len(s ^ other)


def by_methods(two: Two) -> tuple[int, ...]:
    s, other = two
    return (
        len(s.union(other)),
        len(s.intersection(other)),
        len(s.difference(other)),
        len(s.symmetric_difference(other)),
    )


def by_updates(two: Two) -> tuple[int, ...]:
    united, common, less, one = set(ALL), set(ALL), set(ALL), set(ALL)
    united.update(two.source)
    common.intersection_update(two.source)
    less.difference_update(two.source)
    one.symmetric_difference_update(two.source)
    return len(united), len(common), len(less), len(one)


def are_of_one_moment(lengths: tuple[int, ...]) -> bool:
    """Return whether each length is that beside all elements of the other set, or beside none."""
    united, common, less, one = lengths
    half = SIZE // 2
    return united in (SIZE + half, SIZE) and common in (half, 0) and less in (half, SIZE) and one == SIZE


FOUR = [
    pytest.param("s | other, s & other, s - other and s ^ other", by_operators, id="operators"),
    pytest.param("union, intersection, difference and symmetric_difference", by_methods, id="methods"),
    pytest.param(
        "update, intersection_update, difference_update and symmetric_difference_update", by_updates, id="updates"
    ),
]


@pytest.mark.parametrize(("text", "operation"), FOUR)
@pytest.mark.claim("{text} lock both sets: each is safe from changes of the other one", source=SOURCE, budget=LONG)
def test_operations_on_two_sets_are_safe(lab: Lab, text: str, operation: Act) -> None:
    seen = race(lab, two_sets, operation, clear_source, observe=lambda _, values: values[0])
    assert seen.always(are_of_one_moment)


@pytest.mark.claim("s.update(a dict) locks both: it is safe from changes of the dict", source=SOURCE)
def test_an_update_of_a_set_by_a_dict_is_safe(lab: Lab) -> None:
    def setup(types: SimpleNamespace) -> Two:
        return Two(types.set(), types.dict(enumerate(range(SIZE))))

    assert race(lab, setup, update, clear_source, observe=lambda two: len(two.target)).atomic()


@pytest.mark.claim(
    "s |= other beside other |= s never waits for ever, although both lock both", source=f"{SOURCE}, beyond"
)
def test_two_sets_that_update_each_other_do_not_deadlock(lab: Lab) -> None:
    def update_the_other_way(two: Two) -> None:
        other = two.source
        other |= two.target

    def lengths(two: Two) -> tuple[int, int]:
        return len(two.target), len(two.source)

    assert race(lab, two_sets, update_in_place, update_the_other_way, observe=lengths).atomic()


def replace_half(two: Two) -> None:
    """Put the other half of the numbers into the second set, in place of those that are there."""
    s = two.source
    s ^= ALL


def replace_half_by_way_of_all(two: Two) -> None:
    two.source.update(ALL)
    process(list(range(3000)))  # takes some time
    two.source.difference_update(range(SIZE // 2))


def replace_half_by_way_of_none(two: Two) -> None:
    two.source.clear()
    process(list(range(3000)))
    two.source.update(range(SIZE // 2, SIZE))


TESTS = [
    pytest.param(
        "s.isdisjoint(other)",
        lambda two: two.target.isdisjoint(two.source),
        replace_half_by_way_of_none,
        id="isdisjoint",
    ),
    pytest.param(
        "s.issubset(other)",
        lambda two: two.target.issubset(two.source),
        replace_half_by_way_of_all,
        id="issubset",
    ),
    pytest.param(
        "s.issuperset(other)",
        lambda two: two.source.issuperset(two.target),
        replace_half_by_way_of_all,
        id="issuperset",
    ),
]


@pytest.mark.parametrize(("text", "operation", "in_steps"), TESTS)
@pytest.mark.claim("{text} locks both sets: it is not true of sets that it is never true of", source=SOURCE)
def test_a_comparison_of_two_sets_is_of_one_moment(lab: Lab, text: str, operation: Act, in_steps: Act) -> None:
    seen = lab.race(
        lambda: Two(set(ALL), BUILT_IN.set(range(SIZE // 2))),
        operation,
        replace_half,
        observe=lambda _, values: values[0],
        control=(operation, in_steps),
    )
    assert seen.always(False)


@pytest.mark.claim("s.update(iterable) may see a change of any other iterable half done", source=SOURCE)
def test_updating_a_set_from_an_iterable_may_see_it_change(lab: Lab) -> None:
    seen = lab.race(
        lambda: Two(set(), list(range(3))),
        lambda two: two.target.update(each_of(two.source)),
        clear_source,
        observe=lambda two: len(two.target),
    )
    assert seen.ever(1, 2)


# --- what is not atomic


def remove_if_there(s: Any) -> None:
    if 0 in s:
        s.remove(0)


@no_switch_within
@pytest.mark.claim("if elem in s: s.remove(elem) is not atomic: it can be gone by then", source=SOURCE)
def test_an_element_can_be_gone_after_it_was_there(lab: Lab) -> None:
    assert lab.race(lambda: {0}, remove_if_there, remove_if_there, exceptions=KeyError).ever(KeyError)


def go_through(s: Any) -> None:
    for element in s:
        process(element)


@pytest.mark.claim("Iterating over a set while another thread adds an element can raise RuntimeError", source=SOURCE)
def test_iterating_over_a_set_that_changes_can_raise(lab: Lab) -> None:
    seen = lab.race(lambda: {0, 1}, go_through, lambda s: s.add("new"), exceptions=RuntimeError)
    assert seen.ever(RuntimeError)
