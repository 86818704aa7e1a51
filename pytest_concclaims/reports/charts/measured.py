"""A measured value on an axis: its range, the numbers that it was compared with, and its control."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from markupsafe import Markup

from ...records.evidence import Measured, MemoryRun, RatioRun, WorkersRun
from .axis import HEIGHT, axis, said_scale
from .markup import element, percent, write
from .scale import Scale, scale_over

_ROW = 30


@dataclass(frozen=True)
class _Range:
    """A row of the picture."""

    name: str
    class_: str
    value: float
    low: float | None
    high: float | None

    def ends(self) -> list[float]:
        return [value for value in (self.value, self.low, self.high) if value is not None]

    def words(self, shown: Callable[[float], str]) -> str:
        if self.low is None or self.high is None:
            return f"{self.name} {shown(self.value)}, too few samples for a range"
        return f"{self.name} {shown(self.value)}, range {shown(self.low)} to {shown(self.high)}"


def against_threshold(measured: Measured) -> Markup:
    """Return a measured value and its range beside the numbers of its question; an empty text without a value."""
    ranges = list(_ranges(measured))
    if not ranges:
        return Markup("")
    workers = isinstance(measured, WorkersRun)
    numbers = [end for row in ranges for end in row.ends()] + [end for cut in measured.cuts for end in cut]
    scale = scale_over(numbers, from_zero=workers, may_be_logarithmic=not workers)
    bottom = len(ranges) * _ROW + 4
    drawing = element(
        "svg",
        *(_zone(cut, scale, bottom) for cut in measured.cuts),
        *(part for number, row in enumerate(ranges) for part in _drawn(row, scale, number * _ROW)),
        *axis(scale, _tick(measured), bottom, binary=isinstance(measured, MemoryRun)),
        class_="picture",
        width="100%",
        height=bottom + HEIGHT,
        role="img",
        aria_label="; ".join([*(row.words(measured.shown) for row in ranges), _asked(measured)]),
    )
    keys = [element("li", row.words(measured.shown), class_=f"key {row.class_}") for row in ranges]
    asked = element("li", _asked(measured) + said_scale(scale), class_="key zone")
    return write(element("figure", drawing, element("figcaption", element("ul", *keys, asked, class_="keys"))))


def _ranges(measured: Measured) -> Iterator[_Range]:
    if measured.value is not None:
        yield _Range("measured", "measured", measured.value, measured.low, measured.high)
    if isinstance(measured, WorkersRun) and measured.control_value is not None:
        name = f"control ({measured.control})"
        yield _Range(name, "beside", measured.control_value, measured.control_low, measured.control_high)


def _asked(measured: Measured) -> str:
    """Return the numbers that the value was compared with, in words."""
    if all(low == high for low, high in measured.cuts):
        return f"compared with {' and '.join(measured.shown(low) for low, _ in measured.cuts)}"
    zones = " and from ".join(f"{measured.shown(low)} to {measured.shown(high)}" for low, high in measured.cuts)
    return f"no answer within the dead zone{'' if len(measured.cuts) == 1 else 's'} from {zones}"


def _tick(measured: Measured) -> Callable[[float], str]:
    if isinstance(measured, RatioRun):
        return lambda value: f"{value:.4g}×"  # noqa: RUF001  # the sign for times is meant
    return measured.shown if isinstance(measured, MemoryRun) else lambda value: f"{value:.4g}"


def _zone(cut: Sequence[float], scale: Scale, bottom: float) -> Element:
    """Return the band of a dead zone, or a line if it is one number."""
    low, high = (scale.at(end) for end in cut)
    if low == high:
        return element("line", class_="threshold", x1=percent(low), x2=percent(low), y1="0", y2=bottom)
    return element("rect", class_="zone", x=percent(low), width=percent(high - low), y="0", height=bottom)


def _drawn(row: _Range, scale: Scale, top: float) -> Iterator[Element]:
    yield element("text", row.name, class_="label", x="0", y=top + 11)
    middle = top + 21
    if row.low is not None and row.high is not None:
        low, high = scale.at(row.low), scale.at(row.high)
        yield element(
            "rect",
            class_=f"range {row.class_}",
            x=percent(low),
            width=percent(max(0.004, high - low)),
            y=middle - 4,
            height="8",
        )
    yield element("circle", class_=f"value {row.class_}", cx=percent(scale.at(row.value)), cy=middle, r="5")
