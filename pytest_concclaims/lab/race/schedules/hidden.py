"""Python code that PyPy hides from tracers, such as ``sum`` and ``functools.lru_cache``: threads are switched in it."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Iterator
from types import FrameType

#: Of a code object: no tracer sees it (``__pypy__.hidden_applevel``; pypy/interpreter/astcompiler/consts.py).
_HIDDEN = 0x2000000


def hidden_callee(frame: FrameType) -> str | None:
    """Return what a function may call of that code, as far as its names tell: globals, arguments, their attributes."""
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
    flags = getattr(getattr(thing, "__code__", None), "co_flags", 0)
    return bool(flags & _HIDDEN)
