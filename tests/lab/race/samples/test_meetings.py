"""The ends of strides whose time is up."""

from __future__ import annotations

import threading
import time

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.race.experiment import experiment
from pytest_concclaims.lab.race.samples.actor_threads import ActorThreads
from pytest_concclaims.lab.race.samples.meetings import meet
from pytest_concclaims.lab.race.samples.strategy import Meeting, Strategy
from pytest_concclaims.lab.race.samples.stride import Stride

pytestmark = pytest.mark.interpreter

#: More samples than two actors that wait for each other do while the stride lasts.
SAMPLES = 10_000


@pytest.mark.parametrize("meeting", [Meeting.LEAPFROG, Meeting.CHASE, Meeting.RENDEZVOUS])
def test_stride_whose_time_is_up_ends(meeting: Meeting) -> None:
    """Most of its samples may not be done, and no actor is left alone in a sample."""
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
        done = meet(threads, stride, Strategy(meeting), leader=0)
    finally:
        threads.close()
    assert stride.failure is None
    assert len(done) < SAMPLES
