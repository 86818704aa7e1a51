"""Whether samples can be made in pools: not if ``setup`` changes what was there, or its states share things.

What can happen once in a process, such as the making of a singleton, would happen in one sample of a pool only. A
false alarm makes samples slower, a miss may make a verdict wrong: so it is rather noticed too much.
"""

from __future__ import annotations

import gc
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import chain
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from ...callables import name_of

#: Things that are looked at, at most, the nearest first.
_THINGS = 10_000
_ATOMS = (bool, int, float, complex, str, bytes, type(None), BuiltinFunctionType, CodeType, logging.Logger, Enum)
_CONTAINERS = (dict, list, set, deque, bytearray)


class Watch:
    """What functions refer to, as it was before a call of ``setup``."""

    def __init__(self, functions: Iterable[Callable[..., Any] | None]) -> None:
        things = _reached(functions, _referred)
        self._before = [(thing, _listed(_referred, thing)) for thing in things]

    def changed(self) -> str | None:
        """Return, in words, what has changed since; None if nothing."""
        for thing, before in self._before:
            now = _listed(_referred, thing)
            if len(now) != len(before) or not all(map(_is_same, before, now)):
                return f"setup changes {_words(thing)}"
        return None


def shared(one: object, other: object) -> str | None:
    """Return, in words, what belongs to two states and can change; None if nothing."""
    things = {id(thing) for thing in _reached([one], _held)}
    common = (thing for thing in _reached([other], _held) if id(thing) in things and _can_change(thing))
    return next((f"the states that setup makes share {_words(thing)}" for thing in common), None)


def _reached(roots: Iterable[object], step: Callable[[Any], Iterable[object]]) -> list[object]:
    """Return the things that are reached by steps, the nearest first."""
    seen: dict[int, object] = {}
    ahead = deque(roots)
    while ahead and len(seen) < _THINGS:
        thing = ahead.popleft()
        if id(thing) not in seen and not issubclass(type(thing), _ATOMS):
            seen[id(thing)] = thing
            ahead.extend(_listed(step, thing))
    return list(seen.values())


def _listed(step: Callable[[Any], Iterable[object]], thing: object) -> list[object]:
    """Return what is one step from a thing; something new each time if that cannot be told: it may have changed."""
    try:
        return list(step(thing))
    except Exception:  # noqa: BLE001  (another thread is changing it, or a metaclass of the claim's own)
        return [object()]


def _is_same(one: object, other: object) -> bool:
    return one is other or (type(one) is type(other) and issubclass(type(one), _ATOMS) and one == other)


def _can_change(thing: object) -> bool:
    """Return whether a thing that a state holds can change; a lock that two states use is as good as two."""
    kind = type(thing)
    if issubclass(kind, (FunctionType, type, ModuleType, tuple, frozenset)) or hasattr(kind, "acquire"):
        return False
    return any(not issubclass(type(held), type) for held in gc.get_referents(thing)) or issubclass(kind, _CONTAINERS)


def _words(thing: Any) -> str:
    if issubclass(type(thing), type):
        return f"the class {thing.__name__}"
    return f"what {name_of(thing)} refers to" if type(thing) is FunctionType else f"a {type(thing).__name__}"


def _held(thing: Any) -> Iterable[object]:
    """Return what a state holds: neither its class nor what its functions find in modules."""
    if type(thing) is FunctionType:
        return thing.__closure__ or ()
    return () if issubclass(type(thing), (type, ModuleType)) else _parts(thing)


def _referred(thing: Any) -> Iterable[object]:
    """Return what a thing refers to; a function, to the globals that it names, and to those of modules among them."""
    if type(thing) is not FunctionType:
        return () if issubclass(type(thing), ModuleType) else _parts(thing)
    if type(thing.__code__) is not CodeType:  # a function of PyPy's own
        return ()
    names = list(dict.fromkeys(_names(thing.__code__)))
    known = [thing.__globals__.get(name) for name in names]
    modules = [vars(one) for one in known if type(one) is ModuleType]
    of_modules = [module.get(name) for module in modules for name in names]
    defaults = (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values())
    return (*known, *of_modules, *(thing.__closure__ or ()), *defaults, vars(thing))


def _parts(thing: Any) -> Iterable[object]:
    """Return the parts of a thing; PyPy does not tell of numbers and texts in containers that hold nothing else."""
    if issubclass(type(thing), type):
        return (*vars(thing).values(), *thing.__mro__)
    if issubclass(type(thing), dict):
        return (len(thing), *chain.from_iterable(dict.items(thing)), *gc.get_referents(thing))
    is_container = issubclass(type(thing), (*_CONTAINERS, tuple, frozenset))
    return (*(thing if is_container else ()), *gc.get_referents(thing))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
