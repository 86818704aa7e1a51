"""Two runs compared: how each claim changed, and whether that fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.sample_records import CLAIM, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.records.comparison import Change, Comparison, compare
from pytest_concclaims.records.record import ClaimResult
from pytest_concclaims.reports.diff import comparison_lines, run_line
from pytest_concclaims.reports.terminal import LOUD, Span

STRANGE = "Snow\x1b[31m is\x07 red\r\nand\t\x00white\u202e \udc80"


def ended(
    verdict: Verdict, name: str = "demo-snow", digest: str = "0" * 64, expected: Verdict = Verdict.CONFIRMED
) -> ClaimResult:
    """Return a claim that ended so."""
    reason = None if verdict.reached else "a ruler is missing"
    return replace(CLAIM, id=name, verdict=verdict, digest=digest, reason=reason, expected=expected)


def shown(comparison: Comparison, verbosity: int = 0) -> str:
    """Return the lines of a comparison as one text."""
    return words(list(comparison_lines(comparison, width=80, verbosity=verbosity)))


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
    assert text.endswith("the test of 1 claim was changed since")
    assert ("no verdict changed; 1 unchanged" in text) == (verdict is Verdict.CONFIRMED)
    assert "nothing changed" not in text
    assert ("the test was changed since" in text) == (verdict is Verdict.REFUTED)
    text = words(list(comparison_lines(comparison, width=80, verbosity=1)))
    assert "the test was changed since" in text


def test_same_digests_are_no_other_experiment() -> None:
    """Nor is a claim that only one record has."""
    comparison = compare(record_of(CLAIM, ended(Verdict.CONFIRMED, "a")), record_of(CLAIM))
    assert "experiment" not in words(list(comparison_lines(comparison, width=80, verbosity=1)))


def test_nothing_changed_is_said_with_the_counts() -> None:
    """And not where there was nothing to compare."""
    record = record_of(ended(Verdict.CONFIRMED), ended(Verdict.ERROR, "b"))
    said = words(list(comparison_lines(compare(record, record), width=80, verbosity=0)))
    assert said == "nothing changed; 2 unchanged (1 confirmed, 1 error)"
    nothing = compare(record, record_of(), selection=True)
    said = words(list(comparison_lines(nothing, width=80, verbosity=0)))
    assert said == "nothing to compare: no claim is in both runs; 2 not run"


def test_no_claim_in_both_is_told_beside_the_gone_and_new() -> None:
    """That nothing was compared is not to be read from the other counts; it is as loud as a failure."""
    comparison = compare(record_of(ended(Verdict.CONFIRMED, "a")), record_of(ended(Verdict.CONFIRMED, "b", "1" * 64)))
    assert comparison.compared == []
    last = list(comparison_lines(comparison, width=80, verbosity=0))[-1]
    assert words([last]) == "nothing to compare: no claim is in both runs; 1 gone; 1 new"
    assert [span.markup for span in last if span.text.startswith("nothing to compare")] == [LOUD]


@pytest.mark.parametrize("selection", [False, True])
def test_renamed_claim_is_compared(selection: bool) -> None:
    """An equal digest is the same experiment under another id: its verdict turned, it is not gone and new."""
    old = record_of(ended(Verdict.REFUTED, "other", "1" * 64), ended(Verdict.CONFIRMED, "before"))
    new = record_of(ended(Verdict.REFUTED, "after"), ended(Verdict.REFUTED, "other", "1" * 64))
    comparison = compare(old, new, selection=selection)
    assert [(found.change, found.claim.id) for found in comparison.differences] == [
        (Change.TURNED, "after"),
        (Change.SAME, "other"),
    ]
    assert comparison.fails(strict=False)
    text = shown(comparison)
    assert "CONFIRMED -> REFUTED, expected CONFIRMED; its id was before after, test_x.py:3" in text
    assert text.endswith("1 turned; 1 unchanged (1 refuted); 1 claim has a new id (-v shows which)")


def test_renamed_claim_with_its_verdict_is_counted_and_named_with_v() -> None:
    """It fails in no way, but something did change."""
    comparison = compare(record_of(ended(Verdict.CONFIRMED, "old-name")), record_of(ended(Verdict.CONFIRMED, "new")))
    assert not comparison.fails(strict=True)
    count = "no verdict changed; 1 unchanged (1 confirmed); 1 claim has a new id"
    assert shown(comparison) == f"{count} (-v shows which)"
    text = shown(comparison, verbosity=1)
    assert text.startswith("SAME Snow is white CONFIRMED; its id was old-name new, test_x.py:3")
    assert text.endswith(count)


@pytest.mark.parametrize(("gone", "new"), [("ab", "x"), ("a", "xy"), ("ab", "xy")])
def test_claims_are_not_paired_if_it_is_not_certain_which(gone: str, new: str) -> None:
    """Of several with one digest, any pair would be a guess: they are gone, and new."""
    comparison = compare(
        record_of(*(ended(Verdict.CONFIRMED, name) for name in gone)),
        record_of(*(ended(Verdict.REFUTED, name) for name in new)),
    )
    assert "".join(found.claim.id for found in comparison.of(Change.NEW)) == new
    assert "".join(found.claim.id for found in comparison.of(Change.GONE)) == gone


def test_claims_with_equal_ids_are_paired_by_them_whatever_has_their_digest() -> None:
    """A claim whose id is in both is neither gone nor new."""
    old = record_of(ended(Verdict.CONFIRMED, "a", "1" * 64), ended(Verdict.CONFIRMED, "b", "2" * 64))
    new = record_of(ended(Verdict.CONFIRMED, "a", "2" * 64), ended(Verdict.CONFIRMED, "c", "1" * 64))
    found = [(found.change, found.claim.id) for found in compare(old, new).differences]
    assert found == [(Change.SAME, "a"), (Change.NEW, "c"), (Change.GONE, "b")]


@pytest.mark.parametrize(
    ("verdict", "expected", "fails"),
    [
        (Verdict.CONFIRMED, Verdict.REFUTED, True),
        (Verdict.CONFIRMED, Verdict.CONFIRMED, False),
        (Verdict.REFUTED, Verdict.CONFIRMED, True),
        (Verdict.REFUTED, Verdict.REFUTED, False),
        (Verdict.INCONCLUSIVE, Verdict.REFUTED, False),
        (Verdict.NOT_APPLICABLE, Verdict.REFUTED, False),
        (Verdict.ERROR, Verdict.REFUTED, False),
    ],
)
def test_expectation_that_changed_is_told_and_fails_if_the_verdict_is_against_it(
    verdict: Verdict, expected: Verdict, fails: bool
) -> None:
    """Strict or not: a verdict that is at last as expected needs no attention."""
    before = Verdict.REFUTED if expected is Verdict.CONFIRMED else Verdict.CONFIRMED
    comparison = compare(record_of(ended(verdict, expected=before)), record_of(ended(verdict, expected=expected)))
    assert [found.change for found in comparison.differences] == [Change.EXPECTED_ANEW]
    assert {comparison.fails(strict=strict) for strict in (False, True)} == {fails}
    text = shown(comparison)
    assert text.startswith("EXPECTED ANEW! Snow" if fails or verdict is Verdict.ERROR else "EXPECTED ANEW Snow")
    assert f"{verdict.word}, expected {expected.word} now, {before.word} before" in text
    assert ("1 expected anew (1 not as expected)" in text) == (fails or verdict is Verdict.ERROR)
    assert "changed since" not in text


def test_expectation_that_turned_with_the_verdict_is_told() -> None:
    """The verdict did turn, whatever was expected."""
    after = replace(ended(Verdict.REFUTED, expected=Verdict.REFUTED), reason="it melts")
    comparison = compare(record_of(ended(Verdict.CONFIRMED)), record_of(after))
    assert comparison.fails(strict=False)
    said = "TURNED! Snow is white CONFIRMED -> REFUTED, expected REFUTED now, CONFIRMED before because it melts"
    assert shown(comparison).startswith(said)


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, Verdict.REFUTED), (None, Verdict.ERROR), (Verdict.INCONCLUSIVE, Verdict.REFUTED)],
)
def test_what_ended_not_as_expected_is_loud_although_it_does_not_fail(before: Verdict | None, after: Verdict) -> None:
    """New claims and new verdicts: also with -q, and in the count of -qq."""
    kept = ended(Verdict.CONFIRMED, "kept", "1" * 64)
    comparison = compare(record_of(kept, *([ended(before)] if before else [])), record_of(kept, ended(after)))
    assert not comparison.fails(strict=False)
    word = "DECIDED" if before else "NEW"
    for verbosity in (-2, -1, 0):
        lines = list(comparison_lines(comparison, width=80, verbosity=verbosity))
        loud = [span.text.strip(" ;") for line in lines for span in line if span.markup == LOUD]
        assert (f"{word}!" in loud) == (verbosity > -2)
        assert f"1 {word.lower()} (1 not as expected)" in loud


def test_new_claim_that_is_as_expected_is_not_loud() -> None:
    """Nor counted as if it were."""
    kept = ended(Verdict.CONFIRMED, "kept", "1" * 64)
    text = shown(compare(record_of(kept), record_of(kept, ended(Verdict.CONFIRMED))))
    assert text.startswith("NEW Snow is white CONFIRMED")
    assert text.endswith("1 new; 1 unchanged (1 confirmed)")


def test_each_change_is_told_and_what_fails_is_loud() -> None:
    """What fails comes first."""
    old = record_of(
        *(ended(verdict, name) for name, verdict in zip("ituds", Verdict)), ended(Verdict.REFUTED, "g", "1" * 64)
    )
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
    assert text.endswith("1 turned; 1 undecided; 1 decided; 1 gone; 1 new; 2 unchanged (1 not applicable, 1 error)")
    strict = list(comparison_lines(compare(old, new), width=80, verbosity=0, strict=True))
    heads = [line[0] for line in strict if not line[0].text.startswith(" ")][:5]
    assert [head.text.strip() for head in heads] == ["TURNED!", "UNDECIDED!", "DECIDED!", "GONE!", "NEW"]


def test_verbosity_chooses_how_much_is_told() -> None:
    """-q: what fails; -qq: the count; -v: what did not change as well."""
    old = record_of(*(ended(Verdict.CONFIRMED, name) for name in "tus"))
    new = record_of(ended(Verdict.REFUTED, "t"), ended(Verdict.INCONCLUSIVE, "u"), ended(Verdict.CONFIRMED, "s"))
    shown = {}
    for verbosity in (-2, -1, 0, 1):
        text = words(list(comparison_lines(compare(old, new), width=80, verbosity=verbosity)))
        assert "1 turned; 1 undecided; 1 unchanged" in text
        shown[verbosity] = [word for word in ("TURNED", "UNDECIDED", "SAME") if word in text]
    assert shown == {-2: [], -1: ["TURNED"], 0: ["TURNED", "UNDECIDED"], 1: ["TURNED", "UNDECIDED", "SAME"]}


def test_two_interpreters_and_incomplete_runs_are_told() -> None:
    """The reader must know before the rest; two builds with one name as well."""
    record = record_of(CLAIM)
    assert words(list(comparison_lines(compare(record, record), width=80, verbosity=0))).startswith("nothing changed")
    other = replace(record, interpreter=replace(record.interpreter, implementation_version="9.9.9"))
    assert "two interpreters" in words(list(comparison_lines(compare(record, other), width=80, verbosity=0)))
    build = replace(record, interpreter=replace(record.interpreter, build="of yesterday"))
    assert "New: of yesterday" in words(list(comparison_lines(compare(record, build), width=80, verbosity=0)))
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
    old = replace(CLAIM, id=STRANGE * 20)
    record = record_of(strange)
    record = replace(record, interpreter=replace(record.interpreter, build=STRANGE))
    lines = list(comparison_lines(compare(record_of(old), record), width=width, verbosity=1))
    texts = ["".join(span.text for span in line) for line in lines]
    assert r"\x1b" in "".join(texts)
    assert "was Snow" in " ".join("".join(texts).split())
    assert not set("\x1b\x07\r\n\x00\u202e\udc80") & set("".join(texts))
    assert max(map(len, texts)) <= max(width, 40)
