"""The samples of each arm of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from markupsafe import Markup

from ...records.evidence import MemoryRun, RatioRun, in_bytes
from ...text import counted
from .axis import HEIGHT, axis, said_scale
from .markup import element, name_of, percent, write
from .scale import Scale, scale_over
from .units import in_seconds

_STRIP = 24
#: More samples than this are drawn as a histogram, not one by one.
_MOST_DOTS = 60
_BINS = 50


def costs(measured: RatioRun | MemoryRun) -> Markup:
    """Return the distribution of each arm's samples, on one scale; an empty text without samples."""
    if isinstance(measured, MemoryRun):
        return _distributions(measured, "bytes", in_bytes, "of one more")
    return _distributions(measured, "seconds", in_seconds, "of a call")


def _distributions(measured: RatioRun | MemoryRun, key: str, shown: Callable[[float], str], each: str) -> Markup:
    arms = measured.arms
    values = [value for arm in arms for value in arm[key]]
    if not values:
        return Markup("")
    scale = scale_over([*values, *(arm["median"] for arm in arms if arm["median"] is not None)])
    # The same for all arms: dots and bars cannot be compared.
    draw = _dots if all(len(arm[key]) <= _MOST_DOTS for arm in arms) else _bars
    rows = [
        row
        for arm in arms
        for row in (_words(arm, len(arm[key]), measured.samples, shown), _strip(arm, draw(arm[key], scale), scale))
    ]
    line = element(
        "svg",
        *axis(scale, shown, 1, binary=key == "bytes"),
        class_="picture",
        width="100%",
        height=HEIGHT + 1,
        aria_hidden="true",
    )
    drawn = "each dot is a sample" if draw is _dots else "bars: the number of samples"
    said = f"The cost {each}, sample by sample ({drawn}; line: the median{said_scale(scale)})"
    return write(element("figure", *rows, line, element("figcaption", said), class_="costs"))


def _words(arm: dict[str, Any], stored: int, samples: int, shown: Callable[[float], str]) -> Element:
    """Return an arm's name, its median, and its number of samples.

    :param stored: the number of ``samples`` in the record: the first ones.
    """
    median = "not measured" if arm["median"] is None else f"median {shown(arm['median'])}"
    first = f"the first {stored:,} of " if stored < samples else ""
    calls = f", {counted(arm['calls'], 'call')} in each" if "calls" in arm else ""
    words = f" {median}; {first}{counted(max(stored, samples), 'sample')}{calls}"
    return element("p", element("b", element("bdi", name_of(arm["name"]))), words, class_="arm")


def _strip(arm: dict[str, Any], marks: Iterator[Element], scale: Scale) -> Element:
    """Return the marks of an arm's samples, and a line at its median."""
    parts = list(marks)
    if arm["median"] is not None:
        x = percent(scale.at(arm["median"]))
        parts.append(element("line", class_="median", x1=x, x2=x, y1="0", y2=_STRIP))
    return element("svg", *parts, class_="picture strip", width="100%", height=_STRIP, aria_hidden="true")


def _dots(values: Sequence[float], scale: Scale) -> Iterator[Element]:
    for value in values:
        yield element("circle", class_="dot", cx=percent(scale.at(value)), cy=_STRIP / 2, r="4")


def _bars(values: Sequence[float], scale: Scale) -> Iterator[Element]:
    counts = [0] * _BINS
    for value in values:
        counts[min(_BINS - 1, int(scale.at(value) * _BINS))] += 1
    for number, count in enumerate(counts):
        if count:
            height = max(1.0, _STRIP * count / max(counts))
            yield element(
                "rect",
                class_="bin",
                x=percent(number / _BINS),
                width=percent(0.9 / _BINS),
                y=_STRIP - height,
                height=height,
            )
