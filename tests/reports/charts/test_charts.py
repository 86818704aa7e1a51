"""Evidence as pictures: what they show is what the record says, whatever the numbers are."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest

from helpers.sample_records import EVIDENCE, MEMORY, PARALLELISM, RACE, RATIO
from pytest_concclaims.lab.race.samples.strategy import Meeting, Strategy
from pytest_concclaims.records.evidence import Measured, MemoryRun, ParallelismRun, RaceRun, RatioRun
from pytest_concclaims.reports import charts as pictures
from pytest_concclaims.reports.charts.scale import Scale, scale_over
from pytest_concclaims.reports.charts.slices import MOST
from pytest_concclaims.reports.charts.units import in_seconds

HOSTILE = "<script>alert(1)</script> \x1b[31m \u202e \ud800 \" ' &"
EXTREMES = [0.0, -1.0, 1.0, 5e-324, 1e-322, -1e-322, 1e-300, 1e300, -1e300, 1.7976931348623157e308, 2**62, -(2**62)]


def read(markup: str) -> Element:
    """Return the elements of a picture: that it can be parsed shows that nothing was left unescaped."""
    return fromstring(f"<root>{markup}</root>")


def text_of(markup: str) -> str:
    """Return a picture's text on one line."""
    return " ".join("".join(read(markup).itertext()).split())


def parts(markup: str, class_: str) -> list[Element]:
    """Return the elements of a class."""
    return [part for part in read(markup).iter() if class_ in part.get("class", "").split()]


def percentage(part: Element, name: str) -> float:
    """Return an attribute that is a percentage."""
    return float(part.attrib[name].rstrip("%"))


def outcome(text: str, samples: int, overlapping: int) -> dict[str, Any]:
    """Return an outcome as evidence has it."""
    return {"outcome": text, "samples": samples, "overlapping": overlapping}


def race_with(*outcomes: dict[str, Any], **changes: Any) -> RaceRun:
    """Return a race with these outcomes."""
    return replace(RACE, outcomes=list(outcomes), **{"other_outcomes": 0, **changes})


# --- the histogram of a race


def test_each_outcome_has_a_row_with_its_numbers() -> None:
    """The numbers stand in text, and not in the bar alone."""
    markup = pictures.outcomes(race_with(outcome("13", 4_000, 2_000), outcome("8", 96, 48)))
    rows = [" ".join("".join(row.itertext()) for row in line) for line in read(markup).iter("tr")]
    assert [" ".join(row.split()) for row in rows[1:]] == ["13 4,000 2,000", "8 96 48"]


def test_bars_are_as_long_as_the_samples_are_many() -> None:
    """On a linear scale, and in each the bar of those that overlapped."""
    markup = pictures.outcomes(race_with(outcome("13", 1_000, 500), outcome("8", 250, 0)))
    assert [percentage(bar, "width") for bar in parts(markup, "whole")] == [100, 25]
    assert [percentage(bar, "width") for bar in parts(markup, "part")] == [50]
    assert "logarithmic" not in text_of(markup)


def test_bars_are_logarithmic_where_the_numbers_differ_much() -> None:
    """Else a rare outcome, which is what a race is about, could not be seen; and the caption says so."""
    markup = pictures.outcomes(race_with(outcome("13", 1_000_000, 1), outcome("8", 1, 1)))
    assert "logarithmic" in text_of(markup)
    rare = percentage(parts(markup, "whole")[1], "width")
    assert rare == pytest.approx(5, abs=1)


DRIFTED = [
    {"strategy": "chase, pinned", "samples": 90, "overlapping": 60},
    {"strategy": Strategy(Meeting.DRIFT, 1e-4).name, "samples": 10, "overlapping": 0},
]


@pytest.mark.parametrize(
    ("samples", "overlapping", "shown"),
    [(10, 0, "\N{EN DASH}"), (11, 0, "0"), (10, 1, "1"), (0, 0, "0")],
)
def test_overlap_that_may_not_have_been_looked_at_is_no_zero(samples: int, overlapping: int, shown: str) -> None:
    """Of more samples than drifted freely, it was looked at in some."""
    markup = pictures.outcomes(race_with(outcome("13", samples, overlapping), strategies=DRIFTED))
    assert [cell.text for cell in parts(markup, "number")] == [str(samples), shown]
    assert "In 10 samples (free drift) overlap was not looked at" in text_of(markup)
    assert ("\N{EN DASH}: perhaps seen in such samples only." in text_of(markup)) == (shown == "\N{EN DASH}")


def test_overlap_that_was_looked_at_needs_no_explanation() -> None:
    """Without free drift, a zero is one."""
    markup = pictures.outcomes(race_with(outcome("13", 1, 0), strategies=DRIFTED[:1]))
    assert [cell.text for cell in parts(markup, "number")] == ["1", "0"]
    assert "not looked at" not in text_of(markup)


def test_what_was_never_seen_has_no_bar() -> None:
    """However narrow: a bar would say that it was."""
    assert parts(pictures.outcomes(race_with(outcome("13", 0, 0))), "whole") == []


def test_outcomes_beyond_the_most_frequent_are_counted() -> None:
    """Nothing is left out silently."""
    assert "and 3 other outcomes" in text_of(pictures.outcomes(race_with(outcome("1", 2, 1), other_outcomes=3)))


def test_a_race_without_outcomes_has_no_histogram() -> None:
    """There is nothing to show."""
    assert pictures.outcomes(race_with()) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seen": 40}, "Its own control (add, add) showed the effect in 40 of 256 overlapping samples"),
        ({"matched": False}, "A generic control, weaker than one of its own"),
        ({"seen": None}, "what it showed is not known, as the race failed"),
        ({"samples": 0, "overlapping": 0}, "was not needed: a witness settles"),
    ],
)
def test_control_is_told_in_words(changes: dict[str, Any], words: str) -> None:
    """Whose it is, and in how many of its samples it showed the effect."""
    assert words in text_of(pictures.control(replace(RACE, control={**RACE.control, **changes})))


def test_control_that_is_missed_did_not_run() -> None:
    """Where no witness settled the question, it would have been needed."""
    race = replace(
        RACE, witness=None, seen=0, lacking="a control", control={**RACE.control, "samples": 0, "overlapping": 0}
    )
    assert "did not run" in text_of(pictures.control(race))


def test_control_as_a_bar() -> None:
    """The part of its overlapping samples that showed the effect."""
    markup = pictures.control(replace(RACE, control={**RACE.control, "seen": 64}))
    assert [percentage(bar, "width") for bar in parts(markup, "part")] == [25]


# --- what was measured


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
    assert "too little to tell a range" in text_of(markup)
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


# --- costs


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
    [([10, 10], "each dot a sample", "bin"), ([100, 10], "bars: how many samples", "dot")],
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
    assert "the line: the median of all" in text


def test_costs_far_apart_are_on_a_logarithmic_scale() -> None:
    """Which the caption says; a thread's and a process's start differ a hundredfold."""
    quick = {**RATIO.arms[0], "median": 1e-6, "seconds": [1e-6]}
    markup = pictures.costs(replace(RATIO, arms=[RATIO.arms[0], quick]))
    assert "logarithmic" in text_of(markup)


def test_bytes_have_binary_units() -> None:
    """As the words beside it."""
    labels = [part.text for part in parts(pictures.costs(MEMORY), "tick")]
    assert labels == ["4 KiB", "5 KiB", "6 KiB", "7 KiB", "8 KiB"]


# --- slices


def slices(count: int, **changes: Any) -> ParallelismRun:
    """Return a measurement with so many slices, each with these changes."""
    return replace(PARALLELISM, slices=[{**PARALLELISM.slices[0], **changes}] * count)


def test_a_slice_stands_between_its_controls() -> None:
    """From left to right: before, the slice, after."""
    markup = pictures.slices(slices(1))
    before, measured, after = (part for part in parts(markup, "range") if part.tag == "rect")
    assert percentage(before, "x") < percentage(measured, "x") < percentage(after, "x")
    assert "beside" in before.attrib["class"]
    assert "beside" in after.attrib["class"]


def test_unfit_slices_are_marked_and_their_reasons_counted() -> None:
    """By shape and by a cross as well as by colour."""
    fit, unfit = slices(2), slices(3, unfit="the workers waited for a CPU")
    markup = pictures.slices(replace(fit, slices=[*fit.slices, *unfit.slices]))
    assert len(parts(markup, "cross")) == 3
    assert "3 of 5 say nothing about a lack of parallelism: the workers waited for a CPU (3)." in text_of(markup)


def test_more_slices_than_there_is_room_for() -> None:
    """The first are drawn, and it is said of how many."""
    markup = pictures.slices(slices(1_000))
    assert f"The first {MOST} of 1,000 are shown" in text_of(markup)
    assert len(list(read(markup).iter("tr"))) == MOST + 1


# --- numbers and texts at extremes


@pytest.mark.parametrize("options", [{}, {"from_zero": True}, {"may_be_logarithmic": False}], ids=str)
def test_scales_take_any_numbers(options: dict[str, bool]) -> None:
    """Every position is on the axis; ticks are few, in order, and lie within."""
    for low, high in itertools.product(EXTREMES, EXTREMES):
        scale = scale_over([low, high], **options)
        assert scale.low < scale.high
        assert 0 <= scale.at(min(low, high)) <= scale.at(max(low, high)) <= 1
        for binary in (False, True):
            ticks = scale.ticks(binary=binary)
            assert 1 <= len(ticks) <= 12
            assert ticks == sorted(ticks)
            assert all(0 <= scale.at(tick) <= 1 for tick in ticks)


def test_positions_beyond_a_scale_are_at_its_ends() -> None:
    """Nothing is drawn outside."""
    assert [Scale(1, 2).at(value) for value in (-1e308, 1.5, 1e308)] == [0, 0.5, 1]
    assert [Scale(1, 100, logarithmic=True).at(value) for value in (-1, 0, 10, 1e308)] == [0, 0, 0.5, 1]


def test_ticks_are_round() -> None:
    """Also on a logarithmic scale, and of bytes."""
    assert scale_over([0.3, 3.9]).ticks() == [1, 2, 3, 4]
    assert scale_over([1, 2_000]).ticks() == [1, 10, 100, 1_000]
    assert scale_over([2**20, 3 * 2**20]).ticks(binary=True) == [
        2**20,
        1.5 * 2**20,
        2 * 2**20,
        2.5 * 2**20,
        3 * 2**20,
    ]


def with_number(measured: Measured, number: float) -> Iterator[Measured]:
    """Yield a measurement with this number in several places."""
    yield replace(measured, value=number, low=number, high=number)
    yield replace(measured, value=number, low=None, high=None)
    yield replace(measured, cuts=[[min(number, 0), max(number, 0)], [number, number]])


@pytest.mark.parametrize("measured", [RATIO, MEMORY, PARALLELISM], ids=lambda measured: str(measured.kind))
def test_measurements_of_any_size_are_drawn(measured: Measured) -> None:
    """Without an error, and with nothing outside of the picture."""
    for changed in itertools.chain.from_iterable(with_number(measured, number) for number in EXTREMES):
        markup = pictures.against_threshold(changed)
        assert re.findall(r"nan|inf", str(markup)) == []
        for part in read(markup).iter():
            for name in ("x", "cx", "x1"):
                if part.get(name, "0").endswith("%"):
                    assert 0 <= percentage(part, name) <= 100


@pytest.mark.parametrize("number", EXTREMES)
def test_costs_and_slices_of_any_size_are_drawn(number: float) -> None:
    """Without an error."""
    arm = {"name": HOSTILE, "calls": 0, "median": number, "seconds": [number], "bytes": [int(number)]}
    assert read(pictures.costs(replace(RATIO, arms=[arm, {**arm, "seconds": [number, 0.0] * 50}]))) is not None
    assert read(pictures.costs(replace(MEMORY, arms=[arm]))) is not None
    assert read(pictures.slices(slices(1, low=number, high=number, before=[0.0, number], delay=number))) is not None


@pytest.mark.parametrize("piece", EVIDENCE, ids=lambda piece: str(piece.kind))
def test_pictures_of_the_samples_can_be_parsed(piece: object) -> None:
    """Of each kind of evidence that has any."""
    if isinstance(piece, RaceRun):
        assert read(pictures.outcomes(piece) + pictures.control(piece)) is not None
    if isinstance(piece, (RatioRun, MemoryRun)):
        assert read(pictures.costs(piece) + pictures.against_threshold(piece)) is not None
    if isinstance(piece, ParallelismRun):
        assert read(pictures.slices(piece) + pictures.against_threshold(piece)) is not None


def test_texts_in_pictures_are_harmless() -> None:
    """They are shown as they are written, and steer nothing."""
    arms = [{**arm, "name": HOSTILE} for arm in RATIO.arms]
    for markup in (
        pictures.outcomes(race_with(outcome(HOSTILE, 1, 1))),
        pictures.control(replace(RACE, control={**RACE.control, "actors": [HOSTILE, "b"]})),
        pictures.costs(replace(RATIO, arms=arms)),
        pictures.slices(slices(1, unfit=HOSTILE)),
    ):
        assert "<script" not in markup
        assert "<script>alert(1)</script> \\x1b[31m \\x202e \\xd800 \" ' &" in text_of(markup)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (1.5, "1.5 s"),
        (0.02, "20 ms"),
        (3e-5, "30 µs"),
        (2e-9, "2 ns"),
        (4000, "4,000 s"),
        (0.9999, "1 s"),
    ],
)
def test_seconds_have_a_unit_that_fits(seconds: float, words: str) -> None:
    """Such that there are few digits before the point."""
    assert in_seconds(seconds) == words
