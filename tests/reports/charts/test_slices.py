"""Slices of workers between their controls."""

from __future__ import annotations

from dataclasses import replace

from helpers.pictures import parts, percentage, read, slices, text_of
from helpers.sample_records import SPEEDUP
from pytest_concclaims.reports import charts as pictures
from pytest_concclaims.reports.charts.slices import MOST


def test_a_slice_stands_between_its_controls() -> None:
    """From left to right: before, the slice, after."""
    markup = pictures.slices(slices(1))
    before, measured, after = (part for part in parts(markup, "range") if part.tag == "rect")
    assert percentage(before, "x") < percentage(measured, "x") < percentage(after, "x")
    assert "beside" in before.attrib["class"]
    assert "beside" in after.attrib["class"]


def test_slice_without_a_control_stands_alone() -> None:
    """Nothing is drawn beside it, and the table has no numbers of a control."""
    alone = slices(1)
    markup = pictures.slices(replace(alone, slices=[{**alone.slices[0], "before": None, "after": None}]))
    assert len([part for part in parts(markup, "range") if part.tag == "rect"]) == 1
    assert [cell.text for cell in read(markup).iter("td")][1:3] == ["-", "-"]


def test_unfit_slices_are_marked_and_their_reasons_counted() -> None:
    """By shape and by a cross as well as by colour."""
    fit, unfit = slices(2), slices(3, unfit="the workers waited for a CPU")
    markup = pictures.slices(replace(fit, slices=[*fit.slices, *unfit.slices]))
    assert len(parts(markup, "cross")) == 3
    assert "3 of 5 are not counted as a lack of parallelism: the workers waited for a CPU (3)." in text_of(markup)


def test_more_slices_than_there_is_room_for() -> None:
    """The first are drawn, and it is said of how many."""
    markup = pictures.slices(slices(1_000))
    assert f"The first {MOST} of 1,000 are shown" in text_of(markup)
    assert len(list(read(markup).iter("tr"))) == MOST + 1


def test_slices_of_a_speed_up_say_what_they_are() -> None:
    """Each is of one worker and of all, and either counts or not."""
    text = text_of(pictures.slices(replace(SPEEDUP, slices=slices(3, unfit="the workers waited for a CPU").slices)))
    assert "Speed-up in each slice." in text
    assert "3 of 3 are not counted: the workers waited for a CPU (3)." in text
    assert "parallelism" not in text
