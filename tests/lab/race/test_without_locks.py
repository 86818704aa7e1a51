"""Removed locks: each way in which code may find their makers, locks that stay real, and that all is restored."""

from __future__ import annotations

import _thread
import inspect
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from threading import Lock as RenamedLock
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from pytest_concclaims.lab.race.without_locks import WITHOUT_LOCKS, NoCondition, NoLock, UnlockedSetup

pytestmark = pytest.mark.interpreter

#: This module, as an import returns it.
this_module: Any = sys.modules[__name__]
REAL_LOCK, REAL_RLOCK, REAL_ALLOCATE = threading.Lock, threading.RLock, _thread.allocate_lock
KINDS = ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore")


class Holder:
    """Has a lock."""

    def __init__(self, lock: Any) -> None:
        self.lock = lock


@dataclass
class WithFactory:
    """Its lock is made by code that the dataclass generates."""

    lock: Any = field(default_factory=threading.Lock)


class ByDefault:
    """Defaults of two parameters make its locks."""

    def __init__(self, make: Any = threading.Lock, make_other: Any = threading.RLock) -> None:
        self.lock = make()
        self.other = make_other()


class ByKeyword:
    """The default of a keyword-only parameter makes its lock."""

    def __init__(self, *, make: Any = RenamedLock) -> None:
        self.lock = make()


class ByAttribute:
    """An attribute of the class makes its lock."""

    make: ClassVar[Any] = threading.Lock

    def __init__(self) -> None:
        self.lock = self.make()


class Inherited(ByAttribute):
    """An attribute of the base class makes its lock."""


def by_closure() -> Callable[[], Holder]:
    """Return a setup that has the maker of locks in a closure."""
    make = threading.Lock
    return lambda: Holder(make())


def in_a_function() -> Holder:
    """Import the maker of locks when called."""
    from threading import Lock

    return Holder(Lock())


class Maker:
    """A setup that is a method."""

    def make(self) -> Holder:
        """Make a state."""
        return Holder(threading.Lock())


@pytest.fixture(scope="module", autouse=True)
def package() -> Iterator[None]:
    """Make a package with a module whose class has imported the maker of locks by its name."""
    names = ("package_of_locks", "package_of_locks.below", "package_of_locks.below.holders")
    made = [ModuleType(name) for name in names]
    exec(
        "from threading import Lock\n\nclass Keeper:\n    def __init__(self):\n        self.lock = Lock()",
        vars(made[2]),
    )
    vars(made[0])["below"], vars(made[1])["holders"] = made[1:]
    sys.modules.update(zip(names, made))
    globals()[names[0]] = made[0]
    yield
    for name in names:
        del sys.modules[name]


def by_a_package() -> Any:
    """Use a class two modules below."""
    return package_of_locks.below.holders.Keeper()  # type: ignore[name-defined]  # noqa: F821  (made above)


def by_a_local_import() -> Any:
    """Import the class when called."""
    from package_of_locks.below.holders import Keeper  # type: ignore[import-not-found]  # made above

    return Keeper()


WAYS: dict[str, Callable[[], Any]] = {
    "by the module": lambda: Holder(threading.Lock()),
    "by another name": lambda: Holder(RenamedLock()),
    "by the module below": lambda: Holder(_thread.allocate_lock()),
    "by a dataclass": WithFactory,
    "by a default": ByDefault,
    "by a keyword's default": ByKeyword,
    "by a class": ByAttribute,
    "by a class above": Inherited,
    "by a closure": by_closure(),
    "by an import": in_a_function,
    "by a partial": partial(ByKeyword),
    "by a method": Maker().make,
    "by a package": by_a_package,
    "by a local import": by_a_local_import,
    "by a module's attribute": lambda: Holder(this_module.RenamedLock()),
}


@pytest.mark.parametrize("way", WAYS)
def test_locks_are_taken_out(way: str) -> None:
    """They are removed wherever the code finds their makers, for each state, and the makers are restored."""
    setup = WAYS[way]
    unlocked = UnlockedSetup(setup)
    for _ in range(2):
        assert isinstance(unlocked().lock, NoLock)
    assert unlocked.removed
    assert not isinstance(setup().lock, NoLock)
    assert (threading.Lock, _thread.allocate_lock, RenamedLock) == (REAL_LOCK, REAL_ALLOCATE, REAL_LOCK)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_lock(kind: str) -> None:
    """All kinds are removed and named."""
    unlocked = UnlockedSetup(lambda: getattr(threading, kind)())
    assert isinstance(unlocked(), NoCondition if kind == "Condition" else NoLock)
    (words,) = unlocked.removed
    assert words.startswith(f"the {kind} that is made in test_without_locks.py:")
    assert not isinstance(getattr(threading, kind)(), NoLock)


def test_words_name_the_line() -> None:
    """It is the line that makes the lock, or that calls generated code."""

    def setup() -> Any:
        return threading.RLock()

    unlocked = UnlockedSetup(setup)
    unlocked()
    line = inspect.getsourcelines(setup)[1] + 1
    assert list(unlocked.removed) == [f"the RLock that is made in test_without_locks.py:{line}"]


def test_words_for_generated_code() -> None:
    """Its caller's line is named, or its class if that is the setup."""
    unlocked = UnlockedSetup(WithFactory)
    unlocked()
    assert list(unlocked.removed) == ["the Lock that is made in generated code of WithFactory"]

    def setup() -> WithFactory:
        return WithFactory()

    unlocked = UnlockedSetup(setup)
    unlocked()
    line = inspect.getsourcelines(setup)[1] + 1
    assert list(unlocked.removed) == [f"the Lock that is made in test_without_locks.py:{line}"]


def test_two_defaults_of_a_function() -> None:
    """The replacement of one must not undo that of the other."""
    made = UnlockedSetup(ByDefault)()
    assert isinstance(made.lock, NoLock)
    assert isinstance(made.other, NoLock)
    assert ByDefault.__init__.__defaults__ == (REAL_LOCK, REAL_RLOCK)


def test_locks_of_the_standard_library() -> None:
    """A queue works without its locks."""
    unlocked = UnlockedSetup(queue.Queue)
    made = unlocked()
    assert isinstance(made.mutex, NoLock)
    assert isinstance(made.not_empty, NoCondition)
    assert {words.rpartition(":")[0] for words in unlocked.removed} == {
        "the Lock that is made in queue.py",
        "the Condition that is made in queue.py",
    }
    made.put(1)
    assert made.get() == 1


def test_what_is_more_than_a_lock_stays_real() -> None:
    """The locks inside an event or a barrier are not locks of the state."""

    def setup() -> Any:
        event, barrier, local = threading.Event(), threading.Barrier(1), threading.local()
        event.set()
        return SimpleNamespace(event=event, barrier=barrier, local=local)

    unlocked = UnlockedSetup(setup)
    made = unlocked()
    assert made.event.wait(0)
    assert made.barrier.wait() == 0
    assert unlocked.removed == {}
    assert not isinstance(made.event._cond, NoCondition)


def test_locks_of_other_threads_stay_real() -> None:
    """Another thread makes one while ``setup`` runs."""
    made: list[Any] = []

    def setup() -> list[Any]:
        other = threading.Thread(target=lambda: made.append(threading.Lock()))
        other.start()
        other.join()
        made.append(threading.Lock())
        return made

    unlocked = UnlockedSetup(setup)
    of_other, own = unlocked()
    assert not isinstance(of_other, NoLock)
    assert isinstance(own, NoLock)
    assert len(unlocked.removed) == 1


def test_all_is_put_back_where_setup_raises() -> None:
    """The makers are restored as without an exception."""

    def setup(make: Any = threading.Lock) -> None:
        make()
        raise LookupError

    with pytest.raises(LookupError):
        UnlockedSetup(setup)()
    assert (threading.Lock, threading.RLock, _thread.allocate_lock) == (REAL_LOCK, REAL_RLOCK, REAL_ALLOCATE)
    assert setup.__defaults__ == (REAL_LOCK,)
    assert RenamedLock is REAL_LOCK


class Rigid(type):
    """A metaclass whose classes' attributes cannot be set."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise AttributeError(name)


class Fixed(metaclass=Rigid):
    """The maker of its lock cannot be replaced."""

    make = threading.Lock


def test_all_is_put_back_where_something_cannot_be_replaced() -> None:
    """No replacement may stay."""

    def setup() -> Any:
        return Fixed.make(), threading.Lock()

    with pytest.raises(AttributeError):
        UnlockedSetup(setup)()
    assert (threading.Lock, threading.RLock, RenamedLock) == (REAL_LOCK, REAL_RLOCK, REAL_LOCK)


def test_locks_that_were_there_stay() -> None:
    """Only locks that ``setup`` makes are removed."""
    lock = threading.Lock()
    unlocked = UnlockedSetup(lambda: Holder(lock))
    assert unlocked().lock is lock
    assert unlocked.removed == {}


def test_no_lock() -> None:
    """It has the methods of a lock, and never waits."""
    lock = NoLock()
    with lock, lock as entered:
        assert entered
    assert lock.acquire()
    assert lock.acquire(False)
    assert lock.acquire(blocking=True, timeout=1)
    assert not lock.locked()
    lock.release()
    NoLock().release(2)  # a semaphore's


def test_no_lock_lets_exceptions_through() -> None:
    """It does not suppress them, like a lock."""
    with pytest.raises(LookupError), NoLock():
        raise LookupError


def test_no_condition() -> None:
    """Its waits return at once."""
    condition = NoCondition()
    with condition:
        assert condition.wait()
        assert condition.wait(timeout=1)
        condition.notify()
        condition.notify(2)
        condition.notify_all()
    assert condition.wait_for(lambda: 7) == 7
    assert condition.wait_for(lambda: 0, timeout=1) == 0
    answers = iter([False, False, "yes"])
    assert condition.wait_for(lambda: next(answers)) == "yes"


def test_name() -> None:
    """It is the name that users write."""
    assert repr(WITHOUT_LOCKS) == "lab.WITHOUT_LOCKS"
