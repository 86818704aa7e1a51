"""The matrix: its rows, where verdicts differ, and what is not compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.matrices import VERDICTS, matrix_with, outputs, row_of, run_on
from helpers.sample_records import CLAIM
from pytest_concclaims import Verdict
from pytest_concclaims.records.matrix import cell_sign, matrix_of
from pytest_concclaims.records.record import RunRecord


def test_there_must_be_a_record() -> None:
    """No matrix without evidence."""
    with pytest.raises(ValueError, match="pass at least one run record"):
        matrix_of([])


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
    assert [cell_sign(cell) for cell in matrix.rows[1].cells] == ["-", "C"]


def test_letters() -> None:
    """A verdict that was not expected is marked; a claim that was not in the run has no verdict."""
    unexpected = replace(CLAIM, expected=Verdict.REFUTED)
    assert cell_sign(None) == "-"
    assert cell_sign(unexpected) == "C!"
    row = row_of({"3.9": "C", "3.10": "R", "3.11": "i", "3.12": "n", "3.13": "E"})
    assert [cell_sign(cell) for cell in row.cells] == ["C", "R", "i", "n", "E!"]


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
    """A cell is marked if the most similar run before it has the other verdict."""
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
    ("verdicts", "expected", "summary", "headline"),
    [
        (
            {"3.9": "C"},
            None,
            "1 claim in 1 run; no claim was decided by two runs: nothing is compared",
            "Nothing to compare: no claim has a verdict in two runs",
        ),
        (
            {"3.9": "C", "3.10": "i"},
            None,
            "1 claim in 2 runs; no claim was decided by two runs: nothing is compared",
            "Nothing to compare: no claim has a verdict in two runs",
        ),
        (
            {"3.9": "C", "3.10": "C", "3.11": "i"},
            None,
            "1 claim in 3 runs; no verdict differs among 1 claim that two runs or more decided",
            "No verdict differs",
        ),
        (
            {"3.9": "i"},
            None,
            "1 claim in 1 run; no verdict, nothing was verified",
            "Nothing to compare: no claim has a verdict in two runs",
        ),
        (
            {"3.9": "C", "3.10": "R"},
            None,
            (
                "1 claim in 2 runs; the verdict differs for 1 of 1 claim that two runs or more decided "
                "(1 between versions)"
            ),
            "The verdict differs for 1 of 1 claim",
        ),
        (
            {"3.9": "C", "3.10": "R"},
            Verdict.CONFIRMED,
            (
                "1 claim in 2 runs; the verdict differs for 1 of 1 claim that two runs or more decided "
                "(1 between versions); 1 not as expected"
            ),
            "1 claim not as expected",
        ),
    ],
)
def test_headline_and_summary(
    verdicts: dict[str, str], expected: Verdict | None, summary: str, headline: str
) -> None:
    """The headline is one short sentence; the summary has the numbers."""
    matrix = matrix_with(verdicts, expected)
    assert matrix.summary() == summary
    assert matrix.headline() == headline


@pytest.mark.parametrize(
    ("machine", "options", "where", "named"),
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
    machine: dict[str, object], options: dict[str, object], where: str, named: str
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
        assert f"they ran {named}." in text, name


def test_of_runs_that_are_as_like_one_that_agrees_is_no_change() -> None:
    """No cause is named that there is none for."""
    row = row_of({"3.10": "C", "3.12": "R", "3.11": "C"})
    assert [change.column for change in row.changes.values()] == [2]


def test_claims_of_several_experiments_are_counted_once() -> None:
    """And those that no two runs have are not compared."""
    other = replace(CLAIM, digest="1" * 64)
    matrix = matrix_of([run_on("3.9", CLAIM), run_on("3.10", other)])
    assert len(matrix.rows) == 2
    assert matrix.summary() == "1 claim in 2 runs; no claim was decided by two runs: nothing is compared"
    matrix = matrix_of([run_on("3.9", CLAIM), run_on("3.10", replace(other, id="other"))])
    assert matrix.summary() == "2 claims in 2 runs; no claim was decided by two runs: nothing is compared"


def test_headline_names_few_places_and_counts_the_others() -> None:
    """However many ways there are in which runs differ."""
    claims = [run_on("3.8", CLAIM)]
    for minor in range(10, 18):
        record = run_on(f"Snake{minor} 3.{minor}", replace(CLAIM, verdict=VERDICTS["RC"[minor % 2]]))
        claims.append(record)
    assert "more in 3 other ways)" in matrix_of(claims).summary()


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
