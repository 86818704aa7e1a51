"""Documentation, page "decimal"."""

from __future__ import annotations

import decimal
import sys
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, DefaultContext, getcontext, setcontext

import pytest

from pytest_concclaims import Lab

from . import children
from .objects import no_switch_within
from .turns import two_threads

SOURCE = "docs: decimal, working with threads"


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the claim change the default context."""
    monkeypatch.setattr(DefaultContext, "prec", DefaultContext.prec)
    monkeypatch.setattr(DefaultContext, "rounding", DefaultContext.rounding)


def precision() -> int:
    return getcontext().prec


def set_precision() -> None:
    getcontext().prec = 10


def set_context() -> None:
    setcontext(decimal.Context(prec=10))


CHANGES = [
    pytest.param("getcontext().prec = 10", set_precision, id="getcontext"),
    pytest.param("setcontext(context)", set_context, id="setcontext"),
]


@pytest.mark.parametrize(("text", "change"), CHANGES)
@pytest.mark.claim("Each thread has a context of its own: {text} changes that of its own thread only", source=SOURCE)
def test_each_thread_has_a_context_of_its_own(lab: Lab, text: str, change: Callable[[], None]) -> None:
    with two_threads() as (first, second):
        before = second(precision)
        first(change)
        own, other = first(precision), second(precision)
    lab.require(own == 10 != before, "the change is seen in the thread that has made it")
    lab.note(f"one thread has set its precision to {own}; that of another one was {before} before, and {other} after")
    assert other == before


@pytest.mark.skipif(
    getattr(sys.flags, "thread_inherit_context", False), reason="thread_inherit_context is true on this interpreter"
)
@pytest.mark.claim(
    "With thread_inherit_context false, a new thread begins with the values of DefaultContext", source=SOURCE
)
def test_a_new_thread_begins_with_the_defaults(lab: Lab) -> None:
    DefaultContext.prec = 12
    with decimal.localcontext() as context:
        context.prec = 20
        with two_threads() as (new, _):
            seen = new(precision)
    lab.note(f"12 in DefaultContext, and 20 in the thread that started the new one, which had {seen}")
    assert seen == 12


INHERITED = [
    pytest.param("true", "the values of the thread that starts it", "1", 20, id="true"),
    pytest.param("false", "those of DefaultContext", "0", 12, id="false"),
]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="the flag exists since 3.14")
@pytest.mark.parametrize(("text", "values", "flag", "expected"), INHERITED)
@pytest.mark.claim("With thread_inherit_context {text}, a new thread has {values}", source=SOURCE)
def test_the_flag_says_what_a_new_thread_begins_with(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, text: str, values: str, flag: str, expected: int
) -> None:
    monkeypatch.setenv("PYTHON_THREAD_INHERIT_CONTEXT", flag)
    flags, seen = lab.child(children.precision_in_a_new_thread).value
    lab.require(flags[1] == (flag == "1"), "the flag can be set by the environment")
    lab.note(f"12 in DefaultContext, and 20 in the thread that started the new one, which had {seen}")
    assert seen == expected


class Defaults:
    """The default context, before it is changed."""

    def __init__(self) -> None:
        DefaultContext.prec = 28
        DefaultContext.rounding = ROUND_HALF_EVEN


def change_defaults(_: object) -> None:
    DefaultContext.prec = 12
    DefaultContext.rounding = ROUND_DOWN


def new_context(_: object) -> tuple[int, str]:
    context = decimal.Context()
    return context.prec, context.rounding


@no_switch_within
@pytest.mark.claim(
    "To change fields of DefaultContext while threads run is a race: a new context can have half of the changes",
    source="docs: decimal, DefaultContext",
)
def test_a_new_context_can_have_half_of_the_changes(lab: Lab) -> None:
    race = lab.race(Defaults, change_defaults, new_context, observe=lambda _, values: values[1])
    assert race.ever((12, ROUND_HALF_EVEN))
