"""Whether code may see when the objects of a state end."""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any

import pytest

from pytest_concclaims.lab.race.ownership import may_be_noticed, with_no_owner


class Account:
    """Has numbers and a lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.balances = [1, {"savings": 2.5}]


class Ending:
    """Has a finalizer."""

    def __del__(self) -> None:
        """Do nothing."""


def known() -> dict[str, object]:
    """Return an object and a weak reference to another one."""
    account = Account()
    return {"account": account, "reference": weakref.ref(Account)}


@pytest.mark.parametrize("state", [Account(), {"a": [Account()]}, [threading.Condition()], range(3), [len]])
def test_end_of_what_has_no_finalizer_is_not_noticed(state: object) -> None:
    """So any thread may own it."""
    assert not may_be_noticed(state)


@pytest.mark.parametrize(
    "state",
    [[Ending()], {"a": (Ending(),)}, known(), [memoryview(b"")], [weakref.WeakSet()]],
)
def test_end_of_others_may_be_noticed(state: object) -> None:
    """By a finalizer, a weak reference, or code that resizes a buffer."""
    assert may_be_noticed(state)


@pytest.mark.parametrize("state", [Account, weakref, [[] for _ in range(2000)]])
def test_what_is_not_looked_at_may_be_noticed(state: object) -> None:
    """A class, a module, and a large state."""
    assert may_be_noticed(state)


needs_threads_of_3_13 = pytest.mark.skipif(sys.version_info < (3, 13), reason="only free-threaded builds need it")


@needs_threads_of_3_13
def test_thread_that_makes_an_object_has_ended() -> None:
    """So it runs no finalizers."""
    assert with_no_owner(threading.get_ident) not in sys._current_frames()


@needs_threads_of_3_13
def test_object_is_made_here_if_a_thread_cannot_make_it() -> None:
    """What it raises here is raised."""

    def make() -> Any:
        raise ValueError(threading.current_thread().name)

    with pytest.raises(ValueError, match=threading.current_thread().name):
        with_no_owner(make)
