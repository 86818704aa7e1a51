"""The matrix as a page: one file, in which each cell leads to its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from ...records.matrix import Cell, Matrix, Row, cell_sign, count_claims
from ...records.matrix_columns import Column
from ...records.record import count_verdicts
from ...text import counted
from ...verdict import Verdict
from .. import html
from ..claim_view import anchor, mark


@dataclass(frozen=True)
class _Cell:
    """A cell of the table, and its evidence.

    :param anchor: of the evidence.
    :param prefix: of that anchor.
    :param said: the cell in words.
    :param mark: the verdict in words, as it stands above the evidence.
    """

    column: Column
    result: Cell
    sign: str
    classes: str
    prefix: str
    anchor: str
    said: str
    mark: str


@dataclass(frozen=True)
class _Row:
    """A row of the table.

    :param anchor: of its evidence.
    :param claim: what rows of the same claim have in common.
    """

    row: Row
    anchor: str
    claim: str
    cells: tuple[_Cell, ...]


@dataclass(frozen=True)
class _Section:
    title: str
    rows: tuple[_Row, ...]


@dataclass(frozen=True)
class _Run:
    """A run, where it ran, and what it came to."""

    column: Column
    where: str
    counts: tuple[int, ...]
    unexpected: int


def matrix_page(matrix: Matrix) -> str:
    """Return the page."""
    sections = [
        _Section(section.title, tuple(_row(matrix, row) for row in section.rows)) for section in matrix.sections
    ]
    style, script = _with_own("style", "matrix.css"), _with_own("script", "matrix.js")
    rows = [row for section in sections for row in section.rows]
    return html.document(
        "matrix.html.j2",
        style=style,
        script=script,
        policy=html.content_security_policy(style, script),
        matrix=matrix,
        headline=matrix.headline(),
        standing=html.name_of(max(column.record.standing for column in matrix.columns)),
        sections=sections,
        told=[
            ("unexpected", "Not as expected", [(row, row.row.alarm) for row in rows if row.row.unexpected]),
            ("differing", "Where verdicts differ", [(row, row.row.sentence) for row in rows if row.row.differs]),
        ],
        total=counted(count_claims(matrix.rows), "claim"),
        legend=list(_legend(matrix)),
        verdict_words=[verdict.word.lower() for verdict in Verdict],
        runs=[_run(column) for column in matrix.columns],
    )


def _with_own(shared: str, name: str) -> Markup:
    """Return the style or the script of all pages, and after it what this one has of its own."""
    return Markup(f"{html.environment().globals[shared]}{html.read(name)}")  # noqa: S704  # both are ours, as in html.py


def _row(matrix: Matrix, row: Row) -> _Row:
    first = next(cell for cell in row.cells if cell is not None)
    cells = tuple(_cell(column, row, index) for index, column in enumerate(matrix.columns))
    prefix = "claim-" if row.digest is None else f"claim-{row.digest}-"
    return _Row(row, anchor(first, prefix), anchor(first), cells)


def _cell(column: Column, row: Row, index: int) -> _Cell:
    result = row.cells[index]
    prefix = f"on-{index}-"
    if result is None:
        return _Cell(column, None, cell_sign(None), "", prefix, "", f"not in the run on {column.label}", "")
    said = f"{result.verdict.word} on {column.label}"
    if result.unexpected:
        said += ", not as expected"
    if index in row.changes:
        said += ", which differs"
    classes = f"is-{result.verdict.value}"
    if index in row.changes:
        classes += " is-change"
    if result.unexpected:
        classes += " is-unexpected"
    words = mark(result, strict=column.record.strict)
    return _Cell(column, result, cell_sign(result), classes, prefix, anchor(result, prefix), said, words)


def _legend(matrix: Matrix) -> Iterator[tuple[str, str, str]]:
    """Yield the signs, what they mean, and the classes of such a cell."""
    classes = {verdict.word.lower(): f"is-{verdict.value}" for verdict in Verdict}
    for sign, meaning in matrix.legend():
        yield sign, meaning, "is-unexpected" if sign == "!" else classes.get(meaning, "")
    if any(row.differs for row in matrix.rows):
        yield "\N{NO-BREAK SPACE}", "the verdict differs", "is-change"


def _run(column: Column) -> _Run:
    record = column.record
    where = f"{record.interpreter.describe()}; {column.machine}; {column.options_text}; {record.started}"
    return _Run(column, where, tuple(count_verdicts(record.claims).values()), column.unexpected)
