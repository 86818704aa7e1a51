"""How long strides are, and that time ends them."""

from __future__ import annotations

import threading
import time

import pytest

from pytest_concclaims.lab.race.experiment import experiment
from pytest_concclaims.lab.race.samples.actor_threads import Crew
from pytest_concclaims.lab.race.samples.meetings import meet
from pytest_concclaims.lab.race.samples.sampler import RaceFindings, Use
from pytest_concclaims.lab.race.samples.strategy import Meeting, Strategy
from pytest_concclaims.lab.race.samples.stride import Stride

LEAPFROG, CHASE, DRIFT = (Strategy(meeting) for meeting in (Meeting.LEAPFROG, Meeting.CHASE, Meeting.DRIFT))


def lengths(uses: list[Use], cost: float, waking: float = 0.001, strides: int = 12) -> list[int]:
    """Return the lengths of strides, with the uses in turns, whose samples cost so many seconds each."""
    findings = RaceFindings(uses)
    found = []
    for number in range(strides):
        use = uses[number % len(uses)]
        found.append(findings.next_length(use, of_control=False))
        findings.learn(use, found[-1], waking + found[-1] * cost, of_control=False)
    return found


def test_first_stride_is_short() -> None:
    """Nothing is known of the actors then: one may take a second."""
    assert lengths([Use(LEAPFROG)], cost=1.0) == [2] + [1] * 11


def test_strides_of_fast_actors_grow_at_once() -> None:
    """Within a few strides, whatever their strategies, they are long enough to see something."""
    found = lengths([Use(LEAPFROG), Use(CHASE), Use(DRIFT)], cost=1e-6)
    assert found[0] == 2
    assert max(found[:5]) > 1_000
    assert all(later <= 16 * earlier for earlier, later in zip(found, found[1:]))


def test_stride_takes_about_the_time_that_it_should() -> None:
    """Long enough not to be all waking of threads, and short enough to look at what came of it."""
    assert lengths([Use(LEAPFROG)], cost=1e-5)[-1] == pytest.approx(700, rel=0.2)


def test_free_drift_takes_longer_strides() -> None:
    """It is there for the number of samples."""
    assert lengths([Use(DRIFT)], cost=1e-5)[-1] > 1.5 * lengths([Use(LEAPFROG)], cost=1e-5)[-1]


def test_control_has_lengths_of_its_own() -> None:
    """What is known of the race's actors says nothing of the control's."""
    findings, use = RaceFindings([Use(LEAPFROG)]), Use(LEAPFROG)
    for _ in range(5):
        findings.learn(use, findings.next_length(use, of_control=False), 0.001, of_control=False)
    assert findings.next_length(use, of_control=False) > 1_000
    assert findings.next_length(use, of_control=True) == 2


@pytest.mark.parametrize("meeting", [Meeting.LEAPFROG, Meeting.CHASE, Meeting.RENDEZVOUS])
def test_stride_whose_time_is_up_ends(meeting: Meeting) -> None:
    """Also with most of its samples not done; and nobody is left alone in a sample."""

    def meet_the_other(barrier: threading.Barrier) -> None:
        barrier.wait(60.0)

    subject = experiment(
        lambda: threading.Barrier(2),
        (meet_the_other, meet_the_other),
        observe=None,
        rounds=1,
        control=None,
        exceptions=(),
    ).race
    stride = Stride(subject, [subject.setup() for _ in range(200_000)], time.perf_counter() + 0.02)
    crew = Crew(subject.names(), patience=60.0)
    crew.start()
    try:
        done = meet(crew, stride, Strategy(meeting), leader=0)
    finally:
        crew.close()
    assert stride.failure is None
    assert len(done) < 200_000
