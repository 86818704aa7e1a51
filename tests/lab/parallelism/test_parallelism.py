"""``lab.parallelism``: it gives the right answer or none, on any machine, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from helpers import workloads
from helpers.simulated_workers import Simulate, Simulated
from helpers.waiting import wait_until
from pytest_concclaims import CPYTHON, Inconclusive, Lab, MeasurementError, NotApplicable, gil_enabled
from pytest_concclaims.lab import lab as lab_module
from pytest_concclaims.lab.lab import Shared
from pytest_concclaims.lab.parallelism import alternation, experiment, instrument, parallelism
from pytest_concclaims.lab.parallelism.experiment import WorkersExperiment
from pytest_concclaims.lab.parallelism.parallelism import Parallelism
from pytest_concclaims.lab.parallelism.rounds import NO_CONTROL, TOO_BUSY, Rounds
from pytest_concclaims.lab.parallelism.worker_main import clock
from pytest_concclaims.lab.parallelism.workers import has_interpreters
from pytest_concclaims.lab.processes import forked
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.machine import usable_cpus
from pytest_concclaims.records.evidence import ParallelismRun, from_json

pytestmark = pytest.mark.interpreter
forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
interpreters = pytest.mark.skipif(not has_interpreters(), reason="no subinterpreters here")
KINDS = ["thread", "process", pytest.param("interpreter", marks=interpreters)]
PLACES = [pytest.param(False, marks=forks, id="forked"), pytest.param(True, id="in process")]
NothingLeft = Callable[[], AbstractContextManager[None]]

#: Seconds for a question to the real machine, with slices of the usual length.
BUDGET = 0.8
#: Seconds for a question with brief slices.
BRIEF_BUDGET = 0.2
ONE_CORE, SEVERAL_CORES = 1.2, 1.4


@pytest.fixture(params=PLACES)
def lab(request: pytest.FixtureRequest) -> Lab:
    """Return a lab without evidence."""
    return Lab(budget=BUDGET, in_process=request.param)


def answer(measurement: Parallelism) -> bool | None:
    """Return whether at most one core is used, if that is settled."""
    try:
        return measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    except Inconclusive:
        return None


def last(lab: Lab) -> ParallelismRun:
    """Return the evidence of the last question."""
    evidence = lab.evidence[-1]
    assert isinstance(evidence, ParallelismRun)
    return evidence


@pytest.fixture
def brief_slices(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make slices, and the turns under a GIL, a tenth as long as usual.

    This is for tests that do not depend on whether real slices are long enough.
    """
    before = sys.getswitchinterval()
    if sys.platform != "win32":  # its clock for CPU time has steps of 16 ms
        monkeypatch.setattr(alternation, "_SHORTEST_S", 0.003)
        monkeypatch.setattr(alternation, "_LONGEST_S", 0.0045)
        sys.setswitchinterval(before / 10)
    yield
    sys.setswitchinterval(before)


brief = pytest.mark.usefixtures("brief_slices")


# --- the real machine, which may be very busy


@pytest.mark.parametrize("control", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_beside_each_kind_of_control(lab: Lab, kind: str, control: str) -> None:
    """No kind is said to do what it cannot: only threads with a GIL use at most one core.

    A process that was forked beside a subinterpreter would crash, so this also tests the order of starts.
    """
    found = answer(lab.parallelism(workloads.compute, workers=2, kind=kind, control=control))
    assert found in ((gil_enabled() if kind == "thread" else False), None)
    assert last(lab).failure is None


def test_c_code_that_releases_the_gil_is_never_said_to_use_one_core(lab: Lab) -> None:
    """Such threads do use several cores."""
    assert answer(lab.parallelism(workloads.hash_much, workers=2, kind="thread")) in (False, None)


@brief
@pytest.mark.skipif(not gil_enabled(), reason="threads are a control here")
def test_control_of_threads_shows_nothing(lab: Lab) -> None:
    """Workers that use at most one core cannot show that there is a second one."""
    measurement = lab.parallelism(workloads.compute, workers=2, kind="thread", control="thread", budget=BRIEF_BUDGET)
    assert answer(measurement) is None


@brief
@pytest.mark.parametrize("kind", KINDS)
def test_work_that_waits_is_not_said_to_use_several_cores(lab: Lab, kind: str) -> None:
    """Its control waits as well, so there is no answer."""
    work = workloads.wait_a_millisecond
    assert answer(lab.parallelism(work, workers=2, kind=kind, budget=BRIEF_BUDGET)) is None


@brief
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("work", [workloads.nothing, workloads.take_ten_milliseconds])
def test_work_of_any_length(lab: Lab, kind: str, work: Callable[[], Any]) -> None:
    """Short work is repeated; long work makes slices longer. Neither fails."""
    measurement = lab.parallelism(work, workers=2, kind=kind, budget=BRIEF_BUDGET)
    assert answer(measurement) in ((gil_enabled() if kind == "thread" else False), None)
    assert last(lab).failure is None


@brief
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes have no affinity here")
@pytest.mark.parametrize("kind", KINDS)
def test_one_core_has_no_answer(lab: Lab, kind: str) -> None:
    """If nothing can run at the same time, there is no answer."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert answer(lab.parallelism(workloads.compute, workers=2, kind=kind, budget=BRIEF_BUDGET)) is None
        assert os.sched_getaffinity(0) == {min(before)}
    finally:
        os.sched_setaffinity(0, before)
    assert last(lab).lacking


@pytest.mark.parametrize("lab", PLACES[:1], indirect=True)  # one place only, as it slows other tests as well
def test_busy_machine_gives_no_wrong_answer(lab: Lab) -> None:
    """Beside two processes on each CPU that use all the CPU time they get, for at most a minute."""
    with ExitStack() as hogs:
        for _ in range(2 * usable_cpus()):
            hog = hogs.enter_context(subprocess.Popen(["sh", "-c", "ulimit -t 60; while :; do :; done"]))
            hogs.callback(hog.kill)
        for kind in ("thread", "process"):
            right = gil_enabled() if kind == "thread" else False
            assert answer(lab.parallelism(workloads.compute, workers=2, kind=kind, budget=0.5)) in (right, None)


# --- what is left


@brief
@pytest.mark.parametrize("kind", KINDS)
def test_question_leaves_nothing(lab: Lab, kind: str, nothing_left: NothingLeft) -> None:
    """No process, thread or open descriptor, with an answer or without one."""
    answer(lab.parallelism(workloads.compute, workers=2, kind=kind, budget=0.01))  # opens what stays open
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    with nothing_left():
        answer(lab.parallelism(workloads.compute, workers=2, kind=kind, budget=0.01))
    with nothing_left():
        answer(lab.parallelism(workloads.compute, workers=3, kind=kind, budget=BRIEF_BUDGET))
    assert affinity is None or os.sched_getaffinity(0) == affinity


@pytest.mark.parametrize("kind", KINDS)
def test_failure_leaves_nothing(lab: Lab, kind: str, nothing_left: NothingLeft) -> None:
    """Work that raises ends all workers."""
    answer(lab.parallelism(workloads.compute, workers=2, kind=kind, budget=0.01))
    measurement = lab.parallelism(workloads.fail, workers=3, kind=kind)
    with nothing_left(), pytest.raises(MeasurementError):
        measurement.below(ONE_CORE)


# --- work that fails


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("work", "words"),
    [
        (workloads.fail, "LookupError: no such account"),
        (workloads.refute, "AssertionError: not so"),
        (workloads.leave, "SystemExit: enough"),
    ],
)
def test_work_that_raises(lab: Lab, kind: str, work: Callable[[], Any], words: str) -> None:
    """It is an error with the work's traceback, and no answer; an assertion of the work refutes nothing."""
    measurement = lab.parallelism(work, workers=2, kind=kind)
    with pytest.raises(MeasurementError) as caught:
        measurement.below(ONE_CORE)
    first = str(caught.value).splitlines()[0]
    # If a worker gets no CPU in its first slice, it calls nothing, and the control is the first to raise.
    workers = {f"{work.__name__}, in a worker ({each}), raised {words}" for each in (kind, "process")}
    assert first.partition(": ")[2] in workers
    assert "workloads.py" in str(caught.value)
    assert f"in {work.__name__}\n" in str(caught.value)
    assert str(caught.value).endswith(words)
    failure = last(lab).failure
    assert failure is not None
    assert failure["kind"] == "raised"
    assert last(lab).answer is None
    assert lab.failed == first


def test_work_that_raises_in_the_control_alone(lab: Lab) -> None:
    """It is an error as well."""

    def work() -> None:
        if threading.current_thread() is threading.main_thread():
            raise LookupError("not in a main thread")
        time.sleep(0.001)  # uses no core, so that a control is needed

    measurement = lab.parallelism(work, workers=2, kind="thread")
    with pytest.raises(MeasurementError, match=r"work, in a worker \(process\), raised LookupError: not in a main"):
        measurement.below(ONE_CORE)


@forks
@pytest.mark.parametrize(
    ("work", "how"), [(workloads.vanish, "exit status 3"), (workloads.be_killed, "signal 9")], ids=["exit", "signal"]
)
def test_work_that_ends_the_process(work: Callable[[], Any], how: str, nothing_left: NothingLeft) -> None:
    """In a thread, it ends the child of the question; the claim is an ERROR, and the test process lives on."""
    lab = Lab(budget=BUDGET)
    with (
        nothing_left(),
        pytest.raises(MeasurementError, match=f"the process that ran {work.__name__} ended with {how}"),
    ):
        lab.parallelism(work, workers=2, kind="thread").below(ONE_CORE)
    failure = last(lab).failure
    assert failure is not None
    assert failure["kind"] == "crash"


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (workloads.vanish, "ended its worker, with exit status 3"),
        (workloads.be_killed, "crashed its worker, with signal 9"),
    ],
    ids=["exit", "signal"],
)
def test_work_that_ends_its_worker(lab: Lab, work: Callable[[], Any], words: str, nothing_left: NothingLeft) -> None:
    """The error says how it ended."""
    answer(lab.parallelism(workloads.compute, workers=2, kind="process", budget=0.01))
    with nothing_left(), pytest.raises(MeasurementError) as caught:
        lab.parallelism(work, workers=2, kind="process").below(ONE_CORE)
    assert str(caught.value).endswith(f"{work.__name__}, in a worker (process), {words}")


@pytest.fixture
def time_for_hanging(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the deadline pass as soon as two workers hang, and not before."""
    hanging = tmp_path / "hanging"
    hanging.touch()
    monkeypatch.setenv(workloads.HANGING, str(hanging))
    monkeypatch.setattr(alternation, "clock", lambda: clock() + (1000.0 if hanging.stat().st_size >= 2 else 0.0))
    monkeypatch.setattr(alternation, "_POLL_INTERVAL_S", 0.01)


hanging = pytest.mark.usefixtures("time_for_hanging")


@forks
@hanging
def test_thread_that_hangs(nothing_left: NothingLeft) -> None:
    """The error has its stack, and the child has ended."""
    lab = Lab(budget=BUDGET)
    measurement = lab.parallelism(workloads.stand_still, workers=2, kind="thread", deadline=0.5)
    with nothing_left(), pytest.raises(MeasurementError) as caught:
        measurement.below(ONE_CORE)
    assert "stand_still, in a worker (thread), did not return within 0.5 s\n" in str(caught.value)
    assert "in stand_still\n" in str(caught.value)
    failure = last(lab).failure
    assert failure is not None
    assert failure["kind"] == "hang"


@hanging
def test_process_that_hangs(lab: Lab, nothing_left: NothingLeft) -> None:
    """It is killed."""
    answer(lab.parallelism(workloads.compute, workers=2, kind="process", budget=0.01))
    measurement = lab.parallelism(workloads.stand_still, workers=2, kind="process", deadline=0.5)
    with nothing_left(), pytest.raises(MeasurementError, match=r"in a worker \(process\), did not return within"):
        measurement.below(ONE_CORE)


@forks
@hanging
def test_control_that_hangs(lab: Lab, nothing_left: NothingLeft) -> None:
    """It is killed, although it is no process of ``multiprocessing``."""

    def work() -> None:
        if threading.current_thread() is threading.main_thread():
            workloads.stand_still()
        time.sleep(0.001)  # uses no core, so that a control is needed

    answer(lab.parallelism(workloads.compute, workers=2, kind="thread", budget=0.01))
    measurement = lab.parallelism(work, workers=2, kind="thread", deadline=0.5)
    with nothing_left(), pytest.raises(MeasurementError, match=r"work, in a worker \(.*\), did not return within"):
        measurement.below(ONE_CORE)


@forks
@hanging
@interpreters
def test_subinterpreter_that_hangs(nothing_left: NothingLeft) -> None:
    """The child has ended with it."""
    measurement = Lab(budget=BUDGET).parallelism(workloads.stand_still, workers=2, kind="interpreter", deadline=0.5)
    with nothing_left(), pytest.raises(MeasurementError, match=r"\(interpreter\), did not return within 0.5 s"):
        measurement.below(ONE_CORE)


@forks
@pytest.mark.skipif(not (CPYTHON and gil_enabled()), reason="no GIL can be kept for good here")
def test_work_that_never_releases_the_gil(
    nothing_left: NothingLeft, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The child cannot check its deadline then; the test process kills it, and the error has its stacks."""
    hanging = tmp_path / "hanging"
    monkeypatch.setenv(workloads.HANGING, str(hanging))
    read = forked._message

    def read_once_hanging(
        pipe: BinaryIO, process: forked._Process, _deadline: float, progress: Callable[[], object]
    ) -> tuple[bytes | None, bool]:
        wait_until(hanging.exists)
        return read(pipe, process, 0.05, progress)

    monkeypatch.setattr(forked, "_message", read_once_hanging)
    measurement = Lab(budget=BUDGET).parallelism(workloads.keep_the_gil, workers=2, kind="thread")
    with nothing_left(), pytest.raises(MeasurementError, match="keep_the_gil did not return in time") as caught:
        measurement.below(ONE_CORE)
    assert "in keep_the_gil\n" in str(caught.value)


# --- a simulated machine


GIL = {"thread": 0.5, "control": 0.99}
FREE = {"thread": 0.99, "control": 0.99}


def threads(**changes: Any) -> tuple[Lab, Parallelism]:
    """Return a measurement of two threads, and its lab."""
    lab = Lab(budget=5.0, in_process=True)
    arguments: dict[str, Any] = {"workers": 2, "kind": "thread", **changes}
    return lab, lab.parallelism(workloads.compute, **arguments)


def test_one_core_at_most(simulate: Simulate) -> None:
    """Six slices beside a control that used two cores settle it."""
    machine = simulate(GIL)
    lab, measurement = threads()
    assert measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    found = last(lab)
    assert (found.answer, found.lacking, found.failure, found.samples) == (True, None, None, 6)
    assert found.value == pytest.approx(1.0)
    assert found.low == pytest.approx(1.0)
    assert found.high == pytest.approx(1.0)
    assert found.control_value == pytest.approx(1.98)
    assert found.control_low == pytest.approx(1.98)
    assert found.control_high == pytest.approx(1.98)
    assert found.subject == "2 threads calling `compute`"
    assert (found.workers, found.worker_kind, found.control, found.in_process) == (2, "thread", "process", True)
    assert (found.question, found.cuts, found.budget) == ("below 1.2", [[1.2, 1.4]], 5.0)
    assert len(found.slices) == 6
    assert {slice_["unfit"] for slice_ in found.slices} == {None}
    assert machine.ended == 4


def test_several_cores(simulate: Simulate) -> None:
    """Three slices settle it, and no control is run."""
    machine = simulate(FREE)
    lab, measurement = threads()
    assert not measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    found = last(lab)
    assert (found.answer, found.samples, found.control_value) == (False, 3, None)
    assert [(slice_["before"], slice_["after"]) for slice_ in found.slices] == [(None, None)] * 3
    assert "control" not in {name for name, _ in machine.orders}
    assert found.phrase() == ("2 threads calling `compute` used 1.98 cores (1.98 to 1.98) in 3 slices; not below 1.2")
    assert measurement.above(SEVERAL_CORES, else_below=ONE_CORE)
    assert last(lab).samples == 3


def test_several_cores_without_a_control(simulate: Simulate) -> None:
    """A slice that shows "more" needs no control."""
    simulate({"thread": 0.99, "control": 0.2})
    assert not threads()[1].below(ONE_CORE, else_above=SEVERAL_CORES)


@pytest.mark.parametrize(
    ("shares", "delays", "why"),
    [
        (
            {"thread": 0.5, "control": 0.5},
            {},
            "Even the control (2 processes) got 1.00 cores; more than 1.5 is needed",
        ),
        (GIL, {"thread": 0.2}, "the workers waited for a CPU"),
        ({"thread": 0.65, "control": 0.99}, {}, "dead zone"),
    ],
    ids=["one core", "hogs for the threads alone", "dead zone"],
)
def test_no_answer(shares: dict[str, float], delays: dict[str, float], why: str, simulate: Simulate) -> None:
    """When the budget is spent, the reason is given, and the workers have ended."""
    machine = simulate(shares, delays=delays)
    lab, measurement = threads()
    with pytest.raises(Inconclusive, match=re.escape(why)) as caught:
        measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    found = last(lab)
    assert found.answer is None
    assert why in str(found.lacking)
    assert str(caught.value) == found.phrase()
    assert len(found.slices) > 20
    assert machine.now >= 1005.0
    assert machine.ended == 4
    assert lab.unsettled is caught.value
    assert lab.void is None


def test_quota_is_seen(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices in which a CPU quota held the process back do not count for "less"."""
    simulate(GIL)
    held_back = iter(range(1_000_000))
    monkeypatch.setattr(alternation, "throttled_seconds", lambda: next(held_back))
    lab, measurement = threads()
    with pytest.raises(Inconclusive, match="a CPU quota held the workers back"):
        measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    assert all(slice_["throttled"] for slice_ in last(lab).slices)


def test_hogs_that_come_after_the_first_slices(simulate: Simulate) -> None:
    """Free threads that get one core beside other programs have no answer, as the control gets less, too."""
    machine = simulate({"thread": 0.66, "control": 0.99})
    lab, measurement = threads(budget=0.5)
    with pytest.raises(Inconclusive):
        measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    machine.shares = {"thread": 0.4, "control": 0.5}
    with pytest.raises(Inconclusive):
        measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    assert last(lab).slices[-1]["unfit"] == TOO_BUSY


def test_too_many_workers_for_the_budget(simulate: Simulate) -> None:
    """Slices of many workers are longer; the reason says so, and does not blame the work."""
    simulate({"thread": 0.01, "control": 0.99})
    _, measurement = threads(workers=100, budget=2.0)
    with pytest.raises(Inconclusive, match=r"with 100 workers, and as many for the control, they take 4\.5 s"):
        measurement.below(ONE_CORE, else_above=SEVERAL_CORES)


def test_no_slice_begins_when_time_is_up(simulate: Simulate) -> None:
    """Work that takes very long gets no complete round, and is not a hang."""
    machine = simulate(GIL, takes=8.0)
    lab, measurement = threads()
    with pytest.raises(
        Inconclusive, match="too small for a slice and its control: one call of the work takes too long"
    ):
        measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    assert machine.now < 1000 + 5 + 8 + 1
    assert last(lab).value is None
    assert last(lab).samples == 0


def test_controls_before_and_after(simulate: Simulate) -> None:
    """The first slice does not count; then each measured slice is between two of its control."""
    machine = simulate(GIL)
    _, measurement = threads()
    assert measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    order = " ".join(name for name, _ in machine.orders)
    control, measured = "control control", "thread thread"
    assert order == " ".join([measured, control, *[measured, control] * 6])


def where(machine: Simulated, **changes: Any) -> list[list[int] | None]:
    """Return the CPUs of the orders in a child, where no other code depends on its CPUs."""
    described = WorkersExperiment(workloads.compute, changes.pop("workers", 2), "thread", "process", 10.0)
    run = alternation.Alternation(described, Rounds(), in_place=False)
    run.until_settled(ONE_CORE, SEVERAL_CORES, machine.now + 1.0)
    return [cpus for name, cpus in machine.orders if name == "control"]


def test_slices_that_do_not_count_change_the_pinning(simulate: Simulate) -> None:
    """Each worker is pinned until slices do not count; then the system chooses; and so on, in turns."""
    controls = where(simulate({"thread": 0.5, "control": 0.5}))
    assert controls[:8] == [[3], [5], [3], [5], [3, 5, 7], [3, 5, 7], [3, 5, 7], [3, 5, 7]]
    assert controls[8:12] == [[3], [5], [3], [5]]


def test_slices_that_count_keep_the_pinning(simulate: Simulate) -> None:
    """Each worker stays on its CPU."""
    assert where(simulate(GIL)) == [[3], [5]] * 7  # one slice before all, and one after each of six


def test_more_workers_than_cores_share_them(simulate: Simulate) -> None:
    """The fourth worker has the CPU of the first."""
    assert where(simulate({"thread": 0.25, "control": 0.99}), workers=4)[:4] == [[3], [5], [7], [3]]


def test_threads_of_this_process_are_not_pinned(simulate: Simulate) -> None:
    """Threads that the work starts would inherit the CPUs, and stay."""
    machine = simulate(GIL)
    assert threads()[1].below(ONE_CORE, else_above=SEVERAL_CORES)
    assert {cpus is None for name, cpus in machine.orders if name == "thread"} == {True}


def test_where_threads_cannot_be_pinned(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders have no CPUs."""
    machine = simulate(GIL)
    monkeypatch.setattr(alternation, "can_pin", lambda: False)
    assert set(map(repr, where(machine))) == {"None"}


def test_asked_again_goes_on(simulate: Simulate) -> None:
    """Earlier slices are used for the next question, and only missing ones are measured."""
    machine = simulate(GIL)
    lab, measurement = threads()
    assert measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    orders = len(machine.orders)
    assert not measurement.above(1.3)
    assert measurement.between(0.5, 1.5)
    assert len(machine.orders) == orders
    assert last(lab).samples == 6
    assert last(lab).cuts == [[0.4, 0.6], [1.4, 1.6]]
    with pytest.raises(Inconclusive):
        measurement.below(1.0)  # the value that it has
    assert last(lab).samples > 6


def test_budget_that_was_too_small_can_be_spent_again(simulate: Simulate) -> None:
    """Slices of a question without an answer are used for the next one."""
    simulate(GIL)
    lab, measurement = threads(budget=0.3)
    asked = 0
    while answer(measurement) is None:
        asked += 1
        assert asked < 6
    assert asked
    assert last(lab).samples == 6


def test_gil_that_changes_makes_all_anew(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices without the GIL do not count for threads with it."""
    machine = simulate(FREE)
    monkeypatch.setattr(instrument, "gil_enabled", lambda: False)
    lab, measurement = threads()
    assert measurement.above(1.3)
    machine.shares = GIL
    monkeypatch.setattr(instrument, "gil_enabled", lambda: True)
    assert not measurement.above(1.3)
    assert last(lab).samples == 6


class Falling(dict[str, float]):
    """Shares of which threads get more in the first slices."""

    #: For each of two workers in the first slice, which does not count, and in two more.
    more = 6

    def __getitem__(self, name: str) -> float:
        """Return the share of the next worker."""
        if name == "thread" and self.more:
            self.more -= 1
            return 0.99
        return super().__getitem__(name)


def test_controls_from_the_first_slice_on_that_shows_no_more(simulate: Simulate) -> None:
    """Slices that showed "more" count against the answer: nine of ten must agree."""
    simulate(Falling(GIL))
    lab, measurement = threads()
    assert measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    slices = last(lab).slices
    assert [slice_["before"] is not None for slice_ in slices] == [False] * 3 + [True] * 18
    assert {slice_["unfit"] for slice_ in slices[:3]} == {NO_CONTROL}


# --- shared with other claims


def claim_with(store: Shared, **changes: Any) -> tuple[Lab, Parallelism]:
    """Return a measurement that claims share, and the lab of its claim."""
    lab = Lab(budget=0.5, in_process=True, shared=store)
    arguments: dict[str, Any] = {"work": workloads.compute, "workers": 2, "kind": "thread", "shared": True, **changes}
    return lab, lab.parallelism(arguments.pop("work"), **arguments)


def test_what_answered_a_claim_answers_the_next_one(simulate: Simulate) -> None:
    """It measures nothing, and has the same evidence with a note about its origin."""
    machine = simulate(GIL)
    shared: Shared = {}
    lab, measurement = claim_with(shared, budget=5.0)
    assert measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    orders, slices = len(machine.orders), last(lab).slices
    lab, measurement = claim_with(shared)
    assert measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    assert len(machine.orders) == orders
    assert last(lab).slices == slices
    assert [piece.phrase() for piece in lab.evidence[:-1]] == [
        "reused from an earlier claim: 6 slices of thread workers"
    ]


@pytest.mark.parametrize(
    "changes",
    [{"shared": False}, {"work": workloads.nothing}, {"workers": 3}, {"deadline": 3.0}],
    ids=["not shared", "other work", "more workers", "other deadline"],
)
def test_what_answered_another_question_is_not_shared(changes: dict[str, Any], simulate: Simulate) -> None:
    """Another experiment is measured from the start."""
    simulate(GIL)
    shared: Shared = {}
    assert claim_with(shared, budget=5.0)[1].below(ONE_CORE, else_above=SEVERAL_CORES)
    lab, measurement = claim_with(shared, **changes)
    assert repr(measurement).endswith("not measured yet>")
    assert lab.evidence == ()


def test_what_was_seen_with_another_gil_is_not_shared(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements with the GIL in another state do not count."""
    simulate(FREE)
    shared: Shared = {}
    for module in (instrument, parallelism, lab_module):
        monkeypatch.setattr(module, "gil_enabled", lambda: False)
    assert claim_with(shared, budget=5.0)[1].above(1.3)
    for module in (instrument, parallelism, lab_module):
        monkeypatch.setattr(module, "gil_enabled", lambda: True)
    assert repr(claim_with(shared)[1]).endswith("not measured yet>")


def test_what_had_no_answer_is_not_shared(simulate: Simulate) -> None:
    """They were most likely made on a busy machine, so the next claim begins anew."""
    machine = simulate({"thread": 0.5, "control": 0.5})
    shared: Shared = {}
    with pytest.raises(Inconclusive):
        claim_with(shared)[1].below(ONE_CORE)
    machine.shares = GIL
    lab, measurement = claim_with(shared, budget=5.0)
    assert measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    assert last(lab).samples == len(last(lab).slices) == 6


# --- evidence and words


def test_evidence_can_be_stored(simulate: Simulate) -> None:
    """It can be stored as JSON, and read again."""
    simulate(GIL)
    lab, measurement = threads()
    assert measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    assert from_json(json.loads(json.dumps(last(lab).to_json()))) == last(lab)
    assert last(lab).phrase() == (
        "2 threads calling `compute` used 1.00 cores (1.00 to 1.00) in 6 slices; the control (2 processes) used 1.98 "
        "cores; below 1.2"
    )


def test_repr_says_what_is_known_and_samples_nothing(simulate: Simulate) -> None:
    """It says that nothing was measured; and later, the value, the range and the number of samples."""
    machine = simulate(GIL)
    lab, measurement = threads()
    assert repr(measurement) == "<lab.parallelism(compute, workers=2, kind='thread'): not measured yet>"
    assert (machine.orders, lab.evidence) == ([], ())
    assert measurement.below(ONE_CORE, else_above=SEVERAL_CORES)
    orders = len(machine.orders)
    assert repr(measurement) == "<lab.parallelism(compute, workers=2, kind='thread'): 1 (1 to 1), 6 samples>"
    assert (len(machine.orders), len(lab.evidence)) == (orders, 1)


def test_measurement_that_was_not_asked(lab: Lab) -> None:
    """The claim has no verdict."""
    lab.parallelism(workloads.fail, workers=2, kind="thread")
    assert lab.evidence == ()
    assert "was not asked a question" in str(lab.void)


# --- arguments


def co_work() -> Any:
    """Yield, so that a call runs nothing."""
    yield


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"workers": 1}, ValueError, r"lab\.parallelism\(workers=1\): must be 2 or more"),
        ({"workers": 0}, ValueError, "2 or more"),
        ({"workers": "2"}, TypeError, r"lab\.parallelism\(workers='2'\)"),
        ({"workers": True}, TypeError, r"workers=True"),
        ({"workers": 2.0}, TypeError, r"workers=2\.0"),
        ({"kind": "threads"}, ValueError, r"kind='threads'\): .*'thread', 'process', 'interpreter'"),
        ({"kind": None}, ValueError, r"kind=None"),
        ({"control": "core"}, ValueError, r"control='core'"),
        ({"kind": ["thread"]}, ValueError, r"kind=\['thread'\]"),
        ({"work": workloads.compute()}, TypeError, r"work is \d+, which cannot be called"),
        ({"work": None}, TypeError, "pass the function itself"),
        ({"work": co_work}, TypeError, "a call of it runs nothing"),
        ({"budget": 0}, ValueError, r"budget=0\)"),
        ({"deadline": -1}, ValueError, r"deadline=-1\)"),
        ({"deadline": "1"}, TypeError, r"deadline='1'\)"),
    ],
)
def test_bad_arguments(changes: dict[str, Any], error: type[Exception], words: str) -> None:
    """Invalid arguments are errors at once, with the argument's name."""
    lab = Lab(budget=1.0)
    given: dict[str, Any] = {"work": workloads.compute, "workers": 2, "kind": "thread", **changes}
    with pytest.raises(error, match=words):
        lab.parallelism(given.pop("work"), **given)
    assert lab.void is None


@pytest.mark.parametrize("role", ["kind", "control"])
def test_subinterpreters_that_are_not_there(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is NOT APPLICABLE, even if it goes on."""
    monkeypatch.setattr(experiment, "has_interpreters", lambda: False)
    lab = Lab(budget=1.0)
    arguments: dict[str, Any] = {"workers": 2, "kind": "thread", role: "interpreter"}
    with pytest.raises(NotApplicable, match=r"this Python has no concurrent\.interpreters") as caught:
        lab.parallelism(workloads.compute, **arguments)
    assert lab.unsettled is caught.value


@pytest.mark.parametrize("role", ["kind", "control"])
def test_work_that_subinterpreters_cannot_import(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything runs."""
    monkeypatch.setattr(experiment, "has_interpreters", lambda: True)
    arguments: dict[str, Any] = {"workers": 2, "kind": "thread", role: "interpreter"}
    with pytest.raises(TypeError, match=r"cannot import the lambda at test_parallelism\.py:\d+; pass a function"):
        Lab(budget=1.0).parallelism(lambda: None, **arguments)
