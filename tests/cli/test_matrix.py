"""``concclaims matrix``: what it writes and shows, its warnings, and its exit status."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from helpers.sample_records import CLAIM, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.cli.main import main
from pytest_concclaims.records.record import RunRecord
from pytest_concclaims.reports.files import write_whole

REFUTED = replace(CLAIM, verdict=Verdict.REFUTED)
STARTS = {"m.html": "<!doctype html>", "m.md": "## Concurrency claims", "m.svg": "<svg "}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def save(name: str, record: RunRecord) -> str:
    """Write a record, and return its path."""
    Path(name).parent.mkdir(exist_ok=True)
    write_whole(Path(name), record.to_text())
    return name


def test_shows_the_matrix_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, though a verdict is not the expected one."""
    assert main(["matrix", save("a.json", record_of(CLAIM)), save("b.json", record_of(REFUTED))]) == 0
    shown = capsys.readouterr()
    assert "> C " in shown.out
    assert "R! " in shown.out
    assert "Snow is white" in shown.out
    assert "Where verdicts differ" in shown.out
    assert not shown.err


def test_writes_each_format(capsys: pytest.CaptureFixture[str]) -> None:
    """And shows nothing then."""
    record = save("a.json", record_of(CLAIM))
    assert main(["matrix", record, *(part for name in STARTS for part in ("-o", name))]) == 0
    assert capsys.readouterr() == ("", "")
    for name, start in STARTS.items():
        assert Path(name).read_text(encoding="utf-8").startswith(start)


def test_takes_the_records_of_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them."""
    save("runs/a.json", record_of(CLAIM))
    save("runs/b.json", replace(record_of(CLAIM), started="2025-01-02T00:00:00+00:00"))
    assert main(["matrix", "runs"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 claim in 2 runs; no verdict differs among 1 claim that two runs or more decided" in shown


def test_warnings_are_told_also_where_a_file_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error; in the terminal's matrix they stand themselves."""
    records = [
        save("a.json", record_of(CLAIM)),
        save("b.json", replace(record_of(replace(CLAIM, digest="1" * 64)), complete=False)),
    ]
    assert main(["matrix", *records, "-o", "m.md"]) == 0
    message = capsys.readouterr().err.splitlines()
    assert [line.startswith("concclaims matrix: warning: ") for line in message] == [True, True]
    assert "1 claim had different digests" in message[0]
    assert "is not complete" in message[1]
    assert main(["matrix", *records]) == 0
    shown = capsys.readouterr()
    assert "warning: 1 claim had different digests" in shown.out
    assert "warning: 1 claim had different digests" in shown.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.json"], "nowhere.json: No such file"),
        (["a.json", "broken.json"], "broken.json: not JSON"),
        (["a.json", "-o", "m.png"], "-o m.png: its suffix names no format; end it in .html or .md or .svg"),
        (["empty"], "empty: no run record (*.json) in this folder"),
    ],
)
def test_bad_input_is_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit status 2, and the place."""
    save("a.json", record_of(CLAIM))
    Path("broken.json").write_text("{", encoding="utf-8")
    Path("empty").mkdir()
    assert main(["matrix", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_needs_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    """Says so as other commands do."""
    with pytest.raises(SystemExit) as end:
        main(["matrix"])
    assert end.value.code == 2
    assert "RUN.json" in capsys.readouterr().err
