"""The columns of a matrix: their order, their names, and how two differ."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from helpers.matrices import plain, run_on
from helpers.sample_records import CLAIM
from pytest_concclaims.records.matrix import matrix_of
from pytest_concclaims.records.record import RunRecord
from pytest_concclaims.reports.matrix.picture import matrix_picture


def heads(*pythons: str) -> list[str]:
    """Return the heads of the columns for these."""
    return [column.head for column in matrix_of([run_on(python) for python in pythons]).columns]


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
    """By a number, and by a property that distinguishes them, if there is one."""
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
