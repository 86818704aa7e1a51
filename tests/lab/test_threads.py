"""Threads that were started before a claim, and use a CPU."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.lab.threads import threads_at_work

pytestmark = [
    pytest.mark.interpreter,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the CPU time of threads"),
]


@contextmanager
def thread(*, at_work: bool) -> Iterator[threading.Thread]:
    """Start another thread, which works or waits."""
    begun, end = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        while not end.is_set():
            if not at_work:
                end.wait()

    other = threading.Thread(target=work, name="other")
    other.start()
    try:
        assert begun.wait(60)
        yield other
    finally:
        end.set()
        other.join()


def test_one_at_work_is_named() -> None:
    """It is found within some attempts, even on a busy machine."""
    with thread(at_work=True) as other:
        assert any("thread 'other' is at work" in str(threads_at_work([other])) for _ in range(100))


def test_one_that_waits_is_none() -> None:
    """Neither that thread nor the calling thread nor an ended one is found."""
    with thread(at_work=False) as other:
        assert threads_at_work([other, threading.current_thread()]) is None
    assert threads_at_work([other]) is None
    assert threads_at_work([]) is None


@pytest.mark.parametrize("instrument", ["ratio", "memory"])
def test_nothing_is_measured_beside_one_at_work(instrument: str) -> None:
    """A thread from before the claim falsifies every measurement; a thread of the claim's own is allowed."""
    reason = ""
    with thread(at_work=True):
        while "thread 'other'" not in reason:  # on a busy machine, the thread may not start to work at once
            lab = Lab(budget=1.0)  # a lab keeps its first reason
            measurement = lab.ratio(list, dict) if instrument == "ratio" else lab.memory(list)
            with suppress(Inconclusive):
                measurement.above(2**30)
            reason = str(lab.unsettled)
