"""Claims beside pytest's other features and plugins."""

from __future__ import annotations

import sys
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from helpers.claims_project import ALL_ENDS, COMPANION, Run, make_project, one_claim, run_claims

VERDICTS = {
    "confirmed": "confirmed",
    "refuted": "refuted",
    "inconclusive": "inconclusive",
    "not-applicable": "not_applicable",
    "unexpectedly-refuted": "refuted",
    "unexpectedly-confirmed": "confirmed",
    "error": "error",
    "companion": "confirmed",
}


def timeless(run: Run) -> dict[str, Any]:
    """Return a run's record without what differs between any two runs."""
    assert run.record is not None
    record = {**run.record, "started": None, "duration": None}
    record["machine"] = {**record["machine"], "load_average": None}
    record["claims"] = [{**claim, "duration": None} for claim in record["claims"]]
    return record


def junit_properties(run: Run) -> dict[str, dict[str, str]]:
    """Return the properties of each test case in ``junit.xml``."""
    tree = ET.parse("junit.xml")
    return {
        str(case.get("name")): {str(entry.get("name")): str(entry.get("value")) for entry in case.iter("property")}
        for case in tree.iter("testcase")
    }


# --- pytest-xdist


def test_workers_lead_to_the_same_verdicts_record_and_summary(pytester: pytest.Pytester) -> None:
    """Distributing the claims changes nothing but the times, also where a statement is not encodable."""
    pytest.importorskip("xdist")
    strange = COMPANION.replace("One is", "One \\udc80 is").replace("companion", "strange")
    make_project(pytester, ALL_ENDS + strange)
    plain = run_claims(pytester, "--junit-xml=junit.xml", subprocess=True)
    plain_properties = junit_properties(plain)
    run = run_claims(pytester, "-n", "2", "--junit-xml=junit.xml", subprocess=True)
    assert run.status == plain.status == 1
    assert run.verdicts == {**VERDICTS, "strange": "confirmed"}
    assert timeless(run) == timeless(plain)
    assert run.section == plain.section
    assert junit_properties(run) == plain_properties


KILL = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize(
    "body", [f"lab.note('hello')\n{KILL}", "request.addfinalizer(kill)\nassert lab"], ids=["call", "teardown"]
)
def test_claim_that_kills_its_worker_ends_in_error_and_harms_no_other(pytester: pytest.Pytester, body: str) -> None:
    """What is known of the claim is in the record, and the others have their verdicts."""
    pytest.importorskip("xdist")
    prelude = f"import os, signal\ndef kill():\n    {KILL}\n"
    others = "".join(COMPANION.replace("companion", f"other_{number}") for number in range(4))
    make_project(pytester, one_claim(body, prelude=prelude, arguments="lab, request") + others)
    run = run_claims(pytester, "-n", "2", subprocess=True)
    assert run.status == 1
    assert run.verdicts == {
        "snow": "error",
        "companion": "confirmed",
        **{f"other-{number}": "confirmed" for number in range(4)},
    }
    assert "crashed" in run.claims["snow"]["reason"]
    assert run.claims["snow"]["statement"] == "Snow is white"
    run.result.stdout.fnmatch_lines(["ERROR!*Snow is white"])


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_claim_whose_set_up_kills_its_worker_is_named(pytester: pytest.Pytester) -> None:
    """Nothing was heard of it, so the record is not complete, and people are told."""
    pytest.importorskip("xdist")
    prelude = f"import os, signal\n@pytest.fixture\ndef deadly():\n    {KILL}\n"
    make_project(pytester, one_claim("assert lab", prelude=prelude, arguments="deadly, lab"))
    run = run_claims(pytester, "-n", "2", subprocess=True)
    assert run.status == 1
    assert run.verdicts["companion"] == "confirmed"
    assert run.record is not None
    assert run.record["complete"] is False
    assert "test_claims.py::test_snow: a worker process crashed in its set-up" in run.output


# --- without some plugins


@pytest.mark.parametrize(
    "missing", [["xdist"], ["benchmark"], ["xdist", "benchmark"], ["junitxml", "cacheprovider"]], ids=str
)
def test_claims_run_without_some_plugins(pytester: pytest.Pytester, missing: list[str]) -> None:
    """Neither pytest-xdist nor pytest-benchmark is needed for a run."""
    make_project(pytester, ALL_ENDS)
    run = run_claims(pytester, *(option for name in missing for option in ("-p", f"no:{name}")))
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


def test_junit_has_verdict_expectation_and_statement_as_properties(pytester: pytest.Pytester) -> None:
    """For CI systems that read JUnit's XML and nothing else."""
    make_project(pytester, ALL_ENDS)
    run = run_claims(pytester, "--junit-xml=junit.xml")
    properties = junit_properties(run)
    assert {name: entry["verdict"] for name, entry in properties.items()} == {
        f"test_{name.replace('-', '_')}": verdict for name, verdict in VERDICTS.items()
    }
    assert properties["test_refuted"] == {
        "claim": "demo-refuted",
        "statement": "Snow is black",
        "expected": "refuted",
        "verdict": "refuted",
    }


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
    make_project(pytester, ALL_ENDS)
    run = run_claims(pytester, "-k", "refuted and not unexpectedly")
    assert run.verdicts == {"refuted": "refuted"}
    assert run.status == 0


def test_first_unexpected_ends_the_run_with_x(pytester: pytest.Pytester) -> None:
    """-x passes by an expected refutation and skips."""
    make_project(pytester, ALL_ENDS)
    run = run_claims(pytester, "-x")
    assert list(run.verdicts) == ["confirmed", "refuted", "inconclusive", "not-applicable", "unexpectedly-refuted"]


def test_time_out_is_an_error(pytester: pytest.Pytester) -> None:
    """pytest-timeout ends a claim that hangs; that is no verdict."""
    pytest.importorskip("pytest_timeout")
    prelude = "import threading"
    make_project(
        pytester,
        one_claim("assert lab\nthreading.Event().wait()", prelude=prelude, marks="@pytest.mark.timeout(0.2)"),
    )
    run = run_claims(pytester, subprocess=True)
    assert run.verdicts == {"snow": "error", "companion": "confirmed"}
    assert "imeout" in run.claims["snow"]["reason"]


def test_plugin_that_fails_a_claim_afterwards_takes_its_verdict(pytester: pytest.Pytester) -> None:
    """The record must not say CONFIRMED where pytest says failed."""
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_call(item):
            yield
            if item.name == "test_snow":
                raise OSError("it leaks")
        """
    )
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester)
    assert run.status == 1
    assert run.verdicts == {"snow": "error", "companion": "confirmed"}
    assert "it leaks" in run.claims["snow"]["reason"]
