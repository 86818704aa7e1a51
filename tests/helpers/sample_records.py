"""Evidence of each kind, a claim, and a record of claims: for the tests of code that reads records."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from pytest_concclaims import Verdict
from pytest_concclaims.interpreter import Interpreter
from pytest_concclaims.machine import Machine
from pytest_concclaims.records.evidence import (
    Assertion,
    Attempt,
    ChildRun,
    Evidence,
    MemoryRun,
    Note,
    ParallelismRun,
    RaceRun,
    Raised,
    RatioRun,
    Requirement,
    SpeedupRun,
)
from pytest_concclaims.records.interleaving import Step
from pytest_concclaims.records.record import ClaimResult, RunRecord

CHILD = ChildRun(
    target="f()",
    exit_code=0,
    signal=None,
    timed_out=False,
    deadline=30.0,
    duration=0.1,
    value="42",
    exception=None,
    stdout="",
    stderr="",
)
RACE = RaceRun(
    question="never",
    about="1",
    answer=False,
    actors=["add", "add"],
    rounds=1,
    samples=4_096,
    overlapping=2_048,
    strides=2,
    seconds=0.1,
    budget=2.0,
    in_process=False,
    seen=1,
    outcomes=[{"outcome": "2", "samples": 4_095, "overlapping": 2_047, "schedules": 0}],
    other_outcomes=1,
    witness={
        "outcome": "1",
        "seconds": 0.1,
        "sample": 3_000,
        "strategy": "leapfrog",
        "switch_interval": 1e-06,
        "overlapping": True,
        "steps": None,
        "replay": None,
        "scenario": None,
        "remark": None,
    },
    interrupted=False,
    control={
        "matched": True,
        "actors": ["add", "add"],
        "samples": 512,
        "overlapping": 256,
        "strides": 1,
        "seen": 0,
        "without_locks": [],
    },
    orders=[],
    scenarios=None,
    strategies=[{"strategy": "leapfrog", "samples": 4_096, "overlapping": 2_048}],
    schedules=None,
    bound=None,
    confidence=0.999,
    lacking=None,
    failure=None,
)
STEPS = [
    Step(0, "bank/account.py", 10, "seen = account.balance"),
    Step(0, "bank/account.py", 11, "audit(seen)"),
    Step(0, "bank/audit.py", 4, "lines.append(text)", "preempted"),
    Step(1, "bank/account.py", 20, "for _ in range(9):"),
    Step(1, "bank/account.py", 20, "... 8 more rounds of this line", "folded"),
    Step(1, "bank/account.py", 21, "with account.lock:", "blocked"),
    Step(0, "bank/audit.py", 4, "lines.append(text)", "goes on"),
    Step(0, "bank/account.py", 11, "audit(seen)", "goes on"),
    Step(0, "bank/account.py", 12, "account.balance = seen + 5", "returned"),
    Step(1, "bank/account.py", 21, "with account.lock:", "goes on"),
    Step(1, "bank/account.py", 22, "account.balance = missing", "raised NameError"),
]
SCHEDULES: dict[str, Any] = {
    "grade": "here",
    "interpreter": "CPython 3.13 with the GIL",
    "switch_points": [14, 16],
    "run": 422,
    "seen": 0,
    "preemptions": 2,
    "exhausted": False,
    "further": 782,
    "random": None,
    "unrepeatable": 0,
    "seconds": 0.25,
    "control": {"run": 62, "seen": 16, "preemptions": 1, "exhausted": False},
    "remarks": [],
    "portable": None,
}
#: A race that a schedule answered, with the story of its witness.
SCHEDULED = replace(
    RACE,
    actors=["deposit_5", "deposit_8"],
    samples=0,
    overlapping=0,
    strides=0,
    seen=0,
    outcomes=[
        {"outcome": "2", "samples": 0, "overlapping": 0, "schedules": 29},
        {"outcome": "1", "samples": 0, "overlapping": 0, "schedules": 1},
    ],
    other_outcomes=0,
    witness={
        "outcome": "1",
        "seconds": 0.0125,
        "sample": 7,
        "strategy": "schedule with 1 preemption",
        "switch_interval": None,
        "overlapping": True,
        "steps": [asdict(step) for step in STEPS],
        "replay": "5d-1f-7",
        "scenario": None,
        "remark": None,
    },
    control={**RACE.control, "samples": 0, "overlapping": 0, "strides": 0, "seen": None},
    strategies=[],
    schedules={**SCHEDULES, "run": 30, "seen": 1, "preemptions": 1, "further": None, "control": None},
)
#: A race that ended in a deadlock that the question did not ask for.
DEADLOCK = replace(
    SCHEDULED,
    answer=None,
    witness={**(SCHEDULED.witness or {}), "outcome": "lab.DEADLOCK", "steps": [asdict(step) for step in STEPS[:6]]},
    failure={"kind": "deadlock", "text": "the actors all wait", "details": ""},
)
#: A race without a witness, in whose schedules every field is set.
ABSENT = replace(
    SCHEDULED,
    answer=True,
    witness=None,
    schedules={
        **SCHEDULES,
        "random": {"run": 100, "preemptions": 3, "chance": 0.0012},
        "unrepeatable": 1,
        "remarks": ["threads that actors started were not scheduled"],
        "portable": {"run": 20, "seen": 2, "preemptions": 1, "exhausted": False},
    },
)
#: A race that was asked whether it is atomic.
ATOMIC = replace(
    SCHEDULED,
    question="atomic",
    about="",
    orders=[
        {"calls": ["deposit_5", "deposit_8"], "outcome": "2"},
        {"calls": ["deposit_8", "deposit_5"], "outcome": "2"},
    ],
)
#: Operations with a scenario as the witness.
LINEARIZABLE = replace(
    ATOMIC,
    question="linearizable",
    actors=["thread 1", "thread 2"],
    witness={
        **(SCHEDULED.witness or {}),
        "outcome": "(None, IndexError raised, 1)",
        "scenario": [
            [{"call": "push(1)", "result": "None"}, {"call": "pop()", "result": "IndexError raised"}],
            [{"call": "pop()", "result": "1"}],
        ],
    },
    control={**SCHEDULED.control, "without_locks": ["the Lock that is made in bank/account.py:5"]},
    orders=[
        {"calls": ["push(1)", "pop()", "pop()"], "outcome": "(None, 1, None)"},
        {"calls": ["pop()", "push(1)", "pop()"], "outcome": "(None, 1, None)"},
        {"calls": ["push(1)", "pop()", "pop()"], "outcome": "(None, None, 1)"},
    ],
    scenarios={
        "operations": ["push(1)", "pop()"],
        "shapes": [
            {"calls": [1, 1], "run": 3, "of": 3, "preemptions": 2},
            {"calls": [2, 1], "run": 2, "of": 8, "preemptions": 1},
        ],
    },
)
MEASURED: dict[str, Any] = {
    "subject": "a against b",
    "question": "above 2",
    "answer": True,
    "cuts": [[2.0, 2.0]],
    "value": 3.5,
    "low": 2.5,
    "high": 4.5,
    "samples": 13,
    "seconds": 0.2,
    "budget": 2.0,
    "lacking": None,
    "failure": None,
}
SIGNS: dict[str, Any] = {"above": 13, "below": 0, "error": 0.001}
ARM = {"name": "a", "calls": 4, "median": 0.1, "seconds": [0.1, 0.1]}
RATIO = RatioRun(**MEASURED, **SIGNS, arms=[ARM, ARM])
FAILURE = {"kind": "raised", "text": "a raised OSError", "details": "Traceback"}
MEMORY = MemoryRun(**MEASURED, **SIGNS, arms=[{"name": "a", "median": 4096, "bytes": [4096, 8192]}], unique=True)
PARALLELISM = ParallelismRun(
    **MEASURED,
    workers=2,
    worker_kind="thread",
    control="process",
    control_value=1.9,
    control_low=1.8,
    control_high=2.0,
    slices=[
        {
            "low": 1.9,
            "high": 2.0,
            "before": [1.8, 1.9],
            "after": [1.9, 2.0],
            "delay": 0.01,
            "throttled": False,
            "unfit": None,
        }
    ],
    in_process=False,
)
WORKERS = {
    name: getattr(PARALLELISM, name)
    for name in ("workers", "worker_kind", "control", "control_value", "control_low", "control_high", "slices")
}
SPEEDUP = SpeedupRun(**MEASURED, **SIGNS, **WORKERS, in_process=False)
UNMEASURED: dict[str, Any] = {
    "answer": None,
    "value": None,
    "low": None,
    "high": None,
    "samples": 0,
    "failure": FAILURE,
}
EVIDENCE: list[Evidence] = [
    Note("it snows"),
    Requirement(True, "two cores"),
    Assertion(True, "assert x", "test_x.py:3"),
    Assertion(False, "assert x", "test_x.py:3", "assert 0"),
    CHILD,
    replace(CHILD, exit_code=None, value=None, signal="SIGSEGV"),
    replace(CHILD, exit_code=None, value=None, timed_out=True),
    replace(CHILD, value=None, exception="ValueError: x"),
    RACE,
    SCHEDULED,
    DEADLOCK,
    ABSENT,
    ATOMIC,
    LINEARIZABLE,
    RATIO,
    replace(RATIO, **UNMEASURED, arms=[{**ARM, "calls": 0, "median": None, "seconds": []}] * 2),
    MEMORY,
    replace(MEMORY, **UNMEASURED),
    PARALLELISM,
    SPEEDUP,
    replace(SPEEDUP, **UNMEASURED, control_value=None, control_low=None, control_high=None, slices=[]),
    replace(PARALLELISM, **UNMEASURED, control_value=None, control_low=None, control_high=None),
    replace(PARALLELISM, slices=[{**PARALLELISM.slices[0], "before": None, "after": None}]),
    Raised("set-up", "OSError", "", "Traceback"),
    Attempt("refuted", None, [Note("it rained").to_json()]),
]
CLAIM = ClaimResult(
    id="demo-snow",
    suite="demo",
    statement="Snow is white",
    source=None,
    digest="0" * 64,
    verdict=Verdict.CONFIRMED,
    expected=Verdict.CONFIRMED,
    reason=None,
    evidence=(),
    duration=0.1,
    location="test_x.py:3",
    nodeid="test_x.py::test_x",
    code=None,
)


def record_of(*claims: ClaimResult) -> RunRecord:
    """Return a record of these claims."""
    return RunRecord(
        tool={"name": "pytest-concclaims", "version": "1", "pytest": "9", "pytest-xdist": "3"},
        options={
            "suites": ["article"],
            "budget": 2.0,
            "patience": None,
            "strict": False,
            "in_process": False,
            "portable": False,
            "selection": [],
        },
        interpreter=Interpreter.current(),
        machine=Machine.current(),
        started="2025-01-01T00:00:00+00:00",
        duration=1.0,
        complete=True,
        project=None,
        source_url=None,
        suites=(),
        claims=claims,
    )
