"""The soak: it counts all runs, reports wrong verdicts, and leaves no process behind."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from helpers.waiting import TIMEOUT_S, wait_until
from pytest_concclaims.verdict import Verdict

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "soak.py"
if not SCRIPT.is_file():
    pytest.skip("no benchmarks here", allow_module_level=True)


def load_script() -> Any:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("concclaims_soak", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))  # as Python does for a script
        spec.loader.exec_module(module)
    return module


soak = load_script()

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
posix = pytest.mark.skipif(os.name != "posix", reason="makes an interpreter of a shell script")

ALONE, HOGS, ONE_CORE = soak.Condition("alone"), soak.Condition("hogs", 2), soak.Condition("one-core")


def subject(path: str, label: str = "CPython 3.13") -> Any:
    """Return an interpreter of a soak."""
    return soak.Subject(soak.Python(path), label, "0.1.0")


def claim(name: str, verdict: str = "confirmed", *, expected: str = "confirmed", **fields: object) -> Any:
    """Return a claim of a run."""
    ended = {"reason": None, "digest": "d", "duration": 0.5, "evidence": None, **fields}
    return soak.Claim(name, Verdict(verdict), Verdict(expected), **ended)


def run_of(*claims: Any, number: int = 1, **fields: object) -> Any:
    """Return a run with these claims."""
    known: dict[str, object] = {
        "condition": "alone",
        "interpreter": "CPython 3.13",
        "python": "/a/python",
        "started": "2024-01-01T00:00:00+00:00",
        "seconds": 2.5,
        "exit_status": 0,
        "version": "0.1.0",
        "select": ("article",),
        "keyword": None,
        "budget": None,
        "seed": 0,
        "error": None,
    }
    return soak.Run(run=number, claims=claims, **{**known, **fields})


def lines_of(*runs: Any) -> bytes:
    """Return an output file with these runs."""
    return b"".join(json.dumps(run.to_json()).encode() + b"\n" for run in runs)


# --- the input


@pytest.mark.parametrize(
    ("text", "hogs", "runs"),
    [
        ("alone", 0, 1),
        ("one-core", 0, 1),
        ("hogs:1", 1, 1),
        ("hogs:12", 12, 1),
        ("random-hogs:2", 2, 1),
        ("workers:4", 0, 1),
        ("at-once:2", 0, 2),
    ],
)
def test_condition_is_read(text: str, hogs: int, runs: int) -> None:
    """Each condition is written as it is read."""
    condition = soak.parse_condition(text)
    assert str(condition) == text
    assert (condition.hogs, condition.runs) == (hogs, runs)


@pytest.mark.parametrize("text", ["", "idle", "hogs", "hogs:", "hogs:0", "hogs:-1", "hogs:two", "alone:1", "hogs:1 "])
def test_unknown_condition_is_refused(text: str) -> None:
    """The error names the conditions."""
    with pytest.raises(soak.SoakError, match=r"no such condition; give alone, .*hogs:2"):
        soak.parse_condition(text)


@pytest.mark.parametrize(
    ("text", "path", "environment"),
    [
        ("/a/python", "/a/python", ()),
        ("PYTHON_GIL=1:/a/python", "/a/python", (("PYTHON_GIL", "1"),)),
        ("A=1:B=:python3", "python3", (("A", "1"), ("B", ""))),
        ("C:\\Python\\python.exe", "C:\\Python\\python.exe", ()),
        ("PYTHON_GIL=0:C:\\python.exe", "C:\\python.exe", (("PYTHON_GIL", "0"),)),
    ],
)
def test_interpreter_is_read_with_its_environment(text: str, path: str, environment: object) -> None:
    """Variables come before the path, each with a colon."""
    python = soak.parse_python(text)
    assert (python.path, python.environment, str(python)) == (path, environment, text)


def test_claims_of_the_project_are_distinguished_from_shipped_ones(tmp_path: Path) -> None:
    """An existing path is the project's; so are all claims without a selection."""
    (tmp_path / "test_x.py").touch()

    def is_of_project(*select: str) -> bool:
        return bool(soak.Selection(select).is_of_project(tmp_path))

    assert is_of_project()
    assert is_of_project("test_x.py::test_y")
    assert is_of_project("article", "test_x.py")
    assert not is_of_project("article", "article/test_x.py::test_y")


# --- the jobs


def order_of(jobs: Sequence[Any]) -> list[tuple[int, str, str]]:
    """Return the jobs in short."""
    return [(job.number, str(job.condition), job.subject.python.path) for job in jobs]


def test_first_runs_of_everything_come_before_second_ones() -> None:
    """A soak that is interrupted is then balanced."""
    jobs = soak.remaining([], [ALONE, HOGS], [subject("/a"), subject("/b")], 2)
    assert order_of(jobs) == [
        (number, condition, path) for number in (1, 2) for condition in ("alone", "hogs:2") for path in ("/a", "/b")
    ]


def test_what_is_done_is_not_done_again_and_what_is_behind_catches_up() -> None:
    """Runs are counted for each condition and interpreter, those with an error included."""
    done = [
        run_of(python="/a", number=1),
        run_of(python="/a", number=2, error="no run record"),
        run_of(python="/b", number=1),
        run_of(python="/a", number=1, condition="hogs:7"),
    ]
    jobs = soak.remaining(done, [ALONE, HOGS], [subject("/a"), subject("/b")], 2)
    assert order_of(jobs) == [
        (1, "hogs:2", "/a"),
        (1, "hogs:2", "/b"),
        (2, "alone", "/b"),
        (2, "hogs:2", "/a"),
        (2, "hogs:2", "/b"),
    ]


def test_changed_interpreter_begins_anew() -> None:
    """Another version at the same path, or another state of the GIL, is another interpreter."""
    done = [run_of(python="/a", interpreter="CPython 3.12")]
    assert len(soak.remaining(done, [ALONE], [subject("/a", "CPython 3.13")], 1)) == 1
    assert soak.remaining(done, [ALONE], [subject("/a", "CPython 3.12")], 1) == []


# --- the output


def test_runs_are_read_as_they_were_written() -> None:
    """Only wrong verdicts have their evidence."""
    note = [{"kind": "note", "text": "seen twice, at 3 °C"}]
    wrong = claim("a", "refuted", evidence=note)
    right = claim("b", "refuted", expected="refuted", reason="since 3.10", evidence=note)
    written = run_of(wrong, right, keyword="x", budget=0.5, exit_status=None, error="no run record")
    content = lines_of(written, run_of())
    expected = [replace(written, claims=(wrong, replace(right, evidence=None))), run_of()]
    assert soak.read_runs(content) == (expected, len(content))


def test_half_written_last_line_does_not_count_wherever_it_ends() -> None:
    """A soak can be killed while it writes."""
    whole, last = lines_of(run_of(claim("a"))), lines_of(run_of(claim("b", reason="\u00e9"), number=2))
    for end in range(len(last) - 1):
        runs, size = soak.read_runs(whole + last[:end])
        assert ([run.run for run in runs], size) == ([1], len(whole))


def test_last_line_that_lacks_only_its_end_counts() -> None:
    """It is complete."""
    content = lines_of(run_of(), run_of(number=2))[:-1]
    runs, size = soak.read_runs(content)
    assert ([run.run for run in runs], size) == ([1, 2], len(content))


NO_VERDICT = lines_of(run_of(claim("a"))).replace(b'"confirmed"', b'"perhaps"')


@pytest.mark.parametrize(
    "line", [b"{\n", b"\n", b"[]\n", b"1\n", b"{}\n", b"{}", b"\xff\n", b"null\n", b'{"claims": [1]}\n', NO_VERDICT]
)
def test_damaged_line_is_an_error_that_names_it(line: bytes) -> None:
    """The error names the line, and no runs are counted without it."""
    with pytest.raises(soak.SoakError, match=r"^x\.jsonl, line 2: .* remove the line"):
        soak.read_runs(lines_of(run_of()) + line, "x.jsonl")


# --- the table


def test_each_end_is_counted_where_it_belongs() -> None:
    """NOT APPLICABLE does not count as asked; an error of a run counts besides those of its claims."""
    runs = [
        run_of(
            claim("a"),
            claim("b", "refuted"),
            claim("c", "refuted", expected="refuted"),
            claim("d", expected="refuted"),
            claim("e", "inconclusive"),
            claim("f", "not_applicable"),
            claim("g", "error"),
        ),
        run_of(error="no run record"),
    ]
    assert soak.tally(runs) == soak.Tally(
        runs=2, asked=6, verdicts=4, wrong=2, inconclusive=1, errors=2, not_applicable=1
    )
    assert soak.tally(runs, "b") == soak.Tally(runs=1, asked=1, verdicts=1, wrong=1)
    assert soak.tally(runs, "g") == soak.Tally(runs=1, asked=1, errors=1)


def test_bound_is_that_of_the_verdicts_asked_for() -> None:
    """Without a wrong verdict, it is about 3 over the number of verdicts; with one, more; without a verdict, none."""
    right = [run_of(claim("a"), claim("b", "not_applicable"))] * 300
    assert soak.tally(right).bound == pytest.approx(1 - 0.05 ** (1 / 300))
    one_wrong = [*right[1:], run_of(claim("a", "refuted"))]
    assert soak.tally(one_wrong).bound == pytest.approx(
        0.01572, abs=1e-5
    )  # beta distribution's 0.95 quantile, 2, 299
    assert soak.tally([run_of(claim("b", "not_applicable"))]).bound is None
    assert soak.tally([]).bound is None


def test_table_has_a_row_for_each_condition_and_interpreter_and_the_total() -> None:
    """In the order of the first runs."""
    runs = [
        run_of(claim("a"), condition="hogs:2"),
        run_of(claim("a")),
        run_of(claim("a"), interpreter="PyPy 3.11", python="/b"),
        run_of(claim("a"), number=2),
    ]
    rows = [(row.condition, row.interpreter, row.claim, row.tally.runs) for row in soak.build_table(runs)]
    assert rows == [
        ("hogs:2", "CPython 3.13", None, 1),
        ("alone", "CPython 3.13", None, 2),
        ("alone", "PyPy 3.11", None, 1),
        ("total", "", None, 4),
    ]


def test_interpreters_of_one_label_are_kept_apart() -> None:
    """Their paths distinguish them."""
    rows = soak.build_table([run_of(python="/a"), run_of(python="/b")])
    assert [row.interpreter for row in rows] == ["CPython 3.13 (/a)", "CPython 3.13 (/b)", ""]


def test_table_by_claim_says_which_claim_goes_wrong() -> None:
    """Each claim has a row with its own bound."""
    runs = [run_of(claim("a"), claim("b", "refuted"))] * 10
    rows = {row.claim or row.condition: row for row in soak.build_table(runs, by_claim=True)}
    assert list(rows) == ["alone", "a", "b", "total"]
    assert [row.tally.wrong for row in rows.values()] == [10, 0, 10, 10]
    assert rows["a"].tally.bound == pytest.approx(1 - 0.05 ** (1 / 10))
    assert rows["b"].tally.bound == 1


def test_table_is_in_columns_and_says_what_its_bound_assumes() -> None:
    """The text has columns, and an explanation."""
    runs = [run_of(claim("a"), claim("b", "inconclusive"))] * 4
    text = soak.format_report(runs)
    head, row, *_ = text.splitlines()
    assert head.split()[:4] == ["condition", "interpreter", "runs", "verdicts"]
    assert row.split() == ["alone", "CPython", "3.13", "4", "4", "0", "4", "(50.0%)", "0", "0", "31.2%"]
    assert len(head) == len(row)
    assert "independently" in text
    assert "NOTE" not in text


def test_what_changed_between_the_runs_is_said() -> None:
    """Another version, or another digest of a claim, is another experiment."""
    runs = [run_of(claim("a"), claim("b")), run_of(claim("a", digest="other"), claim("b"), version="0.2.0")]
    text = soak.format_report(runs)
    assert "several versions of pytest-concclaims: 0.1.0, 0.2.0." in text
    assert "(they have several digests): a." in text


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (run_of(claim("a"), claim("b", "inconclusive"), claim("c", "not_applicable")), 0),
        (run_of(claim("a", "refuted")), 1),
        (run_of(claim("a", expected="refuted")), 1),
        (run_of(claim("a", "error")), 1),
        (run_of(claim("a"), error="the run did not complete"), 1),
    ],
)
def test_exit_status_shows_wrong_verdicts_and_errors(run: Any, status: int) -> None:
    """One such run suffices."""
    assert soak.exit_status([run_of(claim("a")), run]) == status


def test_progress_names_what_went_wrong_and_why() -> None:
    """The line is printed at once, as the soak may take hours."""
    failed = {"kind": "assertion", "holds": False, "expression": "assert x == 1", "location": "t.py:1"}
    wrong = claim("snow", "refuted", evidence=[{**failed, "explanation": "assert 2 == 1"}])
    other = claim("ice", expected="refuted", reason=None, evidence=[{"kind": "note", "text": "was warm"}])
    broken = claim("hail", "error", reason="it did not\ncome to an end")
    unknown = claim("fog", "refuted", evidence=[{"kind": "hearsay"}])
    run = run_of(wrong, other, broken, unknown, claim("rain"), number=3, error="no run record\nSegmentation fault")
    head, *rest = soak.progress(run, [run_of(claim("rain")), run], 7)
    assert head.startswith(
        "[7 left] run 3, alone, CPython 3.13: 2.5 s; so far 5 verdicts, 3 wrong, 0 inconclusive, 2 e"
    )
    assert rest == [
        "  WRONG snow: REFUTED, expected CONFIRMED: failed: assert x == 1 (assert 2 == 1)",
        "  WRONG ice: CONFIRMED, expected REFUTED: was warm",
        "  ERROR hail: it did not come to an end",
        "  WRONG fog: REFUTED, expected CONFIRMED: its evidence is in the output",
        "  ERROR no run record",
        "  ERROR Segmentation fault",
    ]


# --- processes


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    # In a container, there may be no process that waits for orphans, so they stay zombies.
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children_of(parent: int) -> set[int]:
    """Return the ids of a process's children."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "stat").read_text().rpartition(")")[2].split()[1] == str(parent):
                found.add(int(folder.name))
    return found


@pytest.mark.parametrize("text", ["hogs:2", "random-hogs:1"])
def test_hogs_run_during_the_block_and_not_after_it(text: str) -> None:
    """All have started when the block begins, and have been waited for when it ends."""
    condition = soak.parse_condition(text)
    with soak.hogs_beside(condition, "seed") as hogs:
        assert len(hogs) == condition.hogs
        assert [hog.poll() for hog in hogs] == [None] * condition.hogs
    assert None not in [hog.returncode for hog in hogs]


def state_and_ticks(pid: int) -> tuple[str, int]:
    """Return a process's state (``R``, ``S``), and its CPU time in ticks of the kernel's clock."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[11])


@linux
@pytest.mark.parametrize("text", ["hogs:1", "random-hogs:1"])
def test_hog_burns_cpu_time(text: str) -> None:
    """Its CPU time grows."""
    with soak.hogs_beside(soak.parse_condition(text), "seed") as (hog,):
        before = state_and_ticks(hog.pid)[1]
        wait_until(lambda: state_and_ticks(hog.pid)[1] > before + 10)


@linux
def test_random_hog_comes_and_goes() -> None:
    """It sleeps, and then burns CPU time again."""
    with soak.hogs_beside(soak.Condition("random-hogs", 1), "seed") as (hog,):
        for _ in range(2):
            wait_until(lambda: state_and_ticks(hog.pid)[0] == "R")
            wait_until(lambda: state_and_ticks(hog.pid)[0] == "S")


def test_hogs_end_with_a_block_that_raises() -> None:
    """As after Ctrl-C."""
    with pytest.raises(KeyboardInterrupt), soak.hogs_beside(HOGS, "seed") as hogs:  # noqa: PT012  (the block is tested)
        seen = list(hogs)
        raise KeyboardInterrupt
    assert None not in [hog.returncode for hog in seen]


def test_hog_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No run takes place without its condition."""
    broken = tmp_path / "broken.py"
    broken.write_text("")
    monkeypatch.setattr(soak, "__file__", str(broken))
    with pytest.raises(soak.SoakError, match="a hog did not start"), soak.hogs_beside(HOGS, "seed"):
        pytest.fail("the block was run")


def test_hog_ends_when_its_parent_closes_the_pipe() -> None:
    """The kernel does that if the parent is killed."""
    command = [sys.executable, str(SCRIPT), soak.HOG]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as hog:
        assert hog.stdin is not None
        assert hog.stdout is not None
        assert hog.stdout.read(1) == b"."
        hog.stdin.close()
        assert hog.wait(TIMEOUT_S) == 0


# --- bad input

SNOW = """
@pytest.mark.claim("Snow is white")
def test_white():
    snow = 1
    assert snow == 1

@pytest.mark.claim("Snow is black")
@pytest.mark.refuted(True, reason="it reflects light")
def test_black():
    snow = 1
    assert snow == 2
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to the folder of a project with claims in ``test_claims.py``, which a test may replace."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "demo"\n[tool.pytest.ini_options]\nclaims_suites = []\n'
    )
    write_claims(folder, SNOW)
    monkeypatch.chdir(folder)
    return folder


def write_claims(folder: Path, code: str) -> None:
    """Write the project's claims."""
    (folder / "test_claims.py").write_text("import os, threading\nimport pytest\n" + dedent(code))


def arguments(*more: str, runs: int = 1) -> list[str]:
    """Return the arguments for a soak of the project on this interpreter."""
    return ["--python", sys.executable, "--runs", str(runs), "--select", "test_claims.py", *more]


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a soak that is refused, and return its one line."""
    try:
        status = soak.main(words)
    except SystemExit as left:  # by argparse
        status = left.code
    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    assert printed.err.startswith("soak: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--runs", "1"], r"no interpreter; give one .*: --python PATH"),
        (["--python", sys.executable], r"missing or less than 1; give --runs N"),
        (["--python", sys.executable, "--runs", "0"], r"less than 1; give --runs N"),
        (["--runs", "many"], r"--runs: invalid int value: 'many' \(--help has the options\)"),
        (["--condition", "idle"], r"--condition idle: no such condition"),
        (["--python", "no-such-python", "--runs", "1"], r"'no-such-python' is not a program"),
        (arguments("--budget", "0"), r"--budget 0: must be a positive number of seconds"),
        (arguments("--deadline", "nan"), r"--deadline nan: must be a positive number of seconds"),
        (arguments("--keyword", "nothing"), r"nothing to run on .* change --select or --keyword"),
        (
            ["--python", sys.executable, "--runs", "1", "--select", "test_missing.py"],
            r"pytest says .*test_missing\.py",
        ),
        (arguments("--output", "missing/soak.jsonl"), r"cannot be written \(.*\); give another --output"),
        (["--report", "--output", "missing.jsonl"], r"missing\.jsonl has no runs; give the --output of a soak"),
    ],
)
@pytest.mark.usefixtures("project")
def test_bad_input_is_refused_in_a_line(capsys: pytest.CaptureFixture[str], words: list[str], error: str) -> None:
    """It says what to do, before anything is run."""
    assert re.search(error, refusal(capsys, *words))


def make_program(file: Path, *lines: str) -> str:
    """Make a shell script; return its path."""
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    file.chmod(0o755)
    return str(file)


@posix
def test_program_that_is_no_interpreter_for_claims_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interpreter without the plugin, a program that is not Python, and a file that cannot be run."""
    without = make_program(project / "without", f'exec "{sys.executable}" -I -S "$@"')
    assert f"it has no pytest-concclaims; install it: {without} -m pip install" in refusal(
        capsys, "--python", without, "--runs", "1"
    )
    other = make_program(project / "other", "echo hello")
    assert "it cannot be used (hello)" in refusal(capsys, "--python", other, "--runs", "1")
    (project / "other").write_bytes(b"\0")
    assert "it cannot be " in refusal(capsys, "--python", other, "--runs", "1")


def test_output_of_another_selection_is_not_continued(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise, the counts would be of two experiments."""
    (project / "soak.jsonl").write_bytes(lines_of(run_of(keyword="x")))
    line = refusal(capsys, *arguments())
    assert "soak.jsonl has runs of another selection (pytest --claims article -k x)" in line


def test_damaged_output_is_not_continued(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not changed."""
    content = b"{\n" + lines_of(run_of())
    (project / "soak.jsonl").write_bytes(content)
    assert "soak.jsonl, line 1: " in refusal(capsys, *arguments())
    assert (project / "soak.jsonl").read_bytes() == content


# --- whole soaks


def read(file: Path) -> list[dict[str, Any]]:
    """Return the lines of an output."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def run_once(
    project: Path, condition: str = "alone", *, keyword: str | None = None, deadline: float = TIMEOUT_S
) -> Any:
    """Run the project's claims once, without what a soak does before and after a run."""
    job = soak.Job(1, soak.parse_condition(condition), subject(sys.executable))
    selection = soak.Selection(("test_claims.py",), keyword)
    return soak.run_job(job, selection, project=project, seed=0, deadline=deadline)


def test_soak_goes_on_where_it_stopped(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs alone and beside a hog; later, after an incomplete line, a third one of each."""
    output = project / "soak.jsonl"
    words = ["--condition", "alone", "--condition", "hogs:1"]
    assert soak.main(arguments(*words, runs=2)) == 0
    lines = read(output)
    order = [(run, condition) for run in (1, 2) for condition in ("alone", "hogs:1")]
    assert [(line["run"], line["condition"]) for line in lines] == order
    for line in lines:
        assert (line["exit_status"], line["error"], line["version"]) == (0, None, "0.1.0")
        ends = [(item["id"], item["verdict"], item["expected"], item["reason"]) for item in line["claims"]]
        assert ends == [
            ("demo-white", "confirmed", "confirmed", None),
            ("demo-black", "refuted", "refuted", "it reflects light"),
        ]
    printed = capsys.readouterr()
    assert printed.err.count(" left] run ") == 4
    assert printed.out.splitlines()[3].split()[:5] == ["total", "4", "8", "0", "0"]

    before = output.read_bytes()
    output.write_bytes(before + before[:40])
    assert soak.main(arguments(*words, runs=3)) == 0
    assert output.read_bytes().startswith(before)
    assert [(line["run"], line["condition"]) for line in read(output)[4:]] == [(3, "alone"), (3, "hogs:1")]
    printed = capsys.readouterr()
    assert "the last line of soak.jsonl is unfinished" in printed.err
    assert printed.out.splitlines()[3].split()[:5] == ["total", "6", "12", "0", "0"]

    assert soak.main(["--report", "--by-claim"]) == 0
    assert capsys.readouterr().out.count("demo-black") == 2


def test_wrong_verdict_is_printed_and_fails_the_soak(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line has the evidence in words, and the output has the evidence."""
    write_claims(project, SNOW.replace("assert snow == 1", "assert snow == 3"))
    assert soak.main(arguments()) == 1
    assert "  WRONG demo-white: REFUTED, expected CONFIRMED: failed: assert snow == 3" in capsys.readouterr().err
    white, black = read(project / "soak.jsonl")[0]["claims"]
    assert white["evidence"][0]["kind"] == "assertion"
    assert black["evidence"] is None


def test_run_without_a_record_is_a_loud_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts as an error, with how it ended and the end of its output."""
    claims = """
    @pytest.mark.claim("Snow is white")
    def test_white(capfd):
        with capfd.disabled():
            os.write(2, b"goodbye")
            os._exit(7)
    """
    write_claims(project, claims)
    assert soak.main(arguments()) == 1
    printed = capsys.readouterr()
    (line,) = read(project / "soak.jsonl")
    assert re.fullmatch(r"no run record, exit status 7; the end of its output:\n(.*\n)*goodbye", line["error"])
    assert (line["exit_status"], line["claims"]) == (7, [])
    assert "  ERROR no run record, exit status 7" in printed.err
    assert "  ERROR goodbye" in printed.err
    assert printed.out.splitlines()[2].split() == ["total", "1", "0", "0", "0", "1", "0", "-"]


def test_run_that_does_not_end_is_ended_at_its_deadline(project: Path) -> None:
    """That is an error."""
    write_claims(project, SNOW.replace("snow = 1", "threading.Event().wait()"))
    run = run_once(project, deadline=0.05)
    assert run.exit_status is None
    assert run.error.startswith("killed at its deadline of 0.05 s (--deadline)")


LEAK = """
@pytest.mark.claim("Snow is white")
def test_white(tmp_path):
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (tmp_path / "kept").touch()
    tempfile.mkstemp(".left")
    snow = 1
    assert snow == 1
"""


@linux
def test_run_that_leaves_something_behind_is_an_error(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names it, and a process is killed; what pytest itself keeps does not count."""
    # It does not disappear by itself, so do not wait for that.
    monkeypatch.setattr(soak.Surroundings, "left_behind", partialmethod(soak.Surroundings.left_behind, grace=0))
    write_claims(project, "import subprocess, sys, tempfile\n" + dedent(LEAK))
    assert soak.main(arguments()) == 1
    (line,) = read(project / "soak.jsonl")
    found = re.match(r"left behind: process (\d+) \(\S+ -c import signal; signal.pause\(\)\), ", line["error"])
    assert found
    assert not is_running(int(found[1]))
    assert re.findall(r"file (\S+)", line["error"]) == re.findall(r"\S+\.left", line["error"])
    assert [item["verdict"] for item in line["claims"]] == ["confirmed"]
    printed = capsys.readouterr()
    assert "  ERROR left behind: process " in printed.err
    assert printed.out.splitlines()[2].split()[:6] == ["total", "1", "1", "0", "0", "1"]


@linux
def test_run_that_is_interrupted_leaves_no_process(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that left pytest's group."""
    started = []

    def interrupted(*args: Any) -> None:
        environment = next(each for each in args if isinstance(each, dict))
        command = [sys.executable, "-c", "import signal; signal.pause()"]
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        started.append(process)
        # The process is found by its environment, which the kernel shows only a moment after Popen has returned.
        marks = {f"{name}={value}".encode() for name, value in environment.items() if name not in os.environ}
        file = Path(f"/proc/{process.pid}/environ")
        wait_until(lambda: marks <= set(file.read_bytes().split(b"\0")))
        raise KeyboardInterrupt

    monkeypatch.setattr(soak, "_run", interrupted)
    job = soak.Job(1, ALONE, subject(sys.executable))
    with pytest.raises(KeyboardInterrupt):
        soak.run_job(job, soak.Selection(("test_claims.py",)), project=project, seed=0, deadline=TIMEOUT_S)
    (process,) = started
    assert process.wait(TIMEOUT_S) == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_run_on_one_core_has_one_cpu(project: Path) -> None:
    """Pytest has one CPU, and this process has all of its own."""
    write_claims(project, SNOW.replace("snow = 1", "snow = len(os.sched_getaffinity(0))"))
    before = os.sched_getaffinity(0)
    run = run_once(project, "one-core", keyword="white")
    assert soak.exit_status([run]) == 0
    assert os.sched_getaffinity(0) == before


def test_workers_share_the_claims_of_a_run(project: Path) -> None:
    """As with ``pytest -n``."""
    claims = SNOW.replace("snow = 1", "snow = int(os.environ['PYTEST_XDIST_WORKER_COUNT'] == '2')")
    write_claims(project, claims)
    run = run_once(project, "workers:2")
    assert soak.exit_status([run]) == 0
    assert [claim.verdict for claim in run.claims] == [Verdict.CONFIRMED, Verdict.REFUTED]


def test_runs_at_once_count_as_one_with_the_claims_of_all(project: Path, tmp_path: Path) -> None:
    """Neither ends before the other has begun."""
    claims = f"""
    @pytest.mark.claim("Snow is white")
    def test_white():
        with open({str(tmp_path / "here")!r}, "a+") as here:
            print(os.getpid(), file=here, flush=True)
            while here.seek(0) or len(here.readlines()) < 2:
                time.sleep(0.01)
        snow = 1
        assert snow == 1
    """
    write_claims(project, "import time\n" + dedent(claims))
    run = run_once(project, "at-once:2")
    assert soak.exit_status([run]) == 0
    assert [claim.verdict for claim in run.claims] == [Verdict.CONFIRMED, Verdict.CONFIRMED]
    assert len(set((tmp_path / "here").read_text().split())) == 2


def test_any_of_runs_at_once_that_fails_is_an_error(project: Path, tmp_path: Path) -> None:
    """The claims of the others count all the same."""
    claims = f"""
    @pytest.mark.claim("Snow is white")
    def test_white(capfd):
        try:
            os.mkdir({str(tmp_path / "first")!r})
        except OSError:
            os._exit(7)
        snow = 1
        assert snow == 1
    """
    write_claims(project, claims)
    run = run_once(project, "at-once:2")
    assert soak.exit_status([run]) == 1
    assert run.error.startswith("no run record, exit status 7")
    assert run.exit_status == 7
    assert [claim.verdict for claim in run.claims] == [Verdict.CONFIRMED]


def test_platform_without_affinity_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The condition does not exist there."""
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert "this platform has no os.sched_setaffinity" in refusal(capsys, *arguments("--condition", "one-core"))
    assert not (project / "soak.jsonl").exists()


def test_shipped_claims_run_out_of_reach_of_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its settings nor options for another pytest apply."""
    (project / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    words = ["--python", sys.executable, "--runs", "1", "--select", "article/test_1_1_variables.py"]
    assert soak.main([*words, "--keyword", "parents_current_value"]) == 0
    (line,) = read(project / "soak.jsonl")
    assert {item["id"].partition("-")[0] for item in line["claims"]} == {"article"}


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
def test_soak_that_is_ended_leaves_no_process(project: Path, number: signal.Signals) -> None:
    """Neither a hog nor pytest; and the run that was interrupted does not count."""
    write_claims(project, SNOW.replace("snow = 1", "open('begun', 'w').close(), threading.Event().wait()"))

    def hear_of_ctrl_c() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a process in the background of a shell ignores it

    command = [sys.executable, str(SCRIPT), *arguments("--condition", "hogs:1")]
    with subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(project)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=hear_of_ctrl_c,
    ) as process:
        try:
            wait_until(lambda: (project / "begun").exists() or process.poll() is not None)
            children = children_of(process.pid)
            assert len(children) == 2
        finally:
            process.send_signal(number)
        said = process.communicate(timeout=TIMEOUT_S)[1]
    assert process.returncode == (soak.INTERRUPTED if number == signal.SIGINT else -signal.SIGKILL)
    assert (b"interrupted; the same command continues it" in said) is (number == signal.SIGINT)
    wait_until(lambda: not any(map(is_running, children)))
    assert (project / "soak.jsonl").read_bytes() == b""
