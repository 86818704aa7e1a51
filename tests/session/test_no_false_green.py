"""Whatever other plugins, the environment or a crash do: a run is green only if every claim ended as expected."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from helpers.claims_project import COMPANION, make_project, one_claim, run_claims

RETRIES = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except Exception:
        item.runtest()
"""
WHITEWASHES = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        report.outcome, report.longrepr = "skipped", ("x.py", 1, "never mind")
    return report
"""
BLACKENS = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and "snow" in item.name:
        report.outcome, report.longrepr = "failed", "because I can"
    return report
"""
STOPS = """
def pytest_runtest_logfinish(nodeid):
    pytest.exit("enough", returncode=0)
"""
SWALLOWS = """
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    return True if "snow" in item.name else None
"""

LETS_THREADS_DIE = """
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    if (report.when, report.nodeid.rpartition("_")[2]) == (WHEN, "snow"):
        import test_claims
        test_claims.go.set()
        test_claims.thread.join()
"""


def with_conftest(pytester: pytest.Pytester, hooks: str, code: str) -> None:
    """Make a project with a conftest file that holds hooks."""
    make_project(pytester, code)
    pytester.makeconftest("import pytest\n" + hooks)


def test_retried_call_that_ends_otherwise_is_an_error(pytester: pytest.Pytester) -> None:
    """Attempts count also if a plugin repeats nothing but the call."""
    with_conftest(
        pytester, RETRIES, one_claim("calls.append(1)\nassert len(calls) == 2", prelude="calls = []", arguments="")
    )
    run = run_claims(pytester)
    assert (run.status, run.verdicts) == (1, {"snow": "error", "companion": "confirmed"})
    assert run.claims["snow"]["reason"] == "attempts at the same claim disagree: REFUTED, CONFIRMED"


@pytest.mark.parametrize("when", ["setup", "call"])
def test_thread_that_dies_between_two_phases_leaves_no_verdict(pytester: pytest.Pytester, when: str) -> None:
    """Between set-up, call and teardown, too, somebody listens."""
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
    with_conftest(pytester, LETS_THREADS_DIE.replace("WHEN", repr(when)), code)
    run = run_claims(pytester)
    assert (run.status, run.verdicts) == (1, {"snow": "error", "companion": "confirmed"})
    assert "ValueError in thread 'Ada'" in run.claims["snow"]["reason"]


def test_unexpected_verdict_fails_the_run_whatever_pytest_counts(pytester: pytest.Pytester) -> None:
    """A plugin that turns failures into something else does not turn the exit status."""
    with_conftest(pytester, WHITEWASHES, one_claim("assert lab is None"))
    run = run_claims(pytester)
    run.result.assert_outcomes(passed=1, skipped=1)
    assert (run.status, run.verdicts["snow"]) == (1, "refuted")


def test_claim_that_pytest_has_as_failed_has_no_verdict(pytester: pytest.Pytester) -> None:
    """A plugin that fails a claim after the plugin's own look at it leaves no verdict."""
    with_conftest(pytester, BLACKENS, one_claim("assert lab is not None"))
    run = run_claims(pytester)
    assert (run.status, run.verdicts["snow"]) == (1, "error")
    assert "every verdict as expected" not in run.output


@pytest.mark.parametrize("hooks", [STOPS, SWALLOWS], ids=["stopped", "swallowed"])
def test_claim_that_came_to_no_end_fails_the_run(pytester: pytest.Pytester, hooks: str) -> None:
    """A selected claim that nothing is heard of is missed, also if pytest's status is 0."""
    with_conftest(pytester, hooks, COMPANION + one_claim("assert lab is not None").replace(COMPANION, ""))
    run = run_claims(pytester)
    assert (run.status, run.verdicts) == (1, {"companion": "confirmed"})
    assert run.record is not None
    assert run.record["complete"] is False
    assert "1 of 2 claims did not come to an end; the first: test_claims.py::test_snow" in run.output
    assert "every verdict as expected" not in run.output


def test_module_that_skips_itself_is_named(pytester: pytest.Pytester) -> None:
    """There may be claims in it, so the record is not complete; nothing failed, either."""
    make_project(pytester, COMPANION)
    pytester.makepyfile(test_other="import pytest\npytest.importorskip('no_such_module')\n" + COMPANION)
    run = run_claims(pytester)
    assert run.status == 0
    assert run.record is not None
    assert run.record["complete"] is False
    assert "test_other.py was skipped as a whole" in run.output


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_rerun_after_a_crash_does_not_go_green(pytester: pytest.Pytester) -> None:
    """What crashed a worker once is an error, however well it does the next time."""
    pytest.importorskip("xdist")
    pytest.importorskip("pytest_rerunfailures")
    prelude = "import os, pathlib\nFLAG = pathlib.Path(__file__).with_name('flag')"
    body = "if not FLAG.exists():\n    FLAG.touch()\n    os._exit(1)\nassert FLAG.exists()"
    make_project(pytester, one_claim(body, prelude=prelude))
    run = run_claims(pytester, "-n", "2", "--reruns=2", subprocess=True)
    assert run.status == 1
    assert run.verdicts.get("snow", "error") == "error"
    assert "every verdict as expected" not in run.output


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
    assert "stands for claims of several files" in run.output


def test_claim_that_pytest_does_not_collect_is_refused(pytester: pytest.Pytester) -> None:
    """A claim whose name python_functions does not match would vanish without a word."""
    make_project(pytester, COMPANION + COMPANION.replace("test_companion", "companion_of_it"))
    run = run_claims(pytester)
    assert run.status == 4
    assert "(companion_of_it): a claim that pytest does not collect" in run.output


def test_dist_each_is_refused(pytester: pytest.Pytester) -> None:
    """A claim would have several verdicts in one run."""
    pytest.importorskip("xdist")
    make_project(pytester, COMPANION)
    run = run_claims(pytester, "--dist=each", "--tx=2*popen", subprocess=True)
    assert run.status == 4
    assert "--dist each" in run.output


def test_optimized_interpreter_is_refused(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves assertions out."""
    make_project(pytester, COMPANION)
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    run = run_claims(pytester, subprocess=True)
    assert run.status == 4
    assert "assertions are left out" in run.output


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


def test_child_that_was_killed_at_its_deadline_refutes_nothing(pytester: pytest.Pytester) -> None:
    """Unless the claim is about just that."""
    body = "child = lab.child('import threading; threading.Event().wait()', deadline=0.5)\nassert {}"
    make_project(pytester, one_claim(body.format("child.exit_code == 0")))
    run = run_claims(pytester)
    assert run.verdicts["snow"] == "inconclusive"
    assert "was killed at its deadline of 0.5 s, and the claim does not ask" in str(run.claims["snow"]["reason"])
    make_project(pytester, one_claim(body.format("child.timed_out")))
    assert run_claims(pytester).verdicts["snow"] == "confirmed"


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
    assert "INCONCLUSIVE    Snow is white" in result.stdout.lines
    result.stdout.fnmatch_lines(["*the GIL came back after the interpreter had*"])


def test_strict_run_calls_the_inconclusive_unexpected(pytester: pytest.Pytester) -> None:
    """The summary agrees with the exit status."""
    make_project(pytester, one_claim("lab.require(1 > 2, 'two cores')"))
    run = run_claims(pytester, "--claims-strict")
    assert run.status == 1
    assert any(line.startswith("INCONCLUSIVE!") for line in run.section)
    assert run.section[-1] == "2 claims: 1 confirmed, 0 refuted, 1 inconclusive; 1 not as expected"
