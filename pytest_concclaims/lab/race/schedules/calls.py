"""Switch points after calls, where events do not report whether there is one."""

from __future__ import annotations

import builtins
import functools
import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FrameType, MethodType

from ....interpreter import CPYTHON, PYPY
from .switch_points import NOWHERE, SwitchPoints


class TracedFrame:
    """The switch points in one run of a function under ``sys.settrace`` (3.9 to 3.11, and PyPy).

    Set ``called_python`` when a Python function that was called directly begins (see :func:`entered_from_c`).
    """

    __slots__ = ("_before", "_last", "_only_before", "_points", "called_python")

    def __init__(self, points: SwitchPoints) -> None:
        self._points = points
        self._before = points.before
        self._only_before = not (points.between or points.after_c_call)
        self._last = NOWHERE
        self.called_python = False

    def switches_before(self, offset: int) -> bool:
        """Return whether threads can be switched before this instruction. Call it at each event.

        It runs most often by far. PyPy reports the begin of a loop twice when its JIT compiler has just compiled it.
        """
        last, self._last = self._last, offset
        if self._only_before:
            return offset in self._before and not (PYPY and offset == last)
        called_python, self.called_python = self.called_python, False
        points = self._points
        return (
            offset in self._before
            or (last, offset) in points.between
            or (not called_python and points.after_c_call.get(last) == offset)
        )


class StarCalls:
    """Calls ``method(*args)`` in one thread: a switch point follows them, but no event C_RETURN.

    From 3.13 on, the event CALL reports them. 3.12 has no event for them.
    """

    #: Whether this interpreter reports them.
    are_reported = sys.version_info >= (3, 13)

    def __init__(self) -> None:
        self._callers: set[int] = set()

    def called(self, function: object, caller: FrameType) -> None:
        """Note a call by CALL_FUNCTION_EX before it is made."""
        (self._callers.add if type(function) is MethodType else self._callers.discard)(id(caller))

    def switches_after(self, caller: FrameType) -> bool:
        """Return whether threads can be switched before the instruction after such a call."""
        if id(caller) in self._callers:
            self._callers.discard(id(caller))
            return True
        return False


#: Offsets in bytes on 3.11: of the interpreter's frame in a frame object, and of ``is_entry`` in the former.
_FRAME_OFFSET = 24
_IS_ENTRY_OFFSET = 68


def entered_from_c(frame: FrameType) -> bool:
    """Return whether C code called the function that runs in a frame: then a switch point follows the call.

    Only 3.11 needs this, and other versions return True. 3.11 has the answer in ``is_entry`` of its frame
    (``Include/internal/pycore_frame.h``), which Python code cannot read. The layout of 3.11 does not change any more.
    """
    if sys.version_info[:2] != (3, 11) or not CPYTHON:
        return True
    import ctypes

    address = ctypes.c_void_p.from_address(id(frame) + _FRAME_OFFSET).value
    return address is None or ctypes.c_bool.from_address(address + _IS_ENTRY_OFFSET).value


# --- Python code that PyPy hides from tracers, such as ``sum`` and ``lru_cache``: threads are switched in it

#: How the file names of code begin that is built into PyPy.
_BUILT_IN = "<builtin>"
#: Hidden functions of the standard library that work with shared objects (PyPy's lib-python, functools.py).
_HIDDEN_IN_FUNCTOOLS = ("wrapper", "reduce")


def hidden_callee(frame: FrameType) -> str | None:
    """Return the name of hidden code that a function may call; None if none is found.

    Looks at the function's globals, its arguments, and their attributes.
    """
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
