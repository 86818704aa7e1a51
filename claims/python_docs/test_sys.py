"""Documentation, page "sys"."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from pytest_concclaims import Lab

from .objects import process

SOURCE = "docs: sys, modules"

NAME, MODULE = "a module that only this claim knows", ModuleType("module")


class Modules:
    """The modules, without the one that is added."""

    def __init__(self) -> None:
        sys.modules.pop(NAME, None)


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the claim add a module."""
    monkeypatch.setitem(sys.modules, NAME, MODULE)


def add(_: object) -> None:
    sys.modules[NAME] = MODULE


def go_through(_: object) -> None:
    for name in sys.modules:
        process(name)


def go_through_a_copy(_: object) -> None:
    for name in sys.modules.copy():
        len(name)


@pytest.mark.claim(
    "To iterate over sys.modules can raise RuntimeError: another thread may import meanwhile", source=SOURCE
)
def test_iterating_over_the_modules_can_raise(lab: Lab) -> None:
    assert lab.race(Modules, go_through, add, exceptions=RuntimeError).ever(RuntimeError)


@pytest.mark.claim(
    "sys.modules.copy() and tuple(sys.modules) raise no exception, whatever threads import", source=SOURCE
)
def test_copies_of_the_modules_raise_nothing(lab: Lab) -> None:
    race = lab.race(
        Modules,
        lambda _: len(sys.modules.copy()) + len(tuple(sys.modules)) > 0,
        add,
        control=lab.control(go_through, add),
        exceptions=RuntimeError,
    )
    assert race.never(RuntimeError)
