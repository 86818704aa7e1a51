"""The matrix in the terminal."""

from __future__ import annotations

import re

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


def test_terminal_shows_hostile_texts_without_control_characters() -> None:
    """And in lines that fit."""
    shown = plain(hostile(), 80)
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert max(map(len, shown.splitlines())) <= 80
