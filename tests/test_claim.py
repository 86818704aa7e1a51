"""Claims that make no sense: all are refused at once with exit status 4, each with its place and what to do."""

from __future__ import annotations

import pytest

from helpers.claims_project import COMPANION, Run, make_project, run_claims, run_once

CLAIM = '@pytest.mark.claim("Snow is white")\n'
TEST = "def test_snow(): pass\n"

pytestmark = pytest.mark.plugin

#: Source of a module, the line that the error must name, and what it must say.
MODULES = {
    "no statement": ("@pytest.mark.claim\n" + TEST, 2, "a claim needs its statement; write @pytest.mark.claim("),
    "called without statement": ("@pytest.mark.claim()\n" + TEST, 2, "a claim needs its statement"),
    "only a source": ("@pytest.mark.claim(source='x')\n" + TEST, 2, "a claim needs its statement"),
    "empty statement": ("@pytest.mark.claim(' \\n')\n" + TEST, 2, "a claim needs its statement"),
    "statement is no text": ("@pytest.mark.claim(3)\n" + TEST, 2, "a claim needs its statement"),
    "two statements": (
        "@pytest.mark.claim('x', 'y')\n" + TEST,
        2,
        "write claim(statement, *, source=None, id=None, budget=None)",
    ),
    "statement given twice": ("@pytest.mark.claim('x', statement='y')\n" + TEST, 2, "write claim(statement, *"),
    "unknown argument": ("@pytest.mark.claim('x', soruce='y')\n" + TEST, 2, "write claim(statement, *"),
    "source is no text": ("@pytest.mark.claim('x', source=3)\n" + TEST, 2, "source=3 of a claim must be a text that"),
    "budget of nothing": (
        "@pytest.mark.claim('x', budget=0)\n" + TEST,
        2,
        "budget=0 of a claim must be a positive number of seconds, e.g. budget=5; or leave it out",
    ),
    "budget of text": ("@pytest.mark.claim('x', budget='5')\n" + TEST, 2, "budget='5' of a claim must be a positive"),
    "budget that is true": ("@pytest.mark.claim('x', budget=True)\n" + TEST, 2, "budget=True of a claim must be a"),
    "budget without end": ("@pytest.mark.claim('x', budget=float('inf'))\n" + TEST, 2, "budget=inf of a claim must"),
    "empty id": ("@pytest.mark.claim('x', id='')\n" + TEST, 2, "id='' of a claim must be a text that is not empty"),
    "unprintable id": (
        "@pytest.mark.claim('x', id='a\\x1bb')\n" + TEST,
        2,
        r"id='a\x1bb' of a claim must have printable characters only",
    ),
    "two claims on one function": (CLAIM + CLAIM + TEST, 2, "two claim marks in one place"),
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
        "it uses the lab, but is not a claim; add @pytest.mark.claim(",
    ),
    "lab by usefixtures without claim": (
        "@pytest.mark.usefixtures('lab')\n" + TEST,
        2,
        "it uses the lab, but is not a claim",
    ),
    "unknown parameter": (
        "@pytest.mark.claim('{y} is white')\n@pytest.mark.parametrize('x', [1])\ndef test_snow(x): pass\n",
        2,
        "names {y}, which is not a parameter of the test (its parameters: x)",
    ),
    "parameter of a test without any": (
        "@pytest.mark.claim('{} is white')\n" + TEST,
        2,
        "write a literal brace twice: {{ }}",
    ),
    "unknown parameter in the id": ("@pytest.mark.claim('x', id='x-{y}')\n" + TEST, 2, "the id names {y}"),
    "opening brace": (
        "@pytest.mark.claim('snow {is white')\n" + TEST,
        2,
        "literal brace twice: {{ }}",
    ),
    "closing brace": (
        "@pytest.mark.claim('snow is} white')\n" + TEST,
        2,
        "literal brace twice: {{ }}",
    ),
    "attribute of a parameter": (
        "@pytest.mark.claim('{x.real} is white')\n@pytest.mark.parametrize('x', [1])\ndef test_snow(x): pass\n",
        2,
        "names {x.real}, which is not a parameter",
    ),
    "unknown conversion": (
        "@pytest.mark.claim('{x!z} is white')\n@pytest.mark.parametrize('x', [1])\ndef test_snow(x): pass\n",
        2,
        "the statement is not a valid template",
    ),
    "format of a number": (
        "@pytest.mark.claim('{x:d} is white')\n@pytest.mark.parametrize('x', [1])\ndef test_snow(x): pass\n",
        2,
        "the statement is not a valid template",
    ),
    "xfail": (CLAIM + "@pytest.mark.xfail\n" + TEST, 2, "xfail on a claim: "),
    "xfail of the class": (
        "@pytest.mark.xfail(reason='x')\nclass TestX:\n    " + CLAIM + "    def test_snow(self): pass\n",
        4,
        "mark the expected verdict with @pytest.mark.refuted(condition, reason=",
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


NAMES = {name: f"test_{name.replace(' ', '_')}" for name in MODULES}


@pytest.fixture
def refused(pytester: pytest.Pytester) -> Run:
    """Run a project in which each of these is a module, beside a claim that is as it should be."""
    modules = {NAMES[name]: f"import pytest\n{code}" for name, (code, _, _) in MODULES.items()}
    return run_once(pytester, COMPANION, modules=modules)


@pytest.mark.parametrize("name", MODULES, ids=[name.replace(" ", "_") for name in MODULES])
def test_bad_claim_is_named_with_its_place(refused: Run, name: str) -> None:
    """The error says where, and how to write it."""
    _, line, words = MODULES[name]
    file = f"{NAMES[name]}.py"
    (error,) = [text for text in refused.result.stderr.lines if file in text]
    assert error.startswith(f"ERROR: {file}:{line} ({file}::")
    assert words.lower() in error.lower()


def test_bad_claims_are_a_usage_error_and_named_at_once(refused: Run) -> None:
    """Nothing runs, and who repairs one claim need not look for the next with another run."""
    assert refused.status == 4
    assert refused.record is None
    assert len([text for text in refused.result.stderr.lines if text]) == len(MODULES)
    assert "run record" not in refused.output
    assert "passed" not in refused.result.parseoutcomes()


@pytest.mark.parametrize("name", ["no statement", "refuted without claim"])
def test_one_bad_claim_is_enough(pytester: pytest.Pytester, name: str) -> None:
    """Also beside one that is as it should be."""
    make_project(pytester, MODULES[name][0] + COMPANION)
    run = run_claims(pytester)
    assert run.status == 4
    assert run.record is None
    (error,) = [text for text in run.result.stderr.lines if text]
    assert error.startswith(f"ERROR: test_claims.py:{MODULES[name][1]} (test_claims.py::test_snow): ")


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
