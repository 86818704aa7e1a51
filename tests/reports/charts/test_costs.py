"""The cost of each sample."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from helpers.pictures import parts, text_of
from helpers.sample_records import MEMORY, RATIO
from pytest_concclaims.reports import charts as pictures


def test_each_sample_is_a_dot() -> None:
    """Two of each arm."""
    assert len(parts(pictures.costs(RATIO), "dot")) == 4


def test_many_samples_are_bars_of_their_number() -> None:
    """Thousands of dots would be a smear, and a large file."""
    many = {**RATIO.arms[0], "seconds": [0.1] * 300 + [0.2] * 100}
    markup = pictures.costs(replace(RATIO, samples=400, arms=[many, many]))
    for tall, low in itertools.zip_longest(*[iter(float(bar.attrib["height"]) for bar in parts(markup, "bin"))] * 2):
        assert tall == pytest.approx(3 * low)
    assert text_of(markup).count("; 400 samples, 4 calls in each") == 2


@pytest.mark.parametrize(
    ("numbers", "said", "absent"),
    [([10, 10], "each dot is a sample", "bin"), ([100, 10], "bars: the number of samples", "dot")],
)
def test_all_arms_are_drawn_as_the_caption_says(numbers: list[int], said: str, absent: str) -> None:
    """None as dots beside another as bars."""
    arms = [{**RATIO.arms[0], "seconds": [0.1] * number} for number in numbers]
    markup = pictures.costs(replace(RATIO, samples=max(numbers), arms=arms))
    assert said in text_of(markup)
    assert parts(markup, absent) == []


def test_samples_that_are_not_on_record_are_counted() -> None:
    """A record has the first thousand of each arm, and the median is that of all."""
    arm = {**RATIO.arms[0], "seconds": [0.1] * 1_000}
    text = text_of(pictures.costs(replace(RATIO, samples=5_000, arms=[arm, arm])))
    assert text.count("the first 1,000 of 5,000 samples") == 2
    assert "line: the median" in text


def test_costs_far_apart_are_on_a_logarithmic_scale() -> None:
    """Which the caption says; a thread's and a process's start differ a hundredfold."""
    quick = {**RATIO.arms[0], "median": 1e-6, "seconds": [1e-6]}
    markup = pictures.costs(replace(RATIO, arms=[RATIO.arms[0], quick]))
    assert "logarithmic" in text_of(markup)


def test_bytes_have_binary_units() -> None:
    """As the words beside it."""
    labels = [part.text for part in parts(pictures.costs(MEMORY), "tick")]
    assert labels == ["4 KiB", "5 KiB", "6 KiB", "7 KiB", "8 KiB"]
