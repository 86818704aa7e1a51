"""The shipped suites, one sub-package for each: ``pytest_concclaims.claims.article``.

A wheel carries them in this folder. In a checkout they are the top-level folder ``claims``, which the
lines below make part of this package, so that a claim's module has one name in both and can be imported
by the processes that it starts.
"""

from __future__ import annotations

from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2] / "claims"

if (_CHECKOUT / "article" / "__init__.py").is_file() and (_CHECKOUT.parent / "pyproject.toml").is_file():
    __path__.append(str(_CHECKOUT))


def suite_folders() -> dict[str, Path]:
    """Return the folder of each shipped suite by the suite's name."""
    folders: dict[str, Path] = {}
    for base in map(Path, __path__):
        for package in sorted(base.glob("*/__init__.py")):
            folders.setdefault(package.parent.name, package.parent)
    return folders
