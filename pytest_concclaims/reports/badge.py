"""The badge of one or more runs, as a small picture or for an endpoint badge of shields.io."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ..records.record import RunRecord, Standing, count_verdicts
from ..text import harmless
from ..verdict import Verdict
from .claim_view import of_project

#: For each standing, the colour's name at shields.io, and the colour of the picture. White text on the latter has a
#: contrast of at least 4.5 (WCAG 2.2, 1.4.3 AA); on the former it has less.
_COLOURS = {
    Standing.AS_EXPECTED: ("brightgreen", "#2e7d32"),
    Standing.UNDECIDED: ("yellow", "#8a6100"),
    Standing.INCOMPLETE: ("lightgrey", "#616161"),
    Standing.NO_VERDICT: ("lightgrey", "#616161"),
    Standing.UNEXPECTED: ("red", "#c62828"),
}
_LONGEST_LABEL = 100  # characters


@dataclass(frozen=True)
class Badge:
    """A badge.

    :param label: the left part.
    :param message: the right part.
    :param standing: it determines the colour.
    """

    label: str
    message: str
    standing: Standing


def badge_of(records: Sequence[RunRecord], label: str | None) -> Badge:
    """Return the badge of one or more runs; its standing is the worst of theirs.

    :param label: the left part. If it is None or blank, the badge names the project, if all runs are of one.
    :raises ValueError: there are no records.
    """
    if not records:
        raise ValueError("badge_of: no records; pass at least one run record")
    standing = max(record.standing for record in records)
    projects = {record.project for record in records}
    whose = of_project(projects.pop() if len(projects) == 1 else None)
    shown = harmless(label or "") or harmless(f"concurrency claims{whose}")
    return Badge(shown if len(shown) <= _LONGEST_LABEL else f"{shown[:_LONGEST_LABEL]}…", _message(records), standing)


def _message(records: Sequence[RunRecord]) -> str:
    results = [result for record in records for result in record.claims]
    counts = count_verdicts(results)
    if not any(count for verdict, count in counts.items() if verdict.reached):
        parts = ["no verdict"]
    else:
        parts = [f"{counts[verdict]} {verdict.value}" for verdict in Verdict if verdict.reached]
    if counts[Verdict.INCONCLUSIVE]:
        parts.append(f"{counts[Verdict.INCONCLUSIVE]} inconclusive")
    if counts[Verdict.ERROR]:
        parts.append(f"{counts[Verdict.ERROR]} error{'' if counts[Verdict.ERROR] == 1 else 's'}")
    failing = sum(len(record.failing) for record in records)
    if failing:
        parts.append(f"{failing} not as expected")
    if not all(record.complete for record in records):
        parts.append("incomplete")
    if any(record.selection for record in records):
        parts.append("a selection")
    message = " · ".join(parts)
    interpreters = {record.interpreter.label for record in records}
    return f"{message} on {len(interpreters)} interpreters" if len(interpreters) > 1 else message


def to_endpoint(badge: Badge) -> str:
    """Return the JSON for an endpoint badge, schema version 1 (https://shields.io/badges/endpoint-badge)."""
    name, _ = _COLOURS[badge.standing]
    fields: dict[str, object] = {"schemaVersion": 1, "label": badge.label, "message": badge.message, "color": name}
    if badge.standing is Standing.UNEXPECTED:
        fields["isError"] = True  # no colour= in the address makes it green then
    return json.dumps(fields, ensure_ascii=False, indent=2) + "\n"


# --- the picture

_HEIGHT = 20
_PADDING = 6
_SIZE = 11
_BASELINE = 14


def to_svg(badge: Badge) -> str:
    """Return the badge as an SVG picture, which loads nothing."""
    _, colour = _COLOURS[badge.standing]
    left = _width(badge.label) + 2 * _PADDING
    right = _width(badge.message) + 2 * _PADDING
    width = left + right
    said = escape(f"{badge.label}: {badge.message}", {'"': "&quot;"})
    texts = "\n".join(
        f'    <text x="{x + _PADDING}" y="{_BASELINE}" textLength="{_width(text)}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
        for x, text in ((0, badge.label), (left, badge.message))
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" viewBox="0 0 {width} {_HEIGHT}"
  role="img" aria-label="{said}">
  <title>{said}</title>
  <path d="M{left} 0H3a3 3 0 0 0-3 3v14a3 3 0 0 0 3 3h{left - 3}z" fill="#444"/>
  <path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" fill="{colour}"/>
  <g fill="#fff" font-family="Verdana, 'DejaVu Sans', Geneva, sans-serif" font-size="{_SIZE}">
{texts}
  </g>
</svg>
"""


def _width(text: str) -> int:
    """Return the pixels for a text; ``textLength`` fits it into them in any font."""
    return round(sum(map(width_of, text)))


def width_of(character: str) -> float:
    """Return the approximate width in pixels of a character in Verdana at 11 pixels."""
    if character in " ·.,:;!'|ijlIft()[]":
        return 4.4
    if character in "mwMW—@%":
        return 10.4
    if character.isupper():
        return 7.8
    return 6.9 if ord(character) < 0x1100 else 11.0  # East Asian scripts take the full size
