"""Documentation, page "sys"."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from pytest_concclaims import Lab, gil_enabled

from .objects import process
from .tables import Act

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


@pytest.mark.claim(
    "To iterate over sys.modules can raise RuntimeError: another thread may import meanwhile", source=SOURCE
)
def test_iterating_over_the_modules_can_raise(lab: Lab) -> None:
    assert lab.race(Modules, go_through, add, exceptions=RuntimeError).ever(RuntimeError)


def add_late(_: object) -> None:
    for name in tuple(sys.modules)[:50]:
        process(name)
    add(_)


COPIES = [
    pytest.param("sys.modules.copy()", lambda _: sys.modules.copy() != {}, id="copy"),
    pytest.param(
        "tuple(sys.modules)",
        lambda _: tuple(sys.modules) != (),
        id="tuple",
        marks=pytest.mark.refuted(
            not gil_enabled(),
            reason="without a GIL, tuple() goes through a dict as a for statement does, and takes no lock "
            "(Objects/abstract.c, PySequence_Tuple)",
        ),
    ),
]


@pytest.mark.parametrize(("text", "copy"), COPIES)
@pytest.mark.claim("{text} raises no exception, whatever threads import meanwhile", source=SOURCE)
def test_a_copy_of_the_modules_raises_nothing(lab: Lab, text: str, copy: Act) -> None:
    race = lab.race(Modules, copy, add, control=lab.control(go_through, add_late), exceptions=RuntimeError)
    assert race.never(RuntimeError)
