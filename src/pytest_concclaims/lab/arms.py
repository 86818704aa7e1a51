"""What a measurement runs: functions, and those that start something and end it again."""

from __future__ import annotations

import bdb
import reprlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from .failure import Failed, Failure, raised
from .functions import has_not_run, name_of, runs_nothing

#: What the user has done to stop it all.
_STOPS = (KeyboardInterrupt, bdb.BdbQuit, GeneratorExit)


def callable_argument(call: str, role: str, given: object) -> Callable[[], Any]:
    """Return an argument of an instrument that is to be a function without arguments.

    :raises TypeError: it is none.
    """
    __tracebackhide__ = True
    if not callable(given):
        raise TypeError(
            f"{call}: {role} is {reprlib.repr(given)}, which cannot be called; pass the function, do not call it"
        )
    if runs_nothing(given):
        raise TypeError(
            f"{call}: {role} is {name_of(given)}, a coroutine or generator function: a call of it runs nothing. "
            "Pass a function that does the work, such as lambda: list(gen()) or lambda: asyncio.run(co()); one that "
            "starts something, yields, and ends it is decorated with contextlib.contextmanager"
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


@contextmanager
def _nothing() -> Iterator[None]:
    yield


#: What a function returns that is decorated with ``contextmanager``.
_Decorated = type(_nothing())


def begin(function: Callable[[], Any], stack: ExitStack) -> bool:
    """Call a function that may be decorated with ``contextlib.contextmanager``, and return whether it is.

    If so, what it returns is entered, and left with the stack; what others return is kept until then. Other context
    managers, such as a lock or a buffer, are values like any other: who wants them entered decorates a function.
    """
    started = function()
    unrun = has_not_run(started)
    if unrun is not None:
        raise Failed(Failure("raised", f"{name_of(function)} {unrun}", ""))
    decorated = isinstance(started, _Decorated)
    if decorated:
        stack.enter_context(started)
    else:
        stack.callback(keep, started)
    return decorated


def keep(_: object) -> None:
    """Do nothing: what a stack is to call this with, it keeps until then."""
