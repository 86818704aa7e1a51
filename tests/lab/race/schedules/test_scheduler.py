"""The scheduler: which actor runs when, what counts as blocked, deadlocks, and what is left behind."""

from __future__ import annotations

import _thread
import gc
import io
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers.stage import REPEATS, Act, Acts, Stage, passes, stage
from helpers.waiting import TIMEOUT_S, wait_until
from pytest_concclaims.lab.failure import Failed
from pytest_concclaims.lab.processes.forked import CAN_FORK, run_forked
from pytest_concclaims.lab.race.schedules.run import Run, Span
from pytest_concclaims.lab.race.schedules.scheduler import Scheduler
from pytest_concclaims.lab.race.schedules.waiting import Wait, Waits

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]

repeats = pytest.mark.skipif(not REPEATS, reason="a wake-up may be noticed late; then a schedule is tried again")

Point = Callable[[], None]
forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")


def order(points: Sequence[int], *schedule: tuple[int, int]) -> str:
    """Return the order of actors with these numbers of switch points under a schedule."""
    log: list[int] = []
    with stage(passes(*points, log=log.append)) as made:
        assert made.run(*schedule).followed
    return "".join(map(str, log))


# --- schedules


def test_actors_run_one_after_the_other() -> None:
    """Without a schedule, an actor runs to its end."""
    assert order([2, 2]) == "000111"
    assert order([1, 1, 1, 1]) == "00112233"


def test_schedule_chooses_the_actor_that_begins() -> None:
    """Step 1 is a choice. The end of an actor is one, too, if several others are left."""
    assert order([1, 1], (1, 1)) == "1100"
    assert order([1, 1, 1], (1, 2)) == "220011"
    assert order([1, 1, 1], (1, 2), (3, 1)) == "221100"


def test_schedule_preempts_at_a_step() -> None:
    """The step is a switch point. The actor continues after it when it gets the token again."""
    assert order([2, 2], (2, 1)) == "011100"
    assert order([2, 2], (2, 1), (4, 0)) == "0" + "11" + "00" + "1"
    assert order([1, 1, 1], (2, 2), (3, 1)) == "0" + "2" + "11" + "0" + "2"


def test_run_has_its_spans() -> None:
    """They say where another actor could have run, and which."""
    with stage(passes(2, 2)) as made:
        run = made.run((2, 1))
    assert run.spans == [
        Span(1, 0, (1,), choice=True),
        Span(2, 0, (1,)),
        Span(3, 1, (0,)),
        Span(5, 0, ()),
    ]
    assert run.steps == 5
    assert run.followed
    assert not run.futile
    assert not run.blocks


def test_values_and_exceptions_are_those_of_the_actors() -> None:
    """An exception ends its actor, and the others continue."""
    error = LookupError("no such account")

    def raise_it(point: Point) -> None:
        point()
        raise error

    with stage(lambda: [lambda _: "first", raise_it, lambda point: point() or "third"]) as made:
        run = made.run((2, 2))
        assert run.values == ["first", None, "third"]
        assert run.raised == [(1, error)]


def test_schedule_that_does_not_fit_is_not_followed() -> None:
    """Such a schedule has steps after the end, or chooses an actor that has ended."""
    with stage(passes(1, 1)) as made:
        assert not made.run((9, 1)).followed
        assert not made.run((3, 0)).followed
        assert made.run((2, 1)).followed


@pytest.mark.parametrize("points", [(5, 5), (2, 2, 2), (1, 1, 1, 1)], ids=len)
def test_same_schedule_gives_the_same_spans(points: tuple[int, ...]) -> None:
    """It is run 200 times."""
    schedule = (2, 1), (4, 0)
    with stage(passes(*points)) as made:
        first = made.run(*schedule).spans
        assert all(made.run(*schedule).spans == first for _ in range(200))


def test_runs_do_not_depend_on_earlier_runs() -> None:
    """Neither another schedule nor an exception leaves anything for the next run."""

    def acts() -> Sequence[Act]:
        return passes(3, 3)() if len(runs) % 2 else [lambda _: [][0], lambda point: point()]

    runs: list[list[Span]] = []
    with stage(acts) as made:
        for schedule in [(), ((2, 1),), ((1, 1),), ((2, 1),)] * 4:  # the actors alternate between runs
            runs.append(made.run(*schedule).spans)  # noqa: PERF401
    assert runs[:4] == runs[4:8] == runs[8:12] == runs[12:]


# --- blocking


def _lock() -> tuple[Act, Act]:
    lock = threading.Lock()
    lock.acquire()
    return lambda _: lock.acquire(), lambda _: lock.release()


def _rlock() -> tuple[Act, Act]:
    lock, has_it = threading.RLock(), threading.Event()

    def hold(point: Point) -> None:
        with lock, lock:
            has_it.set()
            point()
            point()

    def take(point: Point) -> None:
        has_it.wait()
        with lock:
            point()

    return take, hold


def _condition() -> tuple[Act, Act]:
    condition = threading.Condition()
    ready: list[int] = []

    def wait(point: Point) -> None:
        with condition:
            while not ready:
                condition.wait()
                point()

    def notify(_: Point) -> None:
        with condition:
            ready.append(1)
            condition.notify_all()

    return wait, notify


def _semaphore() -> tuple[Act, Act]:
    semaphore = threading.Semaphore(0)
    return lambda _: semaphore.acquire(), lambda _: semaphore.release()


def _event() -> tuple[Act, Act]:
    event = threading.Event()
    return lambda _: event.wait(), lambda _: event.set()


def _queue() -> tuple[Act, Act]:
    items: queue.Queue[int] = queue.Queue()
    return lambda _: items.get(), lambda _: items.put(1)


def _full_queue() -> tuple[Act, Act]:
    items: queue.Queue[int] = queue.Queue(1)
    items.put(1)
    return lambda _: items.put(2), lambda _: items.get()


def _simple_queue() -> tuple[Act, Act]:
    items: queue.SimpleQueue[int] = queue.SimpleQueue()
    return lambda _: items.get(), lambda _: items.put(1)


def _timed_lock() -> tuple[Act, Act]:
    lock = threading.Lock()
    lock.acquire()
    return lambda _: lock.acquire(timeout=TIMEOUT_S), lambda _: lock.release()


def _timed_queue() -> tuple[Act, Act]:
    items: queue.Queue[int] = queue.Queue()
    return lambda _: items.get(timeout=TIMEOUT_S), lambda _: items.put(1)


def _pipe() -> tuple[Act, Act]:
    reads, writes = os.pipe()

    def read(_: Point) -> None:
        assert os.read(reads, 1) == b"x"
        os.close(reads)

    def write(_: Point) -> None:
        os.write(writes, b"x")
        os.close(writes)

    return read, write


def _socket() -> tuple[Act, Act]:
    one, other = socket.socketpair()

    def receive(_: Point) -> None:
        assert one.recv(1) == b"x"
        one.close()
        other.close()

    return receive, lambda _: other.send(b"x")


def _joined_thread() -> tuple[Act, Act]:
    event = threading.Event()

    def start_and_join(_: Point) -> None:
        thread = threading.Thread(target=event.wait)
        thread.start()
        thread.join()

    return start_and_join, lambda _: event.set()


WAITS = [
    _lock,
    _rlock,
    _condition,
    _semaphore,
    _event,
    _queue,
    _full_queue,
    _simple_queue,
    _timed_lock,
    _timed_queue,
    _pipe,
    _socket,
    _joined_thread,
]


@pytest.mark.parametrize("waits", WAITS, ids=lambda waits: waits.__name__[1:])
def test_blocked_actor_hands_over_and_wakes_up(waits: Any) -> None:
    """There is no preemption and no deadlock."""

    def acts() -> Sequence[Act]:
        wait, end_it = waits()

        def first(point: Point) -> str:
            point()
            wait(point)
            point()
            return "woke up"

        def second(point: Point) -> str:
            point()
            end_it(point)
            point()
            return "ended it"

        return first, second

    with stage(acts) as made:
        for _ in range(3):
            run = made.run()
            assert run.values == ["woke up", "ended it"]
            assert run.blocks > 0
            assert run.followed
            assert not run.deadlock
            assert [span.actor for span in run.spans][:3] == [0, 0, 1]
        assert made.run((1, 1)).values == ["woke up", "ended it"]


@pytest.mark.parametrize("parties", [2, 3, 4])
def test_actors_pass_a_barrier(parties: int) -> None:
    """They do so in whatever order they reach it. The same schedule always goes the same way."""

    def acts() -> Sequence[Act]:
        barrier = threading.Barrier(parties)

        def meet(point: Point) -> None:
            point()
            barrier.wait()
            point()

        return [meet] * parties

    with stage(acts) as made:
        for schedule in [(), ((2, 1),), ((1, parties - 1),)]:
            runs = [made.run(*schedule) for _ in range(5)]
            assert not any(run.deadlock or run.raised for run in runs)
            assert not REPEATS or all(run.blocks == parties - 1 for run in runs)
            assert not REPEATS or all(turns(run) == turns(runs[0]) for run in runs)


def turns(run: Run) -> list[tuple[int, int]]:
    """Return the steps at which the token went to another actor; when a blocked actor woke up does not count."""
    befores = [None, *(span.actor for span in run.spans)]
    return [(span.begin, span.actor) for span, before in zip(run.spans, befores) if span.actor != before]


def _two_sections(points: str) -> Acts:
    """Return two actors that take a lock twice each, and log it."""

    def acts() -> Sequence[Act]:
        lock, log = threading.Lock(), []

        def actor(me: int) -> Act:
            def act(point: Point) -> str:
                for _ in range(2):
                    point()
                    with lock:
                        log.append(str(me))
                        point()
                        log.append(str(me))
                    if points == "between":
                        point()
                return "".join(log)

            return act

        return actor(0), actor(1)

    return acts


@repeats
def test_lock_that_is_released_and_taken_again_goes_to_the_actor_that_waits() -> None:
    """The faster actor does not get it: at the switch point in between, the one that waits has it already."""
    with stage(_two_sections("between")) as made:
        runs = [made.run((3, 1)) for _ in range(50)]
    assert {max(map(str, run.values), key=len) for run in runs} == {"00" + "11" + "00" + "11"}
    assert all(turns(run) == turns(runs[0]) for run in runs)


def test_actor_that_wakes_up_waits_for_the_token() -> None:
    """The actor that has released the lock runs until it ends."""
    log: list[str] = []

    def acts() -> Sequence[Act]:
        lock = threading.Lock()

        def hold(point: Point) -> None:
            with lock:
                point()
            for _ in range(5):
                point()
                log.append("holder")

        def take(point: Point) -> None:
            with lock:
                point()
                log.append("waiter")

        return hold, take

    with stage(acts) as made:
        assert made.run((2, 1)).blocks == 1
    assert log == ["holder"] * 5 + ["waiter"]


@repeats
def test_preempting_towards_a_blocked_actor_is_not_followed() -> None:
    """Such a schedule exists only if the actor woke up sooner in the parent's run. It is tried again."""

    def acts() -> Sequence[Act]:
        lock = threading.Lock()

        def hold(point: Point) -> None:
            with lock:
                point()
                point()

        def take(point: Point) -> None:
            with lock:
                point()

        return hold, take

    with stage(acts) as made:
        blocked = made.run((2, 1))
        again = made.run((2, 1), (3, 1))
    assert (blocked.futile, again.futile, again.impatient) == (False, True, False)
    assert not again.followed
    assert again.spans == blocked.spans


def test_preempting_towards_an_actor_that_ended_after_a_block_changes_nothing() -> None:
    """It had no switch point after the lock, and is not waited for."""

    def acts() -> Sequence[Act]:
        lock = threading.Lock()
        lock.acquire()

        def release(point: Point) -> None:
            lock.release()
            for _ in range(4):
                point()

        return lambda _: lock.acquire(), release

    with stage(acts) as made:
        plain = made.run()
        for step in range(3, plain.steps + 1):
            run = made.run((step, 0))
            assert run.values == [True, None]
            assert run.futile
            assert run.followed
            assert run.spans == plain.spans


@pytest.mark.parametrize("actors", [2, 3, 4])
def test_actor_that_ends_right_after_a_block_does_not_stop_others(actors: int) -> None:
    """It has no switch point at which it could wait for the token."""

    def acts() -> Sequence[Act]:
        lock = threading.Lock()
        lock.acquire()

        def pass_on(point: Point) -> None:
            lock.acquire()
            lock.release()

        return [*[pass_on] * (actors - 1), lambda _: lock.release()]

    with stage(acts) as made:
        for _ in range(10):
            run = made.run()
            assert not run.deadlock
            assert run.blocks == actors - 1


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not report what threads wait in")
def test_actor_that_wakes_up_at_the_last_look_waits_for_the_token() -> None:
    """A look saw it blocked, so the token goes to another actor. It must not continue as if it had the token."""
    lock, passed = threading.Lock(), threading.Event()
    lock.acquire()
    inside: list[bool] = []

    class Looks(Waits):
        def of(self, thread: int) -> Wait | None:
            seen = super().of(thread)
            if seen is not None and scheduler._mutex.locked() and not inside:
                lock.release()
                wait_until(lambda: passed.is_set() or super(Looks, self).of(thread) not in (None, seen))
                inside.append(passed.is_set())
            return seen

    scheduler = Scheduler(["one", "other"], gil=False, timeout=TIMEOUT_S, waits=Looks(gil=False))

    def one() -> None:
        with lock:
            scheduler.at_switch_point(0)
            passed.set()

    scheduler.start()
    try:
        run = scheduler.run([one, lambda: scheduler.at_switch_point(1)], ())
    finally:
        scheduler.close()
    assert inside == [False]
    assert run.blocks == 1


def test_lock_inside_c_code_blocks_like_others() -> None:
    """For example that of a buffered file, while its raw file is written."""
    log: list[str] = []

    def acts() -> Sequence[Act]:
        points: list[Point] = []

        class Raw(io.RawIOBase):
            def writable(self) -> bool:
                return True

            def write(self, data: Any) -> int:
                log.append("begins")
                points[0]()
                log.append("ends")
                return len(data)

        file = io.BufferedWriter(Raw())

        def write(point: Point) -> None:
            points.append(point)
            file.write(b"x")
            file.flush()

        def flush(point: Point) -> None:
            file.flush()
            log.append("flushed")

        return write, flush

    with stage(acts) as made:
        run = made.run((2, 1))
    assert run.blocks == 1
    assert log == ["begins", "ends", "flushed"]


_IMPORTED = threading.Lock()


def test_lock_made_at_import_blocks_like_others() -> None:
    """The scheduler patches nothing, so it does not matter when a lock was made."""

    def take(point: Point) -> None:
        with _IMPORTED:
            point()

    with stage(lambda: [take, take]) as made:
        runs = [made.run((2, 1)) for _ in range(3)]
    assert [run.blocks for run in runs] == [1, 1, 1]


@pytest.mark.parametrize("spin", [lambda: None, lambda: time.sleep(0)], ids=["pass", "sleep-0"])
@pytest.mark.parametrize("actors", [2, 3])
def test_actor_that_waits_in_a_loop_loses_the_token(spin: Point, actors: int, monkeypatch: Any) -> None:
    """After a number of steps, another actor runs."""
    monkeypatch.setattr("pytest_concclaims.lab.race.schedules.scheduler.MAX_TURN_STEPS", 100)

    def acts() -> Sequence[Act]:
        flags: list[int] = []

        def wait(point: Point) -> None:
            while not flags:
                spin()
                point()

        return [*[wait] * (actors - 1), lambda _: flags.append(1)]

    with stage(acts) as made:
        first, second = made.run(), made.run()
    assert first.spans == second.spans
    assert not first.blocks


# --- deadlocks


def _deadlocks(acts: Acts, *schedule: tuple[int, int]) -> tuple[bool, bool]:
    """Run in a process without other threads; return whether that ends in a deadlock, and whether it is followed."""

    def work() -> tuple[bool, bool]:
        with stage(acts) as made:
            run = made.run(*schedule)
            return run.deadlock, run.followed

    forked = run_forked(work, deadline=TIMEOUT_S)
    assert forked.value is not None, forked
    return forked.value


def _ring(actors: int) -> Acts:
    """Return actors that take one lock each, and then that of the next actor."""

    def acts() -> Sequence[Act]:
        locks = [threading.Lock() for _ in range(actors)]

        def take_two(me: int) -> Act:
            def act(point: Point) -> None:
                with locks[me]:
                    point()
                    with locks[(me + 1) % actors]:
                        point()

            return act

        return [take_two(me) for me in range(actors)]

    return acts


@forks
@pytest.mark.parametrize("actors", [2, 3, 4])
def test_actors_that_wait_for_each_other_are_in_a_deadlock(actors: int) -> None:
    """That takes preemptions: each actor has its first lock before one wants a second lock."""
    # Each actor is preempted when it has its lock, and the next one runs.
    preempted = tuple((2 + actor, actor + 1) for actor in range(actors - 1))
    assert _deadlocks(_ring(actors)) == (False, True)
    assert _deadlocks(_ring(actors), *preempted)[0]


@forks
def test_actor_that_waits_for_one_that_has_ended_is_in_a_deadlock() -> None:
    """Nothing is left that could release the lock."""

    def acts() -> Sequence[Act]:
        lock = threading.Lock()
        return lambda _: lock.acquire(), lambda _: lock.acquire()

    assert _deadlocks(acts)[0]


def _after(seconds: float, work: Callable[[], object]) -> None:
    """Do something later, in a thread that sleeps first."""

    def sleep_and_work() -> None:
        time.sleep(seconds)
        work()

    threading.Thread(target=sleep_and_work, daemon=True).start()


LATER_S = 0.03


def _held_lock() -> Any:
    lock = threading.Lock()
    lock.acquire()
    return lock


def _pass_on(lock: Any) -> None:
    with lock:
        pass


def _no_deadlock_with_a_sleeping_helper() -> Sequence[Act]:
    lock = _held_lock()

    def first(_: Point) -> None:
        _after(LATER_S, lock.release)
        _pass_on(lock)

    return first, lambda _: _pass_on(lock)


def _no_deadlock_with_a_timed_wait() -> Sequence[Act]:
    lock = _held_lock()

    def give_up(_: Point) -> None:
        lock.acquire(timeout=LATER_S)
        lock.release()

    return lambda _: lock.acquire(), give_up


def _no_deadlock_with_a_sleeping_actor() -> Sequence[Act]:
    lock = _held_lock()

    def sleep(_: Point) -> None:
        time.sleep(LATER_S)
        lock.release()

    return lambda _: lock.acquire(), sleep


def _no_deadlock_with_a_helper_at_a_pipe() -> Sequence[Act]:
    lock = _held_lock()
    reads, writes = os.pipe()

    def read_and_release() -> None:
        os.read(reads, 1)
        lock.release()

    def first(_: Point) -> None:
        threading.Thread(target=read_and_release, daemon=True).start()
        _pass_on(lock)

    def second(_: Point) -> None:
        time.sleep(LATER_S)
        os.write(writes, b"x")
        _pass_on(lock)

    return first, second


@forks
@pytest.mark.parametrize(
    "acts",
    [
        _no_deadlock_with_a_sleeping_helper,
        _no_deadlock_with_a_timed_wait,
        _no_deadlock_with_a_sleeping_actor,
        _no_deadlock_with_a_helper_at_a_pipe,
    ],
    ids=lambda acts: acts.__name__[1:],
)
def test_wait_that_something_else_may_end_is_not_a_deadlock(acts: Acts) -> None:
    """Time, another thread or data at a pipe may end a wait."""
    assert _deadlocks(acts) == (False, True)


# --- ends


def test_actor_that_hangs_is_named() -> None:
    """It is named after the timeout, with its stack."""
    ended: list[int] = []

    def spin_for_ever(_: Point) -> None:
        while not ended:
            time.sleep(1e-4)

    with stage(lambda: [lambda _: None, spin_for_ever], timeout_s=0.05) as made:
        try:
            with pytest.raises(Failed) as caught:
                made.run()
        finally:
            ended.append(1)
    assert "actor number 1 did not return within 0.05 s" in caught.value.failure.text
    assert "number 0" not in caught.value.failure.text
    assert "in spin_for_ever" in caught.value.failure.details


def test_actor_that_hangs_after_a_block_is_named() -> None:
    """It does not have the token, and another actor waits to know whether it is still blocked."""
    ended: list[int] = []

    def acts() -> Sequence[Act]:
        lock = _held_lock()

        def spin_for_ever(_: Point) -> None:
            lock.acquire()
            while not ended:
                pass

        def release(point: Point) -> None:
            lock.release()
            point()

        return spin_for_ever, release, lambda _: None

    before = sys.getswitchinterval()
    with stage(acts, timeout_s=0.05) as made:
        sys.setswitchinterval(before)  # so that this thread gets the GIL from one that runs for ever
        try:
            with pytest.raises(Failed) as caught:
                made.run()
        finally:
            ended.append(1)
    assert "actor number 0" in caught.value.failure.text


def _actor_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("actor ")]


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0


def test_nothing_is_left_of_a_stage() -> None:
    """Neither threads nor open files; the collector and the switch interval are as before."""
    before = gc.isenabled(), sys.getswitchinterval()
    threads, files = set(_actor_threads()), _open_files()
    with stage(passes(2, 2, 2)) as made:
        made.run((2, 1))
    assert (gc.isenabled(), sys.getswitchinterval()) == before
    assert set(_actor_threads()) <= threads
    assert _open_files() == files


def test_interrupt_in_the_main_thread_leaves_no_thread_behind() -> None:
    """Actors that have begun continue without a schedule, and those that have not do not begin."""
    begun: list[int] = []

    def acts() -> Sequence[Act]:
        def interrupt(point: Point) -> None:
            begun.append(0)
            _thread.interrupt_main()
            while made.scheduler._is_free is False:
                time.sleep(1e-4)
            point()

        return interrupt, lambda _: begun.append(1)

    before = set(_actor_threads())
    made: Stage
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt), stage(acts) as made:
            made.run()
    finally:
        signal.signal(signal.SIGINT, handler)
    for thread in set(_actor_threads()) - before:
        thread.join(TIMEOUT_S)
    assert set(_actor_threads()) <= before
    assert begun == [0]


def test_events_of_actors_are_noted() -> None:
    """Preempted, blocked or returned, in their order."""
    noted: list[tuple[int, str]] = []

    def acts() -> Sequence[Act]:
        lock = threading.Lock()

        def take(point: Point) -> None:
            with lock:
                point()

        return take, take

    with stage(acts) as made:
        run: Run = made.run((2, 1), note=lambda actor, event: noted.append((actor, event)))
    assert noted == [(0, "preempted"), (1, "blocked"), (0, "returned"), (1, "returned")]
    assert run.blocks == 1
