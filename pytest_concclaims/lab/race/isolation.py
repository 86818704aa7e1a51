"""The check that states are isolated, and snapshots of what actors can change outside of a state.

Processes share what is outside of Python, such as files, and no walk through objects finds that. So states count as
isolated only if all that ``setup``, actors and ``observe`` refer to is known to reach nothing outside: it is Python
code, or belongs to modules of the standard library that work on their arguments.
"""

from __future__ import annotations

import dis
import logging
import random
import threading
from collections.abc import Callable, Iterable
from itertools import chain
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from ..callables import name_of
from .actor_process import START_METHOD
from .references import ATOMS, C_METHODS, MOST_THINGS, codes, listed, reached, referred
from .sharing import Snapshot
from .without_locks import with_locks


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Modules that only work on their arguments.
_WORKING = _names(
    "builtins types functools _functools operator _operator itertools collections _collections math time typing enum "
    "dataclasses abc struct _struct copy contextlib heapq _heapq bisect _bisect"
)
#: Modules of which each call makes a new object that belongs to its caller.
_MAKING = _names(
    "array _thread multiprocessing multiprocessing.context multiprocessing.heap "
    "multiprocessing.queues multiprocessing.sharedctypes multiprocessing.synchronize _multiprocessing ctypes _ctypes "
    "_ctypes.array _ctypes.basics _ctypes.primitive _ctypes.structure"
)
#: Of these, those whose objects processes share.
_SHARED = _names(
    "multiprocessing.heap multiprocessing.queues multiprocessing.sharedctypes multiprocessing.synchronize "
    "_multiprocessing ctypes _ctypes "
    "_ctypes.array _ctypes.basics _ctypes.primitive _ctypes.structure"
)
#: Names in these modules that reach outside.
_OUTSIDE = _names(
    "open print exec eval compile input breakpoint __import__ globals vars shared_memory Manager managers connection "
    "util process reduction get_context CDLL PyDLL cdll pydll"
)
_KNOWN = _WORKING | _MAKING
_HEAPTYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE; PyPy's built-in classes do not have it


def reached_outside(functions: Iterable[Callable[..., Any] | None], state: object, other: object) -> str | None:
    """Return a phrase for something through which states may affect each other; None if they are isolated.

    :param functions: ``setup``, the actors and ``observe``.
    :param other: another state that the same ``setup`` made.
    """
    of_functions, of_state = reached([tuple(functions)], _step), reached([(state,)], _step)
    if max(len(of_functions), len(of_state)) >= MOST_THINGS:
        return "more objects than are checked"
    elsewhere = {id(thing) for thing in (*of_functions, *reached([(other,)], _step))}
    common = (thing for thing in (*of_functions, *of_state) if id(thing) in elsewhere)
    near = chain.from_iterable((thing, *_step(thing)) for thing in (*of_functions, *of_state))
    found = chain(map(_moving, of_functions), map(_common, common), map(_outside, near))
    return next(filter(None, found), None)


def snapshot_outside(function: Callable[..., Any], setup: Callable[..., Any] | None, state: object) -> Snapshot:
    """Return a snapshot of what a function can change outside of a state.

    Such as a variable of the state's class, or a list that ``setup`` gives to each state.
    """
    walked = reached([(state,)], _step)
    of_all_states = (thing for thing in walked if isinstance(thing, (type, FunctionType)))
    return Snapshot([(function, with_locks(setup), *of_all_states)], _step)


class Snapshots:
    """Snapshots of what actors can change outside of a state, one for each actor.

    Each is made once, before the actor's process is forked: here its code is warm, and no actor changes this
    process. A spawned process makes its own.

    :param setup: which makes the states.
    :param start_method: of the actors' processes.
    """

    def __init__(self, setup: Callable[..., Any] | None, start_method: str = START_METHOD) -> None:
        self.setup = setup
        self._is_forked = start_method == "fork"
        self._known: dict[int, Snapshot] = {}

    def of(self, actor: int, function: Callable[..., Any], state: object) -> Snapshot | None:
        """Return the snapshot for an actor; None if its process has to make it."""
        if self._is_forked and actor not in self._known:
            self._known[actor] = snapshot_outside(function, self.setup, state)
        return self._known.get(actor)


def _moving(thing: Any) -> str | None:
    """Return a phrase for an object that a call changes and no snapshot notices, such as an iterator."""
    one = type(thing)
    moves = hasattr(one, "__next__") or issubclass(one, (random.Random, threading.local))
    return f"a {one.__name__}" if moves else None


def _common(thing: Any) -> str | None:
    """Return a phrase for an object that two states have in common and that processes share."""
    return f"a {type(thing).__name__}" if type(thing).__module__ in _SHARED else None


def _step(thing: Any) -> list[object]:
    """Return the objects to which one leads; those of known modules are left out.

    Some objects are not walked through, such as members of enumerations. They, and classes, may have a class that
    the claim defines. The contexts of multiprocessing are left out, too: each process that starts changes them.
    """
    things = [one for one in _near(thing) if type(one).__module__ != "multiprocessing.context"]
    return [*things, *(type(one) for one in things if isinstance(one, (type, *ATOMS)))]


def _near(thing: Any) -> list[object]:
    if type(thing) is FunctionType:
        return [] if thing.__module__ in _KNOWN else listed(referred, thing)
    one = thing if isinstance(thing, type) else type(thing)
    if one.__module__ in _MAKING or (isinstance(thing, type) and one.__module__ in _WORKING):
        return []
    return [one, *listed(referred, thing)]


def _outside(thing: Any) -> str | None:
    """Return a phrase for an object if it may reach outside."""
    if type(thing) is FunctionType:
        if thing.__module__ in _KNOWN:
            return thing.__name__ if thing.__name__ in _OUTSIDE else None
        return _outside_of_code(thing)
    if isinstance(thing, logging.Logger):
        return "a logger"  # whose handlers may be anywhere
    if isinstance(thing, ModuleType):
        return None if thing.__name__ in _KNOWN else f"the module {thing.__name__}"
    if isinstance(thing, BuiltinFunctionType):
        owner = thing.__self__
        module = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__module__
        return None if module in _KNOWN and thing.__name__ not in _OUTSIDE else name_of(thing)
    if isinstance(thing, type) and thing.__module__ not in _KNOWN and not _is_of_python(thing):
        return f"the class {thing.__name__}"
    return None


def _outside_of_code(function: FunctionType) -> str | None:
    if type(function.__code__) is not CodeType:  # a method of PyPy's own, which has a class in place of a module
        owner = getattr(function, "__objclass__", None)
        return None if getattr(owner, "__module__", None) in _KNOWN else name_of(function)
    for code in codes(function.__code__):
        for name in code.co_names:
            if name in _OUTSIDE:
                return f"{name} in {name_of(function)}"
        if any(instruction.opname == "IMPORT_NAME" for instruction in dis.get_instructions(code)):
            return f"an import in {name_of(function)}"
    return None


def _is_of_python(one: type) -> bool:
    """Return whether a class was made by a class statement. Its bases are checked separately."""
    return bool(one.__flags__ & _HEAPTYPE) and not any(isinstance(value, C_METHODS) for value in vars(one).values())
