"""The search among scenarios: which are run, which have to be whole, and where it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.failure import Failed
from pytest_concclaims.lab.race.experiment import operations_experiment
from pytest_concclaims.lab.race.question import LINEARIZABLE
from pytest_concclaims.lab.race.scenarios import Operation, Scenario, scenarios, shapes
from pytest_concclaims.lab.race.schedules.explorer import ENOUGH, Explored, clock
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
    """Return what the search has shown, and the scenarios that it has begun."""
    described = operations_experiment(setup, operations, observe=None, threads=threads, each=each)
    begun: list[Scenario] = []
    with runs_of(described.race) as runs:
        return explore_scenarios(runs, described.race, clock() + seconds, begun.append), begun


@contextmanager
def runs_of(subject: Any) -> Iterator[Runs]:
    """Run scenarios in this process."""
    made = Runs(subject, LINEARIZABLE, portable_grade=False, timeout=TIMEOUT_S)
    with made as runs:
        yield runs


def one(_: object) -> int:
    """Return a number."""
    return 1


def two(_: object) -> int:
    """Return another one."""
    return 2


def grow(items: list[int]) -> int:
    """Return how many there were, with a call before one more is added."""
    length = same(len(items))
    items.append(length)
    return length


def same(number: int) -> int:
    """Return it."""
    return number


def test_all_scenarios_from_the_smallest_up() -> None:
    """Each of every shape, and whole; in the evidence with how many there are."""
    found, begun = explored(one, two, each=2)
    expected = [scenario for shape in shapes(2, 2) for scenario in scenarios(shape, 2)]
    assert list(dict.fromkeys(begun)) == expected  # the smallest ones twice, with one preemption and with two
    assert [(shape.calls, shape.run, shape.of) for shape in found.shapes] == [
        ((1, 1), 3, 3),
        ((2, 1), 8, 8),
        ((2, 2), 10, 10),
    ]
    assert found.shapes[0].preemptions == ENOUGH
    assert found.is_enough
    assert (found.witness, found.seen) == (None, 0)


def test_the_first_that_fails_ends_it() -> None:
    """And is the witness, with what its calls give one after the other."""
    found, begun = explored(one, grow, each=2)
    assert found.witness is not None
    assert found.witness.scenario == begun[-1] == ((1,), (1,))
    assert found.witness.outcome == "(0, 0)"
    assert 1 < found.witness.number <= found.run
    assert found.in_order == ((("grow()", "grow()"), "(0, 1)"), (("grow()", "grow()"), "(1, 0)"))
    assert [shape.calls for shape in found.shapes] == [(1, 1)]


def test_without_time_nothing_is_whole() -> None:
    """Scenarios that were begun and not run whole are no ground."""
    found, begun = explored(grow_under_nothing, one, seconds=-1.0)
    assert found.preemptions is None
    assert not found.is_enough
    assert begun


def grow_under_nothing(items: list[int]) -> int:
    """Do things with many switch points, of which none matters."""
    for _ in range(5):
        same(len(items))
    return 0


def test_three_threads() -> None:
    """As with two."""
    found, begun = explored(one, threads=3)
    assert set(begun) == {((0,), (0,), (0,))}
    assert found.is_enough


def test_orders_that_are_not_known_end_it() -> None:
    """There is no ground for any answer then."""
    numbers = iter(range(10**6))

    def number(_: object) -> int:
        return next(numbers)

    found, begun = explored(number)
    assert found.unordered is not None
    assert "do not give the same again" in found.unordered
    assert found.witness is None
    assert len(begun) == 1


def test_an_operation_that_waits_is_refused() -> None:
    """Wherever it comes first."""

    def wait(event: threading.Event) -> bool:
        return event.wait()

    def end(event: threading.Event) -> None:
        event.set()

    with pytest.raises(Failed, match=r"end\(\), then wait\(\)|wait\(\), then end\(\)") as caught:
        explored(end, wait, setup=threading.Event)
    assert "one of them waits for another thread; give it a timeout" in caught.value.failure.text


def test_samples_have_the_same_orders() -> None:
    """What threads that run freely are held against is found for their scenario."""
    described = operations_experiment(list, [grow], observe=None, threads=2, each=1)
    scenario = described.race.scenario(((0,), (0,)))
    known = sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S)
    assert [repr(results) for _, results in known.results] == ["(0, 1)", "(1, 0)"]
    assert sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S, known=known) == known


def test_samples_ask_again_before_they_tell() -> None:
    """What was known at first may have been so by chance."""
    numbers = iter([1] * 4 + [2] * 10**6)

    def toss(_: object) -> int:
        return next(numbers)

    described = operations_experiment(list, [Operation(toss)], observe=None, threads=2, each=1)
    scenario = described.race.scenario(((0,), (0,)))
    known = sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S)
    again = sequential(scenario, LINEARIZABLE, timeout=TIMEOUT_S, known=known)
    assert again.lacking is not None
