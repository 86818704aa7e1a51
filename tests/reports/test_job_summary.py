"""The summary of a job in GitHub Actions: a run adds its report, once, and within the limit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from helpers.claims_project import make_project, one_claim, run_claims
from helpers.sample_records import CLAIM, record_of
from pytest_concclaims.records.evidence import Note
from pytest_concclaims.reports import job_summary
from pytest_concclaims.reports.markdown import LEAST, markdown

CONFIRMED = one_claim("assert lab")


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that GITHUB_STEP_SUMMARY names."""
    file = tmp_path / "step_summary"
    monkeypatch.setenv(job_summary.VARIABLE, str(file))
    return file


def test_a_run_adds_its_report_once(pytester: pytest.Pytester, summary: Path) -> None:
    """By itself, whatever the file has already."""
    summary.write_text("something | else", encoding="utf-8")
    make_project(pytester, CONFIRMED)
    run = run_claims(pytester, "--claims-report=run.md")
    assert run.status == 0
    report = (pytester.path / "run.md").read_text(encoding="utf-8")
    assert "Snow is white" in report
    assert summary.read_text(encoding="utf-8") == f"something | else\n\n{report}"
    run.result.stdout.fnmatch_lines([f"job summary: added to {summary}"])


def test_two_runs_of_a_step_are_both_in_it(pytester: pytest.Pytester, summary: Path) -> None:
    """The second does not replace the first."""
    make_project(pytester, CONFIRMED)
    run_claims(pytester)
    run_claims(pytester)
    assert (
        summary.read_text(encoding="utf-8").count("## Concurrency claims of demo: every verdict as expected\n") == 2
    )


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_said_where_there_is_no_such_file(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """Outside of GitHub Actions."""
    if value is not None:
        monkeypatch.setenv(job_summary.VARIABLE, value)
    make_project(pytester, CONFIRMED)
    assert "job summary" not in run_claims(pytester).output


def test_runs_without_claims_add_nothing(pytester: pytest.Pytester, summary: Path) -> None:
    """Nor do those that only look, or are refused."""
    make_project(pytester, CONFIRMED)
    pytester.makepyfile(test_x="def test_x(): pass")
    pytester.runpytest_inprocess()
    run_claims(pytester, "--collect-only")
    run_claims(pytester, "--claims-budget=x")
    assert not summary.exists()


def test_run_that_verified_nothing_says_so_there(pytester: pytest.Pytester, summary: Path) -> None:
    """It is the last place where that must be overlooked."""
    make_project(pytester, CONFIRMED)
    assert run_claims(pytester, "-k", "nothing_of_that_name").status != 0
    assert "no verdict, nothing was verified" in summary.read_text(encoding="utf-8")


def test_summary_that_cannot_be_written_is_reported_and_fails_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdicts are in the terminal and in the record."""
    monkeypatch.setenv(job_summary.VARIABLE, str(pytester.mkdir("folder")))
    make_project(pytester, CONFIRMED)
    run = run_claims(pytester)
    assert run.status == 0
    run.result.stdout.fnmatch_lines(
        [f"job summary: {job_summary.VARIABLE} names *folder, which could not be written: *"]
    )


def test_report_is_whole_where_there_is_room(summary: Path) -> None:
    """More than a comment may have: the limit here is another."""
    record = record_of(*(replace(CLAIM, id=str(n), evidence=(Note("x" * 1000),)) for n in range(100)))
    assert job_summary.add_job_summary(record) == f"job summary: added to {summary}"
    assert summary.read_text(encoding="utf-8") == markdown(record, 10**7)
    assert summary.stat().st_size > 100_000


@pytest.mark.parametrize("there", [0, 900_000, job_summary.LARGEST - LEAST - 2])
@pytest.mark.parametrize("character", ["x", "雪"])
def test_file_never_exceeds_the_limit(summary: Path, there: int, character: str) -> None:
    """In bytes, and with what other commands of the step have written; the message names what was left out."""
    summary.write_bytes(b"-" * there)
    notes = (Note(character * 2000),) * 30
    record = record_of(*(replace(CLAIM, id=str(n), evidence=notes) for n in range(30)))
    said = job_summary.add_job_summary(record)
    assert said is not None
    assert "shortened to GitHub's limit; left out: the evidence of 30 claims" in said
    content = summary.read_bytes()
    assert content.startswith(b"-" * there)
    assert there < len(content) <= job_summary.LARGEST
    assert "Left out" in content.decode("utf-8")


@pytest.mark.parametrize("there", [job_summary.LARGEST - LEAST - 1, job_summary.LARGEST, job_summary.LARGEST + 1])
def test_full_file_stays_as_it_is(summary: Path, there: int) -> None:
    """A report without room for its head is none; the terminal says why."""
    summary.write_bytes(b"-" * there)
    said = job_summary.add_job_summary(record_of(CLAIM))
    assert said is not None
    assert "nothing was added" in said
    assert summary.stat().st_size == there
