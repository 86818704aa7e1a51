"""What is declared about the package, its dependencies and its releases."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from configparser import ConfigParser
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]  # for older Pythons only

ROOT = Path(__file__).parents[1]
#: The tox environment with the oldest supported version of each dependency.
OLDEST = "py39-oldest"
CHECK_RELEASE = ROOT / ".ci" / "check_release.py"


@pytest.fixture
def minima() -> dict[str, str]:
    """Return the declared minimum of each runtime dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {}
    for dependency in project["dependencies"]:
        declared = re.match(r"([\w-]+)>=([\d.]+)", dependency)
        assert declared is not None, f"{dependency}: a dependency without a minimum"
        found[declared[1]] = declared[2]
    return found


def test_the_oldest_environment_has_the_declared_minima(minima: dict[str, str]) -> None:
    """A minimum that is raised, or a dependency that is added, is tested as declared."""
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    pins = dict(re.findall(r"^([\w-]+)==([\d.]+)$", tox[f"testenv:{OLDEST}"]["deps"], re.MULTILINE))
    assert pins == minima


@pytest.mark.plugin
@pytest.mark.skipif(os.environ.get("TOX_ENV_NAME") != OLDEST, reason=f"these tests do not run in {OLDEST}")
def test_the_declared_minima_are_installed(minima: dict[str, str]) -> None:
    """The environment is what its name says."""

    def release(text: str) -> list[int]:
        return ([int(part) for part in text.split(".")] + [0, 0])[:3]

    assert {name: release(version(name)) for name in minima} == {name: release(minima[name]) for name in minima}


@pytest.fixture
def check_release() -> Any:
    """Return the script that checks a release, as a module."""
    if not CHECK_RELEASE.is_file():
        pytest.skip("a source distribution has no CI")
    spec = importlib.util.spec_from_file_location("concclaims_check_release", CHECK_RELEASE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_release(root: Path, *, fragment: bool = False, title: str = "1.2.3 (2030-01-01)") -> None:
    """Make the files of a checkout in which version 1.2.3 was built."""
    (root / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
    (root / "CHANGELOG.md").write_text(f"# Changelog\n\n## {title}\n\n- A fact.\n", encoding="utf-8")
    for folder in ("dist", "changelog.d"):
        (root / folder).mkdir()
    for name in ("pytest_concclaims-1.2.3-py3-none-any.whl", "pytest_concclaims-1.2.3.tar.gz"):
        (root / "dist" / name).touch()
    (root / "changelog.d" / "README.md").touch()
    if fragment:
        (root / "changelog.d" / "+word.fixed.md").touch()


def test_a_complete_release_has_no_problem(check_release: Any, tmp_path: Path) -> None:
    """The tag, the version, the changelog and the distributions agree."""
    make_release(tmp_path)
    assert check_release.problems("v1.2.3", tmp_path) == []


def test_what_keeps_a_tag_from_being_released_is_said(check_release: Any, tmp_path: Path) -> None:
    """Each problem has a sentence of its own."""
    make_release(tmp_path, fragment=True, title="Unreleased")
    (tmp_path / "dist" / "pytest_concclaims-1.2.2.tar.gz").touch()
    wrong_tag, other_file, no_section, fragments = check_release.problems("v1.2.4", tmp_path)
    assert "tag v1.2.3, or set the version" in wrong_tag
    assert "1.2.2.tar.gz" in other_file
    assert "['Unreleased']" in no_section
    assert "+word.fixed.md" in fragments
