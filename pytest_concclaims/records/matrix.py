"""The matrix: the verdicts of several runs on the same claims, and where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ..text import counted, cut, harmless
from ..verdict import Verdict
from .matrix_columns import Column, Family, circumstances, columns_of, difference, distance
from .record import ClaimResult, RunRecord
from .section import section_of

#: A claim's result in one run; None: the claim was not in the run, which is not the same as NOT APPLICABLE.
Cell = Optional[ClaimResult]

#: For each run, the distance to each run before it.
_Distances = Sequence[Sequence[tuple[int, ...]]]

_SHORTEST_DIGEST = 8
#: Items of a list in a sentence; the others are counted.
_MOST_LISTED = 5


@dataclass(frozen=True)
class VerdictChange:
    """A cell whose verdict differs from that of the most similar run before it.

    :param column: the index of its column.
    :param reference: the index of the column that it was compared with.
    :param where: all differences between the two columns: ``between versions``, ``on PyPy and another version``.
    """

    column: int
    reference: int
    where: str


@dataclass(frozen=True)
class Row:
    """One claim.

    :param refinement: the words after the section in its source, such as ``literally``; may be empty.
    :param digest: the beginning of its digest, if other rows have the same id; else None.
    :param cells: one for each column.
    :param changes: by the index of the column.
    :param sentence: the verdicts and the columns that have them, if verdicts differ; else None.
    :param alarm: the unexpected verdicts, their columns and what was expected; None if all are as expected.
    """

    id: str
    statement: str
    source: str | None
    refinement: str
    digest: str | None
    cells: tuple[Cell, ...]
    changes: Mapping[int, VerdictChange]
    sentence: str | None
    alarm: str | None

    @property
    def full_statement(self) -> str:
        """The statement, and in brackets the words after the section in its source."""
        return f"{self.statement} ({self.refinement})" if self.refinement else self.statement

    @property
    def differs(self) -> bool:
        """Whether it was confirmed in one run and refuted in another."""
        return bool(self.changes)

    @property
    def unexpected(self) -> bool:
        """Whether a verdict is not the expected one."""
        return self.alarm is not None

    @property
    def compared(self) -> bool:
        """Whether two runs or more reached a verdict."""
        return sum(cell is not None and cell.verdict.reached for cell in self.cells) > 1


@dataclass(frozen=True)
class MatrixSection:
    """The claims of one section of a suite's source."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Matrix:
    """Claims, and the runs that have results for them.

    :param warnings: reasons to doubt a comparison, each one sentence or more, on one line.
    """

    columns: tuple[Column, ...]
    sections: tuple[MatrixSection, ...]
    warnings: tuple[str, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all sections."""
        return tuple(row for section in self.sections for row in section.rows)

    @property
    def dates(self) -> str:
        """The day of the runs, or the first and the last day."""
        days = sorted({column.date for column in self.columns})
        return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"

    def legend(self) -> list[tuple[str, str]]:
        """Return the signs that occur in cells and heads, each with its meaning."""
        shown = {sign for row in self.rows for cell in row.cells for sign in cell_sign(cell)}
        if not all(column.record.complete for column in self.columns):
            shown.add("*")
        return [(sign, meaning) for sign, meaning in _SIGNS if sign in shown]

    def headline(self) -> str:
        """Return the most important fact in a short sentence, without a full stop."""
        unexpected = count_claims(row for row in self.rows if row.unexpected)
        if unexpected:
            return f"{counted(unexpected, 'claim')} not as expected"
        differing = count_claims(row for row in self.rows if row.differs)
        if differing:
            return f"The verdict differs for {differing:,} of {counted(count_claims(self.rows), 'claim')}"
        if any(row.compared for row in self.rows):
            return "No verdict differs"
        return "Nothing to compare: no claim has a verdict in two runs"

    def summary(self) -> str:
        """Return the numbers of claims, runs, differing claims with the places, and unexpected claims."""
        parts = [f"{counted(count_claims(self.rows), 'claim')} in {counted(len(self.columns), 'run')}"]
        parts.append(self._compared())
        unexpected = count_claims(row for row in self.rows if row.unexpected)
        return "; ".join([*parts, f"{unexpected:,} not as expected"] if unexpected else parts)

    def _compared(self) -> str:
        """Return the number of claims whose verdict differs, of those that can be compared, and where they differ."""
        compared = count_claims(row for row in self.rows if row.compared)
        decided = f"{counted(compared, 'claim')} that two runs or more decided"
        differing = [row for row in self.rows if row.differs]
        if differing:
            return f"the verdict differs for {count_claims(differing):,} of {decided} ({_places(differing)})"
        if compared:
            return f"no verdict differs among {decided}"
        if any(cell is not None and cell.verdict.reached for row in self.rows for cell in row.cells):
            return "no claim was decided by two runs: nothing is compared"
        return "no verdict, nothing was verified"


def count_claims(rows: Iterable[Row]) -> int:
    """Return the number of claims in rows: several experiments with one id are one claim."""
    return len({row.id for row in rows})


def _places(rows: Iterable[Row]) -> str:
    """Return the places where the verdicts of rows change, the most frequent first, with their numbers of claims."""
    found = Counter(where for where, _ in {(change.where, row.id) for row in rows for change in row.changes.values()})
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    listed = [f"{count:,} {where}" for where, count in ordered[:_MOST_LISTED]]
    others = len(ordered) - _MOST_LISTED
    return ", ".join([*listed, f"more in {counted(others, 'other way')}"] if others > 0 else listed)


def cell_sign(cell: Cell) -> str:
    """Return the sign for a cell: C, R, i, n or E, with an exclamation mark if it is unexpected; or a dash."""
    if cell is None:
        return "-"
    return _LETTERS[cell.verdict] + ("!" if cell.unexpected else "")


_LETTERS = {
    Verdict.CONFIRMED: "C",
    Verdict.REFUTED: "R",
    Verdict.INCONCLUSIVE: "i",
    Verdict.NOT_APPLICABLE: "n",
    Verdict.ERROR: "E",
}
_SIGNS = (
    *((_LETTERS[verdict], verdict.word.lower()) for verdict in Verdict),
    ("!", "not as expected"),
    ("-", "not in this run"),
    ("*", "the run is not complete"),
)


def matrix_of(records: Sequence[RunRecord]) -> Matrix:
    """Return the matrix of one or more runs.

    Results with the same id and the same digest are in one row. Another digest is another experiment, in a row of its
    own.

    :raises ValueError: there are no records.
    """
    if not records:
        raise ValueError("matrix_of: no records; pass at least one run record")
    columns = columns_of(records)
    distances = [[distance(before, column) for before in columns[:index]] for index, column in enumerate(columns)]
    digests = _digests(columns)
    results = [{(result.id, result.digest): result for result in column.record.claims} for column in columns]
    found: dict[str, list[Row]] = {}
    for id_, (title, known) in digests.items():
        for digest in known:
            cells = tuple(result.get((id_, digest)) for result in results)
            found.setdefault(title, []).append(_row(columns, distances, cells, _shortened_digest(digest, known)))
    sections = tuple(MatrixSection(title, tuple(rows)) for title, rows in found.items())
    return Matrix(columns, sections, tuple(_warnings(columns, digests)))


def _digests(columns: Sequence[Column]) -> dict[str, tuple[str, list[str]]]:
    """Return for each claim's id the title of its section and its digests, all in the order of first appearance."""
    found: dict[str, tuple[str, list[str]]] = {}
    for column in columns:
        for result in column.record.claims:
            _, digests = found.setdefault(result.id, (section_of(result)[0], []))
            if result.digest not in digests:
                digests.append(result.digest)
    return found


def _shortened_digest(digest: str, all_of_them: Sequence[str]) -> str | None:
    """Return the beginning of a digest by which it differs from the others; None if there are no others."""
    if len(all_of_them) == 1:
        return None
    length = _SHORTEST_DIGEST
    while len({other[:length] for other in all_of_them}) < len(all_of_them):
        length += 1
    return digest[:length]


def _row(columns: Sequence[Column], distances: _Distances, cells: tuple[Cell, ...], digest: str | None) -> Row:
    first = next(cell for cell in cells if cell is not None)
    changes = {change.column: change for change in _changes(columns, distances, cells)}
    sentence = _sentence(columns, cells) if changes else None
    return Row(
        first.id,
        first.statement,
        first.source,
        section_of(first)[1],
        digest,
        cells,
        changes,
        sentence,
        _alarm(columns, cells),
    )


def _warnings(columns: Sequence[Column], digests: Mapping[str, tuple[str, list[str]]]) -> Iterator[str]:
    mixed = [cut(harmless(id_), 100) for id_, (_, known) in digests.items() if len(known) > 1]
    if mixed:
        yield (
            f"{counted(len(mixed), 'claim')} had different digests in different runs. These are different "
            f"experiments: each has a row of its own, and they are not compared ({_first_few(mixed)}). "
            "To compare them, run the same version of the claims everywhere."
        )
    ended_early = [column.label for column in columns if not column.record.complete]
    if len(ended_early) == 1:
        yield f"The run on {ended_early[0]} is not complete: some of its claims did not end."
    elif ended_early:
        runs = f"{len(ended_early):,} runs are not complete"
        yield f"{runs}: some of their claims did not end ({_first_few(ended_early)})."
    unlike = [f"{word} {_first_few(values, ' or ')}" for word, values in circumstances(columns)]
    if unlike:
        yield (
            f"Not only the interpreters of the runs differ: they ran {'; '.join(unlike)}. A verdict may differ "
            "for that reason. To compare interpreters, run all of them on one machine with the same options."
        )


def _first_few(texts: Sequence[str], separator: str = ", ") -> str:
    """Return the first of some texts, and how many more there are."""
    listed = separator.join(texts[:_MOST_LISTED])
    return f"{listed} and {len(texts) - _MOST_LISTED:,} more" if len(texts) > _MOST_LISTED else listed


# --- where verdicts change


def _changes(columns: Sequence[Column], distances: _Distances, cells: Sequence[Cell]) -> Iterator[VerdictChange]:
    """Yield the cells whose verdict differs from those of the most similar runs before them that reached one."""
    before: list[int] = []
    for index, cell in enumerate(cells):
        if cell is None or not cell.verdict.reached:
            continue
        if before:
            nearest = min(distances[index][other] for other in before)
            like = [other for other in before if distances[index][other] == nearest]
            if not any(_verdict(cells[other]) is cell.verdict for other in like):
                yield VerdictChange(index, like[-1], difference(columns[like[-1]], columns[index]))
        before.append(index)


def _verdict(cell: Cell) -> Verdict | None:
    return None if cell is None else cell.verdict


# --- in words


def _sentence(columns: Sequence[Column], cells: Sequence[Cell]) -> str:
    """Return each verdict with the columns that have it, and the columns without one."""
    words = ["not in the run" if cell is None else cell.verdict.word for cell in cells]
    reached = [cell is not None and cell.verdict.reached for cell in cells]
    return _words_with_columns(columns, words, [word for word, yes in zip(words, reached) if yes] + words)


def _alarm(columns: Sequence[Column], cells: Sequence[Cell]) -> str | None:
    """Return the unexpected verdicts with their columns and the expected verdict; None if all are as expected."""
    words = ["" if cell is None or not cell.unexpected else _unexpected(cell) for cell in cells]
    return _words_with_columns(columns, words, filter(None, words)) or None


def _unexpected(cell: ClaimResult) -> str:
    word = cell.verdict.word
    return f"{word} (expected {cell.expected.word})" if cell.verdict.reached else word


def _words_with_columns(columns: Sequence[Column], words: Sequence[str], shown: Iterable[str]) -> str:
    """Return each of the shown words with the columns that have it.

    :param words: one for each column.
    """
    return "; ".join(
        f"{word} on {_columns_phrase(columns, [index for index, other in enumerate(words) if other == word])}"
        for word in dict.fromkeys(shown)
    )


def _columns_phrase(columns: Sequence[Column], chosen: Iterable[int]) -> str:
    """Return a phrase for some of the columns: neighbours of one family are a range."""
    wanted = set(chosen)
    parts = []
    for family in Family:
        members = [index for index, column in enumerate(columns) if column.family is family]
        names = _ranges([(columns[index], index in wanted) for index in members])
        if family is Family.OTHER:
            parts += names
        elif names:
            parts.append(family.phrase(_listed(names)))
    return _listed(parts, "on ")


def _ranges(members: Sequence[tuple[Column, bool]]) -> list[str]:
    """Return the names of a family's chosen columns; three or more neighbours are a range."""
    runs: list[list[Column]] = []
    last: Column | None = None
    for column, meant in members:
        if meant and last is not None and _follows(last, column):
            runs[-1].append(column)
        elif meant:
            runs.append([column])
        last = column if meant else None
    return [
        name
        for run in runs
        for name in ([f"{run[0].name} to {run[-1].name}"] if len(run) > 2 else [column.name for column in run])
    ]


def _follows(one: Column, other: Column) -> bool:
    """Return whether no version lies between two."""
    if one.family is Family.OTHER:
        return False
    return one.minor[0] == other.minor[0] and other.minor[1] - one.minor[1] <= 1


def _listed(parts: Sequence[str], word: str = "") -> str:
    *rest, last = parts
    return f"{f', {word}'.join(rest)} and {word}{last}" if rest else last
