"""What an interpreter does not tell of calls, and how it is found: whether there is a switch point after a call."""

from __future__ import annotations

import builtins
import functools
import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FrameType, MethodType

from ....interpreter import CPYTHON
from .switch_points import NOWHERE, SwitchPoints


class TracedFrame:
    """The switch points in one run of a function that ``sys.settrace`` follows (3.9 to 3.11, and PyPy).

    ``called_python`` is to be set when a Python function that was called directly begins (``entered_from_c``).
    """

    __slots__ = ("_last", "_points", "called_python")

    def __init__(self, points: SwitchPoints) -> None:
        self._points = points
        self._last = NOWHERE
        self.called_python = False

    def switches_before(self, offset: int) -> bool:
        """Return whether threads can be switched before this instruction; to be asked before each, in their order."""
        last, self._last = self._last, offset
        called_python, self.called_python = self.called_python, False
        points = self._points
        return (
            offset in points.before
            or (last, offset) in points.between
            or (not called_python and points.after_c_call.get(last) == offset)
        )


class StarCalls:
    """Calls ``method(*args)`` in one thread: the one kind after which there is a switch point, but no event C_RETURN.

    It is told by the event CALL (3.13 and later; 3.12 has none for these calls, so their switch points are not told).
    """

    #: Whether this interpreter tells them.
    are_told = sys.version_info >= (3, 13)

    def __init__(self) -> None:
        self._callers: set[int] = set()

    def called(self, function: object, caller: FrameType) -> None:
        """Take note of a call by CALL_FUNCTION_EX, before it is made."""
        (self._callers.add if type(function) is MethodType else self._callers.discard)(id(caller))

    def switches_after(self, caller: FrameType) -> bool:
        """Return whether threads can be switched before the instruction after such a call."""
        if id(caller) in self._callers:
            self._callers.discard(id(caller))
            return True
        return False


#: On 3.11, of a frame object, the address of its frame; in that, whether the evaluation loop was entered for it.
_FRAME_POINTER = 24
_IS_ENTRY = 68


def entered_from_c(frame: FrameType) -> bool:
    """Return whether C code called the function that runs in a frame, on 3.11: there is a switch point after it.

    CPython 3.11 has the answer in ``is_entry`` of a frame (``Include/internal/pycore_frame.h``) and nothing in Python
    that tells it; its layout will not change any more. On other versions the answer is not needed, and is True.
    """
    if sys.version_info[:2] != (3, 11) or not CPYTHON:
        return True
    import ctypes

    address = ctypes.c_void_p.from_address(id(frame) + _FRAME_POINTER).value
    return address is None or ctypes.c_bool.from_address(address + _IS_ENTRY).value


# --- Python code that PyPy hides from tracers, such as ``sum`` and ``lru_cache``, and in which threads are switched

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
