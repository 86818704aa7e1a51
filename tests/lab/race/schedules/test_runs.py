"""Single runs of a race under schedules, at this interpreter's own switch points."""

from __future__ import annotations

import gc
import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from helpers.stage import REPEATS
from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.failure import Failed
from pytest_concclaims.lab.race.experiment import Subject
from pytest_concclaims.lab.race.position import Part
from pytest_concclaims.lab.race.question import OutcomeQuestion, portable
from pytest_concclaims.lab.race.schedules.explorer import Explored, Explorer, Seen, clock
from pytest_concclaims.lab.race.schedules.run import Schedule
from pytest_concclaims.lab.race.schedules.runs import Runs
from pytest_concclaims.lab.race.schedules.story import Visit
from pytest_concclaims.lab.race.without_locks import UnlockedSetup, with_locks

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]


@contextmanager
def runs_of(
    setup: Callable[[], Any],
    *actors: Callable[[Any], object],
    observe: Callable[[Any], Hashable] | None = None,
    sought: Callable[[Hashable], bool] = lambda _: False,
    portable: bool = False,
    exceptions: tuple[type[BaseException], ...] = (),
    begin: Callable[[Schedule, Part], None] = lambda *_: None,
) -> Iterator[Runs]:
    """Return the runs of these actors in this process."""
    subject = Subject("race", setup, actors, observe, exceptions=exceptions)
    question = OutcomeQuestion("ever", "it", sought)
    made = Runs(subject, question, portable_grade=portable, timeout=TIMEOUT_S, begin=begin)
    with made as runs:
        yield runs


def explored(runs: Runs, *, most: int | None = None, repeat: bool = True) -> Explored:
    """Return what the schedules show."""
    return Explorer(runs.run, most=most, repeat=repeat).explore(clock() + TIMEOUT_S)


def increase(number: int) -> int:
    """Return the next number."""
    return number + 1


def read_call_write(counter: list[int]) -> None:
    """Increase the counter; an update can be lost if threads are switched after the call."""
    counter[0] = increase(counter[0])


def test_same_schedule_has_the_same_outcome() -> None:
    """Also a schedule that loses an update, where that is possible."""
    with runs_of(lambda: [0], read_call_write, read_call_write, observe=lambda counter: counter[0]) as runs:
        found = explored(runs, most=1, repeat=False)
        outcomes = [runs.run(((3, 1),)).judged.outcome for _ in range(20)]
    assert found.unrepeatable == 0
    assert set(found.outcomes) <= {portable(1), portable(2)}
    assert len(set(outcomes)) == 1


def test_portable_grade_has_more_switch_points() -> None:
    """It has one before each instruction that touches more than locals."""

    def add(box: list[int]) -> None:
        box[0] += 1

    with runs_of(lambda: [0], add, add, observe=lambda box: box[0], portable=True) as runs:
        found = explored(runs, most=1)
    assert portable(1) in found.outcomes
    assert found.points[0] >= 1


def test_actors_in_c_have_no_switch_points_and_two_orders() -> None:
    """The two orders are all schedules."""
    box: list[int] = []

    def setup() -> list[int]:
        box.clear()
        return box

    append = partial(list.append, box)
    with runs_of(setup, append, append, observe=len) as runs:
        found = explored(runs)
    assert (found.points, found.run, found.exhausted) == ((0, 0), 2, True)
    assert found.outcomes == {portable(2): 2}


@pytest.mark.parametrize(
    ("setup", "first", "second", "outcome"),
    [
        (queue.Queue, lambda box: box.get(), lambda box: box.put(1), (1, None)),
        (queue.SimpleQueue, lambda box: box.get(), lambda box: box.put(1), (1, None)),
        (partial(threading.Barrier, 2), lambda box: box.wait() >= 0, lambda box: box.wait() >= 0, (True, True)),
        (threading.Event, lambda box: box.wait(), lambda box: box.set(), (True, None)),
    ],
    ids=["Queue", "SimpleQueue", "Barrier", "Event"],
)
def test_schedules_of_actors_that_wait_repeat(setup: Any, first: Any, second: Any, outcome: Any) -> None:
    """None ends in a deadlock, and all have the same outcome."""
    with runs_of(setup, first, second) as runs:
        found = explored(runs, most=0, repeat=False)
        in_order = [runs.run(schedule) for schedule in ((), ((1, 1),))]
        seen = [runs.run(((4, 1),)) for _ in range(3)]
    assert set(found.outcomes) == {portable(outcome)}
    assert found.unrepeatable == 0
    assert any(one.run.blocks for one in in_order)
    assert not any(one.last for one in (*in_order, *seen))
    assert not REPEATS or all(one.run.is_as(seen[0].run) for one in seen)


def test_actors_that_differ_from_run_to_run_are_noticed() -> None:
    """For example because of random numbers."""
    numbers = random.Random(0)

    def count_at_random(box: list[int]) -> None:
        for _ in range(numbers.randrange(30)):
            increase(1)

    with runs_of(list, count_at_random, count_at_random) as runs:

        def run(schedule: Schedule) -> Seen:
            seen = runs.run(schedule)
            return replace(seen, last=explorer.found.unrepeatable > 0)  # one is enough

        explorer = Explorer(run, most=1, repeat=False)
        found = explorer.explore(clock() + TIMEOUT_S)
    assert found.unrepeatable > 0


def test_what_happens_only_once_in_a_process_is_noticed() -> None:
    """For example a value that is computed once and kept in a thread-local or a module."""
    kept: dict[str, int] = {}

    def compute_once(_: object) -> None:
        if "value" not in kept:
            for _ in range(5):
                kept["value"] = increase(len(kept))

    with runs_of(list, compute_once, compute_once) as runs:
        once = explored(runs, most=0).once
    line = compute_once.__code__.co_firstlineno + 2
    assert once is not None
    assert once.endswith(f"test_runs.py:{line}: for _ in range(5):)")

    local = threading.local()

    def once_in_a_thread(_: object) -> None:
        if not hasattr(local, "value"):
            local.value = sorted(map(increase, range(5)))

    with runs_of(list, once_in_a_thread, once_in_a_thread) as runs:
        assert explored(runs, most=0).once

    with runs_of(list, lambda _: increase(1), lambda _: increase(1)) as runs:
        assert not explored(runs, most=0).once


def test_threads_that_actors_start_are_noticed() -> None:
    """Schedules do not switch them."""

    def start(_: object) -> None:
        thread = threading.Thread(target=increase, args=(1,))
        thread.start()
        thread.join()

    with runs_of(list, start, increase_nothing) as runs:
        runs.run(())
        assert runs.started_threads
    with runs_of(list, increase_nothing, increase_nothing) as runs:
        runs.run(())
        assert not runs.started_threads


@pytest.mark.skipif(sys.version_info[:2] != (3, 12), reason="others report all calls")
def test_function_called_with_star_arguments_leaves_doubt() -> None:
    """A switch point follows if it is a bound method, which CPython 3.12 does not report. It reports code in C."""
    one = (1,)
    with runs_of(list, lambda _: increase(*one), increase_nothing) as runs:
        runs.run(())
        assert "call method(*args)" in str(runs.doubt)
    with runs_of(list, lambda _: max(*one, 2), increase_nothing) as runs:
        runs.run(())
        assert runs.doubt is None


def increase_nothing(_: object) -> None:
    """Call a function."""
    increase(0)


def test_exception_of_an_actor_is_its_outcome_or_ends_the_run() -> None:
    """The race has the exceptions that are outcomes."""

    def fail(_: object) -> None:
        raise LookupError("no such account")

    with runs_of(list, fail, increase_nothing, exceptions=(LookupError,)) as runs:
        assert runs.run(()).judged.outcome == portable(LookupError)
    with runs_of(list, fail, increase_nothing) as runs, pytest.raises(Failed, match="no such account"):
        runs.run(())


def test_parts_of_a_run_are_reported_in_their_order() -> None:
    """A message can name the part that crashed."""
    begun: list[tuple[Schedule, Part]] = []
    with runs_of(list, increase_nothing, increase_nothing, begin=lambda *at: begun.append(at)) as runs:
        runs.run(((1, 1),))
    assert begun == [(((1, 1),), part) for part in (Part.SETUP, Part.ACTORS, Part.OUTCOMES)]


def test_story_has_the_lines_and_events_of_each_actor() -> None:
    """The next run writes no story unless it is asked to."""
    visits: list[Visit] = []
    with runs_of(lambda: [0], read_call_write, read_call_write, observe=tuple) as runs:
        runs.run(())
        plain = runs.run(((3, 1),))
        written = runs.run(((3, 1),), visits.append)
        count = len(visits)
        runs.run(())
    assert written.run == plain.run
    assert written.judged == plain.judged
    assert len(visits) == count
    assert {visit.actor for visit in visits} == {0, 1}
    assert {visit.file for visit in visits} == {__file__}
    assert [visit.event for visit in visits if visit.event] == ["preempted", "returned", "returned"]


def test_actors_of_many_instructions_are_run() -> None:
    """Here, a level with preemptions is too large for any budget."""

    def count(box: list[int]) -> None:
        for number in range(3_000):
            box[0] = increase(number)

    with runs_of(lambda: [0], count, count, observe=len) as runs:
        found = Explorer(runs.run, repeat=False).explore(clock())
    assert found.run == 1
    assert found.points[0] >= 3_000


def test_long_loop_has_the_same_switch_points_in_each_run() -> None:
    """Also in the run in which PyPy compiles it."""

    def count(box: list[int]) -> None:
        for number in range(1_000):
            box[0] = increase(number)

    gc.collect()  # no finalizer of earlier garbage runs in an actor
    with runs_of(lambda: [0], count, count, observe=len) as runs:
        points = {runs.run(()).run.points for _ in range(5)}
    assert len(points) == 1


def test_no_garbage_is_collected_while_actors_run() -> None:
    """A finalizer that runs in an actor would make its runs differ."""
    with runs_of(list, lambda _: gc.isenabled(), lambda _: gc.isenabled(), observe=None) as runs:
        assert runs.run(()).judged.outcome.text == "(False, False)"


def test_nothing_is_left_of_runs() -> None:
    """No thread, tool of sys.monitoring or trace function; the collector and the switch interval are as before."""

    def state() -> tuple[object, ...]:
        monitoring = getattr(sys, "monitoring", None)
        tools = [monitoring.get_tool(number) for number in range(6)] if monitoring else None
        return gc.isenabled(), sys.getswitchinterval(), sys.gettrace(), tools, threading.active_count()

    before = state()
    with runs_of(list, increase_nothing, increase_nothing) as runs:
        runs.run(())
        assert sys.getswitchinterval() > before[1]  # type: ignore[operator]
    assert state() == before

    def fail() -> None:
        raise LookupError

    with pytest.raises(Failed), runs_of(fail, increase_nothing, increase_nothing) as runs:
        runs.run(())
    assert state() == before


def test_trace_function_of_this_thread_stays() -> None:
    """It may be that of a debugger."""

    def trace(frame: Any, event: str, argument: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with runs_of(list, increase_nothing, increase_nothing) as runs:
            runs.run(())
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


def test_timed_wait_ends_by_itself() -> None:
    """It is not a deadlock, even if all other actors have ended."""

    def wait(box: queue.Queue[int]) -> str:
        try:
            box.get(timeout=0.01)
        except queue.Empty:
            return "empty"
        return "got it"

    with runs_of(queue.Queue, wait, lambda _: time.sleep(0.001)) as runs:
        assert runs.run(()).judged.outcome == portable(("empty", None))


def test_a_setup_without_locks_is_compared_by_what_it_calls() -> None:
    """It refers to the namespaces of all modules: to walk through these would take most of a control's budget."""
    without = UnlockedSetup(list)
    without.prepare()
    assert with_locks(without) is list
    assert with_locks(list) is list
