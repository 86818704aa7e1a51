"""Side effects of ``setup`` and objects that states share: with either, samples are made one at a time."""

from __future__ import annotations

import gc
import linecache
import logging
import os
import sys
import threading
import time
import traceback
import warnings
import weakref
from array import array
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache, partial
from itertools import count
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, ClassVar

import pytest

from helpers.race_questions import ask_in_vain, last
from helpers.waiting import TIMEOUT_S
from pytest_concclaims import PYPY, Lab
from pytest_concclaims.lab.race.race import Race
from pytest_concclaims.lab.race.references import reached, referred
from pytest_concclaims.lab.race.samples.findings import Findings
from pytest_concclaims.lab.race.samples.sampler import Sampler
from pytest_concclaims.lab.race.schedules.scheduler import Scheduler
from pytest_concclaims.lab.race.sharing import Snapshot, shared
from pytest_concclaims.lab.threads import ends_of_threads_reported

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]

LOCK = threading.Lock()
NAME = "CONCCLAIMS_TEST_ONCE"
SETTINGS: dict[str, object] = {}
NUMBERS = count()
NUMBER, FIRST = array("i"), threading.Lock()


def made() -> object:
    """Make a singleton; slow."""
    time.sleep(0)
    return object()


class Singleton:
    """Is made on the first call."""

    instance: ClassVar[object] = None

    @classmethod
    def get(cls) -> bool:
        """Return whether this call made it."""
        if cls.instance is not None:
            return False
        cls.instance = made()
        return True


def forget_the_singleton() -> object:
    """Delete it."""
    Singleton.instance = None
    return object()


def set_once() -> bool:
    """Return whether this call made a setting."""
    if "once" in SETTINGS:
        return False
    SETTINGS["once"] = made()
    return True


def forget_the_settings() -> object:
    """Delete the settings."""
    SETTINGS.clear()
    return object()


def put_into_the_environment() -> bool:
    """Return whether this call set a variable."""
    if NAME in os.environ:
        return False
    os.environ[NAME] = str(made())
    return True


def forget_the_environment() -> object:
    """Delete the variable."""
    os.environ.pop(NAME, None)
    return object()


def ignore_warnings() -> bool:
    """Return whether this call added a filter."""
    if warnings.filters:
        return False
    made()
    warnings.simplefilter("ignore")
    return True


def forget_the_filters() -> object:
    """Delete the filters."""
    warnings.resetwarnings()
    return object()


@cache
def cached() -> int:
    """Return how often this was called."""
    return next(NUMBERS)


def call_cached() -> int:
    """Call a function with a cache."""
    return cached()


def forget_the_cache() -> object:
    """Clear the cache."""
    cached.cache_clear()
    return object()


ONCE = {
    "class": (forget_the_singleton, Singleton.get, "the class Singleton"),
    "module": (forget_the_settings, set_once, "a dict"),
    "environment": (forget_the_environment, put_into_the_environment, "a dict"),
    "filters": (forget_the_filters, ignore_warnings, "a list"),
}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Restore what races in this process change."""
    with warnings.catch_warnings():
        yield
    forget_the_environment()


@pytest.mark.parametrize(("setup", "act", "what"), ONCE.values(), ids=list(ONCE))
def test_what_happens_once_in_a_process_is_seen_to_happen_twice(
    setup: Callable[[], object], act: Callable[[], bool], what: str
) -> None:
    """In a stride it could happen in only one sample, so samples are made one at a time; a remark says so."""
    lab = Lab(budget=TIMEOUT_S)

    def do(_: object) -> bool:
        return act()

    race = lab.race(setup, do, do, control=(do, do))
    assert race.ever((True, True)) is True
    assert said(race) in ([f"samples were made one at a time, because setup changes {what}"], [])  # soon seen


@pytest.mark.parametrize("in_process", [False, True], ids=["forked", "in process"])
@pytest.mark.parametrize(("setup", "act", "what"), ONCE.values(), ids=list(ONCE))
def test_what_happens_once_under_a_lock_is_never_wrong(
    setup: Callable[[], object], act: Callable[[], bool], what: str, in_process: bool
) -> None:
    """In each sample, exactly one of the actors does it."""
    lab = Lab(budget=TIMEOUT_S, in_process=in_process)

    def do(_: object) -> bool:
        with LOCK:
            return act()

    race = lab.race(setup, do, do, control=(do, do))
    ask_in_vain(race, "never", (True, True), lambda findings: findings.race.tally.total.samples > 50)
    assert {outcome for outcome, _ in race.outcomes} <= {(True, False), (False, True)}
    assert said(race) == [f"samples were made one at a time, because setup changes {what}"]


def said(race: Race) -> list[str]:
    """Return the remarks of a race."""
    return race._runner.findings.remarks


def test_samples_of_states_that_share_nothing_are_made_in_pools() -> None:
    """That is much faster; there is no remark."""
    lab = Lab(budget=TIMEOUT_S)
    race = lab.race(list, len, len, control=(len, len))
    ask_in_vain(race, "never", (1, 1), pooled)
    assert said(race) == []


def pooled(findings: Findings) -> bool:
    """Return whether the next stride has many samples."""
    return findings.are_pooled(findings.race) and max(findings.race.lengths.values(), default=1) > 1


def test_states_that_share_something() -> None:
    """An actor of one state may change it for others."""
    lab = Lab(budget=TIMEOUT_S)
    register: list[int] = []
    race = lab.race(lambda: {"register": register}, len, len, control=(len, len))
    ask_in_vain(race, "never", (2, 2), lambda findings: findings.race.tally.turns > 2)
    assert said(race) == ["samples were made one at a time, because the states that setup makes share a list"]
    assert last(lab).samples > 0


# --- detection


def add_to(things: Any) -> None:
    """Add an item."""
    things.append(1)


class Slotted:
    """Has its attributes in slots."""

    __slots__ = ("empty", "things")

    def __init__(self, things: Any) -> None:
        self.things = things


class Holder:
    """Holds a list."""

    def __init__(self, things: Any) -> None:
        self.things = things

    def add(self) -> None:
        """Add to the list."""
        self.things.append(1)


KEPT = Holder([])


def add_to_kept() -> None:
    """Change an object of this module."""
    KEPT.things.append(1)


def add_to_default(things: list[int] = []) -> None:  # noqa: B006  (what it is about)
    """Change the default of a parameter."""
    things.append(1)


def add_to_itself() -> None:
    """Change an attribute of the function."""
    vars(add_to_itself).setdefault("calls", []).append(1)


def closure() -> Callable[[], None]:
    """Return a function that changes a variable of this function."""
    number = 1000

    def change() -> None:
        nonlocal number
        number += 1

    return change


@pytest.mark.parametrize(
    "change",
    [
        add_to_kept,
        add_to_default,
        add_to_itself,
        closure(),
        Holder([]).add,
        partial(dict[str, int]().setdefault, "once", 1),
        partial(add_to, []),
        partial(add_to, Holder([]).things),
        call_cached,
        lambda: SETTINGS.update(once=made()),
        lambda: setattr(KEPT, "other", made()),
        lambda: NUMBER.append(1),
        lambda: FIRST.acquire(blocking=False),
    ],
)
def test_change_is_noticed(change: Callable[[], object]) -> None:
    """It is noticed wherever the function finds the object."""
    before = Snapshot([change])
    assert before.changed() is None
    change()
    assert before.changed() is not None
    forget_the_settings()
    forget_the_cache()


class Kind(type):
    """Counts the objects of its classes."""

    made: ClassVar[list[object]] = []

    def __call__(cls) -> object:
        """Make an object."""
        Kind.made.append(super().__call__())
        return Kind.made[-1]


class OfKind(metaclass=Kind):
    """Has objects that its metaclass makes."""


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a module in a package, which has a list."""
    package, module = ModuleType("kept_by"), ModuleType("kept_by.a_test")
    vars(module)["kept"] = []
    vars(module)["__getattr__"] = lambda _: vars(module)["kept"]
    vars(package).update(a_test=module, __path__=[])
    for one in package, module:
        monkeypatch.setitem(sys.modules, one.__name__, one)
    return module


@pytest.mark.parametrize(
    "source",
    [
        "def change(): import kept_by.a_test; kept_by.a_test.kept.append(1)",
        "def change(): from kept_by.a_test import kept as mine; mine.append(1)",
        "def change(): from kept_by import a_test; a_test.kept.append(1)",
        "def change(): from . import a_test; a_test.kept.append(1)",
        "def change(): from .. import a_test; a_test.kept.append(1)",
        "def change(): from ..a_test import kept; kept.append(1)",
        "import kept_by.a_test\ndef change(): kept_by.a_test.kept.append(1)",
        "import kept_by.a_test\ndef change(): kept_by.a_test.other.append(1)",
        "from kept_by import a_test\ndef change(module=a_test): module.kept.append(1)",
        "from kept_by import a_test\ndef change(): globals()['a_test'].kept.append(1)",
        "from kept_by import a_test\nchange = (lambda module: lambda: module.kept.append(1))(a_test)",
    ],
)
def test_change_in_a_module_is_noticed(source: str, kept: ModuleType) -> None:
    """It is, however the function finds the module."""
    functions: dict[str, Any] = {"__package__": "kept_by.more" if ".." in source else "kept_by"}
    exec(source, functions)
    before = Snapshot([functions["change"]])
    assert before.changed() is None
    functions["change"]()
    assert vars(kept)["kept"] == [1]
    assert before.changed() is not None


class Name(str):
    """A text with attributes."""


def test_change_of_a_text_with_attributes_is_noticed() -> None:
    """Its class is made from ``str``."""
    name = Name("a name")
    before = Snapshot([lambda: name])
    vars(name)["seen"] = True
    assert before.changed() is not None


def test_snapshot_that_keeps_nothing_alive() -> None:
    """Finalizers of what actors drop run at once."""
    things = [Holder([])]
    ends = weakref.ref(things[0])
    before = Snapshot([lambda: things], keeps=False)
    things.clear()
    gc.collect()  # PyPy needs it
    assert ends() is None
    assert before.changed() is not None


@pytest.mark.parametrize("keeps", [False, True])
def test_object_that_becomes_none_is_a_change(*, keeps: bool) -> None:
    """As when a cache is emptied."""
    things: list[object] = [Holder([])]
    before = Snapshot([lambda: things], keeps=keeps)
    things[0] = None
    assert before.changed() is not None


def test_another_weak_reference_is_a_change() -> None:
    """It often gets the id of the one before."""
    holders = Holder([]), Holder([])
    registry = [weakref.ref(holders[0], print)]
    before = Snapshot([lambda: registry], keeps=False)
    registry.clear()
    registry.append(weakref.ref(holders[1], print))
    assert before.changed() is not None


def test_change_in_a_metaclass_is_noticed() -> None:
    """A class refers to it."""
    before = Snapshot([lambda: OfKind()])
    OfKind()
    assert before.changed() is not None


def test_reading_the_attributes_of_an_object_changes_nothing() -> None:
    """On PyPy, and on CPython since 3.11, it makes the dict of the attributes."""
    holder = Holder([])
    before = Snapshot([lambda: holder])
    vars(holder)
    assert before.changed() is None


@pytest.mark.parametrize("own", [Scheduler, Scheduler.run, Sampler, ends_of_threads_reported, reached])
def test_experiment_itself_is_left_out(own: object) -> None:
    """Code that uses the module threading refers to the threads that run, which refer to the experiment."""
    threads = [LOCK, own]
    assert reached([lambda: threads], referred)[-2:] == [threads, LOCK]


def test_what_shows_exceptions_is_left_out() -> None:
    """Each thread refers to it, and it refers to all modules whose source was ever shown."""
    things = reached([lambda: threading.Thread, lambda: traceback.format_exc()], referred)
    assert all(thing is not linecache.cache for thing in things)


LOCAL = threading.local()


@pytest.mark.skipif(not PYPY, reason="elsewhere, a thread-local object does not refer to calls")
def test_search_itself_is_left_out() -> None:
    """From a thread-local object, PyPy leads to the calls of the thread, and these to nearly everything."""
    LOCAL.number = 1
    assert not any(isinstance(thing, FrameType) for thing in reached([lambda: LOCAL], referred))


def test_change_in_a_generator_is_noticed() -> None:
    """On PyPy, a generator refers to its frame, which has its local variables."""

    def numbers(made: list[int]) -> Iterator[list[int]]:
        while True:
            made.append(1)
            yield made

    generator = numbers([])
    next(generator)
    before = Snapshot([lambda: next(generator)])
    next(generator)
    assert before.changed() is not None


def test_change_that_only_an_exception_leads_to_is_noticed() -> None:
    """It has the frame in which it was raised, with its local variables."""

    def fail(made: list[int]) -> None:
        raise LookupError(len(made))

    made: list[int] = []
    with pytest.raises(LookupError) as raised:
        fail(made)
    error = raised.value
    before = Snapshot([lambda: error])
    made.append(1)
    assert before.changed() is not None


class Counted:
    """Counts the runs, and has made something in the first one."""

    def __init__(self) -> None:
        self.runs = 0
        self.made: object = None
        self.ring: list[object] = [None, None]
        self.state: list[int] = []

    def run(self) -> None:
        """Run once; the state is a fresh one."""
        self.runs += 1
        self.made = self.made or made()
        self.state.append(1)

    def run_without_making(self) -> None:
        """Do the same each time, but at another place of a list."""
        self.ring[self.runs % 2] = object()
        self.runs += 1
        self.state.append(1)


@pytest.mark.parametrize(("act", "once"), [(Counted.run, True), (Counted.run_without_making, False)])
def test_what_happens_once_is_found_beside_what_happens_each_time(act: Callable[[Counted], None], once: bool) -> None:
    """What was changed in the first run and is gone in the second one does not count, such as a state."""
    counted, changes = Counted(), []
    for _ in range(2):
        counted.state = []
        before = Snapshot([partial(act, counted)])
        act(counted)
        changes.append(list(before.changes()))
    assert bool(before.only_in(changes[0])) is once


def test_added_module_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules themselves are left out, and their names are not."""
    before = Snapshot([lambda: sys.modules])
    monkeypatch.setitem(sys.modules, "added_by_a_test", ModuleType("added_by_a_test"))
    assert before.changed() is not None


def test_first_attribute_of_a_function_is_a_change() -> None:
    """A function without attributes has no dict in the snapshot."""

    def counted() -> None:
        pass

    before = Snapshot([counted])
    counted.calls = 1  # type: ignore[attr-defined]  # that is the point
    assert before.changed() is not None


@pytest.mark.parametrize("setup", [object, dict, threading.Lock, Path, lambda: Holder([])])
def test_setup_that_makes_something_changes_nothing(setup: Callable[[], object]) -> None:
    """New objects are not changes."""
    before = Snapshot([setup, made])
    setup()
    assert before.changed() is None


@pytest.mark.parametrize(
    ("wrap", "is_shared"),
    [
        (lambda thing: thing, True),
        (lambda thing: [thing], True),
        (lambda thing: (1, (thing,)), True),
        (lambda thing: {"a": {"b": thing}}, True),
        (Holder, True),
        (Slotted, True),
        (lambda thing: partial(add_to, thing), True),
        (lambda thing: lambda: thing, True),
        (lambda thing: Holder(thing).add, True),
        (lambda thing: list(thing), False),
        (lambda thing: len(thing), False),
        (lambda _: add_to, False),
    ],
)
def test_what_states_share(wrap: Callable[[Any], object], is_shared: bool) -> None:
    """It is found at any depth."""
    things: list[int] = [1]
    found = shared(wrap(things), wrap(things))
    assert found == ("the states that setup makes share a list" if is_shared else None)


@pytest.mark.parametrize(
    "thing", [7, "text", None, (1, "a"), len, made, Holder, os, LOCK, logging.getLogger("here"), frozenset({1})]
)
def test_states_may_share_what_does_not_change(thing: object) -> None:
    """They may also share a lock."""
    assert shared(Holder(thing), Holder(thing)) is None


class Proxy:
    """Raises in each access to an attribute."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("there is nothing behind it")


class ProxyOfAttributes:
    """Has the attributes of another object, as proxies of libraries do."""

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # a class may have it nevertheless
        """Raise."""
        raise RuntimeError("there is nothing behind it")


@pytest.mark.parametrize("kind", [Proxy, ProxyOfAttributes])
def test_no_code_of_things_is_run(kind: Callable[[], object]) -> None:
    """The code of the objects may raise."""
    proxy = kind()
    before = Snapshot([lambda: proxy])
    assert before.changed() is None
    assert shared(Holder(proxy), Holder(nullcontext())) is None
