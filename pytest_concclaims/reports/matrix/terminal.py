"""The matrix in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ...records.matrix import Cell, Matrix, Row, cell_sign
from ...records.matrix_columns import Column
from ...records.record import count_verdicts
from ...text import cut, harmless
from ..terminal import COLOURS, LOUD, Span

#: Columns of the terminal: below this width, it is as if it were this.
_NARROWEST = 60
#: Columns of the terminal that statements have at least; below the second number, heads are numbers.
_LEAST_FOR_STATEMENTS = 26
_ENOUGH_FOR_STATEMENTS = 50
#: Before a row that differs.
_MARK = "> "
#: Columns of the terminal: a letter, perhaps an exclamation mark, and a space.
_CELL = 3
#: Characters of a text.
_MOST = 400
_CHANGED = {"invert": True}
_WARNING = {"yellow": True, "bold": True}

Line = list[Span]


def matrix_lines(matrix: Matrix, *, width: int) -> Iterator[Line]:
    """Yield the lines: the table, what is not as expected, where verdicts differ, the runs, warnings.

    :param width: columns of the terminal; below 60 it is as if they were 60.
    """
    width = max(width, _NARROWEST)
    fit = max((width - len(_MARK) - _LEAST_FOR_STATEMENTS) // _CELL, 1)
    for first in range(0, len(matrix.columns), fit):
        yield from _table(matrix, range(first, min(first + fit, len(matrix.columns))), width)
        yield []
    yield from _wrapped(_legend(matrix), width, "")
    yield []
    yield from _listed("Not as expected", [(row, row.alarm) for row in matrix.rows if row.unexpected], width)
    yield from _listed("Where verdicts differ", [(row, row.sentence) for row in matrix.rows if row.differs], width)
    yield from _runs(matrix.columns, width)
    for warning in matrix.warnings:
        yield from _wrapped(f"warning: {warning}", width, "  ", _WARNING)
    yield from _wrapped(f"{matrix.summary()}.", width, "  ")


def _table(matrix: Matrix, shown: range, width: int) -> Iterator[Line]:
    """Yield the lines of the table with some of the columns."""
    heads = [matrix.columns[index].head for index in shown]
    words = [head.split() for head in heads]
    cell = max(_CELL, 1 + max(len(word) for head in words for word in head))
    if len(_MARK) + cell * len(heads) + _ENOUGH_FOR_STATEMENTS > width:
        numbers = [str(index + 1) for index in shown]
        yield from _key(numbers, [matrix.columns[index] for index in shown], width)
        words, cell = [[number] for number in numbers], max(_CELL, 1 + max(map(len, numbers)))
    for line in zip(*(_bottom(head, max(map(len, words))) for head in words)):
        yield [Span(" " * len(_MARK) + "".join(word.ljust(cell) for word in line).rstrip(), {"bold": True})]
    for section in matrix.sections:
        yield from _wrapped(harmless(cut(section.title, 100)), width, "", {"light": True})
        for row in section.rows:
            yield from _row_lines(row, shown, cell, width)


def _key(numbers: Sequence[str], columns: Sequence[Column], width: int) -> Iterator[Line]:
    """Yield the lines that say which run each number stands for, side by side as far as there is room."""
    last = len(numbers[-1])
    names = [f"{column.label}{'' if column.record.complete else '*'}" for column in columns]
    entries = [f"{number:>{last}} {name}" for number, name in zip(numbers, names)]
    room, column_width = width - len(_MARK), max(map(len, entries)) + 3
    rows = -(-len(entries) // max(1, (room + 3) // column_width))
    for row in range(rows):
        line = "".join(f"{entry:{column_width}}" for entry in entries[row::rows]).rstrip()
        for part in _lines_of(line, room) if rows == len(entries) else [line]:
            yield [Span(" " * len(_MARK) + part)]
    yield []


def _bottom(words: Sequence[str], height: int) -> list[str]:
    return [*[""] * (height - len(words)), *words]


def _row_lines(row: Row, shown: range, cell: int, width: int) -> Iterator[Line]:
    margin = len(_MARK) + cell * len(shown)
    style = {"bold": True} if row.differs else {}
    first, *rest = _lines_of(named(row), width - margin)
    line = [Span(_MARK if row.differs else " " * len(_MARK), style)]
    for index in shown:
        text = cell_sign(row.cells[index])
        line.append(Span(text, {**_colour(row.cells[index]), **(_CHANGED if index in row.changes else {})}))
        line.append(Span(" " * (cell - len(text))))
    yield [*line, Span(first, style)]
    for more in rest:
        yield [Span(" " * margin + more, style)]


def named(row: Row) -> str:
    """Return a row's statement on one line, with its digest if another row has the same claim."""
    text = cut(harmless(row.full_statement), _MOST)
    return text if row.digest is None else f"{text} [another experiment, digest {harmless(row.digest)}]"


def _colour(cell: Cell) -> dict[str, bool]:
    if cell is None:
        return {"light": True}
    return LOUD if cell.unexpected else COLOURS[cell.verdict]


def _legend(matrix: Matrix) -> str:
    differs = f", {_MARK.strip()} the verdict differs" if any(row.differs for row in matrix.rows) else ""
    return ", ".join(f"{sign} {meaning}" for sign, meaning in matrix.legend()) + differs


def _listed(title: str, rows: Sequence[tuple[Row, str | None]], width: int) -> Iterator[Line]:
    """Yield the lines of a list of claims, each with what is to be said of it."""
    if not rows:
        return
    yield [Span(title, {"bold": True})]
    for row, said in rows:
        yield from _wrapped(f"- {named(row)}", width, "  ")
        for text, style in ((said or "", {}), (cut(harmless(row.id), 200), {"light": True})):
            for line in _wrapped(text, width - 4, "", style):
                yield [Span("    "), *line]
    yield []


def _runs(columns: Sequence[Column], width: int) -> Iterator[Line]:
    yield [Span("Runs", {"bold": True})]
    for column in columns:
        counts = count_verdicts(column.record.claims)
        parts = [f"{count} {verdict.word.lower()}" for verdict, count in counts.items() if count or verdict.reached]
        if column.unexpected:
            parts.append(f"{column.unexpected} not as expected")
        if not column.record.complete:
            parts.append("not complete")
        run = f"- {column.title}; {column.machine}; {column.options_text}; {column.date}: {', '.join(parts)}"
        yield from _wrapped(run, width, "  ", LOUD if column.unexpected else {})
    yield []


def _wrapped(text: str, width: int, indent: str, style: dict[str, bool] | None = None) -> Iterator[Line]:
    for number, line in enumerate(_lines_of(text, width - len(indent))):
        yield [Span((indent if number else "") + line, style or {})]


def _lines_of(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width) or [""]
