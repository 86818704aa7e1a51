"""The search among scenarios: which are run, which have to be complete, and when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.failure import Failed
from pytest_concclaims.lab.race.experiment import operations_experiment
from pytest_concclaims.lab.race.question import LINEARIZABLE
from pytest_concclaims.lab.race.scenarios import Operation, Scenario, scenarios, shapes
from pytest_concclaims.lab.race.schedules import runs as runs_module
from pytest_concclaims.lab.race.schedules.explorer import ENOUGH_PREEMPTIONS, Explored, clock
from pytest_concclaims.lab.race.schedules.runs import Runs, sequential
from pytest_concclaims.lab.race.schedules.scenario_search import explore_scenarios

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]


def explored(
    *operations: Callable[[Any], object],
    setup: Callable[[], Any] = list,
    each: int = 1,
    seconds: float = TIMEOUT_S,
    threads: int = 2,
) -> tuple[Explored, list[Scenario]]:
    """Return what the search found, and the scenarios that it began."""
    described = operations_experiment(setup, operations, observe=None, threads=threads, each=each)
    begun: list[Scenario] = []
    with runs_of(described.race) as runs:
        return explore_scenarios(runs, described.race, clock() + seconds, begun.append), begun


@contextmanager
def runs_of(subject: Any) -> Iterator[Runs]:
    """Return the runs of scenarios in this process."""
    made = Runs(subject, LINEARIZABLE, portable_grade=False, timeout=TIMEOUT_S)
    with made as runs:
        yield runs


def one(_: object) -> int:
    """Return a number."""
    return 1


def two(_: object) -> int:
    """Return another number."""
    return 2


def grow(items: list[int]) -> int:
    """Add an item, after a call; return the number of items before."""
    length = same(len(items))
    items.append(length)
    return length


def same(number: int) -> int:
    """Return the number."""
    return number


def test_all_scenarios_from_the_smallest_up() -> None:
    """Each scenario of each shape is completed, and the evidence has their number."""
    found, begun = explored(one, two, each=2)
    expected = [scenario for shape in shapes(2, 2) for scenario in scenarios(shape, 2)]
    assert list(dict.fromkeys(begun)) == expected  # the smallest ones twice, with one preemption and with two
    assert [(shape.calls, shape.run, shape.of) for shape in found.shapes] == [
        ((1, 1), 3, 3),
        ((2, 1), 8, 8),
        ((2, 2), 10, 10),
    ]
    assert found.shapes[0].preemptions == ENOUGH_PREEMPTIONS
    assert found.is_enough
    assert (found.witness, found.seen) == (None, 0)


def test_the_first_that_fails_ends_it() -> None:
    """It is the witness, with what its calls give one after the other."""
    found, begun = explored(one, grow, each=2)
    assert found.witness is not None
    assert found.witness.scenario == begun[-1] == ((1,), (1,))
    assert found.witness.outcome == "(0, 0)"
    assert 1 < found.witness.number <= found.run
    assert found.in_order == ((("grow()", "grow()"), "(0, 1)"), (("grow()", "grow()"), "(1, 0)"))
    assert [shape.calls for shape in found.shapes] == [(1, 1)]


def test_without_time_nothing_is_complete() -> None:
    """Scenarios that were only begun do not suffice for "never"."""
    found, begun = explored(grow_under_nothing, one, seconds=-1.0)
    assert found.preemptions is None
    assert not found.is_enough
    assert begun


def grow_under_nothing(items: list[int]) -> int:
    """Pass many switch points, of which none matters."""
    for _ in range(5):
        same(len(items))
    return 0


def test_three_threads() -> None:
    """Three threads are searched like two."""
    found, begun = explored(one, threads=3)
    assert set(begun) == {((0,), (0,), (0,))}
    assert found.is_enough


def test_unknown_results_in_order_end_it() -> None:
    """No answer is possible then."""
    numbers = iter(range(10**6))

    def number(_: object) -> int:
        return next(numbers)

    found, begun = explored(number)
    assert found.unordered is not None
    assert "gave different results" in found.unordered
    assert found.witness is None
    assert len(begun) == 1


def test_an_operation_that_waits_is_refused() -> None:
    """Each order of the calls is run."""

    def wait(event: threading.Event) -> bool:
        return event.wait()

    def end(event: threading.Event) -> None:
        event.set()

    with pytest.raises(Failed, match=r"end\(\), then wait\(\)|wait\(\), then end\(\)") as caught:
        explored(end, wait, setup=threading.Event)
    assert "one of them waits for another thread; give it a timeout" in caught.value.failure.text


def test_samples_have_the_same_orders() -> None:
    """The outcomes of samples are compared with the results of their scenario's orders."""
    described = operations_experiment(list, [grow], observe=None, threads=2, each=1)
    scenario = described.race.scenario(((0,), (0,)))
    known = sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S)
    assert [repr(results) for _, results in known.results] == ["(0, 1)", "(1, 0)"]
    assert sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S, known=known) == known


def test_results_in_order_are_checked_again_before_a_sample_counts() -> None:
    """Random calls may have given the first results by chance."""
    numbers = iter([1] * 4 + [2] * 10**6)

    def toss(_: object) -> int:
        return next(numbers)

    described = operations_experiment(list, [Operation(toss)], observe=None, threads=2, each=1)
    scenario = described.race.scenario(((0,), (0,)))
    known = sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S)
    again = sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S, known=known)
    assert again.lacking is not None


@pytest.mark.parametrize(("seconds", "lasts"), [(0.0, True), (0.02, False)])
def test_results_in_order_are_checked_with_pauses_as_long_as_the_sample(
    monkeypatch: pytest.MonkeyPatch, seconds: float, *, lasts: bool
) -> None:
    """A state may have got older in the sample than in the orders before."""
    slept: list[float] = []

    class Lease:
        def __init__(self) -> None:
            self.begin = sum(slept)

        def is_valid(self) -> bool:
            return sum(slept) < self.begin + 0.03

    monkeypatch.setattr(runs_module, "time", SimpleNamespace(sleep=slept.append))
    described = operations_experiment(Lease, [Lease.is_valid], observe=None, threads=2, each=1)
    scenario = described.race.scenario(((0,), (0,)))
    known = sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S)
    again = sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S, known=known, seconds=seconds)
    assert (again.lacking is None) is lasts
