"""The formats of a report of one run, and what every pytest start has to know of them."""

from __future__ import annotations

from pathlib import Path

#: The suffixes of ``--claims-report``, each a format.
REPORT_SUFFIXES = (".json", ".html", ".md", ".svg", ".shields.json")


def suffix_of(path: Path, suffixes: tuple[str, ...]) -> str | None:
    """Return which of the suffixes a file's name ends in, the longest if several fit; None: in none of them."""
    name = path.name.lower()
    return max((suffix for suffix in suffixes if name.endswith(suffix)), key=len, default=None)
