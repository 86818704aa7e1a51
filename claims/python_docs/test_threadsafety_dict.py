"""Documentation, page "Thread Safety Guarantees", section "Thread safety for dict objects"."""

from __future__ import annotations

import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import CPYTHON, Lab, gil_enabled

from .objects import LONG, SIZE, Finalized, Two, Value, Watching, each_of, no_switch_within, process, seen_half_done
from .tables import ROW, Act, case, named, operations_of
from .unlocked import BUILT_IN, race

SOURCE = "docs: Thread Safety Guarantees, dict"


def ones(types: SimpleNamespace) -> Any:
    return types.dict.fromkeys(range(SIZE), float(1))


def two_dicts(types: SimpleNamespace) -> Two:
    """Return two dicts that have no key in common, and values that are not equal."""
    return Two(ones(types), types.dict.fromkeys(range(-1 - SIZE, -1), float(2)))


def count(d: Any) -> int:
    """Return how many values are the first ones."""
    return list(d.values()).count(1.0)


def total(d: Any) -> float:
    return float(sum(d.values()))


# --- what is atomic


def write(d: Any) -> None:
    d[0] = 2.0


def write_new(d: Any) -> None:
    d["new"] = 2.0


def delete(d: Any) -> None:
    del d[0]


def clear(d: Any) -> None:
    d.clear()


replace_all = named("update", lambda d: d.update(dict.fromkeys(range(SIZE), float(2))))

grow = named("update", lambda d: d.update(dict.fromkeys(range(SIZE, 2 * SIZE), float(2))))

WRITES = [
    case("setitem", "d[key] = value", write_new, clear),
    case("delitem", "del d[key]", delete, delete),
    case("pop", "d.pop(key)", lambda d: d.pop(0), delete),
    case("popitem", "d.popitem()", lambda d: d.popitem(), lambda d: d.popitem()),
    case("setdefault", "d.setdefault(key, v)", lambda d: d.setdefault("new", 2.0), write_new),
]


def read(d: Any) -> tuple[object, ...]:
    return d[0], d.get(0), 0 in d


@pytest.mark.claim("d[key], d.get(key) and key in d are atomic", source=SOURCE)
def test_reads_of_a_dict_are_atomic(lab: Lab) -> None:
    seen = race(lab, ones, read, replace_all, observe=lambda _, values: values[0])
    assert seen.always(*((one, other, True) for one in (1.0, 2.0) for other in (1.0, 2.0)))


@seen_half_done
@pytest.mark.claim("len(d) is atomic", source=SOURCE)
def test_the_length_of_a_dict_is_atomic(lab: Lab) -> None:
    assert race(lab, ones, lambda d: len(d), grow, observe=total).atomic()


@pytest.mark.parametrize(ROW, WRITES)
@pytest.mark.claim("{text} is safe to call from several threads", source=SOURCE)
def test_a_write_to_a_dict_is_safe(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert race(lab, ones, operation, beside, observe=total).atomic()


COPIES = [
    case("copy", "d.copy()", lambda d: count(d.copy()), replace_all),
    case("dict", "dict(d)", lambda d: count(dict(d)), replace_all),
]


@pytest.mark.parametrize(ROW, COPIES)
@pytest.mark.claim("{text} is atomic: it gives the dict as it is at one moment", source=SOURCE)
def test_a_copy_of_a_dict_is_atomic(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert race(lab, ones, operation, beside, observe=total).atomic()


def lengths_of_views(d: Any) -> tuple[int, ...]:
    return len(d.keys()), len(d.values()), len(d.items())


def are_all_or_none(lengths: tuple[int, ...]) -> bool:
    return all(length in (0, SIZE) for length in lengths)


@pytest.mark.claim("d.keys(), d.values() and d.items() give a view of the dict as it is at one moment", source=SOURCE)
def test_a_view_of_a_dict_is_of_one_moment(lab: Lab) -> None:
    seen = race(lab, ones, lengths_of_views, clear, observe=lambda _, values: values[0])
    assert seen.always(are_all_or_none)


@pytest.mark.claim(
    "Any two of d.pop(key), popitem and setdefault give what they give one after the other",
    source=SOURCE,
    budget=LONG,
)
def test_writes_to_a_dict_are_linearizable(lab: Lab) -> None:
    operations = lab.operations(partial(ones, BUILT_IN), *operations_of(WRITES[2:]), observe=total, each=1)
    assert operations.linearizable()


@pytest.mark.claim(
    "While d.clear() runs, other threads do not observe elements being removed: all are there, or none",
    source=SOURCE,
)
def test_elements_of_a_dict_are_not_seen_being_removed(lab: Lab) -> None:
    seen = race(
        lab,
        lambda types: types.dict((number, Finalized()) for number in range(5)),
        clear,
        lambda d: (len(d), len(d.copy())),
        observe=lambda _, values: values[1],
    )
    assert seen.always((5, 5), (5, 0), (0, 0))


# --- operations on two dicts


def update(two: Two) -> None:
    two.target.update(two.source)


def update_in_place(two: Two) -> None:
    d = two.target
    d |= two.source


def clear_source(two: Two) -> None:
    two.source.clear()


def update_source(two: Two) -> None:
    two.source.update(two.target)


BOTH_LOCKED = [
    case("update", "d.update(other)", update, clear_source),
    case("ior", "d |= other", update_in_place, clear_source),
    case("eq", "d == other", lambda two: two.source == two.target, update_source),
    case("or", "d | other", lambda two: len(two.target | two.source), clear_source),
]


@pytest.mark.parametrize(ROW, BOTH_LOCKED)
@pytest.mark.claim("{text} is safe from changes of the other dict", source=SOURCE)
def test_an_operation_on_two_dicts_is_safe(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    observe = named("the sum of both", lambda two: total(two.target) + total(two.source))
    assert race(lab, two_dicts, operation, beside, observe=observe).atomic()


@pytest.mark.parametrize("kind", ["dict", "set"])
@pytest.mark.claim("dict.fromkeys(a {kind}) is safe from changes of the {kind}", source=SOURCE)
def test_fromkeys_is_safe(lab: Lab, kind: str) -> None:
    seen = race(
        lab,
        lambda types: getattr(types, kind)(enumerate(range(SIZE))),
        lambda keys: len(dict.fromkeys(keys)),
        lambda keys: keys.clear(),
    )
    assert seen.atomic()


def update_from_generator(two: Two) -> None:
    two.target.update((key, 1) for key in each_of(two.source))


def update_in_place_from_generator(two: Two) -> None:
    d = two.target
    d |= ((key, 1) for key in each_of(two.source))


def fill_from_generator(two: Two) -> None:
    two.target.update(dict.fromkeys(each_of(two.source)))


UNLOCKED_SOURCES = [
    pytest.param("d.update(iterable)", update_from_generator, id="update"),
    pytest.param("d |= iterable", update_in_place_from_generator, id="ior"),
    pytest.param("dict.fromkeys(iterable)", fill_from_generator, id="fromkeys"),
]


@pytest.mark.parametrize(("text", "update"), UNLOCKED_SOURCES)
@pytest.mark.claim("{text} may see a change of an iterable that is not a dict half done", source=SOURCE)
def test_updating_a_dict_from_an_iterable_may_see_it_change(lab: Lab, text: str, update: Act) -> None:
    seen = lab.race(lambda: Two({}, list(range(3))), update, clear_source, observe=lambda two: len(two.target))
    assert seen.ever(1, 2)


# --- keys and values that are compared in Python


def watched() -> Any:
    d: dict[Any, object] = {}
    d[Watching(0, d)] = None
    return d


COMPARISONS = [
    case("getitem", "d[key]", lambda d: d[Value(0)], write_new),
    case("setitem", "d[key] = value", lambda d: d.__setitem__(Value(0), 1), write_new),
    case("pop", "d.pop(key)", lambda d: d.pop(Value(0)), write_new),
]


@pytest.mark.parametrize(ROW, COMPARISONS)
@pytest.mark.claim(
    "While {text} compares keys whose __eq__ is written in Python, another thread can change the dict", source=SOURCE
)
def test_a_dict_can_change_while_its_keys_are_compared(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    def setup() -> Two:
        d = watched()
        return Two(d, next(iter(d)))

    seen = lab.race(
        setup,
        lambda two: operation(two.target),
        lambda two: beside(two.target),
        observe=lambda two: two.source.saw_a_change,
    )
    assert seen.ever(True)


def swap_values(two: Two) -> None:
    two.source.update({0: Value(9), 1: Value(1)})


@pytest.mark.claim(
    "d == other of values whose __eq__ is written in Python can be true although they are never equal", source=SOURCE
)
def test_two_dicts_that_are_never_equal_can_compare_equal(lab: Lab) -> None:
    seen = lab.race(
        lambda: Two({0: Value(0), 1: Value(1)}, {0: Value(0), 1: Value(9)}),
        lambda two: two.target == two.source,
        swap_values,
        observe=lambda _, values: values[0],
    )
    assert seen.ever(True)


# --- what is not atomic, and what to do instead


def add_one(d: Any) -> None:
    d[0] = d[0] + 1


@no_switch_within
@pytest.mark.claim("d[key] = d[key] + 1 is not atomic: an update can be lost", source=SOURCE)
def test_an_update_of_a_value_can_be_lost(lab: Lab) -> None:
    assert lab.race(lambda: {0: 0}, add_one, add_one, observe=lambda d: d[0]).ever(1)


def delete_if_there(d: Any) -> None:
    if 0 in d:
        del d[0]


@pytest.mark.refuted(
    CPYTHON and gil_enabled() and sys.version_info < (3, 10),
    reason="CPython 3.9 looks whether to switch threads before most instructions, but not before a jump after a "
    "comparison, and not after it has loaded a local (Python/ceval.c, PREDICT and FAST_DISPATCH)",
)
@no_switch_within
@pytest.mark.claim("if key in d: del d[key] is not atomic: the key can be gone by then", source=SOURCE)
def test_a_key_can_be_gone_after_it_was_there(lab: Lab) -> None:
    assert lab.race(lambda: {0: 0}, delete_if_there, delete_if_there, exceptions=KeyError).ever(KeyError)


def delete_or_pass(d: Any) -> bool:
    try:
        del d[0]
    except KeyError:
        return False
    return True


INSTEAD = [
    case("pop", "d.pop(key, None)", lambda d: d.pop(0, None), lambda d: d.pop(0, None)),
    case("except", "try: del d[key], except KeyError", delete_or_pass, delete_or_pass),
]


@pytest.mark.parametrize(ROW, INSTEAD)
@pytest.mark.claim("{text} instead is safe: one thread removes the key, and none raises", source=SOURCE)
def test_removing_a_key_in_one_step_is_safe(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    seen = race(lab, lambda types: types.dict({0: True}), operation, beside)
    assert seen.always(*((True, missed) for missed in (None, False)), *((missed, True) for missed in (None, False)))


def go_through(d: Any) -> None:
    for key, value in d.items():
        process((key, value))


def go_through_a_copy(d: Any) -> None:
    for key, value in d.copy().items():
        process((key, value))


@pytest.mark.claim("Iterating over a dict while another thread adds a key can raise RuntimeError", source=SOURCE)
def test_iterating_over_a_dict_that_changes_can_raise(lab: Lab) -> None:
    assert lab.race(lambda: {0: 0, 1: 1}, go_through, write_new, exceptions=RuntimeError).ever(RuntimeError)


@pytest.mark.claim("Iterating over a copy of a dict never raises, whatever other threads change", source=SOURCE)
def test_iterating_over_a_copy_of_a_dict_never_raises(lab: Lab) -> None:
    seen = lab.race(
        lambda: BUILT_IN.dict({0: 0, 1: 1}),
        go_through_a_copy,
        write_new,
        control=(go_through, write_new),
        exceptions=RuntimeError,
    )
    assert seen.never(RuntimeError)
