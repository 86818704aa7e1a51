"""Built-in types without their locks: what they would be if each operation were made of steps in Python.

They are the controls of the claims that an operation is atomic, and the types of the worlds in which these lose.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from pytest_concclaims import Lab

from .objects import SIZE, take_time

Setup = Callable[[SimpleNamespace], object]

#: What Python itself does, and not the type.
_OWN = {"__new__", "__init__", "__getattribute__", "__hash__", "__doc__", "__class_getitem__", "fromkeys"}


def unlocked(real: Any, blank: object) -> Any:
    """Return a type that has the methods of a built-in one, and no lock.

    While an operation is at work on the contents, others see what is never there.

    :param real: the built-in type.
    :param blank: an argument for it: what others see meanwhile.
    """

    class Unlocked:
        def __init__(self, *arguments: object) -> None:
            self.contents = real(*map(_contents, arguments))

        if hasattr(real, "fromkeys"):

            @staticmethod
            def fromkeys(keys: object, *value: object) -> Any:
                return Unlocked(real.fromkeys(_contents(keys), *value))

    def method(name: str) -> Callable[..., object]:
        def call(self: Any, *arguments: object, **options: object) -> object:
            contents, self.contents = self.contents.copy(), real(blank)
            try:
                take_time()  # other threads run here
                result = getattr(contents, name)(*map(_contents, arguments), **options)
                result = iter(tuple(result)) if name == "__iter__" else result
            finally:
                self.contents = contents
            return self if result is contents else result

        return call

    for name in set(vars(real)) - _OWN:
        setattr(Unlocked, name, method(name))
    return Unlocked


def _contents(argument: Any) -> Any:
    return getattr(argument, "contents", argument)


class Holder:
    """An object with a field.

    :param value: of the field.
    """

    def __init__(self, value: object) -> None:
        self.field = value


class HalfSet:
    """An object whose field is empty while it is set."""

    def __init__(self, value: object) -> None:
        self._value: object = value

    @property
    def field(self) -> object:
        return self._value

    @field.setter
    def field(self, value: object) -> None:
        self._value = None
        take_time()
        self._value = value


#: The types that setups take.
BUILT_IN = SimpleNamespace(list=list, dict=dict, set=set, bytearray=bytearray, holder=Holder)
#: The same without locks.
UNLOCKED = SimpleNamespace(
    list=unlocked(list, [-1.0, 1.0]),
    dict=unlocked(dict, {0: -1.0, -1: 1.0}),
    set=unlocked(set, [-1, -2, SIZE // 2]),
    bytearray=unlocked(bytearray, b"?"),
    holder=HalfSet,
)


def race(lab: Lab, setup: Setup, *actors: Callable[[Any], object], observe: Any = None) -> Any:
    """Return a race on an object of a built-in type, with the control that the type has no lock.

    :param setup: makes the state; takes the types.
    """
    control = lab.control(*actors, setup=partial(setup, UNLOCKED))
    return lab.race(partial(setup, BUILT_IN), *actors, observe=observe, control=control)
