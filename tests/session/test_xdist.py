"""Runs of claims in workers of pytest-xdist: nothing but the times is another than without them.

Each such run starts processes, which takes as long as a hundred tests: so all of them are here, and few.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.claims_project import (
    ALL_ENDS,
    COMPANION,
    VERDICTS,
    Run,
    install,
    junit_properties,
    one_claim,
    run_claims,
    run_once,
)
from helpers.measured import LONGER, check_ratio
from helpers.racers import NEXT, RACERS, check_crash, check_hang, race_of
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.reports.job_summary import VARIABLE

pytest.importorskip("xdist")

pytestmark = pytest.mark.plugin

forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
kills_by_signal = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")

WORKERS = ("-n", "2")
#: Where it makes no difference how many there are.
ONE_WORKER = ("-n", "1")
TAKEN_OUT = COMPANION.replace("test_companion", "test_taken_out")
#: A plugin that takes a claim out of the run.
TAKES_OUT = """
    def pytest_collection_modifyitems(config, items):
        found = [item for item in items if item.name == "test_taken_out"]
        if {reported}:
            config.hook.pytest_deselected(items=found)
        items[:] = [item for item in items if item not in found]
"""


# --- claims with all ends, and some that would take a worker with them if they ran there

STRANGE = COMPANION.replace("One is", "One \\udc80 is").replace("companion", "strange")
REPORTS_IT = TAKES_OUT.format(reported=True)
CRASHES_AND_HANGS = """
@pytest.mark.claim("A crash is an error")
def test_crash(lab):
    assert lab.race(Counter, nothing, fall).ever((1, 1))

@pytest.mark.claim("A crash is an outcome where it is asked for")
def test_asked(lab):
    race = lab.race(Counter, nothing, fall)
    assert race.ever(lab.CRASH)

@pytest.mark.claim("Who hangs is an error")
def test_hang(lab):
    assert lab.race(Counter, nothing, hang, deadline=0.5).ever((1, 1))
"""
PLAIN_TESTS = """
import unittest

class TestX(unittest.TestCase):
    def test_x(self):
        self.fail()

def add():
    \"\"\"
    >>> add()
    1
    \"\"\"
"""
SAME_EACH_TIME = ALL_ENDS + STRANGE + TAKEN_OUT + PLAIN_TESTS
OPTIONS = ("--doctest-modules", "--claims-budget=120")


def run_all_ends(pytester: pytest.Pytester) -> Run:
    """Return the run in workers."""
    races = {"test_races": "import pytest\n" + RACERS + (CRASHES_AND_HANGS if CAN_FORK else "") + NEXT}
    options = [*OPTIONS, *WORKERS, "--junit-xml=workers.xml"]
    return run_once(pytester, SAME_EACH_TIME, *options, subprocess=True, conftest=REPORTS_IT, modules=races)


def run_without_workers(pytester: pytest.Pytester) -> Run:
    """Return the run of the same claims but the races, without workers."""
    options = [*OPTIONS, "--junit-xml=plain.xml"]
    return run_once(pytester, SAME_EACH_TIME, *options, subprocess=True, conftest=REPORTS_IT)


def test_workers_lead_to_the_same_verdicts_and_record(pytester: pytest.Pytester) -> None:
    """Distributing the claims changes nothing but the times, also where a statement is not encodable."""
    plain, run = run_without_workers(pytester), run_all_ends(pytester)
    assert run.status == plain.status == 1
    assert plain.verdicts == {**VERDICTS, "strange": "confirmed"}
    assert {name: run.verdicts[name] for name in plain.verdicts} == plain.verdicts
    assert timeless(run, *plain.verdicts) == timeless(plain, *plain.verdicts)


def timeless(run: Run, *claims: str) -> dict[str, Any]:
    """Return a run's record with these claims only, and without what differs between any two runs."""
    assert run.record is not None
    record = {**run.record, "started": None, "duration": None}
    record["machine"] = {**record["machine"], "load_average": None}
    record["claims"] = [{**run.claims[claim], "duration": None} for claim in claims]
    return record


@pytest.mark.untraced
def test_workers_lead_to_the_same_summary(pytester: pytest.Pytester) -> None:
    """All claims have the same lines, in the order of the files."""
    plain, run = run_without_workers(pytester), run_all_ends(pytester)
    assert plain.ending.startswith("9 claims: ")
    assert "; 3 not as expected; " in plain.ending
    if CAN_FORK:
        counts = "13 claims: 6 confirmed, 2 refuted, 1 inconclusive, 1 not applicable, 3 errors;"
        assert run.ending.startswith(f"{counts} 5 not as expected; ")
    lines = [line for line in plain.section[: plain.section.index("")] if not line.endswith(")")]
    assert lines == [line for line in run.section if line in lines]
    for part in ("Inconclusive (1)", "Not as expected (3)"):
        found = "\n".join(plain.section).partition(part)[2].partition("\n\n")[0]
        assert found in "\n".join(run.section)


def test_workers_lead_to_the_same_properties_in_junit(pytester: pytest.Pytester) -> None:
    """As without them, for each claim."""
    plain = junit_properties(run_without_workers(pytester), "plain.xml")
    found = junit_properties(run_all_ends(pytester), "workers.xml")
    assert set(plain) == {f"test_{name.replace('-', '_')}" for name in (*VERDICTS, "strange")}
    assert {name: found[name] for name in plain} == plain


def test_what_is_no_claim_is_deselected_in_workers(pytester: pytest.Pytester) -> None:
    """Tests, TestCase methods and doctests do not run under --claims."""
    found = set(run_all_ends(pytester).verdicts)
    assert found - {"crash", "asked", "hang", "next"} == {*VERDICTS, "strange"}


@pytest.mark.untraced
@forks
def test_crashes_and_hangs_in_workers_are_noticed_by_no_other_claim(pytester: pytest.Pytester) -> None:
    """No worker of pytest-xdist's is lost; each claim has its verdict, and the record as much as without workers."""
    run = run_all_ends(pytester)
    verdicts = {name: run.verdicts[name] for name in ("crash", "asked", "hang", "next")}
    assert verdicts == {"crash": "error", "asked": "confirmed", "hang": "error", "next": "confirmed"}
    check_crash(run, "crash")
    assert race_of(run, "asked")["witness"]["outcome"] == "lab.CRASH"
    check_hang(run, "hang")
    for claim in ("crash", "hang"):
        assert "worker" not in run.claims[claim]["reason"]
    assert "replacing crashed worker" not in run.output


# --- claims that all end as they are expected to

ONE_AT_A_TIME = """
import os, threading
from pathlib import Path

@pytest.mark.parametrize("number", range(4))
@pytest.mark.claim("Measured alone, {number}")
def test_alone(lab, number):
    with lab.alone():
        Path("inside").mkdir()  # which fails if another claim is there
        Path(f"worker-{os.getpid()}").touch()
        assert lab.ratio(long, short) > 2  # the same process does not wait for itself
        Path("inside").rmdir()
"""
NUMBERS = [10, 9, 1]
IN_ORDER = f"""
@pytest.mark.parametrize('n', {NUMBERS})
@pytest.mark.claim('{{n}} is a number')
def test_number(n):
    assert n < 11
"""
BESIDE_A_THREAD = """
@pytest.mark.claim("A race beside a thread")
def test_beside_a_thread(lab):
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        seen = unlocked(lab).ever(1)
    finally:
        done.set()
        thread.join()
    assert seen
"""
TURNED = """
@pytest.mark.claim("Snow melts")
@pytest.mark.refuted(True, reason="it is cold")
def test_turned():
    snow = 1
    assert snow == 2
"""
BEFORE = COMPANION + "@pytest.mark.claim('Snow melts')\ndef test_turned():\n    snow = 1\n    assert snow == 1\n"
EXPECTED = "".join([ONE_AT_A_TIME, IN_ORDER, LONGER, RACERS, BESIDE_A_THREAD, NEXT, TURNED, TAKEN_OUT])
OLD = "old.json"
SUMMARY = "summary.md"
DOES_NOT_REPORT_IT = TAKES_OUT.format(reported=False)


@pytest.fixture
def expected_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the claims in two workers, with a baseline and a job summary."""
    (pytester.path / OLD).write_text(json.dumps(run_once(pytester, BEFORE).record), encoding="utf-8")
    (pytester.path / SUMMARY).write_text("something | else", encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(pytester.path / SUMMARY))
    return run_once(
        pytester,
        EXPECTED,
        *WORKERS,
        "-W",
        "always",
        "--claims-budget=120",
        f"--claims-baseline={OLD}",
        "--claims-report=run.md",
        subprocess=True,
        conftest=DOES_NOT_REPORT_IT,
    )


@pytest.mark.untraced
def test_workers_of_one_run_measure_one_at_a_time(expected_run: Run) -> None:
    """What two claims do in their measurements does not overlap."""
    verdicts = [verdict for name, verdict in expected_run.verdicts.items() if name.startswith("alone")]
    assert verdicts == ["confirmed"] * 4
    assert len(list(expected_run.folder.glob("worker-*"))) == 2


@pytest.mark.untraced
def test_ratio_decides_in_a_worker(expected_run: Run) -> None:
    """With the same evidence as elsewhere."""
    check_ratio(expected_run, "snow")


@pytest.mark.untraced
def test_fork_beside_threads_warns_of_nothing_in_workers(expected_run: Run) -> None:
    """Python warns of it since 3.12, and pytest-xdist's workers have threads of their own."""
    found = [expected_run.verdicts[name] for name in ("beside-a-thread", "next", "companion")]
    assert found == ["confirmed"] * 3
    assert "fork()" not in expected_run.output
    assert "warnings" not in expected_run.result.parseoutcomes()


def test_order_is_that_of_collection(expected_run: Run) -> None:
    """The summary and the record are in the order of collection, in whatever order the claims ended."""
    statements = [f"{n} is a number" for n in NUMBERS]
    found = [line.split(maxsplit=1)[1].partition(" - ")[0] for line in expected_run.section if " is a number" in line]
    lines = [line for line in found if line.endswith(" is a number")]
    assert lines == statements * 2, "once more where the runs are compared"
    assert expected_run.record is not None
    found = [claim["statement"] for claim in expected_run.record["claims"]]
    assert [statement for statement in found if statement in statements] == statements


@pytest.mark.untraced
def test_what_turned_is_shown_after_the_claims(expected_run: Run) -> None:
    """From what, to what and why; and why the run fails though every verdict is as expected."""
    assert expected_run.status == 1
    expected_run.result.stdout.fnmatch_lines(
        [
            "*= concurrency claims =*",
            f"*= compared with {OLD} =*",
            "then: * 2 claims, pytest-concclaims *",
            "TURNED! *Snow melts",
            "*CONFIRMED -> REFUTED, expected REFUTED now, CONFIRMED before;",
            "*the test was changed since",
            "*because it is cold",
            "1 turned; 10 new; 1 unchanged (1 confirmed);",
            "the test of 1 claim was changed since",
            f"Compared with {OLD}, 1 claim turned: the run fails.",
            "12 claims: 11 confirmed, 1 refuted; every verdict as expected;",
        ]
    )


def test_controlling_process_adds_the_report_to_the_job_summary_once(expected_run: Run) -> None:
    """No worker does, and what the file has already stays."""
    report = expected_run.text_of("run.md")
    assert "Snow is white" in report
    assert expected_run.text_of(SUMMARY) == f"something | else\n\n{report}"
    expected_run.result.stdout.fnmatch_lines([f"job summary: added to {expected_run.folder / SUMMARY}"])


@pytest.mark.parametrize("reported", [False, True])
def test_record_says_that_a_plugin_has_narrowed_the_run(
    pytester: pytest.Pytester, expected_run: Run, reported: bool
) -> None:
    """Whether it reports that to pytest or not."""
    run = run_all_ends(pytester) if reported else expected_run
    assert run.record is not None
    assert "taken-out" not in run.verdicts
    assert run.record["options"]["selection"] == ["all but 1 claim, by a plugin"]


# --- claims that kill their workers

KILL = "os.kill(os.getpid(), signal.SIGKILL)"
DEADLY = f"""
import os, signal

def kill():
    {KILL}

@pytest.fixture
def deadly():
    kill()

@pytest.mark.claim("Killed in its call")
def test_call(lab):
    lab.note("hello")
    kill()

@pytest.mark.claim("Killed in its teardown")
def test_teardown(lab, request):
    request.addfinalizer(kill)
    assert lab

@pytest.mark.claim("Killed in its set-up")
def test_set_up(deadly, lab):
    assert lab
"""
OTHERS = "".join(COMPANION.replace("companion", f"other_{number}") for number in range(4))


@pytest.fixture
def deadly_run(pytester: pytest.Pytester) -> Run:
    """Run claims that kill their workers beside others."""
    return run_once(pytester, DEADLY + OTHERS + COMPANION, *WORKERS, subprocess=True)


@kills_by_signal
@pytest.mark.parametrize("phase", ["call", "teardown"])
def test_claim_that_kills_its_worker_ends_in_error(deadly_run: Run, phase: str) -> None:
    """What is known of the claim is in the record."""
    assert deadly_run.status == 1
    assert deadly_run.verdicts[phase] == "error"
    assert "crashed" in deadly_run.claims[phase]["reason"]
    assert deadly_run.claims[phase]["statement"] == f"Killed in its {phase}"
    deadly_run.result.stdout.fnmatch_lines([f"ERROR!*Killed in its {phase}"])


@kills_by_signal
def test_claim_that_kills_its_worker_harms_no_other(deadly_run: Run) -> None:
    """The others have their verdicts."""
    assert deadly_run.verdicts == {
        "call": "error",
        "teardown": "error",
        **{f"other-{number}": "confirmed" for number in range(4)},
        "companion": "confirmed",
    }


@kills_by_signal
def test_claim_whose_set_up_kills_its_worker_is_named(deadly_run: Run) -> None:
    """It has no report, so the record is not complete, and the summary says so."""
    assert deadly_run.status == 1
    assert deadly_run.record is not None
    assert deadly_run.record["complete"] is False
    assert "test_claims.py::test_set_up: a worker process crashed in its set-up" in deadly_run.output


@kills_by_signal
def test_rerun_after_a_crash_does_not_go_green(pytester: pytest.Pytester) -> None:
    """What crashed a worker once is an error, however well it does the next time."""
    pytest.importorskip("pytest_rerunfailures")
    prelude = "import os, pathlib\nFLAG = pathlib.Path(__file__).with_name('flag')"
    body = "if not FLAG.exists():\n    FLAG.touch()\n    os._exit(1)\nassert FLAG.exists()"
    run = run_once(pytester, one_claim(body, prelude=prelude), *ONE_WORKER, "--reruns=2", subprocess=True)
    assert run.status == 1
    assert run.verdicts.get("snow", "error") == "error"
    assert "every verdict as expected" not in run.output


# --- what is refused


def test_bad_claims_and_unknown_parts_are_the_same_usage_error(pytester: pytest.Pytester) -> None:
    """The workers find them; the controlling process says it once, with the same words and status."""
    claim = '@pytest.mark.claim("Snow is white")\ndef test_{}(): pass\n'
    code = "@pytest.mark.claim\ndef test_snow(): pass\n" + claim.format("x") + claim.format("X")
    part = "article/test_1_snow.py::test_x"
    asked = ["test_claims.py", part]
    plain, run = run_once(pytester, code, *asked), run_once(pytester, code, *asked, *WORKERS, subprocess=True)
    assert plain.status == run.status == 4
    assert run.record is None
    wanted = [line for line in plain.result.stderr.lines if line.startswith("ERROR: ")]
    assert f"ERROR: not found: {part} (pytest --claims --co lists the claims)" in wanted
    assert len(wanted) > 1
    assert [line for line in run.output.splitlines() if line.startswith("ERROR: ")] == wanted


def test_claim_that_would_run_several_times_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """It would have several verdicts in one run."""
    run = run_once(pytester, COMPANION, "--dist=each", "--tx=2*popen", subprocess=True)
    assert run.status == 4
    assert "--dist each: a claim has one verdict in a run; use --dist load" in run.result.stderr.str()


def test_run_without_claims_fails_and_says_why(pytester: pytest.Pytester) -> None:
    """Asked for claims, and there was none: that is no success."""
    run = run_once(pytester, "def test_plain():\n    pass\n", *ONE_WORKER, subprocess=True)
    assert run.status not in (0, 4)
    assert "No claim was run, so there is no verdict" in " ".join(run.output.split())


# --- shipped suites

SNOW = """
import pytest

@pytest.mark.claim("Snow is white", source="article 1")
def test_snow_is_white():
    colour = "white"
    assert colour == "white"

def test_no_claim():
    raise AssertionError("not to be run")
"""
RAIN = SNOW.replace("Snow", "Rain").replace("snow", "rain")
SUITE = {"article-snow-is-white": "confirmed", "article-rain-is-white": "confirmed"}
COLLECTED_BY_PATH = """
[project]
name = "demo"

[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = ["--import-mode=importlib"]
"""


@pytest.fixture
def installed_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the package with two claims into a ``.venv`` of the project, and return the folder of its suite."""
    pytester.makepyprojecttoml(COLLECTED_BY_PATH)
    pytester.mkdir("tests").joinpath("test_own.py").write_text(f"import pytest\n{COMPANION}", encoding="utf-8")
    return install(pytester, monkeypatch, test_1_snow=SNOW, test_2_rain=RAIN)


@pytest.mark.usefixtures("installed_suite")
def test_workers_run_an_installed_suite_and_the_projects_own_claims(pytester: pytest.Pytester) -> None:
    """Each claim once, though the package and its suite lie in a virtual environment inside of the project."""
    run = run_claims(pytester, "--claims-suite=article", *WORKERS, subprocess=True)
    assert run.verdicts == {**SUITE, "companion": "confirmed"}
    assert run.status == 0


@pytest.mark.usefixtures("installed_suite")
def test_workers_run_the_suite_where_the_project_has_no_claims(pytester: pytest.Pytester) -> None:
    """Each worker sees by itself that there are none."""
    for file in (pytester.path / "tests").glob("test_*.py"):
        file.write_text("def test_plain():\n    pass\n", encoding="utf-8")
    run = run_claims(pytester, *WORKERS, subprocess=True)
    assert (run.status, run.verdicts) == (0, SUITE)
    assert run.record is not None
    assert run.record["options"]["suites"] == ["article"]


@pytest.mark.usefixtures("installed_suite")
def test_workers_know_the_parts(pytester: pytest.Pytester) -> None:
    """Each worker collects what was asked for, and not its own default places."""
    run = run_claims(pytester, "article/test_2_rain.py::test_rain_is_white", *ONE_WORKER, subprocess=True)
    assert set(run.verdicts) == {"article-rain-is-white"}
    assert run.status == 0


def test_suite_that_cannot_be_imported_is_an_error(pytester: pytest.Pytester, installed_suite: Path) -> None:
    """A damaged installation must not look like a smaller suite."""
    (installed_suite / "test_1_snow.py").write_text("import no_such_module", encoding="utf-8")
    run = run_claims(pytester, "--claims-suite=article", *WORKERS, subprocess=True)
    assert run.status not in (0, 5)
    assert "No module named 'no_such_module'" in run.output


# --- pytest-benchmark


WARNED = "warned.txt"
LISTENS = f"""
    def pytest_warning_recorded(warning_message):
        with open({WARNED!r}, "a") as file:
            print(warning_message.category.__module__, file=file)
"""


@pytest.mark.untraced
def test_measurements_are_no_benchmarks_in_workers(pytester: pytest.Pytester) -> None:
    """The arms are in no table and no file, and pytest-benchmark alone warns, if it does, of pytest-xdist."""
    pytest.importorskip("pytest_benchmark")
    (pytester.path / WARNED).touch()
    options = (*ONE_WORKER, "--benchmark-json=times.json")
    run = run_once(pytester, LONGER, *options, subprocess=True, conftest=LISTENS)
    assert run.status == 0
    assert {name.partition(".")[0] for name in run.text_of(WARNED).split()} <= {"pytest_benchmark"}
    outcomes = run.result.parseoutcomes()
    assert outcomes.pop("warnings", 0) == len(run.text_of(WARNED).split())
    assert outcomes == {"passed": 2}
    assert "benchmark 'demo-snow'" not in run.result.stdout.str()
    times = run.folder / "times.json"
    assert not times.exists() or not times.read_text(encoding="utf-8")
