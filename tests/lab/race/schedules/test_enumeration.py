"""The order of schedules."""

from __future__ import annotations

from itertools import islice

from pytest_concclaims.lab.race.schedules.enumeration import Levels, Planned
from pytest_concclaims.lab.race.schedules.run import Run, Schedule, Span

TWO_ACTORS = (Span(1, 0, (1,), choice=True), Span(2, 0, (1,)), Span(4, 1, ()))


def run_of(*spans: Span, steps: int, schedule: Schedule = ()) -> Run:
    """Return a run."""
    return Run(schedule, [None, None, None], spans=list(spans), steps=steps)


def preempted(run: Run) -> list[Schedule]:
    """Return all schedules that depart from a run by a preemption."""
    return [run.preempted(number) for number in range(run.preemptions())]


def test_schedules_depart_at_each_step_of_a_span() -> None:
    """Each actor that could have run is one departure. At ends and blocks, it is a choice and not a preemption."""
    run = run_of(*TWO_ACTORS, steps=6)
    assert preempted(run) == [((2, 1),), ((3, 1),)]
    assert list(run.choices()) == [((1, 1),)]


def test_schedules_depart_only_after_the_last_departure() -> None:
    """The parent has the earlier departures."""
    run = run_of(Span(1, 0, (1,), choice=True), Span(2, 0, (1, 2)), Span(3, 1, (0, 2)), steps=4, schedule=((2, 1),))
    assert preempted(run) == [
        ((2, 1), (3, 0)),
        ((2, 1), (3, 2)),
        ((2, 1), (4, 0)),
        ((2, 1), (4, 2)),
    ]
    assert not list(run.choices())


def test_run_goes_as_planned_if_it_is_the_same_up_to_the_departure() -> None:
    """After the departure, the two differ."""
    parent = run_of(*TWO_ACTORS, steps=6)
    planned = Planned(((3, 1),), parent)
    later = Span(3, 1, (0,))
    assert planned.went_as_planned(run_of(*TWO_ACTORS[:2], later, steps=9, schedule=((3, 1),)))
    assert not planned.went_as_planned(run_of(TWO_ACTORS[0], Span(2, 1, ()), later, steps=9, schedule=((3, 1),)))
    assert Planned(()).went_as_planned(parent)


def test_level_is_all_schedules_with_the_same_number_of_preemptions() -> None:
    """Departures by a choice are in the same level, departures by a preemption in the next one."""
    levels = Levels()
    found = []
    for planned in levels:
        found.append(planned.schedule)
        first = planned.schedule[0][1] if planned.schedule else 0
        spans = Span(1, first, (1 - first,), choice=True), Span(2, first, (1 - first,)), Span(4, 1 - first, ())
        levels.add(run_of(*spans, steps=5, schedule=planned.schedule))
    assert found == [(), ((1, 1),)]
    assert levels.further() == 4
    levels.advance()
    assert levels.preemptions == 1
    assert sorted(planned.schedule for planned in levels) == [
        ((1, 1), (2, 0)),
        ((1, 1), (3, 0)),
        ((2, 1),),
        ((3, 1),),
    ]


def test_level_tries_each_preemption_of_each_run_once_in_random_order() -> None:
    """The order is another one each time, so a part of it is a random sample."""
    spans = Span(1, 0, (1, 2)), Span(40, 1, (0,))
    parents = [run_of(*spans, steps=50, schedule=((number, 1),)) for number in (1, 2, 3)]
    orders = set()
    for _ in range(3):
        levels = Levels()
        for parent in parents:
            levels.add(parent)
        further = levels.further()
        levels.advance()
        planned = list(levels)
        assert all(one.schedule[:-1] == one.parent.schedule for one in planned if one.parent)
        assert len({one.schedule for one in planned}) == len(planned) == levels.tried == further
        orders.add(tuple(one.schedule for one in planned))
    assert len(orders) == 3


def test_part_of_a_level_takes_little_memory() -> None:
    """A level may have more schedules than there is memory for."""
    levels = Levels()
    levels.add(run_of(Span(1, 0, (1,)), steps=10**12))
    levels.advance()
    assert len({planned.schedule for planned in islice(levels, 100)}) == 100
