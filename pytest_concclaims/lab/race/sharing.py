"""The detection of side effects outside the state, and of objects that states share.

In both cases, samples are made one at a time: what happens once in a process, such as the creation of a singleton,
would happen in only one sample of a pool. A false alarm makes samples slower, and a miss could make a verdict
wrong, so in doubt an object counts as changed or shared.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from ..callables import name_of
from .references import ATOMS, CONTAINERS, Unlisted, listed, parts, reached, referred, walked

_SEQUENCES = tuple({*CONTAINERS} - {dict})


#: Types whose objects each snapshot keeps alive, as these keep nothing else alive.
_KEPT = (*ATOMS, weakref.ref, Unlisted)


@dataclass(frozen=True)
class Change:
    """A change of an object, which is not kept alive.

    :param thing: the id of the object.
    :param part: which of the objects that it refers to is another one; None if their number is, or if each run may
        change another one, as in a ring buffer.
    :param words: a phrase for the object.
    """

    thing: int
    part: int | None
    words: str


class _Kinds(dict[type, bool]):
    """Whether a snapshot keeps objects of a type alive, found out once for each type."""

    def __missing__(self, kind: type) -> bool:
        self[kind] = is_kept = issubclass(kind, _KEPT)
        return is_kept


class _Parts:
    """The objects to which one refers: the ids of all, and some of the objects.

    A new object may get the id of one that has ended. Then what refers to it seems to be as before; what the new one
    refers to is compared as well.
    """

    __slots__ = ("_ids", "_kept")

    def __init__(self, parts: Sequence[object], is_kept: _Kinds) -> None:
        self._ids = list(map(id, parts))
        self._kept = [part for part in parts if is_kept[type(part)]]

    def changed(self, now: Sequence[object]) -> list[int] | None:
        """Return the numbers of the parts that are other ones; None if there are more or fewer."""
        ids = list(map(id, now))
        if ids == self._ids:
            return []
        if len(ids) != len(self._ids):
            return None
        before = {id(part): part for part in self._kept}
        return [
            number
            for number, (part, known) in enumerate(zip(now, self._ids))
            if id(part) != known and not (known in before and _is_equal(before[known], part))
        ]


def _is_equal(one: object, other: object) -> bool:
    return type(one) is type(other) and issubclass(type(one), ATOMS) and one == other


class Snapshot:
    """What functions refer to at the time of the snapshot, to find what changes afterwards.

    :param step: returns the objects to which an object leads.
    :param keeps: whether all objects in it stay alive, so that no change is missed. While an actor runs whose outcome
        counts, they must not: what it drops is to end.
    """

    def __init__(
        self,
        functions: Iterable[object],
        step: Callable[[Any], Iterable[object]] = referred,
        *,
        keeps: bool = True,
    ) -> None:
        self._functions = list(functions)
        self._step = step
        walked_now, is_kept = list(self._walked()), _Kinds()
        self._before = {id(thing): _Parts(further, is_kept) for thing, further in walked_now}
        #: Whether something in it notices the end of other objects.
        self.has_weak_references = any(issubclass(type(thing), weakref.ref) for thing, _ in walked_now)
        self._kept = walked_now if keeps else None

    def changed(self) -> str | None:
        """Return a phrase for something that has changed since; None if nothing has."""
        return first_changed(self.changes())

    def changes(self) -> Iterator[Change]:
        """Yield what has changed since."""
        for thing, further in self._walked():
            before = self._before.get(id(thing))
            changed = [] if before is None else before.changed(further)
            if changed is None or (changed and issubclass(type(thing), _SEQUENCES)):
                yield Change(id(thing), None, _words(thing))
            else:
                yield from (Change(id(thing), number, _words(thing)) for number in changed)

    def only_in(self, first: Iterable[Change]) -> list[Change]:
        """Return those of earlier changes to objects in this snapshot that have not happened again."""
        again = {(change.thing, change.part) for change in self.changes()}
        return [
            change
            for change in first
            if change.thing in self._before and again.isdisjoint([(change.thing, change.part), (change.thing, None)])
        ]

    def _walked(self) -> Iterator[tuple[object, Sequence[object]]]:
        """Yield the objects that the functions lead to, and those that each refers to."""
        for thing, further in walked(self._functions, self._step):
            yield thing, further if self._step is referred else listed(referred, thing)


def first_changed(changes: Iterable[Change]) -> str | None:
    """Return a phrase for the first object that has changed; None if there is none."""
    return next((change.words for change in changes), None)


def shared(one: object, other: object) -> str | None:
    """Return a phrase for something that two states have in common and that can change; None if there is nothing."""
    things = {id(thing) for thing in reached([one], _held)}
    common = (thing for thing in reached([other], _held) if id(thing) in things and _can_change(thing))
    return next((f"the states that setup makes share {_words(thing)}" for thing in common), None)


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
