"""The race without its locks as a control: its own code, without the locks that ``setup`` makes.

While ``setup`` runs, the functions and classes that make locks are replaced wherever ``setup`` may find them: in
modules and classes under any name, in closures, and in defaults of parameters, such as those of dataclasses.
Afterwards, all are restored. Locks inside other objects of :mod:`threading`, such as events, and locks that other
threads make stay real.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from types import CellType, FrameType, FunctionType, ModuleType
from typing import Any

from .references import reached, referred


@dataclass(frozen=True)
class WithoutLocks:
    """The type of :data:`WITHOUT_LOCKS`, its only instance."""

    def __repr__(self) -> str:
        return "lab.WITHOUT_LOCKS"


#: Stands for the control that is the race without the locks that its ``setup`` makes.
WITHOUT_LOCKS = WithoutLocks()


class NoLock:
    """A lock that every thread can acquire at once.

    Its methods are C functions, like those of a real lock: a Python function would add a switch point.
    """

    __enter__ = acquire = "acquired".format  # takes any arguments and returns a true value
    __exit__ = release = "".format  # the same with a false value
    locked = bool


class NoCondition(NoLock):
    """A condition without a lock. A wait returns at once, as a real one may do too."""

    wait = "woken".format
    notify = notify_all = "".format

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Return the predicate's result, at once with a timeout, otherwise when it is true."""
        result = predicate()
        while not result and timeout is None:
            result = predicate()
        return result


#: Kinds of locks: the name, the callable that makes one, and its replacement.
_KINDS: tuple[tuple[str, Callable[..., Any], Callable[[], Any]], ...] = (
    ("Lock", threading.Lock, NoLock),
    ("Lock", _thread.allocate_lock, NoLock),
    ("RLock", threading.RLock, NoLock),
    ("RLock", _thread.RLock, NoLock),
    ("Condition", threading.Condition, NoCondition),
    ("Semaphore", threading.Semaphore, NoLock),
    ("BoundedSemaphore", threading.BoundedSemaphore, NoLock),
)
#: Modules whose locks stay real, because they are parts of other objects.
_WHOLES = (threading.__name__, "importlib._bootstrap", "importlib._bootstrap_external")

#: Puts a replacement where an object was found.
_Put = Callable[[Any], None]


class UnlockedSetup:
    """Calls a ``setup`` and removes the locks that it makes.

    :param setup: of the race.
    """

    def __init__(self, setup: Callable[[], Any]) -> None:
        self.setup = setup
        self.__qualname__ = getattr(setup, "__qualname__", type(setup).__qualname__)
        #: Descriptions of the removed locks.
        self.removed: dict[str, None] = {}
        self._places: list[tuple[_Put, _Maker]] = []

    def prepare(self) -> None:
        """Find the makers of locks, unless that is done; before any process that calls this is forked."""
        if not self._places:
            makers = {id(make): _Maker(name, make, replaced, self.removed) for name, make, replaced in _KINDS}
            self._places = [(put, makers[id(thing)]) for thing, put in _places(self.setup) if id(thing) in makers]

    def __call__(self) -> Any:
        """Return a state without locks."""
        self.prepare()
        thread = threading.get_ident()
        with ExitStack() as stack:
            for put, maker in self._places:
                maker.thread = thread
                stack.callback(put, maker.make)
                put(maker)
            return self.setup()


def with_locks(function: Any) -> Any:
    """Return the ``setup`` that is called by one without locks, which refers to all modules; any other as it is."""
    return function.setup if isinstance(function, UnlockedSetup) else function


class _Maker:
    """Replaces a maker of locks, and records each lock that is removed.

    It is an object and not a function: as an attribute of a class, it is called without ``self``, like a C
    function.
    """

    def __init__(
        self, name: str, make: Callable[..., Any], replacement: Callable[[], Any], removed: dict[str, None]
    ) -> None:
        self._name = name
        self.make = make
        self._replacement = replacement
        self._removed = removed
        self.thread = 0

    def __call__(self, *args: Any, **options: Any) -> Any:
        frame = sys._getframe(1)  # noqa: SLF001  (documented)
        if threading.get_ident() != self.thread or frame.f_globals.get("__name__") in _WHOLES:
            return self.make(*args, **options)
        self._removed[f"the {self._name} that is made in {_place(frame)}"] = None
        return self._replacement()


def _place(frame: FrameType | None) -> str:
    """Return the file and line of a frame; of generated code, those of its caller, or its class."""
    made = ""
    while frame is not None and frame.f_code.co_filename.startswith("<"):
        arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        made = f" of {type(frame.f_locals[arguments[0]]).__qualname__}" if arguments else ""
        frame = frame.f_back
    if frame is None or frame.f_globals is globals():  # the generated code is setup itself
        return f"generated code{made}"
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"  # noqa: PTH119  (a text)


def _places(setup: Callable[[], Any]) -> Iterator[tuple[object, _Put]]:
    """Yield the objects that ``setup`` may call, each with a function that replaces it there."""
    functions_and_classes = reached([setup], referred)
    modules = [module for module in list(sys.modules.values()) if type(module) is ModuleType]  # no lazy module
    names: dict[int, Any] = {id(vars(module)): vars(module) for module in modules}
    for thing in functions_and_classes:
        if isinstance(thing, FunctionType):
            names[id(thing.__globals__)] = thing.__globals__
            yield from ((_content(cell), partial(setattr, cell, "cell_contents")) for cell in thing.__closure__ or ())
            defaults = enumerate(thing.__defaults__ or ())
            yield from ((default, partial(_put_default, thing, place)) for place, default in defaults)
            if thing.__kwdefaults__:
                names[id(thing.__kwdefaults__)] = thing.__kwdefaults__
        elif isinstance(thing, type):
            names[id(thing)] = thing
    for holder in names.values():
        put = holder.__setitem__ if isinstance(holder, dict) else partial(setattr, holder)
        found = holder if isinstance(holder, dict) else getattr(holder, "__dict__", {})
        yield from ((thing, partial(put, name)) for name, thing in list(found.items()))


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _put_default(function: FunctionType, place: int, new: object) -> None:
    defaults = list(function.__defaults__ or ())
    defaults[place] = new
    function.__defaults__ = tuple(defaults)
