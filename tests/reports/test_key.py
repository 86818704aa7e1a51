"""The key of a page."""

from __future__ import annotations

from dataclasses import replace

from helpers.sample_records import ABSENT, CLAIM, RACE, RATIO, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.records.evidence import Attempt
from pytest_concclaims.reports.key import descriptions, key

SUITE = {
    "name": "demo",
    "title": "Weather",
    "language": "English",
    "about": "Snow and rain.",
    "terms": {"beyond": "Not in the text.", "literally": "To the letter."},
}


def test_only_words_that_occur_are_explained() -> None:
    """Of verdicts, of sources, and of evidence."""
    refuted = replace(CLAIM, verdict=Verdict.REFUTED, source="demo 1, beyond", evidence=(RACE,))
    words = dict(key([replace(record_of(CLAIM, refuted), suites=(SUITE,))]))
    assert words["REFUTED"].startswith("The evidence contradicts")
    assert words["beyond"] == "Not in the text."
    assert {"CONFIRMED", "stride", "control"} <= set(words)
    assert not {"ERROR", "literally", "schedule", "dead zone"} & set(words)
    assert {"schedule", "preemption"} <= set(dict(key([record_of(replace(CLAIM, evidence=(ABSENT,)))])))
    assert "dead zone" in dict(key([record_of(replace(CLAIM, evidence=(RATIO,)))]))
    assert key([record_of()]) == []


def test_words_of_earlier_attempts_are_explained() -> None:
    """Their evidence is on the page as well."""
    attempt = Attempt("inconclusive", "so", [RACE.to_json()])
    assert "stride" in dict(key([record_of(replace(CLAIM, evidence=(attempt,)))]))


def test_terms_of_another_suite_are_not_explained() -> None:
    """A project may use the same words with another meaning."""
    claim = replace(CLAIM, suite="other", source="other 1, beyond")
    assert "beyond" not in dict(key([replace(record_of(claim), suites=(SUITE,))]))


def test_each_suite_is_described_once() -> None:
    """Whatever the number of its runs."""
    record = replace(record_of(CLAIM), suites=(SUITE,))
    assert descriptions([record, record]) == [SUITE]
