"""The axis below a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from .markup import element, percent
from .scale import Scale

HEIGHT = 22


def axis(scale: Scale, shown: Callable[[float], str], top: float, *, binary: bool = False) -> Iterator[Element]:
    """Yield a line with ticks, and the ticks' labels.

    :param shown: returns the label of a value.
    :param top: pixels above it; it is :data:`HEIGHT` pixels high.
    :param binary: whether the values are bytes.
    """
    yield element("line", class_="axis", x1="0", x2="100%", y1=top, y2=top)
    for value in scale.ticks(binary=binary):
        position = scale.at(value)
        x = percent(position)
        yield element("line", class_="axis", x1=x, x2=x, y1=top, y2=top + 4)
        yield element("text", shown(value), class_="tick", x=x, y=top + 17, text_anchor=anchor_at(position))


def anchor_at(position: float) -> str:
    """Return the ``text-anchor`` of a label at a position, so that it is not cut at the edges."""
    return "start" if position < 0.08 else "end" if position > 0.92 else "middle"


def said_scale(scale: Scale) -> str:
    """Return a remark on the scale, to follow in a caption; an empty text for a linear one."""
    return "; logarithmic scale" if scale.logarithmic else ""
