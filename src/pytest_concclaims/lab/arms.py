"""What a measurement runs: functions, and those that start something and end it again."""

from __future__ import annotations

import bdb
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from .failure import Failed, raised
from .functions import name_of, runs_nothing

#: What the user has done to stop it all.
_STOPS = (KeyboardInterrupt, bdb.BdbQuit, GeneratorExit)


def callable_argument(call: str, role: str, given: object) -> Callable[[], Any]:
    """Return an argument of an instrument that is to be a function without arguments.

    :raises TypeError: it is none.
    """
    __tracebackhide__ = True
    if not callable(given):
        hint = "; pass the function, do not call it" if given is None else ""
        raise TypeError(f"{call}: {role} is {given!r}, which cannot be called{hint}")
    if runs_nothing(given):
        raise TypeError(
            f"{call}: {role} is {name_of(given)}, a coroutine or generator function: a call of it runs nothing; a "
            "generator that starts something and ends it is made a function of by contextlib.contextmanager"
        )
    return given


@contextmanager
def failures_of(name: str) -> Iterator[None]:
    """Let whatever is raised in the block be a failure of what was called.

    An assertion that fails in there must not refute the claim: it speaks of one call, and not of the measurement.

    :raises Failed: the block has raised.
    """
    try:
        yield
    except (*_STOPS, Failed):
        raise
    except BaseException as error:
        raise Failed(raised(name, error)) from error


def begin(function: Callable[[], Any], stack: ExitStack) -> bool:
    """Call a function; if it returns a context manager, enter that, leave it with the stack, and return True."""
    started = function()
    if not isinstance(started, AbstractContextManager):
        return False
    stack.enter_context(started)
    return True
