"""The matrix in Markdown: for a README, a pull request or an issue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..columns import Column
from ..matrix import Matrix, Row, letter
from ..record import count_verdicts
from ..verdict import Verdict
from .markdown import LARGEST_COMMENT, LEAST
from .text import as_markdown, cut

#: Characters of the line that says what was left out, at most.
_FOR_THE_NOTE = 200
_LONGEST_SENTENCE = 2_000


@dataclass(frozen=True)
class _Detail:
    """How much is told.

    :param others: whether claims are in the table whose verdicts neither differ nor are unexpected.
    :param table: whether there is a table of claims.
    :param longest: characters of a single text.
    """

    others: bool
    table: bool
    longest: int


#: From all to the least.
_DETAILS = (
    _Detail(others=True, table=True, longest=2_000),
    _Detail(others=True, table=True, longest=100),
    _Detail(others=False, table=True, longest=2_000),
    _Detail(others=False, table=True, longest=100),
    _Detail(others=False, table=False, longest=100),
)


def matrix_markdown(matrix: Matrix, most: int = LARGEST_COMMENT) -> str:
    """Return the report; what is least needed is left out if it would be too long, and the report says so.

    :param most: characters that it may have.
    :raises ValueError: ``most`` is too little for any report.
    """
    if most < LEAST:
        raise ValueError(f"a report needs room for {LEAST:,} characters, and not {most:,}")
    for detail in _DETAILS:
        text = "\n".join(_lines(matrix, detail)) + "\n"
        if len(text) <= most:
            return text
    return _as_far_as_it_fits(list(_lines(matrix, _DETAILS[-1])), most)


def _as_far_as_it_fits(lines: Sequence[str], most: int) -> str:
    room = most - _FOR_THE_NOTE
    kept = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, "", "*Left out, for the report would be too long: all that comes after this.*"]) + "\n"


def _lines(matrix: Matrix, detail: _Detail) -> Iterator[str]:
    yield "## Concurrency claims and interpreters"
    yield ""
    yield as_markdown(f"{cut(matrix.headline(), _LONGEST_SENTENCE)}. Recorded: {matrix.dates}.")
    left_out = _left_out(matrix, detail)
    if left_out:
        yield ""
        yield f"*Left out, for the report would be too long: {left_out}. The run records have all of it.*"
    for warning in matrix.warnings:
        yield ""
        yield f"**Warning:** {as_markdown(cut(warning, _LONGEST_SENTENCE))}"
    yield from _differences(matrix, detail)
    if detail.table:
        yield from _claims(matrix, detail)
    yield from _runs(matrix.columns)


def _left_out(matrix: Matrix, detail: _Detail) -> str:
    said = []
    if not detail.table:
        said.append("the table of the claims")
    elif not detail.others:
        others = sum(not (row.differs or row.unexpected) for row in matrix.rows)
        said.append(f"{others:,} claims whose verdicts are as expected and do not differ")
    if detail.longest < _DETAILS[0].longest:
        said.append(f"what long texts have beyond {detail.longest} characters")
    return "; ".join(said)


def _differences(matrix: Matrix, detail: _Detail) -> Iterator[str]:
    differing = [row for row in matrix.rows if row.sentence is not None]
    if not differing:
        return
    yield from ("", "### Where verdicts differ", "")
    for row in differing:
        yield f"- {_named(row, detail)}<br>{as_markdown(cut(row.sentence or '', _LONGEST_SENTENCE))}"


def _named(row: Row, detail: _Detail) -> str:
    text = as_markdown(cut(row.statement, detail.longest))
    return text if row.digest is None else f"{text} (another experiment, digest {as_markdown(row.digest)})"


def _claims(matrix: Matrix, detail: _Detail) -> Iterator[str]:
    yield from ("", "### Claims", "")
    yield _line("Claim", *(as_markdown(column.head) for column in matrix.columns))
    yield _line("---", *[":-:"] * len(matrix.columns))
    for section in matrix.sections:
        rows = [row for row in section.rows if detail.others or row.differs or row.unexpected]
        if rows:
            yield _line(f"**{as_markdown(cut(section.title, 100))}**", *[""] * len(matrix.columns))
        for row in rows:
            yield _line(_statement(row, detail), *(_cell(row, index) for index in range(len(matrix.columns))))
    yield ""
    signs = [f"{as_markdown(sign)}: {meaning}" for sign, meaning in matrix.legend()]
    yield " · ".join([*signs, "**bold**: the verdict differs"] if any(row.differs for row in matrix.rows) else signs)


def _statement(row: Row, detail: _Detail) -> str:
    return f"**{_named(row, detail)}**" if row.differs else _named(row, detail)


def _cell(row: Row, index: int) -> str:
    shown = as_markdown(letter(row.cells[index]))
    return f"**{shown}**" if index in row.changes else shown


def _runs(columns: Sequence[Column]) -> Iterator[str]:
    yield from ("", "### Runs", "")
    heads = ["Run", "Interpreter", "Date", *(verdict.word.lower() for verdict in Verdict), "not as expected"]
    yield _line(*heads)
    yield _line(*["---"] * 3, *["--:"] * (len(heads) - 3))
    for column in columns:
        record = column.record
        counts = [f"{count:,}" for count in count_verdicts(record.claims).values()]
        unexpected = sum(result.unexpected for result in record.claims)
        label = column.label if record.complete else f"{column.label}, not complete"
        texts = [as_markdown(text) for text in (column.head, label, column.date)]
        yield _line(*texts, *counts, f"**{unexpected:,}**" if unexpected else "0")


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
