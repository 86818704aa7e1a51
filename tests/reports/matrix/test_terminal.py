"""The matrix in the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from helpers.matrices import hostile, plain, run_on
from helpers.sample_records import CLAIM
from pytest_concclaims.records.matrix import matrix_of


@pytest.mark.parametrize("width", [1, 60, 61, 80, 200])
@pytest.mark.parametrize("columns", [1, 10, 40])
def test_terminal_lines_fit_and_have_all_columns(width: int, columns: int) -> None:
    """However narrow: the columns that do not fit follow below."""
    matrix = matrix_of([run_on(f"3.{minor}", CLAIM) for minor in range(columns)])
    lines = plain(matrix, width).splitlines()
    assert max(map(len, lines)) <= max(width, 60)
    rows = [re.match(r"  ((?:C +)+)", line) for line in lines]
    assert sum(found[1].count("C") for found in rows if found) == columns


PYTHONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.13t", "3.13t GIL", "PyPy 3.11"]


def test_nine_runs_are_readable_at_80_columns() -> None:
    """Heads that have no room are numbers, with a key; a statement of usual length takes one line."""
    statement = "Updates are lost without a lock, if threads share"
    lines = plain(matrix_of([run_on(python, replace(CLAIM, statement=statement)) for python in PYTHONS]), 80)
    assert lines.splitlines()[:7] == [
        "  1 CPython 3.9              4 CPython 3.12             7 CPython 3.13t, GIL on",
        "  2 CPython 3.10             5 CPython 3.13             8 CPython 3.13t, GIL off",
        "  3 CPython 3.11             6 CPython 3.14             9 PyPy 3.11",
        "",
        "  1  2  3  4  5  6  7  8  9",
        "demo",
        f"  C  C  C  C  C  C  C  C  C  {statement}",
    ]


def test_heads_are_words_where_they_have_room() -> None:
    """In two lines, if they are of two words."""
    lines = plain(matrix_of([run_on(python, CLAIM) for python in ("3.9", "3.13t GIL")]), 80).splitlines()
    assert [line.split() for line in lines[:2]] == [["3.13t"], ["3.9", "GIL"]]


def test_terminal_shows_hostile_texts_without_control_characters() -> None:
    """And in lines that fit."""
    shown = plain(hostile(), 80)
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert max(map(len, shown.splitlines())) <= 80
