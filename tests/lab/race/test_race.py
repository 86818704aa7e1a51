"""``lab.race``: its answers, questions without an answer, and what is restored afterwards."""

from __future__ import annotations

import _thread
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest

from helpers.counters import (
    AWAY,
    Counter,
    blind,
    first,
    increment,
    increment_slowly,
    is_gone,
    locked,
    lost,
    never_true,
    nothing,
    read,
    samples_of,
    second,
    threads,
    unlocked,
)
from helpers.race_questions import ask_in_vain, last, let_child_time_out
from helpers.waiting import TIMEOUT_S
from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.lab.race.experiment import RaceError
from pytest_concclaims.lab.race.race import Race
from pytest_concclaims.lab.race.schedules.replay import Token

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced, pytest.mark.usefixtures("settled_at_once")]

forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
#: By schedules first, as usual; and once more by samples alone.
each_engine = pytest.mark.usefixtures("engine")


def is_two(count: int) -> bool:
    """Return whether no update was lost."""
    return count == 2


@pytest.mark.parametrize(("make", "seen"), [(unlocked, True), (locked, False)])
def test_answers(lab: Lab, make: Callable[[Lab], Race], seen: bool) -> None:
    """Each question can be answered with yes and no. Samples have tests of their own."""
    race = make(lab)
    for asked, about, answer in [
        ("ever", lost, seen),
        ("never", 1, not seen),
        ("always", is_two, not seen),
    ]:
        assert getattr(race, asked)(about) is answer
        assert (last(lab).question, last(lab).about, last(lab).answer) == (
            asked,
            getattr(about, "__name__", repr(about)),
            answer,
        )
        assert (last(lab).witness is not None) is seen


@each_engine
def test_without_observe_the_outcome_is_what_the_actors_returned(lab: Lab) -> None:
    """It is a tuple, in the order of the actors."""
    race = lab.race(object, first, second)
    assert race.ever(("first", "second")) is True
    assert set(samples_of(race)) == {("first", "second")}


@each_engine
def test_three_actors_lose_updates(lab: Lab) -> None:
    """More than two actors can race."""
    race = lab.race(Counter, *[increment_slowly] * 3, observe=read)
    assert race.ever(lambda count: count < 3) is True
    assert set(samples_of(race)) <= {1, 2, 3}


def pop(state: list[int]) -> int:
    """Remove the only element."""
    return state.pop()


@each_engine
def test_exceptions_are_outcomes_where_they_are_asked_for(lab: Lab) -> None:
    """The outcome is the type in ``exceptions``, also for an exception of a subclass."""
    race = lab.race(lambda: [1], pop, pop, exceptions=LookupError)
    assert race.ever(LookupError) is True
    assert set(samples_of(race)) == {LookupError}
    assert "LookupError" in last(lab).outcomes[0]["outcome"]


def test_exceptions_of_several_types(lab: Lab) -> None:
    """Each type is an outcome; ``observe`` returns the outcomes of the other samples."""

    def put_two(state: list[str]) -> None:
        state.append(str(1))
        state.append(str(2))

    def look(state: list[str]) -> None:
        if len(state) < 2:
            raise (OSError if state else KeyError)

    race = lab.race(list, put_two, look, observe=lambda _: "fine", exceptions=(KeyError, OSError))
    assert race.ever(OSError) is True
    assert race.ever(KeyError) is True
    assert race.ever("fine") is True


def test_exceptions_that_no_actor_asked_for_are_no_outcomes(lab: Lab) -> None:
    """A question about such a type is refused."""
    race = lab.race(lambda: [1], pop, pop, exceptions=KeyError)
    with pytest.raises(ValueError, match=r"race\.ever\(LookupError\): an exception is an outcome only if"):
        race.ever(LookupError)
    assert lab.evidence == ()


class OverdrawnError(Exception):
    """Has a subclass in a function, which cannot be pickled."""


@each_engine
def test_exception_type_of_a_function_is_an_outcome(lab: Lab) -> None:
    """It is one although it cannot be pickled; the most specific type counts."""

    class LocalError(OverdrawnError):
        pass

    def overdraw(state: object) -> NoReturn:
        raise LocalError

    race = lab.race(object, nothing, overdraw, exceptions=(OverdrawnError, LocalError))
    assert race.ever(LocalError) is True
    assert race.never(LocalError) is False
    assert set(samples_of(race)) == {LocalError}


@each_engine
def test_two_exceptions_in_one_sample_are_no_outcome(lab: Lab) -> None:
    """Neither is chosen as the outcome."""

    def lose(state: object) -> NoReturn:
        raise KeyError

    def stop(state: object) -> NoReturn:
        raise RuntimeError

    race = lab.race(object, lose, stop, exceptions=(KeyError, RuntimeError))
    with pytest.raises(RaceError, match="in one run"):
        race.ever(KeyError)


def test_failure_that_was_caught_stands(lab: Lab) -> None:
    """A claim that catches the race's failure has no verdict."""
    with pytest.raises(RaceError):
        lab.race(object, nothing, explode).never(never_true)
    assert lab.failed is not None
    assert "no such account" in lab.failed


@each_engine
def test_witness_settles_what_has_no_control(lab: Lab) -> None:
    """A witness needs no control."""
    race = blind(lab)
    assert race.ever(2) is True
    assert race.always(1) is False
    assert race.never(2) is False
    assert lab.unsettled is None


def test_unsettled_race_that_was_caught_stands(lab: Lab) -> None:
    """A claim that catches Inconclusive is INCONCLUSIVE all the same."""
    with suppress(Inconclusive):
        blind(lab, budget=1e-9).never(lost)
    assert unlocked(lab).ever(1) is True
    assert "never(lost)" in str(lab.unsettled)


# --- by schedules


def test_lost_update_is_seen_under_a_schedule(lab: Lab, in_process: bool) -> None:
    """A witness settles the question at once; it has its interleaving and a replay token."""
    assert unlocked(lab).ever(lost) is True
    run = last(lab)
    assert (run.question, run.about, run.answer, run.in_process) == ("ever", "lost", True, in_process)
    assert (run.lacking, run.failure, run.bound, run.samples) == (None, None, None, 0)
    assert run.schedules is not None
    assert run.schedules["seen"] == 1
    witness = run.witness
    assert witness is not None
    assert witness["outcome"] == "1"
    assert witness["strategy"] == "schedule with 1 preemption"
    assert witness["sample"] == run.schedules["run"]
    assert {"value = counter.value", "counter.value = value + 1"} <= {step["text"] for step in witness["steps"]}
    assert {step["actor"] for step in witness["steps"]} == {0, 1}
    assert Token.parse(witness["replay"]).schedule


def test_lost_update_is_never_seen_under_a_lock(lab: Lab) -> None:
    """An absence counts after all schedules with two preemptions, with a control that shows the effect."""
    assert locked(lab).never(lost) is True
    run = last(lab)
    assert (run.question, run.answer, run.seen, run.witness, run.lacking) == ("never", True, 0, None, None)
    schedules = run.schedules
    assert schedules is not None
    assert schedules["seen"] == 0
    assert schedules["exhausted"] or schedules["preemptions"] >= 2
    assert schedules["control"]["seen"] > 0
    assert run.control["matched"] is True
    assert sum(entry["schedules"] for entry in run.outcomes) == schedules["run"]


def numbers() -> Iterator[int]:
    """Yield some numbers."""
    yield from range(4)


async def answers() -> int:
    """Return a value, as a coroutine."""
    return 42


def run_it(state: Any) -> int:
    """Run a coroutine."""
    try:
        state.send(None)
    except StopIteration as end:
        return int(end.value)
    return -1


# In samples, only one actor resumes it: without a GIL, CPython 3.13 crashes if two do.
@each_engine
@pytest.mark.parametrize(("setup", "actor", "value"), [(numbers, next, 0), (answers, run_it, 42)])
def test_what_has_not_run_is_a_state(lab: Lab, setup: Callable[[], Any], actor: Any, value: int) -> None:
    """A state can be a generator or a coroutine."""
    assert lab.race(setup, actor, first).ever((value, "first")) is True


def test_two_actors_take_from_a_generator_in_each_order(lab: Lab) -> None:
    """Each schedule has a new generator."""
    race = lab.race(numbers, next, next, exceptions=ValueError)
    assert race.ever((0, 1)) is True
    assert race.ever((1, 0)) is True


def test_coroutine_that_is_not_run_warns_of_nothing(staying: Lab, recwarn: pytest.WarningsRecorder) -> None:
    """A state that is a coroutine need not be run."""
    assert staying.race(answers, first, second).ever(("first", "second")) is True
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


def trace_nothing(*_: object) -> None:
    """Do nothing, as a trace function."""


@pytest.mark.parametrize(
    ("watch", "watching"),
    [(sys.settrace, sys.gettrace), (sys.setprofile, sys.getprofile)],
    ids=["settrace", "setprofile"],
)
def test_schedules_answer_beside_a_tracer(
    lab: Lab, watch: Callable[[Any], None], watching: Callable[[], object]
) -> None:
    """The tracer does not disturb them, and is restored afterwards."""
    before = watching()
    race = unlocked(lab)
    watch(trace_nothing)
    try:
        answer, after = race.ever(lost), watching()
    finally:
        watch(before)
    assert answer is True
    assert after is trace_nothing
    assert last(lab).samples == 0


def test_tracer_of_all_threads_is_there_afterwards(staying: Lab) -> None:
    """Threads that start after a race are traced."""
    traced: list[str] = []

    def trace(frame: FrameType, *_: object) -> None:
        traced.append(frame.f_code.co_name)

    def look() -> None:
        """Do nothing; the call is traced."""

    threading.settrace(trace)
    try:
        assert unlocked(staying).ever(lost) is True
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    finally:
        threading.settrace(None)
    assert "look" in traced


# --- deadlocks


def two_locks() -> tuple[Any, Any]:
    """Return two locks."""
    return threading.Lock(), threading.Lock()


def one_way(locks: tuple[Any, Any]) -> None:
    """Acquire both locks; each interpreter switches threads after a call of C code."""
    for lock in locks:
        lock.acquire()
    for lock in locks:
        lock.release()


def other_way(locks: tuple[Any, Any]) -> None:
    """Acquire them in the opposite order."""
    one_way(locks[::-1])


@forks
def test_deadlock_is_an_outcome(forking: Lab) -> None:
    """A question can be about it; the story of the witness shows how it happens."""
    race = forking.race(two_locks, one_way, other_way)
    assert race.ever(forking.DEADLOCK) is True
    run = last(forking)
    assert (run.about, run.answer, run.failure) == ("lab.DEADLOCK", True, None)
    assert run.witness is not None
    assert run.witness["outcome"] == "lab.DEADLOCK"
    assert Token.parse(run.witness["replay"]).schedule
    assert {step["actor"] for step in run.witness["steps"]} == {0, 1}
    assert race.never(forking.DEADLOCK) is False


@forks
def test_no_deadlock_where_locks_are_taken_in_order(forking: Lab) -> None:
    """The control acquires them in different orders."""
    race = forking.race(two_locks, one_way, one_way, control=(one_way, other_way))
    assert race.never(forking.DEADLOCK) is True
    assert race.ever(forking.DEADLOCK) is False
    assert last(forking).samples == 0
    assert last(forking).control["matched"] is True


@forks
def test_deadlock_that_was_not_asked_for_is_an_error_with_its_story(forking: Lab) -> None:
    """It has the stack of each actor, and the interleaving."""
    race = forking.race(two_locks, one_way, other_way)
    with pytest.raises(RaceError) as caught:
        race.never(never_true)
    text = str(caught.value)
    assert text.startswith("lab.race: all actors of the race that had not ended waited for each other (a deadlock); ")
    run = last(forking)
    assert run.failure is not None
    assert run.failure["kind"] == "deadlock"
    for name in ("one_way", "other_way"):
        assert f"in {name}\n" in text
        assert f"in {name}\n" in run.failure["details"]
    assert run.witness is not None
    assert {step["actor"] for step in run.witness["steps"]} == {0, 1}
    assert Token.parse(run.witness["replay"]).schedule


@forks
def test_actor_that_deadlocks_itself_is_an_error(forking: Lab, tmp_path: Path) -> None:
    """The child is gone afterwards."""
    pid_file = tmp_path / "pid"

    def get_stuck(lock: Any) -> None:
        pid_file.write_text(str(os.getpid()))
        lock.acquire()
        lock.acquire()

    before = threads()
    with pytest.raises(RaceError, match="waited for each other") as caught:
        forking.race(threading.Lock, nothing, get_stuck).ever(never_true)
    assert "in get_stuck\n    lock.acquire()" in str(caught.value)
    assert is_gone(int(pid_file.read_text()))
    assert threads() == before


@forks
def test_actor_that_raises_is_named_though_another_waits_for_it(forking: Lab) -> None:
    """The error names the actor that failed, and not the one that waits for it."""

    def wait(state: threading.Event) -> None:
        state.wait()

    with pytest.raises(RaceError, match=r"^lab\.race: actor explode raised LookupError: no such account"):
        forking.race(threading.Event, wait, explode).ever(never_true)


class Opaque:
    """An outcome that cannot be pickled."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.unpicklable = threading.Lock()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and other.number == self.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __repr__(self) -> str:
        return f"Opaque({self.number})"


@each_engine
def test_outcomes_that_cannot_be_pickled(lab: Lab) -> None:
    """They are outcomes; those of a child are represented by their ``repr``."""
    race = lab.race(Counter, increment_slowly, increment_slowly, observe=lambda counter: Opaque(counter.value))
    assert race.ever(Opaque(1)) is True
    assert race.ever(lambda outcome: outcome.number == 1) is True
    assert last(lab).witness is not None
    shown = {repr(outcome).strip("<>") for outcome in samples_of(race)}
    assert {"Opaque(1)"} <= shown <= {"Opaque(1)", "Opaque(2)"}
    assert {entry["outcome"].strip("<>") for entry in last(lab).outcomes} == shown
    run = last(lab)
    assert sum(samples_of(race).values()) == run.samples + sum(entry["schedules"] for entry in run.outcomes)


@dataclass(frozen=True)
class Account:
    """Equal to one with the same number."""

    number: int


class Bank:
    """Makes its only account on the first call."""

    def __init__(self) -> None:
        self.account: Account | None = None

    def get(self) -> Account:
        """Return the account."""
        if self.account is None:
            time.sleep(AWAY)
            self.account = Account(1)
        return self.account


@each_engine
def test_outcomes_that_are_equal_need_not_be_the_same(lab: Lab) -> None:
    """The predicate is called in the child for each outcome: two accounts are made that look the same."""
    race = lab.race(Bank, Bank.get, Bank.get)
    assert race.ever(lambda got: got[0] is not got[1]) is True
    assert len(samples_of(race)) == 1
    account = Account(2)
    race = lab.race(object, lambda _: account, nothing)
    assert race.ever((account, None)) is True
    assert race.ever(lambda got: got[0] is account) is True


@each_engine
def test_closures_local_functions_and_partials(lab: Lab) -> None:
    """Neither actors nor ``observe`` need be importable."""
    amount = 5

    def add(much: int, counter: Counter) -> None:
        counter.value = counter.value + much if much < 0 else sum([counter.value, much])

    def total(counter: Counter) -> str:
        return f"{counter.value} of {2 * amount}"

    def is_whole(outcome: str) -> bool:
        return outcome == f"{2 * amount} of {2 * amount}"

    race = lab.race(Counter, partial(add, amount), lambda counter: add(amount, counter), observe=total)
    assert race.ever(lambda outcome: outcome == "10 of 10") is True
    assert last(lab).about.startswith("the lambda ")
    assert last(lab).actors[0] == "add"
    assert last(lab).actors[1].startswith("the lambda ")
    assert race.ever(is_whole) is True
    assert last(lab).about == "is_whole"


@each_engine
def test_long_outcome_is_shortened_in_the_record(lab: Lab) -> None:
    """The record is for people."""
    race = lab.race(object, nothing, nothing, observe=lambda _: "x" * 10_000)
    assert race.ever("x" * 10_000) is True
    (entry,) = last(lab).outcomes
    assert len(entry["outcome"]) == 200
    assert entry["outcome"].endswith("xxx...")
    witness = last(lab).witness
    assert witness is not None
    assert witness["outcome"] == entry["outcome"]
    assert samples_of(race).keys() == {"x" * 10_000}


def test_race_is_lazy(lab: Lab) -> None:
    """A new race, its ``repr`` and its outcomes run nothing and record no evidence."""

    def explode(*_: object) -> NoReturn:
        raise AssertionError("it ran")

    before = threads()
    race = lab.race(explode, increment, explode, observe=explode, control=(explode, explode))
    assert repr(race) == "<Race of increment, explode: 0 schedules, 0 samples>"
    assert repr(race.outcomes) == "<no outcomes yet>"
    with pytest.raises(TypeError, match=r"outcomes: nothing has run yet; ask race\.ever"):
        list(race.outcomes)
    assert lab.evidence == ()
    assert threads() == before


def test_repr_says_what_was_sampled(lab: Lab) -> None:
    """It does so for the race and for its histogram."""
    race = lab.race(object, first, second)
    race.ever(("first", "second"))
    run = last(lab)
    assert run.schedules is not None
    schedules, samples = run.schedules["run"], run.samples
    assert repr(race).startswith("<Race of first, second: ")
    assert repr(race).endswith(f" {samples:,} samples>")
    assert repr(race.outcomes) == f"<outcomes ('first', 'second'): {schedules + samples:,}>"


def test_race_and_histogram_are_no_answers(staying: Lab) -> None:
    """``assert race``, a comparison or ``in`` would give a verdict without a question."""
    race = staying.race(object, first, second)
    question = r"ask race\.ever"
    with pytest.raises(TypeError, match=rf"lab\.race: a race has no truth value; {question}"):
        bool(race)
    with pytest.raises(TypeError, match=rf"lab\.race: a race cannot be compared; {question}"):
        _ = race == 1
    with pytest.raises(TypeError, match=question):
        _ = race != race
    with pytest.raises(TypeError, match=rf"outcomes: they have no truth value; {question}"):
        bool(race.outcomes)
    with pytest.raises(TypeError, match=question):
        _ = race.outcomes == {}
    with pytest.raises(TypeError, match=question):
        _ = 1 in race.outcomes
    with pytest.raises(TypeError, match="unhashable"):
        hash(race)
    with pytest.raises(TypeError, match="unhashable"):
        hash(race.outcomes)
    assert staying.evidence == ()


async def coroutine(state: object) -> None:
    """Do nothing, as a coroutine."""


def generator(state: object) -> Iterator[int]:
    """Do nothing, as a generator."""
    yield 1


@pytest.mark.parametrize(
    ("actors", "options", "error", "words"),
    [
        ([], {}, ValueError, "at least two actors, got 0"),
        ([nothing], {}, ValueError, "at least two actors, got 1"),
        ([nothing, 5], {}, TypeError, "actor 2 is 5, which cannot be called"),
        ([nothing, coroutine], {}, TypeError, "actor 2 is coroutine, a coroutine or generator function"),
        ([generator, nothing], {}, TypeError, "actor 1 is generator, a coroutine or generator function"),
        ([nothing, partial(generator)], {}, TypeError, "actor 2 is generator, a coroutine or generator function"),
        ([nothing] * 2, {"setup": []}, TypeError, r"setup is \[\], which cannot be called"),
        ([nothing] * 2, {"observe": "value"}, TypeError, "observe is 'value', which cannot be called"),
        ([nothing] * 2, {"rounds": 0}, ValueError, r"rounds=0\): rounds must be at least 1"),
        ([nothing] * 2, {"rounds": 1.5}, TypeError, r"rounds=1\.5\): rounds must be a whole number"),
        ([nothing] * 2, {"rounds": True}, TypeError, "rounds=True"),
        ([nothing] * 2, {"control": nothing}, TypeError, "control must be a tuple"),
        ([nothing] * 2, {"control": 5}, TypeError, r"control=5\): control must be a tuple"),
        ([nothing] * 2, {"control": [nothing]}, ValueError, "the control has 1 actor, the race has 2"),
        ([nothing] * 2, {"control": [nothing, 5]}, TypeError, "the control's actor 2 is 5, which cannot be called"),
        ([nothing] * 2, {"exceptions": 5}, TypeError, r"exceptions=5\): pass exception types"),
        ([nothing] * 2, {"exceptions": [KeyError]}, TypeError, "pass exception types"),
        ([nothing] * 2, {"exceptions": KeyError("x")}, TypeError, "pass exception types"),
        ([nothing] * 2, {"budget": 0}, ValueError, r"budget=0\): must be a positive number of seconds, e.g. 2"),
        ([nothing] * 2, {"budget": -1.0}, ValueError, "must be a positive number of seconds, e.g. 2"),
        ([nothing] * 2, {"budget": float("nan")}, ValueError, "must be a positive number of seconds, e.g. 2"),
        ([nothing] * 2, {"budget": "2"}, TypeError, "must be a positive number of seconds, e.g. 2"),
        ([nothing] * 2, {"deadline": 0}, ValueError, "must be a positive number of seconds, e.g. 2"),
        ([nothing] * 2, {"deadline": float("inf")}, ValueError, "must be a positive number of seconds, e.g. 2"),
    ],
)
def test_bad_arguments(
    staying: Lab, actors: list[Any], options: dict[str, Any], error: type[Exception], words: str
) -> None:
    """They are refused when the race is made."""
    with pytest.raises(error, match=rf"^lab\.race.*{words}"):
        staying.race(*[options.pop("setup", object), *actors], **options)
    assert staying.evidence == ()


@pytest.mark.parametrize("asked", ["ever", "never", "always"])
@pytest.mark.parametrize(
    ("about", "error", "words"),
    [
        ([1], TypeError, r"\(\[1\]\): an outcome must be hashable"),
        (float("nan"), ValueError, r"\(nan\): this is not equal to itself"),
        (KeyError, ValueError, r"\(KeyError\): an exception is an outcome only if its type is in exceptions"),
    ],
)
def test_questions_that_make_no_sense(
    staying: Lab, asked: str, about: Any, error: type[Exception], words: str
) -> None:
    """They are refused before anything runs."""
    race = staying.race(object, first, second)
    with pytest.raises(error, match=rf"^race\.{asked}{words}"):
        getattr(race, asked)(about)
    assert staying.evidence == ()


@pytest.mark.parametrize("about", [Lab.CRASH, Lab.DEADLOCK], ids=repr)
def test_always_is_no_question_about_an_end(staying: Lab, about: Any) -> None:
    """It is refused with advice."""
    with pytest.raises(ValueError, match=rf"^race\.always\({about!r}\): .*; write race\.ever\({about!r}\)"):
        staying.race(object, first, second).always(about)


def explode(*_: object) -> NoReturn:
    """Raise an error."""
    raise LookupError("no such account")


def leave(*_: object) -> NoReturn:
    """Raise an exception that is not an ``Exception``."""
    sys.exit("enough")


def race_that_raises(lab: Lab, place: str, culprit: Callable[..., Any], **options: Any) -> Callable[[], bool]:
    """Return a question that ends with an error, because the culprit raises in that place."""
    places: dict[str, Callable[[], bool]] = {
        "setup": lambda: lab.race(culprit, nothing, nothing, **options).ever(never_true),
        "observe": lambda: lab.race(object, nothing, nothing, observe=culprit, **options).ever(1),
        f"actor {culprit.__name__}": lambda: lab.race(object, nothing, culprit, **options).ever(never_true),
        f"the control's actor {culprit.__name__}": lambda: lab.race(
            object, nothing, nothing, control=(culprit, nothing), **options
        ).ever(never_true),
        f"{culprit.__name__} for the outcome (None, None)": lambda: lab.race(
            object, nothing, nothing, **options
        ).ever(culprit),
    }
    return places[place]


PLACES = ["setup", "observe", "actor {}", "the control's actor {}", "{} for the outcome (None, None)"]


@each_engine
@pytest.mark.parametrize(
    ("culprit", "words", "advice"),
    [
        (explode, "LookupError: no such account", "; if that is an outcome, pass exceptions=LookupError"),
        (leave, "SystemExit: enough", ""),
    ],
)
@pytest.mark.parametrize("place", PLACES)
def test_whatever_raises_is_named(lab: Lab, place: str, culprit: Callable[..., Any], words: str, advice: str) -> None:
    """The error names the culprit and has its traceback, which begins there, and so has the evidence.

    An exception of an actor may be an outcome.
    """
    text = f"{place.format(culprit.__name__)} raised {words}{advice if 'actor' in place else ''}"
    place = place.format(culprit.__name__)
    with pytest.raises(RaceError) as caught:
        race_that_raises(lab, place, culprit, rounds=2)()
    lines = str(caught.value).splitlines()
    assert lines[0] == f"lab.race: {text}"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[2].endswith(f"in {culprit.__name__}")
    assert lines[-1] == words
    failure = last(lab).failure
    assert failure is not None
    assert (failure["kind"], failure["text"]) == ("raised", text)
    assert f"in {culprit.__name__}\n" in failure["details"]
    assert (last(lab).answer, last(lab).phrase()) == (None, failure["text"])
    assert lab.unsettled is None


@each_engine
@pytest.mark.parametrize("outcome", [[1], {"a": 1}, {1}], ids=repr)
def test_outcome_that_cannot_be_hashed_is_an_error(lab: Lab, outcome: object) -> None:
    """The error shows the outcome and the fix."""
    with pytest.raises(RaceError, match=r"^lab\.race: the outcome .* is not hashable") as caught:
        lab.race(object, nothing, nothing, observe=lambda _: outcome).ever(1)
    assert repr(outcome) in str(caught.value)
    assert last(lab).failure is not None


class Moody:
    """An outcome one of whose methods raises."""

    def __init__(self, method: str) -> None:
        self.method = method

    def _maybe_raise(self, method: str) -> None:
        if method == self.method:
            raise LookupError("not in the mood")

    def __hash__(self) -> int:
        self._maybe_raise("hash")
        return 1 if self.method == "eq" else id(self)

    def __eq__(self, other: object) -> bool:
        self._maybe_raise("eq")
        return self is other

    def __repr__(self) -> str:
        self._maybe_raise("repr")
        return "Moody()"


@each_engine
@pytest.mark.parametrize("method", ["hash", "eq"])
def test_outcome_whose_methods_raise_is_an_error_on_record(lab: Lab, method: str) -> None:
    """The error is the race's, and is in the evidence."""
    race = lab.race(object, nothing, nothing, observe=lambda _: Moody(method))
    with pytest.raises(RaceError, match="not in the mood"):
        race.ever(1)
    assert last(lab).failure is not None


def test_outcome_without_a_repr_is_an_outcome(lab: Lab) -> None:
    """A question can be about it."""
    race = lab.race(object, nothing, nothing, observe=lambda _: Moody("repr"))
    assert race.ever(lambda outcome: outcome.method == "repr") is True
    assert last(lab).failure is None
    assert last(lab).phrase()


@each_engine
def test_race_goes_on_after_an_error(lab: Lab) -> None:
    """A failed race can be asked again, and so can others."""
    asked: list[int] = []

    def setup() -> Counter:
        if not asked:
            raise LookupError("not yet")
        return Counter()

    race = lab.race(setup, increment_slowly, increment_slowly, observe=read)
    with pytest.raises(RaceError, match="setup raised LookupError: not yet"):
        race.ever(1)
    asked.append(1)
    assert race.ever(1) is True
    assert [last(lab).answer, len(lab.evidence)] == [True, 2]


@each_engine
@forks
def test_setup_that_hangs_ends_with_its_stack(forking: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is ended, and no actor is blamed."""
    pid_file = tmp_path / "pid"
    let_child_time_out(monkeypatch, when=lambda: pid_file.exists() and pid_file.read_text())

    def sleep_in() -> None:
        pid_file.write_text(str(os.getpid()))
        threading.Event().wait()

    with pytest.raises(RaceError, match=r"the process did not finish in time while the race ran") as caught:
        forking.race(sleep_in, nothing, nothing).ever(never_true)
    assert "in sleep_in" in str(caught.value)
    assert last(forking).failure is not None
    assert is_gone(int(pid_file.read_text()))


def test_actors_that_take_their_time_do_not_hang(lab: Lab) -> None:
    """The timeout is for each call of an actor, not for a stride."""

    def doze(state: object) -> str:
        time.sleep(0.1)
        return "awake"

    race = lab.race(object, doze, doze, deadline=2.0)
    assert race.ever(("awake", "awake")) is True


@each_engine
@forks
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_crash_is_an_error_with_signal_and_stacks(forking: Lab, number: signal.Signals) -> None:
    """Unless the question is about crashes. This process and the next race are not affected."""

    def fall(state: object) -> None:
        signal.raise_signal(number)

    before = threads()
    with pytest.raises(RaceError) as caught:
        forking.race(object, nothing, fall).ever(never_true)
    line = str(caught.value).splitlines()[0]
    assert line.startswith(f"lab.race: the process was ended by {number.name} while the race ran (nothing, fall; ")
    assert "in fall" in str(caught.value)
    failure = last(forking).failure
    assert failure is not None
    assert (failure["kind"], last(forking).answer) == ("crash", None)
    assert "in fall" in failure["details"]
    assert threads() == before
    assert unlocked(forking).ever(1) is True


@each_engine
@forks
def test_crash_of_the_control_says_so(forking: Lab) -> None:
    """The error names the control and not the race."""

    def fall(state: object) -> None:
        signal.raise_signal(signal.SIGSEGV)

    with pytest.raises(RaceError, match=r"ended by SIGSEGV while the control ran \(fall, nothing; "):
        forking.race(object, nothing, nothing, control=(fall, nothing)).ever(never_true)


@each_engine
@forks
@pytest.mark.parametrize("status", [0, 3])
def test_actor_that_leaves_the_process_is_an_error(forking: Lab, status: int) -> None:
    """It is one also if the exit status is 0."""

    def leave_for_good(state: object) -> None:
        os._exit(status)

    with pytest.raises(RaceError, match=rf"exited with status {status} while the race ran .*leave_for_good"):
        forking.race(object, nothing, leave_for_good).ever(never_true)
    assert last(forking).failure is not None


@each_engine
@forks
def test_signal_that_is_no_crash_is_an_error(forking: Lab) -> None:
    """Another program ended the process, such as a kernel without memory; so it is an error in each question."""

    def be_killed(state: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    race = forking.race(object, nothing, be_killed, control=(nothing, nothing))
    for about in (never_true, forking.CRASH):
        with pytest.raises(RaceError, match="ended by SIGKILL while the race ran"):
            race.ever(about)
    assert len(forking.evidence) == 2


def fall_if_met(counter: Counter) -> None:
    """Crash if the other actor runs, too."""
    counter.value += 1
    time.sleep(0)
    if counter.value > 1:
        signal.raise_signal(signal.SIGSEGV)
    counter.value -= 1


@forks
def test_crash_under_a_schedule_is_a_witness(forking: Lab) -> None:
    """It has its interleaving up to the crash."""
    race = forking.race(Counter, fall_if_met, fall_if_met)
    assert race.ever(forking.CRASH) is True
    run = last(forking)
    assert (run.about, run.answer, run.samples, run.failure) == ("lab.CRASH", True, 0, None)
    assert run.witness is not None
    assert run.witness["outcome"] == "lab.CRASH"
    assert run.witness["strategy"] == "schedule with 1 preemption"
    assert {step["actor"] for step in run.witness["steps"]} == {0, 1}
    assert run.witness["steps"][-1]["text"] == "signal.raise_signal(signal.SIGSEGV)"
    assert Token.parse(run.witness["replay"]).schedule
    assert race.never(forking.CRASH) is False


@forks
def test_no_crash_under_any_schedule_beside_a_control_that_crashes(forking: Lab) -> None:
    """The control crashes in a child of its own."""
    race = forking.race(Counter, increment, increment, control=(fall_if_met, fall_if_met))
    assert race.never(forking.CRASH) is True
    run = last(forking)
    assert run.schedules is not None
    assert (run.answer, run.seen, run.witness) == (True, 0, None)
    assert run.schedules["control"]["seen"] == 1


@pytest.mark.parametrize("asked", ["ever", "never"])
def test_crash_cannot_be_seen_in_process(staying: Lab, asked: str) -> None:
    """Nothing is run, because a crash would end this process."""
    race = staying.race(explode, explode, explode, control=(explode, explode))
    with pytest.raises(Inconclusive, match=r"lab\.CRASH needs a forked child process"):
        getattr(race, asked)(staying.CRASH)
    assert staying.unsettled is not None
    assert last(staying).samples == 0


class World:
    """What a race changes while it runs, and must restore."""

    def __init__(self) -> None:
        self.switch_interval = sys.getswitchinterval()
        self.affinity = set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set()
        self.threads = threads()
        self.active = threading.active_count()
        self.interrupt = signal.getsignal(signal.SIGINT)
        self.hook = threading.excepthook

    def __eq__(self, other: object) -> bool:
        return isinstance(other, World) and vars(other) == vars(self)

    def __repr__(self) -> str:
        return repr(vars(self))

    __hash__ = None  # type: ignore[assignment]  # it changes


@contextmanager
def odd_world() -> Iterator[World]:
    """Set an unusual switch interval, and let SIGINT raise KeyboardInterrupt."""
    interval = sys.getswitchinterval()
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.setswitchinterval(0.0123)
    try:
        yield World()
    finally:
        sys.setswitchinterval(interval)
        signal.signal(signal.SIGINT, handler)


def ask_and_answer(lab: Lab) -> None:
    """Ask a question that a witness answers, and one that an absence answers."""
    assert unlocked(lab).ever(1) is True
    assert locked(lab).never(1) is True


def ask_without_an_answer(lab: Lab) -> None:
    """Ask a question that has no answer."""
    ask_in_vain(blind(lab), "never", 1, lambda findings: findings.race.tally.total.samples > 0)


def ask_what_raises(lab: Lab) -> None:
    """Ask questions that end with an error, in each place."""
    for place in PLACES:
        with pytest.raises(RaceError):
            race_that_raises(lab, place.format("explode"), explode)()


@each_engine
@pytest.mark.parametrize("use", [ask_and_answer, ask_without_an_answer, ask_what_raises])
def test_world_is_afterwards_as_before(lab: Lab, use: Callable[[Lab], None]) -> None:
    """Switch interval, CPU affinity and threads are restored after each kind of answer."""
    with odd_world() as before:
        use(lab)
        assert World() == before


def by_signal(*_: object) -> None:
    """Interrupt by SIGINT."""
    signal.raise_signal(signal.SIGINT)


def by_function(*_: object) -> None:
    """Interrupt by a function call."""
    _thread.interrupt_main()


@each_engine
@pytest.mark.parametrize("press", [by_signal, by_function])
@pytest.mark.parametrize("place", ["actor", "setup", "observe", "timer"])
def test_world_is_as_before_after_ctrl_c(staying: Lab, place: str, press: Callable[..., None]) -> None:
    """It ends the race at once, and is not an error of the race."""
    begun = threading.Event()
    pressed: list[int] = []

    def maybe_press(here: str) -> None:
        begun.set()
        if here == place and not pressed:
            pressed.append(1)
            press()

    def timer() -> None:
        begun.wait(TIMEOUT_S)
        maybe_press("timer")

    def setup() -> object:
        maybe_press("setup")
        return object()

    race = staying.race(
        setup,
        lambda _: maybe_press("actor"),
        nothing,
        observe=lambda _: maybe_press("observe"),
        control=(nothing, nothing),
    )
    with odd_world() as before:
        thread = threading.Thread(target=timer)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            race.never(never_true)
        thread.join(TIMEOUT_S)
        assert World() == before
    assert pressed == ([1] if place != "timer" else pressed)


@each_engine
def test_world_is_as_before_if_a_thread_cannot_be_started(staying: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads that were started before are ended."""
    start = threading.Thread.start
    started: list[int] = []

    def refuse(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(1)
        start(thread)

    race = unlocked(staying)
    with odd_world() as before:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises((RuntimeError, RaceError), match="can't start new thread"):
                race.ever(1)
        assert World() == before


@each_engine
@forks
def test_ctrl_c_leaves_no_child(forking: Lab, tmp_path: Path) -> None:
    """It reaches this process while the race runs in the child."""
    pid_file = tmp_path / "pid"

    def interrupt(state: object) -> None:
        if not pid_file.exists():
            pid_file.write_text(str(os.getpid()))
            os.kill(os.getppid(), signal.SIGINT)

    with odd_world() as before:
        with pytest.raises(KeyboardInterrupt):
            blind_to(forking, interrupt).never(never_true)
        assert World() == before
    assert is_gone(int(pid_file.read_text()))


def blind_to(lab: Lab, actor: Callable[[Any], object]) -> Race:
    """Return a race of an actor that is never settled."""
    return lab.race(object, nothing, actor, control=(nothing, nothing))


@forks
def test_what_actors_change_in_the_child_is_not_seen_here(forking: Lab) -> None:
    """Only the outcomes are sent to this process."""
    seen: list[int] = []

    def put(state: object) -> int:
        seen.append(1)
        return len(seen)

    forking.race(object, put, nothing).ever(lambda outcome: outcome[0] > 0)
    assert seen == []


@each_engine
def test_race_runs_where_the_lab_says(lab: Lab, in_process: bool) -> None:
    """That is in a child, or in this process."""
    race = lab.race(object, lambda _: os.getpid(), lambda _: os.getpid())
    here = (os.getpid(), os.getpid())
    assert race.ever(lambda outcome: outcome == here if in_process else outcome != here) is True


@each_engine
def test_race_runs_in_a_thread_as_well(lab: Lab) -> None:
    """A question need not be asked in the main thread."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(unlocked(lab).ever(1)))
    thread.start()
    thread.join(TIMEOUT_S)
    assert answers == [True]
