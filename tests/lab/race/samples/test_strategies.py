"""The choice of strategies, and the ends of strides whose time is up."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.race.experiment import experiment
from pytest_concclaims.lab.race.samples.actor_threads import ActorThreads
from pytest_concclaims.lab.race.samples.strategies import Strategy, meet, strategies_for
from pytest_concclaims.lab.race.samples.stride import Stride

pytestmark = pytest.mark.interpreter


@pytest.mark.parametrize("actors", [2, 3, 8])
@pytest.mark.parametrize("cores", [0, 1, 2, 3, 64])
@pytest.mark.parametrize("gil", [True, False])
def test_spinning_takes_a_core_for_each_actor_and_no_gil(gil: bool, cores: int, actors: int) -> None:
    """Otherwise, threads that spin keep each other from running; a quota may be less than one CPU."""
    spinning = set(strategies_for(gil=gil, cores=cores, actors=actors)) - {Strategy.LEAPFROG}
    assert bool(spinning) is (not gil and cores >= actors)


def test_rendezvous_comes_first() -> None:
    """If threads can spin, it is the most effective strategy."""
    assert strategies_for(gil=False, cores=2, actors=2)[0] is Strategy.RENDEZVOUS


#: More samples than two actors that wait for each other do in the time of a stride.
SAMPLES = 10_000


@pytest.mark.parametrize("meeting", Strategy)
def test_stride_whose_time_is_up_ends(meeting: Strategy) -> None:
    """Most of its samples are not done, and no actor is left alone in a sample."""
    stride: Stride
    meetings: list[int] = []

    def end_after_100() -> None:
        meetings.append(1)
        if len(meetings) == 100:
            stride.end = time.perf_counter()

    def meet_the_other(barrier: threading.Barrier) -> None:
        barrier.wait(TIMEOUT_S)

    subject = experiment(
        lambda: threading.Barrier(2, action=end_after_100),
        (meet_the_other, meet_the_other),
        observe=None,
        rounds=1,
        control=None,
        exceptions=(),
    ).race
    stride = Stride(subject, [subject.setup() for _ in range(SAMPLES)], time.perf_counter() + TIMEOUT_S)
    threads = ActorThreads(subject.names(), timeout=TIMEOUT_S)
    threads.start()
    try:
        done = meet(threads, stride, meeting)
    finally:
        threads.close()
    assert stride.failure is None
    assert len(done) < SAMPLES


def test_actor_is_not_left_waiting_in_a_sample_that_others_skip() -> None:
    """With more than two actors, those that it waits for skip samples in a leapfrog."""
    subject = experiment(
        queue.Queue, (queue.Queue.get, queue.Queue.get, put, put), observe=None, rounds=1, control=None, exceptions=()
    ).race
    stride = Stride(subject, [subject.setup() for _ in range(1000)], time.perf_counter() + TIMEOUT_S)
    threads = ActorThreads(subject.names(), timeout=TIMEOUT_S)
    threads.start()
    try:
        done = meet(threads, stride, Strategy.LEAPFROG)
    finally:
        threads.close()
    assert stride.failure is None
    assert {stride.values[0][sample] for sample in done} <= {1}


def put(items: queue.Queue[int]) -> None:
    """Put an item."""
    items.put(1)
