"""The report in Markdown: what it says, that no text breaks out of its place, and that it is never too long."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from helpers.sample_records import CLAIM, EVIDENCE, SCHEDULED, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.records.evidence import Note
from pytest_concclaims.records.record import ClaimResult, RunRecord
from pytest_concclaims.reports.interleaving import interleaving
from pytest_concclaims.reports.markdown import LARGEST_COMMENT, LEAST, fitted, markdown

INCONCLUSIVE = replace(CLAIM, id="i", verdict=Verdict.INCONCLUSIVE, reason="a ruler is missing")
REFUTED = replace(CLAIM, id="r", verdict=Verdict.REFUTED)
HOSTILE = (
    "a | b \\| c\n\n## head\r\n- item\n```\nfence\n``` `code` <script>alert(1)</script> </details> <!-- &amp; &lt; "
    "@somebody #1 [link](http://example.org) ![picture](x) www.example.org me@example.org **bold** ~~no~~ $x$ "
    ":tada: \x1b[31m \x00 \u202e \udc80 {{ x }} 1. one"
)
#: Of the lines of a report, all but the empty ones and that of the facts on the run.
STARTS = ("## ", "### ", "| ", "- ", "  - ", "**", "<details>", "</details>")


def rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of tables, heads included."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def many(count: int, claim: ClaimResult, length: int = 100) -> list[ClaimResult]:
    """Return copies of a claim, with ids of their own and long texts."""
    return [
        replace(claim, id=f"{claim.id}-{n}", statement=f"s{n} " + "x" * length, evidence=(Note("y" * length),))
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("record", "headline"),
    [
        (record_of(CLAIM), "every verdict as expected"),
        (record_of(CLAIM, INCONCLUSIVE), "every verdict reached is as expected, but some claims were inconclusive"),
        (replace(record_of(CLAIM), complete=False), "not complete"),
        (record_of(INCONCLUSIVE), "no verdict, nothing was verified"),
        (record_of(), "no verdict, nothing was verified"),
        (record_of(CLAIM, REFUTED), "1 of 2 not as expected"),
        (replace(record_of(REFUTED), complete=False), "1 of 1 not as expected"),
    ],
)
def test_headline_says_what_the_run_comes_to(record: RunRecord, headline: str) -> None:
    """And an incomplete run is one whatever else is true of it."""
    text = markdown(record)
    assert text.splitlines()[0] == f"## Concurrency claims: {headline}"
    assert ("This run is not complete" in text) == (not record.complete)


def test_head_has_counts_and_interpreter() -> None:
    """What the verdicts are about."""
    text = markdown(record_of(CLAIM, REFUTED, INCONCLUSIVE))
    assert "**3 claims**: 1 confirmed, 1 refuted, 1 inconclusive" in text
    version = record_of().interpreter.describe().split()[1].rstrip(",")
    assert version in text.splitlines()[4]


def test_each_claim_has_its_row_with_verdict_and_reason() -> None:
    """Claims of one source stand together, each suite in a table of its own."""
    expected = replace(CLAIM, id="e", verdict=Verdict.REFUTED, expected=Verdict.REFUTED, reason="it melts")
    claims = [
        replace(CLAIM, id="a", source="page 1"),
        replace(expected, source="page 2"),
        replace(INCONCLUSIVE, source="page 1"),
        replace(CLAIM, id="o", suite="other", statement="Rain is wet"),
    ]
    text = markdown(record_of(*claims))
    assert rows(text) == [
        ["Source", "Claim", "Verdict", "Why"],
        ["---"] * 4,
        ["page 1", "Snow is white", "CONFIRMED", ""],
        ["page 1", "Snow is white", "INCONCLUSIVE", "a ruler is missing"],
        ["page 2", "Snow is white", "REFUTED", "because it melts"],
        ["Source", "Claim", "Verdict", "Why"],
        ["---"] * 4,
        ["", "Rain is wet", "CONFIRMED", ""],
    ]
    assert [line for line in text.splitlines() if line.startswith("### ")] == ["### demo", "### other"]


def test_unexpected_claims_come_first_with_their_evidence() -> None:
    """Before any table, not folded, and with what runs them alone; inconclusive ones where that is strict."""
    error = replace(CLAIM, id="x", verdict=Verdict.ERROR, reason="it broke", nodeid="test_x.py::test_x[a b]")
    record = record_of(CLAIM, replace(REFUTED, evidence=(Note("seen twice"),)), error, INCONCLUSIVE)
    text = markdown(record)
    first = text[: text.index("### demo")]
    assert "- **REFUTED, expected CONFIRMED** Snow is white\n  - seen twice\n" in first
    assert "- **ERROR** Snow is white\n  - it broke\n" in first
    assert "  - alone: `pytest --claims 'test_x.py::test_x[a b]'`\n" in first
    assert "INCONCLUSIVE" not in first
    assert len(rows(text)) == 2 + 4
    strict = markdown(replace(record, options={**record.options, "strict": True}))
    assert "- **INCONCLUSIVE** Snow is white" in strict[: strict.index("### demo")]


@pytest.mark.parametrize(
    ("nodeid", "code"),
    [
        ("x.py::t[a  b-#1-@u]", "`pytest --claims 'x.py::t[a  b-#1-@u]'`"),
        ("x.py::t[*_<&|$]", "`pytest --claims 'x.py::t[*_<&|$]'`"),
        ("x.py::t[`a```b]", "````pytest --claims 'x.py::t[`a```b]'````"),
    ],
)
def test_command_is_shown_as_it_must_be_typed(nodeid: str, code: str) -> None:
    """In a code span: no blank is lost, nothing is put in, and no run of backticks in it ends it."""
    assert f"  - alone: {code}\n" in markdown(record_of(replace(REFUTED, nodeid=nodeid)))


@pytest.mark.parametrize("nodeid", ["--pdb", "x.py::t[\x1b]", "x.py::t[a\nb]", "x" * 3_000])
def test_command_that_would_not_do_what_it_says_is_not_given(nodeid: str) -> None:
    """But that there is none is said."""
    text = markdown(record_of(replace(REFUTED, nodeid=nodeid)))
    assert "  - alone: its node id does not fit into a command" in text
    assert "pytest --claims" not in text


def test_command_is_never_cut() -> None:
    """A part of it would run something else."""
    refuted = [replace(REFUTED, id=str(n), nodeid="x" * 400, evidence=(Note("y" * 4_000),)) for n in range(5)]
    text = markdown(record_of(*refuted), LEAST)
    assert text.count("  - alone: the command is too long for this report; the run record has the node id\n") == 5
    assert "xxx" not in text


@pytest.mark.parametrize(
    ("claims", "headline"),
    [
        ([CLAIM], "as expected, in a selection: \\-k lock \\*"),
        ([CLAIM, INCONCLUSIVE], "as expected, in a selection: \\-k lock \\*, but some claims were inconclusive"),
        ([REFUTED], "1 of 1 not as expected"),
    ],
)
def test_a_selection_is_none_of_all_claims(claims: list[ClaimResult], headline: str) -> None:
    """Whatever its verdicts: the report says what narrowed the run, and that there are others."""
    record = record_of(*claims)
    text = markdown(replace(record, options={**record.options, "selection": ["-k lock", "*"]}))
    assert text.splitlines()[0] == f"## Concurrency claims: {headline}"
    assert "**Only a selection of the claims ran (\\-k lock \\*). The others are not shown.**" in text


def test_all_kinds_of_evidence_are_told_and_folded() -> None:
    """Under the table of their suite."""
    text = markdown(record_of(replace(CLAIM, evidence=tuple(EVIDENCE))))
    folded = text[text.index("<details>") :]
    assert folded.count("\n  - ") == len(EVIDENCE)
    assert folded.rstrip().endswith("\n\n</details>")
    assert "<summary>The evidence of 1 claim</summary>\n\n" in folded


@pytest.mark.parametrize("verdict", Verdict)
def test_no_text_breaks_out_of_its_place(verdict: Verdict) -> None:
    """Pipes, newlines, HTML, backticks and the like are shown; no account is mentioned, and nothing is linked."""
    hostile = replace(
        CLAIM,
        suite=HOSTILE,
        statement=HOSTILE,
        source=HOSTILE,
        verdict=verdict,
        reason=HOSTILE,
        id=HOSTILE,
        location=HOSTILE,
        nodeid=HOSTILE,
        evidence=(Note(HOSTILE),),
    )
    record = record_of(hostile, CLAIM)
    record = replace(
        record,
        started=HOSTILE,
        interpreter=replace(record.interpreter, label=HOSTILE, implementation_version=HOSTILE),
        machine=replace(record.machine, system=HOSTILE, architecture=HOSTILE),
        tool={**record.tool, "version": HOSTILE},
    )
    text = markdown(record)
    text.encode("utf-8")
    assert {len(row) for row in rows(text)} == {4}
    assert len(rows(text)) == 3 + 3
    tags = re.findall(r"<[^>]*>", text)
    assert set(tags) <= {"<details>", "<summary>", "</summary>", "</details>", "<code>", "</code>"}
    assert tags.count("<details>") == tags.count("</details>") <= 1
    assert not re.search(r"@\w|#1|http:|www\.|(?<!\\)`|(?<!\\)\$|(?<!\\)\]\(|:tada", text)
    assert not set("\x1b\x00\r\u202e\udc80") & set(text)
    heads = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert len(heads) == 3 + hostile.unexpected
    assert all(not line or " · " in line or line.startswith(STARTS) for line in text.splitlines())


SHAPES = {
    "none": [],
    "few": many(3, CLAIM),
    "much evidence": [replace(CLAIM, id=str(n), evidence=(Note("y" * 9_000),) * 9) for n in range(20)],
    "long statements": many(50, CLAIM, 50_000),
    "many": many(500, CLAIM),
    "unexpected": many(50, REFUTED, 3_000),
    "all unexpected": many(500, REFUTED),
    "escaped": [replace(claim, statement="#" * 5_000) for claim in many(100, REFUTED)],
}


@pytest.mark.parametrize("most", [LEAST, LARGEST_COMMENT])
@pytest.mark.parametrize("shape", SHAPES)
def test_report_is_never_longer_than_it_may_be_and_says_what_is_missing(shape: str, most: int) -> None:
    """However much there is: each claim is in it, or among the counted that are not."""
    record = record_of(*SHAPES[shape])
    report = fitted(record, most)
    assert len(report.text) <= most
    shown = rows(report.text)[2:]
    if report.left_out is None:
        assert len(shown) == len(record.claims)
        assert "Left out" not in report.text
    else:
        assert f"*Left out, as the report would be too long: {report.left_out}." in report.text
        assert len(markdown(record, 10**9)) > most


def test_evidence_goes_first_then_long_texts_then_rows_and_unexpected_ones_last() -> None:
    """What needs no look goes before what needs one."""
    unexpected = [
        replace(REFUTED, id=f"u{n}", statement=f"unexpected {n}", evidence=(Note("z" * 50),)) for n in range(20)
    ]
    record = record_of(*many(40, CLAIM, 400), *unexpected)
    sizes = (200_000, 40_000, 20_000, LEAST)
    seen = []
    for most in sizes:
        report = fitted(record, most)
        assert all(f"unexpected {n}\n" in report.text for n in range(20))
        seen.append(
            ("y" * 400 in report.text, "x" * 400 in report.text, "s39 " in report.text, "z" * 50 in report.text)
        )
    assert seen == [
        (True, True, True, True),
        (False, True, True, True),
        (False, False, True, True),
        (False, False, False, True),
    ]
    assert "40 claims that do not fail the run" in (fitted(record, LEAST).left_out or "")


def test_unexpected_claims_without_room_are_counted() -> None:
    """The first ones are shown, as many as fit; the others are counted."""
    report = fitted(record_of(*many(500, REFUTED), CLAIM), LEAST)
    shown = [int(number) for number in re.findall(r"- \*\*REFUTED, expected CONFIRMED\*\* s(\d+) ", report.text)]
    assert shown == list(range(len(shown)))
    assert 0 < len(shown) < 500
    assert f"{500 - len(shown)} of the 500 claims that are not as expected" in report.text
    assert "1 claim that does not fail the run" in report.text
    assert "500 of 501 not as expected" in report.text.splitlines()[0]


def test_too_little_room_for_any_report_is_refused() -> None:
    """Rather than half a head."""
    with pytest.raises(ValueError, match="8,192"):
        markdown(record_of(CLAIM), LEAST - 1)


# --- the interleaving of a witness


@pytest.mark.parametrize("claim", [CLAIM, REFUTED], ids=["as expected", "not as expected"])
def test_interleaving_of_a_witness_is_a_block_of_code(claim: ClaimResult) -> None:
    """Within the item of its phrase: its lines keep their columns, and nothing in them is markup."""
    lines = markdown(record_of(replace(claim, evidence=(SCHEDULED,)))).splitlines()
    begin = lines.index("    ```text")
    assert lines[begin - 1].startswith("  - never(1): seen in schedule 7")
    drawn = interleaving(SCHEDULED, 100)
    assert lines[begin + 1 : begin + 1 + len(drawn)] == [f"    {line}" for line in drawn]
    assert lines[begin + 1 + len(drawn)] == "    ```"


def test_no_text_ends_the_block_of_an_interleaving() -> None:
    """The fence is longer than any in it."""
    steps = [{**step, "text": "````"} for step in (SCHEDULED.witness or {})["steps"]]
    race = replace(SCHEDULED, witness={**(SCHEDULED.witness or {}), "steps": steps, "outcome": HOSTILE})
    lines = markdown(record_of(replace(REFUTED, evidence=(race,)))).splitlines()
    assert lines.count("    `````text") == lines.count("    `````") == 1


def test_interleavings_are_left_out_with_the_evidence() -> None:
    """Where a report would be too long."""
    claims = [replace(REFUTED, id=f"r{number}", evidence=(SCHEDULED,)) for number in range(500)]
    report = fitted(record_of(*claims), LARGEST_COMMENT)
    assert len(report.text) <= LARGEST_COMMENT
    assert "```text" not in report.text


def test_heading_names_the_project() -> None:
    """As text: a record may come from elsewhere."""
    text = markdown(replace(record_of(CLAIM), project="a*b"))
    assert text.splitlines()[0] == r"## Concurrency claims of a\*b: every verdict as expected"
