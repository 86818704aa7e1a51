"""The search among the scenarios of operations: the schedules of one scenario after the other, the smallest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ..experiment import Subject
from ..scenarios import Scenario, Shape, any_scenario, count, scenarios, shapes
from .explorer import ENOUGH, Explored, Explorer, ShapeRun, clock
from .runs import Runs

#: Preemptions of the schedules of a scenario in which a thread makes more than one call: there are many of these.
_ENOUGH_OF_MORE_CALLS = 1


def explore_scenarios(runs: Runs, base: Subject, end: float, begin: Callable[[Scenario], None]) -> Explored:
    """Run the schedules of scenarios until what is sought was seen, or time is up.

    All scenarios of a shape are run if there is time for them, and those with one call in each thread in any case;
    else, as many as there is time for, chosen at random.

    :param base: has the operations.
    :param end: the clock's time when to stop.
    :param begin: is called before each scenario.
    """
    begun, operations = clock(), len(base.operations)
    total, ran = Explored(), 0
    for shape in shapes(len(base.actors), base.each):
        most, of = (ENOUGH if max(shape) == 1 else _ENOUGH_OF_MORE_CALLS), count(shape, operations)
        whole = 0
        are_too_many = ran > 0 and of * (clock() - begun) / ran > end - clock()
        for number, scenario in enumerate(_chosen(shape, operations, at_random=are_too_many)):
            if number and clock() > end:
                break
            begin(scenario)
            runs.take(base.scenario(scenario))
            share = (end - clock()) / (of - number)  # what one does not need, the others have
            explored = Explorer(runs.run, actors=len(shape), most=most).explore(clock() + share)
            total = _added(total, replace(explored, once=runs.once), is_least=max(shape) == 1)
            if runs.unsteady is not None:
                return replace(total, unsteady=runs.unsteady)
            ran += 1
            if explored.witness is not None:
                return replace(total, scenario=scenario, in_order=runs.in_order)
            whole += explored.exhausted or (explored.preemptions or 0) >= most
        total = replace(total, shapes=(*total.shapes, ShapeRun(shape, whole, of, most)))
        if clock() > end:
            break
    return total


def _chosen(shape: Shape, operations: int, *, at_random: bool) -> Iterator[Scenario]:
    if not at_random:
        yield from scenarios(shape, operations)
        return
    seen: set[Scenario] = set()
    for _ in range(count(shape, operations)):
        scenario = any_scenario(shape, operations)
        if scenario not in seen:
            seen.add(scenario)
            yield scenario


def _added(total: Explored, one: Explored, *, is_least: bool) -> Explored:
    """Return what all scenarios have shown so far.

    :param is_least: whether each thread makes one call: "never" rests on these.
    """
    preemptions = total.preemptions
    if is_least:
        whole = ENOUGH if one.exhausted else -1 if one.preemptions is None else one.preemptions
        preemptions = whole if not total.run else min(whole, -1 if preemptions is None else preemptions)
    return replace(
        total,
        points=total.points or one.points,
        run=total.run + one.run,
        seen=total.seen + one.seen,
        preemptions=None if preemptions is None or preemptions < 0 else preemptions,
        unrepeatable=total.unrepeatable + one.unrepeatable,
        impatient=total.impatient + one.impatient,
        contended=total.contended or one.contended,
        once=total.once or one.once,
        no_race=total.no_race or one.no_race,
        lost=one.lost,
        blocks=total.blocks + one.blocks,
        outcomes=total.outcomes + one.outcomes,
        like=total.like or one.like,
        witness=one.witness and replace(one.witness, number=total.run + one.witness.number),
    )
