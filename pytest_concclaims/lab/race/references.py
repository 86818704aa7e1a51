"""The objects that functions and states refer to."""

from __future__ import annotations

import _thread
import dis
import gc
import logging
import os
import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cache
from itertools import accumulate, chain
from pathlib import Path
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FrameType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from .. import threads

#: The maximal number of objects that are visited, the nearest first.
MOST_THINGS = 10_000
#: Types of methods in classes made in C code. On PyPy, some of these are the types of methods in Python, too.
_DESCRIPTORS: tuple[type, ...] = tuple(
    {ClassMethodDescriptorType, MethodDescriptorType, WrapperDescriptorType} - {FunctionType, classmethod}
)
C_METHODS: tuple[type, ...] = (BuiltinFunctionType, *_DESCRIPTORS)
#: Types whose objects are not walked through.
ATOMS: tuple[type, ...] = (
    *(bool, int, float, complex, str, bytes, type(None), CodeType, logging.Logger, Enum),
    *(*_DESCRIPTORS, GetSetDescriptorType, MemberDescriptorType),
)
#: Modules that classes are made with, which refer to all classes; those that show exceptions, to which each thread
#: refers, and which refer to all modules that ever raised one; and those that manage memory, which they use again.
_MACHINERY = frozenset(
    {"typing", "typing_extensions", "abc", "_abc", "_py_abc", "collections.abc", "_collections_abc"}
    | {"traceback", "linecache", "multiprocessing.heap", "multiprocessing.util"}
)
#: Modules of the experiment's own threads and hooks, which the module threading refers to while they run; that of
#: snapshots; and this one, whose cache each search makes larger.
_OWN = (*(f"{__package__}.{name}" for name in ("schedules.", "samples.", "sharing")), threads.__name__, __name__)
#: Modules whose globals are no state of the claim's code. Before 3.10, the standard library has no list of its own.
_STANDARD = getattr(sys, "stdlib_module_names", None) or {
    *(path.stem for path in Path(os.__file__).parent.iterdir()),
    *sys.builtin_module_names,
}
_WITHOUT_STATE = frozenset({*_STANDARD, "pytest", "_pytest", "pluggy", "xdist", "execnet", "pytest_concclaims"})
#: Built-in functions with which a function may use any of its globals.
_BY_NAME = frozenset({"globals", "eval", "exec"})
_IMPORT_NAME = dis.opmap["IMPORT_NAME"]
CONTAINERS = (dict, list, set, deque, bytearray, array)


def reached(roots: Iterable[object], step: Callable[[Any], Iterable[object]]) -> list[object]:
    """Return the objects that are reached by steps, the nearest first."""
    return [thing for thing, _ in walked(roots, step)]


def walked(roots: Iterable[object], step: Callable[[Any], Iterable[object]]) -> list[tuple[object, list[object]]]:
    """Return the objects that are reached by steps, the nearest first, each with the objects one step further."""
    seen: dict[int, tuple[object, list[object]]] = {}
    ahead = deque(roots)
    while ahead and len(seen) < MOST_THINGS:
        thing = ahead.popleft()
        if id(thing) not in seen and not _is_atom(thing) and not _is_left_out(thing):
            further = listed(step, thing)
            seen[id(thing)] = thing, further
            ahead.extend(further)
    return list(seen.values())


def _is_atom(thing: object) -> bool:
    """Return whether an object has no parts. An object of a class made from ``str``, for example, has attributes."""
    return type(thing) in ATOMS or issubclass(type(thing), (logging.Logger, Enum))


def _is_left_out(thing: Any) -> bool:
    """Return whether an object belongs to Python's machinery, or to the experiment itself."""
    if type(thing) is FrameType:  # PyPy's get_referents leads from a thread-local object to all calls of its thread
        module = thing.f_globals.get("__name__")
    elif type(thing) is FunctionType:
        if type(thing.__code__) is not CodeType:  # a built-in function of PyPy
            return True
        module = thing.__module__
    else:
        one = thing if issubclass(type(thing), type) else type(thing)
        module = type.__getattribute__(one, "__dict__").get("__module__")
    return type(module) is str and (module in _MACHINERY or module.startswith(_OWN))


class Unlisted:
    """Stands for objects that could not be listed."""


def listed(step: Callable[[Any], Iterable[object]], thing: object) -> list[object]:
    """Return the objects one step away; a new object if that raises, so that the result counts as changed."""
    try:
        return list(step(thing))
    except Exception:  # noqa: BLE001  (another thread changes it, or the claim's metaclass raises)
        return [Unlisted()]


def referred(thing: Any) -> Iterable[object]:
    """Return what an object refers to.

    For a function, that is the globals that it names, the modules that it imports, and what it names of modules. A
    module that is a value, such as an argument, refers to all of its globals.
    """
    if issubclass(type(thing), ModuleType):
        if _is_without_state(thing.__name__):
            return ()
        return [
            one for name, one in list(vars(thing).items()) if not name.startswith("__") or not name.endswith("__")
        ]
    if type(thing) is not FunctionType:
        return parts(thing)
    names, importing = _names_of(thing.__code__)
    known = [thing.__globals__.get(name) for name in names]
    if importing:
        known += _imported(importing, thing.__globals__.get("__package__"))
    if not _BY_NAME.isdisjoint(names) and not _is_without_state(thing.__module__):
        known += thing.__globals__.values()
    own = (*(thing.__closure__ or ()), *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values())
    attributes = (vars(thing),) if vars(thing) else ()
    return (*_named(known, (*names, "__getattr__")), *own, *attributes)


def _is_without_state(module: object) -> bool:
    return str(module).partition(".")[0] in _WITHOUT_STATE


def parts(thing: Any) -> Iterable[object]:
    """Return the parts of an object.

    Containers are also iterated over: PyPy's ``get_referents`` leaves out numbers and strings in a container of
    these alone. A part of a lock is whether it is locked: code that is to run once may acquire one for ever.
    """
    if issubclass(type(thing), type):
        return (*vars(thing).values(), *thing.__mro__, type(thing))
    if thing is sys.modules:  # without the modules: all objects are in them
        return tuple(thing)
    if issubclass(type(thing), dict):
        return (len(thing), *chain.from_iterable(dict.items(thing)), *gc.get_referents(thing))
    if issubclass(type(thing), _thread.LockType):
        return (thing.locked(),)
    if type(thing) is BuiltinFunctionType:
        return (thing.__self__,)
    _make_dict(thing)
    is_container = issubclass(type(thing), (*CONTAINERS, tuple, frozenset))
    return (*(thing if is_container else ()), *gc.get_referents(thing))


def _make_dict(thing: Any) -> None:
    """Make the dict of an object's attributes.

    PyPy, and CPython since 3.11, make it when it is first read: then it appears among what the object refers to. The
    class's own descriptor makes it; a property ``__dict__`` of a proxy is not called.
    """
    made_by = (vars(one).get("__dict__") for one in type(thing).__mro__)
    descriptor = next((one for one in made_by if isinstance(one, GetSetDescriptorType)), None)
    if descriptor is not None:
        descriptor.__get__(thing)


@cache
def _names_of(code: CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names in a function's code, and those of them that may be names of modules that it imports."""
    within = list(codes(code))
    importing = (one.co_names for one in within if _IMPORT_NAME in one.co_code[::2])
    names = dict.fromkeys(chain.from_iterable(one.co_names for one in within))
    return tuple(names), tuple(chain.from_iterable(importing))


def _imported(names: tuple[str, ...], package: object) -> Iterator[ModuleType]:
    """Yield the modules with these names that are imported; some may be names of something else."""
    parents = list(accumulate(str(package).split("."), "{}.{}".format))
    yield from filter(None, map(sys.modules.get, parents))  # "from .. import name"
    for name in names:
        yield from filter(None, map(sys.modules.get, (name, *(f"{parent}.{name}" for parent in parents))))


def _named(known: list[Any], names: tuple[str, ...]) -> Iterator[object]:
    """Yield objects; instead of a module, what has one of these names in it, and so on."""
    ahead, done = deque(known), set()
    while ahead:
        one = ahead.popleft()
        if not issubclass(type(one), ModuleType):
            yield one
        elif id(one) not in done:
            done.add(id(one))
            ahead.extend(vars(one).get(name) for name in names)


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code, and that of the functions and classes within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)
