"""Which end of a claim leads to which verdict, pytest outcome and exit status."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from helpers.claims_project import COMPANION, make_project, one_claim, outcomes_of, run_claims
from pytest_concclaims.session import threads

pytestmark = pytest.mark.plugin

CONFIRMED, REFUTED, INCONCLUSIVE = "confirmed", "refuted", "inconclusive"
NOT_APPLICABLE, ERROR = "not_applicable", "error"

#: ``fail_all`` raises a group of what checks of its arguments raise.
GROUPS = """
import sys
if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup
class Other(ExceptionGroup):
    pass
def check(x):
    assert int(x) == 3
def fail_all(*values, of=ExceptionGroup):
    raised = []
    for x in values:
        try:
            check(x)
        except Exception as error:
            raised.append(error)
    raise of("some", raised)
"""


@dataclass(frozen=True)
class Case:
    """A claim's body, and the verdict that it must lead to; the reason must hold the given words."""

    name: str
    verdict: str
    body: str
    reason: str = ""
    prelude: str = ""
    marks: str = ""


CASES = [
    Case("an assertion held", CONFIRMED, "total = 1 + 1\nassert total == 2"),
    Case("raises saw it", CONFIRMED, "with pytest.raises(KeyError):\n    {}['x']"),
    Case(
        "warns saw it",
        CONFIRMED,
        "with pytest.warns(UserWarning):\n    warnings.warn('x')",
        prelude="import warnings",
    ),
    Case("an assertion of a helper function held", CONFIRMED, "check(2)", prelude="def check(x):\n    assert x == 2"),
    Case(
        "an assertion in threads held",
        CONFIRMED,
        "with ThreadPoolExecutor() as pool:\n    list(pool.map(check, [2, 2]))",
        prelude="from concurrent.futures import ThreadPoolExecutor\ndef check(x):\n    assert x == 2",
    ),
    Case(
        "an assertion in what a fixture made held",
        CONFIRMED,
        "CHECKS[-1](2)",
        prelude="""
            CHECKS = []
            @pytest.fixture(scope="session", autouse=True)
            def make():
                def check(x):
                    assert x == 2
                CHECKS.append(check)
        """,
    ),
    Case("an assertion failed", REFUTED, "total = 1 + 1\nassert total == 3"),
    Case("an assertion of a helper function failed", REFUTED, "check(2)", prelude="def check(x):\n    assert x == 3"),
    Case(
        "an assertion failed in a thread whose result was asked for",
        REFUTED,
        "with ThreadPoolExecutor() as pool:\n    pool.submit(check).result()",
        prelude="from concurrent.futures import ThreadPoolExecutor\ndef check():\n    x = 1\n    assert x == 3",
    ),
    Case("raise AssertionError by hand", REFUTED, "raise AssertionError('no')"),
    Case("a group of failed assertions", REFUTED, "fail_all(1, 2)", prelude=GROUPS),
    Case(
        "the assertion that ended the claim had failed before",
        REFUTED,
        "for n in range(2):\n    try:\n        assert n == 2\n    except AssertionError:\n        if n: raise",
    ),
    Case("raises saw nothing", REFUTED, "with pytest.raises(KeyError):\n    {'x': 1}['x']"),
    Case("raises of a callable saw nothing", REFUTED, "pytest.raises(KeyError, int, '1')"),
    Case("warns saw nothing", REFUTED, "with pytest.warns(UserWarning):\n    pass"),
    Case("deprecated_call saw nothing", REFUTED, "with pytest.deprecated_call():\n    pass"),
    Case("require failed", INCONCLUSIVE, "lab.require(1 > 2, 'two cores')\nassert lab is None", "two cores"),
    Case(
        "require failed and was caught",
        INCONCLUSIVE,
        "try:\n    lab.require(False, 'two cores')\nexcept BaseException:\n    pass\nassert lab is not None",
        "two cores",
    ),
    Case(
        "require failed, was caught, and an assertion failed",
        INCONCLUSIVE,
        "try:\n    lab.require(False, 'two cores')\nexcept BaseException:\n    pass\nassert lab is None",
        "two cores",
    ),
    Case(
        "require failed, was caught, and nothing was asserted",
        INCONCLUSIVE,
        "try:\n    lab.require(False, 'two cores')\nexcept BaseException:\n    pass",
        "two cores",
    ),
    Case(
        "Inconclusive was raised by hand",
        INCONCLUSIVE,
        "raise pytest_concclaims.Inconclusive('who knows')",
        "who knows",
        prelude="import pytest_concclaims",
    ),
    Case(
        "except Exception does not catch Inconclusive",
        INCONCLUSIVE,
        "try:\n    lab.require(False, 'two cores')\nexcept Exception:\n    assert lab is None",
        "two cores",
    ),
    Case("skip", NOT_APPLICABLE, "pytest.skip('no such start method')", "no such start method"),
    Case("importorskip", NOT_APPLICABLE, "pytest.importorskip('no_such_module')", "no_such_module"),
    Case("skip marker", NOT_APPLICABLE, "assert lab is None", "not today", marks="@pytest.mark.skip('not today')"),
    Case(
        "skipif marker",
        NOT_APPLICABLE,
        "assert lab is None",
        "not here",
        marks="@pytest.mark.skipif(True, reason='not here')",
    ),
    Case("nothing asserted", ERROR, "pass", "no assertion that could fail held"),
    Case("a loop over nothing", ERROR, "for x in []:\n    assert x", "no assertion that could fail held"),
    Case("a note is not evidence", ERROR, "lab.note('hello')", "no assertion that could fail held"),
    Case("a requirement is not evidence", ERROR, "lab.require(True, 'luck')", "no assertion that could fail held"),
    Case(
        "an assertion on the line of a loop over nothing",
        ERROR,
        "for x in []: assert x",
        "no assertion that could fail held",
    ),
    Case(
        "an assertion that did not end",
        ERROR,
        "with suppress(KeyError):\n    assert {}['x'] == 1",
        "no assertion that could fail held",
        prelude="from contextlib import suppress",
    ),
    Case("raises without with", ERROR, "pytest.raises(KeyError)", "no assertion that could fail held"),
    Case(
        "an assertion failed, and was caught",
        ERROR,
        "for n in (1, 2):\n    try:\n        assert n == 2\n    except AssertionError:\n        pass",
        "the failure was caught: assert n == 2",
    ),
    Case(
        "an assertion failed in a future without a result()",
        ERROR,
        "with ThreadPoolExecutor() as pool:\n    pool.submit(check, 3)\nassert lab is not None",
        "the failure was caught: assert x == 2",
        prelude="from concurrent.futures import ThreadPoolExecutor\ndef check(x):\n    assert x == 2",
    ),
    Case(
        "an assertion failed, was caught, and another ended the claim",
        ERROR,
        "with suppress(AssertionError):\n    assert lab is None\nassert lab == 1",
        "the failure was caught: assert lab is None",
        prelude="from contextlib import suppress",
    ),
    Case("a group with another exception", ERROR, "fail_all(1, 'x')", "Group: some", prelude=GROUPS),
    Case("a group that says something else", ERROR, "fail_all(1, of=Other)", "Other: some", prelude=GROUPS),
    Case("another exception", ERROR, "{}['x']", "KeyError: 'x'"),
    Case("another exception after an assertion", ERROR, "assert lab is not None\nint('x')", "ValueError: invalid"),
    Case(
        "the exception that raises did not wait for",
        ERROR,
        "with pytest.raises(KeyError):\n    int('x')",
        "ValueError",
    ),
    Case(
        "the message that raises did not wait for",
        ERROR,
        "with pytest.raises(ValueError, match='nonsense'):\n    int('x')",
        "outside the claim's code",
    ),
    Case(
        "the block of warns died of another exception",
        ERROR,
        "with pytest.warns(UserWarning):\n    int('x')",
        # pytest 8.0 hides the exception behind its own
        "",
    ),
    Case("fail", ERROR, "pytest.fail('give up')", "give up"),
    Case(
        "fail in the block of raises", ERROR, "with pytest.raises(KeyError):\n    pytest.fail('give up')", "give up"
    ),
    Case("SystemExit", ERROR, "sys.exit(0)", "SystemExit", prelude="import sys"),
    Case("xfail", ERROR, "pytest.xfail('known')", "pytest.xfail() in a claim"),
    Case(
        "xfail marker set while it runs",
        ERROR,
        "request.applymarker(pytest.mark.xfail(strict=False))\nassert request is None",
        "xfail",
    ),
    Case(
        "a bare assertion of the standard library",
        ERROR,
        "assert lab is not None\nthreading.Thread(group=1)",
        "outside the claim's code",
        prelude="import threading",
    ),
    Case(
        "an assertion that failed in a process of a pool",
        ERROR,
        "with multiprocessing.Pool(1) as pool:\n    pool.apply(check)",
        "outside the claim's code",
        prelude="import multiprocessing\ndef check():\n    x = 1\n    assert x == 3",
    ),
    Case(
        "an assertion of an installed library",
        ERROR,
        "mock = unittest.mock.Mock()\nmock.assert_called_once()",
        "outside the claim's code",
        prelude="import unittest.mock",
    ),
    Case(
        "an exception ended a thread",
        ERROR,
        """
        thread = threading.Thread(target=int, args=("x",), name="the counter")
        thread.start()
        thread.join()
        assert not thread.is_alive()
        """,
        "ValueError in thread 'the counter', the claim: invalid literal",
        prelude="import threading",
    ),
    Case(
        "an exception ended a thread that was not joined",
        ERROR,
        "threading.Thread(target=int, args=('x',)).start()\nassert lab is not None",
        "ValueError in thread",
        prelude="import threading",
    ),
    Case(
        "an assertion failed in a thread",
        ERROR,
        """
        def check():
            assert lab is None
        thread = threading.Thread(target=check)
        thread.start()
        thread.join()
        assert not thread.is_alive()
        """,
        "AssertionError in thread",
        prelude="import threading",
    ),
]

PROJECT = '[project]\nname = "demo"\n\n[tool.pytest.ini_options]\nclaims_suites = []\n'

EXPECTATIONS = {
    CONFIRMED: "@pytest.mark.refuted(False, reason='snow melts')",
    REFUTED: "@pytest.mark.refuted(True, reason='snow melts')",
}


PHASES = [
    Case("set-up dies", ERROR, "    raise OSError('no room')\n    yield", "OSError in set-up: no room"),
    Case("set-up asserts what is false", ERROR, "    assert lab is None\n    yield", "AssertionError in set-up"),
    Case("set-up skips", NOT_APPLICABLE, "    pytest.skip('no fork here')\n    yield", "no fork here"),
    Case("set-up xfails", ERROR, "    pytest.xfail('known')\n    yield", "xfail on a claim"),
    Case(
        "set-up requires what is not met",
        INCONCLUSIVE,
        "    lab.require(1 > 2, 'two cores')\n    yield",
        "two cores",
    ),
    Case(
        "set-up requires what is not met and catches it",
        INCONCLUSIVE,
        "    try:\n        lab.require(1 > 2, 'two cores')\n    except BaseException:\n        pass\n    yield",
        "two cores",
    ),
    Case("a thread of set-up dies", ERROR, "    die('early')\n    yield", "ValueError in thread 'early', set-up"),
    Case("teardown dies", ERROR, "    yield\n    raise OSError('no room')", "OSError in teardown: no room"),
    Case("teardown asserts what is false", ERROR, "    yield\n    assert lab is None", "AssertionError in teardown"),
    Case("a thread of teardown dies", ERROR, "    yield\n    die('late')", "ValueError in thread 'late', teardown"),
]


PHASE_PRELUDE = """
import threading

def die(name):
    thread = threading.Thread(target=int, args=("x",), name=name)
    thread.start()
    thread.join()

@pytest.fixture
def snow(lab):
{}
"""


@dataclass(frozen=True)
class Row:
    """A claim of one of the tables, expected to be confirmed or refuted, in a module of its own."""

    case: Case
    expected: str

    @property
    def code(self) -> str:
        """The module's code."""
        marks = f"{EXPECTATIONS[self.expected]}\n{self.case.marks}"
        if self.case not in PHASES:
            return one_claim(self.case.body, marks=marks, prelude=self.case.prelude, arguments="lab, request")
        body = "assert snow is None" if self.expected == CONFIRMED else "assert snow is not None"
        prelude = PHASE_PRELUDE.format(self.case.body)
        return one_claim(body, marks=marks, prelude=prelude, arguments="snow, lab")

    @property
    def outcome(self) -> str:
        """What pytest is to make of it."""
        if self.case.verdict in (INCONCLUSIVE, NOT_APPLICABLE):
            return "skipped"
        return "passed" if self.case.verdict == self.expected else "failed"


ROW = "test_snow"
ROWS = [Row(case, expected) for case in (*CASES, *PHASES) for expected in EXPECTATIONS]


@dataclass(frozen=True)
class Table:
    """What one run has made of many rows.

    :param claims: the record's, by row.
    :param outcomes: pytest's, by row.
    """

    status: int
    output: str
    claims: dict[Row, dict[str, Any]]
    outcomes: dict[Row, str]


def run_table(folder: Path, rows: Sequence[Row]) -> Table:
    """Run all rows in one process."""
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    modules = {f"test_row_{number}": row for number, row in enumerate(rows)}
    for name, row in modules.items():
        (folder / f"{name}.py").write_text("import pytest\n" + row.code, encoding="utf-8")
    options = ["--claims", "--claims-report=run.json", "--junit-xml=junit.xml", "-p", "no:rerunfailures"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=folder, check=False, capture_output=True, text=True
    )
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    ends: dict[str, set[str]] = {}
    for case in ET.parse(folder / "junit.xml").iter("testcase"):
        if case.get("name") == ROW:
            ends.setdefault(str(case.get("classname")), set()).update(child.tag for child in case)
    claims = {
        modules[claim["nodeid"].partition(".")[0]]: claim for claim in record["claims"] if ROW in claim["nodeid"]
    }
    outcomes = {row: _outcome(ends[name]) for name, row in modules.items()}
    return Table(run.returncode, run.stdout + run.stderr, claims, outcomes)


def _outcome(tags: set[str]) -> str:
    if tags & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in tags else "passed"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Row], Table]:
    """Return what runs the rows that are like one, once: with the same expectation, and all or none that fail.

    Of those that are expected to be confirmed there is one run: where one row fails, the others go on.
    """

    @functools.cache
    def table(expected: str, fails: bool | None) -> Table:
        return run_table(
            tmp_path_factory.mktemp("table"),
            [
                row
                for row in ROWS
                if row.expected == expected and (fails is None or (row.outcome == "failed") is fails)
            ],
        )

    return lambda row: table(row.expected, None if row.expected == CONFIRMED else row.outcome == "failed")


#: Each case is once among those that are expected to be confirmed, and an interpreter does not know what is expected.
TABLE = [
    pytest.param(
        row,
        marks=[pytest.mark.interpreter] if row.expected == CONFIRMED else [],
        id=f"{row.case.name}-{row.expected}".replace(" ", "_"),
    )
    for row in ROWS
]


@pytest.mark.parametrize("row", TABLE)
def test_end_of_a_claim_decides_verdict_outcome_and_exit_status(table: Callable[[Row], Table], row: Row) -> None:
    """Each row of the tables, where it is expected and where it is not."""
    run = table(row)
    claim = run.claims[row]
    assert (claim["verdict"], claim["expected"]) == (row.case.verdict, row.expected), claim["reason"]
    assert run.outcomes[row] == row.outcome
    assert run.status == (1 if "failed" in run.outcomes.values() else 0)
    if row.case.verdict == REFUTED:
        assert claim["reason"] == ("snow melts" if row.expected == REFUTED else None)
    elif row.case.verdict == CONFIRMED:
        # The reason that did not hold is said where a person looks for it, not in the record.
        assert claim["reason"] is None
        assert ("CONFIRMED, expected REFUTED because snow melts" in run.output) == (row.outcome == "failed")
    else:
        assert claim["reason"]
        assert row.case.reason in claim["reason"]


# --- where an AssertionError comes from


@pytest.mark.parametrize(
    ("place", "verdict"), [("registered", REFUTED), ("conftest", REFUTED), ("unregistered", ERROR)]
)
def test_assertion_of_a_helper_counts_if_pytest_treats_it_as_test_code(
    pytester: pytest.Pytester, place: str, verdict: str
) -> None:
    """A helper module belongs to a claim if it was registered for assertion rewriting."""
    helper = "def check(x):\n    assert x == 3\n"
    register = "import pytest\npytest.register_assert_rewrite('registered')\n"
    pytester.makepyfile(conftest=register + helper, registered=helper, unregistered=helper)
    make_project(pytester, one_claim("check(2)", prelude=f"from {place} import check"))
    run = run_claims(pytester)
    assert run.verdicts["snow"] == verdict
    assert run.status == 1
    if verdict == REFUTED:
        run.result.stdout.fnmatch_lines(["*assert 2 == 3*"])


def test_assertions_of_a_helper_are_evidence(pytester: pytest.Pytester) -> None:
    """A claim that asserts only in a registered helper has asserted."""
    pytester.makeconftest("import pytest\npytest.register_assert_rewrite('helper')")
    pytester.makepyfile(helper="def check(x):\n    assert x == 2\n")
    make_project(pytester, one_claim("check(2)", prelude="from helper import check"))
    run = run_claims(pytester)
    assert run.verdicts["snow"] == CONFIRMED
    assert run.status == 0


# --- --claims-strict, and runs without a verdict


def test_strict_fails_the_inconclusive(pytester: pytest.Pytester) -> None:
    """Under --claims-strict an inconclusive claim fails, and stays inconclusive."""
    make_project(pytester, one_claim("lab.require(False, 'two cores')"))
    run = run_claims(pytester, "--claims-strict")
    assert run.verdicts["snow"] == INCONCLUSIVE
    assert outcomes_of(run.result) == {"passed": 1, "failed": 1}
    assert run.status == 1
    run.result.stdout.fnmatch_lines(["INCONCLUSIVE, and --claims-strict is given: see the verdicts below"])
    assert run.output.count("two cores") == 1


def test_strict_fails_the_inconclusive_in_set_up(pytester: pytest.Pytester) -> None:
    """Under --claims-strict a requirement that a fixture finds not met fails the claim, too."""
    prelude = "@pytest.fixture\ndef cores(lab):\n    lab.require(False, 'two cores')\n"
    make_project(pytester, one_claim("assert lab is None", prelude=prelude, arguments="cores, lab"))
    run = run_claims(pytester, "--claims-strict")
    assert run.verdicts["snow"] == INCONCLUSIVE
    assert run.status == 1
    run.result.stdout.fnmatch_lines(["*INCONCLUSIVE, and --claims-strict is given: see the verdicts below*"])


def test_strict_lets_the_not_applicable_be(pytester: pytest.Pytester) -> None:
    """--claims-strict is about evidence that did not suffice, not about what does not apply here."""
    make_project(pytester, one_claim("pytest.skip('no fork')"))
    assert run_claims(pytester, "--claims-strict").status == 0


@pytest.mark.parametrize("marker", ["claim('Snow is white')", "refuted(True, reason='snow melts')"])
def test_verdicts_are_not_for_plain_tests(pytester: pytest.Pytester, marker: str) -> None:
    """Without --claims a claim is not run at all, so it cannot fail the tests."""
    make_project(pytester, f"@pytest.mark.{marker}\ndef test_x():\n    assert 1 == 2\n\ndef test_y():\n    pass\n")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=1, failed=0 if marker.startswith("claim") else 1, deselected=marker.count("claim("))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("lab.require(False, 'two cores')", "it ended INCONCLUSIVE"),
        ("pytest.skip('no fork')", "it ended NOT APPLICABLE"),
        ("int('x')", "it ended ERROR"),
    ],
)
def test_run_without_a_verdict_fails_and_says_why(pytester: pytest.Pytester, body: str, words: str) -> None:
    """Zero evidence is not green."""
    make_project(pytester, one_claim(body).replace(COMPANION, ""))
    run = run_claims(pytester)
    assert run.status == 1
    told = " ".join(run.output.split())
    assert f"The only claim reached no verdict ({words}): nothing was verified, and the run fails." in told


def test_fixture_that_does_not_exist_is_named(pytester: pytest.Pytester) -> None:
    """In all reports, and not only in pytest's."""
    make_project(pytester, one_claim("assert laboratory", arguments="laboratory"))
    run = run_claims(pytester)
    assert run.claims["snow"]["reason"] == "FixtureLookupError in set-up: fixture 'laboratory' not found"


def test_quiet_run_without_a_verdict_says_why_there_is_none(pytester: pytest.Pytester) -> None:
    """It fails for just that."""
    make_project(pytester, one_claim("lab.require(False, 'two cores')").replace(COMPANION, ""))
    assert "not met: two cores" in "\n".join(run_claims(pytester, "-q").section)
    make_project(pytester, one_claim("lab.require(False, 'two cores')"))
    assert "not met: two cores" not in "\n".join(run_claims(pytester, "-q").section)


@pytest.mark.parametrize("arguments", [(), ("-k", "nonsense"), ("-q",)], ids=" ".join)
def test_run_without_claims_fails_and_says_why(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """Asked for claims, and there was none: that is no success."""
    make_project(pytester, "def test_plain():\n    pass\n")
    run = run_claims(pytester, *arguments)
    assert run.status not in (0, 4)
    assert "No claim was run, so there is no verdict" in " ".join(run.output.split())


def test_collecting_only_needs_no_verdict(pytester: pytest.Pytester) -> None:
    """--co lists the claims, and succeeds without a verdict or a record."""
    make_project(pytester, one_claim("assert lab is None"))
    run = run_claims(pytester, "--co", "-q")
    assert run.status == 0
    assert run.record is None
    run.result.stdout.fnmatch_lines(["test_claims.py::test_snow", "test_claims.py::test_companion"])
    run.result.stdout.no_fnmatch_line("*run record*")


# --- more than one word about one claim: subtests, reruns


@pytest.mark.parametrize("expected", EXPECTATIONS)
@pytest.mark.parametrize(
    ("block", "verdict"),
    [
        ("assert lab is None", ERROR),
        ("int('x')", ERROR),
        ("pytest.fail('give up')", ERROR),
        ("pytest.skip('not here')", ERROR),
        ("pytest.xfail('known')", ERROR),
        # ERROR, not INCONCLUSIVE: pytest counts the subtest as failed, and the run fails.
        ("lab.require(False, 'two cores')", ERROR),
        ("assert lab is not None", CONFIRMED),
    ],
)
def test_failing_subtest_leaves_no_verdict(
    pytester: pytest.Pytester, block: str, verdict: str, expected: str
) -> None:
    """A failing subtest is reported by itself, and the test goes on; it must not end CONFIRMED then."""
    if not hasattr(pytest, "Subtests"):
        pytest.skip("subtests came with pytest 9")
    body = f"with subtests.test('part'):\n    {block}\nassert lab is not None"
    make_project(pytester, one_claim(body, marks=EXPECTATIONS[expected], arguments="lab, subtests"))
    run = run_claims(pytester)
    assert run.verdicts["snow"] == verdict
    assert run.status == (0 if verdict == expected else 1)


THREADS = """
import threading
late = []
def wait_and_fail(go):
    go.wait()
    assert not go.is_set(), "too late"

@pytest.mark.claim("Threads end")
def test_guilty(lab):
    go = threading.Event()
    thread = threading.Thread(target=wait_and_fail, args=(go,), name="late")
    late.extend([thread, go])
    thread.start()
    assert thread.is_alive()
"""


def test_claim_that_leaves_a_thread_running_is_an_error(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the thread does later is not seen, and cannot be distinguished from what a later claim's threads do.

    So the later claim is not confirmed; but what refutes it stands, and so does a verdict once the thread has ended.
    """
    monkeypatch.setattr(threads, "_JOIN_TIMEOUT_S", 0.01)
    code = f"""{THREADS}
@pytest.mark.claim("Snow is white")
def test_beside_the_thread():
    snow = 1
    assert snow == 1

@pytest.mark.claim("Snow is black")
@pytest.mark.refuted(True, reason="it reflects light")
def test_refuted_beside_the_thread():
    thread, go = late
    go.set()
    thread.join()
    assert thread.is_alive()
{COMPANION}"""
    make_project(pytester, code)
    run = run_claims(pytester, "-W", "default")
    assert run.status == 1
    assert run.verdicts == {
        "guilty": ERROR,
        "beside-the-thread": INCONCLUSIVE,
        "refuted-beside-the-thread": REFUTED,
        "companion": CONFIRMED,
    }
    assert "thread 'late' running" in run.claims["guilty"]["reason"]
    assert "join it" in run.claims["guilty"]["reason"]
    assert "thread 'late' ran before the claim" in run.claims["beside-the-thread"]["reason"]
    assert "too late" in run.output


def test_threads_that_end_after_the_claim_are_waited_for(pytester: pytest.Pytester) -> None:
    """One that is about to end leaves nothing; one of a fixture is not the claim's."""
    prelude = """
    import threading
    @pytest.fixture(scope="session")
    def server():
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        yield thread
        stop.set()
        thread.join()
    @pytest.fixture
    def go():
        event = threading.Event()
        yield event
        event.set()
    """
    body = """
    thread = threading.Thread(target=go.wait)
    thread.start()
    assert thread.is_alive() and server.is_alive()
    """
    make_project(pytester, one_claim(body, prelude=prelude, arguments="server, go"))
    run = run_claims(pytester)
    assert (run.status, run.verdicts) == (0, {"snow": CONFIRMED, "companion": CONFIRMED})


def test_threads_of_fixtures(pytester: pytest.Pytester) -> None:
    """What one that asserts by itself has asserted is not the claim's; what one does for the claim is.

    A pool's idle worker, which has started with a claim's task, is not left running.
    """
    pytester.makeconftest(
        """
        import threading
        import time
        from concurrent.futures import ThreadPoolExecutor
        import pytest

        @pytest.fixture
        def heartbeat():
            stop, beaten = threading.Event(), threading.Event()
            def beat():
                while not stop.wait(0.001):
                    assert stop is not None
                    beaten.set()
            thread = threading.Thread(target=beat, name="heart")
            thread.start()
            yield beaten
            stop.set()
            thread.join()

        @pytest.fixture(scope="module")
        def pool():
            with ThreadPoolExecutor(1) as pool:
                yield pool
        """
    )
    code = """
    def check(x):
        assert x == 2

    @pytest.mark.claim("A pool's first task")
    def test_first(pool):
        assert pool.submit(int, "3").result() == 3

    @pytest.mark.claim("A pool's task that fails")
    def test_failed(pool):
        pool.submit(check, 1)
        assert pool.submit(int).result() == 0

    @pytest.mark.claim("A pool's task that asserts")
    def test_asserted(pool):
        pool.submit(check, 2).result()

    @pytest.mark.claim("Beside a heart that beats")
    def test_beside(heartbeat):
        heartbeat.clear()
        heartbeat.wait()
        for x in []:
            assert x
    """
    make_project(pytester, dedent(code) + COMPANION)
    run = run_claims(pytester)
    assert run.verdicts == {
        "first": CONFIRMED,
        "failed": ERROR,
        "asserted": CONFIRMED,
        "beside": INCONCLUSIVE,
        "companion": CONFIRMED,
    }
    assert "the failure was caught: assert x == 2" in run.claims["failed"]["reason"]
    assert "thread 'heart'" in run.claims["beside"]["reason"]


# --- what pytest compiles


def test_a_project_that_was_copied(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its compiled files, which name the files that they were made of."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    pytester.makepyfile(
        **{"one/test_snow": "import pytest\n" + one_claim("snow = 1\nassert snow == 1", arguments="")}
    )
    (pytester.path / "one" / "pytest.ini").write_text("[pytest]\nclaims_suites =\n", encoding="utf-8")
    for folder in ("one", "two"):
        assert pytester.runpytest_subprocess("--claims", "--rootdir", folder, folder).ret == 0
        shutil.copytree(pytester.path / "one", pytester.path / "two", dirs_exist_ok=True)


def test_compiled_files_of_other_runs_are_not_loaded(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those of a run without claims here, nor those of this one there; its own are."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    make_project(
        pytester, one_claim("snow = 1\nassert snow == 1", arguments="") + "def test_plain():\n    assert 1\n"
    )
    assert pytester.runpytest_subprocess().ret == 0
    for _ in range(2):
        run = run_claims(pytester, subprocess=True)
        assert run.verdicts == {"snow": CONFIRMED, "companion": CONFIRMED}
    assert pytester.runpytest_subprocess("-p", "no:concclaims").ret == 0
    compiled = [file.name for file in (pytester.path / "__pycache__").iterdir()]
    assert len([name for name in compiled if "test_claims" in name and "concclaims" in name]) == 1


@pytest.mark.untraced
def test_functions_on_one_line_stay_what_they_are_in_instruments(pytester: pytest.Pytester) -> None:
    """Actors, an observer and what is timed, all made on one line of a module whose assertions are noted."""
    prelude = """
    class Account:
        balance = 0
        def deposit(self, amount):
            self.balance += amount
            assert amount > 0
    """
    body = """
    race = lab.race(Account, lambda a: a.deposit(5), lambda a: a.deposit(8), observe=lambda a: a.balance, budget=60)
    assert race.ever(13)
    assert lab.ratio(lambda: sum(range(9_999)), lambda: None, budget=60) > 2
    add, sub = lambda a, b: a + b, lambda a, b: a - b
    assert add(1, 1) == 2
    """
    make_project(pytester, one_claim(body, prelude=prelude))
    run = run_claims(pytester)
    assert run.verdicts == {"snow": CONFIRMED, "companion": CONFIRMED}, run.claims["snow"]["reason"]


def test_assertions_of_a_module_that_pytest_did_not_compile_are_not_seen(pytester: pytest.Pytester) -> None:
    """A claim that comes from there is an error that says what to do, and no verdict."""
    make_project(pytester, "from shared import test_snow")
    pytester.makepyfile(shared=f"import pytest\n{one_claim('assert lab is not None').replace(COMPANION, '')}")
    run = run_claims(pytester)
    assert run.verdicts == {"snow": ERROR}
    assert "call pytest.register_assert_rewrite('shared')" in run.claims["snow"]["reason"]


@pytest.mark.parametrize("scope", ["function", "module"])
def test_fixture_that_gives_no_verdict_gives_none_to_each_claim(pytester: pytest.Pytester, scope: str) -> None:
    """It is set up for each, and what it has registered is undone."""
    make_project(
        pytester,
        f"""
        from pytest_concclaims import Inconclusive
        undone = []
        @pytest.fixture(scope={scope!r})
        def ready(request):
            request.addfinalizer(lambda: undone.append(1))
            raise Inconclusive("a ruler is missing")
        @pytest.mark.claim("Snow is deep")
        @pytest.mark.parametrize("x", [1, 2])
        def test_deep(ready, x):
            assert x
        @pytest.mark.claim("It is undone")
        def test_last():
            assert undone == [1, 1]
        """,
    )
    assert run_claims(pytester).verdicts == {"deep[1]": INCONCLUSIVE, "deep[2]": INCONCLUSIVE, "last": CONFIRMED}


@pytest.mark.parametrize(
    ("body", "helper", "advice"),
    [
        (
            "check(1)\ncheck(2)",
            "def check(x):\n    assert x == 1",
            "if it belongs to the claim, call pytest.register",
        ),
        (
            "check(1)",
            "def check(x):\n    assert x == 1",
            "do if pytest rewrites it: pytest.register",
        ),
        (
            "check()",
            "check = __import__('unittest.mock').mock.Mock().assert_called",
            "assert it in the claim's own code",
        ),
    ],
    ids=["failed", "held", "of-another-package"],
)
def test_assertion_in_a_module_that_pytest_does_not_rewrite(
    pytester: pytest.Pytester, body: str, helper: str, advice: str
) -> None:
    """It is not the claim's, and the reason says what to do."""
    make_project(pytester, one_claim(body, prelude="from helper import check"))
    pytester.makepyfile(helper=helper)
    run = run_claims(pytester)
    assert run.verdicts["snow"] == ERROR
    assert advice in run.claims["snow"]["reason"]


FLAKY = """
from pathlib import Path

def attempt(folder=Path(__file__).parent):
    number = len(list(folder.glob("attempt*"))) + 1
    (folder / f"attempt{number}").touch()
    return number
"""


@pytest.mark.parametrize(
    ("body", "verdict", "attempts"),
    [
        ("assert attempt() == 2", ERROR, [REFUTED, CONFIRMED]),
        ("assert attempt() < 0", REFUTED, [REFUTED, REFUTED]),
        ("assert 1 // (attempt() - 1) == 1", ERROR, [ERROR, CONFIRMED]),
        ("assert attempt() == 1", CONFIRMED, []),
    ],
)
def test_attempts_that_disagree_fail(pytester: pytest.Pytester, body: str, verdict: str, attempts: list[str]) -> None:
    """Reruns must not turn a claim green: each attempt is kept, and different verdicts are an error."""
    pytest.importorskip("pytest_rerunfailures")
    make_project(pytester, one_claim(body, prelude=FLAKY))
    run = run_claims(pytester, "--reruns=2", "-p", "no:xdist")
    assert run.verdicts == {"snow": verdict, "companion": CONFIRMED}
    assert [attempt["verdict"] for attempt in run.evidence("snow", "attempt")] == attempts
    assert run.status == (0 if verdict == CONFIRMED else 1)
    if verdict == ERROR:
        assert "attempts at the same claim disagree" in run.claims["snow"]["reason"]


# --- what a person sees of a failure


def test_unexpected_refutation_shows_introspection_and_evidence(pytester: pytest.Pytester) -> None:
    """The unexpected fails as any assertion does; below, once, are the statement and what was seen."""
    make_project(pytester, one_claim("lab.note('it is winter')\nwhite = [1, 2]\nassert white == [1, 3]"))
    run = run_claims(pytester)
    run.result.stdout.fnmatch_lines(
        [
            ">*assert white == ?1, 3?",
            "E *At index 1 diff: 2 != 3",
            "REFUTED!*Snow is white",
            "*expected CONFIRMED",
            "*it is winter; failed: *",
        ]
    )
    assert run.output.count("it is winter; failed: ") == 1


def test_expected_verdict_has_its_evidence_in_the_report(pytester: pytest.Pytester) -> None:
    """Where pytest shows what passed, and for plugins that do."""
    make_project(
        pytester, one_claim("white = 1\nassert white == 2", marks="@pytest.mark.refuted(True, reason='it is grey')")
    )
    run_claims(pytester, "-rP").result.stdout.fnmatch_lines(
        ['"Snow is white"', "is REFUTED as expected, because it is grey", "- failed: assert white == 2 *"]
    )


def test_unexpected_end_of_a_thread_shows_its_traceback(pytester: pytest.Pytester) -> None:
    """The failure names the thread's exception with its traceback."""
    body = "thread = threading.Thread(target=int, args=('x',))\nthread.start()\nthread.join()\nassert thread"
    make_project(pytester, one_claim(body, prelude="import threading"))
    run_claims(pytester).result.stdout.fnmatch_lines(
        ["Traceback*", "ValueError: invalid*", "*ValueError in thread *: its traceback*"]
    )
