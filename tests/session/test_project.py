"""The name of the project whose claims run."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.claims_project import COMPANION, run_claims
from pytest_concclaims.session.project import source_url

NAMED = {"pyproject.toml": '[project]\nname = "My.Very_own-Project"\n'}
IN_SETUP_CFG = {"setup.cfg": "[metadata]\nname = Old-Fashioned 100%\n"}


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (NAMED, "my-very-own-project"),
        (IN_SETUP_CFG, "old-fashioned-100%"),
        ({**IN_SETUP_CFG, **NAMED}, "my-very-own-project"),
        ({**IN_SETUP_CFG, "pyproject.toml": "[build-system]\n"}, "old-fashioned-100%"),
        ({"setup.cfg": "[metadata]\nname =\n", "pyproject.toml": "[project]\n"}, "folder"),
        ({"setup.cfg": "no section\n", "pyproject.toml": "this is no TOML"}, "folder"),
        ({}, "folder"),
    ],
)
def test_own_claims_are_named_for_the_project(pytester: pytest.Pytester, files: dict[str, str], name: str) -> None:
    """By pyproject.toml, setup.cfg or the folder, normalized: their ids, their suite, the record and the badge."""
    folder = pytester.mkdir("folder")
    settings = {"pytest.ini": "[pytest]\n", "test_x.py": f"import pytest\n{COMPANION}", **files}
    for file, text in settings.items():
        (folder / file).write_text(text, encoding="utf-8")
    run = run_claims(pytester, "--claims-report=b.svg", "--rootdir=folder", "-c", "folder/pytest.ini", "folder")
    (claim,) = run.claims.values()
    assert (claim["id"], claim["suite"], claim["location"]) == (f"{name}-companion", name, "test_x.py:3")
    assert run.record is not None
    assert run.record["project"] == name
    assert f"concurrency claims of {name}: 1 confirmed" in run.text_of("b.svg")


def test_shipped_suite_alone_is_no_projects(pytester: pytest.Pytester) -> None:
    """It is the same wherever it runs; and a label of one's own stays."""
    pytester.makepyprojecttoml('[project]\nname = "demo"\n')
    part = "article/test_3_4_thread_local.py"
    run = run_claims(pytester, "--claims-report=b.svg", part)
    assert run.record is not None
    assert run.record["project"] is None
    assert 'aria-label="concurrency claims: 3 confirmed' in run.text_of("b.svg")
    pytester.makepyfile(f"import pytest\n{COMPANION}")
    run = run_claims(pytester, "--claims-report=b.svg", "--claims-badge-label=ours", part, ".")
    assert run.record is not None
    assert run.record["project"] == "demo"
    assert 'aria-label="ours: 4 confirmed' in run.text_of("b.svg")


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "owner/name",
    "GITHUB_SHA": "12ab",
}
GITLAB = {"CI_PROJECT_URL": "https://gitlab.com/group/sub/name", "CI_COMMIT_SHA": "12ab"}


@pytest.mark.parametrize(
    ("environment", "checkout", "address"),
    [
        (GITHUB, "GITHUB_WORKSPACE", "https://github.com/owner/name/blob/12ab"),
        (GITLAB, "CI_PROJECT_DIR", "https://gitlab.com/group/sub/name/-/blob/12ab"),
    ],
    ids=["github", "gitlab"],
)
def test_address_of_the_source_is_that_of_the_ci_service(
    tmp_path: Path, environment: dict[str, str], checkout: str, address: str
) -> None:
    """Of the checkout and of a folder in it; of no other folder, and only if all that it takes is known."""
    folder = tmp_path / "checkout" / "a b#"
    folder.mkdir(parents=True)
    known = {**environment, checkout: str(folder.parent)}
    assert source_url(folder.parent, known) == address
    assert source_url(folder, known) == f"{address}/a%20b%23"
    assert source_url(tmp_path, known) is None
    for name in set(known) - {"GITHUB_ACTIONS"}:
        assert source_url(folder, {**known, name: ""}) is None
        assert source_url(folder, {key: value for key, value in known.items() if key != name}) is None
    assert source_url(folder, {}) is None


def test_address_that_is_none_is_not_taken(tmp_path: Path) -> None:
    """A page links to it."""
    known = {**GITLAB, "CI_PROJECT_DIR": str(tmp_path)}
    for address in ("javascript:alert(1)//x/y", "https://", "https://host", "https://ho st/x/y", "file:///x/y"):
        assert source_url(tmp_path, {**known, "CI_PROJECT_URL": address}) is None
