"""``concclaims diff``: its exit status, and that it says what it compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from helpers.sample_records import CLAIM, EVIDENCE, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.cli.main import main
from pytest_concclaims.records.record import RunRecord
from pytest_concclaims.reports.files import write_whole

REFUTED = replace(CLAIM, verdict=Verdict.REFUTED, evidence=tuple(EVIDENCE))
INCONCLUSIVE = replace(CLAIM, verdict=Verdict.INCONCLUSIVE, reason="a ruler is missing")
OTHER = replace(CLAIM, id="demo-other")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def diff(old: RunRecord, new: RunRecord, *options: str) -> int:
    """Return the exit status for these records."""
    write_whole(Path("old.json"), old.to_text())
    write_whole(Path("new.json"), new.to_text())
    return main(["diff", "old.json", "new.json", *options])


@pytest.mark.parametrize(
    ("old", "new", "status", "strict"),
    [
        pytest.param([CLAIM], [CLAIM], 0, 0, id="same"),
        pytest.param([CLAIM], [REFUTED], 1, 1, id="turned"),
        pytest.param([CLAIM], [INCONCLUSIVE], 0, 1, id="to-inconclusive"),
        pytest.param([INCONCLUSIVE], [CLAIM], 0, 1, id="from-inconclusive"),
        pytest.param([CLAIM, OTHER], [CLAIM], 0, 1, id="gone"),
        pytest.param([CLAIM], [CLAIM, OTHER], 0, 0, id="new"),
        pytest.param([CLAIM], [CLAIM, replace(REFUTED, id="demo-new")], 0, 0, id="new-and-unexpected"),
        pytest.param([CLAIM], [replace(CLAIM, id="demo-new")], 0, 0, id="renamed"),
        pytest.param([CLAIM], [replace(REFUTED, id="demo-new")], 1, 1, id="renamed-and-turned"),
        pytest.param([CLAIM], [replace(CLAIM, expected=Verdict.REFUTED)], 1, 1, id="not-expected-any-more"),
        pytest.param([REFUTED], [replace(REFUTED, expected=Verdict.REFUTED)], 0, 0, id="expected-at-last"),
        pytest.param([CLAIM], [replace(CLAIM, verdict=Verdict.ERROR, reason="x")], 1, 1, id="error"),
    ],
)
def test_exit_status(
    old: list[object], new: list[object], status: int, strict: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 if a verdict turned; what is less than that fails under --strict; a new claim never fails."""
    records = record_of(*old), record_of(*new)  # type: ignore[arg-type]  # parametrize has no type for them
    assert diff(*records) == status
    assert diff(*records, "--strict") == strict
    assert capsys.readouterr().err == ""


def test_head_names_both_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """File, interpreter, date, and version."""
    old = record_of(CLAIM)
    old = replace(
        old,
        started="2024-02-03T04:05:06+00:00",
        interpreter=replace(old.interpreter, version="3.8.1", implementation_version="3.8.1"),
        tool={**old.tool, "version": "0.0.7"},
    )
    new = record_of(CLAIM)
    assert diff(old, new) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        f"old: old.json: {old.interpreter.describe()}, 2024-02-03T04:05:06+00:00, 1 claim, pytest-concclaims 0.0.7"
    )
    assert lines[1].startswith(f"new: new.json: {new.interpreter.describe()}, 2025-01-01T00:00:00+00:00, 1 claim, ")
    assert "These are two interpreters" in lines[3]
    assert lines[-1] == "nothing changed; 1 unchanged (1 confirmed)"


def test_what_turned_is_shown_with_its_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    """From what, to what, and why; -v has all evidence, -qq the count only."""
    records = record_of(CLAIM), record_of(REFUTED)
    diff(*records)
    text = " ".join(capsys.readouterr().out.split())
    assert "TURNED! Snow is white CONFIRMED -> REFUTED, expected CONFIRMED" in text
    assert "demo-snow, test_x.py:3" in text
    diff(*records, "-v")
    text = " ".join(capsys.readouterr().out.split())
    for piece in EVIDENCE:
        assert " ".join(f"- new: {piece.phrase()}".split())[:60] in text
    diff(*records, "-qq")
    assert "Snow" not in capsys.readouterr().out


def test_incomplete_new_run_fails_if_strict(capsys: pytest.CaptureFixture[str]) -> None:
    """What it does not have may have turned; an old one that is incomplete has only less to compare."""
    record = record_of(CLAIM)
    part = replace(record, complete=False)
    assert diff(record, part) == 0
    assert "The new run is not complete" in capsys.readouterr().out
    assert diff(record, part, "--strict") == 1
    assert diff(part, record, "--strict") == 0
    assert "The old run is not complete" in capsys.readouterr().out


@pytest.mark.parametrize("bad", ["old.json", "new.json"])
def test_bad_input_exits_with_2_and_names_the_file(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, and nothing is compared."""
    for name in ("old.json", "new.json"):
        Path(name).write_text("{}" if name == bad else record_of(CLAIM).to_text(), encoding="utf-8")
    assert main(["diff", "old.json", "new.json"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"concclaims diff: {bad}: ")
    assert output.err.count("\n") == 1


def test_no_colours_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor anything else that steers one."""
    diff(record_of(CLAIM), record_of(replace(REFUTED, statement="Snow\x1b[31m is \u202ewhite\udc80")))
    assert not set("\x1b\u202e\udc80") & set(capsys.readouterr().out)
