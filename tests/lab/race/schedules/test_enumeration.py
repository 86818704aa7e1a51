"""The order of schedules, and the least probability with which a random one shows an effect."""

from __future__ import annotations

import random

import pytest

from pytest_concclaims.lab.race.schedules.enumeration import Levels, Planned, chance, random_schedule
from pytest_concclaims.lab.race.schedules.run import Run, Schedule, Span

TWO_ACTORS = (Span(1, 0, (1,), choice=True), Span(2, 0, (1,)), Span(4, 1, ()))


def run_of(*spans: Span, steps: int, schedule: Schedule = ()) -> Run:
    """Return a run."""
    return Run(schedule, [None, None, None], spans=list(spans), steps=steps)


def test_schedules_depart_at_each_step_of_a_span() -> None:
    """Each actor that could have run is one departure. At ends and blocks, it is a choice and not a preemption."""
    run = run_of(*TWO_ACTORS, steps=6)
    assert list(run.departures(choices=False)) == [((2, 1),), ((3, 1),)]
    assert list(run.departures(choices=True)) == [((1, 1),)]
    assert run.preemptions() == 2


def test_schedules_depart_only_after_the_last_departure() -> None:
    """The parent has the earlier departures."""
    run = run_of(Span(1, 0, (1,), choice=True), Span(2, 0, (1, 2)), Span(3, 1, (0, 2)), steps=4, schedule=((2, 1),))
    assert list(run.departures(choices=False)) == [
        ((2, 1), (3, 0)),
        ((2, 1), (3, 2)),
        ((2, 1), (4, 0)),
        ((2, 1), (4, 2)),
    ]
    assert not list(run.departures(choices=True))
    assert run.preemptions() == 4


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


@pytest.mark.parametrize("actors", [2, 3, 4])
@pytest.mark.parametrize("preemptions", [1, 2, 5])
def test_random_schedule_preempts_at_rising_steps(actors: int, preemptions: int) -> None:
    """Each preemption leads to another actor, even if there are fewer steps than preemptions."""
    random.seed(0)
    for steps in (1, 3, 1000):
        for _ in range(100):
            schedule = random_schedule(actors, steps, preemptions)
            at = [step for step, _ in schedule]
            assert at == sorted(set(at))
            assert sum(step > 1 for step in at) == preemptions
            going = [0, *(actor for _, actor in schedule)] if at[0] > 1 else [actor for _, actor in schedule]
            assert all(one != other and other < actors for one, other in zip(going, going[1:]))


def test_random_schedules_begin_with_any_actor_and_preempt_anywhere() -> None:
    """The stated probability rests on that."""
    random.seed(0)
    seen = {random_schedule(2, 3, 1) for _ in range(300)}
    assert {schedule[-1][0] for schedule in seen} == {2, 3, 4}
    assert {schedule[0] == (1, 1) for schedule in seen} == {True, False}


def test_chance_follows_burckhardt_et_al() -> None:
    """It is 1 / (n k^(d-1)) for a bug of depth d and two threads. With more, each switch chooses among others."""
    assert chance(2, 10, 2) == pytest.approx(1 / 200)
    assert chance(3, 100, 1) == pytest.approx(1 / 600)
    assert chance(2, 0, 1) == pytest.approx(1 / 2)
