"""What a run shows while it runs, its record, and its exit status: green only if every claim ended as expected."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version

import fastjsonschema
import pytest

from helpers.claims_project import ALL_ENDS, COMPANION, RECORD, install, make_project, one_claim, run_claims, run_once
from pytest_concclaims import FREE_THREADED_BUILD, gil_enabled
from pytest_concclaims.interpreter import Interpreter
from pytest_concclaims.records.record import SCHEMA_FILE
from pytest_concclaims.reports import page

pytestmark = pytest.mark.plugin


@pytest.fixture(scope="module")
def validate() -> Callable[[object], object]:
    """Return what raises if its argument does not hold to the schema."""
    validator: Callable[[object], object] = fastjsonschema.compile(
        json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    )
    return validator


# --- while it runs


def test_header_names_the_interpreter(pytester: pytest.Pytester) -> None:
    """A verdict is about one interpreter: which, and on how many CPUs; and which claims were asked for."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester)
    run.result.stdout.fnmatch_lines(
        [f"concclaims: {Interpreter.current().describe()}, * usable CPU*", "claims: the project's own"]
    )


def test_each_end_has_its_letter_and_the_unexpected_stands_out(pytester: pytest.Pytester) -> None:
    """In the line of dots, a letter for each claim; an exclamation mark calls for a look."""
    run = run_once(pytester, ALL_ENDS)
    run.result.stdout.fnmatch_lines(["test_claims.py CRinR!C!E!C *"])


def test_each_end_has_its_word(pytester: pytest.Pytester) -> None:
    """With -v the words, and what was expected instead."""
    run = run_once(pytester, ALL_ENDS, "-v")
    run.result.stdout.fnmatch_lines(
        [
            "test_claims.py::test_confirmed CONFIRMED *",
            "test_claims.py::test_refuted REFUTED *",
            "test_claims.py::test_inconclusive INCONCLUSIVE *",
            "test_claims.py::test_not_applicable NOT APPLICABLE *",
            "test_claims.py::test_unexpectedly_refuted REFUTED, expected CONFIRMED *",
            "test_claims.py::test_unexpectedly_confirmed CONFIRMED, expected REFUTED *",
            "test_claims.py::test_error ERROR *",
        ]
    )


def test_pytests_own_categories_stay(pytester: pytest.Pytester) -> None:
    """Its counts and its sections of failures go by passed, failed and skipped."""
    run = run_once(pytester, ALL_ENDS, "-rfs")
    run.result.assert_outcomes(passed=3, failed=3, skipped=2)
    run.result.stdout.fnmatch_lines(["*= FAILURES =*", "*_ test_unexpectedly_refuted _*", "*_ test_error _*"])
    run.result.stdout.fnmatch_lines(["SKIPPED ?1? test_claims.py:*: INCONCLUSIVE"])
    run.result.stdout.fnmatch_lines(["SKIPPED ?1? test_claims.py:*: NOT APPLICABLE"])


def test_order_is_that_of_collection(pytester: pytest.Pytester) -> None:
    """The summary and the record are in the order of collection."""
    numbers = [10, 9, 1]
    make_project(
        pytester,
        f"@pytest.mark.parametrize('n', {numbers})\n@pytest.mark.claim('{{n}} is a number')\n"
        "def test_number(n):\n    assert n < 11\n",
    )
    run = run_claims(pytester)
    found = [line.split(maxsplit=1)[1].partition(" - ")[0] for line in run.section[1:4]]
    assert found == [f"{n} is a number" for n in numbers]
    assert run.record is not None
    assert [claim["statement"] for claim in run.record["claims"][:3]] == [f"{n} is a number" for n in numbers]


# --- the record


MANY = (
    """
import os, signal, sys

def answer():
    return 42

def crash():
    signal.raise_signal(signal.SIGSEGV)

@pytest.fixture
def broken():
    raise OSError("no room")

@pytest.mark.claim("Ends well", source="page 1")
def test_confirmed(lab):
    lab.note("it snows")
    lab.require(True, "luck")
    assert lab.child(answer).value == 42
    assert lab.child(crash).exit_code is None

@pytest.mark.claim("Ends badly")
def test_refuted(lab):
    seen = 3
    assert seen > 1
    for number in range(5):
        assert number < seen

@pytest.mark.claim("Ends badly, as expected")
@pytest.mark.refuted(True, reason="it was to be")
def test_expected():
    seen = 3
    assert seen == 4

@pytest.mark.claim("Ends in doubt")
def test_inconclusive(lab):
    lab.require(False, "two cores")

@pytest.mark.claim("Does not end")
def test_not_applicable():
    pytest.skip("no fork here")

@pytest.mark.claim("Breaks")
def test_error(lab):
    lab.note("so far, so good")
    assert lab
    int("x")

@pytest.mark.claim("Is broken")
def test_set_up(broken):
    assert broken
"""
    + COMPANION
)


def test_record_of_a_run_holds_what_was_seen(pytester: pytest.Pytester, validate: Callable[[object], object]) -> None:
    """Statement, place, verdict, and the evidence: notes, requirements, assertions, children, tracebacks."""
    make_project(pytester, MANY)
    before = datetime.now(timezone.utc).replace(microsecond=0)
    run = run_claims(pytester, "--claims-budget=0.5")
    record, claims = run.record, run.claims
    assert record is not None
    validate(record)

    assert record["schema"] == 6
    assert record["tool"]["name"] == "pytest-concclaims"
    assert record["tool"]["version"] == version("pytest-concclaims")
    assert record["tool"]["pytest"] == pytest.__version__
    assert record["options"] == {
        "suites": [],
        "budget": 0.5,
        "patience": None,
        "strict": False,
        "in_process": False,
        "portable": False,
        "selection": [],
    }
    interpreter = {**record["interpreter"], "start_methods": tuple(record["interpreter"]["start_methods"])}
    assert interpreter == asdict(Interpreter.current())
    assert interpreter["implementation"] == sys.implementation.name
    assert interpreter["free_threaded_build"] is FREE_THREADED_BUILD
    assert interpreter["gil_enabled"] is gil_enabled()
    assert record["machine"]["cpus"] == os.cpu_count()
    assert before <= datetime.fromisoformat(record["started"]) <= datetime.now(timezone.utc)
    assert record["complete"] is True

    assert run.verdicts == {
        "confirmed": "confirmed",
        "refuted": "refuted",
        "expected": "refuted",
        "inconclusive": "inconclusive",
        "not-applicable": "not_applicable",
        "error": "error",
        "set-up": "error",
        "companion": "confirmed",
    }
    first = claims["confirmed"]
    assert (first["id"], first["suite"], first["source"]) == ("demo-confirmed", "demo", "page 1")
    assert first["statement"] == "Ends well"
    code = (pytester.path / "test_claims.py").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(code, start=1) if "Ends well" in text)
    assert first["location"] == f"test_claims.py:{line}"
    assert first["code"].startswith('@pytest.mark.claim("Ends well"')
    assert (record["source_url"], record["suites"]) == (None, [])
    assert [piece["kind"] for piece in first["evidence"]] == [
        "note",
        "requirement",
        *["child"] * 2,
        *["assertion"] * 2,
    ]
    assert run.evidence("confirmed", "note") == [{"kind": "note", "text": "it snows"}]
    assert run.evidence("confirmed", "requirement") == [{"kind": "requirement", "met": True, "reason": "luck"}]
    answer, crash = run.evidence("confirmed", "child")
    assert (answer["target"], answer["exit_code"], answer["value"]) == ("answer()", 0, "42")
    assert (crash["signal"], crash["exit_code"], crash["value"]) == ("SIGSEGV", None, None)
    held = [piece["expression"] for piece in run.evidence("confirmed", "assertion")]
    assert held == ["assert lab.child(answer).value == 42", "assert lab.child(crash).exit_code is None"]

    found = {piece["expression"]: piece for piece in run.evidence("refuted", "assertion")}
    assert found["assert seen > 1"]["holds"] is True
    assert found["assert number < seen"]["holds"] is False
    assert "3 < 3" in found["assert number < seen"]["explanation"]
    assert claims["refuted"]["reason"] is None
    assert claims["expected"]["reason"] == "it was to be"
    assert run.evidence("expected", "assertion")[0]["holds"] is False

    assert run.evidence("inconclusive", "requirement") == [
        {"kind": "requirement", "met": False, "reason": "two cores"}
    ]
    assert claims["not-applicable"]["reason"] == "no fork here"
    (error,) = run.evidence("error", "exception")
    assert (error["where"], error["type"]) == ("the claim", "ValueError")
    assert "invalid literal" in error["message"]
    assert "Traceback (most recent call last)" in error["traceback"]
    assert 'int("x")' in error["traceback"]
    assert run.evidence("error", "note")
    assert run.evidence("error", "assertion")
    (error,) = run.evidence("set-up", "exception")
    assert (error["where"], error["message"]) == ("set-up", "no room")


def test_attempts_are_in_the_record(pytester: pytest.Pytester, validate: Callable[[object], object]) -> None:
    """Each attempt with its own evidence, the last one in front of all others as the claim's."""
    pytest.importorskip("pytest_rerunfailures")
    make_project(pytester, one_claim("lab.note('hello')\nassert lab is None"))
    run = run_claims(pytester, "--reruns=1", "-p", "no:xdist")
    validate(run.record)
    (attempt,) = run.evidence("snow", "attempt")
    assert attempt["verdict"] == "refuted"
    assert [piece["kind"] for piece in attempt["evidence"]] == ["note", "assertion"]


def test_strange_characters_survive(pytester: pytest.Pytester, validate: Callable[[object], object]) -> None:
    """Whatever a claim's author noted reads back as it was, lone surrogates too."""
    text = "snow ❄ 雪 \x1b[31m \udc80"
    make_project(pytester, one_claim(f"lab.note({text!a})\nassert lab"))
    run = run_claims(pytester)
    validate(run.record)
    assert run.evidence("snow", "note")[0]["text"] == text


def test_several_reports_are_written(pytester: pytest.Pytester) -> None:
    """--claims-report may be repeated; a suffix in capitals names its format as well."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester, "--claims-report=other.JSON")
    assert json.loads((pytester.path / "other.JSON").read_text(encoding="utf-8")) == run.record
    assert f"; run record: {RECORD}; run record: other.JSON" in " ".join(run.result.outlines)


def test_installed_package_has_the_schema(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema lies beside the module that writes the record."""
    suite = install(pytester, monkeypatch)
    assert (suite.parents[1] / "records" / SCHEMA_FILE.name).is_file()


@pytest.mark.parametrize(
    ("arguments", "selection"),
    [
        ((), []),
        (("test_claims.py",), []),
        (("-k", "companion"), ["-k companion"]),
        (("-m", "claim"), ["-m claim"]),
        (("test_claims.py::test_companion",), ["test_claims.py::test_companion"]),
        (("--deselect", "test_claims.py::test_snow"), ["--deselect test_claims.py::test_snow"]),
        (("--lf",), ["--lf"]),
        (("--sw",), ["--sw"]),
    ],
    ids=" ".join,
)
def test_record_says_what_narrowed_the_run(
    pytester: pytest.Pytester, arguments: tuple[str, ...], selection: list[str]
) -> None:
    """A selection is not the whole: its badge is not green."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester, *arguments, "--claims-report=run.shields.json")
    assert run.record is not None
    assert run.record["options"]["selection"] == selection
    badge = json.loads((pytester.path / "run.shields.json").read_text(encoding="utf-8"))
    assert badge["color"] == ("yellow" if selection else "brightgreen")
    assert badge["message"].endswith(" · a selection") == bool(selection)


@pytest.mark.parametrize("reported", [False, True])
def test_record_says_that_a_plugin_has_narrowed_the_run(pytester: pytest.Pytester, reported: bool) -> None:
    """Whether it reports that to pytest or not."""
    takes_one_out = f"""
        def pytest_collection_modifyitems(config, items):
            if {reported}:
                config.hook.pytest_deselected(items=items[1:])
            del items[1:]
    """
    make_project(pytester, one_claim("assert lab"), conftest=takes_one_out)
    run = run_claims(pytester)
    assert run.record is not None
    assert run.record["options"]["selection"] == ["all but 1 claim, by a plugin"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_child_that_comes_back_from_a_claim_writes_no_record(pytester: pytest.Pytester) -> None:
    """It was not ended: it goes on as if it were pytest, but its verdicts do not count."""
    body = "import os\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\nassert pid"
    make_project(pytester, one_claim(body))
    conftest = """
        import os, pathlib, sys
        first = os.getpid()
        def pytest_unconfigure(config):
            if os.getpid() != first:
                pathlib.Path("of-the-child").write_text(str(pathlib.Path("run.json").exists()))
                os._exit(0)
    """
    pytester.makeconftest(conftest)
    run = run_claims(pytester, subprocess=True)
    assert run.verdicts == {"snow": "confirmed", "companion": "confirmed"}
    assert (pytester.path / "of-the-child").read_text() == "False"


# --- a record that is not complete, or cannot be written


def test_record_that_cannot_be_written_at_the_end_fails_the_run_and_shows_the_verdicts(
    pytester: pytest.Pytester,
) -> None:
    """The place was fine at the start; what was found out is shown all the same."""
    make_project(pytester, one_claim(f"import os\nos.mkdir({RECORD!r})\nassert lab"))
    result = pytester.runpytest_inprocess("--claims", f"--claims-report={RECORD}", "--claims-report=other.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["CONFIRMED *Snow is white*", "*--claims-report *"])
    assert "could not be written" in " ".join(result.stdout.str().split())
    assert f"run record: {RECORD}" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*run record: other.json"])
    assert (pytester.path / "other.json").is_file()
    assert not list(pytester.path.glob("*unfinished*"))


def test_fault_in_one_report_fails_the_run_but_loses_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdicts are shown, and the other reports are written."""

    def broken(*arguments: object) -> str:
        raise KeyError("no such outcome")

    monkeypatch.setattr(page, "page", broken)
    monkeypatch.setattr("pytest_concclaims.reports.job_summary.fitted", broken)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester, "--claims-report=run.html", "--claims-report=run.svg")
    assert run.status == 1
    assert run.verdicts["snow"] == "confirmed"
    assert "(KeyError:" in run.output.replace("\n", "")
    run.result.stdout.fnmatch_lines(["CONFIRMED *Snow is white*", "job summary: none, *", "*run record: *"])
    assert (pytester.path / "run.svg").is_file()
    assert not (pytester.path / "run.html").exists()


@pytest.mark.parametrize(
    ("body", "arguments", "verdicts", "status"),
    [
        ("assert lab is None", ("-x",), {"before": "confirmed", "snow": "refuted"}, 1),
        ("assert lab is None", ("--maxfail=1",), {"before": "confirmed", "snow": "refuted"}, 1),
        # A claim that was interrupted has not ended.
        ("raise KeyboardInterrupt", (), {"before": "confirmed"}, 2),
        ("pytest.exit('enough')", (), {"before": "confirmed"}, 2),
    ],
)
def test_record_of_a_run_that_was_cut_short_is_written_and_says_so(
    pytester: pytest.Pytester,
    validate: Callable[[object], object],
    body: str,
    arguments: tuple[str, ...],
    verdicts: dict[str, str],
    status: int,
) -> None:
    """After -x and Ctrl-C there is a record of what was seen until then; it is not complete."""
    make_project(pytester, COMPANION.replace("test_companion", "test_before") + one_claim(body))
    run = run_claims(pytester, *arguments)
    assert run.status == status
    validate(run.record)
    assert run.record is not None
    assert run.record["complete"] is False
    assert run.verdicts == verdicts
    run.result.stdout.fnmatch_lines(["* concurrency claims *", "? claim*: *"])
    run.result.stdout.fnmatch_lines([f"*run record: {RECORD}"])


def test_claim_that_was_interrupted_in_its_teardown_has_no_verdict_yet(pytester: pytest.Pytester) -> None:
    """A teardown may void a verdict, so a claim whose teardown did not end has not ended."""
    prelude = "@pytest.fixture\ndef held():\n    yield\n    raise KeyboardInterrupt"
    make_project(
        pytester,
        COMPANION.replace("test_companion", "test_before")
        + one_claim("assert held is None", prelude=prelude, arguments="held"),
    )
    run = run_claims(pytester)
    assert run.record is not None
    assert (run.verdicts, run.record["complete"]) == ({"before": "confirmed"}, False)


def test_record_of_a_run_that_was_interrupted_while_it_collected_is_not_complete(pytester: pytest.Pytester) -> None:
    """What would have been collected is not known."""
    make_project(pytester, "raise KeyboardInterrupt")
    run = run_claims(pytester)
    assert run.record is not None
    assert (run.verdicts, run.record["complete"]) == ({}, False)


@pytest.mark.parametrize(
    "body",
    [
        'raise RuntimeError("a fault of a plugin")',
        'pytest.exit("enough", returncode=3)',
        'pytest.exit("enough", returncode=4)',
    ],
)
def test_what_was_decided_before_an_internal_error_is_in_the_record(pytester: pytest.Pytester, body: str) -> None:
    """Of a plugin, or by pytest.exit with the same status."""
    make_project(pytester, COMPANION.replace("test_companion", "test_before") + COMPANION)
    hook = f"""
        import pytest
        def pytest_runtest_logreport(report):
            if "companion" in report.nodeid and report.when == "call":
                {body}
    """
    pytester.makeconftest(hook)
    run = run_claims(pytester)
    assert run.status in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR)
    assert run.record is not None
    assert (run.verdicts, run.record["complete"]) == ({"before": "confirmed"}, False)


def test_what_was_decided_is_in_the_record_of_a_run_that_was_killed(
    pytester: pytest.Pytester, validate: Callable[[object], object]
) -> None:
    """It was not written at the end; an earlier run's is not taken for it."""
    make_project(pytester, COMPANION.replace("test_companion", "test_before") + one_claim("import os\nos._exit(9)"))
    (pytester.path / RECORD).write_text("an earlier run's", encoding="utf-8")
    run = run_claims(pytester, subprocess=True)
    assert run.status == 9
    validate(run.record)
    assert run.record is not None
    assert (run.verdicts, run.record["complete"]) == ({"before": "confirmed"}, False)


def test_stopping_at_failures_without_any_leaves_a_complete_record(pytester: pytest.Pytester) -> None:
    """``-x`` alone does not make a run incomplete."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester, "-x")
    assert run.record is not None
    assert run.record["complete"] is True


@pytest.mark.parametrize("code", ["import no_such_module", "pytest.skip('not here', allow_module_level=True)"])
def test_record_without_a_module_that_could_not_be_collected_is_not_complete(
    pytester: pytest.Pytester, code: str
) -> None:
    """There may be claims in a module that was not imported to its end."""
    make_project(pytester, one_claim("assert lab"))
    pytester.makepyfile(test_other=f"import pytest\n{code}")
    run = run_claims(pytester, "--continue-on-collection-errors")
    assert run.verdicts == {"snow": "confirmed", "companion": "confirmed"}
    assert run.record is not None
    assert run.record["complete"] is False
    assert "test_other.py" in run.output


def test_module_that_skips_itself_is_named(pytester: pytest.Pytester) -> None:
    """There may be claims in it, so the record is not complete; nothing failed, either."""
    make_project(pytester, COMPANION)
    pytester.makepyfile(test_other="import pytest\npytest.importorskip('no_such_module')\n" + COMPANION)
    run = run_claims(pytester)
    assert run.status == 0
    assert run.record is not None
    assert run.record["complete"] is False
    assert "test_other.py was skipped as a whole" in run.output


# --- the exit status


WHITEWASHES = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        report.outcome, report.longrepr = "skipped", ("x.py", 1, "never mind")
    return report
"""


def test_unexpected_verdict_fails_the_run_whatever_pytest_counts(pytester: pytest.Pytester) -> None:
    """A plugin that turns failures into something else does not turn the exit status."""
    make_project(pytester, one_claim("assert lab is None"), conftest=WHITEWASHES)
    run = run_claims(pytester)
    run.result.assert_outcomes(passed=1, skipped=1)
    assert (run.status, run.verdicts["snow"]) == (1, "refuted")


STOPS = """
def pytest_runtest_logfinish(nodeid):
    pytest.exit("enough", returncode=0)
"""


SWALLOWS = """
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    return True if "snow" in item.name else None
"""


@pytest.mark.parametrize("hooks", [STOPS, SWALLOWS], ids=["stopped", "swallowed"])
def test_claim_that_came_to_no_end_fails_the_run(pytester: pytest.Pytester, hooks: str) -> None:
    """A selected claim without a report is missing, also if pytest's status is 0."""
    make_project(pytester, COMPANION + one_claim("assert lab is not None").replace(COMPANION, ""), conftest=hooks)
    run = run_claims(pytester)
    assert (run.status, run.verdicts) == (1, {"companion": "confirmed"})
    assert run.record is not None
    assert run.record["complete"] is False
    assert "1 of 2 claims did not end; the first: test_claims.py::test_snow" in run.output
    assert "every verdict as expected" not in run.output


def test_strict_run_calls_the_inconclusive_unexpected(pytester: pytest.Pytester) -> None:
    """The summary agrees with the exit status."""
    make_project(pytester, one_claim("lab.require(1 > 2, 'two cores')"))
    run = run_claims(pytester, "--claims-strict")
    assert run.status == 1
    assert any(line.startswith("INCONCLUSIVE!") for line in run.section)
    assert run.ending.startswith("2 claims: 1 confirmed, 0 refuted, 1 inconclusive; 1 not as expected; on ")
