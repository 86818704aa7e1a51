"""The search among the scenarios of operations, the smallest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ...callables import name_of
from ...failure import Failed, Failure
from ..experiment import Subject
from ..orders import Raised
from ..scenarios import Scenario, Shape, any_scenario, count, scenarios, shapes
from .explorer import ENOUGH_PREEMPTIONS, Explored, Explorer, ShapeRun, clock
from .runs import Runs


def explore_scenarios(runs: Runs, base: Subject, end: float, begin: Callable[[Scenario], None]) -> Explored:
    """Run the schedules of scenarios until the sought outcome was seen, or time is up.

    The order is: with one preemption, the scenarios with one call in each thread, and those with one call more, as
    most bugs show in these; with two preemptions, the scenarios with one call in each thread. "Never" rests on all of
    these. Then come larger scenarios: all of a shape if there is time for them, else a random choice.

    :param base: has the operations.
    :param end: when to stop, by ``clock``.
    :param begin: is called before each scenario.
    """
    search = _ScenarioSearch(runs, base, end, begin)
    least, *others = shapes(len(base.actors), base.each)
    search.run_shape(least, most=1)
    for shape in others[:1]:
        search.run_shape(shape, most=1)
    search.run_shape(least, most=ENOUGH_PREEMPTIONS)
    for shape in others[1:]:
        search.run_shape(shape, most=1)
    if not search.is_over():
        _check_ends(base, search.ended)
    total = search.total
    needed = [one for one in total.shapes if one.calls in (least, *others[:1])]
    if len(needed) == len([least, *others[:1]]) and all(one.run == one.of for one in needed):
        total.preemptions = max(one.preemptions for one in needed)
    total.seconds = search.seconds
    total.shapes = tuple(sorted(total.shapes, key=lambda one: (sum(one.calls), one.calls)))
    return total


class _ScenarioSearch:
    def __init__(self, runs: Runs, base: Subject, end: float, begin: Callable[[Scenario], None]) -> None:
        self._runs = runs
        self._base = base
        self._end = end
        self._begin = begin
        self._begun = clock()
        self._ran = 0
        #: The operations that have returned in some order of some scenario.
        self.ended: set[int] = set()
        self.total = Explored()

    def run_shape(self, shape: Shape, *, most: int) -> None:
        """Run the scenarios of a shape, unless the search is over.

        :param most: the most preemptions.
        """
        if self._ran and self.is_over():
            return
        operations = len(self._base.operations)
        of = count(shape, operations)
        each = self.seconds / max(self._ran, 1)
        is_needed = sum(shape) <= len(shape) + 1
        at_random = not is_needed and of * each > self._end - clock()
        whole, cut = self._run(_chosen(shape, operations, at_random=at_random), of, most)
        if cut and most == ENOUGH_PREEMPTIONS:  # they get the time that other scenarios did not need
            more, cut = self._run(cut, len(cut), most)
            whole += more
        before = [one for one in self.total.shapes if one.calls != shape]
        self.total.shapes = (*before, ShapeRun(shape, whole, of, most))

    @property
    def seconds(self) -> float:
        """Return the time since the begin of the search."""
        return clock() - self._begun

    def is_over(self) -> bool:
        """Return whether there is a witness, or no answer is possible, or no time is left."""
        total = self.total
        return total.witness is not None or total.unordered is not None or clock() > self._end

    def _run(self, todo: Iterable[Scenario], of: int, most: int) -> tuple[int, list[Scenario]]:
        """Run scenarios. Return how many were run up to ``most`` preemptions, and the others that were begun.

        :param of: their approximate number: with two preemptions, each gets an equal share of the time.
        """
        whole, cut = 0, []
        for number, scenario in enumerate(todo):
            now = clock()
            if self._ran and self.is_over():
                break
            self._begin(scenario)
            self._runs.take(self._base.scenario(scenario))
            self._note_ends(scenario)
            share = (self._end - now) / max(of - number, 1) if most == ENOUGH_PREEMPTIONS else self._end - now
            explored = Explorer(self._runs.run, most=most).explore(now + share)
            self._ran += 1
            self._add(explored, scenario)
            if explored.exhausted or (explored.preemptions or 0) >= most:
                whole += 1
            else:
                cut.append(scenario)
        return whole, cut

    def _note_ends(self, scenario: Scenario) -> None:
        """Note which operations return when they are called one after the other."""
        given = () if self._runs.sequential is None else self._runs.sequential.results
        for _, results in given:
            for calls, values in zip(scenario, results.values):
                ended = (call for call, value in zip(calls, values) if not isinstance(value, Raised))
                self.ended.update(ended)

    def _add(self, one: Explored, scenario: Scenario) -> None:
        """Add what the schedules of a scenario showed."""
        total, runs = self.total, self._runs
        if one.witness is not None:
            number = total.run + one.witness.number
            total.witness = replace(one.witness, number=number, seconds=self.seconds, scenario=scenario)
            total.in_order = runs.in_order
        total.add(one)
        total.unordered = runs.unordered


def _check_ends(base: Subject, ended: set[int]) -> None:
    """Refuse an operation that raises in each scenario: the code in question may never have run."""
    for number, operation in enumerate(base.operations):
        if number not in ended and not base.may_break:
            text = f"{name_of(operation)} raised in each scenario, so the claim shows nothing else about it"
            raise Failed(Failure("raised", f"{text}; let setup make a state in which it does not raise", ""))


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
