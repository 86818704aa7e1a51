"""Races of processes: by schedules and by samples, with shared and separate memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims import PYPY, Lab, RaceError, gil_enabled
from pytest_concclaims.lab.processes.forked import CAN_FORK, run_forked
from pytest_concclaims.lab.race.conditions import Conditions
from pytest_concclaims.lab.race.experiment import RaceExperiment, experiment
from pytest_concclaims.lab.race.isolation import Snapshots
from pytest_concclaims.lab.race.question import OutcomeQuestion, question
from pytest_concclaims.lab.race.samples.processes import meet_in_processes
from pytest_concclaims.lab.race.samples.stride import Stride, clock
from pytest_concclaims.lab.race.schedules import processes
from pytest_concclaims.lab.race.schedules.processes import ProcessActors, ProcessScheduler
from pytest_concclaims.lab.race.schedules.runs import Runs
from pytest_concclaims.lab.race.schedules.scheduler import Scheduler
from pytest_concclaims.lab.race.schedules.search import ScheduleSearch
from pytest_concclaims.lab.race.schedules.searched import Searched
from pytest_concclaims.lab.race.schedules.waiting import Wait

pytestmark = [
    pytest.mark.untraced,
    pytest.mark.skipif(not CAN_FORK, reason="no os.fork here"),
]

BUDGET_S = 30.0


class Account:
    """A balance that processes share, and two locks."""

    def __init__(self) -> None:
        self.balance: Any = multiprocessing.RawValue("i", 0)
        self.first = multiprocessing.Lock()
        self.second = multiprocessing.Lock()


def deposit(account: Account) -> None:
    """Read, add, and write."""
    account.balance.value += 1


def deposit_locked(account: Account) -> None:
    """Do the same under a lock; its methods are C code with few switch points."""
    account.first.acquire()
    account.balance.value += 1
    account.first.release()


def one_way(account: Account) -> None:
    """Acquire both locks."""
    with account.first, account.second:
        pass


def other_way(account: Account) -> None:
    """Acquire them in the opposite order."""
    with account.second, account.first:
        pass


def balance(account: Account) -> int:
    """Return the balance."""
    return int(account.balance.value)


def raw_array() -> Any:
    """Return two numbers that processes share."""
    return multiprocessing.RawArray("i", 2)


def nothing(_: Any) -> None:
    """Do nothing."""


def race_of(setup: Callable[[], Any], *actors: Callable[[Any], object], **keywords: Any) -> RaceExperiment:
    """Return a race of processes that is its own control."""
    keywords = {"observe": None, "rounds": 1, "exceptions": (), "control": actors, **keywords}
    return experiment(setup, actors, kind="process", **keywords)


def searched(asks: OutcomeQuestion, made: RaceExperiment, budget: float = BUDGET_S) -> Searched:
    """Return the result of the schedules for a question."""
    return ScheduleSearch(made, Conditions(budget, TIMEOUT_S)).ask(asks)


# --- schedules


@pytest.mark.interpreter
@pytest.mark.starts
def test_update_of_a_shared_number_is_lost() -> None:
    """The story of the witness has the steps of both processes."""
    asks = question("ever", [1], (), values=None)
    found = searched(asks, race_of(Account, deposit, deposit, observe=balance))
    assert found.witness is not None
    assert found.witness.outcome == "1"
    assert {step.actor for step in found.witness.steps} == {0, 1}
    assert "preempted" in [step.event for step in found.witness.steps]
    assert any("account.balance.value += 1" in step.text for step in found.witness.steps)


@pytest.mark.interpreter
def test_none_is_lost_under_a_lock() -> None:
    """All schedules with two preemptions show that; the control loses some."""
    asks = question("never", [1], (), values=None)
    made = race_of(Account, deposit_locked, deposit_locked, observe=balance, control=(deposit, deposit))
    found = searched(asks, made)
    assert found.lacking() is None
    assert found.race is not None
    assert found.race.is_enough
    assert found.control is not None
    assert found.control.seen


@pytest.mark.starts
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="looks for semaphores where Linux has them")
def test_no_named_semaphore_is_left(tmp_path: Path) -> None:
    """For a start method other than fork, a semaphore has a name until its finalizer has run."""
    names = tmp_path / "names"

    def setup() -> Any:
        lock = multiprocessing.get_context("spawn").Lock()
        with names.open("a") as file:
            file.write(f"{lock._semlock.name}\n")  # type: ignore[attr-defined]  # only there is its name
        return lock

    def act(lock: Any) -> bool:
        return bool(lock.acquire(block=False))

    assert Lab(budget=BUDGET_S).race(setup, act, act, kind="process").ever((True, False))
    made = [Path("/dev/shm", f"sem.{name[1:]}") for name in names.read_text().split()]
    assert made
    assert [semaphore for semaphore in made if semaphore.exists()] == []


def test_objects_are_copied() -> None:
    """Changes of a list in other processes are not seen in this one."""
    asks = question("always", [0], (), values=None)
    found = searched(asks, race_of(list, lambda box: box.append(1), lambda box: box.append(2), observe=len))
    assert found.lacking() is None


@pytest.mark.interpreter
@pytest.mark.starts
def test_deadlock_has_a_story_that_says_where_each_process_waits() -> None:
    """It has no process that was ended."""
    found = searched(question("ever", [Lab.DEADLOCK], (), values=None), race_of(Account, one_way, other_way))
    assert found.witness is not None
    assert found.witness.outcome == "lab.DEADLOCK"
    assert [step.event for step in found.witness.steps if step.event not in (None, "goes on", "folded")][-2:] == [
        "blocked"
    ] * 2


def test_waits_that_change_are_no_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadlock requires that all processes stay in the same waits."""
    now, waits = [0.0], [{1: _wait(b"1")}, {1: _wait(b"2")}, {1: _wait(b"2")}, {1: _wait(b"2")}]
    scheduler = ProcessScheduler([], gil=gil_enabled(), timeout=TIMEOUT_S)

    def all_wait(_: Scheduler) -> bool:
        now[0] += 0.2
        scheduler._last_waits = dict(waits.pop(0))
        return True

    monkeypatch.setattr(Scheduler, "_none_can_wake_up", all_wait)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert [scheduler._is_deadlock() for _ in range(4)] == [False, False, False, True]


def _wait(ran: bytes) -> Wait:
    return Wait(b"202 0x1", ran, endless=True, timed=False, seconds=0.0)


def test_processes_that_wait_for_what_does_not_come_are_in_a_deadlock() -> None:
    """The reading end of a pipe shows that."""
    made = race_of(multiprocessing.SimpleQueue, _get, _get)
    assert searched(question("ever", [Lab.DEADLOCK], (), values=None), made).witness is not None


def _get(queue: Any) -> object:
    return queue.get()


class Helped(Account):
    """Has started a process that has ended and was not waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.helper = subprocess.Popen([sys.executable, "-S", "-c", ""], stdout=subprocess.PIPE)
        assert self.helper.stdout is not None
        self.helper.stdout.read()


@pytest.mark.filterwarnings("ignore:subprocess")
def test_process_that_has_ended_wakes_up_no_other() -> None:
    """It is ignored, although its process id still exists."""
    found = searched(question("ever", [Lab.DEADLOCK], (), values=None), race_of(Helped, one_way, other_way))
    assert found.witness is not None


#: Seconds after which a wait is ended: longer than the detection of a deadlock takes.
LATER_S = 1.5 * processes.STILL_S


def no_deadlock(setup: Callable[[], Any], actor: Callable[[Any], object]) -> None:
    """Check that two actors return, whatever they wait for meanwhile."""
    asks = question("ever", [Lab.DEADLOCK], (), values=None)

    def is_deadlock() -> bool:
        with Runs(race_of(setup, actor, actor).race, asks, portable_grade=False, timeout=TIMEOUT_S) as runs:
            return runs.run(()).sought

    assert run_forked(is_deadlock, deadline=TIMEOUT_S).value is False


class TooLateError(Exception):
    """Raised by a timer that ends a wait."""


def _too_late(*_: object) -> None:
    raise TooLateError


def _give_up(lock: Any) -> str:
    signal.signal(signal.SIGALRM, _too_late)
    signal.setitimer(signal.ITIMER_REAL, LATER_S)
    try:
        lock.acquire()
    except TooLateError:
        return "late"
    return "in time"


def _taken() -> Any:
    lock = multiprocessing.Lock()
    lock.acquire()
    return lock


def test_wait_that_a_timer_ends_is_no_deadlock() -> None:
    """A signal handler may raise."""
    no_deadlock(_taken, _give_up)


def _set_later() -> Any:
    event = multiprocessing.Event()
    threading.Timer(LATER_S, event.set).start()
    return event


def test_wait_that_a_thread_of_setup_ends_is_no_deadlock() -> None:
    """The thread is in the process that made the state."""
    no_deadlock(_set_later, lambda event: event.wait())


def _ask_another_session(_: Any) -> bytes:
    code = f"import time; time.sleep({LATER_S}); print(1)"
    return subprocess.check_output([sys.executable, "-S", "-c", code], start_new_session=True)


def test_wait_for_a_process_of_another_session_is_no_deadlock() -> None:
    """It does not belong to the process group."""
    no_deadlock(list, _ask_another_session)


class Store:
    """In each process, the first ``put`` uses the first shard, and the others use the second."""

    turn = 0

    def __init__(self) -> None:
        self.index = multiprocessing.Lock()
        self.shards = [multiprocessing.Lock(), multiprocessing.Lock()]

    def put(self) -> None:
        """Acquire a shard's lock, then the index's."""
        shard = self.shards[min(Store.turn, 1)]
        Store.turn += 1
        with shard, self.index:
            pass

    def compact(self) -> None:
        """Acquire the index's lock, then that of the first shard."""
        with self.index, self.shards[0]:
            pass


@pytest.mark.parametrize("_", range(3))
def test_what_a_method_leaves_behind_is_not_there_in_the_next_run(_: int) -> None:
    """Each run has new processes if side effects are possible."""
    made = race_of(Store, lambda store: store.put(), lambda store: store.compact())
    assert searched(question("ever", [Lab.DEADLOCK], (), values=None), made).witness is not None


def test_moves_are_not_atomic() -> None:
    """All orders of the actors have the same outcome, and some schedules have another one."""
    made = Lab(budget=BUDGET_S).race(raw_array, _move, _move, observe=tuple, kind="process")
    assert not made.atomic()


def _move(array: Any) -> None:
    array[0] -= 1
    array[1] += 1


@pytest.mark.skipif(PYPY, reason="multiprocessing's client of a server has thousands of switch points there")
def test_manager_has_its_reads_and_writes_apart() -> None:
    """Each is a request to a server, for whose answer the actor waits."""
    with multiprocessing.Manager() as manager:

        def setup() -> Any:
            shared = manager.dict()
            shared["balance"] = 0
            return shared

        made = Lab(budget=BUDGET_S).race(setup, _add, _add, observe=lambda shared: shared["balance"], kind="process")
        assert made.ever(1)


def _add(shared: Any) -> None:
    shared["balance"] = shared["balance"] + 1


# --- shared resources outside of Python


def test_file_is_created_twice_that_was_not_there(tmp_path: Path) -> None:
    """Both processes check before one of them creates it."""

    def create(name: str) -> bool:
        if os.access(name, os.F_OK):
            return False
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
        return True

    def setup() -> str:
        return str(Path(tempfile.mkdtemp(dir=tmp_path)) / "file")

    assert Lab(budget=BUDGET_S).race(setup, create, create, kind="process").ever((True, True))


def test_lines_are_mixed_that_are_written_in_two_pieces(tmp_path: Path) -> None:
    """Only each piece is appended atomically."""

    def append(name: str) -> None:
        with open(name, "ab", buffering=0) as file:  # noqa: PTH123  (few switch points)
            file.write(b"one ")
            file.write(b"line\n")

    def setup() -> str:
        return str(Path(tempfile.mkdtemp(dir=tmp_path)) / "file")

    made = Lab(budget=BUDGET_S).race(
        setup, append, append, observe=lambda name: Path(name).read_text(), kind="process"
    )
    assert made.ever("one one line\nline\n")


def test_row_is_inserted_twice_that_was_not_there(tmp_path: Path) -> None:
    """In SQLite, one statement is atomic, and two are not."""

    def insert(name: str) -> None:
        connection = sqlite3.connect(name, isolation_level=None)
        if connection.execute("SELECT 1 FROM account").fetchone() is None:
            connection.execute("INSERT INTO account VALUES (1)")
        connection.close()

    def setup() -> str:
        name = str(Path(tempfile.mkdtemp(dir=tmp_path)) / "database")
        connection = sqlite3.connect(name, isolation_level=None)
        connection.execute("CREATE TABLE account (id)")
        connection.close()
        return name

    def rows(name: str) -> int:
        connection = sqlite3.connect(name)
        (count,) = connection.execute("SELECT count(*) FROM account").fetchone()
        connection.close()
        return int(count)

    assert Lab(budget=BUDGET_S).race(setup, insert, insert, observe=rows, kind="process").ever(2)


# --- states that are not fresh

COMMON: Any = multiprocessing.RawValue("i", 0)
COMMON_LOCK = multiprocessing.Lock()


def add_to_common(_: Any) -> None:
    """Change an object that all states share."""
    with COMMON_LOCK:
        COMMON.value += 1


@pytest.mark.parametrize("setup", [lambda: COMMON, list], ids=["the same number", "another object"])
@pytest.mark.parametrize("asked", ["never", "always"])
def test_state_that_is_not_fresh_is_no_ground(setup: Callable[[], Any], asked: str) -> None:
    """Neither an absence nor a witness counts, because earlier runs have changed the state."""
    made = race_of(setup, add_to_common, add_to_common, observe=lambda _: COMMON.value)
    found = searched(question(asked, [2], (), values=None), made, budget=0.5)
    assert found.witness is None
    assert "setup does not make a fresh state each time" in (found.lacking() or "")


# --- how actors end


def crash(_: Any) -> None:
    """End the process by a signal."""
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.interpreter
@pytest.mark.starts
def test_crash_of_an_actor_can_be_asked_about() -> None:
    """It ends only the process of the actor."""
    assert Lab(budget=BUDGET_S).race(raw_array, crash, nothing, kind="process").ever(Lab.CRASH)


class RefusedError(Exception):
    """An exception that can be pickled and not unpickled, because its arguments differ from its constructor's."""

    def __init__(self, amount: int, balance: int) -> None:
        super().__init__(f"{amount} of {balance}")


def refuse(_: Any) -> None:
    """Raise it."""
    raise RefusedError(10, 5)


@pytest.mark.parametrize(
    ("actor", "message"),
    [
        (crash, r"ended by SIGSEGV while actor crash ran(.|\n)*in crash"),
        (lambda _: os._exit(3), "exited with status 3"),
        (lambda _: 1 / 0, r"raised ZeroDivisionError(.|\n)*test_processes.py"),
        (lambda: None, r"takes|missing"),
        (lambda _: lambda: 0, "cannot be sent from its process.*return plain data"),
        (
            refuse,
            r"an actor raised RefusedError\('10 of 5'\), which cannot be sent from its process.*super\(\).__init__",
        ),
    ],
    ids=["crash", "exit", "exception", "wrong-call", "unsendable", "unsendable-exception"],
)
def test_actor_that_comes_to_no_end_is_an_error(actor: Callable[[Any], object], message: str) -> None:
    """The message says how the process ended, and where."""
    race = Lab(budget=BUDGET_S).race(raw_array, actor, nothing, observe=len, kind="process")
    with pytest.raises(RaceError, match=message) as caught:
        race.never(3)
    assert "actor_process.py" not in str(caught.value)


def test_what_cannot_be_sent_is_an_error_where_orders_are_run_too() -> None:
    """It does not count as an exception of the actor."""
    race = Lab(budget=BUDGET_S).race(raw_array, lambda _: lambda: 0, nothing, kind="process")
    with pytest.raises(RaceError, match="cannot be sent from its process") as caught:
        race.atomic()
    assert "Failed" not in str(caught.value)


def test_actor_that_hangs_is_an_error_with_what_it_calls() -> None:
    """It is an error and not a deadlock if the actor sleeps."""
    race = Lab(budget=BUDGET_S).race(raw_array, sleep, nothing, observe=len, kind="process", deadline=0.2)
    with pytest.raises(RaceError, match=r"actor sleep did not return within 0.2 s(.|\n)*in sleep"):
        race.never(3)


def sleep(_: Any) -> None:
    """Take longer than any deadline."""
    time.sleep(1000)


def test_exception_can_be_an_outcome() -> None:
    """It can in processes as in threads."""
    asks = question("ever", [ZeroDivisionError], (ZeroDivisionError,), values=None)
    made = race_of(raw_array, lambda _: 1 / 0, nothing, observe=len, exceptions=ZeroDivisionError)
    assert searched(asks, made).witness is not None


def test_caught_failure_of_an_assertion_is_no_answer() -> None:
    """The actor's process reports it."""
    failed: list[str] = []

    def actor(_: Any) -> None:
        failed.append("assert 0")

    made = race_of(raw_array, actor, nothing, observe=len)
    search = ScheduleSearch(made, Conditions(BUDGET_S, TIMEOUT_S, failed_assertions=lambda: failed))
    with pytest.raises(BaseException, match="an assertion failed in the race's code"):
        search.ask(question("never", [3], (), values=None))


# --- samples


@pytest.mark.interpreter
def test_processes_meet_on_samples() -> None:
    """All run each sample; actors overlap if one had not finished when another one began."""
    made = race_of(raw_array, _add_first, _add_second, observe=tuple)
    stride = Stride(made.race, [raw_array() for _ in range(50)], clock())
    done = meet_in_processes(stride, ["one", "other"], TIMEOUT_S, tuple, Snapshots(None))
    outcomes = stride.outcomes(done)
    assert len(outcomes.found) >= 1
    assert set(outcomes.found) == {(1, 1)}
    assert stride.values[0][0] == "first"


def _add_first(array: Any) -> str:
    array[0] += 1
    return "first"


def _add_second(array: Any) -> str:
    array[1] += 1
    return "second"


def test_samples_end_where_something_was_left_behind() -> None:
    """A side effect would change the samples that follow."""
    made = race_of(Store, lambda store: store.put(), nothing)
    stride = Stride(made.race, [Store() for _ in range(3)], clock() + TIMEOUT_S)
    assert list(meet_in_processes(stride, made.race.names(), TIMEOUT_S, tuple, Snapshots(None))) == [0]
    assert stride.side_effect is not None


def test_samples_count_overlaps() -> None:
    """Each actor waits until the other one has begun, so both overlap."""

    def wait(array: Any, me: int) -> None:
        array[me] = 1
        while not array[1 - me]:
            time.sleep(0)

    made = race_of(raw_array, partial(wait, me=0), partial(wait, me=1), observe=tuple)
    stride = Stride(made.race, [raw_array()], clock())
    assert stride.outcomes(
        meet_in_processes(stride, ["one", "other"], TIMEOUT_S, tuple, Snapshots(None))
    ).overlapping == [1]


# --- arguments, and other start methods


def test_kind_is_thread_or_process() -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="kind must be 'thread' or 'process'"):
        Lab(budget=BUDGET_S).race(list, nothing, nothing, kind="interpreter")


def test_locks_of_processes_cannot_be_taken_out() -> None:
    """The claim must give a control."""
    with pytest.raises(ValueError, match="only locks of threads can be removed"):
        Lab(budget=BUDGET_S).race(Account, deposit, deposit, kind="process", control=Lab.WITHOUT_LOCKS)


def test_processes_may_be_spawned() -> None:
    """Without fork, the state is pickled."""

    def spawn() -> tuple[object, int]:
        number = multiprocessing.get_context("spawn").Value("i", 0)
        scheduler = ProcessScheduler(["one", "other"], gil=gil_enabled(), timeout=TIMEOUT_S)
        actors = ProcessActors(scheduler, ["one", "other"], [None], tuple, start_method="spawn")
        scheduler.start()
        try:
            actors.begin_run([add_one, add_one], number)
            run = scheduler.run([partial(actors.call, actor, add_one, number) for actor in (0, 1)], ())
        finally:
            actors.end_run()
            actors.close()
            scheduler.close()
        return run.raised, number.value

    # In a child, so that multiprocessing's resource tracker ends with it.
    assert run_forked(spawn, deadline=TIMEOUT_S).value == ([], 2)


def add_one(number: Any) -> None:
    """Add one; can be imported."""
    number.value += 1
