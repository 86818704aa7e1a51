"""CPU time, and the time of waiting for a CPU, as this system reports them."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from helpers import workloads
from helpers.waiting import wait_until
from pytest_concclaims.lab import cpu_time
from pytest_concclaims.lab.cpu_time import CpuTime, Took, machine_waited
from pytest_concclaims.lab.processes.forked import CAN_FORK, run_forked

#: Burns CPU time, for at most a minute.
HOG = "ulimit -t 60; while :; do :; done"


def since(before: CpuTime) -> tuple[float, float]:
    """Return the CPU time of this thread since then, and that of all other threads and processes."""
    after = CpuTime.after()
    own = after.own - before.own
    return own, after.together - before.together - own


@pytest.mark.interpreter
def test_thread_that_has_ended_took_part() -> None:
    """Its CPU time counts for the others."""
    before = CpuTime.before()
    thread = threading.Thread(target=workloads.take_ten_milliseconds)
    thread.start()
    thread.join()
    own, others = since(before)
    assert others >= 0.01 > own


@pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
def test_child_process_that_has_ended_took_part() -> None:
    """Its CPU time counts, as that of a thread."""
    before = CpuTime.before()
    run_forked(workloads.take_ten_milliseconds, deadline=60)
    assert since(before)[1] >= 0.01


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports it")
@pytest.mark.parametrize("code", [HOG, f"({HOG}) & wait"], ids=["child", "grandchild"])
def test_process_that_lives_took_part(code: str) -> None:
    """The CPU time of a running child counts, such as a pool's worker, and that of the child's own child."""
    before = CpuTime.before()
    with ExitStack() as stack:
        hog = stack.enter_context(subprocess.Popen(["sh", "-c", code], start_new_session=True))
        stack.callback(os.killpg, hog.pid, signal.SIGKILL)
        wait_until(lambda: since(before)[1] > 0.01)


def test_own_work_and_sleep() -> None:
    """Neither counts for the others."""
    before = CpuTime.before()
    workloads.take_ten_milliseconds()
    time.sleep(0.001)
    own, others = since(before)
    assert own >= 0.01
    assert others < 0.005


@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(
    ("after", "least", "of_all"),
    [
        (CpuTime(1.0, 1.0, 0.0), 1.0, 1.0),
        (CpuTime(0.25, 0.25, 0.5), 0.5, 0.5),
        (CpuTime(0.75, 0.75, 0.5), 0.75, 0.75),
        (CpuTime(0.125, 1.0, 0.0), 1.0, 0.5),
        (CpuTime(0.75, 1.0, 0.0), 1.0, 0.75),
        (CpuTime(0.0, 1.0, 0.75), 0.25, 0.25),
        (CpuTime(0.5, 0.54, 0.0), 1.0, 1.0),
        (CpuTime(2.0, 2.0, 0.0), 1.0, 1.0),
    ],
    ids=["busy", "waited", "worked longer", "others", "worked beside", "waited and others", "hardly", "clock"],
)
def test_what_it_took_at_least(after: CpuTime, least: float, of_all: float) -> None:
    """The time minus what its thread waited; with others, at least its own CPU time, and all CPU time on all CPUs."""
    took = Took.between(CpuTime(0.0, 0.0, 0.0), after, 1.0)
    assert (took.seconds, took.least, took.least_of_all) == (1.0, least, of_all)
    assert took.waited == (least < 0.95)
    assert took.shared == (of_all < least)


@pytest.fixture
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate two CPUs."""
    monkeypatch.setattr(cpu_time, "usable_cpus", lambda: 2)


def files(monkeypatch: pytest.MonkeyPatch, **contents: str) -> None:
    """Simulate a system that has these files below ``/proc``, and no others."""

    def opened(name: str, encoding: str) -> io.StringIO:
        try:
            return io.StringIO(contents[name.rpartition("/")[2]])
        except KeyError:
            raise FileNotFoundError(name) from None

    monkeypatch.setattr(cpu_time, "open", opened, raising=False)


QUEUES = "version 15\ntimestamp 1\ncpu0 0 0 1 2 3 4 7 1500000000 9\ndomain0 3 1 2\ncpu1 0 0 1 2 3 4 7 500000000 9\n"
PRESSURE = "some avg10=75.30 avg60=71.42 avg300=51.78 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


@pytest.mark.parametrize(
    ("contents", "seconds"),
    [
        ({"schedstat": QUEUES, "cpu": PRESSURE}, 2.0),
        ({"cpu": PRESSURE}, 6.0),
        ({"schedstat": "cpu0 1\n", "cpu": PRESSURE}, 6.0),
        ({"cpu": ""}, None),
        ({}, None),
    ],
)
def test_what_the_machine_waited(
    contents: dict[str, str], seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the CPUs' queues, or else by the pressure, which is a mean over all CPUs."""
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    files(monkeypatch, **contents)
    assert machine_waited() == seconds


@pytest.mark.parametrize(("content", "waited"), [("7 2500000000 1", 2.5), ("7", 0.0), ("", 0.0), (None, 0.0)])
def test_what_this_thread_waited(content: str | None, waited: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 0 if the system does not report it."""
    files(monkeypatch, **({} if content is None else {"schedstat": content}))
    assert CpuTime.before().waited == CpuTime.after().waited == waited


@pytest.mark.interpreter
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports it")
def test_a_thread_that_shares_its_cpu_waits() -> None:
    """Beside another program on one CPU, its waiting time grows; otherwise, this test would not end."""
    usable = os.sched_getaffinity(0)
    before = CpuTime.before().waited
    with ExitStack() as stack:
        hog = stack.enter_context(subprocess.Popen(["sh", "-c", HOG]))
        stack.callback(hog.kill)
        stack.callback(os.sched_setaffinity, 0, usable)
        cpu = {min(usable)}
        os.sched_setaffinity(hog.pid, cpu)
        os.sched_setaffinity(0, cpu)
        wait_until(lambda: CpuTime.after().waited > before)
