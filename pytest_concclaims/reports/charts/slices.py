"""The slices of workers, beside those of the control."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from markupsafe import Markup

from ...records.evidence import ParallelismRun, WorkersRun
from ...text import counted
from .markup import element, name_of, percent, table, write
from .scale import Scale, scale_over

#: Slices that fit side by side.
MOST = 60
#: Pixels above the highest value, of the values, and below them.
_HEAD = 14
_HEIGHT = 130
_FOOT = 14
#: The part of the width that the labels of the vertical axis take.
_LEFT = 0.1


def slices(measured: WorkersRun) -> Markup:
    """Return the slices in order, each with the control's before and after; an empty text without slices."""
    if not measured.slices:
        return Markup("")
    drawn = measured.slices[:MOST]
    numbers = [
        end for item in drawn for end in (item["low"], item["high"], *(item["before"] or ()), *(item["after"] or ()))
    ]
    scale = scale_over([*numbers, *(end for cut in measured.cuts for end in cut)], from_zero=True)
    picture = element(
        "svg",
        *_zones(measured.cuts, scale),
        *_grid(scale),
        *(part for number, item in enumerate(drawn) for part in _column(number, len(drawn), item, scale)),
        class_="picture",
        width="100%",
        height=_HEAD + _HEIGHT + _FOOT,
        role="img",
        aria_label=f"{counted(len(drawn), 'slice')}, with those of the control; the table below has the numbers",
    )
    parallel = isinstance(measured, ParallelismRun)
    unfit = "not counted as a lack of parallelism" if parallel else "not counted"
    keys = element(
        "ul",
        element("li", "a slice" if parallel else "a slice of one worker and one of all", class_="key measured"),
        element("li", f"the control ({measured.control}), before and after", class_="key beside"),
        element("li", f"× {unfit}", class_="key unfit"),  # noqa: RUF001  # as drawn
        class_="keys",
    )
    what = "CPU seconds per second in each slice" if parallel else "Speed-up in each slice"
    said = element("figcaption", f"{what}. {_which_count(measured.slices, parallel=parallel)}", keys)
    return write(element("figure", picture, said, class_="slices"), _table(drawn))


def _which_count(items: Sequence[dict[str, Any]], *, parallel: bool) -> str:
    """Return which slices are not counted, and which are not drawn, in words."""
    unfit = Counter(item["unfit"] for item in items if item["unfit"] is not None)
    parts = [f"The first {MOST} of {len(items):,} are shown; the run record has all."] if len(items) > MOST else []
    if unfit:
        reasons = "; ".join(f"{name_of(reason)} ({count:,})" for reason, count in unfit.most_common())
        which = "not counted as a lack of parallelism" if parallel else "not counted"
        verb = "is" if sum(unfit.values()) == 1 else "are"
        parts.append(f"{sum(unfit.values()):,} of {len(items):,} {verb} {which}: {reasons}.")
    else:
        parts.append("All of them are counted.")
    return " ".join(parts)


def _y(scale: Scale, value: float) -> float:
    return round(_HEAD + _HEIGHT * (1 - scale.at(value)), 1)


def _zones(cuts: Sequence[Sequence[float]], scale: Scale) -> Iterator[Element]:
    for low, high in cuts:
        top, bottom = _y(scale, high), _y(scale, low)
        yield element("rect", class_="zone", x="0", width="100%", y=top, height=max(1.0, bottom - top))


def _grid(scale: Scale) -> Iterator[Element]:
    for value in scale.ticks():
        y = _y(scale, value)
        yield element("line", class_="grid", x1="0", x2="100%", y1=y, y2=y)
        yield element("text", f"{value:.4g}", class_="tick", x="0", y=y - 3)


def _column(number: int, count: int, item: dict[str, Any], scale: Scale) -> Iterator[Element]:
    width = (1 - _LEFT) / max(count, 8)
    left = _LEFT + number * width
    kind = "range measured" if item["unfit"] is None else "range unfit"
    bars = (
        (0.12, 0.16, "range beside", item["before"]),
        (0.34, 0.32, kind, (item["low"], item["high"])),
        (0.72, 0.16, "range beside", item["after"]),
    )
    for start, part, name, ends in bars:
        if ends is None:
            continue
        low, high = ends
        top, bottom = _y(scale, high), _y(scale, low)
        height = max(4.0, bottom - top)
        top = min(top, _HEAD + _HEIGHT - height)
        yield element(
            "rect", class_=name, x=percent(left + start * width), width=percent(part * width), y=top, height=height
        )
    if item["unfit"] is not None:
        middle = percent(left + width / 2)
        yield element("text", "×", class_="cross", x=middle, y=_HEAD + _HEIGHT + 12, text_anchor="middle")  # noqa: RUF001  # a mark


def _table(items: Sequence[dict[str, Any]]) -> Element:
    heads = ("slice", "measured", "control before", "control after", "waited for a CPU", "not counted because")
    rows = []
    for number, item in enumerate(items, 1):
        delay = "unknown" if item["delay"] is None else f"{item['delay']:.1%}"
        throttled = " (throttled by its quota)" if item["throttled"] else ""
        cells = (
            _from_to((item["low"], item["high"])),
            _from_to(item["before"]),
            _from_to(item["after"]),
            delay + throttled,
            name_of(item["unfit"] or "-"),
        )
        rows.append([element("th", f"slice {number}"), *(element("td", text) for text in cells)])
    made = table(None, heads, rows, class_="numbers")
    return element("details", element("summary", "The slices in numbers"), made, class_="in-numbers")


def _from_to(ends: Sequence[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:.3g} to {ends[1]:.3g}"
