"""A run of claims as a whole: its options, what it refuses, and how pytest's other features work in it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from helpers.claims_project import (
    ALL_ENDS,
    COMPANION,
    RECORD,
    VERDICTS,
    junit_properties,
    make_project,
    one_claim,
    run_claims,
    run_once,
)

pytestmark = pytest.mark.plugin


# --- options and settings


@pytest.mark.parametrize("budget", ["0", "-1", "nan", "inf", "two", "", "1s"])
def test_budget_that_is_no_positive_number_is_a_usage_error(pytester: pytest.Pytester, budget: str) -> None:
    """The error names the option and says what to write."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester, f"--claims-budget={budget}")
    assert run.status == 4
    run.result.stderr.fnmatch_lines(
        [f"*--claims-budget: '{budget}' must be a positive number of seconds, e.g. 2 or 0.5*"]
    )


def test_unknown_suite_in_the_settings_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """The error names the file, the setting, and the suites that there are."""
    make_project(pytester, one_claim("assert lab"))
    settings = pytester.path / "pyproject.toml"
    text = settings.read_text(encoding="utf-8").replace("[]", '["artikel"]')
    settings.write_text(text, encoding="utf-8")
    run = run_claims(pytester)
    assert run.status == 4
    run.result.stderr.fnmatch_lines([f"*{settings}: claims_suites names 'artikel'*write one of: *article*"])


def test_unknown_suite_of_the_option_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """The error names the option and the suites that there are."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester, "--claims-suite=artikel", "test_claims.py")
    assert run.status == 4
    run.result.stderr.fnmatch_lines(["*--claims-suite names 'artikel', not a shipped suite; write one of: *article*"])


def test_unknown_path_is_pytests_usage_error(pytester: pytest.Pytester) -> None:
    """What can only be meant as a path is refused as ever."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester, "artikel/test_3_1.py")
    assert run.status == 4
    run.result.stderr.fnmatch_lines(["*not found: artikel/test_3_1.py*"])


MARKER_FILE = "from pathlib import Path\nPath(__file__).with_name('imported').touch()\n"


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ("run.txt", "'run.txt' has no suffix that names a format; end it in .json"),
        ("run", "'run' has no suffix that names a format"),
        ("", "has no suffix that names a format"),
        ("folder.json", "folder.json: cannot be written: it is a folder; name another file"),
        ("test_claims.py/run.json", "run.json: cannot be written: "),
    ],
)
def test_report_that_cannot_be_written_is_a_usage_error_before_anything_runs(
    pytester: pytest.Pytester, report: str, words: str
) -> None:
    """A run whose record is lost is not worth waiting for."""
    make_project(pytester, MARKER_FILE + one_claim("assert lab"))
    pytester.mkdir("folder.json")
    result = pytester.runpytest_inprocess("--claims", f"--claims-report={report}")
    assert result.ret == 4
    error = result.stderr.str()
    assert "--claims-report" in error
    assert words in error
    assert not (pytester.path / "imported").exists()
    assert not (pytester.path / RECORD).exists()


def test_report_goes_into_a_folder_that_is_made_for_it(pytester: pytest.Pytester) -> None:
    """A folder that is missing is no reason to refuse."""
    make_project(pytester, one_claim("assert lab"))
    result = pytester.runpytest_inprocess("--claims", "--claims-report=new/folder/run.json")
    assert result.ret == 0
    assert [file.name for file in (pytester.path / "new" / "folder").iterdir()] == ["run.json"]


@pytest.mark.parametrize("option", ["--claims-report", "--claims-baseline"])
def test_path_that_would_change_the_project_is_refused(
    pytester: pytest.Pytester, tmp_path: Path, option: str
) -> None:
    """Pytest takes an existing path after an option of a plugin for one of tests: the ids would not be the same."""
    make_project(pytester, COMPANION)
    outside = tmp_path / "elsewhere" / "run.json"
    first = run_claims(pytester, f"--claims-report={outside}")
    assert first.verdicts == {"companion": "confirmed"}
    refused = run_claims(pytester, option, str(outside))
    assert refused.status == pytest.ExitCode.USAGE_ERROR
    assert f"write {option}={outside}" in refused.output
    assert run_claims(pytester, f"{option}={outside}").verdicts == {"companion": "confirmed"}


@pytest.mark.parametrize(("flags", "variable"), [(["-O"], ""), ([], "1")], ids=["-O", "PYTHONOPTIMIZE"])
def test_optimized_interpreter_is_refused(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, flags: list[str], variable: str
) -> None:
    """It leaves assertions out, so no verdict could be trusted."""
    make_project(pytester, COMPANION)
    monkeypatch.setenv("PYTHONOPTIMIZE", variable)
    result = pytester.run(sys.executable, *flags, "-m", "pytest", "--claims", f"--claims-report={RECORD}")
    assert result.ret == 4
    assert "under python -O or PYTHONOPTIMIZE: assertions are left out; run pytest without it" in result.stderr.str()
    assert not (pytester.path / RECORD).exists()


def test_two_files_with_one_node_id_are_refused(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest and xdist go by node ids, so one of the claims would vanish."""
    make_project(pytester, COMPANION)
    for folder in ("one", "two"):
        path = pytester.path / folder
        path.mkdir()
        (path / "test_it.py").write_text(f"import pytest\n{COMPANION}".replace('"One is one"', f'"1", id="{folder}"'))
    root = pytester.mkdir("root")
    run = run_claims(pytester, f"--rootdir={root}", "--import-mode=importlib", "one", "two")
    assert run.status == 4
    assert "is the node id of claims in several files" in run.output


@pytest.mark.interpreter
@pytest.mark.skipif(not hasattr(signal, "SIGCHLD"), reason="no SIGCHLD here")
def test_ignored_sigchld_hides_no_crash(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent that ignores SIGCHLD hands that down; every child would seem to have exited with 0."""
    body = "child = lab.child(crash)\nassert child.signal == signal.SIGKILL"
    prelude = "import os, signal\ndef crash():\n    os.kill(os.getpid(), signal.SIGKILL)"
    make_project(pytester, one_claim(body, prelude=prelude))
    script = pytester.makepyfile(
        start="""
        import os, signal, sys
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, "-m", "pytest", "--claims"])
        """
    )
    result = pytester.run(sys.executable, script)
    result.stdout.fnmatch_lines(["2 claims: 2 confirmed*"])


# --- the lab outside of claims


def test_lab_in_a_test_that_is_no_claim_is_an_error_of_the_test(pytester: pytest.Pytester) -> None:
    """In a plain pytest run the test ends in an error that says what to do; the others run."""
    make_project(pytester, "def test_x(lab): pass\ndef test_y(): pass\n")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["test_claims.py::test_x uses the lab, but is not a claim; mark it with*"])


def test_projects_own_fixture_may_be_named_lab(pytester: pytest.Pytester) -> None:
    """A fixture of that name that is the project's is none of the plugin's business."""
    make_project(
        pytester,
        "@pytest.fixture\ndef lab():\n    return 'chemistry'\n"
        "def test_x(lab):\n    assert lab == 'chemistry'\n"
        "@pytest.mark.claim('Chemistry is near')\ndef test_y(lab):\n    assert lab == 'chemistry'\n",
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1, deselected=1)
    assert run_claims(pytester).verdicts == {"y": "confirmed"}


# --- without some plugins


@pytest.mark.parametrize(
    "missing", [["xdist"], ["benchmark"], ["xdist", "benchmark"], ["junitxml", "cacheprovider"]], ids=str
)
def test_claims_run_without_some_plugins(pytester: pytest.Pytester, missing: list[str]) -> None:
    """Neither pytest-xdist nor pytest-benchmark is needed for a run."""
    run = run_once(pytester, ALL_ENDS, *(option for name in missing for option in ("-p", f"no:{name}")))
    assert run.verdicts == VERDICTS
    if "benchmark" in missing:
        assert run.record is not None
        assert "pytest-benchmark" not in run.record["tool"]


@pytest.mark.parametrize("body", ["assert lab", "threading.Thread(target=int, args=('x',)).start()\nassert lab"])
def test_warnings_may_be_errors(pytester: pytest.Pytester, body: str) -> None:
    """Under ``-W error`` the verdicts are what they are, and the plugin itself warns of nothing."""
    make_project(pytester, ALL_ENDS + one_claim(body, prelude="import threading").replace(COMPANION, ""))
    run = run_claims(pytester, "-W", "error")
    assert run.verdicts == {**VERDICTS, "snow": "error" if "Thread" in body else "confirmed"}
    assert "warnings" not in run.result.parseoutcomes()


# --- pytest's own features


def test_junit_has_statement_result_and_finding_as_properties(pytester: pytest.Pytester) -> None:
    """For CI systems that read JUnit's XML and nothing else."""
    run = run_once(pytester, ALL_ENDS, "--junit-xml=junit.xml")
    properties = junit_properties(run)
    assert {name: entry["verdict"] for name, entry in properties.items()} == {
        f"test_{name.replace('-', '_')}": verdict for name, verdict in VERDICTS.items()
    }
    assert properties["test_refuted"] == {
        "claim": "demo-refuted",
        "statement": "Snow is black",
        "expected": "refuted",
        "verdict": "refuted",
        "result": "REFUTED as expected, because it reflects light",
        "finding": "failed: assert snow == 2 (assert 1 == 2)",
    }
    assert properties["test_inconclusive"]["result"] == "INCONCLUSIVE: not met: a ruler"
    assert properties["test_unexpectedly_refuted"]["result"] == "REFUTED, expected CONFIRMED"
    assert properties["test_confirmed"]["finding"] == "seen on two mountains"


def test_junit_of_a_statement_with_control_characters_can_be_read(pytester: pytest.Pytester) -> None:
    """XML has no place for them; the file must stay XML."""
    make_project(pytester, one_claim("assert lab").replace("Snow is", "Snow\\x1b[31m\\x00 is"))
    run = run_claims(pytester, "--junit-xml=junit.xml")
    assert run.status == 0
    assert junit_properties(run)["test_snow"]["verdict"] == "confirmed"


def test_last_failed_runs_the_unexpected_again(pytester: pytest.Pytester) -> None:
    """--lf goes by pytest's outcomes, so an expected refutation is no failure."""
    make_project(pytester, ALL_ENDS)
    run_claims(pytester)
    again = run_claims(pytester, "--lf")
    assert set(again.verdicts) == {"unexpectedly-refuted", "unexpectedly-confirmed", "error"}


def test_keyword_chooses_claims(pytester: pytest.Pytester) -> None:
    """-k as ever, and the record holds what ran."""
    run = run_once(pytester, ALL_ENDS, "-k", "refuted and not unexpectedly")
    assert run.verdicts == {"refuted": "refuted"}
    assert run.status == 0


def test_first_unexpected_ends_the_run_with_x(pytester: pytest.Pytester) -> None:
    """-x passes by an expected refutation and skips."""
    run = run_once(pytester, ALL_ENDS, "-x")
    assert list(run.verdicts) == ["confirmed", "refuted", "inconclusive", "not-applicable", "unexpectedly-refuted"]


# --- the folder of the machine lock


@pytest.mark.parametrize(("folder", "words"), [("relative", "an absolute path"), ("{}/file", "folder is a file")])
def test_lock_folder_that_cannot_be_used_is_a_usage_error(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, folder: str, words: str
) -> None:
    """It is said once, before any claim runs."""
    (pytester.path / "file").touch()
    monkeypatch.setenv("PYTEST_CONCCLAIMS_LOCK_DIR", folder.format(pytester.path))
    make_project(pytester, one_claim("assert lab is not None"))
    run = run_claims(pytester)
    assert (run.status, run.record) == (4, None)
    (error,) = [line for line in run.result.stderr.lines if line]
    assert error.startswith("ERROR: PYTEST_CONCCLAIMS_LOCK_DIR: ")
    assert words in error
