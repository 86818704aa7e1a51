"""Whether samples can be made in pools: not if ``setup`` changes what was there, or its states share things.

What can happen once in a process, such as the making of a singleton, would happen in one sample of a pool only. A
false alarm makes samples slower, a miss may make a verdict wrong: so it is rather noticed too much.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any

from ..callables import name_of
from .references import ATOMS, CONTAINERS, listed, parts, reached, referred


class Watch:
    """What functions refer to, as it was before a call.

    :param step: from what is reached to what is looked at besides.
    """

    def __init__(self, functions: Iterable[object], step: Callable[[Any], Iterable[object]] = referred) -> None:
        things = reached(functions, step)
        self._before = [(thing, listed(referred, thing)) for thing in things]

    def changed(self) -> str | None:
        """Return, in words, what has changed since; None if nothing."""
        for thing, before in self._before:
            now = listed(referred, thing)
            if len(now) != len(before) or not all(map(_is_same, before, now)):
                return _words(thing)
        return None


def shared(one: object, other: object) -> str | None:
    """Return, in words, what belongs to two states and can change; None if nothing."""
    things = {id(thing) for thing in reached([one], _held)}
    common = (thing for thing in reached([other], _held) if id(thing) in things and _can_change(thing))
    return next((f"the states that setup makes share {_words(thing)}" for thing in common), None)


def _is_same(one: object, other: object) -> bool:
    return one is other or (type(one) is type(other) and issubclass(type(one), ATOMS) and one == other)


def _can_change(thing: object) -> bool:
    """Return whether a thing that a state holds can change; a lock that two states use is as good as two."""
    kind = type(thing)
    if issubclass(kind, (FunctionType, type, ModuleType, tuple, frozenset)) or hasattr(kind, "acquire"):
        return False
    return any(not issubclass(type(held), type) for held in gc.get_referents(thing)) or issubclass(kind, CONTAINERS)


def _words(thing: Any) -> str:
    if issubclass(type(thing), type):
        return f"the class {thing.__name__}"
    return f"what {name_of(thing)} refers to" if type(thing) is FunctionType else f"a {type(thing).__name__}"


def _held(thing: Any) -> Iterable[object]:
    """Return what a state holds: neither its class nor what its functions find in modules."""
    if type(thing) is FunctionType:
        return thing.__closure__ or ()
    return () if issubclass(type(thing), (type, ModuleType)) else parts(thing)
