"""The matrix in Markdown."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from helpers.matrices import VERDICTS, hostile, run_on, table_rows
from helpers.sample_records import CLAIM
from pytest_concclaims import Verdict
from pytest_concclaims.records.matrix import matrix_of
from pytest_concclaims.reports.markdown import LARGEST_COMMENT, LEAST
from pytest_concclaims.reports.matrix.markdown import matrix_markdown


def test_markdown_tables_keep_their_columns_whatever_the_texts_are() -> None:
    """Pipes, line ends and headings in statements change nothing."""
    matrix = hostile()
    text = matrix_markdown(matrix)
    claims, runs = re.split("### Runs", text.partition("### Claims")[2])
    assert {len(row) for row in table_rows(claims)} == {3}
    assert {len(row) for row in table_rows(runs)} == {12}
    assert len(table_rows(claims)) == 2 + len(matrix.sections) + len(matrix.rows)
    assert "<script" not in text
    assert "\x1b" not in text
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "## Concurrency claims and interpreters",
        "### Not as expected",
        "### Where verdicts differ",
        "### Claims",
        "### Runs",
    ]


@pytest.mark.parametrize(
    ("count", "length", "left_out"),
    [
        (70, 100, None),
        (200, 2_000, "the ends of texts longer than 100 characters"),
        (2_000, 100, "1,999 rows of the table of claims, whose verdicts are as expected and do not differ"),
    ],
)
def test_markdown_is_never_too_long_and_says_what_it_left_out(count: int, length: int, left_out: str | None) -> None:
    """What differs is left out last."""
    claims = [replace(CLAIM, id=f"demo-{n}", statement=f"s{n} " + "x" * length) for n in range(count)]
    refuted = replace(claims[-1], verdict=Verdict.REFUTED)
    text = matrix_markdown(matrix_of([run_on("3.9", *claims), run_on("3.10", *claims[:-1], refuted)]))
    assert len(text) <= LARGEST_COMMENT
    assert "REFUTED on CPython 3.10" in text
    assert (f"Left out, as the report would be too long: {left_out}" in text) == (left_out is not None)
    assert ("Left out" in text) == (left_out is not None)


@pytest.mark.parametrize("most", [LEAST, LARGEST_COMMENT])
def test_markdown_keeps_what_is_not_as_expected_before_what_differs(most: int) -> None:
    """The only claim among 1,500 that is not as expected is there, and so is the table of runs."""
    claims = [replace(CLAIM, id=f"demo-{n}", statement=f"s{n} " + "|" * 60) for n in range(1_500)]
    others = [replace(claim, verdict=Verdict.REFUTED, expected=Verdict.REFUTED) for claim in claims]
    loud = replace(CLAIM, id="loud", statement="The loud one", expected=Verdict.REFUTED)
    text = matrix_markdown(matrix_of([run_on("3.9", *claims, loud), run_on("3.10", *others, loud)]), most)
    assert len(text) <= most
    assert text.index("The loud one") < text.index("s0 ")
    assert "CONFIRMED (expected REFUTED) on CPython 3.9 and 3.10" in text
    assert len(table_rows(text.partition("### Runs")[2])) == 4
    left_out = re.search(r"([0-9,]+) of 1,500 claims whose verdicts differ; the table of the claims", text)
    assert left_out is not None
    assert int(left_out[1].replace(",", "")) + len(re.findall(r"^- s[0-9]", text, re.MULTILINE)) == 1_500


def test_markdown_says_how_many_it_left_out_of_everything() -> None:
    """Of what is not as expected and of the runs too, if there are too many."""
    claims = [replace(CLAIM, id=f"demo-{n}", verdict=Verdict.ERROR) for n in range(1_000)]
    text = matrix_markdown(matrix_of([run_on("3.9", *claims), run_on("3.10", *claims)]), LEAST)
    left_out = re.search(r"([0-9,]+) of 1,000 claims that are not as expected", text)
    assert left_out is not None
    assert int(left_out[1].replace(",", "")) + text.count("ERROR on CPython 3.9 and 3.10") == 1_000
    text = matrix_markdown(matrix_of([run_on("3.9", CLAIM)] * 200), LEAST)
    assert len(text) <= LEAST
    left_out = re.search(r"([0-9]+) of 200 runs", text)
    assert left_out is not None
    assert int(left_out[1]) + len(table_rows(text)) - 2 == 200


def test_markdown_of_hostile_texts_fits_into_the_least() -> None:
    """Escapes make texts longer."""
    records = []
    for number in range(30):
        evil = "<" * 300 + str(number)
        claims = [replace(CLAIM, id=f"{'<' * 200}{n}", digest=f"{number:064}", statement=evil) for n in range(10)]
        record = run_on("3.9", *claims, replace(CLAIM, verdict=VERDICTS["CR"[number % 2]]))
        interpreter = replace(record.interpreter, implementation=evil[number:], label=evil[number:])
        machine = replace(record.machine, system=evil[-30 - number :])
        records.append(replace(record, interpreter=interpreter, machine=machine, started=evil, complete=False))
    text = matrix_markdown(matrix_of(records), LEAST)
    assert len(text) <= LEAST
    assert "30 of 30 runs" not in text
