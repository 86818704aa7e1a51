"""The project whose claims run."""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Callable
from pathlib import Path


def project_name(root: Path) -> str:
    """Return the name under which a project's own claims go.

    It is ``name`` in ``[project]`` of pyproject.toml, else in ``[metadata]`` of setup.cfg, else that of the folder.
    """
    named = (_told(root / file, read) for file, read in (("pyproject.toml", _in_toml), ("setup.cfg", _in_ini)))
    name = next(filter(None, named), root.name)
    return re.sub(r"[-_.\s]+", "-", name).strip("-").lower() or "project"


def _told(file: Path, read: Callable[[str], str]) -> str | None:
    """Return the name in a file; None if the file is not there, cannot be read or has none."""
    try:
        return read(file.read_text(encoding="utf-8"))
    except (OSError, LookupError, TypeError, ValueError, configparser.Error):
        return None


def _in_toml(text: str) -> str:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]  # for older Pythons only
    return str(tomllib.loads(text)["project"]["name"])


def _in_ini(text: str) -> str:
    settings = configparser.RawConfigParser()
    settings.read_string(text)
    return settings.get("metadata", "name")
