"""What the arms of a comparison cost, sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from markupsafe import Markup

from ...evidence import MemoryRun, RatioRun, in_bytes
from .axis import HEIGHT, axis, said_scale
from .markup import element, name_of, percent, write
from .scale import Scale, scale_over
from .units import counted, in_seconds

_STRIP = 24
#: More samples than this are drawn as bars of how many there are, not one by one.
_MOST_DOTS = 60
_BINS = 50


def costs(measured: RatioRun | MemoryRun) -> Markup:
    """Return the distribution of each arm's samples, on one scale; nothing if nothing was measured."""
    if isinstance(measured, MemoryRun):
        return _distributions(measured.arms, "bytes", in_bytes, "of one more")
    return _distributions(measured.arms, "seconds", in_seconds, "of a call")


def _distributions(arms: Sequence[dict[str, Any]], key: str, shown: Callable[[float], str], each: str) -> Markup:
    values = [value for arm in arms for value in arm[key]]
    if not values:
        return Markup("")
    scale = scale_over([*values, *(arm["median"] for arm in arms if arm["median"] is not None)])
    rows = [part for arm in arms for part in _arm(arm, arm[key], scale, shown)]
    line = element(
        "svg",
        *axis(scale, shown, 1, binary=key == "bytes"),
        class_="picture",
        width="100%",
        height=HEIGHT + 1,
        aria_hidden="true",
    )
    drawn = "each dot a sample" if len(values) <= _MOST_DOTS * len(arms) else "bars: how many samples"
    said = f"The cost {each}, sample by sample ({drawn}; the line: the median{said_scale(scale)})"
    return write(element("figure", *rows, line, element("figcaption", said), class_="costs"))


def _arm(
    arm: dict[str, Any], values: Sequence[float], scale: Scale, shown: Callable[[float], str]
) -> Iterator[Element]:
    median = "nothing measured" if arm["median"] is None else f"median {shown(arm['median'])}"
    calls = f", {counted(arm['calls'], 'call')} in each" if "calls" in arm else ""
    words = f"{median}; {counted(len(values), 'sample')}{calls}"
    yield element("p", element("b", element("bdi", name_of(arm["name"]))), f" {words}", class_="arm")
    parts = list(_dots(values, scale) if len(values) <= _MOST_DOTS else _bars(values, scale))
    if arm["median"] is not None:
        x = percent(scale.at(arm["median"]))
        parts.append(element("line", class_="median", x1=x, x2=x, y1="0", y2=_STRIP))
    yield element("svg", *parts, class_="picture strip", width="100%", height=_STRIP, aria_hidden="true")


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
