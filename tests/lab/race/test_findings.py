"""The lengths of strides, by what is known of a side."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_concclaims.lab.race.experiment import experiment
from pytest_concclaims.lab.race.findings import RaceFindings
from pytest_concclaims.lab.race.samples.strategy import Meeting, Strategy

LEAPFROG, CHASE, DRIFT = (Strategy(meeting) for meeting in (Meeting.LEAPFROG, Meeting.CHASE, Meeting.DRIFT))


def findings(*strategies: Strategy) -> RaceFindings:
    """Return the findings before the first sample."""
    described = experiment(object, (id, id), observe=None, rounds=1, control=None, exceptions=())
    return RaceFindings.none_yet(described, strategies)


def lengths(strategies: Sequence[Strategy], cost: float, waking: float = 0.001, strides: int = 12) -> list[int]:
    """Return the lengths of strides, with the strategies in turns, whose samples cost the same each."""
    side = findings(*strategies).race
    found = []
    for number in range(strides):
        strategy = strategies[number % len(strategies)]
        found.append(side.next_length(strategy))
        side.learn_length(strategy, found[-1], waking + found[-1] * cost)
    return found


def test_first_stride_is_short() -> None:
    """Nothing is known of the actors then: one may take a second."""
    assert lengths([LEAPFROG], cost=1.0) == [2] + [1] * 11


def test_strides_of_fast_actors_grow_at_once() -> None:
    """Within a few strides, whatever their strategies, they are long enough to see something."""
    found = lengths([LEAPFROG, CHASE, DRIFT], cost=1e-6)
    assert found[0] == 2
    assert max(found[:5]) > 1_000
    assert all(later <= 16 * earlier for earlier, later in zip(found, found[1:]))


def test_stride_takes_about_the_time_that_it_should() -> None:
    """Long enough not to be all waking of threads, and short enough to look at its outcomes often."""
    assert lengths([LEAPFROG], cost=1e-5)[-1] == pytest.approx(700, rel=0.2)


def test_free_drift_takes_longer_strides() -> None:
    """It is there for the number of samples."""
    assert lengths([DRIFT], cost=1e-5)[-1] > 1.5 * lengths([LEAPFROG], cost=1e-5)[-1]


def test_control_has_lengths_of_its_own() -> None:
    """What is known of the race's actors says nothing of the control's."""
    known = findings(LEAPFROG)
    for _ in range(5):
        known.race.learn_length(LEAPFROG, known.race.next_length(LEAPFROG), 0.001)
    assert known.race.next_length(LEAPFROG) > 1_000
    assert known.control.next_length(LEAPFROG) == 2
