"""What ``setup`` undoes, and what its states share: then samples are made one at a time."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest

from helpers.race_questions import ask_in_vain, last
from helpers.waiting import TIMEOUT_S
from pytest_concclaims import Lab
from pytest_concclaims.lab.race.race import Race
from pytest_concclaims.lab.race.samples.findings import Findings
from pytest_concclaims.lab.race.sharing import Snapshot, shared

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]

LOCK = threading.Lock()
NAME = "CONCCLAIMS_TEST_ONCE"
SETTINGS: dict[str, object] = {}
NUMBERS = count()


def made() -> object:
    """Make a singleton, which takes its time."""
    time.sleep(0)
    return object()


class Singleton:
    """Is made when it is first asked for."""

    instance: ClassVar[object] = None

    @classmethod
    def get(cls) -> bool:
        """Return whether it was made by this call."""
        if cls.instance is not None:
            return False
        cls.instance = made()
        return True


def forget_the_singleton() -> object:
    """Undo it."""
    Singleton.instance = None
    return object()


def set_once() -> bool:
    """Return whether a setting was made by this call."""
    if "once" in SETTINGS:
        return False
    SETTINGS["once"] = made()
    return True


def forget_the_settings() -> object:
    """Undo it."""
    SETTINGS.clear()
    return object()


def put_into_the_environment() -> bool:
    """Return whether a variable was set by this call."""
    if NAME in os.environ:
        return False
    os.environ[NAME] = str(made())
    return True


def forget_the_environment() -> object:
    """Undo it."""
    os.environ.pop(NAME, None)
    return object()


def ignore_warnings() -> bool:
    """Return whether the filter was added by this call."""
    if warnings.filters:
        return False
    made()
    warnings.simplefilter("ignore")
    return True


def forget_the_filters() -> object:
    """Undo it."""
    warnings.resetwarnings()
    return object()


@cache
def cached() -> int:
    """Return how often this was called."""
    return next(NUMBERS)


def call_cached() -> int:
    """Ask for what may be cached."""
    return cached()


def forget_the_cache() -> object:
    """Undo it."""
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
    """Put back what is changed here, where it runs in this process."""
    with warnings.catch_warnings():
        yield
    forget_the_environment()


@pytest.mark.parametrize(("setup", "act", "what"), ONCE.values(), ids=list(ONCE))
def test_what_happens_once_in_a_process_is_seen_to_happen_twice(
    setup: Callable[[], object], act: Callable[[], bool], what: str
) -> None:
    """In a pool it would have one chance: so samples are made one at a time, which is said."""
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
    """In each sample one of the actors does it: neither both nor none."""
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
    """That is much faster, and nothing is said of it."""
    lab = Lab(budget=TIMEOUT_S)
    race = lab.race(list, len, len, control=(len, len))
    ask_in_vain(race, "never", (1, 1), pooled)
    assert said(race) == []


def pooled(findings: Findings) -> bool:
    """Return whether the next stride is a pool of some size."""
    return findings.are_pooled(findings.race) and findings.race.length > 1


def test_states_that_share_something() -> None:
    """As they may change it."""
    lab = Lab(budget=TIMEOUT_S)
    register: list[int] = []
    race = lab.race(lambda: {"register": register}, len, len, control=(len, len))
    ask_in_vain(race, "never", (2, 2), lambda findings: findings.race.tally.turns > 2)
    assert said(race) == ["samples were made one at a time, because the states that setup makes share a list"]
    assert last(lab).samples > 0


# --- what is noticed


def add_to(things: Any) -> None:
    """Add something."""
    things.append(1)


class Slotted:
    """Has its attributes in slots."""

    __slots__ = ("empty", "things")

    def __init__(self, things: Any) -> None:
        self.things = things


class Holder:
    """Holds things."""

    def __init__(self, things: Any) -> None:
        self.things = things

    def add(self) -> None:
        """Add to them."""
        self.things.append(1)


KEPT = Holder([])


def add_to_kept() -> None:
    """Change what an object of this module holds."""
    KEPT.things.append(1)


def add_to_default(things: list[int] = []) -> None:  # noqa: B006  (what it is about)
    """Change a default."""
    things.append(1)


def add_to_itself() -> None:
    """Change the function's own attribute."""
    vars(add_to_itself).setdefault("calls", []).append(1)


def closure() -> Callable[[], None]:
    """Return a function that changes a variable of this one."""
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
        partial(add_to, []),
        partial(add_to, Holder([]).things),
        call_cached,
        lambda: SETTINGS.update(once=made()),
        lambda: setattr(KEPT, "other", made()),
    ],
)
def test_change_is_noticed(change: Callable[[], object]) -> None:
    """Wherever a function finds what it changes."""
    before = Snapshot([change])
    assert before.changed() is None
    change()
    assert before.changed() is not None
    forget_the_settings()
    forget_the_cache()


@pytest.mark.parametrize("setup", [object, dict, threading.Lock, Path, lambda: Holder([])])
def test_setup_that_makes_something_changes_nothing(setup: Callable[[], object]) -> None:
    """What was there is as it was."""
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
    """However deep it lies."""
    things: list[int] = [1]
    told = shared(wrap(things), wrap(things))
    assert told == ("the states that setup makes share a list" if is_shared else None)


@pytest.mark.parametrize(
    "thing", [7, "text", None, (1, "a"), len, made, Holder, os, LOCK, logging.getLogger("here"), frozenset({1})]
)
def test_states_may_share_what_does_not_change(thing: object) -> None:
    """And a lock: two samples that use it are two samples."""
    assert shared(Holder(thing), Holder(thing)) is None


class Proxy:
    """Answers no question about itself."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("there is nothing behind it")


def test_no_code_of_things_is_run() -> None:
    """Some would rather not be looked at."""
    proxy = Proxy()
    before = Snapshot([lambda: proxy])
    assert before.changed() is None
    assert shared(Holder(proxy), Holder(nullcontext())) is None
