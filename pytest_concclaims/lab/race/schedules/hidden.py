"""Python code that PyPy hides from tracers, such as ``sum`` and ``lru_cache``, and in which threads are switched."""

from __future__ import annotations

import builtins
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, FrameType

#: How the files' names of such code begin that PyPy has built in.
_BUILT_IN = "<builtin>"
#: Functions of the standard library that are hidden, and work with what threads share (lib-python, functools.py).
_HIDDEN_IN_FUNCTOOLS = ("wrapper", "reduce")


def hidden_callee(frame: FrameType) -> str | None:
    """Return what a function may call of it, as far as its names tell: globals, arguments, and their attributes."""
    names = frame.f_code.co_names
    scope = {**vars(builtins), **frame.f_globals, **frame.f_locals}
    known = [(name, scope[name]) for name in (*names, *frame.f_locals) if name in scope]
    for name, thing in known:
        if _is_hidden(thing):
            return name
        for attribute, value in _attributes(thing, names):
            if _is_hidden(value):
                return f"{name}.{attribute}"
    return None


def _attributes(thing: object, names: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    for name in names:
        value = inspect.getattr_static(thing, name, None)
        yield name, getattr(value, "__func__", value)


def _is_hidden(thing: object) -> bool:
    if type(thing).__name__ not in ("function", "builtin_function", "method"):
        return False
    code = getattr(thing, "__code__", None)
    if not isinstance(code, CodeType):
        return False
    in_functools = code.co_filename == functools.__file__ and code.co_name in _HIDDEN_IN_FUNCTOOLS
    return in_functools or code.co_filename.startswith(_BUILT_IN)
