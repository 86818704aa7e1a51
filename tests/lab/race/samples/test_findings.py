"""The lengths of strides, by what is known of a side."""

from __future__ import annotations

import pytest

from pytest_concclaims.lab.race.experiment import experiment
from pytest_concclaims.lab.race.samples.findings import Findings


def findings() -> Findings:
    """Return the findings before the first sample."""
    return Findings.none_yet(experiment(object, (id, id), observe=None, rounds=1, control=None, exceptions=()))


def lengths(cost: float, waking: float = 0.001, strides: int = 12) -> list[int]:
    """Return the lengths of strides whose samples cost the same CPU time each."""
    side = findings().race
    found = []
    for _ in range(strides):
        found.append(side.length)
        side.learn_length(waking + found[-1] * cost)
    return found


def test_strides_of_slow_actors_are_short() -> None:
    """Nothing is known of the actors at first: one may take a second."""
    assert lengths(cost=1.0) == [1] * 12


def test_strides_of_fast_actors_grow_at_once() -> None:
    """Within a few strides they are long enough to see something."""
    found = lengths(cost=1e-6)
    assert found[0] == 1
    assert max(found[:5]) > 1_000
    assert all(later <= 16 * earlier for earlier, later in zip(found, found[1:]))


def test_actors_that_take_no_cpu_time() -> None:
    """Those that sleep have strides of some length, which time cuts short."""
    assert 1 < lengths(cost=0.0, waking=0.0)[-1] <= 16_384


def test_stride_takes_about_the_time_that_it_should() -> None:
    """Long enough not to be all waking of threads, and short enough to look at its outcomes often."""
    assert lengths(cost=1e-5)[-1] == pytest.approx(700, rel=0.2)


def test_lengths_do_not_fall() -> None:
    """That one stride was slow says nothing of the next."""
    side = findings().race
    side.length = 100
    side.learn_length(1.0)
    assert side.length == 100


def test_control_has_lengths_of_its_own() -> None:
    """What is known of the race's actors says nothing of the control's."""
    known = findings()
    for _ in range(5):
        known.race.learn_length(0.001)
    assert known.race.length > 1_000
    assert known.control.length == 1
