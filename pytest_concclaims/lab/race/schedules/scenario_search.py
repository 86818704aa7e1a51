"""The search among the scenarios of operations: the schedules of one scenario after the other, the smallest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
    search = _ScenarioSearch(runs, base, end, begin)
    for shape in shapes(len(base.actors), base.each):
        search.run_shape(shape)
        if search.is_over() or clock() > end:
            break
    return search.total


class _ScenarioSearch:
    def __init__(self, runs: Runs, base: Subject, end: float, begin: Callable[[Scenario], None]) -> None:
        self._runs = runs
        self._base = base
        self._end = end
        self._begin = begin
        self._begun = clock()
        self._ran = 0
        self.total = Explored()

    def is_over(self) -> bool:
        """Return whether there is a witness, or it is not known what calls give one after the other."""
        return self.total.witness is not None or self.total.unordered is not None

    def run_shape(self, shape: Shape) -> None:
        """Run the scenarios of a shape."""
        operations = len(self._base.operations)
        is_least, of = max(shape) == 1, count(shape, operations)
        each = (clock() - self._begun) / max(self._ran, 1)
        at_random = not is_least and of * each > self._end - clock()
        whole, cut = self._run(_chosen(shape, operations, at_random=at_random), of, is_least=is_least)
        if is_least and cut and not self.is_over():  # "never" rests on these: what others did not need is for them
            more, cut = self._run(cut, len(cut), is_least=True)
            whole += more
        if is_least:
            self.total = replace(self.total, preemptions=None if cut else ENOUGH)
        most = ENOUGH if is_least else _ENOUGH_OF_MORE_CALLS
        self.total = replace(self.total, shapes=(*self.total.shapes, ShapeRun(shape, whole, of, most)))

    def _run(self, todo: Iterable[Scenario], of: int, *, is_least: bool) -> tuple[int, list[Scenario]]:
        """Run some scenarios; return of how many the schedules were run whole, and the others that were begun.

        :param of: how many they are, about: each has its share of the time.
        """
        most, whole, cut = ENOUGH if is_least else _ENOUGH_OF_MORE_CALLS, 0, []
        for number, scenario in enumerate(todo):
            now = clock()
            if self.is_over() or (number and now > self._end):
                break
            self._begin(scenario)
            self._runs.take(self._base.scenario(scenario))
            explorer = Explorer(self._runs.run, actors=len(scenario), most=most)
            explored = explorer.explore(now + (self._end - now) / max(of - number, 1))
            self._ran += 1
            self._add(explored, scenario)
            if explored.exhausted or (explored.preemptions or 0) >= most:
                whole += 1
            else:
                cut.append(scenario)
        return whole, cut

    def _add(self, one: Explored, scenario: Scenario) -> None:
        """Add what a scenario has shown."""
        total, runs = self.total, self._runs
        self.total = replace(
            total,
            points=total.points or one.points,
            run=total.run + one.run,
            seen=total.seen + one.seen,
            unrepeatable=total.unrepeatable + one.unrepeatable,
            impatient=total.impatient + one.impatient,
            contended=total.contended or one.contended,
            once=total.once or runs.once,
            no_race=total.no_race or one.no_race,
            lost=one.lost,
            blocks=total.blocks + one.blocks,
            outcomes=total.outcomes + one.outcomes,
            like=total.like or one.like,
            unordered=runs.unordered,
            witness=one.witness and replace(one.witness, number=total.run + one.witness.number),
            scenario=None if one.witness is None else scenario,
            in_order=() if one.witness is None else runs.in_order,
        )


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
