"""Documentation, page "weakref"."""

from __future__ import annotations

import weakref
from typing import Any

import pytest

from pytest_concclaims import PYPY, Lab

from .objects import LONG, Value, process, take_time

SOURCE = "docs: weakref, weak reference objects"
counts_references = pytest.mark.skipif(
    PYPY, reason="no weak reference dies while an actor runs: PyPy counts no references, and its collector rests then"
)


def dead() -> None:
    """Return what a weak reference to an object returns that is gone."""


class Owner:
    """A weak reference to an object."""

    def __init__(self) -> None:
        self.weak: Any = dead


def live_and_die(owner: Owner) -> None:
    """Make an object, and drop its last reference: without a GIL, it dies at once where it was made only."""
    value = Value(1)
    owner.weak = weakref.ref(value)
    take_time()  # other threads run here
    del value


def look_and_use(owner: Owner) -> object:
    if owner.weak() is not None:
        return owner.weak().number
    return "dead"


def use_late(owner: Owner) -> object:
    if owner.weak() is None:
        return "dead"
    take_time()
    value = owner.weak()
    return "gone" if value is None else value.number


def get_and_use(owner: Owner) -> object:
    value = owner.weak()
    return "dead" if value is None else process(value.number)


@counts_references
@pytest.mark.claim(
    "A separate test whether a weak reference is alive is a race: the object can be gone when it is used",
    source=SOURCE,
)
def test_a_separate_test_for_liveness_is_a_race(lab: Lab) -> None:
    assert lab.race(Owner, look_and_use, live_and_die, exceptions=AttributeError).ever(AttributeError)


@counts_references
@pytest.mark.claim("To take a strong reference first, and to test that one, is safe with threads", source=SOURCE)
def test_a_strong_reference_is_safe(lab: Lab) -> None:
    race = lab.race(
        Owner,
        get_and_use,
        live_and_die,
        observe=lambda _, values: values[0],
        control=(use_late, live_and_die),
        budget=LONG,
    )
    assert race.always(1, "dead")


class Finalizer:
    """An object with a finalizer that counts its calls.

    :param kind: the type of the finalizer.
    """

    def __init__(self, kind: Any = weakref.finalize) -> None:
        self.calls = 0
        self.value = Value(1)
        self.finalize = kind(self.value, self.count)

    def count(self) -> int:
        self.calls += 1
        return self.calls


class Hasty:
    """A finalizer that looks whether it is alive, and then is called."""

    def __init__(self, value: Value, function: Any) -> None:
        self.function, self.alive = function, True

    def __call__(self) -> object:
        if not self.alive:
            return None
        process(self)
        self.alive = False
        return self.function()

    detach = __call__


def finalize(finalizer: Finalizer) -> object:
    return finalizer.finalize()


def detach(finalizer: Finalizer) -> bool:
    return finalizer.finalize.detach() is not None


@pytest.mark.claim(
    "A finalizer that threads call at the same time invokes its callback once", source="docs: weakref, finalize"
)
def test_a_finalizer_is_called_once(lab: Lab) -> None:
    control = lab.control(finalize, finalize, setup=lambda: Finalizer(Hasty))
    race = lab.race(Finalizer, finalize, finalize, observe=lambda finalizer: finalizer.calls, control=control)
    assert race.always(1)


@pytest.mark.claim(
    "Of a thread that calls a finalizer and one that detaches it, one finds it alive",
    source="docs: weakref, finalize",
)
def test_a_finalizer_is_either_called_or_detached(lab: Lab) -> None:
    control = lab.control(finalize, detach, setup=lambda: Finalizer(Hasty))
    race = lab.race(Finalizer, finalize, detach, control=control)
    assert race.always((1, False), (None, True))
