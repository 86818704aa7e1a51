"""What the kinds of evidence say, and how they are stored."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest

from helpers.sample_records import ABSENT, ATOMIC, DEADLOCK, LINEARIZABLE, RACE, RATIO, SCHEDULED, SCHEDULES
from pytest_concclaims.records import schedules as words
from pytest_concclaims.records.evidence import (
    Assertion,
    Attempt,
    ChildRun,
    Evidence,
    Note,
    Raised,
    Requirement,
    from_json,
    summary_phrase,
)

RUN = ChildRun(
    target="burn()",
    exit_code=0,
    signal=None,
    timed_out=False,
    deadline=30.0,
    duration=0.25,
    value=None,
    exception=None,
    stdout="",
    stderr="",
)


def run(**changes: Any) -> ChildRun:
    """Return the evidence of a child's run."""
    return dataclasses.replace(RUN, **changes)


NOTE = Note("two balances were wrong")
MET, NOT_MET = Requirement(True, "two cores"), Requirement(False, "two cores")
HELD = Assertion(True, "assert x == 5", "test_it.py:7")
FAILED = Assertion(False, "assert x == 5", "test_it.py:7", "assert 6 == 5\n + where 6 = x")
RAISED = Raised("the claim", "LookupError", "no such account", "Traceback ...")
ATTEMPT = Attempt("not_applicable", "no reason", [NOTE.to_json(), MET.to_json()])

PHRASES: list[tuple[Evidence, str]] = [
    (NOTE, "two balances were wrong"),
    (MET, "met: two cores"),
    (NOT_MET, "not met: two cores"),
    (FAILED, "failed: assert x == 5 (assert 6 == 5)"),
    (dataclasses.replace(FAILED, explanation=None), "failed: assert x == 5"),
    (dataclasses.replace(FAILED, explanation="assert x == 5"), "failed: assert x == 5"),
    (run(exit_code=3), "burn() in a fresh interpreter exited with 3"),
    (run(value="42"), "burn() in a fresh interpreter returned 42"),
    (run(exit_code=1, exception="LookupError: x"), "burn() in a fresh interpreter raised LookupError: x"),
    (run(exit_code=None, signal="SIGSEGV"), "burn() in a fresh interpreter was ended by SIGSEGV"),
    (
        run(exit_code=None, timed_out=True, deadline=2.5),
        "burn() in a fresh interpreter was killed at its deadline of 2.5 s",
    ),
    # What the function did first does not matter if its process then failed.
    (run(exit_code=None, value="42", signal="SIGSEGV"), "burn() in a fresh interpreter was ended by SIGSEGV"),
    (RAISED, "LookupError in the claim: no such account"),
    (dataclasses.replace(RAISED, message=""), "LookupError in the claim"),
    (ATTEMPT, "an earlier attempt ended NOT APPLICABLE"),
]


@pytest.mark.parametrize(("evidence", "phrase"), PHRASES, ids=[phrase for _, phrase in PHRASES])
def test_phrase(evidence: Evidence, phrase: str) -> None:
    """Each kind puts in words what was seen."""
    assert evidence.phrase() == phrase


def test_phrase_of_an_assertion() -> None:
    """An assertion that was evaluated is quoted."""
    assert HELD.phrase().endswith(": assert x == 5")


NEVER = replace(RACE, answer=True, seen=0, witness=None, bound=0.01, control={**RACE.control, "seen": 20})


@pytest.mark.parametrize(
    ("evidence", "part"),
    [
        (
            NEVER,
            "not seen in 2,048 overlapping samples (2 strides); its control was seen 20 times in 256. If samples",
        ),
        (replace(NEVER, bound=None), "its control was seen 20 times in 256; all outcomes"),
        (replace(NEVER, control={**RACE.control, "seen": None}), "it is unknown whether its control was seen"),
        (replace(RACE, witness=None), "never(1): seen in 1 of 4,096 samples; all outcomes"),
        (replace(RACE, answer=None), "never(1) has no answer: the record does not say why"),
        (replace(RACE, outcomes=[], other_outcomes=0), "; no outcomes"),
        (replace(RACE, outcomes=[], other_outcomes=3), "; 3 outcomes, not in the record"),
        (replace(SCHEDULED, witness=None), "never(1): seen in 1 of 30 schedules with at most one preemption"),
        (replace(RATIO, answer=None), "No answer: the record does not say why. Measured: `a` took 3.5 times as long"),
        (run(exit_code=None), "in a fresh interpreter ended in an unknown way"),
    ],
)
def test_phrase_claims_no_more_than_is_on_record(evidence: Evidence, part: str) -> None:
    """A record that another program has made may lack what the plugin always has."""
    assert part in evidence.phrase()


NONE = "none of 422 schedules with at most two preemptions (more exist: 782 with three)"
POINTS = "14 and 16 switch points of CPython 3.13 with the GIL"
CONTROL = "its control showed it in 16 of 62"
ALL = "all outcomes: 2 (29 times), 1 (once)"
ALL_SAMPLES = "all outcomes: 2 (4,095 times) and 1 more"
PLAIN = replace(ABSENT, schedules=SCHEDULES)
SAMPLED = replace(RACE, answer=True, seen=0, witness=None, schedules=SCHEDULES)
FREELY = "samples of actors that ran freely"
SAMPLE_3000 = "seen in 1 of 4,096 samples, first 1 after 100.0 ms (sample 3,000; leapfrog)"
CALLED = "push(1) -> None; pop() -> IndexError raised | pop() -> 1"
IN_ORDER = (
    "one after the other: (None, 1, None) (push(1), then pop(), then pop() or pop(), then push(1), then "
    "pop()) or (None, None, 1) (push(1), then pop(), then pop())"
)
REMARK = "inside C code or a single instruction: no schedule shows it"


@pytest.mark.parametrize(
    ("evidence", "parts"),
    [
        (SCHEDULED, ["never(1): seen in schedule 7 of 30 (1 preemption): 1", ALL]),
        (
            replace(SCHEDULED, question="always", about="2"),
            ["always(2): another outcome was seen in schedule 7 of 30 (1 preemption): 1", ALL],
        ),
        (PLAIN, [f"never(1): {NONE}", POINTS, CONTROL, ALL]),
        (
            replace(PLAIN, question="always", about="2"),
            [f"always(2): {NONE.replace('none of', 'no other outcome in')}", POINTS, CONTROL, ALL],
        ),
        (
            replace(PLAIN, schedules={**SCHEDULES, "exhausted": True, "run": 6, "control": None}),
            ["never(1): none of all 6 schedules", POINTS, ALL],
        ),
        (
            ABSENT,
            [
                f"never(1): {NONE}",
                "without a GIL: 2 of 20 schedules show it",
                POINTS,
                CONTROL,
                f"none of {words.at_random(ABSENT.schedules or {})}",
                "1 schedule did not repeat",
                "threads that actors started were not scheduled",
                ALL,
            ],
        ),
        (SAMPLED, [f"never(1): {NONE}", POINTS, CONTROL, f"nor in 2,048 overlapping {FREELY}", ALL_SAMPLES]),
        (
            replace(SAMPLED, bound=0.00017, control={**RACE.control, "seen": 20}),
            [
                f"never(1): {NONE}",
                POINTS,
                CONTROL,
                f"nor in 2,048 overlapping {FREELY} (control: 20 in 256",
                "if samples were independent, a rate below 1.7e-04 in this harness, 99.9%",
                "no bound for your program)",
                ALL_SAMPLES,
            ],
        ),
        (
            replace(SAMPLED, overlapping=0),
            [f"never(1): {NONE}", POINTS, CONTROL, f"nor in 4,096 {FREELY}", ALL_SAMPLES],
        ),
        (
            replace(SAMPLED, overlapping=1),
            [
                f"never(1): {NONE}",
                POINTS,
                CONTROL,
                "nor in 1 overlapping sample of actors that ran freely",
                ALL_SAMPLES,
            ],
        ),
        (
            replace(RACE, schedules=SCHEDULES, witness={**(RACE.witness or {}), "remark": REMARK}),
            [f"never(1): {SAMPLE_3000}", REMARK, ALL_SAMPLES],
        ),
        (
            replace(PLAIN, answer=None, lacking="its control was not seen"),
            ["never(1) has no answer: its control was not seen", NONE, ALL],
        ),
        (DEADLOCK, ["the actors all wait"]),
        (
            ATOMIC,
            [
                "atomic(): another outcome was seen in schedule 7 of 30 (1 preemption): 1",
                "one after the other: 2 in each order",
                ALL,
            ],
        ),
        (
            LINEARIZABLE,
            [f"linearizable(): another outcome was seen in schedule 7 of 30 (1 preemption): {CALLED}", IN_ORDER, ALL],
        ),
        (
            replace(LINEARIZABLE, answer=True, witness=None, orders=[], schedules=SCHEDULES),
            [
                (
                    "linearizable(): no other outcome in 422 schedules of scenarios: all 3 with 1 and 1 calls (at "
                    "most two preemptions), 2 of 8 with 2 and 1 calls (at most one preemption)"
                ),
                POINTS,
                "the race without the Lock that is made in bank/account.py:5 showed it in 16 of 62",
                ALL,
            ],
        ),
    ],
)
def test_phrase_of_schedules(evidence: Evidence, parts: list[str]) -> None:
    """What was tried, on which switch points, beside which control; what samples add; and what was not tried."""
    assert evidence.phrase() == "; ".join(parts)


@pytest.mark.parametrize(
    "evidence", [NOTE, NOT_MET, HELD, FAILED, run(value="42"), RAISED, ATTEMPT], ids=lambda e: e.kind
)
def test_round_trip(evidence: Evidence) -> None:
    """Each kind survives being stored."""
    assert from_json(json.loads(json.dumps(evidence.to_json()))) == evidence


def test_reading_leaves_the_stored_data_alone() -> None:
    """Stored data can be read more than once."""
    stored = NOTE.to_json()
    assert from_json(stored) == from_json(stored)


@pytest.mark.parametrize(
    ("evidence", "chosen"),
    [
        ([], []),
        ([MET], []),
        ([HELD], [HELD]),
        ([HELD, HELD], [HELD]),
        ([HELD, FAILED], [FAILED]),
        ([HELD, RUN], [RUN]),
        ([HELD, RUN, FAILED], [RUN, FAILED]),
        ([RUN, NOTE, HELD], [NOTE]),
        ([NOTE, FAILED, Note("and a third one")], [NOTE, Note("and a third one"), FAILED]),
        ([NOTE, MET, NOT_MET], [NOT_MET]),
        ([NOTE, RAISED], [RAISED]),
        ([ATTEMPT, NOTE], [NOTE]),
    ],
    ids=lambda items: ", ".join(item.kind for item in items) or "nothing",
)
def test_summary(evidence: list[Evidence], chosen: list[Evidence]) -> None:
    """The first of these that occurs: obstacles, notes, experiments, assertions; and any failed assertion."""
    assert summary_phrase(evidence) == "; ".join(item.phrase() for item in chosen)
