"""The key of a page: the words on it that need an explanation, with their meanings (``docs/glossary.md`` has all)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..records.evidence import Attempt, Evidence, Measured, RaceRun, from_json
from ..records.record import ClaimResult, RunRecord
from ..records.section import section_of
from ..verdict import Verdict

_VERDICTS = {
    Verdict.CONFIRMED: "The evidence supports the statement on this interpreter.",
    Verdict.REFUTED: "The evidence contradicts the statement on this interpreter.",
    Verdict.INCONCLUSIVE: "The evidence does not suffice. The claim says why.",
    Verdict.NOT_APPLICABLE: "The statement is about something that this interpreter or platform does not have.",
    Verdict.ERROR: "The claim itself failed, for example by an exception in its set-up.",
}
_EXPECTED = {
    "expected": "A claim's author says which verdict is right on which interpreter. Any other verdict fails the run.",
}
_RACES = {
    "actor": "A function that runs in a thread or process of its own.",
    "outcome": "What a run of the actors ends with: what they return or raise, or what is observed afterwards.",
    "witness": "A run that shows an outcome.",
    "control": "A variant with a known effect. It shows that the experiment can detect the effect on this machine.",
}
_SCHEDULES = {
    "schedule": "An order in which the actors' steps are run on purpose.",
    "preemption": "A switch away from an actor that could have continued.",
}
_SAMPLES = {
    "sample": "One run of the actors in which they run freely.",
    "overlap": "Two actors ran at the same time in a sample.",
    "stride": "A batch of samples, run one after the other by the same threads.",
}
_MEASUREMENTS = {
    "dead zone": "The interval around a number within which a measurement does not decide.",
    "control": "Work with a known effect. It shows that the machine was free enough to measure.",
}


def key(records: Sequence[RunRecord]) -> list[tuple[str, str]]:
    """Return the words that occur on a page of these records, each with its meaning."""
    claims = [claim for record in records for claim in record.claims]
    verdicts = {claim.verdict for claim in claims}
    words = {verdict.word: meaning for verdict, meaning in _VERDICTS.items() if verdict in verdicts}
    words.update(_EXPECTED if claims else {})
    words.update(_refinements(records, claims))
    pieces = [piece for claim in claims for piece in _pieces(claim.evidence)]
    races = [piece for piece in pieces if isinstance(piece, RaceRun)]
    words.update(_MEASUREMENTS if any(isinstance(piece, Measured) for piece in pieces) else {})
    words.update(_RACES if races else {})
    words.update(_SCHEDULES if any(race.schedules for race in races) else {})
    words.update(_SAMPLES if any(race.samples for race in races) else {})
    return list(words.items())


def descriptions(records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Return what the shipped suites of records are about, each suite once."""
    return list({suite["name"]: suite for record in records for suite in record.suites}.values())


def _refinements(records: Sequence[RunRecord], claims: Sequence[ClaimResult]) -> dict[str, str]:
    """Return the words of suites that stand after the section in the source of a claim."""
    used = {(claim.suite, section_of(claim)[1]) for claim in claims}
    return {
        term: meaning
        for suite in descriptions(records)
        for term, meaning in suite["terms"].items()
        if (suite["name"], term) in used
    }


def _pieces(evidence: Sequence[Evidence]) -> Iterator[Evidence]:
    """Yield pieces of evidence, and those of earlier attempts."""
    for piece in evidence:
        yield piece
        if isinstance(piece, Attempt):
            yield from map(from_json, piece.evidence)
