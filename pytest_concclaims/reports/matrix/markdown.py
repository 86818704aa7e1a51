"""The matrix in Markdown: for a README, a pull request or an issue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ...records.matrix import Matrix, Row, cell_sign
from ...records.matrix_columns import Column
from ...records.record import count_verdicts
from ...text import as_markdown, cut
from ...verdict import Verdict
from ..markdown import LARGEST_COMMENT, LEAST

#: Characters of the note on parts that were left out.
_FOR_THE_NOTE = 400
_NOTE = "*Left out, as the report would be too long: {}. The run records have everything.*"


@dataclass(frozen=True)
class _Detail:
    """The parts of a report.

    :param others: whether the table has claims whose verdicts neither differ nor are unexpected.
    :param table: whether there is a table of claims.
    :param longest: characters of a single text of a record.
    :param sentence: characters of a sentence about a claim, or about all of them.
    """

    others: bool
    table: bool
    longest: int
    sentence: int = 2_000


#: From the longest report to the shortest.
_DETAILS = (
    _Detail(others=True, table=True, longest=2_000),
    _Detail(others=True, table=True, longest=100),
    _Detail(others=False, table=True, longest=2_000),
    _Detail(others=False, table=True, longest=100),
    _Detail(others=False, table=False, longest=100),
    _Detail(others=False, table=False, longest=100, sentence=250),
)


@dataclass(frozen=True)
class _Part:
    """A part of the report that can be shortened, line by line.

    :param lines: one for each thing.
    :param things: the name of the things, in the plural.
    :param head: lines before them.
    """

    title: str
    lines: Sequence[str]
    things: str
    head: Sequence[str] = ()

    def text(self) -> list[str]:
        """Return its lines with the title; none if it is empty."""
        return ["", f"### {self.title}", "", *self.head, *self.lines] if self.lines else []


def matrix_markdown(matrix: Matrix, most: int = LARGEST_COMMENT) -> str:
    """Return the report. If it would be too long, parts are left out, and the report says which.

    The unexpected claims and the table of the runs are left out last.

    :param most: its limit in characters.
    :raises ValueError: ``most`` is less than :data:`~pytest_concclaims.reports.markdown.LEAST`.
    """
    if most < LEAST:
        raise ValueError(f"matrix_markdown: the limit is {most:,} characters; a report needs at least {LEAST:,}")
    for detail in _DETAILS:
        text = _joined(matrix, detail, _parts(matrix, detail), _left_out(matrix, detail))
        if len(text) <= most:
            return text
    return _with_fewer(matrix, _DETAILS[-1], most)


def _with_fewer(matrix: Matrix, detail: _Detail, most: int) -> str:
    """Return a report with as many lines as fit: of runs first, then of unexpected claims, then of differing ones."""
    parts = _parts(matrix, detail)
    frames = sum(len(line) + 1 for part in parts for line in replace(part, lines=[""]).text())
    room = most - _FOR_THE_NOTE - frames - len(_joined(matrix, detail, [], _left_out(matrix, detail)))
    missing: list[str] = []
    for index in (2, 0, 1):
        part = parts[index]
        kept = _as_many(part.lines, room)
        room -= sum(len(line) + 1 for line in kept)
        parts[index] = replace(part, lines=kept)
        if len(kept) < len(part.lines):
            missing.append(f"{len(part.lines) - len(kept):,} of {len(part.lines):,} {part.things}")
    return _joined(matrix, detail, parts, [*missing, *_left_out(matrix, detail)])


def _as_many(lines: Sequence[str], room: int) -> list[str]:
    """Return the first lines, as many as fit into a number of characters."""
    kept = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _joined(matrix: Matrix, detail: _Detail, parts: Sequence[_Part], left_out: Sequence[str]) -> str:
    lines = ["## Concurrency claims and interpreters", ""]
    lines.append(as_markdown(f"{cut(matrix.summary(), detail.sentence)}. Recorded: {matrix.dates}."))
    if left_out:
        lines += ["", _NOTE.format("; ".join(left_out))]
    for warning in matrix.warnings:
        lines += ["", f"**Warning:** {as_markdown(cut(warning, detail.sentence))}"]
    table = _claims(matrix, detail) if detail.table else ()
    *lists, runs = (part.text() for part in parts) if parts else ([],)
    return "\n".join([*lines, *chain.from_iterable(lists), *table, *runs]) + "\n"


def _left_out(matrix: Matrix, detail: _Detail) -> list[str]:
    said = []
    if not detail.table:
        said.append("the table of the claims")
    elif not detail.others:
        others = sum(not (row.differs or row.unexpected) for row in matrix.rows)
        said.append(f"{others:,} rows of the table of claims, whose verdicts are as expected and do not differ")
    if detail.longest < _DETAILS[0].longest:
        said.append(f"the ends of texts longer than {detail.longest} characters")
    return said


def _parts(matrix: Matrix, detail: _Detail) -> list[_Part]:
    """Return the lists of unexpected and of differing claims, and the table of the runs."""
    unexpected = [_list_item(row, row.alarm, detail) for row in matrix.rows if row.alarm is not None]
    differing = [_list_item(row, row.sentence, detail) for row in matrix.rows if row.sentence is not None]
    return [
        _Part("Not as expected", unexpected, "claims that are not as expected"),
        _Part("Where verdicts differ", differing, "claims whose verdicts differ"),
        _Part("Runs", [_run(column) for column in matrix.columns], "runs", _RUNS_HEAD),
    ]


def _list_item(row: Row, said: str, detail: _Detail) -> str:
    return f"- {_named(row, detail)}<br>{as_markdown(cut(said, detail.sentence))}"


def _named(row: Row, detail: _Detail) -> str:
    text = as_markdown(cut(row.full_statement, detail.longest))
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
    shown = as_markdown(cell_sign(row.cells[index]))
    return f"**{shown}**" if index in row.changes else shown


def _run(column: Column) -> str:
    """Return a line of the table of runs."""
    record = column.record
    counts = [f"{count:,}" for count in count_verdicts(record.claims).values()]
    label = column.label if record.complete else f"{column.label}, not complete"
    texts = [column.head, label, column.version, column.machine, column.options_text, column.date]
    return _line(*map(as_markdown, texts), *counts, f"**{column.unexpected:,}**" if column.unexpected else "0")


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


_RUN_TEXTS = ("Run", "Interpreter", "Version", "Machine", "Options", "Date")
_RUN_NUMBERS = (*(verdict.word.lower() for verdict in Verdict), "not as expected")
_RUNS_HEAD = (
    _line(*_RUN_TEXTS, *_RUN_NUMBERS),
    _line(*["---"] * len(_RUN_TEXTS), *["--:"] * len(_RUN_NUMBERS)),
)
