"""The search among schedules: it is complete, what it counts, and when it ends."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import pytest

from helpers.stage import REPEATS, Act, Stage, passes, stage
from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.race.question import Judged, portable
from pytest_concclaims.lab.race.schedules.explorer import Explored, Explorer, Seen, clock
from pytest_concclaims.lab.race.schedules.run import Run, Schedule, Span

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]


def explored(
    run: Callable[[Schedule], Seen],
    *,
    seconds: float = TIMEOUT_S,
    most: int | None = None,
    stop_after: int = 1,
    least_empty: int = 0,
    repeat: bool = False,
) -> Explored:
    """Return what a search finds."""
    explorer = Explorer(run, stop_after=stop_after, least_empty=least_empty, most=most, repeat=repeat)
    return explorer.explore(clock() + seconds)


def orders_of(points: Sequence[int], most: int | None = None) -> tuple[Explored, list[str]]:
    """Return what a search finds, and the orders that it ran, for actors with these numbers of switch points."""
    log: list[int] = []
    orders: list[str] = []
    with stage(passes(*points, log=log.append)) as made:

        def run(schedule: Schedule) -> Seen:
            log.clear()
            seen = made.seen(schedule)
            orders.append("".join(map(str, log)))
            return seen

        return explored(run, most=most), orders


def interleavings(points: Sequence[int], most: int) -> int:
    """Count the orders with at most this number of preemptions, by enumerating all."""

    def orders(left: tuple[int, ...], last: int | None, preemptions: int) -> int:
        if preemptions > most:
            return 0
        if not any(left):
            return 1
        total = 0
        for actor, count in enumerate(left):
            if count:
                cost = last is not None and last != actor and left[last] > 0
                rest = (*left[:actor], count - 1, *left[actor + 1 :])
                total += orders(rest, actor, preemptions + cost)
        return total

    return orders(tuple(count + 1 for count in points), None, 0)


@pytest.mark.parametrize(
    ("points", "most", "expected"),
    [
        ((4, 6), 0, 2),
        ((4, 6), 1, 12),
        ((4, 6), 2, 60),
        ((0, 0), 2, 2),
        ((1, 2, 3), 0, 6),
        ((1, 2, 3), 1, None),
        ((1, 1, 1), 2, None),
        ((1, 1, 1, 1), 1, None),
    ],
)
def test_each_schedule_of_a_level_is_run_once(points: tuple[int, ...], most: int, expected: int | None) -> None:
    """The search runs all that exist, and none twice."""
    found, orders = orders_of(points, most)
    assert len(set(orders)) == len(orders) == found.run == interleavings(points, most)
    assert expected in (None, found.run)
    assert found.preemptions == (most if any(points) else 0)
    assert found.points == points
    assert found.unrepeatable == 0
    assert found.outcomes == {portable((None,) * len(points)): found.run}


@pytest.mark.parametrize("points", [(0, 0), (1, 1), (2, 1), (0, 0, 0)], ids=str)
def test_few_interleavings_are_exhausted(points: tuple[int, ...]) -> None:
    """Each order of what actors do between their switch points is an interleaving."""
    found, orders = orders_of(points)
    segments = [count + 1 for count in points]
    assert len(set(orders)) == math.factorial(sum(segments)) // math.prod(map(math.factorial, segments))
    assert found.exhausted
    assert found.further == 0
    assert found.is_enough


def test_search_ends_with_two_preemptions_where_there_are_more() -> None:
    """The number of schedules with three is reported."""
    found, _ = orders_of((6, 6))
    assert (found.preemptions, found.exhausted, found.is_enough) == (2, False, True)
    assert found.further == interleavings((6, 6), 3) - found.run


def _lock_twice() -> Sequence[Act]:
    lock = threading.Lock()
    log: list[str] = []

    def actor(me: int) -> Act:
        def act(point: Callable[[], None]) -> str:
            for _ in range(2):
                point()
                with lock:
                    log.append(str(me))
                    point()
                    log.append(str(me))
            return "".join(log)

        return act

    return actor(0), actor(1)


def _barrier() -> Sequence[Act]:
    barrier = threading.Barrier(3)

    def meet(point: Callable[[], None]) -> None:
        point()
        barrier.wait()

    return [meet] * 3


@pytest.mark.skipif(not REPEATS, reason="a wake-up may be noticed late; then a schedule is tried again")
@pytest.mark.parametrize(("acts", "most"), [(_lock_twice, 2), (_barrier, 1)], ids=["lock", "barrier"])
def test_schedules_of_actors_that_block_repeat(acts: Callable[[], Sequence[Act]], most: int) -> None:
    """Another search finds the same. Schedules that change nothing are not counted."""
    found = []
    blocks: list[int] = []
    with stage(acts) as made:
        for _ in range(2):
            runs: list[tuple[object, int]] = []

            def run(schedule: Schedule, runs: list[tuple[object, int]] = runs, made: Stage = made) -> Seen:
                seen = made.seen(schedule)
                blocks.append(seen.run.blocks)
                if not seen.run.futile:  # a futile run is the interleaving of another schedule
                    runs.append((tuple(seen.run.spans), seen.run.blocks))
                return seen

            one = explored(run, most=most)
            assert one.unrepeatable == 0
            assert any(blocks)
            assert len(set(runs)) == len(runs) == one.run
            found.append(replace(one, seconds=0.0))
    assert found[0] == found[1]


# --- invented runs


def seen_of(
    schedule: Schedule,
    outcome: Hashable = "none",
    *,
    steps: int = 9,
    sought: bool = False,
    followed: bool = True,
    futile: bool = False,
) -> Seen:
    """Return an invented run of two actors."""
    first = schedule[0][1] if schedule and schedule[0][0] == 1 else 0
    spans = [Span(1, first, (1 - first,), choice=True), Span(2, first, (1 - first,))]
    for step, actor in schedule[bool(schedule and schedule[0][0] == 1) :]:
        spans.append(Span(step, actor, (1 - actor,)))
    run = Run(schedule, [None, None], spans=spans, steps=steps, followed=followed, futile=futile)
    return Seen(run, Judged(portable(outcome), sought, like=True))


def test_search_stops_at_the_first_witness() -> None:
    """The witness has its schedule, its outcome, its number and its preemptions."""
    found = explored(lambda schedule: seen_of(schedule, "lost", sought=schedule == ((4, 1),)))
    assert found.seen == 1
    assert found.witness is not None
    assert found.witness.schedule == ((4, 1),)
    assert (found.witness.outcome, found.witness.number, found.witness.preemptions) == ("'lost'", found.run, 1)
    assert not found.no_race
    assert found.preemptions == 0


def test_witness_without_a_preemption_needs_no_race() -> None:
    """The actors ran one after the other."""
    found = explored(lambda schedule: seen_of(schedule, sought=True))
    assert found.no_race
    assert found.run == 1


def test_search_goes_on_until_enough_is_seen() -> None:
    """For a control, it matters how often it shows the effect."""
    found = explored(lambda schedule: seen_of(schedule, sought=bool(schedule) and schedule[0][0] > 1), stop_after=10)
    assert found.run == 10
    assert 0 < found.seen <= 8
    assert found.witness is not None
    assert found.witness.number < 10


@pytest.mark.parametrize(("filled", "run"), [(None, 10), (1, 1), (4, 4), (20, 10)])
def test_search_goes_on_while_actors_return_nothing(filled: int | None, run: int) -> None:
    """It ends when an actor returns something, or after enough schedules: actors may never return anything."""
    numbers = itertools.count(1)

    def run_one(schedule: Schedule) -> Seen:
        outcome = (None, 1) if next(numbers) == filled else (None, None)
        return seen_of(schedule, outcome, sought=outcome == (None, None) or filled == 1)

    found = explored(run_one, least_empty=10)
    assert found.run == run
    assert found.witness is not None
    assert found.witness.number == 1


def test_what_happens_once_in_a_process_is_noticed() -> None:
    """The search repeats the very first run."""
    steps = itertools.chain([12], itertools.repeat(9))
    assert explored(lambda schedule: seen_of(schedule, steps=next(steps)), most=0, repeat=True).once
    assert not explored(seen_of, most=0, repeat=True).once
    assert explored(seen_of, most=0, repeat=True).run == explored(seen_of, most=0).run == 2


def test_outcome_that_only_the_first_run_has_is_noticed() -> None:
    """Random outcomes differ each time."""
    outcomes = itertools.chain(["made"], itertools.repeat("found"))
    assert explored(lambda schedule: seen_of(schedule, next(outcomes)), most=0, repeat=True).once
    numbers = itertools.count()
    assert not explored(lambda schedule: seen_of(schedule, next(numbers)), most=0, repeat=True).once


def test_runs_that_differ_are_tried_again() -> None:
    """A schedule that goes as planned at last counts as repeatable."""
    numbers = itertools.count()

    def differ_now_and_then(schedule: Schedule) -> Seen:
        return seen_of(schedule, followed=next(numbers) % 3 > 0)

    found = explored(differ_now_and_then, most=1)
    assert found.unrepeatable == 0
    assert found.preemptions == 1


def test_runs_that_differ_each_time_are_counted() -> None:
    """There are three attempts. "Never" cannot rest on such schedules."""
    tried: list[Schedule] = []

    def differ_if_preempted(schedule: Schedule) -> Seen:
        tried.append(schedule)
        return seen_of(schedule, followed=len(schedule) != 1)

    found = explored(differ_if_preempted, most=1)
    assert found.unrepeatable > 0
    assert not found.exhausted
    assert not found.is_enough
    assert tried.count(((4, 1),)) == 3


def test_different_outcomes_are_counted_separately() -> None:
    """Even if the runs went the same way."""
    numbers = itertools.count()
    found = explored(lambda schedule: seen_of(schedule, next(numbers) % 2), most=1)
    assert set(found.outcomes) == {portable(0), portable(1)}
    assert sum(found.outcomes.values()) == found.run


def test_futile_schedules_are_not_counted() -> None:
    """Each is the interleaving of another schedule."""
    found = explored(lambda schedule: seen_of(schedule, futile=bool(schedule)), most=1)
    assert found.run == 1


def test_search_ends_where_threads_are_lost() -> None:
    """Further schedules cannot run in the process."""
    found = explored(lambda schedule: replace(seen_of(schedule), last=bool(schedule)))
    assert found.run == 2


def test_level_that_is_too_long_is_run_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which part is random. The least probability of a schedule is reported. The levels before are complete."""
    now = itertools.count()
    monkeypatch.setattr("pytest_concclaims.lab.race.schedules.explorer.clock", lambda: float(next(now)))
    explorer = Explorer(lambda schedule: seen_of(schedule, steps=1001), repeat=False)
    found = explorer.explore(100.0)
    assert (found.preemptions, found.further) == (0, 2000)
    assert found.random_run > 10
    assert found.run == found.random_run + 2
    assert found.chance == pytest.approx(1 / 2000)
    assert not found.is_enough


def test_choices_in_a_part_of_a_level_lower_the_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two schedules belong to each preemption here: after it, an actor ends, and either of two others may go on."""
    now = itertools.count()
    monkeypatch.setattr("pytest_concclaims.lab.race.schedules.explorer.clock", lambda: float(next(now)))

    def run(schedule: Schedule) -> Seen:
        spans = [Span(1, 0, (1,)), Span(1001, 1, (2,), choice=True)]
        made = Run(schedule, [None] * 3, spans=spans, steps=1001)
        return Seen(made, Judged(portable("none"), sought=False, like=True))

    found = Explorer(run, repeat=False).explore(101.0)
    assert found.further == 1000
    assert found.chance == pytest.approx(1 / 2000, rel=0.02)


def test_level_that_time_does_not_allow_to_end_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least one schedule is run."""
    now = itertools.count()
    monkeypatch.setattr("pytest_concclaims.lab.race.schedules.explorer.clock", lambda: float(next(now)))
    found = Explorer(seen_of, repeat=False).explore(0.0)
    assert found.run == 1
    assert found.preemptions is None
