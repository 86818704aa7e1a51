"""What can be told of the functions that instruments are given."""

from __future__ import annotations

import functools
import inspect
import os
from types import AsyncGeneratorType, CoroutineType, GeneratorType


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
