"""Locks taken out of a state: each way of getting at one, what stays real, and that all is put back."""

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

#: As an import gives it.
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
    """Its lock is made by the default of an argument, and another by a second one."""

    def __init__(self, make: Any = threading.Lock, make_other: Any = threading.RLock) -> None:
        self.lock = make()
        self.other = make_other()


class ByKeyword:
    """The argument can be given by its name only."""

    def __init__(self, *, make: Any = RenamedLock) -> None:
        self.lock = make()


class ByAttribute:
    """Its class says what makes locks."""

    make: ClassVar[Any] = threading.Lock

    def __init__(self) -> None:
        self.lock = self.make()


class Inherited(ByAttribute):
    """Finds it in the class below."""


def by_closure() -> Callable[[], Holder]:
    """Return a setup that has what makes locks in a variable of its own."""
    make = threading.Lock
    return lambda: Holder(make())


def in_a_function() -> Holder:
    """Import it when it is called."""
    from threading import Lock

    return Holder(Lock())


class Maker:
    """A setup that is a method."""

    def make(self) -> Holder:
        """Make a state."""
        return Holder(threading.Lock())


@pytest.fixture(scope="module", autouse=True)
def package() -> Iterator[None]:
    """Have a package with a module whose class has imported what makes locks by its name."""
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
    """Find a class two modules below."""
    return package_of_locks.below.holders.Keeper()  # type: ignore[name-defined]  # noqa: F821  (made above)


def by_a_local_import() -> Any:
    """Import the class when it is called."""
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
    """However the code gets at what makes them; for the next state again; and then that is as it was."""
    setup = WAYS[way]
    unlocked = UnlockedSetup(setup)
    for _ in range(2):
        assert isinstance(unlocked().lock, NoLock)
    assert unlocked.removed
    assert not isinstance(setup().lock, NoLock)
    assert (threading.Lock, _thread.allocate_lock, RenamedLock) == (REAL_LOCK, REAL_ALLOCATE, REAL_LOCK)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_lock(kind: str) -> None:
    """All of them are taken out, and named."""
    unlocked = UnlockedSetup(lambda: getattr(threading, kind)())
    assert isinstance(unlocked(), NoCondition if kind == "Condition" else NoLock)
    (words,) = unlocked.removed
    assert words.startswith(f"the {kind} that is made in test_without_locks.py:")
    assert not isinstance(getattr(threading, kind)(), NoLock)


def test_words_name_the_line() -> None:
    """The one that makes the lock, or that calls what was generated."""

    def setup() -> Any:
        return threading.RLock()

    unlocked = UnlockedSetup(setup)
    unlocked()
    line = inspect.getsourcelines(setup)[1] + 1
    assert list(unlocked.removed) == [f"the RLock that is made in test_without_locks.py:{line}"]


def test_words_for_generated_code() -> None:
    """Its caller's line is named; or its class, where that is the setup."""
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
    """One must not undo the other."""
    made = UnlockedSetup(ByDefault)()
    assert isinstance(made.lock, NoLock)
    assert isinstance(made.other, NoLock)
    assert ByDefault.__init__.__defaults__ == (REAL_LOCK, REAL_RLOCK)


def test_locks_of_the_standard_library() -> None:
    """A queue is locked by its own module's code, and works without that."""
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
    """An event and a barrier are made of locks, which are none of the state's."""

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
    """Those that another thread makes while the state is made."""
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
    """As where it does not."""

    def setup(make: Any = threading.Lock) -> None:
        make()
        raise LookupError

    with pytest.raises(LookupError):
        UnlockedSetup(setup)()
    assert (threading.Lock, threading.RLock, _thread.allocate_lock) == (REAL_LOCK, REAL_RLOCK, REAL_ALLOCATE)
    assert setup.__defaults__ == (REAL_LOCK,)
    assert RenamedLock is REAL_LOCK


class Rigid(type):
    """A kind of class whose attributes cannot be set."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise AttributeError(name)


class Fixed(metaclass=Rigid):
    """Has what makes locks, which cannot be replaced here."""

    make = threading.Lock


def test_all_is_put_back_where_something_cannot_be_replaced() -> None:
    """Half of it must not stay."""

    def setup() -> Any:
        return Fixed.make(), threading.Lock()

    with pytest.raises(AttributeError):
        UnlockedSetup(setup)()
    assert (threading.Lock, threading.RLock, RenamedLock) == (REAL_LOCK, REAL_RLOCK, REAL_LOCK)


def test_locks_that_were_there_stay() -> None:
    """Only those are taken out that ``setup`` makes."""
    lock = threading.Lock()
    unlocked = UnlockedSetup(lambda: Holder(lock))
    assert unlocked().lock is lock
    assert unlocked.removed == {}


def test_no_lock() -> None:
    """It takes what a lock takes, and never waits."""
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
    """As a lock does."""
    with pytest.raises(LookupError), NoLock():
        raise LookupError


def test_no_condition() -> None:
    """Its waits are over at once."""
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
    """It is that of what users write."""
    assert repr(WITHOUT_LOCKS) == "lab.WITHOUT_LOCKS"
