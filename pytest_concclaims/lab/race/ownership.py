"""Owners of objects.

On a free-threaded build, the thread that has made an object runs its finalizer if it still lives. Other threads count
their references apart, and leave the end of the object to its owner (PEP 703, biased reference counting).
"""

from __future__ import annotations

import _thread
import gc
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar

from ...interpreter import FREE_THREADED_BUILD
from .experiment import Subject
from .outcome import close_unawaited
from .sharing import Snapshot
from .without_locks import with_locks

T = TypeVar("T")

#: What lives longer than a state, in general.
_LASTING = (type, ModuleType, CodeType)
#: What does something to other objects when it ends, or notices their ends.
_NOTICED = (
    *(memoryview, weakref.ref, weakref.ProxyType, weakref.CallableProxyType),
    *(weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary),
)
#: Modules whose objects only the thread may use that has made them.
_OF_ONE_THREAD = ("sqlite3",)
#: The most objects of a state that are looked at.
_MOST_OBJECTS = 1000


def with_no_owner(make: Callable[[], T]) -> T:
    """Return a new object, made by a thread that has ended: the thread that drops it last runs its finalizers.

    If no thread can make it, this one does. What that changes in its context, it changes here as well.
    """
    made: list[T] = []
    context = copy_context()

    def work() -> None:
        with suppress(BaseException):  # such as in code that needs the main thread
            made.append(context.run(make))

    # A Thread of threading changes sets of that module, which looks like a side effect of actors.
    _thread.start_joinable_thread(work, daemon=True).join()  # type: ignore[attr-defined]  # since 3.13
    if not made:
        return make()
    for variable, value in context.items():
        if variable.get(None) is not value:
            variable.set(value)
    return made[0]


class StateMaker:
    """Makes states that have no owner. That takes time, so it does not if nothing happens when their objects end.

    A process gets its state by a fork, and owns it. A subject in processes needs nothing else.
    """

    def __init__(self, subject: Subject) -> None:
        self._functions = subject.functions  # setup may put objects where they find them
        self._needs_no_owner: bool | None = None if FREE_THREADED_BUILD and not subject.in_processes else False

    def made(self, make: Callable[[], Any]) -> Any:
        """Return a new state."""
        return self.several(lambda: [make()])[0]

    def several(self, make: Callable[[], list[Any]]) -> list[Any]:
        """Return new states."""
        if self._needs_no_owner is None:
            self._needs_no_owner = self._may_notice(make)
        return with_no_owner(make) if self._needs_no_owner else make()

    def _may_notice(self, make: Callable[[], list[Any]]) -> bool:
        """Return whether something may happen when objects end that ``setup`` makes. Its states end here."""
        states = with_no_owner(make)
        try:
            if may_be_noticed(states[0]):
                return True
        finally:
            close_unawaited(states)
        before = Snapshot([with_locks(function) for function in self._functions])
        close_unawaited(with_no_owner(make))
        return before.changed() is not None


def may_be_noticed(state: object) -> bool:
    """Return whether something may happen when an object ends to which a state refers, while the state lives.

    That is so if it has a finalizer or is known to a weak reference; and, in doubt, of others.
    """
    if issubclass(type(state), _LASTING):
        return True
    seen: dict[int, object] = {}
    new = [state]
    while new and len(seen) <= _MOST_OBJECTS:
        thing = new.pop()
        if id(thing) in seen or issubclass(type(thing), _LASTING) or type(thing).__module__ in _OF_ONE_THREAD:
            continue
        if thing is not state and _is_noticed(thing):
            return True
        seen[id(thing)] = thing
        new += (thing.__closure__ or ()) if type(thing) is FunctionType else gc.get_referents(thing)
    return bool(new)


def _is_noticed(thing: object) -> bool:
    kind = type(thing)
    return hasattr(kind, "__del__") or issubclass(kind, _NOTICED) or weakref.getweakrefcount(thing) > 0
