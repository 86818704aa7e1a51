"""The code of a worker: how it handles orders, and what it reports."""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers import workloads
from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab.parallelism import worker_main

pytestmark = pytest.mark.interpreter


class Serving:
    """A thread that serves at a real pipe."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.here, self._there = multiprocessing.Pipe()
        self.thread = threading.Thread(target=worker_main.serve, args=(work, self._there), daemon=True)
        self.thread.start()

    def order(self, begin: float, end: float, cpus: list[int] | None = None) -> tuple[Any, ...]:
        """Send an order, and return the answer."""
        self.here.send((begin, end, cpus))
        assert self.here.poll(TIMEOUT_S)
        answer: tuple[Any, ...] = self.here.recv()
        return answer

    def end(self) -> None:
        """Send the last order."""
        self.here.send(None)
        self.thread.join(TIMEOUT_S)
        self.here.close()
        self._there.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[], Any]], Serving]]:
    """Return a function that starts a thread that serves; all end with the test."""
    started: list[Serving] = []

    def start(work: Callable[[], Any]) -> Serving:
        started.append(Serving(work))
        return started[-1]

    yield start
    for serving in started:
        serving.end()
        assert not serving.thread.is_alive()


class Clock:
    """A clock that advances by work, and very little by being read."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Use a simulated clock, so that work takes as long as it says, however busy the machine is."""
    clock = Clock()
    monkeypatch.setattr(worker_main, "clock", clock)
    return clock


Serve = Callable[[Callable[[], Any]], Serving]


def taking(clock: Clock, *seconds: float) -> Callable[[], None]:
    """Return work that takes these seconds, one for each call, and the last ones from then on."""
    left = list(seconds)

    def work() -> None:
        clock.now += left.pop(0) if len(left) > 1 else left[0]

    return work


# --- orders


def test_slice_lasts_from_its_begin_to_its_end(serve: Serve) -> None:
    """Marks begin with the slice and go on until its end; calls are counted."""
    called = [0]

    def work() -> None:
        called[0] += 1
        workloads.compute()

    serving = serve(work)
    begin = worker_main.clock() + 0.01
    kind, marks, _ = serving.order(begin, begin + 0.02)
    assert kind == "marks"
    assert marks[0][0] >= begin
    assert marks[-1][0] >= begin + 0.02
    assert all(mark[0] < begin + 0.02 for mark in marks[:-1])
    assert marks == sorted(marks)
    assert all(one[1] <= next_one[1] for one, next_one in zip(marks, marks[1:]))
    assert marks[-1][2] == (called[0] if len(marks) > 1 else 0)  # on a busy machine, it may begin too late


def test_cpu_time_is_the_workers_own(serve: Serve) -> None:
    """The CPU time of the rest of the process is not in the marks."""
    while sum(os.times()[:2]) < 0.1:
        workloads.compute()
    serving = serve(workloads.nothing)
    _, marks, _ = serving.order(0, 0)
    assert marks[0][1] < sum(os.times()[:2]) / 2


def test_order_after_order(serve: Serve, clock: Clock) -> None:
    """Each order has its own answer, and the CPU time goes on."""
    serving = serve(taking(clock, 1.0))
    first, second = (serving.order(clock.now, clock.now + 3) for _ in range(2))
    assert [mark[0] for mark in first[1]] == [100, 101, 102, 103]
    assert [mark[0] for mark in second[1]] == [103, 104, 105, 106]
    assert [mark[2] for mark in second[1]] == [0, 1, 2, 3]
    assert first[1][-1][1] <= second[1][0][1]


def test_late_order_gets_one_mark(serve: Serve, clock: Clock) -> None:
    """A worker that is too late for the whole slice reports when it came; its call of the work does not count."""
    kind, marks, _ = serve(taking(clock, 1.0)).order(50, 60)
    assert (kind, len(marks), marks[0][0], marks[0][2]) == ("marks", 1, 100.0, 0)
    assert clock.now == 101
    assert serve(workloads.fail).order(50, 60)[:2] == ("raised", "LookupError: no such account")


def test_worker_that_is_kept_from_its_first_call_is_at_work_from_the_begin(
    serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker may keep the GIL until the slice is over: both were at work all that time."""

    def sleep(seconds: float) -> None:
        assert seconds == 1
        clock.now += 6

    monkeypatch.setattr(worker_main, "time", SimpleNamespace(sleep=sleep, thread_time=lambda: 0.25))
    _, marks, _ = serve(workloads.nothing).order(101, 104)
    assert marks == [(101, 0.25, 0), (106, 0.25, 0)]


def test_last_order_ends_it(serve: Serve) -> None:
    """The thread ends."""
    serving = serve(workloads.nothing)
    serving.here.send(None)
    serving.thread.join(TIMEOUT_S)
    assert not serving.thread.is_alive()


# --- how often the work is called between marks


def test_short_work_is_repeated_between_marks(serve: Serve, clock: Clock) -> None:
    """The number of calls between marks grows until the clock suffices, and is kept for the next slice."""
    serving = serve(taking(clock, 2**-20))
    _, marks, _ = serving.order(100, 100.01)
    calls = marks[-1][2]
    between = [next_one[0] - one[0] for one, next_one in zip(marks, marks[1:])]
    assert between[:4] == [2**-20, 2**-19, 2**-18, 2**-17]
    assert between == sorted(between)
    assert between[-2] < 2 * worker_main._MARK_INTERVAL_S
    assert between[-1] >= worker_main._MARK_INTERVAL_S
    assert calls == round((marks[-1][0] - 100) * 2**20)
    _, again, _ = serving.order(clock.now, clock.now + 0.01)
    assert again[1][0] - again[0][0] == between[-1]


def test_work_of_no_length_comes_to_an_end(serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of calls between marks is limited."""
    monkeypatch.setattr(worker_main, "_MOST_CALLS", 64)
    serving = serve(taking(clock, 2**-30))
    _, marks, _ = serving.order(100, 100 + 2**-20)
    calls = marks[-1][2]
    assert 1024 <= calls < 1024 + 64


def test_long_work_is_called_once(serve: Serve, clock: Clock) -> None:
    """Work that takes longer than the slice is called once; its marks say how long it took."""
    serving = serve(taking(clock, 5.0))
    _, marks, _ = serving.order(100, 101)
    calls = marks[-1][2]
    assert ([mark[0] for mark in marks], calls) == ([100, 105], 1)


def test_work_of_a_thousand_microseconds_has_a_mark_for_each_call(serve: Serve, clock: Clock) -> None:
    """Work that is long enough is not repeated."""
    serving = serve(taking(clock, 2**-10))
    _, marks, _ = serving.order(100, 100 + 2**-4)
    calls = marks[-1][2]
    assert len(marks) == 1 + calls == 1 + 2**6


def test_work_that_waits_is_not_repeated_for_its_little_cpu_time(serve: Serve) -> None:
    """The clock decides and not CPU time, of which work that waits uses little."""
    serving = serve(lambda: threading.Event().wait(0.001))
    begin = worker_main.clock()
    _, marks, _ = serving.order(begin, begin + 0.02)
    calls = marks[-1][2]
    assert calls == len(marks) - 1


# --- work that raises


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (workloads.fail, "LookupError: no such account"),
        (workloads.refute, "AssertionError: not so"),
        (workloads.leave, "SystemExit: enough"),
    ],
)
def test_work_that_raises(serve: Serve, work: Callable[[], Any], words: str) -> None:
    """The answer has the exception and its traceback, which begins with the work; the worker takes the next order."""
    serving = serve(work)
    for _ in range(2):
        kind, text, trace = serving.order(0, sys.float_info.max)
        assert (kind, text) == ("raised", words)
        assert f"in {work.__name__}\n" in trace
        assert words in trace
        assert worker_main.__file__ not in trace


def test_exception_without_message(serve: Serve) -> None:
    """The text is the exception's type."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert serve(interrupt).order(0, sys.float_info.max)[:2] == ("raised", "KeyboardInterrupt")


def test_work_that_raises_later(serve: Serve) -> None:
    """The answer does not mention earlier calls."""
    left = iter(range(3))
    serving = serve(lambda: next(left))
    assert serving.order(0, sys.float_info.max)[:2] == ("raised", "StopIteration")


# --- CPUs and delays


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads have no affinity here")
def test_worker_runs_on_the_cpus_of_its_order(serve: Serve) -> None:
    """Other threads keep their CPUs."""
    before = os.sched_getaffinity(0)
    seen: list[set[int]] = []

    def look() -> None:
        seen.append(os.sched_getaffinity(0))
        raise StopIteration

    serving = serve(look)
    for cpus in ([max(before)], None, sorted(before)):
        serving.order(0, sys.float_info.max, cpus)
    assert seen == [{max(before)}, {max(before)}, before]
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="the system does not report delays")
def test_delay_is_reported(serve: Serve) -> None:
    """The delay is the seconds for which the thread waited for a CPU."""
    begin = worker_main.clock()
    delay = serve(workloads.compute).order(begin, begin + 0.01)[2]
    assert isinstance(delay, float)
    assert delay >= 0


@pytest.mark.parametrize("content", [None, "", "12\n", "1 x 2\n"], ids=["missing", "empty", "short", "nonsense"])
def test_delay_that_is_unknown(content: str | None, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the system does not report it, there is none, and the rest of the answer is the same."""

    def opened(name: str, encoding: str) -> io.StringIO:
        if content is None:
            raise FileNotFoundError(name)
        return io.StringIO(content)

    monkeypatch.setattr(worker_main, "open", opened, raising=False)
    kind, _, delay = serve(workloads.compute).order(0, 0)
    assert (kind, delay) == ("marks", None)


def test_delay_is_that_of_the_slice(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier waits are not in it, whatever the unit of the system."""
    contents = iter(["7 2500000000 1", "8 4000000000 2"])
    monkeypatch.setattr(worker_main, "open", lambda *_, **__: io.StringIO(next(contents)), raising=False)
    assert serve(workloads.compute).order(0, 0)[2] == 1.5
