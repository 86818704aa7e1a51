"""The matrix as an SVG picture for a README, in light and in dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, tostring  # only writes here

from ...records.matrix import Cell, Matrix, MatrixSection, Row, cell_sign
from ...text import cut, harmless
from ...verdict import Verdict
from ..badge import width_of
from ..charts.markup import element

_WIDTH = 900
_MARGIN = 20
_STATEMENTS = (400, 460, 520, 580)  # widths for statements: the first that cuts none is used
_GAP = 10  # between statements and cells, and between families of interpreters
_CELL = 18  # height
_NARROWEST_CELL = 24
_WIDEST_HEAD = 110
_SIZE = 12
_BOLD = 1.12  # the width of bold text, times that of other text
_LINE = 16
_MOST_LINES = 2
_LONGEST = 1_000  # characters of any text

_FONT = "-apple-system,'Segoe UI',Roboto,Verdana,'DejaVu Sans',sans-serif"
#: Classes, and their colours in light and in dark. Text has a contrast of at least 4.5 to its background.
_FILLS = {
    "page": ("#ffffff", "#0d1117"),
    "band": ("#eef1f4", "#1b2129"),
    "differs": ("#fff3c4", "#3a3010"),
    "text": ("#1b1f24", "#e6e9ed"),
    "quiet": ("#555c66", "#a3abb5"),
    "loud": ("#b3261e", "#ff9d94"),
    "confirmed": ("#cfebd3", "#1d4a2a"),
    "on-confirmed": ("#14532d", "#d3edd6"),
    "refuted": ("#1f4e8c", "#8ab8f5"),
    "on-refuted": ("#ffffff", "#0b1f3a"),
    "inconclusive": ("#fbe39a", "#57450f"),
    "on-inconclusive": ("#5a4300", "#fdeaa8"),
    "not_applicable": ("#e3e6ea", "#353b44"),
    "on-not_applicable": ("#4a4f57", "#c9ced6"),
    "error": ("#b3261e", "#f2a29c"),
    "on-error": ("#ffffff", "#3b0704"),
}
_STROKES = {"change": ("#1b1f24", "#ffffff"), "unexpected": ("#d1242f", "#ff6a5e"), "line": ("#d5d9de", "#30363d")}


@dataclass(frozen=True)
class _Head:
    """A column: the words of its head, its left edge and its width."""

    words: tuple[str, ...]
    x: float
    width: float


@dataclass(frozen=True)
class _Layout:
    """Horizontal positions: the widths of the picture and of statements, and the columns."""

    width: float
    statement: float
    heads: tuple[_Head, ...]


@dataclass(frozen=True)
class _Block:
    """A part of the picture, as wide as the whole."""

    parts: list[Element]
    height: float


def matrix_picture(matrix: Matrix) -> str:
    """Return the picture as SVG, which loads nothing.

    A statement has at most two lines; if it is cut, it ends in dots.
    """
    layout = _layout(matrix)
    blocks = [_title(matrix, layout), _legend(matrix, layout), _warnings(matrix, layout)]
    for section in matrix.sections:
        blocks += [_band(section, layout), *(_row(row, layout) for row in section.rows)]
    parts, y = [], float(_MARGIN)
    for block in blocks:
        parts.append(element("g", *block.parts, transform=f"translate(0 {y:g})"))
        y += block.height
    return tostring(_picture(matrix, layout.width, y + _MARGIN, parts), encoding="unicode") + "\n"


def _picture(matrix: Matrix, width: float, height: float, parts: Sequence[Element]) -> Element:
    differing = [f"{row.full_statement}: {row.sentence}" for row in matrix.rows if row.differs]
    description = cut(harmless(" — ".join([matrix.summary(), *differing])), _LONGEST)
    return element(
        "svg",
        element("title", "Concurrency claims and interpreters"),
        element("desc", description),
        element("style", _style()),
        element("rect", class_="page", width="100%", height="100%", rx="6"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="img",
        aria_label=f"Concurrency claims and interpreters: {harmless(matrix.summary())}",
    )


def _style() -> str:
    def rules(theme: int) -> str:
        fills = "".join(f".{name}{{fill:{colours[theme]}}}" for name, colours in _FILLS.items())
        return fills + "".join(f".{name}{{stroke:{colours[theme]}}}" for name, colours in _STROKES.items())

    return (
        f"text{{font:{_SIZE}px {_FONT}}}.bold{{font-weight:700}}.big{{font-size:18px}}.middle{{text-anchor:middle}}"
        f".change,.unexpected{{stroke-width:2.5}}{rules(0)}@media(prefers-color-scheme:dark){{{rules(1)}}}"
    )


# --- from left to right


def _layout(matrix: Matrix) -> _Layout:
    words = [
        tuple(_fitted(word, _WIDEST_HEAD) for word in harmless(column.head).split()) for column in matrix.columns
    ]
    widths = [max(_NARROWEST_CELL, *map(_width, head)) + 8 for head in words]
    families = [column.family for column in matrix.columns]
    gaps = [_GAP if index and families[index] is not families[index - 1] else 0 for index in range(len(families))]
    cells = sum(widths) + sum(gaps)
    around = 2 * _MARGIN + _GAP
    wanted = next((width for width in _STATEMENTS if not _some_cut(matrix, width)), _STATEMENTS[-1])
    width = max(_WIDTH, around + wanted + cells)
    heads, x = [], width - _MARGIN - cells
    for head, own, gap in zip(words, widths, gaps):
        heads.append(_Head(head, x + gap, own))
        x += gap + own
    return _Layout(width, width - around - cells, tuple(heads))


def _some_cut(matrix: Matrix, width: float) -> bool:
    return any(len(_statement_lines(row, width)) > _MOST_LINES for row in matrix.rows)


def _width(text: str, size: float = _SIZE) -> float:
    """Return the width of a text in pixels in Verdana, the widest of the fonts."""
    return sum(map(width_of, text)) * size / 11


def _fitted(text: str, width: float) -> str:
    """Return the text, cut to fit into a width."""
    kept = text[:_LONGEST]
    if kept == text and _width(text) <= width:
        return text
    while kept and _width(f"{kept}…") > width:
        kept = kept[:-1]
    return f"{kept}…"


def _lines(text: str, width: float) -> list[str]:
    """Return the text in lines that fit into a width; a longer word is broken."""
    lines = [""]
    for word in text.split(" "):
        tried = f"{lines[-1]} {word}".lstrip()
        if _width(tried) <= width:
            lines[-1] = tried
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if _width(lines[-1] + character) > width:
                lines.append("")
            lines[-1] += character
    return lines


# --- from top to bottom


def _title(matrix: Matrix, layout: _Layout) -> _Block:
    width = layout.width - 2 * _MARGIN
    lines = _lines(f"{harmless(matrix.summary())}; recorded {matrix.dates}", width)
    versions = [f"{harmless(column.head)} is {column.version}" for column in matrix.columns]
    lines += _lines(f"Versions: {', '.join(versions)}", width)
    title = element("text", "Concurrency claims and interpreters", class_="text bold big", x=_MARGIN, y=18)
    return _Block([title, *_texts(lines, _MARGIN, 42, "quiet")], 40 + _LINE * len(lines))


def _legend(matrix: Matrix, layout: _Layout) -> _Block:
    parts: list[Element] = []
    x, y = float(_MARGIN), 6.0
    for sign, meaning, key in _keys(matrix):
        width = 26 + 10 + _width(meaning) + 16
        if x + width > layout.width - _MARGIN and x > _MARGIN:
            x, y = _MARGIN, y + 26
        parts += [*_key(sign, key, x, y), element("text", meaning, class_="text", x=x + 36, y=y + 13)]
        x += width
    return _Block(parts, y + 32)


def _keys(matrix: Matrix) -> list[tuple[str, str, str]]:
    """Return the keys of the legend: sign, meaning, and the class of its colour or ring."""
    verdicts = {verdict.word.lower(): verdict.value for verdict in Verdict}
    keys = [(sign, meaning, verdicts.get(meaning, "")) for sign, meaning in matrix.legend()]
    keys = [(sign, meaning, "unexpected" if sign == "!" else key) for sign, meaning, key in keys]
    if any(row.differs for row in matrix.rows):
        keys.append(("", "the verdict differs", "change"))
    return keys


def _key(sign: str, key: str, x: float, y: float) -> list[Element]:
    if key in _STROKES:
        parts = (
            [] if key == "unexpected" else [element("rect", class_="differs", x=x - 4, y=y - 4, width=34, height=26)]
        )
        return [*parts, *_cell_parts(sign, x, y, 26, "", key)]
    return _cell_parts(sign, x, y, 26, key, "")


def _warnings(matrix: Matrix, layout: _Layout) -> _Block:
    width = (layout.width - 2 * _MARGIN) / _BOLD
    lines = [line for text in matrix.warnings for line in _lines(f"Warning: {cut(harmless(text), _LONGEST)}", width)]
    return _Block(_texts(lines, _MARGIN, 12, "loud bold"), _LINE * len(lines) + (10 if lines else 0))


def _band(section: MatrixSection, layout: _Layout) -> _Block:
    """Return a section's title, with the heads of the columns repeated."""
    most = max(len(head.words) for head in layout.heads)
    height = _LINE * most + 8
    band = element("rect", class_="band", x=_MARGIN - 8, width=layout.width - 2 * _MARGIN + 16, height=height, rx="4")
    title = _fitted(harmless(section.title), layout.statement)
    parts = [band, element("text", title, class_="text bold", x=_MARGIN, y=height - 9)]
    for head in layout.heads:
        top = height - 9 - _LINE * (len(head.words) - 1)
        parts += _texts(head.words, head.x + head.width / 2, top, "text bold middle")
    return _Block([element("g", *parts, transform="translate(0 6)")], height + 8)


def _row(row: Row, layout: _Layout) -> _Block:
    lines = _statement_lines(row, layout.statement)
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"{lines[_MOST_LINES - 1][:-2]}…"]
    height = _LINE * len(lines) + 9
    parts = []
    if row.differs:
        width = layout.width - 2 * _MARGIN + 16
        parts.append(element("rect", class_="differs", x=_MARGIN - 8, width=width, height=height))
    parts += _texts(lines, _MARGIN, 16.5, "text bold" if row.differs else "text")
    for index, (head, cell) in enumerate(zip(layout.heads, row.cells)):
        ring = "unexpected" if cell is not None and cell.unexpected else "change" if index in row.changes else ""
        y = (height - _CELL) / 2
        parts += _cell_parts(cell_sign(cell), head.x + 3, y, head.width - 6, _class(cell), ring)
    edge = element(
        "line", class_="line", x1=_MARGIN - 8, x2=layout.width - _MARGIN + 8, y1=height - 0.5, y2=height - 0.5
    )
    return _Block([edge, *parts], height)


def _statement_lines(row: Row, width: float) -> list[str]:
    text = harmless(cut(row.full_statement, _LONGEST))
    if row.digest is not None:
        text = f"[digest {harmless(row.digest)}] {text}"
    return _lines(text, width / _BOLD if row.differs else width)


def _class(cell: Cell) -> str:
    return "" if cell is None else cell.verdict.value


def _cell_parts(sign: str, x: float, y: float, width: float, key: str, ring: str) -> list[Element]:
    """Return a cell: its box, if it has a colour or a ring, and its sign."""
    parts = []
    if key or ring:
        names = " ".join(name for name in (key, ring) if name)
        fill = None if key else "none"
        parts.append(element("rect", class_=names, x=x, y=y, width=width, height=_CELL, rx="4", fill=fill))
    name = f"on-{key}" if key else "loud" if ring == "unexpected" else "quiet"
    parts.append(element("text", sign, class_=f"{name} bold middle", x=x + width / 2, y=y + 13))
    return parts


def _texts(lines: Sequence[str], x: float, y: float, names: str) -> list[Element]:
    return [element("text", line, class_=names, x=x, y=y + _LINE * number) for number, line in enumerate(lines)]
