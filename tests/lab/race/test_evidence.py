"""The evidence of a race: its phrase, and how it is stored."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import fastjsonschema
import pytest

from pytest_concclaims.lab.failure import Failure
from pytest_concclaims.lab.race.samples.power import CONFIDENCE, Absence
from pytest_concclaims.lab.race.samples.tally import Sighting
from pytest_concclaims.records.evidence import (
    Assertion,
    ChildRun,
    Note,
    RaceRun,
    Requirement,
    from_json,
    summary_phrase,
)
from pytest_concclaims.records.record import SCHEMA_FILE

MATCHED = {
    "matched": True,
    "actors": ["add", "add_unlocked"],
    "samples": 3_000,
    "overlapping": 2_500,
    "strides": 40,
    "seen": 1_234,
    "without_locks": [],
}
GENERIC = {**MATCHED, "matched": False, "actors": ["_read_call_write", "_read_call_write"]}
#: A race in which the effect was never seen, although its control was.
ABSENT = RaceRun(
    question="never",
    about="is_torn",
    answer=True,
    actors=["add", "add"],
    rounds=1,
    samples=12_345,
    overlapping=10_000,
    strides=80,
    seconds=1.5,
    budget=2.0,
    in_process=False,
    seen=0,
    outcomes=[{"outcome": "2", "samples": 12_345, "overlapping": 10_000, "schedules": 0}],
    other_outcomes=0,
    witness=None,
    interrupted=False,
    control=MATCHED,
    orders=[],
    scenarios=None,
    strategies=[{"strategy": "leapfrog", "samples": 12_345, "overlapping": 10_000}],
    schedules=None,
    bound=Absence(10_000, 80, 2_500, 1_234).bound,
    confidence=CONFIDENCE,
    lacking=None,
    failure=None,
)
SIGHTING = Sighting("1", 0.0123456, 4_321, "leapfrog", 1e-6, overlapping=True)


def witness_of(sighting: Sighting) -> dict[str, Any]:
    """Return a witness as recorded."""
    return {**asdict(sighting), "steps": None, "replay": None, "scenario": None, "remark": None}


FAILURE = asdict(Failure("raised", "actor add raised KeyError: 'x'", "Traceback (most recent call last): ..."))


def run(**changes: Any) -> RaceRun:
    """Return the evidence of a race."""
    return dataclasses.replace(ABSENT, **changes)


SEEN = run(answer=False, seen=1_000, witness=witness_of(SIGHTING), bound=None)
WEAKER = run(control=GENERIC)
LACKING = run(answer=None, bound=None, lacking="only 19 of the 20 strides needed")
#: Of a child that did not return: its outcomes are lost.
FAILED = run(
    answer=None,
    samples=0,
    overlapping=0,
    strides=0,
    seconds=0.0,
    outcomes=[],
    bound=None,
    failure=FAILURE,
    control={**MATCHED, "samples": 0, "overlapping": 0, "strides": 0, "seen": None},
)
#: On a free-threaded build there is no switch interval.
SEEN_WITHOUT_GIL = run(
    question="ever",
    answer=True,
    seen=1,
    witness=witness_of(Sighting("1", 0.0, 1, "spin rendezvous", None, overlapping=False)),
    bound=None,
    in_process=True,
)
KINDS = {
    "absent": ABSENT,
    "generic": WEAKER,
    "seen": SEEN,
    "seen without GIL": SEEN_WITHOUT_GIL,
    "lacking": LACKING,
    "failed": FAILED,
    **{
        kind: dataclasses.replace(FAILED, failure={**FAILURE, "kind": kind})
        for kind in ("hang", "deadlock", "crash", "ended")
    },
}

NOT_SEEN = (
    "not seen in 10,000 overlapping samples (80 strides); {control} was seen 1,234 times in 2,500. If samples were "
    "independent, the rate per overlapping sample in this harness would be below 6.9e-04 (99.9%). This is no bound "
    "for your program; all outcomes: 2 (12,345 times)"
)
SEEN_FIRST = (
    "seen in 1,000 of 12,345 samples, first 1 after 12.3 ms (sample 4,321; leapfrog); all outcomes: 2 (12,345 times)"
)
PHRASES = {
    "seen": f"never(is_torn): {SEEN_FIRST}",
    "seen without GIL": (
        "ever(is_torn): seen in 1 of 12,345 samples, first 1 after 0.0 ms (sample 1; spin rendezvous); "
        "all outcomes: 2 (12,345 times)"
    ),
    "absent": f"never(is_torn): {NOT_SEEN.format(control='its control')}",
    "generic": f"never(is_torn): {NOT_SEEN.format(control='a generic control (weaker than one of its own)')}",
    "lacking": ("never(is_torn) has no answer: only 19 of the 20 strides needed; all outcomes: 2 (12,345 times)"),
    "failed": "actor add raised KeyError: 'x'",
}


@pytest.mark.parametrize("kind", PHRASES)
def test_phrase(kind: str) -> None:
    """It has the question with the witness, the ground for an absence, or the reason why there is no answer."""
    assert KINDS[kind].phrase() == PHRASES[kind]


def outcomes(*samples: int) -> list[dict[str, Any]]:
    """Return outcomes that are numbers from 0, with these counts."""
    return [
        {"outcome": str(number), "samples": count, "overlapping": 0, "schedules": 0}
        for number, count in enumerate(samples)
    ]


@pytest.mark.parametrize(
    ("counts", "others", "words"),
    [
        ([5], 0, "0 (5 times)"),
        ([5_000, 1], 0, "0 (5,000 times), 1 (once)"),
        ([4, 3, 2, 1], 0, "0 (4 times), 1 (3 times), 2 (2 times), 3 (once)"),
        ([5, 4, 3, 2, 1], 0, "0 (5 times), 1 (4 times), 2 (3 times), 3 (2 times) and 1 more"),
        ([9, 8, 7, 6, *[1] * 16], 1_000, "0 (9 times), 1 (8 times), 2 (7 times), 3 (6 times) and 1,016 more"),
        ([2], 3, "0 (2 times) and 3 more"),
    ],
    ids=["one", "two", "all", "one more", "many more", "others"],
)
@pytest.mark.parametrize("kind", ["seen", "absent"])
def test_histogram(kind: str, counts: list[int], others: int, words: str) -> None:
    """Each phrase has the most frequent outcomes, and the number of the others."""
    evidence = dataclasses.replace(KINDS[kind], outcomes=outcomes(*counts), other_outcomes=others)
    assert evidence.phrase().endswith(f"; all outcomes: {words}")


@pytest.mark.parametrize(
    ("question", "answer", "begin"),
    [("ever", False, ""), ("never", True, ""), ("always", True, "no other outcome was ")],
    ids=["ever", "never", "always"],
)
def test_absence_is_told_alike(question: str, answer: bool, begin: str) -> None:
    """For each question, the phrase of an absence has the bound and the control."""
    not_seen = NOT_SEEN.format(control="its control")
    rest = begin + not_seen[len("not ") :] if begin else not_seen
    assert run(question=question, answer=answer).phrase() == f"{question}(is_torn): {rest}"


@pytest.mark.parametrize(
    ("question", "answer", "begin"),
    [("ever", True, ""), ("never", False, ""), ("always", False, "another outcome was ")],
    ids=["ever", "never", "always"],
)
def test_witness_is_told_alike(question: str, answer: bool, begin: str) -> None:
    """For each question, the phrase of a witness has its circumstances."""
    phrase = dataclasses.replace(SEEN, question=question, answer=answer).phrase()
    assert phrase == f"{question}(is_torn): {begin}{SEEN_FIRST}"


def test_lacking_comes_before_a_witness() -> None:
    """Without an answer, the phrase does not present a witness."""
    lacking = "the GIL was off when this was asked and on at the end"
    phrase = dataclasses.replace(SEEN, answer=None, lacking=lacking).phrase()
    assert phrase == f"never(is_torn) has no answer: {lacking}; all outcomes: 2 (12,345 times)"


@pytest.mark.parametrize("evidence", [ABSENT, WEAKER], ids=["own", "generic"])
def test_absence_is_never_told_without_its_control(evidence: RaceRun) -> None:
    """The phrase has what the control showed, and says that the bound does not apply to the user's program."""
    assert "control" in evidence.phrase()
    assert "This is no bound for your program; all outcomes: " in evidence.phrase()


@pytest.mark.parametrize("evidence", KINDS.values(), ids=KINDS)
def test_round_trip(evidence: RaceRun) -> None:
    """Evidence is the same after it is stored and read."""
    stored = json.loads(json.dumps(evidence.to_json(), allow_nan=False))
    assert stored["kind"] == "race"
    assert from_json(stored) == evidence
    assert from_json(stored).phrase() == evidence.phrase()


# --- the schema


@pytest.fixture(scope="module")
def validate() -> Callable[[object], object]:
    """Return a function that raises if its argument does not match the schema."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    validator: Callable[[object], object] = fastjsonschema.compile(
        {"$schema": schema["$schema"], "$ref": "#/definitions/race", "definitions": schema["definitions"]}
    )
    return validator


@pytest.mark.parametrize("evidence", KINDS.values(), ids=KINDS)
def test_schema(validate: Callable[[object], object], evidence: RaceRun) -> None:
    """Stored evidence matches the schema."""
    validate(json.loads(json.dumps(evidence.to_json())))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.update(extra=1),
        lambda data: data.update(kind="child"),
        lambda data: data.update(question="sometimes"),
        lambda data: data.update(answer="yes"),
        lambda data: data.update(actors=["alone"]),
        lambda data: data.update(rounds=0),
        lambda data: data.update(samples=-1),
        lambda data: data.update(budget=0),
        lambda data: data.update(bound=1.5),
        lambda data: data.update(confidence=1),
        lambda data: data.pop("lacking"),
        lambda data: data.pop("control"),
        lambda data: data["control"].pop("matched"),
        lambda data: data["control"].update(seen="often"),
        lambda data: data["outcomes"][0].update(extra=1),
        lambda data: data["strategies"][0].pop("strategy"),
        lambda data: data["witness"].update(sample=0),
        lambda data: data["witness"].update(switch_interval=0),
        lambda data: data["witness"].pop("overlapping"),
        lambda data: data.update(failure={**FAILURE, "kind": "bad luck"}),
        lambda data: data.update(failure={"kind": "raised"}),
    ],
)
def test_schema_refuses_what_is_no_race(
    validate: Callable[[object], object], spoil: Callable[[dict[str, Any]], object]
) -> None:
    """The schema refuses other data."""
    data = json.loads(json.dumps(SEEN.to_json()))
    validate(data)
    spoil(data)
    with pytest.raises(ValueError, match=r"^data"):  # fastjsonschema.JsonSchemaException
        validate(data)


# --- the summary

CHILD = ChildRun("f()", 0, None, False, 30.0, 0.1, "42", None, "", "")
HELD = Assertion(True, "assert race.never(1)", "test_it.py:7")
FELL = Assertion(False, "assert race.never(1)", "test_it.py:7", "assert False")
NOT_MET = Requirement(False, "two cores")


@pytest.mark.parametrize(
    ("evidence", "shown"),
    [
        ([ABSENT, HELD], [ABSENT]),
        ([SEEN, FELL], [SEEN, FELL]),
        ([ABSENT, CHILD, SEEN], [ABSENT, CHILD, SEEN]),
        ([ABSENT, ABSENT], [ABSENT]),
        ([ABSENT, Note("it snows")], [Note("it snows")]),
        ([LACKING, NOT_MET], [NOT_MET]),
    ],
    ids=lambda items: ", ".join(item.kind for item in items),
)
def test_summary(evidence: list[Any], shown: list[Any]) -> None:
    """In the summary, a race counts as evidence of an instrument."""
    assert summary_phrase(evidence) == "; ".join(item.phrase() for item in shown)
