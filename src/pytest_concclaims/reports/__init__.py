"""Reports: each a pure function of one or more run records. Here, the formats of a report of one run."""

from __future__ import annotations

from pathlib import Path

from ..plugin import DEFAULT_LABEL
from ..record import RunRecord


def render(record: RunRecord, suffix: str, label: str = DEFAULT_LABEL) -> str:
    """Return a run's report.

    What a format needs is imported when it is asked for: a run without reports does without.

    :param suffix: one of :data:`~pytest_concclaims.plugin.REPORT_SUFFIXES`, which names the format.
    :param label: the left part of a badge.
    """
    if suffix == ".json":
        return record.to_text()
    if suffix == ".html":
        from .page import page

        return page(record)
    if suffix == ".md":
        from .markdown import markdown

        return markdown(record)
    from . import badge

    drawn = badge.badge_of([record], label)
    return badge.to_svg(drawn) if suffix == ".svg" else badge.to_endpoint(drawn)


def suffix_of(path: Path, suffixes: tuple[str, ...]) -> str | None:
    """Return which of the suffixes a file's name ends in, the longest if several fit; None: in none of them."""
    name = path.name.lower()
    return max((suffix for suffix in suffixes if name.endswith(suffix)), key=len, default=None)
