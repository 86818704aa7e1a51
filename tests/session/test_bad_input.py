"""Claims and options that make no sense: each is refused with exit status 4, its place and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from helpers.claims_project import COMPANION, RECORD, make_project, one_claim, run_claims

CLAIM = '@pytest.mark.claim("Snow is white")\n'
TEST = "def test_snow(): pass\n"

#: Source of a module, the line that the error must name, and what it must say.
MODULES = {
    "no statement": ("@pytest.mark.claim\n" + TEST, 2, "a claim needs its statement; write @pytest.mark.claim("),
    "called without statement": ("@pytest.mark.claim()\n" + TEST, 2, "a claim needs its statement"),
    "only a source": ("@pytest.mark.claim(source='x')\n" + TEST, 2, "a claim needs its statement"),
    "empty statement": ("@pytest.mark.claim(' \\n')\n" + TEST, 2, "a claim needs its statement"),
    "statement is no text": ("@pytest.mark.claim(3)\n" + TEST, 2, "a claim needs its statement"),
    "two statements": ("@pytest.mark.claim('x', 'y')\n" + TEST, 2, "write claim(statement, *, source=None, id=None)"),
    "statement given twice": ("@pytest.mark.claim('x', statement='y')\n" + TEST, 2, "write claim(statement, *"),
    "unknown argument": ("@pytest.mark.claim('x', soruce='y')\n" + TEST, 2, "write claim(statement, *"),
    "source is no text": ("@pytest.mark.claim('x', source=3)\n" + TEST, 2, "source=3 of a claim must be some text"),
    "empty id": ("@pytest.mark.claim('x', id='')\n" + TEST, 2, "id='' of a claim must be some text"),
    "unprintable id": (
        "@pytest.mark.claim('x', id='a\\x1bb')\n" + TEST,
        2,
        r"id='a\x1bb' of a claim holds characters",
    ),
    "two claims on one function": (CLAIM + CLAIM + TEST, 2, "two claim markers in one place"),
    "refuted without reason": (CLAIM + "@pytest.mark.refuted(True)\n" + TEST, 2, "refuted needs a reason"),
    "refuted with nothing": (CLAIM + "@pytest.mark.refuted\n" + TEST, 2, "refuted needs a reason"),
    "refuted with empty reason": (
        CLAIM + "@pytest.mark.refuted(True, reason=' ')\n" + TEST,
        2,
        "refuted needs a reason",
    ),
    "refuted with reason of another type": (
        CLAIM + "@pytest.mark.refuted(True, reason=1)\n" + TEST,
        2,
        "write refuted(condition, *, reason)",
    ),
    "refuted without condition": (
        CLAIM + "@pytest.mark.refuted(reason='x')\n" + TEST,
        2,
        "write refuted(condition, *, reason)",
    ),
    "refuted with two conditions": (
        CLAIM + "@pytest.mark.refuted(True, False, reason='x')\n" + TEST,
        2,
        "write refuted(condition, *, reason)",
    ),
    "condition of text": (
        CLAIM + "@pytest.mark.refuted('sys.platform', reason='x')\n" + TEST,
        2,
        "the condition of refuted is 'sys.platform'; it must be true or false",
    ),
    "condition of a number": (CLAIM + "@pytest.mark.refuted(1, reason='x')\n" + TEST, 2, "refuted is 1; it must be"),
    "second refuted marker is bad": (
        CLAIM + "@pytest.mark.refuted(None, reason='x')\n@pytest.mark.refuted(True, reason='y')\n" + TEST,
        2,
        "refuted is none; it must be",
    ),
    "refuted without claim": ("@pytest.mark.refuted(True, reason='x')\n" + TEST, 2, "refuted without claim; add"),
    "lab without claim": (
        "\ndef test_snow(lab): pass\n",
        3,
        "it uses the lab, but is no claim; add @pytest.mark.claim(",
    ),
    "lab by usefixtures without claim": (
        "@pytest.mark.usefixtures('lab')\n" + TEST,
        2,
        "it uses the lab, but is no claim",
    ),
    "unknown parameter": (
        "@pytest.mark.claim('{y} is white')\n@pytest.mark.parametrize('x', [1])\ndef test_snow(x): pass\n",
        2,
        "names {y}, which is no parameter of the test (its parameters: x)",
    ),
    "parameter of a test without any": (
        "@pytest.mark.claim('{} is white')\n" + TEST,
        2,
        "a brace that is meant is written twice: {{ }}",
    ),
    "unknown parameter in the id": ("@pytest.mark.claim('x', id='x-{y}')\n" + TEST, 2, "the id names {y}"),
    "opening brace": (
        "@pytest.mark.claim('snow {is white')\n" + TEST,
        2,
        "brace that is meant is written twice: {{ }}",
    ),
    "closing brace": (
        "@pytest.mark.claim('snow is} white')\n" + TEST,
        2,
        "brace that is meant is written twice: {{ }}",
    ),
    "attribute of a parameter": (
        "@pytest.mark.claim('{x.real} is white')\n@pytest.mark.parametrize('x', [1])\ndef test_snow(x): pass\n",
        2,
        "names {x.real}, which is no parameter",
    ),
    "unknown conversion": (
        "@pytest.mark.claim('{x!z} is white')\n@pytest.mark.parametrize('x', [1])\ndef test_snow(x): pass\n",
        2,
        "the statement is no valid template",
    ),
    "format of a number": (
        "@pytest.mark.claim('{x:d} is white')\n@pytest.mark.parametrize('x', [1])\ndef test_snow(x): pass\n",
        2,
        "the statement is no valid template",
    ),
    "xfail": (CLAIM + "@pytest.mark.xfail\n" + TEST, 2, "xfail on a claim: "),
    "xfail of the class": (
        "@pytest.mark.xfail(reason='x')\nclass TestX:\n    " + CLAIM + "    def test_snow(self): pass\n",
        4,
        "is said with @pytest.mark.refuted(condition, reason=",
    ),
    "xfail of a parameter": (
        CLAIM + "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.xfail)])\ndef test_snow(x): pass\n",
        2,
        "xfail on a claim: ",
    ),
    "method of a TestCase": (
        "import unittest\nclass TestX(unittest.TestCase):\n    " + CLAIM + "    def test_snow(self): pass\n",
        4,
        "a unittest.testcase method cannot be a claim",
    ),
}


@pytest.mark.parametrize(
    ("code", "line", "words"), MODULES.values(), ids=[name.replace(" ", "_") for name in MODULES]
)
def test_bad_claim_is_a_usage_error_that_names_its_place(
    pytester: pytest.Pytester, code: str, line: int, words: str
) -> None:
    """Nothing runs, and the error says where and how to write it."""
    make_project(pytester, code + COMPANION)
    run = run_claims(pytester)
    assert run.status == 4
    assert run.record is None
    (error,) = [text for text in run.result.stderr.lines if text]
    assert error.startswith(f"ERROR: test_claims.py:{line} (test_claims.py::")
    assert words.lower() in error.lower()
    assert "run record" not in run.output


def test_all_bad_claims_are_named_at_once(pytester: pytest.Pytester) -> None:
    """Who repairs one should not have to look for the next with another run."""
    make_project(pytester, "@pytest.mark.claim\ndef test_a(): pass\n@pytest.mark.refuted(1)\ndef test_b(): pass\n")
    run = run_claims(pytester)
    assert run.status == 4
    run.result.stderr.fnmatch_lines(
        ["ERROR: test_claims.py:2 *statement*", "ERROR: test_claims.py:4 *without claim*"]
    )


def test_two_claims_with_one_id_are_a_usage_error_that_names_both_places(pytester: pytest.Pytester) -> None:
    """Reports are keyed by id."""
    marked = "@pytest.mark.claim('It is so', id='demo-snow')\n" + TEST
    make_project(pytester, marked + marked.replace("test_snow", "test_rain"))
    run = run_claims(pytester)
    assert run.status == 4
    assert run.record is None
    (error,) = [text for text in run.result.stderr.lines if text]
    assert error == (
        'ERROR: 2 claims have the id "demo-snow": test_claims.py:2 (test_claims.py::test_snow) and '
        "test_claims.py:4 (test_claims.py::test_rain); rename one, or give it an id of its own: "
        '@pytest.mark.claim("...", id="...")'
    )


def test_bad_claims_are_the_same_usage_error_under_xdist(pytester: pytest.Pytester) -> None:
    """The workers find them; the controlling process says it once, with the same words and status."""
    pytest.importorskip("xdist")
    make_project(
        pytester, "@pytest.mark.claim\n" + TEST + CLAIM + TEST.replace("snow", "x") + CLAIM + "def test_X(): pass"
    )
    plain = run_claims(pytester)
    run = run_claims(pytester, "-n", "2", subprocess=True)
    assert plain.status == run.status == 4
    assert run.record is None
    wanted = [line for line in plain.result.stderr.lines if line.startswith("ERROR: ")]
    assert wanted
    assert [line for line in run.output.splitlines() if line.startswith("ERROR: ")] == wanted


# --- options and settings


@pytest.mark.parametrize("budget", ["0", "-1", "nan", "inf", "two", "", "1s"])
def test_budget_that_is_no_positive_number_is_a_usage_error(pytester: pytest.Pytester, budget: str) -> None:
    """The error names the option and says what to write."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester, f"--claims-budget={budget}")
    assert run.status == 4
    run.result.stderr.fnmatch_lines([f"*--claims-budget: '{budget}' is no positive number of seconds; write one*"])


def test_unknown_suite_in_the_settings_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """The error names the file, the setting, and the suites that there are."""
    make_project(pytester, one_claim("assert lab"))
    settings = pytester.path / "pyproject.toml"
    text = settings.read_text(encoding="utf-8").replace("[]", '["artikel"]')
    settings.write_text(text, encoding="utf-8")
    run = run_claims(pytester)
    assert run.status == 4
    run.result.stderr.fnmatch_lines([f"*{settings}: claims_suites names 'artikel'*there is: *article*"])


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
        ("folder.json", "folder.json: cannot be written: it is a folder; name another place"),
        ("test_claims.py/run.json", "run.json: cannot be written: "),
    ],
)
def test_report_that_cannot_be_written_is_a_usage_error_before_anything_runs(
    pytester: pytest.Pytester, report: str, words: str
) -> None:
    """Nobody should wait for a run whose record is lost."""
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


@pytest.mark.parametrize(
    ("python", "arguments", "words"),
    [
        (("-O",), (), "under python -O or PYTHONOPTIMIZE: assertions are left out; run it without"),
        ((), ("--dist=each", "--tx=2*popen"), "--dist each: a claim has one verdict in a run; use --dist load"),
    ],
)
def test_what_would_falsify_verdicts_is_a_usage_error(
    pytester: pytest.Pytester, python: tuple[str, ...], arguments: tuple[str, ...], words: str
) -> None:
    """Assertions that are compiled away, or a claim that runs several times: no verdict could be trusted."""
    make_project(pytester, one_claim("assert lab"))
    result = pytester.run(sys.executable, *python, "-m", "pytest", "--claims", *arguments)
    assert result.ret == 4
    assert words in result.stderr.str()


def test_claim_that_pytest_would_pass_over_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """A claim with a name that is not collected would be missed by nobody."""
    make_project(pytester, CLAIM + "def snow(): pass\n" + COMPANION)
    run = run_claims(pytester)
    assert run.status == 4
    run.result.stderr.fnmatch_lines(
        ["ERROR: *test_claims.py:2 (snow): a claim that pytest does not collect; give it*"]
    )


# --- the lab outside of claims


def test_lab_in_a_test_that_is_no_claim_is_an_error_of_the_test(pytester: pytest.Pytester) -> None:
    """In a plain pytest run the test ends in an error that says what to do; the others run."""
    make_project(pytester, "def test_x(lab): pass\ndef test_y(): pass\n")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["test_claims.py::test_x uses the lab, but is no claim; mark it with*"])


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
