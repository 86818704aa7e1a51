"""Elements of HTML and SVG; their text is escaped when they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, tostring  # only writes here

from markupsafe import Markup

from ...text import cut, harmless


def element(tag: str, *children: Element | str | None, **attributes: str | float | None) -> Element:
    """Return an element.

    :param children: elements and texts in their order; None is skipped.
    :param attributes: ``class_`` and ``aria_label`` for ``class`` and ``aria-label``; None is skipped.
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


def table(
    caption: str | None,
    heads: Sequence[str | None],
    rows: Sequence[Sequence[Element]],
    *,
    class_: str,
    foot: Element | None = None,
) -> Element:
    """Return a table whose rows are blocks on narrow screens. Roles keep it a table for screen readers there.

    :param heads: the name of each column; None: a column of pictures.
    :param rows: cells, of which the first is a ``th``.
    :param foot: a cell below all rows, as wide as the table.
    """
    head = [element("th", name.capitalize(), scope="col") if name else element("td") for name in heads]
    body = [element("tr", *_with_roles(cells, heads), role="row") for cells in rows]
    if foot is not None:
        foot.set("role", "cell")
        foot.set("colspan", str(len(heads)))
        body.append(element("tr", foot, role="row"))
    return element(
        "table",
        element("caption", caption) if caption is not None else None,
        element("thead", element("tr", *head)),  # not shown on narrow screens
        element("tbody", *body, role="rowgroup"),
        class_=class_,
        role="table",
    )


def _with_roles(cells: Sequence[Element], heads: Sequence[str | None]) -> Iterator[Element]:
    for cell, name in zip(cells, heads):
        if cell.tag == "th":
            cell.set("scope", "row")
        elif name is not None:
            cell.set("data-name", name)
        cell.set("role", "rowheader" if cell.tag == "th" else "cell")
        yield cell


def write(*elements: Element) -> Markup:
    """Return the elements as markup for a page."""
    # Every text in it has been escaped by the writer.
    return Markup("".join(tostring(made, encoding="unicode", method="html") for made in elements))  # noqa: S704


def name_of(text: str, most: int = 300) -> str:
    """Return a text of unknown origin, safe to show as a label.

    :param most: characters.
    """
    return harmless(cut(text, most))


def percent(part: float) -> str:
    """Return a part of 1 as a length, to a hundredth of a per cent."""
    return f"{100 * part:.4g}%"


def _append_text(made: Element, text: str) -> None:
    if len(made):
        made[-1].tail = (made[-1].tail or "") + text
    else:
        made.text = (made.text or "") + text
