"""Two runs compared: what became of each claim, and whether that fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_concclaims import Verdict
from pytest_concclaims.comparison import Change, compare
from pytest_concclaims.record import ClaimResult
from pytest_concclaims.reports.diff_terminal import comparison_lines, run_line
from pytest_concclaims.reports.terminal import LOUD, Span
from sample_records import CLAIM, record_of

STRANGE = "Snow\x1b[31m is\x07 red\r\nand\t\x00white\u202e \udc80"


def ended(verdict: Verdict, name: str = "demo-snow", digest: str = "0" * 64) -> ClaimResult:
    """Return a claim that ended so."""
    return replace(
        CLAIM, id=name, verdict=verdict, digest=digest, reason=None if verdict.reached else "a ruler is missing"
    )


def words(lines: list[list[Span]]) -> str:
    """Return the lines as one, without the line breaks."""
    return " ".join(" ".join("".join(span.text for span in line) for line in lines).split())


BECAME = {
    ("confirmed", "confirmed"): Change.SAME,
    ("confirmed", "refuted"): Change.TURNED,
    ("confirmed", "inconclusive"): Change.UNDECIDED,
    ("confirmed", "not_applicable"): Change.UNDECIDED,
    ("confirmed", "error"): Change.TURNED,
    ("refuted", "confirmed"): Change.TURNED,
    ("refuted", "refuted"): Change.SAME,
    ("refuted", "inconclusive"): Change.UNDECIDED,
    ("refuted", "not_applicable"): Change.UNDECIDED,
    ("refuted", "error"): Change.TURNED,
    ("inconclusive", "confirmed"): Change.DECIDED,
    ("inconclusive", "refuted"): Change.DECIDED,
    ("inconclusive", "inconclusive"): Change.SAME,
    ("inconclusive", "not_applicable"): Change.UNDECIDED,
    ("inconclusive", "error"): Change.TURNED,
    ("not_applicable", "confirmed"): Change.DECIDED,
    ("not_applicable", "refuted"): Change.DECIDED,
    ("not_applicable", "inconclusive"): Change.UNDECIDED,
    ("not_applicable", "not_applicable"): Change.SAME,
    ("not_applicable", "error"): Change.TURNED,
    ("error", "confirmed"): Change.DECIDED,
    ("error", "refuted"): Change.DECIDED,
    ("error", "inconclusive"): Change.UNDECIDED,
    ("error", "not_applicable"): Change.UNDECIDED,
    ("error", "error"): Change.SAME,
}


@pytest.mark.parametrize(("before", "after"), [(a, b) for a in Verdict for b in Verdict])
def test_every_pair_of_verdicts_has_its_change(before: Verdict, after: Verdict) -> None:
    """A verdict that turned fails; to and from none fails if that is strict; the same one never does."""
    change = BECAME[before.value, after.value]
    comparison = compare(record_of(ended(before)), record_of(ended(after)))
    assert [difference.change for difference in comparison.differences] == [change]
    assert comparison.fails(strict=False) == (change is Change.TURNED)
    assert comparison.fails(strict=True) == (change is not Change.SAME)


def test_a_claim_that_is_gone_fails_if_strict_and_a_new_one_never() -> None:
    """Whatever the new one ended in."""
    old, new = record_of(ended(Verdict.CONFIRMED, "a")), record_of(ended(Verdict.ERROR, "b"))
    gone = compare(old, record_of())
    assert [(found.change, found.claim.id, found.after) for found in gone.differences] == [(Change.GONE, "a", None)]
    assert (gone.fails(strict=False), gone.fails(strict=True)) == (False, True)
    added = compare(record_of(), new)
    assert [(found.change, found.claim.id, found.before) for found in added.differences] == [(Change.NEW, "b", None)]
    assert not added.fails(strict=True)


def test_what_a_selection_left_out_is_not_gone() -> None:
    """A run of some claims says nothing of the others."""
    comparison = compare(record_of(ended(Verdict.CONFIRMED)), record_of(), selection=True)
    assert [found.change for found in comparison.differences] == [Change.NOT_RUN]
    assert not comparison.fails(strict=True)


def test_order_is_that_of_the_new_record_and_no_claim_is_lost() -> None:
    """The gone ones come last."""
    old = record_of(*(ended(Verdict.CONFIRMED, name) for name in "axbyc"))
    new = record_of(*(ended(Verdict.CONFIRMED, name) for name in "cnba"))
    found = compare(old, new).differences
    assert "".join(difference.claim.id for difference in found) == "cnbaxy"


@pytest.mark.parametrize("verdict", [Verdict.CONFIRMED, Verdict.REFUTED])
def test_another_experiment_is_told_whether_the_verdict_turned_or_not(verdict: Verdict) -> None:
    """Two digests: what was compared is not the same thing."""
    comparison = compare(record_of(ended(Verdict.CONFIRMED)), record_of(ended(verdict, digest="1" * 64)))
    assert comparison.differences[0].other_experiment
    text = words(list(comparison_lines(comparison, width=80, verbosity=0)))
    assert "1 of all is another experiment now" in text
    assert ("another experiment than before" in text) == (verdict is Verdict.REFUTED)
    text = words(list(comparison_lines(comparison, width=80, verbosity=1)))
    assert "another experiment than before" in text


def test_same_digests_are_no_other_experiment() -> None:
    """Nor is a claim that only one record has."""
    comparison = compare(record_of(CLAIM, ended(Verdict.CONFIRMED, "a")), record_of(CLAIM))
    assert "experiment" not in words(list(comparison_lines(comparison, width=80, verbosity=1)))


def test_nothing_changed_is_said_with_the_counts() -> None:
    """And not where there was nothing to compare."""
    record = record_of(ended(Verdict.CONFIRMED), ended(Verdict.ERROR, "b"))
    said = words(list(comparison_lines(compare(record, record), width=80, verbosity=0)))
    assert said == "nothing changed; 2 as before (1 confirmed, 1 error)"
    nothing = compare(record, record_of(), selection=True)
    said = words(list(comparison_lines(nothing, width=80, verbosity=0)))
    assert said == "no claim is in both, so nothing to compare; 2 not run"


def test_each_change_is_told_and_what_fails_is_loud() -> None:
    """What fails comes first."""
    old = record_of(*(ended(verdict, name) for name, verdict in zip("ituds", Verdict)), ended(Verdict.REFUTED, "g"))
    new = record_of(
        ended(Verdict.CONFIRMED, "n"),
        ended(Verdict.INCONCLUSIVE, "i"),
        ended(Verdict.CONFIRMED, "t"),
        ended(Verdict.CONFIRMED, "u"),
        ended(Verdict.NOT_APPLICABLE, "d"),
        ended(Verdict.ERROR, "s"),
    )
    lines = list(comparison_lines(compare(old, new), width=80, verbosity=0))
    heads = [line[0] for line in lines if not line[0].text.startswith(" ")][:5]
    assert [head.text.strip() for head in heads] == ["TURNED!", "UNDECIDED", "DECIDED", "GONE", "NEW"]
    assert [head.markup == LOUD for head in heads] == [True, False, False, False, False]
    text = words(lines)
    for became in ("REFUTED -> CONFIRMED", "CONFIRMED -> INCONCLUSIVE", "INCONCLUSIVE -> CONFIRMED"):
        assert became in text
    assert text.endswith("1 turned; 1 undecided; 1 decided; 1 gone; 1 new; 2 as before (1 not applicable, 1 error)")
    strict = list(comparison_lines(compare(old, new), width=80, verbosity=0, strict=True))
    heads = [line[0] for line in strict if not line[0].text.startswith(" ")][:5]
    assert [head.text.strip() for head in heads] == ["TURNED!", "UNDECIDED!", "DECIDED!", "GONE!", "NEW"]


def test_verbosity_chooses_how_much_is_told() -> None:
    """-q: what fails; -qq: the count; -v: what did not change as well."""
    old = record_of(*(ended(Verdict.CONFIRMED, name) for name in "tus"))
    new = record_of(ended(Verdict.REFUTED, "t"), ended(Verdict.INCONCLUSIVE, "u"), ended(Verdict.CONFIRMED, "s"))
    told = {}
    for verbosity in (-2, -1, 0, 1):
        text = words(list(comparison_lines(compare(old, new), width=80, verbosity=verbosity)))
        assert "1 turned; 1 undecided; 1 as before" in text
        told[verbosity] = [word for word in ("TURNED", "UNDECIDED", "SAME") if word in text]
    assert told == {-2: [], -1: ["TURNED"], 0: ["TURNED", "UNDECIDED"], 1: ["TURNED", "UNDECIDED", "SAME"]}


def test_two_interpreters_and_incomplete_runs_are_told() -> None:
    """The reader must know before the rest; two builds with one name as well."""
    record = record_of(CLAIM)
    assert words(list(comparison_lines(compare(record, record), width=80, verbosity=0))).startswith("nothing changed")
    other = replace(record, interpreter=replace(record.interpreter, implementation_version="9.9.9"))
    assert "two interpreters" in words(list(comparison_lines(compare(record, other), width=80, verbosity=0)))
    build = replace(record, interpreter=replace(record.interpreter, build="of yesterday"))
    assert "now of yesterday" in words(list(comparison_lines(compare(record, build), width=80, verbosity=0)))
    part = replace(record, complete=False)
    assert "The old run is not complete" in words(
        list(comparison_lines(compare(part, record), width=80, verbosity=0))
    )
    assert "The new run is not complete" in words(
        list(comparison_lines(compare(record, part), width=80, verbosity=0))
    )
    assert run_line(part).endswith("NOT COMPLETE")


@pytest.mark.parametrize("width", [1, 40, 80])
def test_hostile_texts_are_harmless_and_no_line_is_too_wide(width: int) -> None:
    """Control characters, direction marks and surrogates are shown, not obeyed."""
    strange = replace(
        CLAIM, statement=STRANGE * 20, reason=STRANGE, source=STRANGE, location=STRANGE, verdict=Verdict.REFUTED
    )
    record = record_of(strange)
    record = replace(record, interpreter=replace(record.interpreter, build=STRANGE))
    lines = list(comparison_lines(compare(record_of(CLAIM), record), width=width, verbosity=1))
    texts = ["".join(span.text for span in line) for line in lines]
    assert r"\x1b" in "".join(texts)
    assert not set("\x1b\x07\r\n\x00\u202e\udc80") & set("".join(texts))
    assert max(map(len, texts)) <= max(width, 40)
