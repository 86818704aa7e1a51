"""A report of one run, in any of its formats."""

from __future__ import annotations

from ..records.record import RunRecord


def render(record: RunRecord, suffix: str, label: str | None = None) -> str:
    """Return a run's report.

    The modules of a format are imported on its first use, so that a run without reports does not import them.

    :param suffix: one of :data:`~pytest_concclaims.reports.formats.REPORT_SUFFIXES`, which names the format.
    :param label: the left part of a badge; None: it names the project.
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
