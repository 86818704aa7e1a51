"""Trials of claims beside other plugins, and in surroundings that change while they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.claims_project import ALL_ENDS, COMPANION, VERDICTS, make_project, one_claim, run_claims

pytestmark = pytest.mark.plugin


# --- plugins


RETRIES = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except Exception:
        item.runtest()
"""


def test_retried_call_that_ends_otherwise_is_an_error(pytester: pytest.Pytester) -> None:
    """Attempts count also if a plugin repeats nothing but the call."""
    make_project(
        pytester,
        one_claim("calls.append(1)\nassert len(calls) == 2", prelude="calls = []", arguments=""),
        conftest=RETRIES,
    )
    run = run_claims(pytester)
    assert (run.status, run.verdicts) == (1, {"snow": "error", "companion": "confirmed"})
    assert run.claims["snow"]["reason"] == "attempts at the same claim disagree: REFUTED, CONFIRMED"


BLACKENS = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and "snow" in item.name:
        report.outcome, report.longrepr = "failed", "because I can"
    return report
"""


def test_claim_that_pytest_has_as_failed_has_no_verdict(pytester: pytest.Pytester) -> None:
    """A plugin that fails a claim after the plugin's own look at it leaves no verdict."""
    make_project(pytester, one_claim("assert lab is not None"), conftest=BLACKENS)
    run = run_claims(pytester)
    assert (run.status, run.verdicts["snow"]) == (1, "error")
    assert "every verdict as expected" not in run.output


LEAKS = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item):
    yield
    if item.name == "test_snow":
        raise OSError("it leaks")
"""


def test_plugin_that_fails_a_claim_afterwards_takes_its_verdict(pytester: pytest.Pytester) -> None:
    """The record must not say CONFIRMED where pytest says failed."""
    make_project(pytester, one_claim("assert lab"), conftest=LEAKS)
    run = run_claims(pytester)
    assert run.status == 1
    assert run.verdicts == {"snow": "error", "companion": "confirmed"}
    assert "it leaks" in run.claims["snow"]["reason"]


STOPPER = """
import pdb
from pathlib import Path

class Stopper(pdb.Pdb):
    started = ""

    def interaction(self, frame, traceback, *more):
        with Path("stops").open("a") as file:
            file.write(self.started + "\\n")
"""


def test_pdb_stops_at_the_unexpected_only(pytester: pytest.Pytester) -> None:
    """A verdict that was expected is no reason to stop, a skip neither."""
    make_project(pytester, ALL_ENDS)
    pytester.makepyfile(stopper=STOPPER)
    pytester.makeconftest(
        "import stopper\n"
        "def pytest_runtest_logstart(nodeid):\n"
        "    stopper.Stopper.started = nodeid.partition('::')[2]\n"
    )
    pytester.syspathinsert()
    run = run_claims(pytester, "--pdb", "--pdbcls=stopper:Stopper")
    assert run.verdicts == VERDICTS
    stops = (pytester.path / "stops").read_text(encoding="utf-8").split()
    assert stops == ["test_unexpectedly_refuted", "test_unexpectedly_confirmed", "test_error"]


def test_time_out_is_an_error(pytester: pytest.Pytester) -> None:
    """pytest-timeout ends a claim that hangs; that is not a verdict."""
    pytest.importorskip("pytest_timeout")
    prelude = "import threading"
    make_project(
        pytester,
        one_claim("assert lab\nthreading.Event().wait()", prelude=prelude, marks="@pytest.mark.timeout(0.2)"),
    )
    run = run_claims(pytester, subprocess=True)
    assert run.verdicts == {"snow": "error", "companion": "confirmed"}
    assert "imeout" in run.claims["snow"]["reason"]


# --- surroundings


LETS_THREADS_DIE = """
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    if (report.when, report.nodeid.rpartition("_")[2]) == (WHEN, "snow"):
        import test_claims
        test_claims.go.set()
        test_claims.thread.join()
"""


@pytest.mark.parametrize("when", ["setup", "call"])
def test_thread_that_dies_between_two_phases_leaves_no_verdict(pytester: pytest.Pytester, when: str) -> None:
    """Also between set-up, call and teardown."""
    prelude = """
        import threading
        go = threading.Event()
        def die():
            go.wait(30)
            int("x")
        thread = threading.Thread(target=die, name="Ada")
        @pytest.fixture
        def dying():
            thread.start()
    """
    code = one_claim("assert thread", prelude=prelude, arguments="dying")
    make_project(pytester, code, conftest=LETS_THREADS_DIE.replace("WHEN", repr(when)))
    run = run_claims(pytester)
    assert (run.status, run.verdicts) == (1, {"snow": "error", "companion": "confirmed"})
    assert "ValueError in thread 'Ada'" in run.claims["snow"]["reason"]


def test_child_that_was_killed_at_its_deadline_refutes_nothing(pytester: pytest.Pytester) -> None:
    """Unless the claim is about just that."""
    body = "child = lab.child('import threading; threading.Event().wait()', deadline=0.1)\nassert {}"
    asked = one_claim(body.format("child.timed_out")).replace(COMPANION, "").replace("test_snow", "test_asked")
    make_project(pytester, asked + one_claim(body.format("child.exit_code == 0")))
    run = run_claims(pytester)
    assert run.verdicts == {"asked": "confirmed", "snow": "inconclusive", "companion": "confirmed"}
    assert "was killed at its deadline of 0.1 s, and the claim does not check that" in str(
        run.claims["snow"]["reason"]
    )


GIL = """
import sys
sys._is_gil_enabled = lambda: False
def come_back():
    sys._is_gil_enabled = lambda: True
"""


@pytest.mark.parametrize("early", [False, True], ids=["during-the-claim", "in-a-conftest-file"])
def test_gil_that_came_back_leaves_no_verdict(pytester: pytest.Pytester, early: bool) -> None:
    """What is expected was worked out in another state than what ran, and the record's label names the first."""
    pytester.makepyfile(gil=GIL, start="import sys, gil, pytest\nsys.exit(pytest.main(['--claims']))")
    make_project(pytester, one_claim("come_back()\nassert lab is not None", prelude="from gil import come_back"))
    if early:
        pytester.makeconftest("import gil\ngil.come_back()")
    result = pytester.runpython(Path("start.py"))
    assert "INCONCLUSIVE  Snow is white" in result.stdout.lines
    result.stdout.fnmatch_lines(["*the GIL was re-enabled at run time*"])
