"""Documentation, FAQ "Library and Extension", "What kinds of global value mutation are thread-safe?"."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import PYPY, Lab, gil_enabled

from .objects import Finalized, no_switch_within, process, take_time
from .tables import ROW, Act, case
from .unlocked import race

SOURCE = "docs: Library and Extension FAQ, thread-safe mutation"

X, Y = float(3), float(4)
#: Elements of each list and dict.
COUNT = 20


def setup(types: SimpleNamespace) -> SimpleNamespace:
    """Return two lists, two dicts and an object, by the names that the documentation has for them."""
    return SimpleNamespace(
        L1=types.list([float(1)] * COUNT),
        L2=types.list([float(2)] * COUNT),
        D1=types.dict.fromkeys(range(COUNT), float(1)),
        D2=types.dict.fromkeys(range(-1 - COUNT, -1), float(2)),
        x=types.holder(X),
    )


def totals(state: SimpleNamespace) -> tuple[float, ...]:
    return sum(state.L1), sum(state.L2), sum(state.D1.values()), sum(state.D2.values()), state.x.field


# --- what is called atomic


def get_item(state: SimpleNamespace) -> object:
    x = state.L1[0]
    return process(x)


def set_item(state: SimpleNamespace) -> None:
    state.L1[0] = X


def pop(state: SimpleNamespace) -> object:
    x = state.L1.pop()
    return process(x)


def set_slice(state: SimpleNamespace) -> None:
    state.L1[1:3] = state.L2


def get_last(state: SimpleNamespace) -> object:
    return state.L1[-1]


def set_field(state: SimpleNamespace) -> None:
    state.x.field = Y


def get_field(state: SimpleNamespace) -> object:
    return state.x.field


def set_key(state: SimpleNamespace) -> None:
    state.D1["new"] = X


def length_of_dict(state: SimpleNamespace) -> int:
    return len(state.D1)


#: Of operations that need the GIL for that.
needs_a_gil = pytest.mark.refuted(
    not gil_enabled(),
    reason="the FAQ speaks of an interpreter with a GIL; without, operations that take no lock see it half done "
    "(docs: Thread Safety Guarantees)",
)

ATOMIC = [
    case("append", "L.append(x)", lambda state: state.L1.append(X), lambda state: state.L1.append(Y)),
    case("extend", "L1.extend(L2)", lambda state: state.L1.extend(state.L2), get_last),
    case("getitem", "x = L[i]", get_item, set_item),
    case("pop", "x = L.pop()", pop, pop),
    case("setslice", "L1[i:j] = L2", set_slice, get_last, needs_a_gil),
    case("sort", "L.sort()", lambda state: state.L1.sort(), lambda state: len(state.L1), needs_a_gil),
    case("setfield", "x.field = y", set_field, get_field),
    case("setkey", "D[x] = y", set_key, set_key),
    case("update", "D1.update(D2)", lambda state: state.D1.update(state.D2), length_of_dict, needs_a_gil),
    case("keys", "D.keys()", lambda state: len(state.D1.keys()), set_key),
]


@pytest.mark.parametrize(ROW, ATOMIC)
@pytest.mark.claim("{text} is atomic", source=SOURCE)
def test_the_faqs_operation_is_atomic(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    assert race(lab, setup, operation, beside, observe=totals).atomic()


variable: object = X


def set_up_variable() -> object:
    global variable
    variable = X
    return object()


def set_variable(_: object) -> None:
    global variable
    variable = Y


def set_in_steps(_: object) -> None:
    global variable
    variable = None
    take_time()
    variable = Y


def get_variable(_: object) -> object:
    return variable


@pytest.mark.claim("x = y is atomic", source=SOURCE)
def test_an_assignment_is_atomic(lab: Lab) -> None:
    control = (set_in_steps, get_variable)
    assert lab.race(set_up_variable, set_variable, get_variable, control=control).atomic()


# --- what is called not atomic


def set_up_number() -> object:
    global variable
    variable = 0
    return object()


def add_one_to_variable(_: object) -> None:
    global variable
    variable = variable + 1  # type: ignore[operator]  # it is a number here


def append_last(lst: Any) -> None:
    lst.append(lst[-1])


def copy_forth(lst: Any) -> None:
    lst[0] = lst[1]


def copy_back(lst: Any) -> None:
    lst[1] = lst[0]


def add_one_to_value(d: Any) -> None:
    d[0] = d[0] + 1


NOT_ATOMIC = [
    pytest.param("i = i+1", set_up_number, (add_one_to_variable,) * 2, lambda _: variable, id="variable"),
    pytest.param("L.append(L[-1])", lambda: [0], (append_last, lambda lst: lst.append(1)), tuple, id="append"),
    pytest.param("L[i] = L[j]", lambda: [0, 1], (copy_forth, copy_back), tuple, id="setitem"),
    pytest.param("D[x] = D[x] + 1", lambda: {0: 0}, (add_one_to_value,) * 2, lambda d: d[0], id="setkey"),
]


@no_switch_within
@pytest.mark.parametrize(("text", "make", "actors", "observe"), NOT_ATOMIC)
@pytest.mark.claim("{text} is not atomic", source=SOURCE)
def test_the_faqs_operation_is_not_atomic(
    lab: Lab, text: str, make: Callable[[], object], actors: tuple[Act, Act], observe: Act
) -> None:
    assert not lab.race(make, *actors, observe=observe).atomic()


# --- finalizers


@pytest.mark.refuted(PYPY, reason="PyPy counts no references: finalizers run when its garbage collector does")
@pytest.mark.claim(
    "D1.update(D2) that replaces objects with a __del__ is not atomic: other threads can see it half done",
    source=SOURCE,
)
def test_an_update_that_runs_finalizers_can_be_seen_half_done(lab: Lab) -> None:
    def replace_finalized(d: Any) -> None:
        # Without a GIL, the thread that made an object finalizes it, so this one has to make them.
        d.update({0: Finalized(), 1: Finalized()})
        d.update({0: 0, 1: 1})

    def numbers(d: Any) -> tuple[bool, ...]:
        return tuple([isinstance(value, int) for value in d.values()])

    seen = lab.race(
        lambda: {0: None, 1: None},
        replace_finalized,
        numbers,
        observe=lambda _, values: values[1],
    )
    assert seen.ever((True, False))


class Guarded:
    """A dict with a number, and a mutex."""

    def __init__(self, lock: Any) -> None:
        self.values = {0: 0}
        self.lock = lock


def add_one_with_the_lock(guarded: Guarded) -> None:
    with guarded.lock:
        value = guarded.values[0]
        guarded.values[0] = process(value) + 1  # type: ignore[operator]  # it is a number


@pytest.mark.claim(
    "A __del__ that changes what a mutex guards can wait for ever: its own thread has the mutex",
    source=f"{SOURCE}, beyond",
)
def test_a_finalizer_can_wait_for_its_own_threads_lock(lab: Lab) -> None:
    interrupted = lab.interrupted(lambda: Guarded(threading.Lock()), add_one_with_the_lock, add_one_with_the_lock)
    assert interrupted.ever(lab.DEADLOCK)


@pytest.mark.claim(
    "A __del__ can lose an update in spite of an RLock: it runs in the thread that has it", source=f"{SOURCE}, beyond"
)
def test_a_finalizer_can_lose_an_update_in_spite_of_an_rlock(lab: Lab) -> None:
    interrupted = lab.interrupted(
        lambda: Guarded(threading.RLock()),
        add_one_with_the_lock,
        add_one_with_the_lock,
        observe=lambda guarded: guarded.values[0],
    )
    assert interrupted.ever(1)
