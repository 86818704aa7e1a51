"""The callables that instruments are given: their names, checks, and how they are called."""

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
    """Return a callable's name for messages; for a lambda, its file and line."""
    while isinstance(function, functools.partial):
        function = function.func
    name = str(getattr(function, "__qualname__", None) or repr(function)).replace("<locals>.", "")
    code = getattr(function, "__code__", None)
    if name.endswith("<lambda>") and code is not None:
        return f"the lambda at {os.path.basename(code.co_filename)}:{code.co_firstlineno}"  # noqa: PTH119  (a text)
    return name.rpartition(".")[2] if code is not None else name


_NOT_RUN = {CoroutineType: "coroutine", GeneratorType: "generator", AsyncGeneratorType: "asynchronous generator"}


def has_not_run(value: object) -> str | None:
    """Return a message if a call returned a coroutine or generator, whose code has not run yet; None otherwise."""
    kind = _NOT_RUN.get(type(value))
    return None if kind is None else f"returned a {kind}, so its code has not run; pass a function that runs it"


def runs_nothing(function: object) -> bool:
    """Return whether a call returns a coroutine or generator, and so runs nothing yet."""
    while isinstance(function, functools.partial):
        function = function.func
    return any(
        inspect.iscoroutinefunction(code) or inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code)
        for code in (function, getattr(type(function), "__call__", None))  # noqa: B004  (it is callable)
    )


# --- calling them

#: Exceptions by which the user, or a debugger, stops the run.
_STOPS = (KeyboardInterrupt, bdb.BdbQuit, GeneratorExit)


def callable_argument(call: str, role: str, given: object) -> Callable[[], Any]:
    """Return an argument of an instrument after checking that it is a function that does something when called.

    :param call: the instrument, such as ``lab.ratio``.
    :param role: the argument's name.
    :raises TypeError: it cannot be called, or a call would run nothing.
    """
    __tracebackhide__ = True
    if not callable(given):
        raise TypeError(f"{call}: {role} is {reprlib.repr(given)}, which cannot be called; pass the function itself")
    if runs_nothing(given):
        raise TypeError(
            f"{call}: {role} is {name_of(given)}, a coroutine or generator function: a call of it runs nothing; pass "
            "a function that runs it, such as lambda: list(gen()) or lambda: asyncio.run(co()), or decorate one that "
            "starts something, yields, and ends it with contextlib.contextmanager"
        )
    return given


@contextmanager
def failures_of(name: str) -> Iterator[None]:
    """Turn an exception in the block into a failure of the callable.

    An assertion that fails in one call must not refute the claim, which is about the measurement.

    :param name: of the callable.
    :raises Failed: the block raised.
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


#: The type of what a function decorated with ``contextmanager`` returns.
_Decorated = type(_nothing())


def begin(function: Callable[[], Any], stack: ExitStack) -> bool:
    """Call a function, and return whether it is decorated with ``contextlib.contextmanager``.

    If so, enter the context that it returns; the stack exits it. Otherwise the stack keeps the returned value until
    it is closed. Other context managers, such as a lock, are not entered: they may be meant as values.

    :raises Failed: the function returned a coroutine or generator.
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
    """Do nothing; as a callback of a stack, this keeps its argument alive until the stack is closed."""
