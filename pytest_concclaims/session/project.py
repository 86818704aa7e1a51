"""The project whose claims run: its name, and the address of its files."""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote


def project_name(root: Path) -> str:
    """Return the project's name, which is part of its claims' ids.

    It is ``name`` in ``[project]`` of pyproject.toml, else in ``[metadata]`` of setup.cfg, else that of the folder.
    """
    named = (_name_in(root / file, read) for file, read in (("pyproject.toml", _in_toml), ("setup.cfg", _in_ini)))
    name = next(filter(None, named), root.name)
    return re.sub(r"[-_.\s]+", "-", name).strip("-").lower() or "project"


def _name_in(file: Path, read: Callable[[str], str]) -> str | None:
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


def source_url(root: Path, environment: Mapping[str, str]) -> str | None:
    """Return the address of a folder on the code host, at the commit that a CI service has checked out.

    GitHub Actions and GitLab CI say the address in environment variables
    (https://docs.github.com/en/actions/reference/workflows-and-actions/variables,
    https://docs.gitlab.com/ci/variables/predefined_variables/).

    :param environment: the environment variables.
    :returns: an address without a slash at its end; None where no service says it, or the folder is not in the
        checkout.
    """
    of = environment.get
    if of("GITHUB_ACTIONS"):
        repository, pages = f"{of('GITHUB_SERVER_URL', '')}/{of('GITHUB_REPOSITORY', '')}", "blob"
        commit, checkout = of("GITHUB_SHA"), of("GITHUB_WORKSPACE")
    else:
        repository, pages = of("CI_PROJECT_URL", ""), "-/blob"
        commit, checkout = of("CI_COMMIT_SHA"), of("CI_PROJECT_DIR")
    if not commit or not checkout or re.fullmatch(r"https?://[^\s/]+(/[^\s/]+)+", repository) is None:
        return None
    try:
        folder = root.resolve().relative_to(Path(checkout).resolve())
    except (OSError, ValueError):
        return None
    return "/".join([repository, pages, quote(commit, safe=""), *(quote(part, safe="") for part in folder.parts)])
