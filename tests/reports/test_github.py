"""Annotations in GitHub Actions: a command of its runner for each claim that fails the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from helpers.claims_project import ALL_ENDS, COMPANION, make_project, one_claim, run_claims
from helpers.sample_records import CLAIM
from pytest_concclaims import Verdict
from pytest_concclaims.records.evidence import Note
from pytest_concclaims.reports.github import annotation_lines


@pytest.fixture
def workspace(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the repository, in which the project is a folder."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path.parent))
    return pytester.path.parent


def commands(lines: list[str]) -> list[str]:
    """Return the commands among lines of output."""
    return [line for line in lines if line.startswith("::")]


def line_of(file: Path, text: str) -> int:
    """Return the number of the first line with a text."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


FAILED = "failed: assert snow == 3 (assert 1 == 3)"


def test_each_unexpected_verdict_is_annotated(pytester: pytest.Pytester, workspace: Path) -> None:
    """At its file in the repository, its line, with its finding, above the verdicts; no other claim is."""
    make_project(pytester, ALL_ENDS)
    run = run_claims(pytester)
    file = pytester.path / "test_claims.py"
    name = file.relative_to(workspace).as_posix()
    places = [f"file={name},line={line_of(file, text)}" for text in ("is grey", "is cold", "is late")]
    assert commands(run.result.outlines) == [
        f"::error {places[0]},title=REFUTED%2C expected CONFIRMED%3A Snow is grey::{FAILED}",
        f"::error {places[1]},title=CONFIRMED%2C expected REFUTED%3A Snow is cold::asserted: assert snow == 1",
        f"::error {places[2]},title=ERROR%3A Snow is late::ValueError: invalid literal for int() with base 10: 'x'",
    ]
    run.result.stdout.fnmatch_lines(["::error *", "*= concurrency claims =*"])


@pytest.mark.usefixtures("workspace")
def test_inconclusive_claim_is_annotated_where_it_fails(pytester: pytest.Pytester) -> None:
    """Under --claims-strict."""
    make_project(pytester, one_claim("lab.require(False, 'a ruler')"))
    assert commands(run_claims(pytester).result.outlines) == []
    (command,) = commands(run_claims(pytester, "--claims-strict").result.outlines)
    assert command.endswith("::not met: a ruler")


@pytest.mark.parametrize("value", [None, "", "false"])
def test_elsewhere_nothing_is_annotated(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """On a terminal, and in another CI."""
    if value is not None:
        monkeypatch.setenv("GITHUB_ACTIONS", value)
    make_project(pytester, one_claim("assert lab is None"))
    assert commands(run_claims(pytester).result.outlines) == []


def test_controlling_process_annotates_once(pytester: pytest.Pytester, workspace: Path) -> None:
    """No worker of pytest-xdist does."""
    make_project(pytester, one_claim("assert lab is None").replace(COMPANION, ""))
    assert len(commands(run_claims(pytester, "-n", "1", subprocess=True).result.outlines)) == 1


REFUTED = replace(CLAIM, verdict=Verdict.REFUTED, reason=None)


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("text", "title", "message"),
    [
        ("50% of x:y, z", "50%25 of x%3Ay%2C z", "50%25 of x:y, z"),
        ("a\r\nb", "a b", "a b"),
        ("::error::x", "%3A%3Aerror%3A%3Ax", "::error::x"),
        ("\x1b[31m\u202e", "\\x1b[31m\\x202e", "\\x1b[31m\\x202e"),
    ],
)
def test_text_cannot_be_taken_for_a_part_of_the_command(tmp_path: Path, text: str, title: str, message: str) -> None:
    """What has a meaning there is escaped as GitHub has it; the rest is on one line."""
    claim = replace(REFUTED, statement=text, evidence=(Note(text),))
    (line,) = annotation_lines([claim], tmp_path, strict=False)
    assert line == f"::error title=REFUTED%2C expected CONFIRMED%3A {title}::{message}"


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("location", ["article/test_x.py:3", "../../../../../etc/passwd:3", "test_claims.py", "x:y"])
def test_claim_that_stands_elsewhere_is_annotated_without_a_place(pytester: pytest.Pytester, location: str) -> None:
    """Such as one of a shipped suite: GitHub would show the annotation at no file, or at a wrong one."""
    make_project(pytester, COMPANION)
    (line,) = annotation_lines([replace(REFUTED, location=location)], pytester.path, strict=False)
    assert line.startswith("::error title=")


@pytest.mark.usefixtures("workspace")
def test_long_finding_is_cut(tmp_path: Path) -> None:
    """An annotation is a small box; the record has all of it."""
    (line,) = annotation_lines([replace(REFUTED, evidence=(Note("very " * 2_000),))], tmp_path, strict=False)
    assert len(line) < 2_300
    assert "more characters" in line
