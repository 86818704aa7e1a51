"""The control of a race: the race without its locks, a generic one, or its own; and what may happen in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.counters import successor
from helpers.race_questions import last
from pytest_concclaims import Lab
from pytest_concclaims.interpreter import gil_enabled
from pytest_concclaims.lab.failure import Failed
from pytest_concclaims.lab.race.conditions import Conditions
from pytest_concclaims.lab.race.controls import with_control
from pytest_concclaims.lab.race.experiment import Control, RaceError, RaceExperiment, experiment
from pytest_concclaims.lab.race.question import ATOMIC, CRASH, DEADLOCK, OutcomeQuestion, question
from pytest_concclaims.lab.race.race import Race
from pytest_concclaims.lab.race.without_locks import WITHOUT_LOCKS

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced, pytest.mark.usefixtures("settled_at_once")]

with_gil = pytest.mark.skipif(not gil_enabled(), reason="each sample of what hangs takes a second")


class Counter:
    """Counts under a lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0
        self.busy = False


def count(counter: Counter) -> None:
    """Count, with a call between reading and writing."""
    with counter.lock:
        counter.value = successor(counter.value)


def value_of(counter: Counter) -> int:
    """Return the value."""
    return counter.value


def bare() -> SimpleNamespace:
    """Make a state without a lock."""
    return SimpleNamespace(value=0)


def nothing(_: object) -> int:
    """Do nothing."""
    return 1


ABOUT_COUNT = question("always", [2], ())


def described(setup: Callable[[], Any] = Counter, control: object = None) -> RaceExperiment:
    """Return a race of two counting actors."""
    return experiment(setup, [count, count], observe=value_of, rounds=1, control=control, exceptions=())


def with_its_control(given: RaceExperiment, asked: OutcomeQuestion = ABOUT_COUNT) -> RaceExperiment:
    """Return the race with the control for a question, chosen in this process."""
    return with_control(given, asked, Conditions(budget=10.0, timeout=10.0, no_child=True))


# --- the choice


@pytest.mark.parametrize("asked", [ABOUT_COUNT, ATOMIC], ids=["always", "atomic"])
def test_the_race_without_its_locks_is_the_control(asked: Any) -> None:
    """It is if ``setup`` makes locks and no control is given."""
    used = with_its_control(described(), asked)
    assert used.matched
    assert used.control.may_break
    assert used.control.actors == used.race.actors
    (words,) = used.removed_locks
    assert words.startswith("the Lock that is made in test_controls.py:")


def test_a_generic_control_where_there_are_no_locks() -> None:
    """Its effect is a lost update."""
    used = with_its_control(described(bare))
    assert (used.matched, used.removed_locks, used.control.name) == (False, (), "generic control")


@pytest.mark.parametrize("end", [DEADLOCK, CRASH], ids=repr)
def test_a_generic_control_of_ends(end: object) -> None:
    """The race without its locks shows neither a deadlock nor a crash."""
    used = with_its_control(described(), question("never", [end], ()))
    assert (used.matched, used.removed_locks, used.control.name) == (False, (), "generic control")


def test_an_own_control_stays() -> None:
    """A control that is given is used, whatever ``setup`` makes."""
    given = described(control=(nothing, nothing))
    assert with_its_control(given) is given


def test_without_locks_has_to_have_some() -> None:
    """lab.WITHOUT_LOCKS is refused if ``setup`` makes no lock."""
    with pytest.raises(Failed, match=r"control=lab\.WITHOUT_LOCKS: setup makes no lock to remove"):
        with_its_control(described(bare, WITHOUT_LOCKS))


def needs_its_lock() -> Counter:
    """Make a state; fail without a lock."""
    counter = Counter()
    counter.lock.acquire()
    if not counter.lock.locked():
        raise RuntimeError("no lock")
    counter.lock.release()
    return counter


def test_a_setup_that_needs_its_locks() -> None:
    """The race gets a generic control."""
    assert with_its_control(described(needs_its_lock)).control.name == "generic control"


# --- questions


def confirmed(race: Race, about: object = 2) -> bool:
    """Return whether the right outcome is always seen."""
    return race.always(about)


def test_evidence_names_the_locks(lab: Lab) -> None:
    """It has their files and lines, and that the control is the race's own code."""
    assert confirmed(lab.race(Counter, count, count, observe=value_of)) is True
    control = last(lab).control
    assert control["matched"] is True
    assert control["actors"] == ["count", "count"]
    assert [words.rpartition(":")[0] for words in control["without_locks"]] == [
        "the Lock that is made in test_controls.py"
    ]


def test_locks_that_do_nothing(lab: Lab) -> None:
    """Without them, the race is the same, so it gets a generic control; a remark says so."""
    race = lab.race(Counter, nothing, nothing)
    assert confirmed(race, (1, 1)) is True
    run = last(lab)
    assert run.schedules is not None
    assert run.control["matched"] is False
    assert run.control["without_locks"] == []
    (remark,) = [text for text in run.schedules["remarks"] if text.startswith("the race without the Lock")]
    assert "does not show the effect either, in " in remark


def test_without_locks_is_an_error_where_there_are_none(lab: Lab) -> None:
    """It is neither a generic control nor INCONCLUSIVE."""
    with pytest.raises(RaceError, match=r"lab\.race: control=lab\.WITHOUT_LOCKS: setup makes no lock"):
        lab.race(bare, nothing, nothing, control=lab.WITHOUT_LOCKS).always((1, 1))


class Broken:
    """Without its lock, it fails in several ways."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0
        self.others = 0


def enter(broken: Broken) -> int:
    """Count the actors inside, with a call between reading and writing; return the number of the others."""
    others = broken.others
    broken.others = successor(others)
    return others


def leave(broken: Broken) -> None:
    """Count down."""
    broken.others = 0


def raising(broken: Broken) -> None:
    """Raise if another actor is inside."""
    with broken.lock:
        if enter(broken):
            raise LookupError("another one is here")
        count_in(broken)
        leave(broken)


def asserting(broken: Broken) -> None:
    """Assert that no other actor is inside."""
    with broken.lock:
        assert not enter(broken)
        count_in(broken)
        leave(broken)


def leaving(broken: Broken) -> None:
    """End the thread if another actor is inside."""
    with broken.lock:
        if enter(broken):
            raise SystemExit
        count_in(broken)
        leave(broken)


def hanging(broken: Broken) -> None:
    """Wait for ever if another actor is inside."""
    with broken.lock:
        if enter(broken):
            wait_for_ever()
        count_in(broken)
        leave(broken)


def wait_for_ever() -> None:
    """Wait for an event that is never set."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def count_in(broken: Broken) -> None:
    """Count."""
    broken.value = successor(broken.value)


def value(broken: Broken) -> int:
    """Return the value."""
    return broken.value


BREAKING = [raising, asserting, leaving]


@pytest.mark.parametrize(("actor", "given"), list(zip(BREAKING, (None, WITHOUT_LOCKS, None))))
def test_an_actor_that_breaks_without_its_lock_shows_the_effect(
    lab: Lab, actor: Callable[[Any], object], given: Any
) -> None:
    """That is not an error, because the race has its lock: with the default control, and with lab.WITHOUT_LOCKS."""
    assert confirmed(lab.race(Broken, actor, actor, observe=value, control=given)) is True
    assert last(lab).control["matched"] is True


@with_gil
def test_actors_that_wait_for_each_other_without_their_lock_show_the_effect(forking: Lab) -> None:
    """The control has a deadlock or a hang that the race does not have."""
    assert confirmed(forking.race(Broken, hanging, hanging, observe=value)) is True
    assert last(forking).control["matched"] is True


def spinning(broken: Broken) -> None:
    """Loop for ever if another actor is inside."""
    with broken.lock:
        others = enter(broken)
        while others:
            time.sleep(0)
        count_in(broken)
        leave(broken)


@with_gil
def test_actors_that_hang_without_their_lock_show_the_effect(forking: Lab) -> None:
    """Their process is ended."""
    assert confirmed(forking.race(Broken, spinning, spinning, observe=value)) is True


class Register:
    """Gives each entry a number, under a lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries: dict[int, str] = {}


def register(state: Register) -> int:
    """Add an entry."""
    with state.lock:
        number = successor(len(state.entries))
        state.entries[number] = "entry"
        return number


def second_entry(state: Register) -> str:
    """Return an entry that exists only if no number was lost."""
    return state.entries[2]


def all_different(numbers: tuple[int, ...]) -> bool:
    """Return whether all entries differ; raise if two have the same number."""
    if len(set(numbers)) < len(numbers):
        raise LookupError(numbers)
    return True


def test_what_observe_cannot_look_at_shows_the_effect(lab: Lab) -> None:
    """``observe`` raises on the broken state."""
    assert confirmed(lab.race(Register, register, register, observe=second_entry), "entry") is True
    assert last(lab).control["matched"] is True


def test_what_a_predicate_cannot_take_shows_the_effect(lab: Lab) -> None:
    """The predicate raises on the control's outcome."""
    assert confirmed(lab.race(Register, register, register), all_different) is True
    assert last(lab).control["matched"] is True


def test_the_race_itself_must_not_break(lab: Lab) -> None:
    """What counts as the effect in the control is an error in the race."""
    with pytest.raises(RaceError, match=r"actor unlocked \(2\) raised LookupError"):
        lab.race(Register, unlocked, unlocked).always((None, None))


def unlocked(state: Register) -> None:
    """Raise in any case in the second actor."""
    if state.entries:
        raise LookupError
    state.entries[1] = "entry"


def holds_its_lock(counter: Counter) -> None:
    """Count, and check that the lock is held."""
    with counter.lock:
        if not counter.lock.locked():
            raise RuntimeError("not locked")
        counter.value = successor(counter.value)


@pytest.mark.usefixtures("schedules_alone")
def test_what_breaks_without_a_race_is_no_control(lab: Lab) -> None:
    """If the code notices that its lock is removed, the control is the generic one."""
    assert confirmed(lab.race(Counter, holds_its_lock, holds_its_lock, observe=value_of)) is True
    run = last(lab)
    assert run.schedules is not None
    assert run.control["matched"] is False
    assert any("one after the other" in text for text in run.schedules["remarks"])


# --- a control with a state of its own


def lose(state: SimpleNamespace) -> None:
    """Lose an update."""
    state.count = successor(state.count)


@pytest.mark.usefixtures("schedules_alone")
def test_control_with_a_state_and_an_observe_of_its_own(lab: Lab) -> None:
    """It has only the outcomes in common with the race."""

    def count_of(state: SimpleNamespace, values: tuple[object, ...]) -> int:
        assert values == (None, None)
        return int(state.count)

    control = lab.control(lose, lose, setup=lambda: SimpleNamespace(count=0), observe=count_of)
    assert confirmed(lab.race(Counter, count, count, observe=value_of, control=control)) is True
    run = last(lab)
    assert run.control["actors"] == ["lose", "lose"]
    assert run.control["matched"] is True
    assert run.control["without_locks"] == []


def test_control_has_the_state_of_the_race() -> None:
    """It has the race's ``setup`` and ``observe``, unless it has its own."""
    given = described(control=Control([nothing, nothing]))
    assert given.control.setup is given.race.setup
    assert given.control.observe is given.race.observe


def test_failing_control_is_named(lab: Lab) -> None:
    """If a control that was given fails, that is an error."""

    def explode(_: object) -> None:
        raise LookupError("gone")

    for control, who in (
        (lab.control(explode, nothing), "the control's actor explode raised LookupError: gone"),
        (lab.control(nothing, nothing, setup=[].pop), r"setup raised IndexError"),
        (lab.control(nothing, nothing, observe=explode), "the control's observe raised LookupError: gone"),
    ):
        with pytest.raises(RaceError, match=who):
            lab.race(Counter, count, count, observe=value_of, control=control).always(2)


@pytest.mark.parametrize(
    ("control", "error", "text"),
    [
        (Control([]), ValueError, "the control has 0 actors, the race has 2"),
        (Control([nothing]), ValueError, "the control has 1 actor, the race has 2"),
        (Control([nothing, 7]), TypeError, "the control's actor 2 is 7, which cannot be called"),
        (Control([nothing, nothing], 7), TypeError, "the control's setup is 7, which cannot be called"),
        (Control([nothing, nothing], None, 7), TypeError, "the control's observe is 7, which cannot be called"),
        (nothing, TypeError, r"lab\.control\(\*actors, setup=\.\.\.\) or lab\.WITHOUT_LOCKS"),
        (True, TypeError, r"control must be a tuple with as many actors"),
    ],
)
def test_bad_controls(control: Any, error: type[Exception], text: str) -> None:
    """The message has the problem and the fix."""
    with pytest.raises(error, match=text):
        described(control=control)
