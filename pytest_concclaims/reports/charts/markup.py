"""Elements of HTML and SVG, and their text: what is put in is escaped when it is written."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring  # only writes here

from markupsafe import Markup

from ...text import cut, harmless


def element(tag: str, *children: Element | str | None, **attributes: str | float | None) -> Element:
    """Return an element.

    :param children: elements and texts in their order; None is left out.
    :param attributes: ``class_`` and ``aria_label`` for ``class`` and ``aria-label``; None is left out.
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), value if isinstance(value, str) else f"{value:.6g}")
    for child in children:
        if isinstance(child, str):
            _append_text(made, child)
        elif child is not None:
            made.append(child)
    return made


def write(*elements: Element) -> Markup:
    """Return the elements as markup for a page."""
    # Every text in it has been escaped by the writer.
    return Markup("".join(tostring(made, encoding="unicode", method="html") for made in elements))  # noqa: S704


def name_of(text: str, most: int = 300) -> str:
    """Return a text of unknown origin for a label.

    :param most: characters.
    """
    return harmless(cut(text, most))


def percent(part: float) -> str:
    """Return a part of 1 as a length."""
    return f"{100 * part:.5g}%"


def _append_text(made: Element, text: str) -> None:
    if len(made):
        made[-1].tail = (made[-1].tail or "") + text
    else:
        made.text = (made.text or "") + text
