"""False answers that must not occur; each of them did once."""

from __future__ import annotations

import itertools
import os
import queue
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.race_questions import last, let_child_time_out
from pytest_concclaims import Inconclusive, Lab, gil_enabled
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.lab.race import references
from pytest_concclaims.lab.race.experiment import RaceError
from pytest_concclaims.lab.race.samples import findings, power
from pytest_concclaims.lab.race.schedules.switch_points import switches_anywhere

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced, pytest.mark.usefixtures("generic_control_is_seen")]

forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
#: By schedules first, as usual; and once more by samples alone.
each_engine = pytest.mark.usefixtures("engine")


def settle_early(monkeypatch: pytest.MonkeyPatch, **numbers: int) -> None:
    """Settle an absence with the first samples.

    :param numbers: other values for the module ``power``.
    """
    for name in ("OVERLAPPING", "STRIDES", "SEEN", "PLENTY", "PLENTY_OF_STRIDES"):
        monkeypatch.setattr(power, name, 1)
    monkeypatch.setattr(references, "MOST_THINGS", 300)
    for name, value in numbers.items():
        monkeypatch.setattr(power, name, value)


@pytest.fixture(params=[False, True], ids=["forked", "in process"])
def lab(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Return a lab that answers "never" after a few samples, whatever the control shows."""
    if not request.param and not CAN_FORK:
        pytest.skip("no os.fork here")
    if request.param:
        request.getfixturevalue("interpreted")
    settle_early(monkeypatch, RARER_THAN_GENERIC=0)
    return Lab(budget=20.0, in_process=request.param)


class Cell:
    """Holds a number."""

    def __init__(self) -> None:
        self.value = 0


def yielding(cell: Cell) -> None:
    """Add one, and yield the core between reading and writing."""
    value = cell.value
    time.sleep(0)
    cell.value = value + 1


def value_of(cell: Cell) -> int:
    """Return the number."""
    return cell.value


# --- outcomes that could not be seen


@each_engine
def test_absence_of_a_number_is_settled(lab: Lab) -> None:
    """The tests that follow ask about it in wrong ways."""
    assert lab.race(Cell, yielding, yielding, observe=value_of).never(7) is True


@each_engine
@pytest.mark.parametrize(("asked", "about"), [("never", (7,)), ("ever", "7")])
def test_outcome_of_another_kind_was_not_absent(lab: Lab, asked: str, about: object) -> None:
    """A mistake in the question must not make it true."""
    race = lab.race(Cell, yielding, yielding, observe=value_of)
    with pytest.raises(Inconclusive, match=r"no outcome was of its kind; the first was [12]"):
        getattr(race, asked)(about)


# --- states that are not fresh


@pytest.mark.usefixtures("samples_alone")
@pytest.mark.parametrize("size", [1, 2, 10])
def test_states_from_a_pool_are_refused(lab: Lab, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples that share a state are not independent."""
    monkeypatch.setattr(power, "PLENTY", 10**9)
    pool = itertools.cycle([Cell() for _ in range(size)])
    race = lab.race(lambda: next(pool), yielding, yielding, observe=value_of)
    with pytest.raises(RaceError, match="setup returned the same Cell twice"):
        race.never(-1)


def test_states_may_share_a_lock(lab: Lab) -> None:
    """They may also share objects that cannot change."""
    lock = threading.Lock()
    race = lab.race(lambda: (Cell(), lock, 7, len, None), lambda _: 1, lambda _: 1)
    assert race.always((1, 1)) is True


def test_state_may_be_a_number(lab: Lab) -> None:
    """It cannot change, so states may share it."""
    assert lab.race(lambda: 7, lambda state: state, lambda state: state).always((7, 7)) is True


class Cached:
    """An object that is made once in a process, by code whose lines are the same if it is there already."""

    one: object = None

    @classmethod
    def get(cls, _: object = None) -> object:
        """Return the object."""
        cls.one = cls.or_new(cls.one)
        return cls.one

    @staticmethod
    def or_new(one: object) -> object:
        """Return an object, or a new one in place of None."""
        return [] if one is None else one


def is_one(_: object, got: tuple[object, ...]) -> bool:
    """Return whether both actors got the same object."""
    return got[0] is got[1]


@forks
def test_a_cache_in_one_line_is_filled_in_more_than_one_run() -> None:
    """Neither the lines nor the outcomes of the first run and of its repetition differ, but what they leave does."""
    race = Lab(budget=20.0).race(object, Cached.get, Cached.get, observe=is_one)
    assert race.always(True) is False


@forks
@pytest.mark.skipif(
    sys.version_info < (3, 10) or switches_anywhere(gil_enabled()), reason="threads are switched in that line"
)
def test_the_note_about_no_gil_is_about_fresh_processes() -> None:
    """In a process that has the cache, no schedule shows that it may be filled twice."""

    def get(_: object) -> object:
        Cached.one = [] if Cached.one is None else Cached.one
        return Cached.one

    lab = Lab(budget=20.0)
    assert lab.race(object, get, get, observe=is_one).always(True) is True
    schedules: Any = last(lab).schedules
    assert schedules["portable"]["seen"] > 0


@pytest.mark.parametrize("asked", [lambda race: race.always((True, True)), lambda race: race.atomic()])
def test_a_cache_in_one_line_that_is_filled_once_is_no_ground(
    asked: Callable[[Any], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no other process in which it could be filled again; and the orders of the calls come first."""
    monkeypatch.setattr(Cached, "one", None)

    def has_one(_: object) -> bool:
        return Cached.get() is not None

    race = Lab(budget=5.0, in_process=True).race(object, has_one, has_one)
    with pytest.raises(Inconclusive, match="the actors do something only once in a process"):
        asked(race)


def passing() -> None:
    """Return: each interpreter has a switch point here."""


class Fallback:
    """Two locks, and one of the class for all that do not get both; it is made at the first time."""

    made: dict[str, object]
    reused: list[str]

    def __init__(self) -> None:
        self.locks = threading.Lock(), threading.Lock()

    def take(self, first: int, second: int) -> object:
        """Return the lock of the class if the second one is taken."""
        with self.locks[first]:
            passing()
            if self.locks[second].acquire(blocking=False):
                self.locks[second].release()
                return None
            made = Fallback.made.get("one")
            if made is None:
                made = Fallback.made["one"] = threading.Lock()
            else:
                Fallback.reused.append("one")  # as many steps as to make it
            return made

    def left(self) -> object:
        """Take the locks."""
        return self.take(0, 1)

    def right(self) -> object:
        """Take the locks the other way round."""
        return self.take(1, 0)


def are_two(_: object, got: tuple[object, ...]) -> bool:
    """Return whether two actors got different objects."""
    return len({id(one) for one in got if one is not None}) == 2


@forks
def test_what_happens_once_and_only_in_some_schedules_is_not_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier schedules make it, so later ones do not show that it may be made twice."""
    monkeypatch.setattr(Fallback, "made", {}, raising=False)
    monkeypatch.setattr(Fallback, "reused", [], raising=False)
    race = Lab(budget=5.0).race(Fallback, Fallback.left, Fallback.right, observe=are_two)
    with suppress(Inconclusive):
        assert race.never(True) is False


# --- threads that schedules do not switch


@forks
def test_thread_from_before_the_race_is_missed() -> None:
    """It is not in the child, so what waits for it there is in no deadlock."""
    lab = Lab(budget=5.0)
    asked: queue.SimpleQueue[queue.SimpleQueue[int] | None] = queue.SimpleQueue()

    def serve() -> None:
        for reply in iter(asked.get, None):
            reply.put(1)

    def ask(_: object) -> int:
        reply: queue.SimpleQueue[int] = queue.SimpleQueue()
        asked.put(reply)
        return reply.get()

    server = threading.Thread(target=serve, name="Ada")
    server.start()
    try:
        with pytest.raises(Inconclusive, match=r"thread 'Ada' ran before the race, .*; let setup start it"):
            lab.race(object, ask, ask).never(lab.DEADLOCK)
        with pytest.raises(Inconclusive, match="thread 'Ada' ran before"):
            lab.race(object, ask, ask).atomic()
        with pytest.raises(Inconclusive, match="thread 'Ada' ran before"):
            lab.operations(object, ask).linearizable()
        assert lab.race(Cell, yielding, yielding, observe=value_of).ever(1) is True  # nothing waits for it
    finally:
        asked.put(None)
        server.join()


class Worker:
    """A thread that is busy for a moment."""

    def __init__(self) -> None:
        self.tasks: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self.busy = 0
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self) -> None:
        """Do tasks until None comes."""
        while self.tasks.get() is not None:
            self.busy = 1
            passing()
            self.busy = 0

    def close(self) -> None:
        """Give it the last task, and wait for its end."""
        self.tasks.put(1)
        self.tasks.put(None)
        self.thread.join()

    def is_busy(self) -> int:
        """Return whether it is busy."""
        passing()
        return self.busy


@forks
def test_thread_that_setup_starts_and_an_actor_ends_is_not_scheduled() -> None:
    """No schedule switches from it to an actor, so the answer does not rest on schedules."""
    lab = Lab(budget=2.0)
    with suppress(Inconclusive):
        lab.race(Worker, Worker.close, Worker.is_busy).never((None, 1))
    schedules: Any = last(lab).schedules
    assert "threads that setup or actors start are not scheduled" in schedules["remarks"]


# --- failures that would be lost


@each_engine
def test_thread_of_an_actor_that_dies_is_an_error(lab: Lab) -> None:
    """It is one also if the race runs in this process."""

    def start_one(cell: Cell) -> None:
        thread = threading.Thread(target=lambda: [].pop(), name="Ada")
        thread.start()
        thread.join()

    race = lab.race(Cell, start_one, yielding, observe=value_of)
    hook = threading.excepthook
    with pytest.raises(RaceError, match=r"thread 'Ada' raised IndexError: pop from empty list"):
        race.ever(1)
    assert threading.excepthook is hook


@each_engine
@forks
@pytest.mark.parametrize(
    "use",
    [lambda lab: lab.note("seen"), lambda lab: lab.require(True, "seen"), lambda lab: lab.child(os.getpid)],
    ids=["note", "require", "child"],
)
def test_lab_in_another_process_is_refused(use: Callable[[Lab], object]) -> None:
    """What an actor records would be lost with its process."""
    lab = Lab(budget=20.0)
    with pytest.raises(RaceError, match="lab: used in another process"):
        lab.race(Cell, lambda _: use(lab), yielding).ever((None, None))


@each_engine
@forks
def test_assertion_that_failed_in_a_child_and_was_caught_is_an_error() -> None:
    """It is one as in this process: the child reports it to the lab."""
    lab = Lab(budget=20.0)
    failed: list[str] = []
    lab.assertions = SimpleNamespace(failures=lambda: failed, suspended=nullcontext)
    race = lab.race(Cell, lambda _: failed.append("assert violated"), yielding, observe=value_of)
    with pytest.raises(RaceError, match="caught the AssertionError: assert violated"):
        race.ever(1)
    assert not failed


@each_engine
@pytest.mark.parametrize("where", ["setup", "observe", "predicate"])
def test_outcomes_of_pytest_are_errors(lab: Lab, where: str) -> None:
    """They are BaseExceptions, which handlers of Exception do not catch."""

    def skip(*_: object) -> bool:
        pytest.skip("not here")

    setup: Callable[[], Any] = skip if where == "setup" else Cell
    race = lab.race(setup, yielding, yielding, observe=skip if where == "observe" else value_of)
    with pytest.raises(RaceError, match="raised Skipped: not here"):
        race.ever(skip if where == "predicate" else 2)
    assert race.error is not None


def test_refused_question_was_not_asked(lab: Lab) -> None:
    """Nothing ran for it."""
    race = lab.race(Cell, yielding, yielding, observe=value_of)
    with pytest.raises(TypeError):
        race.never([])
    assert not race.asked
    assert lab.void is not None
    assert "ask race.ever(...)" in lab.void


@pytest.mark.parametrize("about", [float("nan"), (float("nan"), 1), (1, (2, float("nan")))], ids=repr)
def test_what_is_not_equal_to_itself_is_refused(lab: Lab, about: object) -> None:
    """Tuples with a NaN are equal only if it is the same object."""
    with pytest.raises(ValueError, match="this is not equal to itself"):
        lab.race(Cell, yielding, yielding, observe=value_of).always(about)


@pytest.mark.usefixtures("samples_alone")
@pytest.mark.parametrize(
    "watch", [sys.setprofile, threading.settrace, threading.setprofile], ids=lambda f: f.__name__
)
def test_what_samples_show_beside_a_tracer_is_no_witness(lab: Lab, watch: Callable[[Any], None]) -> None:
    """It runs code between the actors' instructions, and threads are switched there."""
    race = lab.race(Cell, yielding, yielding, observe=value_of)
    watch(lambda *_: None)
    try:
        with pytest.raises(Inconclusive, match="a tracer, profiler or debugger is active; it runs code between"):
            race.ever(lambda _: True)
    finally:
        watch(None)
    assert race.ever(lambda _: True) is True


# --- crashes


def crash(_: object) -> None:
    """Crash."""
    os.abort()


@each_engine
@forks
@pytest.mark.parametrize("where", ["setup", "observe"])
def test_crash_without_a_sample_is_an_error(where: str) -> None:
    """It does not depend on the interleaving of actors."""
    lab = Lab(budget=20.0)
    setup: Callable[[], Any] = (lambda: crash(None)) if where == "setup" else Cell
    race = lab.race(setup, yielding, yielding, observe=crash if where == "observe" else value_of)  # type: ignore[arg-type,unused-ignore]  # it crashes
    with pytest.raises(RaceError, match=rf"ended by SIGABRT while the race ran \({where}: "):
        race.ever(lab.CRASH)


def test_lab_of_a_claim_that_is_over_is_refused(lab: Lab) -> None:
    """The evidence would count for another claim."""
    race = lab.race(Cell, yielding, yielding, observe=value_of)
    lab.over = True
    with pytest.raises(RuntimeError, match="lab: used after its claim has ended"):
        race.ever(2)


# --- what is words of it


@each_engine
@forks
@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("setup", "setup: hang"),
        ("observe", "observe: hang, or the predicate"),
        ("predicate", "observe: value_of, or the predicate"),
    ],
)
def test_what_hangs_is_named(part: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No actor is blamed for it."""
    reading, writing = os.pipe()
    let_child_time_out(monkeypatch, when=lambda: select.select([reading], [], [], 0)[0])

    def hang(*_: object) -> bool:
        os.write(writing, b"here")
        return threading.Event().wait()

    lab = Lab(budget=20.0)
    setup: Callable[[], Any] = hang if part == "setup" else Cell
    race = lab.race(
        setup,
        yielding,
        yielding,
        observe=hang if part == "observe" else value_of,
    )
    with pytest.raises(RaceError, match=rf"the process did not finish in time while the race ran \({words};"):
        race.ever(hang if part == "predicate" else 7)
    os.close(reading)
    os.close(writing)


@each_engine
@pytest.mark.parametrize("asked", ["ever", "never", "always"])
@pytest.mark.parametrize("of_control", [False, True])
def test_actors_that_have_not_run_are_an_error(lab: Lab, asked: str, of_control: bool) -> None:
    """An actor that is a lambda may call a generator function."""

    def deposit(cell: Cell) -> Iterator[None]:
        cell.value += 1
        yield

    def right(cell: Cell) -> object:
        return None if of_control else deposit(cell)

    race = lab.race(
        Cell, right, right, observe=value_of, control=(lambda cell: deposit(cell), lambda cell: deposit(cell))
    )
    with pytest.raises(RaceError, match=r"actor .* returned a generator, so its code has not run"):
        getattr(race, asked)(lambda outcome: (outcome == 7) is (asked != "always"))


@forks
@pytest.mark.usefixtures("samples_alone")
def test_time_of_children_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each child measures only its own time."""
    monkeypatch.setattr(findings, "_FIRST_TURN_S", 0.01)  # then there are several
    lab = Lab(budget=0.2)
    begin = time.monotonic()
    with pytest.raises(Inconclusive):
        lab.race(Cell, yielding, yielding, observe=value_of).never(lab.CRASH)
    run = last(lab)
    assert 0 < run.seconds <= time.monotonic() - begin
