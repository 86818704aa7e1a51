"""The callables that instruments are given: what can be said of them, and how they are called."""

from __future__ import annotations

import bdb
import functools
import inspect
import os
import reprlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from .failure import Failed, Failure, raised


def name_of(function: object) -> str:
    """Return a callable's name for people; that of a lambda says where it is."""
    while isinstance(function, functools.partial):
        function = function.func
    name = str(getattr(function, "__qualname__", None) or repr(function)).replace("<locals>.", "")
    code = getattr(function, "__code__", None)
    if name.endswith("<lambda>") and code is not None:
        return f"the lambda at {os.path.basename(code.co_filename)}:{code.co_firstlineno}"  # noqa: PTH119  (a text)
    return name.rpartition(".")[2] if code is not None else name


_NOT_RUN = {CoroutineType: "coroutine", GeneratorType: "generator", AsyncGeneratorType: "asynchronous generator"}


def has_not_run(value: object) -> str | None:
    """Return, in words, what a call has given that would have to be awaited or iterated first; None if it has run."""
    kind = _NOT_RUN.get(type(value))
    return None if kind is None else f"returned a {kind}, so nothing of it has run; let it be a function that runs it"


def runs_nothing(function: object) -> bool:
    """Return whether a call gives something that would have to be awaited or iterated first."""
    while isinstance(function, functools.partial):
        function = function.func
    return any(
        inspect.iscoroutinefunction(code) or inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code)
        for code in (function, getattr(type(function), "__call__", None))  # noqa: B004  (it is callable)
    )


# --- calling them

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
