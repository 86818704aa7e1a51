"""Whether states are isolated: what can reach outside of them, and what cannot."""

from __future__ import annotations

import math
import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_concclaims.lab.race.isolation import reached_outside

pytestmark = pytest.mark.interpreter

COMMON = multiprocessing.Value("i", 0)
DATABASE = sqlite3.connect(":memory:")


class Account:
    """A state of Python code and of what processes share."""

    def __init__(self) -> None:
        self.balance = multiprocessing.Value("i", 0)
        self.lock = multiprocessing.Lock()

    def deposit(self) -> None:
        """Add to it."""
        with self.lock:
            self.balance.value += math.floor(5.5)


class Logged(Account):
    """One whose method names a module that reaches outside."""

    def deposit(self) -> None:
        """Write a file."""
        Path("deposits").touch()


def number() -> Any:
    """Return a number that processes share."""
    return multiprocessing.Value("i", 0)


def add(shared: Any) -> None:
    """Add to it."""
    shared.value += 1


def importing(_: Any) -> None:
    """Reach what no walk sees."""
    import os

    os.getpid()


@pytest.mark.parametrize(
    ("setup", "actor"),
    [
        (number, add),
        (Account, Account.deposit),
        (multiprocessing.SimpleQueue, lambda queue: queue.put(1)),
        (list, len),
    ],
    ids=["number", "class", "queue", "list"],
)
def test_isolated(setup: Callable[[], Any], actor: Callable[[Any], object]) -> None:
    """All that is named is Python code, or makes something new."""
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
        (number, lambda _: exec("")),
        (lambda: COMMON, add),
        (lambda: [COMMON], len),
        (lambda: Path("file"), Path.touch),
        (Logged, Logged.deposit),
        (lambda: multiprocessing.Manager, len),
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
        "exec",
        "common-state",
        "common-part",
        "path",
        "method",
        "manager",
    ],
)
def test_not_isolated(setup: Callable[[], Any], actor: Callable[[Any], object]) -> None:
    """Something is named that may be the same for all states."""
    assert reached_outside([setup, actor, None], setup(), setup()) is not None
