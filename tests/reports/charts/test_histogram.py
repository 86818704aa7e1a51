"""The histogram of a race."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from helpers.pictures import outcome, parts, percentage, race_with, read, text_of
from helpers.sample_records import ABSENT, RACE, SCHEDULES
from pytest_concclaims.records.evidence import RaceRun
from pytest_concclaims.reports import charts as pictures


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


def numbers(race: RaceRun) -> list[str | None]:
    """Return the numbers beside the bars."""
    return [cell.text for cell in parts(pictures.outcomes(race), "number")]


def test_schedules_have_numbers_of_their_own() -> None:
    """And the bar is of schedules and samples together."""
    seen = outcome("13", 300, 200, 100), outcome("8", 0, 0, 100)
    race = race_with(*seen, schedules=SCHEDULES)
    assert numbers(race) == ["100", "300", "200", "100", "0", "0"]
    assert [percentage(bar, "width") for bar in parts(pictures.outcomes(race), "whole")] == [100, 25]
    assert [percentage(bar, "width") for bar in parts(pictures.outcomes(race), "part")] == [75, 25]
    assert numbers(race_with(*seen, schedules=None)) == ["300", "200", "0", "0"]


def test_samples_have_no_numbers_where_there_were_none() -> None:
    """Schedules alone have answered."""
    assert numbers(race_with(outcome("13", 0, 0, 9), samples=0, schedules=SCHEDULES)) == ["9"]


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
        ({"seen": 40}, "Its control (add, add) showed the effect in 40 of 256 overlapping samples"),
        ({"matched": False}, "A generic control, weaker than one of the claim's own"),
        ({"seen": None}, "its result is unknown, as the race failed"),
        ({"samples": 0, "overlapping": 0}, "was not needed: a witness answers"),
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


def test_handler_has_no_control() -> None:
    """All switch points are tried."""
    assert pictures.control(replace(RACE, interrupted=True)) == ""


def test_control_as_a_bar() -> None:
    """The part of its overlapping samples that showed the effect."""
    markup = pictures.control(replace(RACE, control={**RACE.control, "seen": 64}))
    assert [percentage(bar, "width") for bar in parts(markup, "part")] == [25]


def test_control_of_schedules_is_told_in_words_and_as_a_bar() -> None:
    """Beside what its samples showed, if there are any."""
    assert "showed the effect in 16 of 62 schedules." in text_of(pictures.control(ABSENT))
    sampled = replace(RACE, schedules=SCHEDULES, control={**RACE.control, "seen": 40})
    assert "in 16 of 62 schedules, and in 40 of 256 overlapping samples." in text_of(pictures.control(sampled))
    assert [percentage(bar, "width") for bar in parts(pictures.control(sampled), "part")] == [
        pytest.approx(100 * 16 / 62, abs=0.01)
    ]
