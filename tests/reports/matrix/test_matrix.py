"""The matrix: its columns, where verdicts differ, what is not compared, and that every output shows all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from helpers.sample_records import CLAIM, EVIDENCE, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.interpreter import label_of
from pytest_concclaims.records.matrix import Matrix, Row, letter, matrix_of
from pytest_concclaims.records.reader import RecordError, parse_record
from pytest_concclaims.records.record import ClaimResult, RunRecord
from pytest_concclaims.reports.markdown import LARGEST_COMMENT, LEAST
from pytest_concclaims.reports.matrix.markdown import matrix_markdown
from pytest_concclaims.reports.matrix.page import matrix_page
from pytest_concclaims.reports.matrix.picture import _FILLS, _STROKES, matrix_picture
from pytest_concclaims.reports.matrix.terminal import matrix_lines

HOSTILE = (
    "a | b \\| c\n\n## head\r\n``` `code` <script>alert(1)</script> --> ]]> </text> </style> &amp; \"'\t"
    "@somebody #1 [link](http://example.org) **bold** \x1b[31m \x00 \u202e \udc80 {{ x }}"
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


def heads(*pythons: str) -> list[str]:
    """Return the heads of the columns for these."""
    return [column.head for column in matrix_of([run_on(python) for python in pythons]).columns]


def matrix_with(verdicts: dict[str, str], expected: Verdict | None = None) -> Matrix:
    """Return the matrix of one claim: for each Python its letter, or nothing if the claim was not in its run."""
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
    """Return what the terminal shows."""
    return "\n".join("".join(span.text for span in line) for line in matrix_lines(matrix, width=width))


def outputs(matrix: Matrix) -> dict[str, str]:
    """Return all outputs, as the text that people see."""
    return {
        "terminal": " ".join(plain(matrix).split()),
        "markdown": matrix_markdown(matrix).replace("\\", ""),
        "picture": " ".join("".join(text.itertext()) for text in ET.fromstring(matrix_picture(matrix)).iter()),
        "page": matrix_page(matrix),
    }


# --- columns


def test_columns_are_in_the_order_of_interpreters_and_versions() -> None:
    """Versions are numbers, and a beta comes before its release."""
    found = heads(
        *("Graal 3.12", "PyPy 3.11", "3.13t", "3.15", "3.14t GIL", "3.14 JIT", "3.9", "3.14t", "3.13t GIL", "3.10"),
        "PyPy 3.10",
    )
    assert found == [
        *("3.9", "3.10", "3.15", "3.14 JIT"),
        *("3.13t GIL", "3.13t", "3.14t GIL", "3.14t"),
        *("PyPy 3.10", "PyPy 3.11", "Graal 3.12"),
    ]
    versions = ["3.15.0", "3.15.0rc1", "3.15.0b10", "3.15.0b2", "3.14.1"]
    columns = matrix_of([run_on(version) for version in versions]).columns
    assert [column.record.interpreter.version for column in columns] == versions[::-1]


@pytest.mark.parametrize(
    ("records", "labels"),
    [
        ([run_on("3.13.1"), run_on("3.13.0")], ["CPython 3.13 #1 (3.13.0)", "CPython 3.13 #2 (3.13.1)"]),
        (
            [run_on("3.13"), replace(run_on("3.13"), started="2024-01-01T00:00:00+00:00")],
            ["CPython 3.13 #1 (2024-01-01T00:00:00+00:00)", "CPython 3.13 #2 (2025-01-01T00:00:00+00:00)"],
        ),
        ([run_on("3.13"), run_on("3.13")], ["CPython 3.13 #1", "CPython 3.13 #2"]),
    ],
    ids=["version", "start", "nothing"],
)
def test_runs_of_one_label_can_be_told_apart(records: list[RunRecord], labels: list[str]) -> None:
    """By a number, and by what tells them apart if anything does."""
    columns = matrix_of(records).columns
    assert [column.label for column in columns] == labels
    assert [column.head for column in columns] == ["3.13 #1", "3.13 #2"]


def test_machines_tell_runs_of_one_label_apart() -> None:
    """Where the versions do not."""
    one, other = run_on("3.13"), run_on("3.13")
    machine = replace(one.machine, system="Linux", architecture="x86_64")
    records = [replace(one, machine=machine), replace(other, machine=replace(machine, system="Darwin"))]
    assert [column.label[13:] for column in matrix_of(records).columns] == ["#1 (Linux x86_64)", "#2 (Darwin x86_64)"]


@pytest.mark.parametrize(
    "version", ["", "x", "3", "3.", "..", "9" * 5_000, "3.\N{ARABIC-INDIC DIGIT ONE}", "3.1\x1b"]
)
def test_any_version_can_be_shown(version: str) -> None:
    """A record may have whatever text."""
    record = run_on("3.13", CLAIM)
    odd = replace(record, interpreter=replace(record.interpreter, version=version, label=version or "x"))
    matrix = matrix_of([odd, record, replace(odd, complete=False)])
    assert len({column.head for column in matrix.columns}) == 3
    assert "\x1b" not in plain(matrix)
    ET.fromstring(matrix_picture(matrix))


def test_there_must_be_a_record() -> None:
    """No matrix without evidence."""
    with pytest.raises(ValueError, match="needs a run record"):
        matrix_of([])


# --- rows


def test_sections_and_claims_are_in_the_order_of_first_appearance() -> None:
    """A source that refines another is in its section; a claim of a later run is shown, too."""
    one, two, three, four = (
        replace(CLAIM, id=id_, suite=suite, source=source)
        for id_, suite, source in [
            ("one", "demo", "demo 1"),
            ("two", "demo", "demo 2"),
            ("three", "demo", "demo 1, literally"),
            ("four", "other", None),
        ]
    )
    matrix = matrix_of([run_on("3.9", one, two), run_on("3.10", four, three, one)])
    assert [(section.title, [row.id for row in section.rows]) for section in matrix.sections] == [
        ("demo 1", ["one", "three"]),
        ("demo 2", ["two"]),
        ("other", ["four"]),
    ]
    assert [letter(cell) for cell in matrix.rows[1].cells] == ["-", "C"]


def test_letters() -> None:
    """A verdict that was not expected is marked; a claim that was not in the run has no verdict."""
    unexpected = replace(CLAIM, expected=Verdict.REFUTED)
    assert letter(None) == "-"
    assert letter(unexpected) == "C!"
    row = row_of({"3.9": "C", "3.10": "R", "3.11": "i", "3.12": "n", "3.13": "E"})
    assert [letter(cell) for cell in row.cells] == ["C", "R", "i", "n", "E!"]


@pytest.mark.parametrize(
    ("verdicts", "changes", "sentence"),
    [
        (
            {"3.13": "R", "PyPy 3.11": "C"},
            {"PyPy 3.11": "on PyPy and another version"},
            "REFUTED on CPython 3.13; CONFIRMED on PyPy 3.11",
        ),
        (
            {"3.9": "C", "3.14t": "R"},
            {"3.14t": "on another version and a free-threaded build with the GIL off"},
            "CONFIRMED on CPython 3.9; REFUTED on CPython 3.14t with the GIL off",
        ),
        (
            {"3.14": "C", "3.15.0a1": "R", "3.15.0b2t": "R"},
            {"3.15.0a1": "between versions"},
            "CONFIRMED on CPython 3.14; REFUTED on CPython 3.15.0a1 and on CPython 3.15.0b2t with the GIL off",
        ),
        (
            {"3.9": "R", "3.10": "R", "3.11": "R", "3.12": "C", "PyPy 3.11": "C"},
            {"3.12": "between versions", "PyPy 3.11": "on PyPy"},
            "REFUTED on CPython 3.9 to 3.11; CONFIRMED on CPython 3.12 and on PyPy 3.11",
        ),
        (
            {"3.13": "C", "3.14": "C", "3.13t GIL": "C", "3.13t": "R", "3.14t": "R"},
            {
                "3.13t": "with the GIL off",  # than on the same build with the GIL on
                "3.14t": "on a free-threaded build with the GIL off",
            },
            (
                "CONFIRMED on CPython 3.13 and 3.14 and on CPython 3.13t with the GIL on; "
                "REFUTED on CPython 3.13t and 3.14t with the GIL off"
            ),
        ),
        (
            {"3.13": "C", "3.13t GIL": "R"},
            {"3.13t GIL": "on a free-threaded build"},
            "CONFIRMED on CPython 3.13; REFUTED on CPython 3.13t with the GIL on",
        ),
        (
            {"3.13": "C", "3.14": "C", "3.14 JIT": "R", "3.15 JIT": "C"},
            {"3.14 JIT": "with the JIT on", "3.15 JIT": "between versions"},
            (
                "CONFIRMED on CPython 3.13 and 3.14 and on CPython 3.15 with the JIT on; "
                "REFUTED on CPython 3.14 with the JIT on"
            ),
        ),
        # What lies between two versions is not known, and a range would say that it is.
        (
            {"3.9": "C", "3.11": "C", "3.12": "C", "3.13": "C", "Graal 3.12": "R"},
            {"Graal 3.12": "on Graal 3.12"},
            "CONFIRMED on CPython 3.9 and 3.11 to 3.13; REFUTED on Graal 3.12",
        ),
        (
            {"3.9": "i", "3.10": "C", "3.11": "n", "3.12": "", "3.13": "R", "3.14": "E"},
            {"3.13": "between versions"},
            (
                "CONFIRMED on CPython 3.10; REFUTED on CPython 3.13; INCONCLUSIVE on CPython 3.9; "
                "NOT APPLICABLE on CPython 3.11; not in the run on CPython 3.12; ERROR on CPython 3.14"
            ),
        ),
        (
            {"3.13.0": "C", "3.13.1": "R"},
            {"3.13 #2": "between runs"},
            "CONFIRMED on CPython 3.13 #1; REFUTED on CPython 3.13 #2",
        ),
    ],
    ids=["pypy", "several", "early", "versions", "gil", "build", "jit", "gap", "no-verdict", "runs"],
)
def test_where_verdicts_differ(verdicts: dict[str, str], changes: dict[str, str], sentence: str) -> None:
    """A cell is marked if the run most like it among those before came to the other verdict."""
    matrix = matrix_with(verdicts)
    (row,) = matrix.rows
    assert {matrix.columns[index].head: change.where for index, change in row.changes.items()} == changes
    assert row.sentence == sentence


@pytest.mark.parametrize("other", ["i", "n", "E", ""])
def test_what_is_no_verdict_is_no_change(other: str) -> None:
    """Only confirmed and refuted contradict each other."""
    row = row_of({"3.9": "C", "3.10": other, "3.11": "C"})
    assert not row.differs
    assert row.sentence is None


def test_pypy_is_compared_with_the_same_version_of_cpython() -> None:
    """And not with its neighbour, on which the verdict has changed."""
    assert not row_of({"3.11": "C", "3.12": "R", "3.13t": "R", "PyPy 3.11": "C"}).changes.keys() & {3}
    assert 3 in row_of({"3.11": "C", "3.12": "R", "3.13t": "R", "PyPy 3.11": "R"}).changes


@pytest.mark.parametrize(
    ("verdicts", "expected", "headline"),
    [
        ({"3.9": "C"}, None, "1 claim in 1 run; no claim was decided by two runs: nothing is compared"),
        (
            {"3.9": "C", "3.10": "i"},
            None,
            "1 claim in 2 runs; no claim was decided by two runs: nothing is compared",
        ),
        (
            {"3.9": "C", "3.10": "C", "3.11": "i"},
            None,
            "1 claim in 3 runs; no verdict differs among 1 claim that two runs or more decided",
        ),
        ({"3.9": "i"}, None, "1 claim in 1 run; no verdict, nothing was verified"),
        (
            {"3.9": "C", "3.10": "R"},
            Verdict.CONFIRMED,
            (
                "1 claim in 2 runs; the verdict differs for 1 of 1 claim that two runs or more decided "
                "(1 between versions); 1 not as expected"
            ),
        ),
    ],
)
def test_headline(verdicts: dict[str, str], expected: Verdict | None, headline: str) -> None:
    """It tells what differs and what is not as expected."""
    assert matrix_with(verdicts, expected).headline() == headline


@pytest.mark.parametrize(
    ("machine", "options", "where", "told"),
    [
        ({"system": "Windows"}, {}, "on Windows", "on Linux or Windows"),
        (
            {"system": "Darwin", "architecture": "arm64"},
            {},
            "on Darwin and arm64",
            "on Linux or Darwin; on x86_64 or arm64",
        ),
        ({"usable_cpus": 1}, {}, "with 1 usable CPU", "with 8 usable CPUs or 1 usable CPU"),
        ({"cpu_quota": 1.5}, {}, "with a CPU quota of 1.5", "with no CPU quota or a CPU quota of 1.5"),
        ({}, {"budget": 0.5}, "with a budget of 0.5 s", "with a budget of 2 s or a budget of 0.5 s"),
        (
            {},
            {"in_process": True},
            "with experiments in the test process",
            "with experiments in children or experiments in the test process",
        ),
    ],
    ids=["system", "architecture", "cpus", "quota", "budget", "in-process"],
)
def test_machines_and_options_that_differ_are_named(
    machine: dict[str, object], options: dict[str, object], where: str, told: str
) -> None:
    """As the cause only where nothing else differs; and in a warning, whether verdicts differ or not."""

    def run(python: str, verdict: Verdict) -> RunRecord:
        record = run_on(python, replace(CLAIM, verdict=verdict))
        usual = replace(record.machine, system="Linux", architecture="x86_64", usable_cpus=8, cpu_quota=None)
        return replace(record, machine=usual)

    def changed(record: RunRecord) -> RunRecord:
        return replace(
            record,
            machine=replace(record.machine, **machine),  # type: ignore[arg-type]  # of the parameters above
            options={**record.options, **options},
            started="2025-01-02T00:00:00+00:00",
        )

    one, other = run("3.13", Verdict.CONFIRMED), run("3.13", Verdict.REFUTED)
    assert [change.where for change in matrix_of([one, changed(other)]).rows[0].changes.values()] == [where]
    matrix = matrix_of([one, changed(run("3.14", Verdict.REFUTED))])
    (change,) = matrix.rows[0].changes.values()
    assert "another version" in change.where
    assert where.partition(" ")[2] in change.where
    for name, text in outputs(matrix_of([one, changed(one)])).items():
        assert f"they ran {told}." in text, name


def test_of_runs_that_are_as_like_one_that_agrees_is_no_change() -> None:
    """No cause is named that there is none for."""
    row = row_of({"3.10": "C", "3.12": "R", "3.11": "C"})
    assert [change.column for change in row.changes.values()] == [2]


def test_claims_of_several_experiments_are_counted_once() -> None:
    """And those that no two runs have are not compared."""
    other = replace(CLAIM, digest="1" * 64)
    matrix = matrix_of([run_on("3.9", CLAIM), run_on("3.10", other)])
    assert len(matrix.rows) == 2
    assert matrix.headline() == "1 claim in 2 runs; no claim was decided by two runs: nothing is compared"
    matrix = matrix_of([run_on("3.9", CLAIM), run_on("3.10", replace(other, id="other"))])
    assert matrix.headline() == "2 claims in 2 runs; no claim was decided by two runs: nothing is compared"


def test_headline_names_few_places_and_counts_the_others() -> None:
    """However many ways there are in which runs differ."""
    claims = [run_on("3.8", CLAIM)]
    for minor in range(10, 18):
        record = run_on(f"Snake{minor} 3.{minor}", replace(CLAIM, verdict=VERDICTS["RC"[minor % 2]]))
        claims.append(record)
    assert "more in 3 other ways)" in matrix_of(claims).headline()


def test_unexpected_verdicts_say_where_and_what_was_expected() -> None:
    """Also where no verdict differs."""
    matrix = matrix_with({"3.9": "R", "3.10": "R", "3.11": "E", "3.12": "i"}, Verdict.CONFIRMED)
    (row,) = matrix.rows
    assert row.alarm == "REFUTED (expected CONFIRMED) on CPython 3.9 and 3.10; ERROR on CPython 3.11"
    assert not row.differs
    for name, text in outputs(matrix).items():
        assert name == "picture" or row.alarm in text, name


def test_whole_versions_are_in_every_output() -> None:
    """Heads have minor versions only; verdicts may depend on what corrects them."""
    pypy = run_on("PyPy 3.11.17", CLAIM)
    pypy = replace(pypy, interpreter=replace(pypy.interpreter, implementation_version="8.0.1"))
    matrix = matrix_of([run_on("3.13.5", CLAIM), run_on("3.15.0a1t", CLAIM), pypy])
    assert [column.head for column in matrix.columns] == ["3.13", "3.15.0a1t", "PyPy 3.11"]
    for name, text in outputs(matrix).items():
        for version in ("3.13.5", "3.15.0a1", "8.0.1 (Python 3.11.17)"):
            assert version in text, (name, version)


def test_what_narrowed_a_run_is_told() -> None:
    """A claim that is not in it was perhaps not selected."""
    record = run_on("3.9", CLAIM)
    matrix = matrix_of([replace(record, options={**record.options, "selection": ["-k snow"]})])
    for name, text in outputs(matrix).items():
        assert name == "picture" or "only -k snow" in text, name


# --- what must be known to read it rightly


def test_different_digests_are_different_rows_and_every_output_says_so() -> None:
    """They are not compared, though one was confirmed and the other refuted."""
    other = replace(CLAIM, digest="0" * 10 + "f" * 54, verdict=Verdict.REFUTED)
    matrix = matrix_of([run_on("3.9", CLAIM), run_on("3.10", other), run_on("3.11", CLAIM)])
    assert [row.digest for row in matrix.rows] == ["0" * 11, "0" * 10 + "f"]
    assert [[letter(cell) for cell in row.cells] for row in matrix.rows] == [["C", "-", "C"], ["-", "R!", "-"]]
    assert not any(row.differs for row in matrix.rows)
    for name, text in outputs(matrix).items():
        assert "different experiments" in text, name
        assert "0000000000f" in text, name
        assert "not in this run" in text, name


def test_a_run_that_is_not_complete_is_marked_in_every_output() -> None:
    """In the head of its column, and in a warning."""
    matrix = matrix_of([run_on("3.9", CLAIM), replace(run_on("3.10", CLAIM), complete=False)])
    for name, text in outputs(matrix).items():
        assert "3.10*" in text, name
        assert "The run on CPython 3.10 is not complete" in text, name


def test_many_runs_that_are_not_complete_are_one_warning() -> None:
    """The heads of their columns have the star."""
    records = [replace(run_on(f"3.{minor}", CLAIM), complete=False) for minor in range(20)]
    (warning,) = matrix_of(records).warnings
    assert warning.startswith("20 runs are not complete")
    assert "CPython 3.4 and 15 more" in warning


def test_many_different_digests_are_one_warning() -> None:
    """Records of two versions of a suite differ in each claim."""
    claims = [replace(CLAIM, id=f"demo-{n}") for n in range(70)]
    others = [replace(claim, digest="1" * 64) for claim in claims]
    (warning,) = matrix_of([run_on("3.9", *claims), run_on("3.10", *others)]).warnings
    assert warning.startswith("70 claims had different digests")
    assert "demo-4 and 65 more" in warning


def test_every_output_shows_verdicts_changes_and_dates() -> None:
    """Without colour."""
    matrix = matrix_with({"3.9": "C", "3.10": "R", "PyPy 3.11": "i", "3.13t": ""}, Verdict.CONFIRMED)
    for name, text in outputs(matrix).items():
        assert "R!" in text, name
        for words in ("not as expected", "inconclusive", "the verdict differs", "Snow is white", "2025-01-01"):
            assert words in text, (name, words)
        assert "REFUTED on CPython 3.10" in text, name


# --- texts of unknown origin


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


@pytest.mark.parametrize("width", [1, 60, 61, 80, 200])
@pytest.mark.parametrize("columns", [1, 10, 40])
def test_terminal_lines_fit_and_have_all_columns(width: int, columns: int) -> None:
    """However narrow: the columns that do not fit follow below."""
    matrix = matrix_of([run_on(f"3.{minor}", CLAIM) for minor in range(columns)])
    lines = plain(matrix, width).splitlines()
    assert max(map(len, lines)) <= max(width, 60)
    rows = [re.match(r"  ((?:C +)+)", line) for line in lines]
    assert sum(found[1].count("C") for found in rows if found) == columns


def test_terminal_shows_hostile_texts_without_control_characters() -> None:
    """And in lines that fit."""
    shown = plain(hostile(), 80)
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert max(map(len, shown.splitlines())) <= 80


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of the tables in Markdown."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    ]


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
        (200, 2_000, "what long texts have beyond 100 characters"),
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
    assert (f"Left out, for the report would be too long: {left_out}" in text) == (left_out is not None)
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
    """Of what is not as expected and of the runs too, if there are so many."""
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


def test_page_shows_hostile_texts_as_texts() -> None:
    """No markup of theirs is in the page, each anchor is there once, and each cell's is."""
    page = matrix_page(hostile())
    assert "<script>alert" not in page
    assert page.count("<script>") == 1
    assert "{{" in page  # and no template either
    assert not any(character in page for character in "\x1b\x00\u202e\udc80")
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in re.findall(r'href="([^"]*)"', page)} <= set(ids)
    assert not re.search(r'\sstyle="|\son[a-z]+="|https?://(?!example)', page.partition("<body>")[2])


TEXTS = ["", " ", "\N{NO-BREAK SPACE}", "\t\n", "\u202e", "\udc80", "x" * 3_000, HOSTILE, "3", ".", "-"]
PLACES = [
    *[("interpreter", name) for name in ("implementation", "version", "implementation_version", "build", "label")],
    *[("interpreter", "default_start_method"), ("machine", "system"), ("machine", "release")],
    *[("machine", "architecture"), *[("claims", name) for name in ("id", "suite", "statement", "source")]],
    *[("claims", "reason"), ("claims", "location"), ("claims", "nodeid")],
]


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_whatever_the_schema_allows_can_be_shown(place: tuple[str, str]) -> None:
    """Blank, hostile and endless texts in each field, in every output."""
    part, name = place
    matrices = 0
    for text in TEXTS:
        claims = (CLAIM, replace(CLAIM, id="other", verdict=Verdict.REFUTED))
        data = json.loads(run_on("3.13", *claims).to_text())
        for fields in data["claims"][:1] if part == "claims" else [data[part]]:
            fields[name] = text
        try:
            odd = parse_record(json.dumps(data).encode())
        except RecordError:
            continue
        matrices += 1
        for implementation in ("cpython", "pypy", "snake"):
            usual = run_on("3.13", *claims)
            usual = replace(usual, interpreter=replace(usual.interpreter, implementation=implementation))
            for shown in outputs(matrix_of([odd, usual])).values():
                assert not any(character in shown for character in "\x1b\u202e\udc80")
    assert matrices


@pytest.mark.parametrize("number", [5e-324, 1, 2**62, 1.7e308])
def test_whatever_numbers_the_schema_allows_can_be_shown(number: float) -> None:
    """Of CPUs and of seconds."""
    record = run_on("3.13", CLAIM)
    cpus = max(int(min(number, 2**62)), 1)
    machine = replace(record.machine, cpus=cpus, usable_cpus=cpus, cpu_quota=number, load_average=number)
    odd = replace(record, machine=machine, options={**record.options, "budget": number}, duration=number)
    assert outputs(matrix_of([record, odd, odd]))


# --- the picture


def test_picture_is_well_formed_whatever_the_texts_are() -> None:
    """And has a title and a description for those who cannot see it."""
    picture = ET.fromstring(matrix_picture(hostile()))
    assert picture.get("role") == "img"
    assert {element.tag.rpartition("}")[2] for element in picture.iter()} == {
        *("svg", "title", "desc", "style", "rect", "g", "text", "line")
    }
    assert "nothing is compared" in matrix_picture(matrix_with({"3.9": "C"}))


@pytest.mark.parametrize("count", [1, 10, 30])
def test_picture_keeps_statements_and_cells_apart(count: int) -> None:
    """Statements take two lines at most, and end where the cells begin; it grows with the columns."""
    long = replace(CLAIM, statement="word " * 500)
    matrix = matrix_of([run_on(f"3.{minor}", CLAIM if minor else long) for minor in range(count)])
    picture = ET.fromstring(matrix_picture(matrix))
    width = float(picture.get("width", "0"))
    assert width >= 900
    words = [
        text for text in picture.iter("{http://www.w3.org/2000/svg}text") if (text.text or "").startswith("word")
    ]
    assert len(words) == 2
    assert (words[-1].text or "").endswith("…")
    cells = [float(rect.get("x", "0")) for rect in picture.iter() if rect.get("class") == "confirmed"]
    assert len(cells) == count + 1  # the legend has one
    assert max(cells) < width - 20


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_of_the_picture_have_enough_contrast(theme: int) -> None:
    """WCAG 2.2, AA: 4.5 for texts on whatever they stand on, 3 for rings."""
    pairs: list[Sequence[str]] = [(f"on-{verdict.value}", verdict.value) for verdict in Verdict]
    pairs += [(text, ground) for text in ("text", "quiet") for ground in ("page", "band", "differs")]
    pairs += [("loud", "page"), ("loud", "differs")]
    for text, ground in pairs:
        assert contrast(_FILLS[text][theme], _FILLS[ground][theme]) >= 4.5, (text, ground)
    for ring in ("change", "unexpected"):
        for ground in ("page", "differs"):
            assert contrast(_STROKES[ring][theme], _FILLS[ground][theme]) >= 3, (ring, ground)
