"""``lab.ratio``, on a simulated clock that advances only by timed calls."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import Inconclusive, Lab, MeasurementError
from pytest_concclaims.lab import cpu_time, measurement, ratio, sequential
from pytest_concclaims.lab.cpu_time import CpuTime
from pytest_concclaims.lab.lock import LOCK_DIR
from pytest_concclaims.lab.ratio import Ratio
from pytest_concclaims.lab.sequential import ERROR
from pytest_concclaims.lab.tracing import is_traced, set_tracer_advice, tracer_advice
from pytest_concclaims.records.evidence import RatioRun, from_json
from pytest_concclaims.statistics import clopper_pearson_lower, median_range

#: About a microsecond and a millisecond; sums of them are exact.
MICRO, MILLI = 2.0**-20, 2.0**-10
#: Seconds for each question, on the simulated clock.
BUDGET = 1.0
interpreter = pytest.mark.interpreter


@pytest.fixture(autouse=True)
def _machine_of_these_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Use a lock of these tests' own, as they measure a simulated clock."""
    monkeypatch.setenv(LOCK_DIR, str(tmp_path / "lock"))


@pytest.fixture
def lab() -> Lab:
    """Return a lab without evidence."""
    return Lab(budget=BUDGET)


@dataclass
class Time:
    """A clock that advances only by calls.

    :param look: seconds that a look at the clock takes.
    :param pauses: the pauses, with the number of calls before each; they take no time here.
    :param cpu: CPU time of the calling thread, CPU time of all threads and processes, and waiting time of the calling
        thread.
    :param machine: seconds for which tasks on the machine have waited for a CPU; None if unknown.
    """

    now: float = 0.0
    look: float = 0.0
    cpu: CpuTime = field(default_factory=partial(CpuTime, 0.0, 0.0, 0.0))
    machine: float | None = 0.0
    calls: list[str] = field(default_factory=list)
    pauses: list[tuple[float, int]] = field(default_factory=list)

    def rule(self, monkeypatch: pytest.MonkeyPatch) -> Time:
        """Use this clock in all modules that measure."""
        for module in (measurement, sequential, ratio):
            monkeypatch.setattr(module, "clock", self.clock)
        monkeypatch.setattr(ratio, "time", SimpleNamespace(sleep=self.sleep))
        monkeypatch.setattr(ratio, "is_traced", lambda: False)
        monkeypatch.setattr(ratio, "CpuTime", SimpleNamespace(before=lambda: self.cpu, after=lambda: self.cpu))
        monkeypatch.setattr(ratio, "machine_waited", lambda: self.machine)
        return self

    def sleep(self, pause: float) -> None:
        """Record a pause."""
        self.pauses.append((pause, len(self.calls)))

    def clock(self) -> float:
        """Return the time."""
        self.now += self.look
        return self.now

    def work(self, name: str, seconds: float, *, first: float | None = None) -> Callable[[], None]:
        """Return a function that takes some seconds; the first call may take another time."""

        def function() -> None:
            self.now += seconds if first is None or name in self.calls else first
            self.calls.append(name)

        function.__name__ = function.__qualname__ = name
        return function

    def pass_by(
        self, seconds: float, *, own: float = 0.0, others: float = 0.0, waited: float = 0.0, machine: float = 0.0
    ) -> None:
        """Let time pass.

        :param own: CPU time of the calling thread.
        :param others: CPU time of other threads and processes.
        :param waited: time for which the calling thread waited for a CPU.
        :param machine: time for which tasks on the machine did.
        """
        cpu = self.cpu
        self.now += seconds
        self.cpu = CpuTime(cpu.own + own, cpu.together + own + others, cpu.waited + waited)
        if self.machine is not None:
            self.machine += machine

    def thing(self, name: str, begin: float, end: float) -> Callable[[], Any]:
        """Return a function whose context managers take some time to enter, and some to exit."""

        @contextmanager
        def started() -> Iterator[None]:
            self.now += begin
            self.calls.append(f"begin {name}")
            yield
            self.now += end
            self.calls.append(f"end {name}")

        started.__name__ = started.__qualname__ = name
        return started


@pytest.fixture
def time_(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Return the simulated clock, in use."""
    return Time().rule(monkeypatch)


def seconds(measured: Ratio) -> tuple[list[float], list[float]]:
    """Return the seconds per call of the samples of both arms."""
    a, b = measured.timings
    return a.seconds, b.seconds


# --- answers


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda m: m > 1, True),
        (lambda m: m > 3, False),
        (lambda m: m < 3, True),
        (lambda m: m.below(1.2, else_above=1.4), False),
        (lambda m: m.between(1.5, 2.5), True),
    ],
)
def test_answer(lab: Lab, time_: Time, ask: Callable[[Ratio], bool], answer: bool) -> None:
    """The ratio of an arm that takes twice as long lies above 1 and below 3; thirteen pairs settle it."""
    measured = lab.ratio(time_.work("a", 2 * MILLI), time_.work("b", MILLI))
    assert ask(measured) is answer
    assert [len(arm.seconds) for arm in measured.timings] == [13, 13]
    assert repr(measured) == "<lab.ratio(a, b): 2 (2 to 2), 13 samples>"


def test_lazy(lab: Lab, time_: Time) -> None:
    """Nothing is called before a question; the repr is not a question."""
    measured = lab.ratio(time_.work("a", MILLI), time_.work("b", MILLI))
    assert repr(measured) == f"{measured}" == "<lab.ratio(a, b): not measured yet>"
    assert (time_.calls, lab.evidence, list(lab.timings)) == ([], (), [])
    assert not measured.asked
    assert lab.void is not None
    assert "<lab.ratio(a, b): not measured yet> was not asked a question" in lab.void


def test_asked_again_it_goes_on(lab: Lab, time_: Time) -> None:
    """Earlier pairs answer another question without a call, or with some more pairs."""
    measured = lab.ratio(time_.work("a", 2 * MILLI), time_.work("b", MILLI))
    assert measured > 1
    calls = len(time_.calls)
    assert measured > 1.5
    assert measured < 2.5
    assert len(time_.calls) == calls
    with pytest.raises(Inconclusive):
        measured.above(2, else_below=1)
    assert len(measured.timings[0].seconds) > 13
    later = time_.calls[calls:]
    assert len(later) == 2 * (len(measured.timings[0].seconds) - 13), "nothing but pairs: it was prepared before"


def test_budget_is_spent(lab: Lab, time_: Time) -> None:
    """Equal arms have no answer within the budget; the reason has the numbers of pairs."""
    measured = lab.ratio(time_.work("a", 0.125), time_.work("b", 0.125), budget=2.0)
    with pytest.raises(Inconclusive) as caught:
        measured.above(1)
    # Three calls of each arm prepare it; then pairs follow until two seconds are over.
    assert len(measured.timings[0].seconds) == 5
    words = r"^No answer: the budget is spent\. Of 5 samples, 0 lie above 1, 0 below 1.* `a` took 1 times as long as"
    assert re.search(words, str(caught.value))
    (found,) = lab.evidence
    assert str(caught.value) == found.phrase()
    assert lab.unsettled is caught.value
    assert time_.now == 2.0


def test_one_pair_however_long_it_takes(lab: Lab, time_: Time) -> None:
    """If the budget is spent before the first pair, one is measured."""
    measured = lab.ratio(time_.work("a", 10 * BUDGET), time_.work("b", 10 * BUDGET))
    with pytest.raises(Inconclusive):
        measured.above(1)
    assert [len(arm.seconds) for arm in measured.timings] == [1, 1]


def test_order_in_each_pair_is_drawn(lab: Lab, time_: Time) -> None:
    """Each arm is the first about as often as the other, right before it."""
    measured = lab.ratio(time_.work("a", MILLI), time_.work("b", MILLI))
    measured._chance = random.Random(3)
    with pytest.raises(Inconclusive):
        measured.above(1)
    sampled = time_.calls[6:]
    pairs = ["".join(pair) for pair in zip(sampled[::2], sampled[1::2])]
    assert set(pairs) == {"ab", "ba"}
    assert 0.4 < pairs.count("ab") / len(pairs) < 0.6


def test_order_is_another_each_time(lab: Lab) -> None:
    """Two measurements use different random orders."""
    one, other = (lab.ratio(list, dict)._chance for _ in range(2))
    assert one.getrandbits(64) != other.getrandbits(64)


def test_pause_before_each_pair(lab: Lab, time_: Time) -> None:
    """Pauses of random length spread the pairs over time; within a pair, there is no pause."""
    measured = lab.ratio(time_.work("a", 8 * MILLI), time_.work("b", 6 * MILLI))
    assert measured > 1
    assert [calls for _, calls in time_.pauses] == list(range(6, 6 + 2 * 13, 2))
    pauses = [pause for pause, _ in time_.pauses]
    assert 0 <= pauses[0] <= 20 * MILLI
    assert all(0 <= pause < 7 * MILLI for pause in pauses[1:]), "with the pair before, as long as that at most"
    assert len(set(pauses)) == len(pauses)


def test_no_pause_where_pairs_take_their_time(lab: Lab, time_: Time) -> None:
    """Pairs that take longer than a pause are spread over time anyway."""
    measured = lab.ratio(time_.work("a", 30 * MILLI), time_.work("b", MILLI))
    assert measured > 1
    assert len(time_.pauses) <= 1, "before the first one only"


def test_no_answer_beside_a_tracer(lab: Lab, time_: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracer or profiler may slow one arm more than the other, so nothing is measured."""
    monkeypatch.setattr(ratio, "is_traced", lambda: True)
    with pytest.raises(Inconclusive, match="a tracer, profiler or debugger is active"):
        lab.ratio(time_.work("a", 2 * MILLI), time_.work("b", MILLI)).above(1)
    assert time_.calls == []


def test_no_answer_says_what_to_do_about_a_tracer(lab: Lab, time_: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice is the one that was set."""
    monkeypatch.setattr(ratio, "is_traced", lambda: True)
    measured = lab.ratio(time_.work("a", 2 * MILLI), time_.work("b", MILLI))
    with pytest.raises(Inconclusive, match=r"than the other; run it without\. Asked: "):
        measured.above(1)
    set_tracer_advice("run it with --fast")
    with pytest.raises(Inconclusive, match=r"than the other; run it with --fast\. Asked: "):
        measured.above(2)
    set_tracer_advice(None)
    assert tracer_advice() == "run it without"


@interpreter
def test_on_the_real_clock(lab: Lab) -> None:
    """A function that sleeps takes longer than one that does nothing."""
    if is_traced():
        pytest.skip("a tracer is active, and there is no answer then")
    assert lab.ratio(partial(time.sleep, 0.005), int, budget=60) > 1


# --- arms that wait for a CPU

#: Twice the work of a thread, one after the other.
IN_TURN = 40 * MILLI


@pytest.fixture
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate two CPUs."""
    monkeypatch.setattr(cpu_time, "usable_cpus", lambda: 2)


def under_a_gil(time_: Time, *, busy: bool) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return work in two threads under a GIL, and the same work in turn, which takes as long.

    :param busy: whether another program keeps one of two cores busy: the started threads wait for a CPU, and the
        calling thread does not.
    """

    def two_threads() -> None:
        kept = 0.75 * IN_TURN if busy else 0.0
        time_.pass_by(IN_TURN + kept, own=MICRO, others=IN_TURN, machine=kept)

    def in_turn() -> None:
        time_.pass_by(IN_TURN, own=IN_TURN)

    return two_threads, in_turn


@pytest.mark.usefixtures("two_cpus")
def test_threads_of_an_arm_beside_a_busy_core(lab: Lab, time_: Time) -> None:
    """They seem to take 1.75 times as long as in turn, but take as long: their waiting time is unknown."""
    measured = lab.ratio(*under_a_gil(time_, busy=True), budget=3.0)
    with pytest.raises(Inconclusive, match="Threads or processes of an arm may have waited for a CPU") as caught:
        measured.below(1.2, else_above=1.4)
    (found,) = lab.evidence
    assert str(caught.value) == found.phrase()
    assert isinstance(found, RatioRun)
    assert found.value == pytest.approx(1.75)
    assert found.low == pytest.approx(0.5, rel=1e-3), "on two CPUs that are free, they could have taken half as long"
    assert found.high == pytest.approx(1.75)
    # A difference that waiting cannot explain has an answer.
    assert measured < 2
    assert measured > 0.4


@pytest.mark.usefixtures("two_cpus")
def test_threads_of_an_arm_on_an_idle_machine(lab: Lab, time_: Time) -> None:
    """No task waits, so there is an answer."""
    measured = lab.ratio(*under_a_gil(time_, busy=False), budget=3.0)
    assert measured.below(1.2, else_above=1.4)
    assert len(measured.timings[0].seconds) == 13


@pytest.mark.usefixtures("two_cpus")
def test_machine_whose_waiting_time_is_unknown(lab: Lab, time_: Time) -> None:
    """If the waiting time of the machine is unknown, there is an answer."""
    time_.machine = None
    assert lab.ratio(*under_a_gil(time_, busy=True), budget=3.0) > 1.5


@pytest.mark.parametrize("alone", [True, False])
def test_thread_that_waits_for_a_cpu(lab: Lab, time_: Time, alone: bool) -> None:
    """The calling thread's waiting time is known, and may or may not have made the difference."""

    def kept() -> None:
        time_.pass_by(3 * MILLI, own=MILLI, waited=2 * MILLI)

    measured = lab.ratio(kept, time_.work("b", 2 * MILLI) if alone else kept)
    with pytest.raises(
        Inconclusive, match=r"the budget is spent\..* An arm waited for a CPU in ([\d,]+) of \1 pairs"
    ):
        measured.above(1)
    assert measured < 4
    assert measured > 0.3


def test_moment_of_waiting_does_no_harm(lab: Lab, time_: Time) -> None:
    """A difference that is greater than the waiting time has an answer."""

    def kept() -> None:
        time_.pass_by(3 * MILLI, own=2 * MILLI, waited=MILLI)

    assert lab.ratio(kept, time_.work("b", MILLI)) > 1.5


# --- how arms are called


def test_first_call_does_not_count(lab: Lab, time_: Time) -> None:
    """Both arms are called before the first sample, as first calls take longer."""
    measured = lab.ratio(time_.work("a", MILLI, first=0.25), time_.work("b", MILLI, first=0.125))
    with pytest.raises(Inconclusive):
        measured.above(1)
    for taken in seconds(measured):
        assert taken == [MILLI] * len(taken)
    assert {"a", "b"} <= set(time_.calls[: -2 * len(measured.timings[0].seconds)])


def test_long_work_is_called_once(lab: Lab, time_: Time) -> None:
    """Work that is long enough for the clock is called once for each sample."""
    measured = lab.ratio(time_.work("a", 2 * MILLI), time_.work("b", MILLI))
    assert measured > 1
    assert [arm.calls for arm in measured.timings] == [1, 1]


@pytest.mark.parametrize("look", [0.0, 0.05 * MICRO])
def test_short_work_is_repeated(lab: Lab, time_: Time, look: float) -> None:
    """Work that is too short for the clock is repeated in a sample; the record has seconds of a single call."""
    time_.look = look
    measured = lab.ratio(time_.work("a", 4 * MICRO), time_.work("b", 2 * MICRO))
    assert measured.between(1.9, 2.1)
    for arm, single in zip(measured.timings, (4 * MICRO, 2 * MICRO)):
        assert arm.calls > 1
        assert arm.calls * single >= ratio._LONG_ENOUGH_S
        assert arm.seconds == [pytest.approx(single, rel=0.01)] * len(arm.seconds)


def test_work_without_any_length_has_an_end(lab: Lab, monkeypatch: pytest.MonkeyPatch, time_: Time) -> None:
    """If the clock never advances, the number of calls is limited, and there is no division by zero."""
    monkeypatch.setattr(ratio, "_MOST_CALLS", 8)
    time_.look = 1 * MICRO
    monkeypatch.setattr(ratio, "clock", lambda: 0.0)
    measured = lab.ratio(time_.work("a", 0.0), time_.work("b", 0.0), budget=0.001)
    assert measured < 1e9
    assert [arm.calls for arm in measured.timings] == [8, 8]


def test_arms_of_like_cost_are_called_equally_often(lab: Lab, time_: Time) -> None:
    """The clock's cost is then the same part of both."""
    time_.look = MICRO
    measured = lab.ratio(time_.work("a", 60 * MICRO), time_.work("b", 20 * MICRO))
    assert measured > 1
    assert [arm.calls for arm in measured.timings] == [8, 8]


def test_arms_of_unlike_cost_are_not(lab: Lab, time_: Time) -> None:
    """Long work is not repeated because the other arm is."""
    measured = lab.ratio(time_.work("a", 10 * MILLI), time_.work("b", MICRO))
    assert measured > 1000
    a, b = measured.timings
    assert (a.calls, b.calls) == (1, 128)


@pytest.mark.parametrize("disturbed", ["a", "b"])
@pytest.mark.parametrize("call", range(1, 12))
def test_moment_of_something_else_does_not_make_equal_arms_unequal(
    lab: Lab, time_: Time, disturbed: str, call: int
) -> None:
    """If the machine is busy for a moment while the number of calls is found, both arms get the same number."""
    time_.look = MICRO

    calls = {"a": 0, "b": 0}

    def work(name: str) -> None:
        calls[name] += 1
        time_.now += 20 * MICRO
        if (name, calls[name]) == (disturbed, call):
            time_.now += 4 * MILLI

    measured = lab.ratio(partial(work, "a"), partial(work, "b"), budget=0.03)
    with pytest.raises(Inconclusive):
        measured.above(1)
    a, b = measured.timings
    assert a.calls == b.calls == 8


def test_error_rate_of_a_whole_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a simulation with equal short arms, on a machine that other programs use, no arm is found to take longer.

    This includes finding the number of calls, and a clock that takes time.
    """
    runs, wrong = 280, 0
    for seed in range(runs):
        chance, passing = random.Random(seed), Time(look=0.5 * MICRO).rule(monkeypatch)

        def work(chance: random.Random = chance, passing: Time = passing) -> None:
            passing.now += 30 * MICRO * chance.lognormvariate(0, 0.005)
            if chance.random() < 0.005:
                passing.now += 4 * MILLI

        measured = Lab(budget=BUDGET).ratio(work, work, budget=0.04)
        measured._chance = random.Random(seed)
        wrong += measured._settle(1.0, 1.0).above is not None
    assert clopper_pearson_lower(wrong, runs, 0.999) <= ERROR


# --- things that begin and end


def test_entering_is_timed_and_leaving_is_not(lab: Lab, time_: Time) -> None:
    """With ``contextlib.contextmanager``, the time until the context is entered counts."""
    measured = lab.ratio(time_.thing("a", 2 * MILLI, 50 * MILLI), time_.thing("b", MILLI, 30 * MILLI), budget=60)
    assert measured.between(1.9, 2.1)
    assert [arm.calls for arm in measured.timings] == [1, 1]
    assert seconds(measured) == ([2 * MILLI] * 13, [MILLI] * 13)


@interpreter
def test_all_that_is_entered_is_left(lab: Lab, time_: Time) -> None:
    """The contexts of a sample are exited before the next sample; of several calls, the latest first."""
    measured = lab.ratio(time_.thing("a", 30 * MICRO, 0), time_.thing("b", 30 * MICRO, 0))
    with pytest.raises(Inconclusive):
        measured.above(1)
    assert [arm.calls for arm in measured.timings] == [4, 4]
    last = time_.calls[-16:]
    for name in "ab":
        assert last.count(f"begin {name}") == last.count(f"end {name}") == 4
        assert f"begin {name} end {name} " * 4 != " ".join(last)
    assert last[:8] in ([f"begin {name}"] * 4 + [f"end {name}"] * 4 for name in "ab")
    for name in "ab":
        assert time_.calls.count(f"begin {name}") == time_.calls.count(f"end {name}")


def test_arm_that_is_left_may_be_compared_with_one_that_is_not(lab: Lab, time_: Time) -> None:
    """One arm can be a plain function, and the other a context."""
    measured = lab.ratio(time_.thing("a", 2 * MILLI, 50 * MILLI), time_.work("b", MILLI), budget=60)
    assert measured > 1.9


@interpreter
@pytest.mark.parametrize("swallows", [False, True])
def test_what_is_entered_is_left_where_another_raises(lab: Lab, time_: Time, swallows: bool) -> None:
    """Contexts are exited without the exception of another call, which they cannot suppress."""
    entered, left = [], []

    @contextmanager
    def thing() -> Iterator[None]:
        entered.append(1)
        time_.now += 30 * MICRO
        if len(entered) == 8:
            raise LookupError("no more things")
        try:
            yield
        except BaseException as error:
            left.append(type(error).__name__)
            if not swallows:
                raise
        else:
            left.append("in peace")

    with pytest.raises(MeasurementError, match=r"thing raised LookupError: no more things"):
        lab.ratio(thing, time_.work("b", MILLI)).above(1)
    assert left == ["in peace"] * 7


@interpreter
def test_leaving_that_raises(lab: Lab, time_: Time) -> None:
    """It is a failure of its arm, as for entering."""

    @contextmanager
    def clumsy() -> Iterator[None]:
        yield
        raise OSError("cannot be ended")

    with pytest.raises(MeasurementError, match=r"clumsy raised OSError: cannot be ended"):
        lab.ratio(time_.work("a", MILLI), clumsy).above(1)


@interpreter
def test_other_context_managers_are_not_entered(lab: Lab, time_: Time) -> None:
    """A lock that an arm returns is a value, and is not acquired."""
    lock = threading.Lock()

    def returns_lock() -> threading.Lock:
        time_.now += 30 * MICRO
        return lock

    assert lab.ratio(returns_lock, time_.work("b", MILLI)) < 1
    assert not lock.locked()


# --- arms that raise


def fail_with(error: BaseException) -> None:
    """Raise, in a function of its own."""
    raise error


@interpreter
@pytest.mark.parametrize(
    "kind", [LookupError, AssertionError, pytest.skip.Exception, pytest.fail.Exception, SystemExit, Inconclusive]
)
@pytest.mark.parametrize("call", [1, 2, 9], ids=["at first", "while it is prepared", "in a sample"])
@pytest.mark.parametrize("which", ["a", "b"])
def test_arm_that_raises(lab: Lab, time_: Time, kind: type[BaseException], call: int, which: str) -> None:
    """Any exception, in any call, is an error with the arm's traceback: not a verdict, and not a skip."""

    def bad() -> None:
        time_.calls.append("bad")
        time_.now += MILLI
        if time_.calls.count("bad") == call:
            fail_with(kind("not this time"))

    good = time_.work("good", MILLI)
    measured = lab.ratio(bad, good) if which == "a" else lab.ratio(good, bad)
    with pytest.raises(MeasurementError) as caught:
        measured.above(1)
    first, _, details = str(caught.value).partition("\n")
    assert first == f"{measured.name}: bad raised {kind.__name__}: not this time"
    assert details.startswith("Traceback (most recent call last):\n")
    assert "in fail_with" in details
    assert "_timed" not in details
    assert measured.error is caught.value
    assert lab.failed == first
    (found,) = lab.evidence
    assert isinstance(found, RatioRun)
    assert found.failure is not None
    assert (found.answer, found.failure["kind"], found.phrase()) == (None, "raised", found.failure["text"])
    assert found.samples == len(measured.timings[0].seconds) == len(measured.timings[1].seconds)


@interpreter
@pytest.mark.parametrize("call", [1, 2, 9])
def test_ctrl_c_goes_through(lab: Lab, time_: Time, call: int) -> None:
    """It is not a failure of an arm; complete pairs are kept."""

    def interrupted() -> None:
        time_.calls.append("interrupted")
        time_.now += MILLI
        if time_.calls.count("interrupted") == call:
            raise KeyboardInterrupt

    measured = lab.ratio(interrupted, time_.work("b", MILLI))
    with pytest.raises(KeyboardInterrupt):
        measured.above(1)
    assert lab.evidence == ()
    assert measured.error is None
    assert len(measured.timings[0].seconds) == len(measured.timings[1].seconds)


@interpreter
def test_ctrl_c_is_not_swallowed_by_a_thing(lab: Lab, time_: Time) -> None:
    """A context that suppresses all exceptions does not suppress it."""
    entered = []

    @contextmanager
    def thing() -> Iterator[None]:
        entered.append(1)
        time_.now += 30 * MICRO
        if len(entered) == 8:
            raise KeyboardInterrupt
        with suppress(BaseException):
            yield

    with pytest.raises(KeyboardInterrupt):
        lab.ratio(thing, time_.work("b", MILLI)).above(1)


def test_after_a_failure_it_can_be_asked_again(lab: Lab, time_: Time) -> None:
    """The arms are prepared again; but the error stays."""
    broken = [True]

    def moody() -> None:
        time_.now += 2 * MILLI
        if broken.pop() if broken else False:
            raise LookupError("not yet")

    measured = lab.ratio(time_.work("a", MILLI), moody)
    with pytest.raises(MeasurementError) as caught:
        measured.above(1)
    assert measured < 1
    assert measured.error is caught.value
    assert [item.answer for item in lab.evidence if isinstance(item, RatioRun)] == [None, True]


# --- names


def start() -> None:
    """Do nothing; another function has the same name."""


def namesakes() -> list[Callable[[], None]]:
    """Return two functions of one name."""
    first = start

    def other() -> None:
        pass

    other.__name__ = other.__qualname__ = "start"
    return [first, other]


def lambdas() -> list[Callable[[], int]]:
    """Return two lambdas on one line."""
    return [lambda: 1, lambda: 2]


@interpreter
@pytest.mark.parametrize(
    ("a", "b", "names"),
    [
        pytest.param(*namesakes(), ("start (A)", "start (B)"), id="namesakes"),
        pytest.param(start, start, ("start (A)", "start (B)"), id="the same function"),
        pytest.param(start, partial(start), ("start (A)", "start (B)"), id="a partial function"),
        pytest.param(start, dict, ("start", "dict"), id="a type"),
        pytest.param(threading.Lock().acquire, start, None, id="a method of C"),
    ],
)
def test_arms_have_different_names(lab: Lab, a: Any, b: Any, names: tuple[str, str] | None) -> None:
    """Both arms have different names in the repr and in the evidence."""
    measured = lab.ratio(a, b)
    one, other = (arm.name for arm in measured.timings)
    assert one != other
    if names is not None:
        assert (one, other) == names
    assert measured.name == f"lab.ratio({one}, {other})"


@interpreter
def test_lambdas_say_where_they_are(lab: Lab) -> None:
    """Two lambdas on one line have different names."""
    measured = lab.ratio(*lambdas())
    line = lambdas.__code__.co_firstlineno + 2
    names = [arm.name for arm in measured.timings]
    assert names == [f"the lambda at test_ratio.py:{line} (A)", f"the lambda at test_ratio.py:{line} (B)"]


# --- bad input


def generate() -> Iterator[int]:
    """Yield, so that a call of it runs nothing."""
    yield 1


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (generate, start, r"a is generate, a coroutine or generator function: .* contextlib\.contextmanager"),
        (start, generate, r"b is generate, a coroutine or generator function"),
        (None, start, r"a is None, which cannot be called; pass the function itself"),
        (start, 5, r"b is 5, which cannot be called"),
    ],
)
def test_no_arm(lab: Lab, a: Any, b: Any, words: str) -> None:
    """A callable that runs nothing cannot be timed; no measurement is made that was never asked."""
    with pytest.raises(TypeError, match=rf"^lab\.ratio: {words}"):
        lab.ratio(a, b)
    assert lab.void is None


@pytest.mark.parametrize(
    ("budget", "error"), [(0, ValueError), (-1, ValueError), ("2", TypeError), (True, TypeError)]
)
def test_no_budget(lab: Lab, budget: Any, error: type[Exception]) -> None:
    """A budget must be a positive number of seconds."""
    with pytest.raises(error, match=r"^lab\.ratio\(budget=.*\): must be a positive number of seconds, e\.g\. 2"):
        lab.ratio(start, start, budget=budget)


def test_another_measurement_says_what_to_write(lab: Lab) -> None:
    """Two ratios are not compared; the error says how to compare two functions."""
    one, other = lab.ratio(list, dict), lab.ratio(list, set)
    words = (
        r"^lab\.ratio\(list, dict\) > lab\.ratio\(list, set\): .*; measure one against the other.* lab\.ratio\(a, b\)"
    )
    with pytest.raises(TypeError, match=words):
        assert one > other  # type: ignore[operator]  # types refuse it, too


@pytest.mark.parametrize("number", [0, -1])
def test_ratio_is_always_above_zero(lab: Lab, number: float) -> None:
    """A comparison with zero or less could not be refuted."""
    with pytest.raises(ValueError, match=r"it is always above 0; compare it with a greater number"):
        assert lab.ratio(list, dict) > number


# --- evidence


def test_evidence(lab: Lab, time_: Time) -> None:
    """The evidence has the question and its answer, the pairs on both sides, and the seconds of each arm."""
    measured = lab.ratio(time_.work("a", 2 * MILLI), time_.work("b", MILLI))
    assert measured > 1.5
    (found,) = lab.evidence
    assert found.to_json() == {
        "kind": "ratio",
        "subject": "a against b",
        "question": "above 1.5",
        "answer": True,
        "cuts": [[1.5, 1.5]],
        "value": pytest.approx(2.0),
        "low": pytest.approx(2.0),
        "high": pytest.approx(2.0),
        "samples": 13,
        "seconds": pytest.approx(3 * 3 * MILLI + 13 * 3 * MILLI, abs=1e-4),
        "budget": BUDGET,
        "lacking": None,
        "failure": None,
        "above": 13,
        "below": 0,
        "error": 0.001,
        "arms": [
            {"name": "a", "calls": 1, "median": pytest.approx(2 * MILLI), "seconds": [0.001953] * 13},
            {"name": "b", "calls": 1, "median": pytest.approx(MILLI), "seconds": [0.0009766] * 13},
        ],
    }
    assert found.phrase() == (
        "`a` took 2 times as long as `b` (2 to 2); above 1.5 in 13 of 13 adjacent pairs (error rate 0.001)"
    )
    stored = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert from_json(stored).phrase() == found.phrase()


def test_range_on_record_is_that_of_the_test(lab: Lab, time_: Time) -> None:
    """The range has the medians that the test does not exclude; the value is the median of the pairs."""
    chance = random.Random(5)

    def noisy() -> None:
        time_.now += 2 * MILLI * chance.lognormvariate(0, 0.5)

    measured = lab.ratio(noisy, time_.work("b", MILLI))
    assert measured > 1
    ratios = [a / b for a, b in zip(*seconds(measured))]
    (found,) = lab.evidence
    assert isinstance(found, RatioRun)
    assert (found.low, found.high) == median_range(ratios, ERROR)
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert 1 <= found.low <= found.value <= found.high
    assert (found.above, found.below) == (sum(one > 1 for one in ratios), sum(one < 1 for one in ratios))


def test_record_has_the_first_thousand_samples(lab: Lab, time_: Time) -> None:
    """The record has at most a thousand samples; the number and the median are those of all."""
    measured = lab.ratio(time_.work("a", MILLI), time_.work("b", MILLI), budget=3)
    with pytest.raises(Inconclusive):
        measured.above(1)
    (found,) = lab.evidence
    assert isinstance(found, RatioRun)
    assert found.samples == len(measured.timings[0].seconds) > 1000
    assert [len(arm["seconds"]) for arm in found.arms] == [1000, 1000]


def test_arms_of_a_lab(lab: Lab, time_: Time) -> None:
    """The lab has the arms of all ratios that were measured, in order."""
    one = lab.ratio(time_.work("a", 2 * MILLI), time_.work("b", MILLI))
    lab.ratio(time_.work("c", MILLI), time_.work("d", MILLI))
    other = lab.ratio(time_.work("e", 2 * MILLI), time_.work("f", MILLI))
    assert one > 1
    assert [arm.name for arm in lab.timings] == ["a", "b"]
    assert other > 1
    assert [arm.name for arm in lab.timings] == ["a", "b", "e", "f"]
    assert list(lab.timings) == [*one.timings, *other.timings]
