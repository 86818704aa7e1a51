"""The search among the schedules of a race in child processes: what answers rest on, witnesses, and failures."""

from __future__ import annotations

import queue
import signal
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.lab.race.conditions import Conditions
from pytest_concclaims.lab.race.experiment import experiment
from pytest_concclaims.lab.race.question import CRASH, DEADLOCK, OutcomeQuestion, portable, question
from pytest_concclaims.lab.race.schedules.explorer import Explored, Witness
from pytest_concclaims.lab.race.schedules.once import ONCE
from pytest_concclaims.lab.race.schedules.search import ScheduleSearch, with_fresh_processes
from pytest_concclaims.lab.race.schedules.searched import Searched
from pytest_concclaims.lab.race.schedules.side import EndedBySchedule, Side

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced, pytest.mark.starts]

forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")


def searched(
    about: Any,
    setup: Callable[[], Any],
    *actors: Callable[[Any], object],
    observe: Callable[[Any], Hashable] | None = None,
    asked: str = "ever",
    in_process: bool = False,
    timeout: float = TIMEOUT_S,
    control: tuple[Callable[[Any], object], ...] = (),
) -> Searched:
    """Return what schedules show for a question."""
    made = experiment(setup, actors, observe=observe, rounds=1, control=control or actors, exceptions=())
    conditions = Conditions(budget=20.0, timeout=timeout, no_child=in_process)
    search = ScheduleSearch(made, conditions)
    asks: OutcomeQuestion = question(asked, [about], (), values=None if observe else len(actors))
    return search.ask(asks)


class Account:
    """Two locks, and a balance."""

    def __init__(self) -> None:
        self.balance = 0
        self.first = threading.Lock()
        self.second = threading.Lock()


def deposit(account: Account) -> None:
    """Read and write; each interpreter has a switch point in between."""
    seen = account.balance
    sorted([1])
    account.balance = increased(seen)


def increased(number: int) -> int:
    """Return the next number."""
    return number + 1


def balance(account: Account) -> int:
    """Return the balance."""
    return account.balance


def one_way(account: Account) -> None:
    """Take both locks."""
    with account.first:
        increased(0)
        with account.second:
            increased(0)


def other_way(account: Account) -> None:
    """Take both locks in the other order."""
    with account.second:
        increased(0)
        with account.first:
            increased(0)


@forks
@pytest.mark.parametrize("in_process", [False, True], ids=["child", "in-process"])
def test_witness_has_its_schedule_and_its_story(in_process: bool) -> None:
    """An update is lost if an actor is preempted between reading and writing."""
    found = searched(1, Account, deposit, deposit, observe=balance, in_process=in_process)
    assert found.witness is not None
    assert (found.witness.outcome, found.witness.preemptions) == ("1", 1)
    assert found.lacking() is None
    assert {step.actor for step in found.witness.steps} == {0, 1}
    assert "preempted" in [step.event for step in found.witness.steps]
    assert any("account.balance = increased(seen)" in step.text for step in found.witness.steps)


@forks
def test_never_rests_on_two_preemptions_and_the_control() -> None:
    """All schedules that exist suffice, too."""
    found = searched(3, list, lambda box: box.append(1), lambda box: box.append(2), observe=len)
    assert found.witness is None
    assert found.lacking() is None
    assert found.race.is_enough
    assert found.race.outcomes == {portable(2): found.race.run}


@forks
def test_deadlock_is_an_outcome_with_a_story() -> None:
    """The story says where each actor waits."""
    found = searched(DEADLOCK, Account, one_way, other_way)
    assert found.witness is not None
    assert found.witness.outcome == "lab.DEADLOCK"
    last = {step.actor: step for step in found.witness.steps}
    assert {step.event for step in last.values()} == {"blocked"}
    assert {"with account.first:", "with account.second:"} == {step.text for step in last.values()}


@forks
def test_deadlock_that_is_not_asked_about_ends_the_race_with_its_story() -> None:
    """It is an error of the claim."""
    with pytest.raises(EndedBySchedule, match="waited for each other") as caught:
        searched((1, 2), Account, one_way, other_way, asked="never")
    assert caught.value.failure.kind == "deadlock"
    assert {step.actor for step in caught.value.witness.steps} == {0, 1}
    assert caught.value.witness.schedule


def fall(account: Account) -> None:
    """Crash instead of losing an update."""
    seen = account.balance
    increased(seen)
    if account.balance != seen:
        signal.raise_signal(signal.SIGSEGV)
    account.balance = seen + 1


@forks
def test_crash_is_an_outcome_with_a_story() -> None:
    """The schedule outlives the process."""
    found = searched(CRASH, Account, fall, fall)
    assert found.witness is not None
    assert (found.witness.outcome, found.witness.preemptions) == ("lab.CRASH", 1)
    assert "signal.raise_signal(signal.SIGSEGV)" in [step.text for step in found.witness.steps]


@forks
def test_crash_that_is_not_asked_about_ends_the_race_with_its_story() -> None:
    """The failure names the signal and the part of the run."""
    with pytest.raises(EndedBySchedule, match="ended by SIGSEGV while the race ran") as caught:
        searched((1, 2), Account, fall, fall)
    assert caught.value.witness.schedule
    assert "signal.raise_signal(signal.SIGSEGV)" in [step.text for step in caught.value.witness.steps]


@forks
@pytest.mark.parametrize("in_process", [False, True], ids=["child", "in-process"])
def test_exception_that_is_not_an_outcome_ends_the_race(in_process: bool) -> None:
    """The failure names the actor and the exception."""

    def fail(_: object) -> None:
        raise LookupError("no such account")

    with pytest.raises(EndedBySchedule, match=r"actor .*fail raised LookupError: no such account") as caught:
        searched((1, 2), list, fail, len, in_process=in_process)
    assert caught.value.witness.schedule == ()


@forks
def test_control_that_hangs_is_named_as_such() -> None:
    """The race may have an actor of the same name."""

    def good(_: object) -> None:
        threading.Event().wait(TIMEOUT_S)

    with pytest.raises(EndedBySchedule) as caught:
        searched(3, list, len, len, observe=len, control=(len, good), timeout=0.2)
    failure = caught.value.failure
    assert (failure.kind, failure.text) == ("hang", "the control's actor good did not return within 0.2 s")
    assert failure.details.startswith("the control's actor good:\n")


@forks
def test_what_happens_once_in_a_process_is_searched_in_fresh_ones() -> None:
    """In fresh processes, a lazy singleton is made twice."""
    made: list[object] = []

    def get(_: object) -> None:
        if not made:
            made_now = increased(0)
            sorted([made_now])
            made.append(made_now)

    found = searched(2, list, get, get, observe=lambda _: len(made))
    assert found.race.once
    assert found.race.seen
    assert found.witness is not None
    assert any("had a process each" in remark for remark in found.race.remarks)
    assert not made


@forks
def test_what_a_first_run_changes_is_said_beside_a_witness() -> None:
    """A control that shows the effect may do so because of it."""
    kept: dict[str, int] = {}

    def keep(account: Account) -> None:
        kept.setdefault("value", 1)
        deposit(account)

    made = experiment(Account, (keep, keep), observe=balance, rounds=1, control=None, exceptions=())
    side = Side(Conditions(budget=20.0, timeout=TIMEOUT_S), made.race, question("ever", [1], ()), portable=False)
    explored = side.explored(TIMEOUT_S)
    assert explored.witness is not None
    assert explored.once == f"{ONCE} (to a dict)"


class Items:
    """Items of a queue up to None, and a number."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.items: Iterator[None] = iter(self.queue.get, None)
        self.number = 0
        self.begun = False


def in_a_loop(items: Items) -> int:
    """Wait for the end of the items in a loop; return the number."""
    items.begun = True
    for _ in items.items:
        pass
    return items.number


def in_a_handler(items: Items) -> int:
    """Wait in a call that then raises; return the number in the exception's handler."""
    items.begun = True
    while True:
        try:
            next(items.items)
        except StopIteration:  # noqa: PERF203  (the test is about such a loop)
            return items.number


def end_and_count(items: Items) -> tuple[bool, bool]:
    """End the items, then count to 2; return whether the other actor had begun before and after a switch point."""
    before = items.begun
    increased(0)
    after = items.begun
    items.queue.put(None)
    increased(0)
    items.number = 1
    increased(0)
    items.number = 2
    return before, after


@forks
@pytest.mark.parametrize("wait", [in_a_loop, in_a_handler])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_actor_that_wakes_up_may_go_on_late(wait: Callable[[Items], int], number: int) -> None:
    """Wherever it is, the other actor may go on first, also in a schedule that is not recorded."""
    found = searched((number, (False, True)), Items, wait, end_and_count)
    assert found.witness is not None
    assert found.witness.steps


@forks
def test_effect_that_builds_up_from_run_to_run_is_not_that_of_the_control() -> None:
    """Nor of portable schedules: both get a process for each schedule then."""
    lock, number = threading.Lock(), [0]

    def add_with_the_lock(_: object) -> None:
        with lock:
            number[0] = increased(number[0])

    actors = (add_with_the_lock, add_with_the_lock)
    found = searched(2, list, *actors, observe=lambda _: number[0], asked="always", control=actors)
    assert (found.race.seen, found.control and found.control.seen) == (0, 0)
    assert not (found.anywhere and found.anywhere.seen)


@forks
def test_threads_that_actors_start_are_remarked() -> None:
    """Schedules do not switch them."""

    def start(_: object) -> None:
        thread = threading.Thread(target=increased, args=(1,))
        thread.start()
        thread.join()

    found = searched((None, 0), list, start, len)  # the first schedule is a witness
    assert found.race.remarks == ("threads that setup or actors start are not scheduled",)


# --- what an answer rests on


def explored(**what: Any) -> Explored:
    """Return schedules with at most two preemptions that show nothing."""
    plain: dict[str, Any] = {"points": (9, 9), "run": 400, "preemptions": 2, "further": 1000, "outcomes": Counter()}
    return Explored(**{**plain, **what})


WITNESS = Witness(((2, 1),), "1", 7, 1, 0.1)


@pytest.mark.parametrize(
    ("race", "control", "lacking"),
    [
        (explored(), explored(seen=3), None),
        (explored(), explored(exhausted=True), None),
        (explored(exhausted=True, preemptions=1), None, None),
        (explored(witness=WITNESS), None, None),
        (explored(), explored(), "its control did not show the effect in 400 schedules"),
        (explored(preemptions=1), None, "of those with at most 2 preemptions, only those"),
        (explored(preemptions=None), None, "of those with at most 2 preemptions, none were run"),
        (explored(unrepeatable=3), None, "3 schedules of 400 did not repeat"),
        (explored(doubt="threads are not scheduled"), explored(seen=3), "threads are not scheduled"),
    ],
)
def test_never_says_what_it_lacks(race: Explored, control: Explored | None, lacking: str | None) -> None:
    """It lacks nothing if all that is needed was run."""
    found = Searched(False, race, control).lacking()
    assert found is None if lacking is None else lacking in (found or "")


@pytest.mark.parametrize(
    ("race", "afresh", "run", "doubt"),
    [
        (explored(), None, 400, ONCE),
        (explored(), explored(run=9, preemptions=1), 400, None),
        (explored(), explored(run=9, preemptions=0), 400, ONCE),
        (explored(preemptions=1), explored(run=9, preemptions=1), 400, ONCE),
        (explored(preemptions=1), explored(run=9, preemptions=1, exhausted=True), 9, None),
        (explored(leaks=True), explored(run=9, preemptions=1), 9, ONCE),
        (explored(), explored(run=9, witness=WITNESS), 9, None),
        (explored(doubt="threads"), explored(run=9, exhausted=True), 9, "threads"),
    ],
)
def test_what_happens_once_in_a_process_takes_fresh_ones(
    race: Explored, afresh: Explored | None, run: int, doubt: str | None
) -> None:
    """The answer then rests on these schedules, or has this doubt."""
    found = with_fresh_processes(replace(race, once=ONCE), afresh)
    assert found.run == run
    assert found.leaks is race.leaks
    assert found.doubt is None if doubt is None else doubt in (found.doubt or "")


def test_outcomes_in_fresh_processes_count() -> None:
    """Schedules in one process may show others, unless they show what no race does."""
    cached, made = Counter({portable("cached"): 400}), Counter({portable("made"): 9})
    race, afresh = explored(outcomes=cached, once=ONCE), explored(outcomes=made, run=9, preemptions=1)
    assert with_fresh_processes(race, afresh).outcomes == cached + made
    assert with_fresh_processes(replace(race, leaks=True), afresh).outcomes == made


def test_search_without_schedules_says_why() -> None:
    """For example that all tools of sys.monitoring are in use."""
    assert Searched(False, Explored(doubt="all tool ids are in use")).lacking() == "all tool ids are in use"
