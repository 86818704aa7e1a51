"""``concclaims show``: a saved run looks as the run itself did, and makes the same reports."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.claims_project import ALL_ENDS, RECORD, make_project, one_claim, run_claims, run_once
from helpers.sample_records import CLAIM, EVIDENCE, record_of
from pytest_concclaims.cli.main import main
from pytest_concclaims.interpreter import Interpreter
from pytest_concclaims.reports.files import write_whole
from pytest_concclaims.reports.formats import REPORT_SUFFIXES

STRANGE = "Snow\x1b[31m is\x07 red\r\nand\t\x00white\u202e \udc80"


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Return the lines that the command shows."""
    capsys.readouterr()
    assert main(["show", *arguments]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    return output.out.splitlines()


def section(lines: list[str]) -> list[str]:
    """Return the lines of the summary section."""
    start = next(number for number, line in enumerate(lines) if " concurrency claims " in line) + 1
    return lines[start:]


@pytest.mark.parametrize("options", [(), ("-v",), ("-vv",), ("-q",), ("-qq",)], ids=" ".join)
def test_shows_what_the_run_itself_did(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    """The same lines, at each verbosity, from all ways to end; a run refers to tracebacks if it shows any."""
    run = run_once(pytester, ALL_ENDS, *options, "--tb=no", columns=80)
    lines = shown(capsys, str(run.folder / RECORD), *options)
    assert section(lines) == run.section
    assert run.record is not None
    assert lines[0].startswith(f"concclaims: {Interpreter.current().describe()}, ")
    assert lines[1] == f"started: {run.record['started']}"


@pytest.mark.parametrize("option", ["--claims-strict", "-x"])
def test_shows_what_a_strict_or_unfinished_run_did(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """What fails is loud as it was, and a run that was cut short is not as good as a whole one."""
    run = run_once(pytester, ALL_ENDS, option, "--tb=no", columns=80)
    lines, expected = section(shown(capsys, str(run.folder / RECORD))), run.section
    if option == "-x":
        loud = next(number for number, line in enumerate(expected) if " did not end" in line)
        counts = next(number for number, line in enumerate(expected) if line.startswith("5 claims"))
        expected[loud:counts] = ["This run is not complete: some of its claims did not end."]
    assert lines == expected


def test_strange_statement_is_shown_as_the_run_did(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing in a record steers the terminal."""
    strange = f"STRANGE = {STRANGE!a}"
    code = one_claim("lab.note(STRANGE)\nassert lab", prelude=strange).replace('"Snow is white"', "STRANGE")
    make_project(pytester, code)
    run = run_claims(pytester, "-v")
    lines = shown(capsys, RECORD, "-v")
    assert section(lines) == run.section
    assert not set("\x1b\x07\r\x00\u202e\udc80") & set("".join(lines))


def test_head_of_a_hostile_record_is_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The interpreter's name and the date are text of unknown origin, too."""
    record = record_of(CLAIM)
    interpreter = replace(record.interpreter, label=f"{STRANGE} x", version=STRANGE, implementation_version=STRANGE)
    write_whole(tmp_path / "run.json", replace(record, interpreter=interpreter).to_text())
    text = "\n".join(shown(capsys, str(tmp_path / "run.json")))
    assert not set("\x1b\x07\r\x00\u202e\udc80") & set(text)


@pytest.mark.parametrize("suffix", REPORT_SUFFIXES)
def test_writes_the_report_that_the_run_wrote(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    """Byte for byte, in every format, with the badge's label; and shows nothing then."""
    reports = [f"--claims-report=first{each}" for each in REPORT_SUFFIXES]
    run = run_once(pytester, ALL_ENDS, *reports, "--claims-badge-label=snow")
    assert shown(capsys, str(run.folder / RECORD), "-o", f"second{suffix}", "--label=snow") == []
    first = (run.folder / f"first{suffix}").read_bytes()
    second = (pytester.path / f"second{suffix}").read_bytes()
    assert first
    assert first == second


def test_writes_several_reports_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each -o is a file."""
    write_whole(tmp_path / "run.json", record_of(replace(CLAIM, evidence=tuple(EVIDENCE))).to_text())
    shown(capsys, str(tmp_path / "run.json"), "-o", str(tmp_path / "a" / "x.md"), "-o", str(tmp_path / "x.svg"))
    assert (tmp_path / "a" / "x.md").is_file()
    assert (tmp_path / "x.svg").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.json"], "nowhere.json: "),
        (["bad.json"], "bad.json: JSON, but not a run record"),
        (["run.json", "-o", "x.pdf"], "-o x.pdf: its suffix names no format; end it in "),
        (["run.json", "-o", "folder.md"], "-o folder.md: cannot be written: it is a folder"),
    ],
)
def test_bad_input_exits_with_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    """In one line, with its place, and without output."""
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("[]", encoding="utf-8")
    Path("folder.md").mkdir()
    write_whole(Path("run.json"), record_of(CLAIM).to_text())
    assert main(["show", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"concclaims show: {said}")
    assert output.err.count("\n") == 1


def test_report_that_fails_to_be_written_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk is full: what was there stays."""
    write_whole(tmp_path / "run.json", record_of(CLAIM).to_text())
    (tmp_path / "x.md").write_text("before", encoding="utf-8")

    def full(self: Path, target: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(Path, "replace", full)
    assert main(["show", str(tmp_path / "run.json"), "-o", str(tmp_path / "x.md")]) == 2
    assert capsys.readouterr().err.endswith("x.md: could not be written: no space left\n")
    assert (tmp_path / "x.md").read_text(encoding="utf-8") == "before"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_command_line_shows_any_text_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    """As a process of its own, whatever the terminal can show."""
    file = tmp_path / "run.json"
    write_whole(file, record_of(replace(CLAIM, statement="雪 is white \udc80")).to_text())
    result = subprocess.run(
        [sys.executable, "-m", "pytest_concclaims", "show", str(file)],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.stderr == b""
    assert result.returncode == 0
    assert b"is white" in result.stdout


def test_no_text_of_the_record_steers_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even the interpreter's name and version."""
    record = record_of(CLAIM)
    interpreter = replace(record.interpreter, label=f"CPython {STRANGE}", version=STRANGE, implementation_version="1")
    file = tmp_path / RECORD
    write_whole(file, replace(record, interpreter=interpreter, started=record.started).to_text())
    text = "\n".join(shown(capsys, str(file)))
    assert not {"\x1b", "\x07", "\x00", "\u202e"} & set(text)
