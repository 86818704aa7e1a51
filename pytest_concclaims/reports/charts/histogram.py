"""A race's outcomes as a histogram, and what its control showed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from markupsafe import Markup

from ...records.evidence import RaceRun
from ...text import counted
from .markup import element, name_of, percent, write
from .scale import WIDE

_BAR = 14


def outcomes(race: RaceRun) -> Markup:
    """Return a table with a row and a bar for each outcome; nothing if there were none."""
    if not race.outcomes:
        return Markup("")
    counts = [_count(item) for item in race.outcomes]
    logarithmic = max(counts) > WIDE * max(1, min(counts))
    length = _length(max(counts), logarithmic=logarithmic)
    numbers, said = _numbers(race)
    if logarithmic:
        said += " The scale of the bars is logarithmic, as the numbers differ much."
    head = element("tr", *(element("th", name.capitalize(), scope="col") for name in ("outcome", *numbers)))
    head.insert(1, element("td"))
    rows = [_row(item, length, numbers) for item in race.outcomes]
    if race.other_outcomes:
        text = f"and {counted(race.other_outcomes, 'other outcome')}, each at most as frequent"
        rows.append(element("tr", element("td", text, class_="more", colspan=len(numbers) + 2)))
    return write(
        element(
            "table",
            element("caption", said),
            element("thead", head),
            element("tbody", *rows),
            class_="histogram",
        )
    )


def control(race: RaceRun) -> Markup:
    """Return in how many of its samples the control showed the effect, as a bar and in words; nothing without one."""
    if race.interrupted:
        return Markup("")
    seen, overlapping = race.control["seen"], race.control["overlapping"]
    which = "Its own control" if race.control["matched"] else "A generic control, weaker than one of its own"
    actors = name_of(", ".join(race.control["actors"]))
    scheduled = race.schedules["control"] if race.schedules is not None else None
    if scheduled is not None:
        told = f"showed the effect in {scheduled['seen']:,} of {counted(scheduled['run'], 'schedule')}"
        if seen is not None and overlapping:
            told += f", and in {seen:,} of {counted(overlapping, 'overlapping sample')}"
    elif not overlapping and race.witness is not None:
        told = "was not needed: a witness settles the question"
    elif not race.control["samples"]:
        told = "did not run"
    elif seen is None:
        told = f"ran {counted(race.control['samples'], 'sample')}; what it showed is not known, as the race failed"
    else:
        told = (
            f"showed the effect in {seen:,} of {counted(overlapping, 'overlapping sample')} "
            f"({counted(race.control['samples'], 'sample')} in {counted(race.control['strides'], 'stride')})"
        )
    words = element("p", element("b", which), f" ({actors}) {told}.")
    part, whole = (scheduled["seen"], scheduled["run"]) if scheduled is not None else (seen, overlapping)
    bar = _bar(1.0, min(1.0, part / whole)) if part is not None and whole else None
    return write(element("div", words, bar, class_="control"))


def _numbers(race: RaceRun) -> tuple[list[str], str]:
    """Return which numbers of an outcome are shown, and in words what the bars are."""
    if race.schedules is None:
        return ["samples", "overlapping"], "Outcomes by samples; the darker bar: those in which actors overlapped."
    if not race.samples:
        return ["schedules"], "Outcomes by schedules."
    return (
        ["schedules", "samples", "overlapping"],
        "Outcomes by schedules and samples; the darker bar: schedules, and samples in which actors overlapped.",
    )


def _count(outcome: dict[str, Any]) -> int:
    """Return how often an outcome was seen."""
    return int(outcome["schedules"] + outcome["samples"])


def _length(most: int, *, logarithmic: bool) -> Callable[[int], float]:
    """Return the function that gives the length of a bar, from 0 to 1."""
    whole = max(1, most)
    if logarithmic:
        return lambda count: math.log1p(count) / math.log1p(whole)
    return lambda count: count / whole


def _row(outcome: dict[str, Any], length: Callable[[int], float], numbers: Sequence[str]) -> Element:
    part = outcome["schedules"] + min(outcome["samples"], outcome["overlapping"])
    return element(
        "tr",
        element("th", element("bdi", name_of(outcome["outcome"])), scope="row"),
        element("td", _bar(length(_count(outcome)), length(part)), class_="bar"),
        *(element("td", f"{outcome[name]:,}", class_="number") for name in numbers),
    )


def _bar(whole: float, part: float) -> Element:
    """Return a bar, and in it the bar of a part; what is more than nothing can be seen."""
    bars = [
        element("rect", class_=name, x="0", y="0", height=_BAR, width=percent(max(0.004, length)))
        for name, length in (("whole", whole), ("part", part))
        if length
    ]
    return element("svg", *bars, class_="picture", width="100%", height=_BAR, aria_hidden="true")
