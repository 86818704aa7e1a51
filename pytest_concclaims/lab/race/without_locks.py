"""The control of a race with locks: its own code, with the locks that ``setup`` makes taken out.

While ``setup`` runs, what makes locks is replaced wherever ``setup`` may find it: in modules and classes, by whatever
name, in closures and in the defaults of arguments, such as those of dataclasses. All is put back at once. Locks that
are a part of something else in :mod:`threading`, such as an event, and those that another thread makes are real.
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
    """Stands for the control that is the race without its locks; :data:`WITHOUT_LOCKS` is the only one."""

    def __repr__(self) -> str:
        return "lab.WITHOUT_LOCKS"


#: The race's own code, with the locks that its setup makes taken out.
WITHOUT_LOCKS = WithoutLocks()


class NoLock:
    """A lock that every thread gets at once.

    As of a real lock, its methods are C functions: the start of a Python function would be one more switch point.
    """

    __enter__ = acquire = "taken".format  # takes any arguments, and returns what is true
    __exit__ = release = "".format  # the same, and returns what is false
    locked = bool


class NoCondition(NoLock):
    """A condition without a lock. Waiting is over at once: a waiter has to look again in any case."""

    wait = "woken".format
    notify = notify_all = "".format

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Return the predicate's result, once that is true or there is a timeout."""
        result = predicate()
        while not result and timeout is None:
            result = predicate()
        return result


#: What makes locks: the name, what is called for one, and what replaces it.
_KINDS: tuple[tuple[str, Callable[..., Any], Callable[[], Any]], ...] = (
    ("Lock", threading.Lock, NoLock),
    ("Lock", _thread.allocate_lock, NoLock),
    ("RLock", threading.RLock, NoLock),
    ("RLock", _thread.RLock, NoLock),
    ("Condition", threading.Condition, NoCondition),
    ("Semaphore", threading.Semaphore, NoLock),
    ("BoundedSemaphore", threading.BoundedSemaphore, NoLock),
)
#: Modules whose locks are a part of something else.
_WHOLES = (threading.__name__, "importlib._bootstrap", "importlib._bootstrap_external")

#: Puts a thing where another one was found.
_Put = Callable[[Any], None]


class UnlockedSetup:
    """Calls a ``setup``, and takes out the locks that it makes.

    :param setup: the race's.
    """

    def __init__(self, setup: Callable[[], Any]) -> None:
        self._setup = setup
        self.__qualname__ = getattr(setup, "__qualname__", type(setup).__qualname__)
        #: The locks that were taken out, in words.
        self.taken_out: dict[str, None] = {}
        self._places: list[tuple[_Put, _Maker]] = []

    def prepare(self) -> None:
        """Find what makes locks, unless that is done: once, in the parent of all processes that call this."""
        if not self._places:
            makers = {id(make): _Maker(name, make, replaced, self.taken_out) for name, make, replaced in _KINDS}
            self._places = [(put, makers[id(thing)]) for thing, put in _places(self._setup) if id(thing) in makers]

    def __call__(self) -> Any:
        """Return a state without locks."""
        self.prepare()
        thread = threading.get_ident()
        with ExitStack() as stack:
            for put, maker in self._places:
                maker.thread = thread
                stack.callback(put, maker.make)
                put(maker)
            return self._setup()


class _Maker:
    """Is called instead of what makes a lock.

    An object and no function: as an attribute of a class it is called as a C function is, without ``self``.
    """

    def __init__(
        self, name: str, make: Callable[..., Any], replacement: Callable[[], Any], taken_out: dict[str, None]
    ) -> None:
        self._name = name
        self.make = make
        self._replacement = replacement
        self._taken_out = taken_out
        self.thread = 0

    def __call__(self, *args: Any, **options: Any) -> Any:
        frame = sys._getframe(1)  # noqa: SLF001  (documented)
        if threading.get_ident() != self.thread or frame.f_globals.get("__name__") in _WHOLES:
            return self.make(*args, **options)
        self._taken_out[f"the {self._name} that is made in {_place(frame)}"] = None
        return self._replacement()


def _place(frame: FrameType | None) -> str:
    """Return the file and line that a frame is in; of generated code, those of its caller, or its class."""
    made = ""
    while frame is not None and frame.f_code.co_filename.startswith("<"):
        arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        made = f" of {type(frame.f_locals[arguments[0]]).__qualname__}" if arguments else ""
        frame = frame.f_back
    if frame is None or frame.f_globals is globals():  # the class is the setup
        return f"generated code{made}"
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"  # noqa: PTH119  (a text)


def _places(setup: Callable[[], Any]) -> Iterator[tuple[object, _Put]]:
    """Yield what ``setup`` may call, with where it is found: by a name, or as a default."""
    functions_and_classes = reached([setup], referred)
    modules = [module for module in list(sys.modules.values()) if type(module) is ModuleType]  # none that is lazy
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
