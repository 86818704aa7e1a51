"""Documentation, page "Thread Safety Guarantees", section "Thread safety for list objects"."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import Lab, gil_enabled

from .objects import LONG, SIZE, Finalized, Two, Value, each_of, no_switch_within, process, without_a_gil
from .tables import ROW, Act, case, named
from .unlocked import BUILT_IN, race

SOURCE = "docs: Thread Safety Guarantees, list"


def ones(types: SimpleNamespace) -> Any:
    return types.list([float(1)] * (SIZE - 1) + [float(3)])


# --- what is atomic


def replace_all(lst: Any) -> None:
    lst[:] = [float(2)] * SIZE


def write(lst: Any) -> None:
    lst[0] = 2.0


def insert_first(lst: Any) -> None:
    lst.insert(0, 2.0)


counts_from_an_end_that_moves = pytest.mark.refuted(
    not gil_enabled(),
    reason="without a GIL, a negative index is added to a length that another thread can have changed when the "
    "element is read (gh-130744)",
)

append = named("append", lambda lst: lst.append(2.0))
pop = named("pop", lambda lst: lst.pop())
clear = named("clear", lambda lst: lst.clear())
copy = named("copy", lambda lst: len(lst.copy()))

READS = [
    case("getitem", "lst[i]", lambda lst: lst[0], replace_all),
    case("getitem-last", "lst[-1]", lambda lst: lst[-1], insert_first, counts_from_an_end_that_moves),
]


@pytest.mark.parametrize(ROW, READS)
@pytest.mark.claim("{text} is atomic", source=SOURCE)
def test_reading_an_element_of_a_list_is_atomic(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert race(lab, ones, operation, beside, observe=sum).atomic()


OTHER = [4.0]


def new_lists(lst: Any) -> tuple[int, ...]:
    """Return how many ones are in each."""
    return (lst + OTHER).count(1.0), (2 * lst).count(1.0), lst.copy().count(1.0)


def are_of_one_moment(counts: tuple[int, ...]) -> bool:
    """Return whether each list has all ones, or none."""
    each = SIZE - 1
    return all(count in (0, most) for count, most in zip(counts, (each, 2 * each, each)))


@pytest.mark.claim(
    "lst1 + lst2, x * lst and lst.copy() are atomic: each gives the list as it is at one moment", source=SOURCE
)
def test_a_new_list_is_of_one_moment(lab: Lab) -> None:
    seen = race(lab, ones, new_lists, replace_all, observe=lambda _, values: values[0])
    assert seen.always(are_of_one_moment)


@pytest.mark.claim("Writing one element, lst[i] = x, is safe to do from several threads", source=SOURCE)
def test_writing_an_element_of_a_list_is_safe(lab: Lab) -> None:
    assert race(lab, ones, write, pop, observe=sum).atomic()


@pytest.mark.claim(
    "lst.append(x), lst.pop(), lst.clear() and lst.copy() are atomic, each beside each", source=SOURCE, budget=LONG
)
def test_operations_of_a_list_are_atomic(lab: Lab) -> None:
    operations = lab.operations(partial(ones, BUILT_IN), append, pop, clear, copy, observe=len, each=1)
    assert operations.linearizable()


@pytest.mark.claim(
    "While lst.clear() runs, other threads do not observe elements being removed: all are there, or none",
    source=SOURCE,
)
def test_elements_of_a_list_are_not_seen_being_removed(lab: Lab) -> None:
    seen = race(
        lab,
        lambda types: types.list([Finalized() for _ in range(5)]),
        lambda lst: lst.clear(),
        lambda lst: (len(lst), len(lst.copy())),
        observe=lambda _, values: values[1],
    )
    assert seen.always((5, 5), (5, 0), (0, 0))


# --- sort


def sort(lst: Any) -> None:
    lst.sort(key=process)


@pytest.mark.claim("While lst.sort() runs, the list appears empty to other threads", source=SOURCE)
def test_a_list_appears_empty_while_it_is_sorted(lab: Lab) -> None:
    assert lab.race(lambda: [3, 1, 2], sort, len, observe=lambda _, values: values[1]).ever(0)


@pytest.mark.claim("While lst.sort() runs, other threads do not observe it in an intermediate order", source=SOURCE)
def test_no_intermediate_order_is_seen_while_a_list_is_sorted(lab: Lab) -> None:
    seen = race(
        lab,
        lambda types: types.list((3, 1, 2)),
        sort,
        lambda lst: tuple(lst.copy()),
        observe=lambda _, values: values[1],
    )
    assert seen.always((3, 1, 2), (), (1, 2, 3))


@pytest.mark.claim(
    "lst.sort() raises ValueError if it detects that another thread has changed the list meanwhile",
    source="docs: Built-in Types, list.sort",
)
def test_sort_detects_that_another_thread_has_changed_the_list(lab: Lab) -> None:
    assert lab.race(lambda: [3, 1, 2], sort, lambda lst: lst.append(4), exceptions=ValueError).ever(ValueError)


# --- what may see a change half done


AFFECTED = [
    case("in", "item in lst", lambda lst: Value(1) in lst, lambda lst: lst.pop(0).number),
    case("index", "lst.index(item)", lambda lst: lst.index(Value(1)) >= 0, lambda lst: lst.pop(0).number),
    case("count", "lst.count(item)", lambda lst: lst.count(Value(1)), lambda lst: lst.pop(0).number),
]


@pytest.mark.parametrize(ROW, AFFECTED)
@pytest.mark.claim("{text} may miss an item that is there, if the list changes meanwhile", source=SOURCE)
def test_a_search_in_a_list_may_be_affected(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert not lab.race(lambda: [Value(0), Value(1)], operation, beside).atomic()


def repeat_in_place(lst: Any) -> None:
    lst *= 50


waits_for_new_elements = pytest.mark.refuted(
    not gil_enabled(),
    reason="a read of an element that is not there yet takes the lock after all (Objects/listobject.c, "
    "list_get_item_ref)",
)

SHIFTING = [
    case("insert", "lst.insert(idx, item)", lambda lst: lst.insert(0, 0.0), lambda lst: lst.count(1.0)),
    case("pop-idx", "lst.pop(idx)", lambda lst: lst.pop(0), lambda lst: lst.count(1.0)),
    case("imul", "lst *= x", repeat_in_place, lambda lst: lst.count(1.0), waits_for_new_elements),
]


@without_a_gil
@pytest.mark.parametrize(ROW, SHIFTING)
@pytest.mark.claim("{text} may let a lock-free operation observe an intermediate state", source=SOURCE, budget=LONG)
def test_a_shift_of_elements_may_be_observed(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    seen = lab.race(lambda: [0.0, *[float(1)] * SIZE], operation, beside, observe=lambda _, values: values[1])
    assert not seen.always(SIZE, 50 * SIZE)


@pytest.mark.claim(
    "lst.remove() lets other threads change the list while an __eq__ in Python runs: it may remove another element",
    source=SOURCE,
)
def test_remove_may_remove_another_element(lab: Lab) -> None:
    seen = lab.race(
        lambda: [Value(1), Value(2)],
        lambda lst: lst.remove(Value(1)),
        lambda lst: lst.insert(0, Value(0)),
        observe=lambda lst: tuple(value.number for value in lst),
    )
    assert seen.ever((1, 2))


# --- extend and slices


def extend(two: Two) -> tuple[int, ...]:
    two.target.extend(two.source)
    return (len(two.target),)


def extend_in_three_ways(two: Two) -> tuple[int, ...]:
    extended = two.target
    added: list[object] = []
    assigned: list[object] = []
    extended.extend(two.source)
    added += two.source
    assigned[0:0] = two.source
    return len(extended), len(added), len(assigned)


def extend_by_a_view(two: Two) -> tuple[int, ...]:
    extended = two.target
    added: list[object] = []
    extended.extend(two.source)
    added.extend(two.source.items())
    return len(extended), len(added)


def clear_source(two: Two) -> None:
    two.source.clear()


def are_all_or_none(lengths: tuple[int, ...]) -> bool:
    return all(length in (0, SIZE) for length in lengths)


LOCKED = [
    pytest.param("lst.extend(a list), lst += a list and lst[i:j] = a list", "list", extend_in_three_ways, id="list"),
    pytest.param("lst.extend(a set)", "set", extend, id="set"),
    pytest.param("lst.extend(a dict) and lst.extend(a view)", "dict", extend_by_a_view, id="dict"),
]


@pytest.mark.parametrize(("text", "source", "extend"), LOCKED)
@pytest.mark.claim("{text}: safe from changes of what the elements are taken from", source=SOURCE)
def test_extending_a_list_is_safe_from_changes_of_the_source(lab: Lab, text: str, source: str, extend: Act) -> None:
    def setup(types: SimpleNamespace) -> Two:
        return Two([], getattr(types, source)(enumerate(range(SIZE))))

    assert race(lab, setup, extend, clear_source, observe=lambda _, values: values[0]).always(are_all_or_none)


def extend_from_generator(two: Two) -> None:
    two.target.extend(each_of(two.source))


def extend_in_place_from_generator(two: Two) -> None:
    lst = two.target
    lst += each_of(two.source)


UNLOCKED = [
    pytest.param("lst.extend(iterable)", extend_from_generator, id="extend"),
    pytest.param("lst += iterable", extend_in_place_from_generator, id="iadd"),
]


@pytest.mark.parametrize(("text", "extend"), UNLOCKED)
@pytest.mark.claim("{text} may see a change of any other iterable half done", source=SOURCE)
def test_extending_a_list_by_another_iterable_may_see_it_change(lab: Lab, text: str, extend: Act) -> None:
    seen = lab.race(lambda: Two([], list(range(3))), extend, clear_source, observe=lambda two: len(two.target))
    assert seen.ever(1, 2)


# --- what is not atomic


def add_one(lst: Any) -> None:
    lst[0] = lst[0] + 1


@no_switch_within
@pytest.mark.claim("lst[i] = lst[i] + 1 is not atomic: an update can be lost", source=SOURCE)
def test_an_update_of_an_element_can_be_lost(lab: Lab) -> None:
    assert lab.race(lambda: [0], add_one, add_one, observe=lambda lst: lst[0]).ever(1)


def pop_if_any(lst: Any) -> object:
    if lst:
        return lst.pop()
    return None


@no_switch_within
@pytest.mark.claim("if lst: item = lst.pop() is not atomic: the list can be empty by then", source=SOURCE)
def test_a_list_can_be_empty_after_it_was_not(lab: Lab) -> None:
    assert lab.race(lambda: [0], pop_if_any, pop_if_any, exceptions=IndexError).ever(IndexError)


@pytest.mark.claim(
    "Iterating over a list while another thread removes an element can miss another one", source=SOURCE
)
def test_iterating_over_a_list_that_changes_can_miss_an_element(lab: Lab) -> None:
    seen = lab.race(
        lambda: list(range(3)),
        lambda lst: tuple([process(item) for item in lst]),
        lambda lst: lst.pop(0),
    )
    assert seen.ever(((0, 2), 0))
