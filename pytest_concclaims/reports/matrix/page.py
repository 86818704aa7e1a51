"""The matrix as a page: one file, in which each cell links to its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ...records.matrix import Cell, Matrix, Row, cell_sign, count_claims
from ...records.matrix_columns import Column
from ...records.record import ClaimResult, RunRecord, count_verdicts
from ...text import counted
from ...verdict import Verdict
from .. import html
from ..claim_view import anchor, mark, places_of_code
from ..key import descriptions, key

#: With more results, the evidence for each claim is parsed when it is first shown.
_MOST_PARSED_AT_ONCE = 2_000


@dataclass(frozen=True)
class _Cell:
    """A cell of the table, and its evidence.

    :param anchor: the anchor of the evidence.
    :param said: the cell in words.
    :param mark: the verdict in words, for the heading of the evidence.
    :param same_as: the first cell of the row with the same evidence; None if this is the first.
    """

    column: Column
    result: Cell
    sign: str
    classes: str
    anchor: str
    said: str
    mark: str
    same_as: _Cell | None


@dataclass(frozen=True)
class _Row:
    """A row of the table.

    :param anchor: the anchor of its evidence.
    :param claim: the same for all rows of one claim.
    :param result: the claim's result in the first run that has it.
    :param record: the record of that run.
    """

    row: Row
    anchor: str
    claim: str
    cells: tuple[_Cell, ...]
    result: ClaimResult
    record: RunRecord


@dataclass(frozen=True)
class _Section:
    title: str
    rows: tuple[_Row, ...]


@dataclass(frozen=True)
class _Run:
    """A run: its column, what it ran on, and its counts of verdicts."""

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
    records = [column.record for column in matrix.columns]
    return html.document(
        "matrix.html.j2",
        style=style,
        script=script,
        policy=html.content_security_policy(style, script),
        matrix=matrix,
        headline=matrix.headline(),
        summary=matrix.summary(),
        suites=descriptions(records),
        key=key(records),
        code=places_of_code((row.result, row.anchor) for row in rows),
        standing=html.name_of(max(column.record.standing for column in matrix.columns)),
        sections=sections,
        lazy=sum(len(column.record.claims) for column in matrix.columns) > _MOST_PARSED_AT_ONCE,
        lists=[
            ("unexpected", "Not as expected", [(row, row.row.alarm) for row in rows if row.row.unexpected]),
            ("differing", "Where verdicts differ", [(row, row.row.sentence) for row in rows if row.row.differs]),
        ],
        total=counted(count_claims(matrix.rows), "claim"),
        legend=list(_legend(matrix)),
        verdict_words=[verdict.word.lower() for verdict in Verdict],
        runs=[_run(column) for column in matrix.columns],
    )


def _with_own(shared: str, name: str) -> Markup:
    """Return the style or the script of all pages, followed by that of this page alone."""
    return Markup(f"{html.environment().globals[shared]}{html.read(name)}")  # noqa: S704  # both are of this package


def _row(matrix: Matrix, row: Row) -> _Row:
    cells: list[_Cell] = []
    for index, column in enumerate(matrix.columns):
        cells.append(_cell(column, row, index, cells))
    first = next(cell for cell in cells if cell.result is not None)
    assert first.result is not None
    prefix = "claim-" if row.digest is None else f"claim-{row.digest}-"
    shown = anchor(first.result, prefix)
    return _Row(row, shown, anchor(first.result), tuple(cells), first.result, first.column.record)


def _cell(column: Column, row: Row, index: int, before: Sequence[_Cell]) -> _Cell:
    result = row.cells[index]
    if result is None:
        return _Cell(column, None, cell_sign(None), "", "", f"not in the run on {column.label}", "", None)
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
    same = next((cell for cell in before if _is_same(cell.result, result)), None)
    return _Cell(column, result, cell_sign(result), classes, anchor(result, f"on-{index}-"), said, words, same)


def _is_same(one: Cell, other: ClaimResult) -> bool:
    """Return whether two results of a claim have the same verdict, reason and evidence."""
    if one is None:
        return False
    return (one.verdict, one.expected, one.reason, one.evidence) == (
        other.verdict,
        other.expected,
        other.reason,
        other.evidence,
    )


def _legend(matrix: Matrix) -> Iterator[tuple[str, str, str]]:
    """Yield each sign with its meaning and the classes of its cells."""
    classes = {verdict.word.lower(): f"is-{verdict.value}" for verdict in Verdict}
    for sign, meaning in matrix.legend():
        yield sign, meaning, "is-unexpected" if sign == "!" else classes.get(meaning, "")
    if any(row.differs for row in matrix.rows):
        yield "\N{NO-BREAK SPACE}", "the verdict differs", "is-change"


def _run(column: Column) -> _Run:
    record = column.record
    where = f"{record.interpreter.describe()}; {column.machine}; {column.options_text}; {record.started}"
    return _Run(column, where, tuple(count_verdicts(record.claims).values()), column.unexpected)
