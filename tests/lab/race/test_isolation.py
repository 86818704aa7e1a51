"""The check that states are isolated, and the snapshots of what actors can change outside of them."""

from __future__ import annotations

import enum
import itertools
import logging
import math
import multiprocessing
import os
import random
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims.lab.race.isolation import reached_outside, snapshot_outside

pytestmark = pytest.mark.interpreter

COMMON = multiprocessing.Value("i", 0)
NUMBERS = itertools.count()
CHANCE = random.Random(1)
DATABASE = sqlite3.connect(":memory:")


class Account:
    """A state of Python code and of objects that processes share."""

    def __init__(self) -> None:
        self.balance = multiprocessing.Value("i", 0)
        self.lock = multiprocessing.Lock()

    def deposit(self) -> None:
        """Add to the balance."""
        with self.lock:
            self.balance.value += math.floor(5.5)


class Logged(Account):
    """A method of it refers to a module that reaches outside."""

    def deposit(self) -> None:
        """Write a file."""
        Path("deposits").touch()


class Singleton(type):
    """Makes one object of each class."""

    made: dict[type, Any] = {}  # noqa: RUF012  (shared by all classes)

    def __call__(cls) -> Any:
        """Return the only object."""
        if cls not in Singleton.made:
            Singleton.made[cls] = super().__call__()
        return Singleton.made[cls]


class Total(metaclass=Singleton):
    """One object for all states."""

    def __init__(self) -> None:
        self.number = multiprocessing.RawValue("i", 0)


TOTAL = Total()


class Unit(enum.Enum):
    """An enumeration, whose members are not walked through."""

    EURO = 1

    def count(self) -> None:
        """Change an object that all states share."""
        COMMON.value += 1


class Name(str):
    """A subclass of str, whose objects are not walked through either."""

    __slots__ = ()

    def tally(self) -> None:
        """Change an object that all states share."""
        COMMON.value += 1


NAME, EURO, LOG, LOCAL = Name("a"), Unit.EURO, logging.getLogger(__name__), threading.local()


def number() -> Any:
    """Return a number that processes share."""
    return multiprocessing.Value("i", 0)


def add(shared: Any) -> None:
    """Add to it."""
    shared.value += 1


def importing(_: Any) -> None:
    """Import a module when called, which no walk through objects finds."""
    import os

    os.getpid()


@pytest.mark.parametrize(
    ("setup", "actor"),
    [
        (number, add),
        (lambda: multiprocessing.RawValue("i"), add),
        (Account, Account.deposit),
        (multiprocessing.SimpleQueue, lambda queue: queue.put(1)),
        (list, len),
    ],
    ids=["number", "setup", "class", "queue", "list"],
)
def test_isolated(setup: Callable[[], Any], actor: Callable[[Any], object]) -> None:
    """All code is Python code, or makes new objects."""
    assert reached_outside([setup, actor, None], setup(), setup()) is None


@pytest.mark.parametrize(
    ("setup", "actor"),
    [
        (number, lambda _: open("file")),  # noqa: PTH123, SIM115  (nothing runs)
        (number, lambda _: os.open("file", os.O_CREAT)),
        (number, partial(os.write, 1)),
        (number, importing),
        (number, lambda _: DATABASE.execute("")),
        (number, lambda _: COMMON.value),
        (number, lambda _, common=COMMON: common.value),
        (number, print),
        (number, lambda _: next(NUMBERS)),
        (number, lambda _: CHANCE.random()),
        (number, lambda _: random.random()),
        (number, lambda _: exec("")),
        (lambda: COMMON, add),
        (lambda: [COMMON], len),
        (lambda: Path("file"), Path.touch),
        (Logged, Logged.deposit),
        (lambda: multiprocessing.Manager, len),
        (list, lambda _: Total().number.value),
        (list, lambda _: EURO.count()),
        (list, lambda _: NAME.tally()),
        (lambda: EURO, lambda unit: unit.count()),
        (list, lambda _: LOG.warning("")),
        (number, lambda _: hasattr(LOCAL, "is_connected")),
    ],
    ids=[
        "open",
        "os",
        "partial",
        "import",
        "database",
        "common-number",
        "default",
        "print",
        "counter",
        "seeded",
        "random",
        "exec",
        "common-state",
        "common-part",
        "path",
        "method",
        "manager",
        "metaclass",
        "enum",
        "text",
        "enum-state",
        "logger",
        "local",
    ],
)
def test_not_isolated(setup: Callable[[], Any], actor: Callable[[Any], object]) -> None:
    """Something that the functions refer to may be the same for all states."""
    assert reached_outside([setup, actor, None], setup(), setup()) is not None


class Client:
    """Opens a connection once in each process."""

    is_connected = False

    def __init__(self) -> None:
        self.opened = 0

    def connect(self) -> None:
        """Change the class."""
        Client.is_connected = True

    def count(self) -> None:
        """Change the state."""
        self.opened += 1


@pytest.mark.parametrize(
    ("actor", "leaves"),
    [
        (lambda client: client.connect(), True),
        (Client.connect, True),
        (lambda client: client.count(), False),
        (Client.count, False),
    ],
    ids=["class", "class-method", "state", "state-method"],
)
def test_what_a_call_leaves_behind(actor: Callable[[Any], object], leaves: bool) -> None:
    """A side effect is a change of what other states also refer to, however the function reaches it."""
    Client.is_connected = False
    client = Client()
    before = snapshot_outside(actor, Client, client)
    actor(client)
    assert (before.changed() is not None) is leaves


def test_what_setup_gives_to_each_state_is_outside_of_it() -> None:
    """A fresh process would find it as it was."""
    seen: list[int] = []

    def setup() -> Any:
        return SimpleNamespace(seen=seen, own=[])

    state = setup()
    before = snapshot_outside(lambda state: state.own.append(1), setup, state)
    state.own.append(1)
    assert before.changed() is None
    state.seen.append(1)
    assert before.changed() is not None


def test_a_process_that_starts_leaves_nothing_behind() -> None:
    """It chooses a context of multiprocessing, which is no effect of its actor."""
    context: Any = multiprocessing
    context = context.context._default_context
    before, chosen = snapshot_outside(add, lambda: multiprocessing.RawValue("i"), 0), context._actual_context
    context._actual_context = object()
    try:
        assert before.changed() is None
    finally:
        context._actual_context = chosen
