"""The formats of a report of one run. Every start of pytest imports this module: it stays small."""

from __future__ import annotations

from pathlib import Path

#: The suffixes of ``--claims-report``; each names a format.
REPORT_SUFFIXES = (".json", ".html", ".md", ".svg", ".shields.json")


def suffix_of(path: Path, suffixes: tuple[str, ...]) -> str | None:
    """Return the longest of the suffixes that a file's name ends in; None if there is none."""
    name = path.name.lower()
    return max((suffix for suffix in suffixes if name.endswith(suffix)), key=len, default=None)
