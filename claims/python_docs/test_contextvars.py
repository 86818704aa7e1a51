"""Documentation, page "contextvars"."""

from __future__ import annotations

import contextvars

import pytest

from pytest_concclaims import Lab

from .objects import process
from .turns import two_threads

SOURCE = "docs: contextvars, manual context management"

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.mark.claim("Each thread has a context of its own: what one sets, another one does not see", source=SOURCE)
def test_each_thread_sets_its_own_values(lab: Lab) -> None:
    with two_threads() as (first, second):
        first(variable.set, "set")
        own, other = first(variable.get), second(variable.get)
    lab.require(own == "set", "the thread that sets a variable sees it")
    lab.note(f"set in one thread; in another one, it is {other}")
    assert other == "unset"


@pytest.mark.claim("To enter a context that another thread has entered raises RuntimeError", source=SOURCE)
def test_a_context_cannot_be_entered_twice(lab: Lab) -> None:
    context = contextvars.copy_context()
    with two_threads() as (first, second):
        second(context.run, process, 1)  # while no other thread has entered it, it can
        with pytest.raises(RuntimeError) as raised:
            first(context.run, second, context.run, process, 1)
    lab.note(f"it raised {raised.value!r}")


@pytest.mark.claim("A context that one thread has left can be entered by another one", source=SOURCE)
def test_a_context_can_be_entered_again(lab: Lab) -> None:
    context = contextvars.copy_context()
    with two_threads() as (first, second):
        first(context.run, variable.set, "set in the first")
        seen = second(context.run, variable.get)
    lab.note(f"the second thread saw what was {seen}")
    assert seen == "set in the first"


def enter(context: contextvars.Context) -> str:
    try:
        context.run(process, 1)
    except RuntimeError:
        return "refused"
    return "entered"


@pytest.mark.claim("Of two threads that enter a context at the same time, one can be refused", source=SOURCE)
def test_one_of_two_threads_can_be_refused(lab: Lab) -> None:
    assert lab.race(contextvars.Context, enter, enter).ever(("entered", "refused"), ("refused", "entered"))
