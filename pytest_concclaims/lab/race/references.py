"""What things refer to, as far as it can be followed: from functions to what they name, and from these on."""

from __future__ import annotations

import gc
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import chain
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

#: Things that are looked at, at most, the nearest first.
MOST_THINGS = 10_000
ATOMS = (bool, int, float, complex, str, bytes, type(None), BuiltinFunctionType, CodeType, logging.Logger, Enum)
_MACHINERY = frozenset(
    {"typing", "typing_extensions", "abc", "_abc", "_py_abc", "collections.abc", "_collections_abc"}
)
CONTAINERS = (dict, list, set, deque, bytearray)


def reached(roots: Iterable[object], step: Callable[[Any], Iterable[object]]) -> list[object]:
    """Return the things that are reached by steps, the nearest first."""
    seen: dict[int, object] = {}
    ahead = deque(roots)
    while ahead and len(seen) < MOST_THINGS:
        thing = ahead.popleft()
        if id(thing) not in seen and not issubclass(type(thing), ATOMS) and not _is_machinery(thing):
            seen[id(thing)] = thing
            ahead.extend(listed(step, thing))
    return list(seen.values())


def _is_machinery(thing: Any) -> bool:
    """Return whether a thing is of the modules that classes are made with: these refer to all classes."""
    if type(thing) is FunctionType:
        return thing.__module__ in _MACHINERY
    one = thing if issubclass(type(thing), type) else type(thing)
    return type.__getattribute__(one, "__dict__").get("__module__") in _MACHINERY


def listed(step: Callable[[Any], Iterable[object]], thing: object) -> list[object]:
    """Return what is one step from a thing; something new each time if that cannot be told: it may have changed."""
    try:
        return list(step(thing))
    except Exception:  # noqa: BLE001  (another thread is changing it, or a metaclass of the claim's own)
        return [object()]


def referred(thing: Any) -> Iterable[object]:
    """Return what a thing refers to; a function, to the globals that it names, and to those of modules among them."""
    if type(thing) is not FunctionType:
        return () if issubclass(type(thing), ModuleType) else parts(thing)
    if type(thing.__code__) is not CodeType:  # a function of PyPy's own
        return ()
    names = list(dict.fromkeys(_names(thing.__code__)))
    known = [thing.__globals__.get(name) for name in names]
    modules = [vars(one) for one in known if type(one) is ModuleType]
    of_modules = [module.get(name) for module in modules for name in names]
    defaults = (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values())
    return (*known, *of_modules, *(thing.__closure__ or ()), *defaults, vars(thing))


def parts(thing: Any) -> Iterable[object]:
    """Return the parts of a thing; PyPy does not tell of numbers and texts in containers that hold nothing else."""
    if issubclass(type(thing), type):
        return (*vars(thing).values(), *thing.__mro__)
    if issubclass(type(thing), dict):
        return (len(thing), *chain.from_iterable(dict.items(thing)), *gc.get_referents(thing))
    is_container = issubclass(type(thing), (*CONTAINERS, tuple, frozenset))
    return (*(thing if is_container else ()), *gc.get_referents(thing))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
