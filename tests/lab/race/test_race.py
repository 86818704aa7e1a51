"""The promises of ``lab.race``: its answers, when it has none, and what it leaves behind."""

from __future__ import annotations

import _thread
import gc
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NoReturn

import pytest

from helpers.race_questions import all_strategies_used, ask_in_vain, last, let_child_time_out
from helpers.waiting import TIMEOUT_S, wait_until
from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.interpreter import PYPY
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.lab.race import power
from pytest_concclaims.lab.race.experiment import RaceError
from pytest_concclaims.lab.race.findings import RaceFindings
from pytest_concclaims.lab.race.race import Race
from pytest_concclaims.lab.race.samples import actor_threads, sampler
from pytest_concclaims.lab.race.tally import Count
from pytest_concclaims.records.evidence import RaceRun

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]

#: Seconds that an actor is away between reading and writing: then another one comes nearly always in between.
AWAY = 1e-4
#: Seconds from an actor that says that it is about to hang, or to raise, until it does.
ABOUT_TO = 0.2
#: Overlapping samples that are enough for an absence here.
OVERLAPPING = 100

forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")


@pytest.fixture(params=[False, True], ids=["forked", "in-process"])
def in_process(request: pytest.FixtureRequest) -> bool:
    """Say whether races run in this process; else in a child."""
    if not request.param and not CAN_FORK:
        pytest.skip("no os.fork here")
    return bool(request.param)


@pytest.fixture(autouse=True)
def _settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an absence be settled with fewer samples, and as soon as it may: not at the end of a long budget."""
    monkeypatch.setattr(power, "OVERLAPPING", OVERLAPPING)
    monkeypatch.setattr(power, "PLENTY", OVERLAPPING)
    monkeypatch.setattr(power, "STRIDES", 3)
    monkeypatch.setattr(power, "PLENTY_OF_STRIDES", 3)
    monkeypatch.setattr(power, "SEEN", 5)
    monkeypatch.setattr(power, "RARER", 2)
    monkeypatch.setattr(power, "RARER_THAN_GENERIC", 2)


@pytest.fixture
def lab(in_process: bool) -> Lab:
    """Return a lab without evidence so far, that has all the time that it needs."""
    return Lab(budget=TIMEOUT_S, in_process=in_process)


@pytest.fixture
def forking() -> Lab:
    """Return a lab whose races run in children."""
    return Lab(budget=TIMEOUT_S)


@pytest.fixture
def staying() -> Lab:
    """Return a lab whose races run in this process."""
    return Lab(budget=TIMEOUT_S, in_process=True)


def plain(names: Sequence[str]) -> list[str]:
    """Return names without the numbers that tell equal ones apart."""
    return [name.partition(" (")[0] for name in names]


def samples_of(race: Race) -> dict[Any, int]:
    """Return how often each outcome was seen."""
    return dict(race.outcomes)


def is_gone(pid: int) -> bool:
    """Return whether a process was waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def threads() -> set[threading.Thread]:
    """Return the threads of this process."""
    return set(threading.enumerate())


# --- what races


class Counter:
    """Counts. One in four is for such as are careful with some counters only."""

    _numbers = count()

    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()
        self.fourth = next(self._numbers) % 4 == 0


def successor(number: int) -> int:
    """Return the next number."""
    return number + 1


def increment(counter: Counter) -> None:
    """Count, with a call between reading and writing: every interpreter switches threads there."""
    counter.value = successor(counter.value)


def increment_locked(counter: Counter) -> None:
    """Count, as it is done."""
    with counter.lock:
        counter.value = successor(counter.value)


def increment_slowly(counter: Counter) -> None:
    """Count, with so much time between reading and writing that two actors overlap wherever they meet."""
    value = counter.value
    time.sleep(AWAY)
    counter.value = value + 1


def increment_slowly_locked(counter: Counter) -> None:
    """Take as much time, and lose nothing."""
    with counter.lock:
        increment_slowly(counter)


def increment_carelessly(counter: Counter) -> None:
    """Take as much time, and lose often; in each sample in which actors overlap would be no effect of a race."""
    with counter.lock if counter.fourth else nullcontext():
        increment_slowly(counter)


def read(counter: Counter) -> int:
    """Return the count."""
    return counter.value


def lost(count: int) -> bool:
    """Return whether an update of two was lost."""
    return count != 2


def nobodys(outcome: object) -> bool:
    """Say of each outcome that it is another one."""
    return False


def nothing(state: object) -> None:
    """Do nothing."""


def first(state: object) -> str:
    """Return a value."""
    return "first"


def second(state: object) -> str:
    """Return another value."""
    return "second"


def locked(lab: Lab, **options: Any) -> Race:
    """Return a race in which nothing can be lost, with a control that loses often."""
    options = {"observe": read, "control": (increment_carelessly, increment_carelessly), **options}
    return lab.race(Counter, increment_slowly_locked, increment_slowly_locked, **options)


def unlocked(lab: Lab, **options: Any) -> Race:
    """Return a race in which an update is lost wherever its actors meet."""
    return lab.race(Counter, increment_slowly, increment_slowly, observe=read, **options)


def blind(lab: Lab, **options: Any) -> Race:
    """Return a race of which nothing can be said: its control shows nothing, either."""
    options = {"control": (increment_slowly_locked, increment_slowly_locked), **options}
    return locked(lab, **options)


def sample_many(lab: Lab, setup: Callable[[], Any], *actors: Callable[[Any], object], **options: Any) -> Race:
    """Return a race that was sampled long enough that all strategies were in use.

    It is its own control, so nothing settles it before.
    """
    race = lab.race(setup, *actors, control=actors, **options)
    ask_in_vain(race, "never", nobodys, all_strategies_used)
    assert all(use["samples"] for use in last(lab).strategies)
    return race


# --- seen, and not seen


def test_lost_update_is_seen(lab: Lab, in_process: bool) -> None:
    """A witness settles the question at once: what the witness was, when and how, is on record."""
    race = unlocked(lab)
    assert race.ever(lost) is True
    run = last(lab)
    assert (run.question, run.about, run.answer, run.in_process) == ("ever", "lost", True, in_process)
    assert (run.lacking, run.failure, run.bound) == (None, None, None)
    assert 0 < run.seen <= run.samples
    assert run.witness is not None
    assert run.witness["outcome"] == "1"
    assert 1 <= run.witness["sample"] <= run.samples
    assert run.witness["seconds"] > 0
    assert {"strategy", "switch_interval", "overlapping"} <= set(run.witness)
    assert f"seen in {run.seen:,} of {run.samples:,} samples, first 1 after" in run.phrase()
    assert run.witness["strategy"] in run.phrase()


def test_lost_update_is_never_seen_under_a_lock(lab: Lab) -> None:
    """Absence counts after enough overlapping samples, beside a control that was seen, and is worded honestly."""
    race = locked(lab)
    assert race.never(lost) is True
    run = last(lab)
    assert (run.question, run.answer, run.seen, run.witness, run.lacking) == ("never", True, 0, None, None)
    assert run.samples >= run.overlapping >= OVERLAPPING
    assert run.strides >= power.STRIDES
    assert run.control["matched"] is True
    assert plain(run.control["actors"]) == ["increment_carelessly", "increment_carelessly"]
    assert run.control["samples"] >= run.control["overlapping"] >= run.control["seen"] > 0
    assert run.control["strides"] > 0
    assert run.bound is not None
    assert 0 < run.bound < run.control["seen"] / run.control["overlapping"]
    for words in (
        f"not seen in {run.overlapping:,} overlapping samples ({run.strides:,} strides)",
        f"its control was seen {run.control['seen']:,} times",
        "If samples were independent",
        "This is no bound for your program",
    ):
        assert words in run.phrase()


def test_actors_that_take_no_time_meet_as_well(lab: Lab, in_process: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Updates are lost though no actor waits anywhere, and with a lock they are not: all that takes more samples."""
    if PYPY and in_process:
        pytest.skip("compiled code hands the GIL over at the ends of loops only, and the compiler is left alone here")
    assert lab.race(Counter, increment, increment, observe=read).ever(lost) is True
    for number, enough in {"OVERLAPPING": 20, "PLENTY": 20, "STRIDES": 3, "SEEN": 2, "RARER": 0}.items():
        monkeypatch.setattr(power, number, enough)
    race = lab.race(Counter, increment_locked, increment_locked, observe=read, control=(increment, increment))
    assert race.never(lost) is True
    assert last(lab).overlapping >= 20
    assert last(lab).control["seen"] >= 2


def test_figures_of_outcomes_and_strategies_add_up(lab: Lab) -> None:
    """Each sample is in the record with its outcome and its strategy."""
    race = unlocked(lab)
    race.ever(lost)
    run = last(lab)
    assert (plain(run.actors), run.rounds) == (["increment_slowly", "increment_slowly"], 1)
    assert run.budget == TIMEOUT_S
    assert {"1"} <= {entry["outcome"] for entry in run.outcomes} <= {"1", "2"}
    assert sum(entry["samples"] for entry in run.outcomes) == run.samples
    assert sum(entry["overlapping"] for entry in run.outcomes) == run.overlapping
    assert sum(entry["samples"] for entry in run.strategies) == run.samples
    assert run.other_outcomes == 0
    assert samples_of(race) == {int(entry["outcome"]): entry["samples"] for entry in run.outcomes}


def is_two(count: int) -> bool:
    """Return whether nothing was lost."""
    return count == 2


@pytest.mark.parametrize(("make", "seen"), [(unlocked, True), (locked, False)])
def test_answers(lab: Lab, make: Callable[[Lab], Race], seen: bool) -> None:
    """Each question has both answers, about an outcome and about a predicate; "always" is settled by its opposite."""
    race = make(lab)
    for asked, about, answer in [
        ("ever", 1, seen),
        ("ever", lost, seen),
        ("never", 1, not seen),
        ("never", lost, not seen),
        ("always", 2, not seen),
        ("always", is_two, not seen),
    ]:
        assert getattr(race, asked)(about) is answer
        assert (last(lab).question, last(lab).about, last(lab).answer) == (
            asked,
            getattr(about, "__name__", repr(about)),
            answer,
        )
        assert (last(lab).witness is not None) is seen


def control_was_seen(findings: RaceFindings) -> bool:
    """Return whether the generic control has shown a lost update in samples of actors that overlapped."""
    return findings.control.tally.outcomes.get(True, Count()).overlapping > 0


@pytest.mark.usefixtures("interpreted")
def test_race_without_a_control_of_its_own_has_a_generic_one(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can be seen, whatever the race's actors do."""
    monkeypatch.setattr(power, "RARER_THAN_GENERIC", 10**9)  # so that a fast machine does not settle it, either
    race = lab.race(Counter, increment_locked, increment_locked, observe=read)
    ask_in_vain(race, "never", 1, control_was_seen)
    control = last(lab).control
    assert control["seen"] > 0
    assert control["matched"] is False
    assert "increment_locked" not in str(control["actors"])
    assert control["seen"] <= control["overlapping"] <= control["samples"]


def test_without_observe_the_outcome_is_what_the_actors_returned(lab: Lab) -> None:
    """A tuple, in the order of the actors."""
    race = sample_many(lab, object, first, second)
    assert set(samples_of(race)) == {("first", "second")}
    assert race.ever(("first", "second")) is True


def test_each_actor_runs_once_for_each_sample_on_a_fresh_state(lab: Lab) -> None:
    """Nothing is left of the sample before, and no actor is left out."""

    def setup() -> list[str]:
        return []

    def put(name: str, state: list[str]) -> None:
        state.append(name)

    def three(state: list[str]) -> tuple[str, ...]:
        return tuple(sorted(state))

    race = sample_many(lab, setup, partial(put, "a"), partial(put, "b"), partial(put, "c"), observe=three)
    assert set(samples_of(race)) == {("a", "b", "c")}
    assert plain(last(lab).actors) == ["put", "put", "put"]


def test_each_actor_is_run_by_a_thread_of_its_own(lab: Lab) -> None:
    """Not by the one that asks, either."""

    def whoami(state: object) -> int:
        return threading.get_ident()

    here = threading.get_ident()
    race = sample_many(lab, object, whoami, whoami, whoami)
    assert {len({*idents, here}) for idents in samples_of(race)} == {4}


def test_rounds(lab: Lab) -> None:
    """Each actor is called that number of times for each sample; what it returns the last time counts."""

    def count(counter: Counter) -> int:
        with counter.lock:
            counter.value += 1
            return counter.value

    race = sample_many(lab, Counter, count, count, observe=read, rounds=7)
    assert set(samples_of(race)) == {14}
    assert last(lab).rounds == 7
    ones = sample_many(
        lab, lambda: ([], []), lambda state: own_count(state[0]), lambda state: own_count(state[1]), rounds=5
    )
    assert set(samples_of(ones)) == {(5, 5)}


def own_count(calls: list[None]) -> int:
    """Return how often this was called with the list."""
    calls.append(None)
    return len(calls)


def test_three_actors_lose_updates(lab: Lab) -> None:
    """More than two race as well, each against each."""
    race = lab.race(Counter, *[increment_slowly] * 3, observe=read)
    assert race.ever(lambda count: count < 3) is True
    assert set(samples_of(race)) <= {1, 2, 3}
    safe = sample_many(lab, Counter, *[increment_locked] * 3, observe=read)
    assert set(samples_of(safe)) == {3}


# --- exceptions


def pop(state: list[int]) -> int:
    """Take the only element."""
    return state.pop()


def test_exceptions_are_outcomes_where_they_are_asked_for(lab: Lab) -> None:
    """The outcome is the type as it was given, also of an exception of a type below it."""
    race = sample_many(lab, lambda: [1], pop, pop, exceptions=LookupError)
    assert set(samples_of(race)) == {LookupError}
    assert race.ever(LookupError) is True
    assert "LookupError" in last(lab).outcomes[0]["outcome"]


def test_exceptions_of_several_types(lab: Lab) -> None:
    """Each of them is an outcome; ``observe`` gives the outcomes of the other samples."""

    def fail_at_odds(state: list[int]) -> None:
        if state[0] % 3:
            raise (KeyError if state[0] % 3 == 1 else OSError)("odd")

    numbers = iter(range(10**9))
    race = lab.race(
        lambda: [next(numbers)], fail_at_odds, nothing, observe=lambda _: "fine", exceptions=(KeyError, OSError)
    )
    assert race.ever(OSError) is True
    assert race.ever(KeyError) is True
    assert race.ever("fine") is True
    assert set(samples_of(race)) <= {KeyError, OSError, "fine"}


def test_exceptions_that_no_actor_asked_for_are_no_outcomes(lab: Lab) -> None:
    """Asking for them is a mistake in the question."""
    race = lab.race(lambda: [1], pop, pop, exceptions=KeyError)
    with pytest.raises(ValueError, match=r"race\.ever\(LookupError\): exceptions are outcomes only where"):
        race.ever(LookupError)
    assert lab.evidence == ()


# --- asked again


def test_asked_again_it_goes_on(lab: Lab) -> None:
    """No sample is lost, and what settles a question at once takes no more of them."""
    turn = 1
    race = lab.race(Counter, increment_slowly, increment_slowly, observe=lambda counter: (turn, counter.value))
    assert race.never((1, 1)) is False
    before, run = samples_of(race), last(lab)
    assert race.ever((1, 1)) is True
    assert samples_of(race) == before
    assert last(lab).samples == run.samples
    assert last(lab).witness == run.witness
    turn = 2
    assert race.ever(lambda outcome: outcome[0] == 2) is True
    after = samples_of(race)
    assert {outcome: count for outcome, count in after.items() if outcome[0] == 1} == before
    assert sum(after.values()) == last(lab).samples > run.samples
    assert last(lab).strides >= run.strides
    assert last(lab).seconds > run.seconds


def test_unsettled_question_goes_on_when_it_is_asked_again(lab: Lab) -> None:
    """Budgets add up; the evidence has each question's state."""
    turn = 0
    race = blind(lab, observe=lambda _: turn)

    def has_samples_of_this_turn(findings: RaceFindings) -> bool:
        return turn in findings.race.tally.outcomes

    runs = []
    while turn < 3:
        turn += 1
        ask_in_vain(race, "never", nobodys, has_samples_of_this_turn)
        runs.append(last(lab))
    assert [run.answer for run in runs] == [None] * 3
    first, second, third = [seen_in(run) for run in runs]
    assert first.keys() == {1}
    assert second == {**first, 2: second[2]}
    assert third == {**second, 3: third[3]}
    assert [run.samples for run in runs] == [sum(seen.values()) for seen in (first, second, third)]
    assert runs[0].seconds < runs[1].seconds < runs[2].seconds
    assert runs[0].control["samples"] <= runs[1].control["samples"] <= runs[2].control["samples"]


def seen_in(run: RaceRun) -> dict[int, int]:
    """Return how often each outcome, a number, is in the evidence."""
    return {int(entry["outcome"]): entry["samples"] for entry in run.outcomes}


# --- no verdict without power


def test_control_that_cannot_be_seen_leaves_no_answer(lab: Lab) -> None:
    """However many samples there are: what the harness cannot see at all was not absent."""
    race = blind(lab)

    def could_have_been_seen(findings: RaceFindings) -> bool:
        tally = findings.race.tally
        return tally.total.overlapping >= OVERLAPPING and tally.strides >= power.STRIDES

    caught = ask_in_vain(race, "never", lost, could_have_been_seen)
    run = last(lab)
    assert run.overlapping >= OVERLAPPING
    assert run.strides >= power.STRIDES
    assert (run.answer, run.seen, run.bound) == (None, 0, None)
    assert run.control["seen"] == 0
    assert run.lacking is not None
    assert f"the control was never seen in {run.control['overlapping']:,} overlapping samples" in run.lacking
    assert run.lacking in str(caught.value)
    assert str(caught.value).startswith("never(lost) has no answer: ")
    assert isinstance(lab.unsettled, Inconclusive)


@pytest.mark.parametrize("asked", ["ever", "never", "always"])
def test_no_answer_without_samples(lab: Lab, asked: str) -> None:
    """A budget that is spent before anything ran leaves no answer to any question, and the claim unsettled."""
    race = locked(lab, budget=1e-9)
    with pytest.raises(Inconclusive, match=rf"{asked}\(2\) has no answer: too few overlapping"):
        getattr(race, asked)(2)
    assert (last(lab).samples, last(lab).answer) == (0, None)
    assert last(lab).lacking is not None
    assert f"0 of the {OVERLAPPING:,}" in str(last(lab).lacking)
    assert lab.unsettled is not None


def test_samples_stop_when_the_budget_is_spent(lab: Lab) -> None:
    """The question's own budget goes before the lab's, and the actors would never end it."""
    with pytest.raises(Inconclusive):
        blind(lab, budget=0.05).never(lost)
    assert last(lab).budget == 0.05


def test_witness_settles_what_has_no_control(lab: Lab) -> None:
    """To see something takes no power."""
    race = blind(lab)
    assert race.ever(2) is True
    assert race.always(1) is False
    assert race.never(2) is False
    assert lab.unsettled is None


def test_unsettled_race_that_was_caught_stands(lab: Lab) -> None:
    """A claim that goes on after it has no verdict all the same."""
    with suppress(Inconclusive):
        blind(lab, budget=1e-9).never(lost)
    assert unlocked(lab).ever(1) is True
    assert "never(lost)" in str(lab.unsettled)


# --- outcomes and predicates of all kinds


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


def test_outcomes_that_cannot_be_pickled(lab: Lab) -> None:
    """They are outcomes like any other; those of a child are known here by their ``repr``."""
    race = lab.race(Counter, increment_slowly, increment_slowly, observe=lambda counter: Opaque(counter.value))
    assert race.ever(Opaque(1)) is True
    assert race.ever(lambda outcome: outcome.number == 1) is True
    assert last(lab).witness is not None
    shown = {repr(outcome).strip("<>") for outcome in samples_of(race)}
    assert {"Opaque(1)"} <= shown <= {"Opaque(1)", "Opaque(2)"}
    assert {entry["outcome"].strip("<>") for entry in last(lab).outcomes} == shown
    assert sum(samples_of(race).values()) == last(lab).samples


def test_closures_local_functions_and_partials(lab: Lab) -> None:
    """Nothing need be importable, neither actors nor what looks at them."""
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


def test_many_outcomes_are_cut_in_the_record_only(lab: Lab) -> None:
    """The record has the most frequent, and how many more there were."""
    race = sample_many(lab, lambda: random.randrange(50), nothing, nothing, observe=lambda number: number)
    ask_in_vain(race, "never", nobodys, lambda findings: len(findings.race.tally.outcomes) > 20)
    shown = len(last(lab).outcomes)
    assert shown < len(samples_of(race)) == shown + last(lab).other_outcomes
    counts = [count for _, count in race.outcomes]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == last(lab).samples


def test_long_outcome_is_shortened_in_the_record(lab: Lab) -> None:
    """It is for people."""
    race = lab.race(object, nothing, nothing, observe=lambda _: "x" * 10_000)
    assert race.ever("x" * 10_000) is True
    (entry,) = last(lab).outcomes
    assert len(entry["outcome"]) == 200
    assert entry["outcome"].endswith("xxx...")
    assert samples_of(race).keys() == {"x" * 10_000}


# --- what it is not


def test_race_is_lazy(lab: Lab) -> None:
    """Making one, printing it and asking for its outcomes samples nothing and is no evidence."""

    def explode(*_: object) -> NoReturn:
        raise AssertionError("it ran")

    before = threads()
    race = lab.race(explode, increment, explode, observe=explode, control=(explode, explode))
    assert repr(race) == "<Race of increment, explode: 0 samples, 0 known to overlap>"
    assert repr(race.outcomes) == "<no outcomes yet>"
    with pytest.raises(TypeError, match=r"a race samples only when it is asked"):
        list(race.outcomes)
    assert lab.evidence == ()
    assert threads() == before


def test_repr_says_what_was_sampled(lab: Lab) -> None:
    """Of the race and of its histogram."""
    race = lab.race(object, first, second)
    race.ever(("first", "second"))
    samples = last(lab).samples
    assert repr(race).startswith(f"<Race of first, second: {samples:,} samples, ")
    assert repr(race.outcomes) == f"<outcomes ('first', 'second'): {samples:,}>"


def test_race_and_histogram_are_no_answers(staying: Lab) -> None:
    """``assert race``, a comparison or ``in`` would be a verdict without a question."""
    race = staying.race(object, first, second)
    question = r"ask race\.ever"
    with pytest.raises(TypeError, match=rf"a race is neither true nor false; {question}"):
        bool(race)
    with pytest.raises(TypeError, match=rf"a race is equal to nothing; {question}"):
        _ = race == 1
    with pytest.raises(TypeError, match=question):
        _ = race != race
    with pytest.raises(TypeError, match=rf"a histogram is neither true nor false; {question}"):
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


# --- mistakes in the arguments


async def coroutine(state: object) -> None:
    """Do nothing later."""


def generator(state: object) -> Iterator[int]:
    """Do nothing yet."""
    yield 1


@pytest.mark.parametrize(
    ("actors", "options", "error", "words"),
    [
        ([], {}, ValueError, "two actors or more, got 0"),
        ([nothing], {}, ValueError, "two actors or more, got 1"),
        ([nothing, 5], {}, TypeError, "actor 2 is 5, which cannot be called"),
        ([nothing, coroutine], {}, TypeError, "actor 2 is coroutine, a coroutine or generator function"),
        ([generator, nothing], {}, TypeError, "actor 1 is generator, a coroutine or generator function"),
        ([nothing, partial(generator)], {}, TypeError, "actor 2 is generator, a coroutine or generator function"),
        ([nothing] * 2, {"setup": []}, TypeError, r"setup is \[\], which cannot be called"),
        ([nothing] * 2, {"observe": "value"}, TypeError, "observe is 'value', which cannot be called"),
        ([nothing] * 2, {"rounds": 0}, ValueError, r"rounds=0\): each actor runs at least once"),
        ([nothing] * 2, {"rounds": 1.5}, TypeError, r"rounds=1\.5\): rounds is how often"),
        ([nothing] * 2, {"rounds": True}, TypeError, "rounds=True"),
        ([nothing] * 2, {"control": nothing}, TypeError, "the control is a tuple of actors"),
        ([nothing] * 2, {"control": 5}, TypeError, r"control=5\): the control is a tuple of actors"),
        ([nothing] * 2, {"control": [nothing]}, ValueError, "actors of the control: 1, of the race: 2"),
        ([nothing] * 2, {"control": [nothing, 5]}, TypeError, "the control's actor 2 is 5, which cannot be called"),
        ([nothing] * 2, {"exceptions": 5}, TypeError, r"exceptions=5\): write exception types"),
        ([nothing] * 2, {"exceptions": [KeyError]}, TypeError, "write exception types"),
        ([nothing] * 2, {"exceptions": KeyError("x")}, TypeError, "write exception types"),
        ([nothing] * 2, {"budget": 0}, ValueError, r"budget=0\): the budget is a positive number of seconds"),
        ([nothing] * 2, {"budget": -1.0}, ValueError, "the budget is a positive number of seconds"),
        ([nothing] * 2, {"budget": float("nan")}, ValueError, "the budget is a positive number of seconds"),
        ([nothing] * 2, {"budget": "2"}, TypeError, "the budget is a positive number of seconds"),
        ([nothing] * 2, {"deadline": 0}, ValueError, "the deadline is a positive number of seconds"),
        ([nothing] * 2, {"deadline": float("inf")}, ValueError, "the deadline is a positive number of seconds"),
    ],
)
def test_bad_arguments(
    staying: Lab, actors: list[Any], options: dict[str, Any], error: type[Exception], words: str
) -> None:
    """What makes no race is said when it is made."""
    with pytest.raises(error, match=rf"^lab\.race.*{words}"):
        staying.race(*[options.pop("setup", object), *actors], **options)
    assert staying.evidence == ()


@pytest.mark.parametrize("asked", ["ever", "never", "always"])
@pytest.mark.parametrize(
    ("about", "error", "words"),
    [
        ([1], TypeError, r"\(\[1\]\): this cannot be hashed, so it is no outcome"),
        (float("nan"), ValueError, r"\(nan\): this is not equal to itself"),
        (KeyError, ValueError, r"\(KeyError\): exceptions are outcomes only where the race asks for them"),
    ],
)
def test_questions_that_make_no_sense(
    staying: Lab, asked: str, about: Any, error: type[Exception], words: str
) -> None:
    """What can be no outcome is not sampled for."""
    race = staying.race(object, first, second)
    with pytest.raises(error, match=rf"^race\.{asked}{words}"):
        getattr(race, asked)(about)
    assert staying.evidence == ()


def test_always_crash_is_no_question(staying: Lab) -> None:
    """A crash ends the process: there are never two."""
    with pytest.raises(ValueError, match=r"write race\.ever\(lab\.CRASH\)"):
        staying.race(object, first, second).always(staying.CRASH)


# --- what raises there


def explode(*_: object) -> NoReturn:
    """Raise an error."""
    raise LookupError("no such account")


def leave(*_: object) -> NoReturn:
    """Raise what is no ``Exception``."""
    sys.exit("enough")


def race_that_raises(lab: Lab, place: str, culprit: Callable[..., Any], **options: Any) -> Callable[[], bool]:
    """Return a question whose answer is an error, as something raises there."""
    places: dict[str, Callable[[], bool]] = {
        "setup": lambda: lab.race(culprit, nothing, nothing, **options).ever(nobodys),
        "observe": lambda: lab.race(object, nothing, nothing, observe=culprit, **options).ever(1),
        f"actor {culprit.__name__}": lambda: lab.race(object, nothing, culprit, **options).ever(nobodys),
        f"the control's actor {culprit.__name__}": lambda: lab.race(
            object, nothing, nothing, control=(culprit, nothing), **options
        ).ever(nobodys),
        f"{culprit.__name__}, asked about the outcome (None, None),": lambda: lab.race(
            object, nothing, nothing, **options
        ).ever(culprit),
    }
    return places[place]


PLACES = ["setup", "observe", "actor {}", "the control's actor {}", "{}, asked about the outcome (None, None),"]


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize(
    ("culprit", "words"), [(explode, "LookupError: no such account"), (leave, "SystemExit: enough")]
)
@pytest.mark.parametrize("place", PLACES)
def test_whatever_raises_is_named(lab: Lab, place: str, culprit: Callable[..., Any], words: str, rounds: int) -> None:
    """The error names the culprit, and has its traceback, which begins there; the evidence has it, too."""
    place = place.format(culprit.__name__)
    with pytest.raises(RaceError) as caught:
        race_that_raises(lab, place, culprit, rounds=rounds)()
    lines = str(caught.value).splitlines()
    assert lines[0] == f"lab.race: {place} raised {words}"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[2].endswith(f"in {culprit.__name__}")
    assert lines[-1] == words
    failure = last(lab).failure
    assert failure is not None
    assert (failure["kind"], failure["text"]) == ("raised", f"{place} raised {words}")
    assert f"in {culprit.__name__}\n" in failure["details"]
    assert (last(lab).answer, last(lab).phrase()) == (None, failure["text"])
    assert lab.unsettled is None


def test_actor_that_raises_after_a_while_is_found(lab: Lab) -> None:
    """An exception that no one asked for is not lost among those that are outcomes."""
    numbers = iter(range(10**9))

    def fail_at_100(state: int) -> None:
        if state >= 100:
            raise LookupError("the hundredth")

    race = lab.race(lambda: next(numbers), nothing, fail_at_100, control=(nothing, nothing), exceptions=OSError)
    with pytest.raises(RaceError, match=r"actor fail_at_100 raised LookupError: the hundredth"):
        race.never(nobodys)


def test_actor_that_raises_is_named_though_another_waits_for_it(lab: Lab, stuck: threading.Event) -> None:
    """An actor that waits for one that has failed hangs because of that."""
    gates: list[threading.Event] = []

    def explode(state: object) -> NoReturn:
        stuck.set()
        raise LookupError("no such account")

    def wait(state: threading.Event) -> None:
        gates.append(state)
        state.wait()

    try:
        with pytest.raises(RaceError) as caught:
            lab.race(threading.Event, wait, explode, deadline=1.0).ever(nobodys)
    finally:
        for gate in gates:
            gate.set()
    assert str(caught.value).startswith("lab.race: actor explode raised LookupError: no such account")
    assert "in explode\n" in str(caught.value)


@pytest.mark.parametrize("outcome", [[1], {"a": 1}, {1}], ids=repr)
def test_outcome_that_cannot_be_hashed_is_an_error(lab: Lab, outcome: object) -> None:
    """The error quotes it and says what to do."""
    with pytest.raises(RaceError, match=r"^lab\.race: the outcome .* cannot be hashed") as caught:
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


@pytest.mark.parametrize("method", ["hash", "eq"])
def test_outcome_whose_methods_raise_is_an_error_on_record(lab: Lab, method: str) -> None:
    """Whatever code of the claim's raises: it is the race's error, and in the evidence."""
    race = lab.race(object, nothing, nothing, observe=lambda _: Moody(method))
    with pytest.raises(RaceError, match="not in the mood"):
        race.ever(1)
    assert last(lab).failure is not None


def test_outcome_without_a_repr_is_an_outcome(lab: Lab) -> None:
    """It can be asked about; only people do not get to see it."""
    race = lab.race(object, nothing, nothing, observe=lambda _: Moody("repr"))
    assert race.ever(lambda outcome: outcome.method == "repr") is True
    assert last(lab).failure is None
    assert last(lab).phrase()


def test_race_goes_on_after_an_error(lab: Lab) -> None:
    """A failure is no end of the race, and of no other."""
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


# --- what hangs, and what only seems to


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return an event that an actor sets when it is about to hang; soon after, and not before, its time is up."""
    event = threading.Event()

    class Outbox(actor_threads._Channel[Any]):
        def get(self, timeout: float = -1) -> Any:
            while timeout >= 0 and not event.is_set():
                with suppress(Empty):
                    return super().get(0.01)
            return super().get(timeout if timeout < 0 else ABOUT_TO)

    monkeypatch.setattr(actor_threads, "_Channel", Outbox)
    return event


def let_go(locks: list[Any], before: set[threading.Thread]) -> None:
    """Release actors that are stuck in this process, sample after sample, until all threads are gone."""

    def released() -> bool:
        for lock in locks:
            with suppress(RuntimeError):  # it is not taken
                lock.release()
        return threads() <= before

    wait_until(released)


def test_actor_that_deadlocks_is_named_with_its_stack(lab: Lab, tmp_path: Path, stuck: threading.Event) -> None:
    """And in a child, nothing of it is left."""
    held: list[Any] = []
    told = tmp_path / "pid"

    def get_stuck(lock: Any) -> None:
        held.append(lock)
        told.write_text(str(os.getpid()))
        lock.acquire()
        stuck.set()
        lock.acquire()

    race = lab.race(threading.Lock, nothing, get_stuck, deadline=1.0)
    before = threads()
    try:
        with pytest.raises(RaceError) as caught:
            race.ever(nobodys)
    finally:
        let_go(held, before)
    text = str(caught.value)
    assert "actor get_stuck did not come back within 1 s" in text.splitlines()[0]
    assert "in get_stuck\n    lock.acquire()" in text
    failure = last(lab).failure
    assert failure is not None
    assert failure["kind"] == "hang"
    assert "in get_stuck\n" in failure["details"]
    if not last(lab).in_process:
        assert is_gone(int(told.read_text()))
        assert threads() == before


def test_actors_that_deadlock_each_other_are_both_named(lab: Lab, stuck: threading.Event) -> None:
    """Two locks, taken in opposite order; each has its stack."""
    meeting = threading.Barrier(2, action=stuck.set)
    held: list[Any] = []

    def one(locks: Any) -> None:
        with locks[0]:
            held.append(locks[1])
            with suppress(threading.BrokenBarrierError):
                meeting.wait()
            locks[1].acquire()

    def other(locks: Any) -> None:
        with locks[1]:
            held.append(locks[0])
            with suppress(threading.BrokenBarrierError):
                meeting.wait()
            locks[0].acquire()

    before = threads()
    try:
        with pytest.raises(RaceError) as caught:
            lab.race(lambda: (threading.Lock(), threading.Lock()), one, other, deadline=1.0).ever(nobodys)
    finally:
        meeting.abort()
        let_go(held, before)
    assert "actor one and actor other did not come back" in str(caught.value)
    assert "in one\n" in str(caught.value)
    assert "in other\n" in str(caught.value)


@forks
def test_setup_that_hangs_ends_with_its_stack(forking: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is ended, though no actor is to blame."""
    told = tmp_path / "pid"
    let_child_time_out(monkeypatch, when=lambda: told.exists() and told.read_text())

    def sleep_in() -> None:
        told.write_text(str(os.getpid()))
        threading.Event().wait()

    with pytest.raises(RaceError, match=r"nothing came back in time while the race ran") as caught:
        forking.race(sleep_in, nothing, nothing).ever(nobodys)
    assert "in sleep_in" in str(caught.value)
    assert last(forking).failure is not None
    assert is_gone(int(told.read_text()))


class Tables:
    """Two queues to hand something over."""

    def __init__(self) -> None:
        self.there: SimpleQueue[int] = SimpleQueue()
        self.back: SimpleQueue[int] = SimpleQueue()


def call(tables: Tables) -> int:
    """Send something and wait for the answer."""
    tables.there.put(1)
    return tables.back.get()


def answer(tables: Tables) -> int:
    """Wait for something and answer."""
    number = tables.there.get()
    tables.back.put(number + 1)
    return number


def send(tables: Tables) -> int:
    """Send something."""
    tables.there.put(1)
    return 0


def receive(tables: Tables) -> int:
    """Wait for something."""
    return tables.there.get()


def meet_up(barrier: threading.Barrier) -> None:
    """Wait for all."""
    barrier.wait()


@pytest.mark.parametrize(
    ("setup", "actors"),
    [
        (Tables, (call, answer)),
        (Tables, (answer, call)),
        (Tables, (send, receive)),
        (Tables, (receive, send)),
        (lambda: threading.Barrier(2), (meet_up, meet_up)),
        (lambda: threading.Barrier(3), (meet_up, meet_up, meet_up)),
    ],
    ids=["call", "answer", "send", "receive", "two-meet", "three-meet"],
)
def test_actors_may_wait_for_each_other(
    lab: Lab,
    setup: Callable[[], Any],
    actors: tuple[Callable[[Any], object], ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An actor that runs a sample is joined there by all, also when the time of a stride or of the budget is up."""
    race = sample_many(lab, setup, *actors, deadline=20.0)
    assert len(samples_of(race)) == 1

    def all_strategies_were_tried(findings: RaceFindings) -> bool:
        return findings.race.tally.turns > len(findings.strategies) and findings.race.tally.total.samples > 0

    monkeypatch.setattr(sampler, "PART_TIMEOUT_S", 0.001)  # the time of most strides is up in their middle
    race = lab.race(setup, *actors, control=actors, deadline=20.0)
    ask_in_vain(race, "never", nobodys, all_strategies_were_tried)
    assert len(samples_of(race)) == 1


def test_actors_that_take_their_time_do_not_hang(lab: Lab) -> None:
    """The deadline is for each call of an actor, not for as many as a stride happens to have."""

    def doze(state: object) -> str:
        time.sleep(0.1)
        return "awake"

    race = lab.race(object, doze, doze, deadline=2.0)
    assert race.ever(("awake", "awake")) is True


# --- what ends the process


@forks
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_crash_is_an_error_with_signal_and_stacks(forking: Lab, number: signal.Signals) -> None:
    """Unless it was asked for; what ran is named, and neither this process nor the next race notices."""

    def fall(state: object) -> None:
        signal.raise_signal(number)

    before = threads()
    with pytest.raises(RaceError) as caught:
        forking.race(object, nothing, fall).ever(nobodys)
    line = str(caught.value).splitlines()[0]
    assert line.startswith(f"lab.race: the process was ended by {number.name} while the race ran (nothing, fall; ")
    assert "in fall" in str(caught.value)
    failure = last(forking).failure
    assert failure is not None
    assert (failure["kind"], last(forking).answer) == ("crash", None)
    assert "in fall" in failure["details"]
    assert threads() == before
    assert unlocked(forking).ever(1) is True


@forks
def test_crash_of_the_control_says_so(forking: Lab) -> None:
    """It was not the race's."""

    def fall(state: object) -> None:
        signal.raise_signal(signal.SIGSEGV)

    with pytest.raises(RaceError, match=r"ended by SIGSEGV while the control ran \(fall, nothing; "):
        forking.race(object, nothing, nothing, control=(fall, nothing)).ever(nobodys)


@forks
@pytest.mark.parametrize("status", [0, 3])
def test_actor_that_leaves_the_process_is_an_error(forking: Lab, status: int) -> None:
    """Also with the status of success."""

    def leave_for_good(state: object) -> None:
        os._exit(status)

    with pytest.raises(RaceError, match=rf"left with exit status {status} while the race ran .*leave_for_good"):
        forking.race(object, nothing, leave_for_good).ever(nobodys)
    assert last(forking).failure is not None


@forks
def test_signal_that_is_no_crash_is_an_error(forking: Lab) -> None:
    """Something else ended it, such as a kernel that has no memory left; also if a crash was asked for."""

    def be_killed(state: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    race = forking.race(object, nothing, be_killed, control=(nothing, nothing))
    for about in (nobodys, forking.CRASH):
        with pytest.raises(RaceError, match="ended by SIGKILL while the race ran"):
            race.ever(about)
    assert len(forking.evidence) == 2


def fall_at_1000(number: int) -> None:
    """Crash after a while."""
    if number >= 1000:
        signal.raise_signal(signal.SIGSEGV)


def count_up() -> Callable[[], int]:
    """Return a function that counts from 0 on."""
    numbers = iter(range(10**9))
    return lambda: next(numbers)


@forks
@pytest.mark.parametrize("control", [None, (nothing, nothing)])
def test_crash_that_was_asked_for_is_an_outcome(forking: Lab, control: Any) -> None:
    """A witness like any other: after a number of samples, seen once."""
    race = forking.race(count_up(), nothing, fall_at_1000, control=control, budget=30.0)
    assert race.ever(forking.CRASH) is True
    run = last(forking)
    assert (run.about, run.answer, run.seen, run.failure) == ("lab.CRASH", True, 1, None)
    assert run.witness is not None
    assert (run.witness["outcome"], run.witness["sample"]) == ("lab.CRASH", run.samples)
    assert {"strategy", "switch_interval", "seconds"} <= set(run.witness)
    assert sum(samples_of(race).values()) == run.samples
    assert race.never(forking.CRASH) is False


@forks
def test_crash_is_seen_after_another_question_was_settled(forking: Lab) -> None:
    """That one is settled says nothing of the next: it has samples of its own."""
    fragile: list[int] = []

    def maybe_fall(counter: Counter) -> None:
        if fragile:
            signal.raise_signal(signal.SIGSEGV)
        increment_slowly_locked(counter)

    control = (increment_carelessly, increment_carelessly)
    race = forking.race(Counter, increment_slowly_locked, maybe_fall, observe=read, control=control)
    assert race.never(1) is True
    fragile.append(1)
    assert race.ever(forking.CRASH) is True


@forks
def test_no_crash_beside_a_control_that_crashes(forking: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control is run, and crashes, in children of its own."""
    monkeypatch.setattr(power, "_SEEN_WELL", power.SEEN)

    def fall_if_met(counter: Counter) -> None:
        counter.value += 1
        time.sleep(AWAY)
        if counter.value > 1:
            signal.raise_signal(signal.SIGSEGV)
        counter.value -= 1

    race = forking.race(Counter, increment_slowly_locked, increment_slowly_locked, control=(fall_if_met, fall_if_met))
    assert race.never(forking.CRASH) is True
    run = last(forking)
    assert (run.answer, run.seen, run.witness) == (True, 0, None)
    assert run.control["seen"] >= power.SEEN
    assert run.overlapping >= OVERLAPPING


@forks
def test_no_crash_without_a_control_is_no_answer(forking: Lab) -> None:
    """Nothing generic crashes."""
    race = forking.race(object, nothing, nothing)
    caught = ask_in_vain(race, "never", forking.CRASH, lambda findings: findings.race.tally.total.samples > 0)
    assert "a crash has no generic control" in str(caught.value)
    assert forking.unsettled is not None
    assert last(forking).answer is None
    assert last(forking).samples > 0


@forks
def test_no_crash_beside_a_control_that_does_not_crash_is_no_answer(forking: Lab) -> None:
    """Nothing has shown that it could be seen."""
    race = forking.race(object, nothing, nothing, control=(nothing, nothing))

    def both_were_sampled(findings: RaceFindings) -> bool:
        return findings.race.tally.total.samples > 0 and findings.control.tally.total.samples > 0

    caught = ask_in_vain(race, "never", forking.CRASH, both_were_sampled)
    assert "never(lab.CRASH) has no answer" in str(caught.value)
    assert last(forking).control["seen"] == 0
    assert last(forking).control["samples"] > 0


@pytest.mark.parametrize("asked", ["ever", "never"])
def test_crash_cannot_be_seen_in_process(staying: Lab, asked: str) -> None:
    """Nothing is run at all: a crash would take this process with it."""
    race = staying.race(explode, explode, explode, control=(explode, explode))
    with pytest.raises(Inconclusive, match="can be seen only in a child forked for it"):
        getattr(race, asked)(staying.CRASH)
    assert staying.unsettled is not None
    assert last(staying).samples == 0


# --- what is left here


class World:
    """What a race changes for the time of its sampling, and must put back."""

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
    """Have a switch interval that no user would choose, and SIGINT raise KeyboardInterrupt."""
    interval = sys.getswitchinterval()
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.setswitchinterval(0.0123)
    try:
        yield World()
    finally:
        sys.setswitchinterval(interval)
        signal.signal(signal.SIGINT, handler)


def ask_and_answer(lab: Lab) -> None:
    """Have an answer by a witness, and one by absence."""
    assert unlocked(lab).ever(1) is True
    assert locked(lab).never(1) is True


def ask_without_an_answer(lab: Lab) -> None:
    """Have none."""
    ask_in_vain(blind(lab), "never", 1, lambda findings: findings.race.tally.total.samples > 0)


def ask_what_raises(lab: Lab) -> None:
    """Have an error at each place."""
    for place in PLACES:
        with pytest.raises(RaceError):
            race_that_raises(lab, place.format("explode"), explode)()


@pytest.mark.parametrize("use", [ask_and_answer, ask_without_an_answer, ask_what_raises])
def test_world_is_afterwards_as_before(lab: Lab, use: Callable[[Lab], None]) -> None:
    """Switch interval, affinity and threads: whatever came of it, and wherever it ran."""
    with odd_world() as before:
        use(lab)
        assert World() == before


def by_signal(*_: object) -> None:
    """Press Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def by_function(*_: object) -> None:
    """Press Ctrl-C another way."""
    _thread.interrupt_main()


@pytest.mark.parametrize("press", [by_signal, by_function])
@pytest.mark.parametrize("place", ["actor", "setup", "observe", "timer"])
def test_world_is_as_before_after_ctrl_c(staying: Lab, place: str, press: Callable[..., None]) -> None:
    """It ends the race at once, wherever it comes, and is no error of the race's."""
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
            race.never(nobodys)
        thread.join(TIMEOUT_S)
        assert World() == before
    assert pressed == ([1] if place != "timer" else pressed)


def test_world_is_as_before_if_a_thread_cannot_be_started(staying: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without room for one more thread is no reason to leave some behind."""
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


@forks
def test_ctrl_c_leaves_no_child(forking: Lab, tmp_path: Path) -> None:
    """It comes up here while the race runs there."""
    told = tmp_path / "pid"

    def interrupt(state: object) -> None:
        if not told.exists():
            told.write_text(str(os.getpid()))
            os.kill(os.getppid(), signal.SIGINT)

    with odd_world() as before:
        with pytest.raises(KeyboardInterrupt):
            blind_to(forking, interrupt).never(nobodys)
        assert World() == before
    assert is_gone(int(told.read_text()))


def blind_to(lab: Lab, actor: Callable[[Any], object]) -> Race:
    """Return a race of an actor that is never settled."""
    return lab.race(object, nothing, actor, control=(nothing, nothing))


@forks
def test_what_actors_change_in_the_child_is_not_seen_here(forking: Lab) -> None:
    """Only the outcomes come back."""
    seen: list[int] = []

    def put(state: object) -> int:
        seen.append(1)
        return len(seen)

    forking.race(object, put, nothing).ever(lambda outcome: outcome[0] > 0)
    assert seen == []


def test_race_runs_where_the_lab_says(lab: Lab, in_process: bool) -> None:
    """In a child, or here."""
    race = lab.race(object, lambda _: os.getpid(), lambda _: os.getpid())
    here = (os.getpid(), os.getpid())
    assert race.ever(lambda outcome: outcome == here if in_process else outcome != here) is True


def test_race_runs_in_a_thread_as_well(lab: Lab) -> None:
    """The thread that asks need not be the main one."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(unlocked(lab).ever(1)))
    thread.start()
    thread.join(TIMEOUT_S)
    assert answers == [True]


# --- states of all kinds


def numbers() -> Iterator[int]:
    """Yield some numbers."""
    yield from range(4)


async def answers() -> int:
    """Answer."""
    return 42


def run_it(state: Any) -> int:
    """Run a coroutine to its end."""
    try:
        state.send(None)
    except StopIteration as end:
        return int(end.value)
    return -1


# Only one of the actors takes something from it: without a GIL, CPython 3.13 crashes where two do.
@pytest.mark.parametrize(("setup", "actor", "value"), [(numbers, next, 0), (answers, run_it, 42)])
def test_what_has_not_run_is_a_state(lab: Lab, setup: Callable[[], Any], actor: Any, value: int) -> None:
    """Each sample has a generator, or a coroutine, of its own."""
    race = sample_many(lab, setup, actor, first)
    assert set(samples_of(race)) == {(value, "first")}


def test_coroutine_that_is_not_run_warns_of_nothing(staying: Lab, recwarn: pytest.WarningsRecorder) -> None:
    """That is for the actors to decide."""
    assert staying.race(answers, first, second).ever(("first", "second")) is True
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


class Farewell:
    """Says in which thread it goes."""

    def __init__(self, said: list[int]) -> None:
        self.said = said

    def __del__(self) -> None:
        self.said.append(threading.get_ident())


@pytest.mark.skipif(PYPY, reason="PyPy finalizes objects at some later time")
def test_states_end_in_the_thread_that_made_them(staying: Lab) -> None:
    """A finalizer takes no time of the actors."""
    said: list[int] = []
    sample_many(staying, lambda: Farewell(said), nothing, nothing, observe=lambda _: 1)
    assert set(said) == {threading.get_ident()}
