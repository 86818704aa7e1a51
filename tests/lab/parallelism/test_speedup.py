"""``lab.speedup``: it gives the right answer or none, on any machine."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from helpers import workloads
from helpers.simulated_workers import Simulate
from pytest_concclaims import Inconclusive, Lab, MeasurementError, NotApplicable, gil_enabled
from pytest_concclaims.lab.parallelism import alternation, experiment, instrument, speedup
from pytest_concclaims.lab.parallelism.speedup import Speedup
from pytest_concclaims.lab.parallelism.workers import has_interpreters
from pytest_concclaims.records.evidence import SpeedupRun, from_json

interpreters = pytest.mark.skipif(not has_interpreters(), reason="no subinterpreters here")
KINDS = ["thread", "process", pytest.param("interpreter", marks=interpreters)]
#: Each worker has a CPU of its own all the time.
IDLE = {"thread": 1.0, "control": 1.0}


def last(lab: Lab) -> SpeedupRun:
    """Return the evidence of the last question."""
    evidence = lab.evidence[-1]
    assert isinstance(evidence, SpeedupRun)
    return evidence


def answer(measurement: Speedup) -> bool | None:
    """Return whether it lies above 1.5, if that is settled."""
    try:
        return measurement > 1.5
    except Inconclusive:
        return None


def threads(**changes: Any) -> tuple[Lab, Speedup]:
    """Return a measurement of two threads, and its lab."""
    lab = Lab(budget=5.0, in_process=True)
    arguments: dict[str, Any] = {"workers": 2, "kind": "thread", **changes}
    return lab, lab.speedup(workloads.compute, **arguments)


# --- the real machine, which may be very busy


@pytest.mark.interpreter
@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_is_ever_said_to_do_what_it_cannot(kind: str) -> None:
    """Only threads with a GIL do at most as much as one."""
    lab = Lab(budget=0.5)
    right = not gil_enabled() if kind == "thread" else True
    assert answer(lab.speedup(workloads.compute, workers=2, kind=kind)) in (right, None)
    assert last(lab).failure is None


@pytest.mark.interpreter
def test_work_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error, and no answer."""
    monkeypatch.setattr(speedup, "is_traced", lambda: False)
    measurement = Lab(budget=1.0).speedup(workloads.fail, workers=2, kind="thread")
    with pytest.raises(MeasurementError, match=r"^lab\.speedup\(fail, .*raised LookupError: no such account"):
        answer(measurement)


# --- a simulated machine


@pytest.mark.parametrize("truth", [2.0, 1.0, 0.25])
def test_answer(simulate: Simulate, truth: float) -> None:
    """Thirteen rounds settle it, whether two workers do twice as much as one, as much, or less."""
    machine = simulate(IDLE, speedups={"thread": truth})
    lab, measurement = threads()
    assert (measurement > 1.5) is (truth > 1.5)
    found = last(lab)
    assert (found.answer, found.samples, found.lacking, found.failure) == (truth > 1.5, 13, None, None)
    assert (found.above, found.below) == ((13, 0) if truth > 1.5 else (0, 13))
    assert found.value == pytest.approx(truth, rel=0.01)
    assert found.control_value == pytest.approx(2.0, rel=0.01)
    assert (found.workers, found.worker_kind, found.control, found.in_process) == (2, "thread", "process", True)
    assert machine.ended == 4


def test_what_parallelism_does_not_show(simulate: Simulate) -> None:
    """Two threads that use two cores all the time, and take 4.1 times as long for twice the work."""
    simulate(IDLE, speedups={"thread": 2 / 4.1})
    lab, measurement = threads()
    assert lab.parallelism(workloads.compute, workers=2, kind="thread") > 1.5
    assert measurement < 1.3
    assert not measurement > 1
    assert last(lab).phrase() == (
        "2 threads calling `compute` did 0.49 times as much as one (0.49 to 0.49); the control (2 processes) did "
        "2.00 times as much; below 0.90 in 13 of 13 rounds (error rate 0.001)"
    )


def test_slices_of_one_and_of_all_between_their_controls(simulate: Simulate) -> None:
    """The first slice does not count; then pairs alternate with those of the control."""
    machine = simulate(IDLE)
    assert threads()[1] > 1.5
    order = [name for name, _ in machine.orders][2:]
    assert order == [*["control"] * 3, *[*["thread"] * 3, *["control"] * 3] * 13]


@pytest.mark.parametrize("truth", [2.0, 1.0, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_hogs_that_come_and_go_never_give_a_wrong_answer(simulate: Simulate, truth: float, seed: int) -> None:
    """If the worker that runs alone waits, the speed-up seems greater; if the others wait, it seems less."""
    chance = random.Random(seed)

    def load(_kind: str, _at_work: int) -> tuple[float, float | None]:
        kept = chance.choice([0.0, 0.0, chance.uniform(0.06, 0.8)])
        return 1 - kept, kept

    simulate(IDLE, speedups={"thread": truth}, load=load)
    lab, measurement = threads()
    assert answer(measurement) in (truth > 1.5, None)
    assert {slice_["unfit"] for slice_ in last(lab).slices} >= {"the workers waited for a CPU"}


@pytest.mark.parametrize("which", [1, 2], ids=["one", "all"])
@pytest.mark.parametrize("name", ["thread", "control"])
def test_busy_machine_has_no_answer(simulate: Simulate, name: str, which: int) -> None:
    """Workers that always wait: one alone or all of them, of the measured ones or of the control."""

    def load(kind: str, at_work: int) -> tuple[float, float | None]:
        return (0.5, 0.5) if (kind, at_work) == (name, which) else (1.0, 0.0)

    simulate(IDLE, speedups={"thread": 1.0}, load=load)
    lab, measurement = threads()
    with pytest.raises(Inconclusive, match="the workers waited for a CPU") as caught:
        assert measurement > 1.5
    assert str(caught.value) == last(lab).phrase()
    assert last(lab).answer is None


def test_system_that_does_not_report_waits(simulate: Simulate) -> None:
    """The control must do as much as it can on idle CPUs, or there is no answer."""
    simulate(IDLE, speedups={"thread": 1.0}, load=lambda *_: (1.0, None))
    assert answer(threads()[1]) is False
    simulate(IDLE, speedups={"thread": 1.0, "control": 1.75}, load=lambda *_: (1.0, None))
    lab, measurement = threads()
    assert answer(measurement) is None
    assert "this system does not report" in str(last(lab).lacking)


def test_control_that_does_not_scale(simulate: Simulate) -> None:
    """Too few cores, or work that does not scale in processes either."""
    simulate(IDLE, speedups={"thread": 1.0, "control": 1.0})
    with pytest.raises(Inconclusive, match=r"\(2 processes\) did only 1\.00 times as much as one; more than 1\.7"):
        assert threads()[1] > 1.5


def test_quota_is_seen(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices in which a CPU quota held the process back do not count."""
    simulate(IDLE)
    held_back = iter(range(1_000_000))
    monkeypatch.setattr(alternation, "throttled_seconds", lambda: next(held_back))
    with pytest.raises(Inconclusive, match="a CPU quota held the workers back"):
        assert threads()[1] > 1.5


def test_beside_a_tracer_there_is_no_answer(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracer slows some code more than other, so nothing is measured."""
    machine = simulate(IDLE)
    monkeypatch.setattr(speedup, "is_traced", lambda: True)
    with pytest.raises(Inconclusive, match="a tracer, profiler or debugger is active"):
        assert threads()[1] > 1.5
    assert machine.orders == []


def test_gil_that_changes_makes_all_anew(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices without the GIL do not count for threads with it."""
    machine = simulate(IDLE)
    monkeypatch.setattr(instrument, "gil_enabled", lambda: False)
    _, measurement = threads()
    assert measurement > 1.5
    machine.speedups = {"thread": 1.0}
    monkeypatch.setattr(instrument, "gil_enabled", lambda: True)
    assert not measurement > 1.5


def test_evidence_can_be_stored(simulate: Simulate) -> None:
    """It can be stored as JSON, and read again; the repr measures nothing."""
    simulate(IDLE)
    lab, measurement = threads()
    assert repr(measurement) == "<lab.speedup(compute, workers=2, kind='thread'): not measured yet>"
    assert measurement > 1.5
    assert repr(measurement) == "<lab.speedup(compute, workers=2, kind='thread'): 2 (2 to 2), 13 samples>"
    assert from_json(json.loads(json.dumps(last(lab).to_json(), allow_nan=False))) == last(lab)


# --- arguments


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"workers": 1}, ValueError, r"lab\.speedup\(workers=1\): must be 2 or more"),
        ({"kind": "threads"}, ValueError, r"lab\.speedup\(kind='threads'\)"),
        ({"control": "core"}, ValueError, r"lab\.speedup\(control='core'\)"),
        ({"budget": 0}, ValueError, r"lab\.speedup\(budget=0\)"),
        ({"deadline": "1"}, TypeError, r"lab\.speedup\(deadline='1'\)"),
    ],
)
def test_bad_arguments(changes: dict[str, Any], error: type[Exception], words: str) -> None:
    """Invalid arguments are errors at once, with the argument's name."""
    with pytest.raises(error, match=words):
        threads(**changes)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1.9, r"2 workers do at most 2 times as much as one, .* \(the dead zone must end below 1\.9\)"),
        (0.1, r"the dead zone, 0\.1 to either side of the number, begins at or below 0, so nothing lies below it"),
    ],
)
def test_numbers_that_could_not_be_settled(number: float, words: str) -> None:
    """The control must exceed the number, and nothing lies below zero."""
    with pytest.raises(ValueError, match=words):
        assert threads()[1] > number


def test_subinterpreters_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is NOT APPLICABLE."""
    monkeypatch.setattr(experiment, "has_interpreters", lambda: False)
    with pytest.raises(NotApplicable, match=r"this Python has no concurrent\.interpreters"):
        threads(kind="interpreter")
