"""Matrices for the tests of code that makes and shows them."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from helpers.sample_records import CLAIM, EVIDENCE, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.interpreter import label_of
from pytest_concclaims.records.matrix import Matrix, Row, matrix_of
from pytest_concclaims.records.record import ClaimResult, RunRecord
from pytest_concclaims.reports.matrix.markdown import matrix_markdown
from pytest_concclaims.reports.matrix.page import matrix_page
from pytest_concclaims.reports.matrix.picture import matrix_picture
from pytest_concclaims.reports.matrix.terminal import matrix_lines

HOSTILE = (
    "a | b \\| c\n\n## head\r\n``` `code` <script>alert(1)</script> --> ]]> </text> </style> &amp; \"'\t"
    "@name #1 [link](http://example.org) **bold** \x1b[31m \x00 \u202e \udc80 {{ x }}"
)


VERDICTS = {
    "C": Verdict.CONFIRMED,
    "R": Verdict.REFUTED,
    "i": Verdict.INCONCLUSIVE,
    "n": Verdict.NOT_APPLICABLE,
    "E": Verdict.ERROR,
}


def run_on(python: str, *claims: ClaimResult) -> RunRecord:
    """Return a record of ``3.13.0``, ``3.14 JIT``, ``3.13t`` or ``3.13t GIL``, of ``PyPy 3.11`` or ``Graal 3.12``."""
    name, _, rest = python.partition(" ") if python[0].isalpha() else ("CPython", "", python)
    version = rest.replace("t", "").replace(" GIL", "").replace(" JIT", "")
    jit = rest.endswith("JIT")
    gil = "t" not in rest or rest.endswith("GIL")
    record = record_of(*claims)
    interpreter = replace(
        record.interpreter,
        implementation=name.lower(),
        version=version,
        implementation_version=version,
        free_threaded_build="t" in rest,
        gil_enabled=gil,
        jit_enabled=jit,
        label=label_of(name, version, "t" in rest, gil, jit),
    )
    return replace(record, interpreter=interpreter)


def matrix_with(verdicts: dict[str, str], expected: Verdict | None = None) -> Matrix:
    """Return the matrix of one claim.

    :param verdicts: for each Python, the letter of the verdict; empty if the claim was not in its run.
    """
    records = []
    for python, sign in verdicts.items():
        claims = []
        if sign:
            verdict = VERDICTS[sign]
            claims = [replace(CLAIM, verdict=verdict, expected=expected or verdict, evidence=tuple(EVIDENCE))]
        records.append(run_on(python, *claims))
    return matrix_of(records)


def row_of(verdicts: dict[str, str]) -> Row:
    """Return the only row of such a matrix."""
    (row,) = matrix_with(verdicts).rows
    return row


def plain(matrix: Matrix, width: int = 100) -> str:
    """Return the text that the terminal shows."""
    return "\n".join("".join(span.text for span in line) for line in matrix_lines(matrix, width=width))


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of the tables in Markdown."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def hostile() -> Matrix:
    """Return a matrix in which each text is hostile."""
    evil = replace(
        CLAIM, id=HOSTILE, suite=HOSTILE, source=HOSTILE, statement=HOSTILE, digest=HOSTILE, reason=HOSTILE
    )
    record = run_on("3.9", evil, replace(evil, id="x" * 5_000, statement="x" * 100_000))
    odd = replace(record.interpreter, implementation=HOSTILE, label=HOSTILE, version=HOSTILE)
    refuted = replace(evil, verdict=Verdict.REFUTED)
    other = replace(evil, id="x" * 5_000, digest=HOSTILE[::-1])
    return matrix_of(
        [record, replace(run_on("3.10", refuted, other), interpreter=odd, started=HOSTILE, complete=False)]
    )


def outputs(matrix: Matrix) -> dict[str, str]:
    """Return all outputs, as the text that people see."""
    return {
        "terminal": " ".join(plain(matrix).split()),
        "markdown": matrix_markdown(matrix).replace("\\", ""),
        "picture": " ".join("".join(text.itertext()) for text in ET.fromstring(matrix_picture(matrix)).iter()),
        "page": matrix_page(matrix),
    }
