"""The detection of side effects outside the state, and of objects that states share.

In both cases, samples are made one at a time: what happens once in a process, such as the creation of a singleton,
would happen in only one sample of a pool. A false alarm makes samples slower, and a miss could make a verdict
wrong, so in doubt an object counts as changed or shared.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Optional

from ..callables import name_of
from .references import ATOMS, CONTAINERS, listed, parts, reached, referred, walked

#: An object that has changed, and which of the objects that it refers to is another one; None if their number is, or
#: if each run may change another one, as in a ring buffer.
Change = tuple[Any, Optional[int]]
_SEQUENCES = tuple({*CONTAINERS} - {dict})


class Snapshot:
    """What functions refer to at the time of the snapshot, to find what changes afterwards.

    :param step: returns the objects to which an object leads.
    """

    def __init__(self, functions: Iterable[object], step: Callable[[Any], Iterable[object]] = referred) -> None:
        self._before = walked(functions, step)
        if step is not referred:
            self._before = [(thing, listed(referred, thing)) for thing, _ in self._before]

    @property
    def has_weak_references(self) -> bool:
        """Return whether something in it notices the end of other objects."""
        return any(issubclass(type(thing), weakref.ref) for thing, _ in self._before)

    def changed(self) -> str | None:
        """Return a phrase for something that has changed since; None if nothing has."""
        return first_changed(self.changes())

    def changes(self) -> Iterator[Change]:
        """Yield what has changed since."""
        for thing, before in self._before:
            now = listed(referred, thing)
            if len(now) == len(before) and all(map(_is_same, before, now)):
                continue
            if len(now) != len(before) or issubclass(type(thing), _SEQUENCES):
                yield thing, None
            else:
                same = map(_is_same, before, now)
                yield from ((thing, number) for number, is_same in enumerate(same) if not is_same)

    def only_in(self, first: Iterable[Change]) -> list[Change]:
        """Return those of earlier changes to objects in this snapshot that have not happened again."""
        known = {id(thing) for thing, _ in self._before}
        again = {(id(thing), number) for thing, number in self.changes()}
        return [
            (thing, number)
            for thing, number in first
            if id(thing) in known and again.isdisjoint([(id(thing), number), (id(thing), None)])
        ]


def first_changed(changes: Iterable[Change]) -> str | None:
    """Return a phrase for the first object that has changed; None if there is none."""
    return next((_words(thing) for thing, _ in changes), None)


def shared(one: object, other: object) -> str | None:
    """Return a phrase for something that two states have in common and that can change; None if there is nothing."""
    things = {id(thing) for thing in reached([one], _held)}
    common = (thing for thing in reached([other], _held) if id(thing) in things and _can_change(thing))
    return next((f"the states that setup makes share {_words(thing)}" for thing in common), None)


def _is_same(one: object, other: object) -> bool:
    return one is other or (type(one) is type(other) and issubclass(type(one), ATOMS) and one == other)


def _can_change(thing: object) -> bool:
    """Return whether an object that a state holds can change. Locks are left out: two states may use the same one."""
    kind = type(thing)
    fixed = (FunctionType, BuiltinFunctionType, type, ModuleType, tuple, frozenset)
    if issubclass(kind, fixed) or hasattr(kind, "acquire"):
        return False
    return any(not issubclass(type(held), type) for held in gc.get_referents(thing)) or issubclass(kind, CONTAINERS)


def _words(thing: Any) -> str:
    if issubclass(type(thing), type):
        return f"the class {thing.__name__}"
    if type(thing) is FunctionType:
        return f"something that {name_of(thing)} refers to"
    return f"a {type(thing).__name__}"


def _held(thing: Any) -> Iterable[object]:
    """Return what a state holds, without its class and without the globals of its functions."""
    if type(thing) is FunctionType:
        return thing.__closure__ or ()
    return () if issubclass(type(thing), (type, ModuleType)) else parts(thing)
