"""Every output of the matrix shows all of it, whatever the texts and numbers are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from helpers.matrices import HOSTILE, matrix_with, outputs, run_on
from helpers.sample_records import CLAIM
from pytest_concclaims import Verdict
from pytest_concclaims.records.matrix import cell_sign, matrix_of
from pytest_concclaims.records.reader import RecordError, parse_record


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


def test_different_digests_are_different_rows_and_every_output_says_so() -> None:
    """They are not compared, though one was confirmed and the other refuted."""
    other = replace(CLAIM, digest="0" * 10 + "f" * 54, verdict=Verdict.REFUTED)
    matrix = matrix_of([run_on("3.9", CLAIM), run_on("3.10", other), run_on("3.11", CLAIM)])
    assert [row.digest for row in matrix.rows] == ["0" * 11, "0" * 10 + "f"]
    assert [[cell_sign(cell) for cell in row.cells] for row in matrix.rows] == [["C", "-", "C"], ["-", "R!", "-"]]
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


def test_every_output_shows_verdicts_changes_and_dates() -> None:
    """Without colour."""
    matrix = matrix_with({"3.9": "C", "3.10": "R", "PyPy 3.11": "i", "3.13t": ""}, Verdict.CONFIRMED)
    for name, text in outputs(matrix).items():
        assert "R!" in text, name
        for words in ("not as expected", "inconclusive", "the verdict differs", "Snow is white", "2025-01-01"):
            assert words in text, (name, words)
        assert "REFUTED on CPython 3.10" in text, name


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
