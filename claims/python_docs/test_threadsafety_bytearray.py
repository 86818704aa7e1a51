"""Documentation, page "Thread Safety Guarantees", section "Thread safety for bytearray objects"."""

from __future__ import annotations

import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import Lab, gil_enabled

from .objects import LONG, SIZE, Two, no_switch_within, process, without_a_gil
from .tables import ROW, Act, case, operations_of
from .unlocked import BUILT_IN, race

SOURCE = "docs: Thread Safety Guarantees, bytearray"

no_lock_yet = pytest.mark.refuted(
    not gil_enabled() and sys.version_info < (3, 14),
    reason="before 3.14, bytearray has no lock on the free-threaded build (gh-129107)",
)

#: A reversal swaps from the ends to the middle: all the time, the ends are swapped and the middle is not.
ZEROS = bytes(20 * SIZE)
BEFORE = b"\0" + ZEROS + b"\1\0" + ZEROS + b"\1"
HALF_DONE = b"\1" + ZEROS + b"\1\0" + ZEROS + b"\0"


def reverse(ba: Any) -> None:
    ba.reverse()


def reverse_in_two_steps(ba: Any) -> None:
    ba[:] = HALF_DONE
    process(ba)
    ba[:] = BEFORE[::-1]


def few(types: SimpleNamespace) -> Any:
    return types.bytearray(range(10))


def some(types: SimpleNamespace) -> Any:
    return types.bytearray(range(200))


def write(ba: Any) -> None:
    ba[0] = 100


def write_slice(ba: Any) -> None:
    ba[2:4] = b"abc"


def clear(ba: Any) -> None:
    ba.clear()


# --- reads


def sees_by_methods(ba: Any) -> bool:
    return (
        ba.find(HALF_DONE) == 0
        or ba.replace(HALF_DONE, b"") == b""
        or len(ba.split(HALF_DONE)) == 2
        or ba.decode() == HALF_DONE.decode()
    )


MAY_SEE = [
    case("add", "ba + other", lambda ba: ba + b"" == HALF_DONE, reverse),
    case("eq", "ba == other", lambda ba: ba == HALF_DONE, reverse),
    case("lt", "ba < other", lambda ba: not ba < HALF_DONE, reverse),
]
READS = [
    case("slice", "ba[i:j]", lambda ba: ba[:] == HALF_DONE, reverse),
    case("copy", "ba.copy()", lambda ba: ba.copy() == HALF_DONE, reverse),
    case("mul", "ba * n", lambda ba: ba * 1 == HALF_DONE, reverse),
    case("in", "x in ba", lambda ba: HALF_DONE in ba, reverse),
    case("methods", "find, replace, split and decode", sees_by_methods, reverse),
]


@without_a_gil
@pytest.mark.parametrize(ROW, MAY_SEE)
@pytest.mark.claim("{text} may observe a concurrent write half done", source=SOURCE)
def test_an_operation_of_a_bytearray_may_see_a_write_half_done(
    lab: Lab, text: str, operation: Act, beside: Act
) -> None:
    seen = lab.race(lambda: bytearray(BEFORE), operation, beside, observe=lambda _, values: values[0])
    assert seen.ever(True)


@no_lock_yet
@pytest.mark.parametrize(ROW, READS)
@pytest.mark.claim(
    "{text}: the lock is held for the whole duration, so that no write is observed half done", source=SOURCE
)
def test_an_operation_of_a_bytearray_holds_the_lock(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    seen = lab.race(
        lambda: BUILT_IN.bytearray(BEFORE),
        operation,
        beside,
        observe=lambda _, values: values[0],
        control=(operation, reverse_in_two_steps),
    )
    assert seen.always(False)


READ_ONE = [
    case("len", "len(ba)", lambda ba: len(ba), clear),
    case("getitem", "ba[i]", lambda ba: ba[0], write),
]


@pytest.mark.parametrize(ROW, READ_ONE)
@pytest.mark.claim("{text} is atomic", source=SOURCE)
def test_a_read_of_a_bytearray_is_atomic(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert race(lab, few, operation, beside, observe=bytes).atomic()


# --- writes

WRITES = [
    case("setslice", "ba[i:j] = values", write_slice, write_slice),
    case("append", "ba.append(x)", lambda ba: ba.append(1), lambda ba: ba.append(2)),
    case("extend", "ba.extend(other)", lambda ba: ba.extend(b"abc"), lambda ba: ba.append(2)),
    case("insert", "ba.insert(i, x)", lambda ba: ba.insert(0, 1), lambda ba: ba.insert(0, 2)),
    case("pop", "ba.pop()", lambda ba: ba.pop(), lambda ba: ba.pop()),
    case("pop-i", "ba.pop(i)", lambda ba: ba.pop(0), lambda ba: ba.pop(0)),
    case("remove", "ba.remove(x)", lambda ba: ba.remove(1), lambda ba: ba.remove(1)),
    case("reverse", "ba.reverse()", reverse, lambda ba: ba.reverse()),
    case("clear", "ba.clear()", clear, lambda ba: ba.append(1)),
]


@no_lock_yet
@pytest.mark.parametrize(ROW, WRITES)
@pytest.mark.claim("{text} is safe to call from several threads", source=SOURCE)
def test_a_write_to_a_bytearray_is_safe(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert race(lab, some, operation, beside, observe=bytes).atomic()


def large(types: SimpleNamespace) -> Any:
    return types.bytearray(bytes(10_000))


def grow(ba: Any) -> None:
    ba.extend(bytes(10_000))  # its contents are moved


@no_lock_yet
@pytest.mark.claim("ba[i] = x is safe to call from several threads: nothing is lost while ba grows", source=SOURCE)
def test_a_write_of_an_element_of_a_bytearray_is_safe(lab: Lab) -> None:
    assert race(lab, large, write, grow, observe=lambda ba: (len(ba), ba[0])).atomic()


@no_lock_yet
@pytest.mark.claim(
    "Any two of append, pop and reverse give what they give one after the other", source=SOURCE, budget=LONG
)
def test_writes_to_a_bytearray_are_linearizable(lab: Lab) -> None:
    chosen = [row for row in WRITES if row.id in {"append", "pop", "reverse"}]
    operations = lab.operations(partial(some, BUILT_IN), *operations_of(chosen), observe=bytes, each=1)
    assert operations.linearizable()


def assign_other(two: Two) -> None:
    two.target[:] = two.source


@no_lock_yet
@pytest.mark.claim(
    "ba[i:j] = other locks both: it is safe from changes of the other one, if that is a bytearray", source=SOURCE
)
def test_assigning_a_bytearray_to_a_slice_is_safe(lab: Lab) -> None:
    seen = lab.race(
        lambda: Two(bytearray(), BUILT_IN.bytearray(BEFORE)),
        assign_other,
        lambda two: reverse(two.source),
        observe=lambda two: two.target == HALF_DONE,
        control=(assign_other, lambda two: reverse_in_two_steps(two.source)),
    )
    assert seen.always(False)


# --- what is not atomic, and what to do instead


def remove_if_there(ba: Any) -> None:
    if 0 in ba:
        ba.remove(0)


@no_switch_within
@pytest.mark.claim("if x in ba: ba.remove(x) is not atomic: it can be gone by then", source=SOURCE)
def test_a_byte_can_be_gone_after_it_was_there(lab: Lab) -> None:
    seen = lab.race(lambda: bytearray(1), remove_if_there, remove_if_there, exceptions=ValueError)
    assert seen.ever(ValueError)


def go_through(ba: Any) -> tuple[object, ...]:
    return tuple([process(byte) for byte in ba])


def go_through_a_copy(ba: Any) -> tuple[object, ...]:
    return go_through(ba.copy())


def pop_first(ba: Any) -> None:
    ba.pop(0)


@pytest.mark.claim(
    "Iterating over a bytearray while another thread removes a byte can miss another one", source=SOURCE
)
def test_iterating_over_a_bytearray_that_changes_can_miss_a_byte(lab: Lab) -> None:
    assert lab.race(lambda: bytearray(range(3)), go_through, pop_first).ever(((0, 2), None))


@no_lock_yet
@pytest.mark.claim("Iterating over a copy of a bytearray misses none, whatever other threads remove", source=SOURCE)
def test_iterating_over_a_copy_of_a_bytearray_misses_none(lab: Lab) -> None:
    seen = lab.race(
        lambda: BUILT_IN.bytearray(range(3)), go_through_a_copy, pop_first, control=(go_through, pop_first)
    )
    assert seen.always(((0, 1, 2), None), ((1, 2), None))
