"""What was measured, on a scale with its range and its thresholds."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from helpers.pictures import EXTREMES, parts, percentage, read, text_of
from helpers.sample_records import MEMORY, PARALLELISM, RATIO, SPEEDUP
from pytest_concclaims.records.evidence import Measured
from pytest_concclaims.reports import charts as pictures


def test_range_and_threshold_lie_where_their_values_do() -> None:
    """The range from 2.5 to 4.5 is as wide as from the threshold, 2, to 4; the value is in its middle."""
    markup = pictures.against_threshold(RATIO)
    (threshold,) = parts(markup, "threshold")
    (extent,) = [part for part in parts(markup, "range") if part.tag == "rect"]
    (value,) = [part for part in parts(markup, "value") if part.tag == "circle"]
    start, width = percentage(extent, "x"), percentage(extent, "width")
    assert percentage(threshold, "x1") < start
    assert percentage(value, "cx") == pytest.approx(start + width / 2, abs=0.01)
    assert start - percentage(threshold, "x1") == pytest.approx(width / 4, abs=0.01)


def test_dead_zones_are_bands() -> None:
    """One for each number of the question."""
    between = replace(RATIO, cuts=[[1.2, 1.4], [1.7, 1.9]], question="between 1.3 and 1.8")
    bands = [part for part in parts(pictures.against_threshold(between), "zone") if part.tag == "rect"]
    assert len(bands) == 2
    assert percentage(bands[0], "x") < percentage(bands[1], "x")
    assert "dead zones from 1.2 times to 1.4 times and from 1.7 times to 1.9 times" in text_of(
        pictures.against_threshold(between)
    )


def test_control_has_its_range_too() -> None:
    """In words and as a bar."""
    markup = pictures.against_threshold(PARALLELISM)
    assert "control (process) 1.90, range 1.80 to 2.00" in text_of(markup)
    assert len([part for part in parts(markup, "beside") if part.tag == "rect"]) == 1


def test_a_value_without_range_says_so() -> None:
    """There is no bar that could be taken for one."""
    markup = pictures.against_threshold(replace(RATIO, low=None, high=None))
    assert "too few samples for a range" in text_of(markup)
    assert [part for part in parts(markup, "range") if part.tag == "rect"] == []


def test_nothing_measured_is_no_picture() -> None:
    """An empty one would look like a measured nothing."""
    assert pictures.against_threshold(replace(RATIO, value=None, low=None, high=None)) == ""
    assert pictures.slices(replace(PARALLELISM, slices=[])) == ""
    empty = [{**arm, "median": None, "seconds": []} for arm in RATIO.arms]
    assert pictures.costs(replace(RATIO, arms=empty)) == ""


def test_pictures_have_a_text_for_who_does_not_see_them() -> None:
    """With the numbers."""
    (drawing,) = read(pictures.against_threshold(RATIO)).iter("svg")
    assert drawing.get("role") == "img"
    assert drawing.get("aria-label") == "measured 3.5 times, range 2.5 times to 4.5 times; compared with 2 times"


def with_number(measured: Measured, number: float) -> Iterator[Measured]:
    """Yield a measurement with this number in several places."""
    yield replace(measured, value=number, low=number, high=number)
    yield replace(measured, value=number, low=None, high=None)
    yield replace(measured, cuts=[[min(number, 0), max(number, 0)], [number, number]])


@pytest.mark.parametrize("measured", [RATIO, MEMORY, PARALLELISM, SPEEDUP], ids=lambda measured: str(measured.kind))
def test_measurements_of_any_size_are_drawn(measured: Measured) -> None:
    """Without an error, and with nothing outside of the picture."""
    for changed in itertools.chain.from_iterable(with_number(measured, number) for number in EXTREMES):
        markup = pictures.against_threshold(changed)
        assert re.findall(r"nan|inf", str(markup)) == []
        for part in read(markup).iter():
            for name in ("x", "cx", "x1"):
                if part.get(name, "0").endswith("%"):
                    assert 0 <= percentage(part, name) <= 100
