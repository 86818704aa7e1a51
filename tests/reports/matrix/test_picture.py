"""The matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from helpers.matrices import hostile, matrix_with, run_on
from helpers.sample_records import CLAIM
from pytest_concclaims import Verdict
from pytest_concclaims.records.matrix import matrix_of
from pytest_concclaims.reports.matrix.picture import _FILLS, _STROKES, matrix_picture


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
