"""The samples of a question: their answers without schedules, in children and in this process, and their failures."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NoReturn

import pytest

from helpers.counters import (
    AWAY,
    Counter,
    blind,
    increment,
    increment_locked,
    increment_slowly,
    increment_slowly_locked,
    is_gone,
    locked,
    lost,
    never_true,
    nothing,
    plain,
    read,
    samples_of,
    threads,
    unlocked,
)
from helpers.race_questions import all_strategies_used, ask_in_vain, last
from helpers.waiting import TIMEOUT_S, wait_until
from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.interpreter import PYPY
from pytest_concclaims.lab.failure import Failed, Failure
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.lab.race.conditions import Conditions
from pytest_concclaims.lab.race.experiment import RaceError, experiment
from pytest_concclaims.lab.race.gates import Channel
from pytest_concclaims.lab.race.position import AtStride, Part
from pytest_concclaims.lab.race.question import CRASH, Portable, portable, question
from pytest_concclaims.lab.race.race import Race
from pytest_concclaims.lab.race.samples import actor_threads, power, sampler
from pytest_concclaims.lab.race.samples.findings import Findings, Side
from pytest_concclaims.lab.race.samples.search import SampleSearch
from pytest_concclaims.lab.race.samples.strategies import Strategy
from pytest_concclaims.lab.race.samples.stride import Stride, clock
from pytest_concclaims.lab.race.samples.tally import Count, Tally

pytestmark = [
    pytest.mark.interpreter,
    pytest.mark.untraced,
    pytest.mark.usefixtures("samples_alone", "settled_at_once"),
]

#: Seconds from an actor's signal that it is about to hang or to raise until it does.
ABOUT_TO = 0.2
#: Seconds for questions that end when enough was seen, which takes long on a busy machine.
LONG_S = 600.0

forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")


# --- witnesses and absences


def test_witness_settles_at_once(lab: Lab, in_process: bool) -> None:
    """The record has the witness, its time and its circumstances."""
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
    """An absence counts after enough overlapping samples, with a control that shows the effect."""
    race = locked(lab)
    assert race.never(lost) is True
    run = last(lab)
    assert (run.question, run.answer, run.seen, run.witness, run.lacking) == ("never", True, 0, None, None)
    assert run.samples >= run.overlapping >= power.OVERLAPPING
    assert run.strides >= power.STRIDES
    assert run.control["matched"] is True
    assert plain(run.control["actors"]) == ["increment_slowly", "increment_slowly"]
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


def test_actors_that_take_no_time_meet_as_well(in_process: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waits in the actors, updates are lost without a lock and never with one; that takes more samples."""
    if PYPY and in_process:
        pytest.skip("compiled code hands the GIL over at the ends of loops only, and the compiler is left alone here")
    lab = Lab(budget=LONG_S, in_process=in_process)
    assert lab.race(Counter, increment, increment, observe=read).ever(lost) is True
    for number, enough in {"OVERLAPPING": 20, "PLENTY": 20, "STRIDES": 3, "SEEN": 2, "RARER": 0}.items():
        monkeypatch.setattr(power, number, enough)
    race = lab.race(Counter, increment_locked, increment_locked, observe=read, control=(increment, increment))
    assert race.never(lost) is True
    assert last(lab).overlapping >= 20
    assert last(lab).control["seen"] >= 2


def test_figures_of_outcomes_and_strategies_add_up(lab: Lab) -> None:
    """Each sample is recorded with its outcome and its strategy."""
    race = unlocked(lab)
    race.ever(lost)
    run = last(lab)
    assert (plain(run.actors), run.rounds) == (["increment_slowly", "increment_slowly"], 1)
    assert {"1"} <= {entry["outcome"] for entry in run.outcomes} <= {"1", "2"}
    assert sum(entry["samples"] for entry in run.outcomes) == run.samples
    assert sum(entry["overlapping"] for entry in run.outcomes) == run.overlapping
    assert sum(entry["samples"] for entry in run.strategies) == run.samples
    assert run.other_outcomes == 0
    assert samples_of(race) == {int(entry["outcome"]): entry["samples"] for entry in run.outcomes}


def control_was_seen(findings: Findings) -> bool:
    """Return whether the generic control has shown a lost update in overlapping samples."""
    return findings.control.tally.outcomes.get(portable(True), Count()).overlapping > 0


@pytest.mark.usefixtures("interpreted")
def test_race_without_a_control_of_its_own_has_a_generic_one(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows its effect, whatever the actors do."""
    monkeypatch.setattr(power, "RARER_THAN_GENERIC", 10**9)  # so that a fast machine does not settle it, either
    race = lab.race(Counter, increment_locked, increment_locked, observe=read)
    ask_in_vain(race, "never", 1, control_was_seen)
    control = last(lab).control
    assert control["seen"] > 0
    assert control["matched"] is False
    assert "increment_locked" not in str(control["actors"])
    assert control["seen"] <= control["overlapping"] <= control["samples"]


def sample_many(lab: Lab, setup: Callable[[], Any], *actors: Callable[[Any], object], **options: Any) -> Race:
    """Return a race that was sampled until all strategies were used.

    It is its own control, so nothing settles it before.
    """
    race = lab.race(setup, *actors, control=actors, **options)
    ask_in_vain(race, "never", never_true, all_strategies_used)
    assert all(use["samples"] for use in last(lab).strategies)
    return race


def test_each_actor_runs_once_for_each_sample_on_a_fresh_state(lab: Lab) -> None:
    """No effect of an earlier sample is left."""

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
    """It is not the thread that asks."""

    def whoami(state: object) -> int:
        return threading.get_ident()

    here = threading.get_ident()
    race = sample_many(lab, object, whoami, whoami, whoami)
    assert {len({*idents, here}) for idents in samples_of(race)} == {4}


def test_rounds(lab: Lab) -> None:
    """Each actor is called that many times in each sample; its value is that of the last call."""

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
    """Return how often this function was called with the list."""
    calls.append(None)
    return len(calls)


# --- several questions


def test_each_question_has_samples_of_its_own(lab: Lab) -> None:
    """Neither outcomes nor a witness are kept for the next question."""
    turn = 1
    control = (increment_slowly_locked, increment_slowly_locked)  # shows nothing, so that nothing else is settled
    race = locked(lab, observe=lambda _: turn, control=control)
    assert race.ever(1) is True
    assert samples_of(race).keys() == {1}
    turn = 2
    ask_in_vain(race, "ever", 1, lambda findings: portable(2) in findings.race.tally.outcomes)
    run = last(lab)
    assert (run.answer, run.seen, run.witness) == (None, 0, None)
    assert samples_of(race) == {2: run.samples}


def test_control_is_sampled_though_the_race_never_overlaps(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, actors may not overlap; both sides have turns all the same."""
    monkeypatch.setattr(Stride, "_overlaps", lambda stride: bytes(len(stride.states)))
    ask_in_vain(locked(lab), "never", lost, lambda findings: findings.control.tally.turns > 1)
    assert (last(lab).overlapping, last(lab).control["overlapping"]) == (0, 0)


@forks
def test_control_spoils_nothing(forking: Lab) -> None:
    """Side effects of the control are not seen by the race, or the other way round."""
    spoilt: list[str] = []

    def spoil(counter: Counter) -> None:
        spoilt.append("by the control")
        increment_slowly(counter)

    def increment_unless_spoilt(counter: Counter) -> None:
        if "by the control" in spoilt:
            counter.value = -10
        spoilt.append("by the race")
        increment_slowly_locked(counter)

    def observe(counter: Counter) -> int:
        return -1 if len({*spoilt}) > 1 else counter.value

    actors = (increment_unless_spoilt, increment_unless_spoilt)
    race = forking.race(Counter, *actors, observe=observe, control=(spoil, spoil))
    assert race.never(1) is True
    assert samples_of(race).keys() == {2}
    assert last(forking).control["seen"] > 0
    assert spoilt == []


# --- no answer without power


def test_control_that_cannot_be_seen_leaves_no_answer(lab: Lab) -> None:
    """The experiment could not show the effect, however many samples there are."""
    race = blind(lab)

    def could_have_been_seen(findings: Findings) -> bool:
        tally = findings.race.tally
        return tally.total.overlapping >= power.OVERLAPPING and tally.strides >= power.STRIDES

    caught = ask_in_vain(race, "never", lost, could_have_been_seen)
    run = last(lab)
    assert run.overlapping >= power.OVERLAPPING
    assert run.strides >= power.STRIDES
    assert (run.answer, run.seen, run.bound) == (None, 0, None)
    assert run.control["seen"] == 0
    assert run.lacking is not None
    assert (
        f"the control showed the effect in none of {run.control['overlapping']:,} overlapping samples" in run.lacking
    )
    assert run.lacking in str(caught.value)
    assert str(caught.value).startswith("never(lost) has no answer: ")
    assert isinstance(lab.unsettled, Inconclusive)


@pytest.mark.parametrize("asked", ["ever", "never", "always"])
def test_no_answer_without_samples(lab: Lab, asked: str) -> None:
    """If the budget is spent before anything runs, no question has an answer, and the claim is unsettled."""
    race = locked(lab, budget=1e-9)
    with pytest.raises(Inconclusive, match=rf"{asked}\(2\) has no answer: .*overlapping samples needed"):
        getattr(race, asked)(2)
    assert (last(lab).samples, last(lab).answer) == (0, None)
    assert last(lab).lacking is not None
    assert f"0 of the {power.OVERLAPPING:,}" in str(last(lab).lacking)
    assert lab.unsettled is not None


def test_samples_stop_when_the_budget_is_spent(lab: Lab) -> None:
    """The race's own budget applies instead of the lab's."""
    with pytest.raises(Inconclusive):
        blind(lab, budget=0.05).never(lost)
    assert last(lab).budget == 0.05


# --- outcomes of many samples


def test_many_outcomes_are_cut_in_the_record_only(lab: Lab) -> None:
    """The record has the most frequent ones and the number of the others."""
    race = sample_many(lab, lambda: random.randrange(50), nothing, nothing, observe=lambda number: number)
    ask_in_vain(race, "never", never_true, lambda findings: len(findings.race.tally.outcomes) > 20)
    shown = len(last(lab).outcomes)
    assert shown < len(samples_of(race)) == shown + last(lab).other_outcomes
    counts = [count for _, count in race.outcomes]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == last(lab).samples


def test_actor_that_raises_after_a_while_is_found(lab: Lab) -> None:
    """An exception that is not an outcome ends the question."""
    numbers = iter(range(10**9))

    def fail_at_100(state: int) -> None:
        if state >= 100:
            raise LookupError("the hundredth")

    race = lab.race(lambda: next(numbers), nothing, fail_at_100, control=(nothing, nothing), exceptions=OSError)
    with pytest.raises(RaceError, match=r"actor fail_at_100 raised LookupError: the hundredth"):
        race.never(never_true)


# --- actors that hang or wait


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return an event that an actor sets when it is about to hang; soon after that, the timeout passes."""
    event = threading.Event()

    class Outbox(Channel[Any]):
        def get(self, timeout: float = -1) -> Any:
            while timeout >= 0 and not event.is_set():
                with suppress(Empty):
                    return super().get(0.01)
            return super().get(timeout if timeout < 0 else ABOUT_TO)

    monkeypatch.setattr(actor_threads, "Channel", Outbox)
    return event


def test_actor_that_raises_is_named_though_another_waits_for_it(lab: Lab, stuck: threading.Event) -> None:
    """The error names the actor that failed, and not the one that waits for it."""
    gates: list[threading.Event] = []

    def explode(state: object) -> NoReturn:
        stuck.set()
        raise LookupError("no such account")

    def wait(state: threading.Event) -> None:
        gates.append(state)
        state.wait()

    try:
        with pytest.raises(RaceError) as caught:
            lab.race(threading.Event, wait, explode, deadline=1.0).ever(never_true)
    finally:
        for gate in gates:
            gate.set()
    assert str(caught.value).startswith("lab.race: actor explode raised LookupError: no such account")
    assert "in explode\n" in str(caught.value)


def release(locks: list[Any], before: set[threading.Thread]) -> None:
    """Release actors that hang in this process until all threads have ended."""

    def released() -> bool:
        for lock in locks:
            with suppress(RuntimeError):  # it is not taken
                lock.release()
        return threads() <= before

    wait_until(released)


def test_actor_that_deadlocks_is_named_with_its_stack(lab: Lab, tmp_path: Path, stuck: threading.Event) -> None:
    """A child is gone afterwards."""
    held: list[Any] = []
    pid_file = tmp_path / "pid"

    def get_stuck(lock: Any) -> None:
        held.append(lock)
        pid_file.write_text(str(os.getpid()))
        lock.acquire()
        stuck.set()
        lock.acquire()

    race = lab.race(threading.Lock, nothing, get_stuck, deadline=1.0)
    before = threads()
    try:
        with pytest.raises(RaceError) as caught:
            race.ever(never_true)
    finally:
        release(held, before)
    text = str(caught.value)
    assert "actor get_stuck did not return within 1 s" in text.splitlines()[0]
    assert "in get_stuck\n    lock.acquire()" in text
    failure = last(lab).failure
    assert failure is not None
    assert failure["kind"] == "hang"
    assert "in get_stuck\n" in failure["details"]
    if not last(lab).in_process:
        assert is_gone(int(pid_file.read_text()))
        assert threads() <= before


@forks
def test_control_that_hangs_is_named_as_such(forking: Lab, stuck: threading.Event) -> None:
    """The error does not name the race's actor."""

    def good(state: object) -> None:
        stuck.set()
        threading.Event().wait()

    with pytest.raises(RaceError) as caught:
        forking.race(object, nothing, nothing, control=(nothing, good), deadline=1.0).ever(never_true)
    text = str(caught.value)
    assert text.startswith(
        "lab.race: the control's actor good did not return within 1 s\nthe control's actor good:\n"
    )
    assert "in good\n" in text


def test_actors_that_deadlock_each_other_are_both_named(lab: Lab, stuck: threading.Event) -> None:
    """They acquire two locks in opposite order; the error has both stacks."""
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
            lab.race(lambda: (threading.Lock(), threading.Lock()), one, other, deadline=1.0).ever(never_true)
    finally:
        meeting.abort()
        release(held, before)
    assert "actor one and actor other did not return" in str(caught.value)
    assert "in one\n" in str(caught.value)
    assert "in other\n" in str(caught.value)


class Tables:
    """Two queues between actors."""

    def __init__(self) -> None:
        self.there: SimpleQueue[int] = SimpleQueue()
        self.back: SimpleQueue[int] = SimpleQueue()


def call(tables: Tables) -> int:
    """Send an item and wait for the answer."""
    tables.there.put(1)
    return tables.back.get()


def answer(tables: Tables) -> int:
    """Wait for an item and answer."""
    number = tables.there.get()
    tables.back.put(number + 1)
    return number


def send(tables: Tables) -> int:
    """Send an item."""
    tables.there.put(1)
    return 0


def receive(tables: Tables) -> int:
    """Wait for an item."""
    return tables.there.get()


def meet_up(barrier: threading.Barrier) -> bool:
    """Wait for all actors."""
    return barrier.wait() >= 0


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
    """All actors run each sample that one runs, also when the time of the stride or the budget is up."""
    race = sample_many(lab, setup, *actors, deadline=20.0)
    assert len(samples_of(race)) == 1

    def all_strategies_were_tried(findings: Findings) -> bool:
        return findings.race.tally.turns > len(findings.strategies) and findings.race.tally.total.samples > 0

    monkeypatch.setattr(sampler, "PART_TIMEOUT_S", 0.001)  # the time of most strides is up in their middle
    race = lab.race(setup, *actors, control=actors, deadline=20.0)
    ask_in_vain(race, "never", never_true, all_strategies_were_tried)
    assert len(samples_of(race)) == 1


# --- crashes


def fall_at_1000(number: int) -> None:
    """Crash after 1,000 samples."""
    if number >= 1000:
        signal.raise_signal(signal.SIGSEGV)


def count_up() -> Callable[[], int]:
    """Return a function that counts from 0."""
    numbers = iter(range(10**9))
    return lambda: next(numbers)


@forks
@pytest.mark.parametrize("control", [None, (nothing, nothing)])
def test_crash_that_was_asked_for_is_an_outcome(forking: Lab, control: Any) -> None:
    """It is a witness, after a number of samples."""
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
    """The next question has samples of its own."""
    fragile: list[int] = []

    def maybe_fall(counter: Counter) -> None:
        if fragile:
            signal.raise_signal(signal.SIGSEGV)
        increment_slowly_locked(counter)

    control = (increment_slowly, increment_slowly)
    race = forking.race(Counter, increment_slowly_locked, maybe_fall, observe=read, control=control)
    assert race.never(1) is True
    fragile.append(1)
    assert race.ever(forking.CRASH) is True


@forks
def test_no_crash_beside_a_control_that_crashes(forking: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control runs and crashes in children of its own."""
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
    assert run.overlapping >= power.OVERLAPPING


@forks
def test_no_crash_without_a_control_is_no_answer(forking: Lab) -> None:
    """There is no generic control that crashes."""
    race = forking.race(object, nothing, nothing)
    caught = ask_in_vain(race, "never", forking.CRASH, lambda findings: findings.race.tally.total.samples > 0)
    assert "a crash has no generic control" in str(caught.value)
    assert forking.unsettled is not None
    assert last(forking).answer is None
    assert last(forking).samples > 0


@forks
def test_no_crash_beside_a_control_that_does_not_crash_is_no_answer(forking: Lab) -> None:
    """The control does not show that a crash could be seen."""
    race = forking.race(object, nothing, nothing, control=(nothing, nothing))

    def both_were_sampled(findings: Findings) -> bool:
        return findings.race.tally.total.samples > 0 and findings.control.tally.total.samples > 0

    caught = ask_in_vain(race, "never", forking.CRASH, both_were_sampled)
    assert "never(lab.CRASH) has no answer" in str(caught.value)
    assert last(forking).control["seen"] == 0
    assert last(forking).control["samples"] > 0


@pytest.mark.parametrize(
    ("of_control", "overlapping", "lost", "lost_overlapping"),
    [(False, 6, 4, 3), (True, 6, 11, 10), (False, 3, 4, 0), (False, 2, 4, 0)],
    ids=["race", "control", "no more overlapping", "fewer overlapping"],
)
def test_samples_of_a_child_that_crashed_are_counted(
    of_control: bool, overlapping: int, lost: int, lost_overlapping: int
) -> None:
    """All samples of the control in the last stride count, so that its crash rate is not overestimated."""
    made = experiment(object, (nothing, nothing), observe=None, rounds=1, control=(nothing, nothing), exceptions=())
    search = SampleSearch(made, Conditions(budget=1.0, timeout=1.0))
    search.begin()
    search.findings.crash_parts = (Part.ACTORS,)
    side = search.findings.control if of_control else search.findings.race
    side.tally.count(portable("before"), 3, 5)
    at = AtStride(0, length=8, samples=9, overlapping=overlapping)
    search._count_end(side, at, Part.ACTORS, Failure("crash", "SIGSEGV", ""), 0.5)
    assert side.tally.outcomes == {
        portable("before"): Count(5, 3),
        Portable("lost when the process ended"): Count(lost, lost_overlapping),
        portable(CRASH): Count(1, 1),
    }
    assert (side.tally.seen, side.tally.turns, side.tally.strides) == (Count(1, 1), 1, 1)
    assert side.tally.witness is not None
    assert (side.tally.witness.outcome, side.tally.witness.sample) == ("lab.CRASH", 5 + lost + 1)


def test_control_that_is_to_crash_begins_with_a_short_stride(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does so in each child, because all samples of a long stride would count as samples without a crash."""
    made = experiment(object, (nothing, nothing), observe=None, rounds=1, control=(nothing, nothing), exceptions=())
    search = SampleSearch(made, Conditions(budget=1.0, timeout=1.0))
    lengths: dict[str, list[int]] = {"race": [], "control": []}

    def take_turn(search: SampleSearch, side: Side, *_: object) -> None:
        lengths["race" if side is search.findings.race else "control"].append(side.length(Strategy.LEAPFROG))
        side.tally.turns += 1
        side.tally.total.add(9, 9)
        side.lengths[Strategy.LEAPFROG] = 4096
        search.findings.race.tally.seen.samples = int(len(lengths["control"]) == 3)  # that settles it

    monkeypatch.setattr(SampleSearch, "_take_turn", take_turn)
    search.begin()
    search.ask(question("ever", [CRASH], ()), made, clock(), clock() + TIMEOUT_S)
    assert lengths["control"] == [1, 1, 1]
    assert lengths["race"]


@pytest.mark.parametrize(
    ("about", "kind", "part"),
    [(1, "crash", Part.ACTORS), (CRASH, "ended", Part.ACTORS), (CRASH, "crash", Part.SETUP)],
    ids=["not sought", "no crash", "no actor's"],
)
def test_other_ends_of_a_child_are_failures(about: Any, kind: Any, part: Part) -> None:
    """No sample is counted."""
    made = experiment(object, (nothing, nothing), observe=object, rounds=1, control=None, exceptions=())
    search = SampleSearch(made, Conditions(budget=1.0, timeout=1.0))
    search.begin()
    search.findings.crash_parts = (Part.ACTORS,) if about is CRASH else ()
    with pytest.raises(Failed, match="its end"):
        search._count_end(search.findings.race, AtStride(0, 8, 9, 6), part, Failure(kind, "its end", ""), 0.5)
    assert search.findings.race.tally == Tally()


class Farewell:
    """Records the thread in which it is finalized."""

    def __init__(self, said: list[int]) -> None:
        self.said = said

    def __del__(self) -> None:
        self.said.append(threading.get_ident())


@pytest.mark.skipif(PYPY, reason="PyPy finalizes objects at some later time")
def test_states_end_in_the_thread_that_made_them(staying: Lab) -> None:
    """Finalizers do not run in an actor's thread."""
    said: list[int] = []
    sample_many(staying, lambda: Farewell(said), nothing, nothing, observe=lambda _: 1)
    assert set(said) == {threading.get_ident()}
