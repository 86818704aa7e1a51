"""The outcomes of a race as a histogram, and the result of its control."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from markupsafe import Markup

from ...records.evidence import RaceRun
from ...text import counted
from .markup import element, name_of, percent, table, write
from .scale import WIDE

_BAR = 14


def outcomes(race: RaceRun) -> Markup:
    """Return a table with a row and a bar for each outcome; an empty text without outcomes."""
    if not race.outcomes:
        return Markup("")
    counts = [_count(item) for item in race.outcomes]
    logarithmic = max(counts) > WIDE * max(1, min(counts))
    length = _length(max(counts), logarithmic=logarithmic)
    numbers, said = _numbers(race)
    if logarithmic:
        said += " The scale of the bars is logarithmic."
    more = None
    if race.other_outcomes:
        more = element("td", f"and {counted(race.other_outcomes, 'other outcome')}, each at most as frequent")
    rows = [_row(item, length, numbers) for item in race.outcomes]
    return write(table(said, ["outcome", None, *numbers], rows, class_="histogram", foot=more))


def control(race: RaceRun) -> Markup:
    """Return how often the control showed the effect, as a bar and in words; an empty text without a control."""
    if race.interrupted:
        return Markup("")
    seen, overlapping = race.control["seen"], race.control["overlapping"]
    which = "Its control" if race.control["matched"] else "A generic control, weaker than one of the claim's own"
    actors = name_of(", ".join(race.control["actors"]))
    scheduled = race.schedules["control"] if race.schedules is not None else None
    if scheduled is not None:
        result = f"showed the effect in {scheduled['seen']:,} of {counted(scheduled['run'], 'schedule')}"
        if seen is not None and overlapping:
            result += f", and in {seen:,} of {counted(overlapping, 'overlapping sample')}"
    elif not overlapping and race.witness is not None:
        result = "was not needed: a witness answers the question"
    elif not race.control["samples"]:
        result = "did not run"
    elif seen is None:
        result = f"ran {counted(race.control['samples'], 'sample')}; its result is unknown, as the race failed"
    else:
        result = (
            f"showed the effect in {seen:,} of {counted(overlapping, 'overlapping sample')} "
            f"({counted(race.control['samples'], 'sample')} in {counted(race.control['strides'], 'stride')})"
        )
    words = element("p", element("b", which), f" ({actors}) {result}.")
    part, whole = (scheduled["seen"], scheduled["run"]) if scheduled is not None else (seen, overlapping)
    bar = _bar(1.0, min(1.0, part / whole)) if part is not None and whole else None
    return write(element("div", words, bar, class_="control"))


def _numbers(race: RaceRun) -> tuple[list[str], str]:
    """Return the names of the numbers that are shown for an outcome, and the caption for the bars."""
    if race.schedules is None:
        return ["samples", "overlapping"], "Outcomes by samples. Dark: samples in which actors overlapped."
    if not race.samples:
        return ["schedules"], "Outcomes by schedules."
    return (
        ["schedules", "samples", "overlapping"],
        "Outcomes by schedules and samples. Dark: schedules, and samples in which actors overlapped.",
    )


def _count(outcome: dict[str, Any]) -> int:
    """Return the number of schedules and samples with an outcome."""
    return int(outcome["schedules"] + outcome["samples"])


def _length(most: int, *, logarithmic: bool) -> Callable[[int], float]:
    """Return the function that gives the length of a bar, from 0 to 1."""
    whole = max(1, most)
    if logarithmic:
        return lambda count: math.log1p(count) / math.log1p(whole)
    return lambda count: count / whole


def _row(outcome: dict[str, Any], length: Callable[[int], float], numbers: Sequence[str]) -> list[Element]:
    """Return the cells of an outcome."""
    part = outcome["schedules"] + min(outcome["samples"], outcome["overlapping"])
    return [
        element("th", element("bdi", name_of(outcome["outcome"]))),
        element("td", _bar(length(_count(outcome)), length(part)), class_="bar"),
        *(element("td", f"{outcome[name]:,}", class_="number") for name in numbers),
    ]


def _bar(whole: float, part: float) -> Element:
    """Return a bar, and in it the bar of a part; each is wide enough to be seen unless it is 0."""
    bars = [
        element("rect", class_=name, height=_BAR, width=percent(max(0.004, length)))
        for name, length in (("whole", whole), ("part", part))
        if length
    ]
    return element("svg", *bars, class_="picture", width="100%", height=_BAR, aria_hidden="true")
