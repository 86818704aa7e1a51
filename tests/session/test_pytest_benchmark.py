"""Measured arms of claims in pytest-benchmark, with the version that is installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.claims_project import make_project, one_claim, run_claims

VERSION = pytest.importorskip("pytest_benchmark").__version__

pytestmark = pytest.mark.plugin

SAVED = "benchmarks.json"
IMPORTS = (
    "import pytest; from pytest_concclaims.lab.ratio import Timing\n"
    "from pytest_concclaims.session.pytest_benchmark import show\n"
)
#: Two samples of ten calls, and three of one call.
TIMINGS = '[Timing("plain", None, 10, [0.25, 0.5]), Timing("locked", None, 1, [1.0, 4.0, 2.0])]'
TABLE = "benchmark 'demo-snow'"
SNOW = f"""
{IMPORTS}

def test_snow(request):
    show(request.node, claim="demo-snow", timings={TIMINGS})
"""
#: What is saved comes with a description of the machine, which takes pytest-benchmark a second to find out.
NO_LOOK_AT_THE_MACHINE = """
import pytest

@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_machine_info(config):
    return {"node": "here"}
"""


# --- what is there

CLAIMS = f"""{SNOW}

def test_own(benchmark):
    benchmark.pedantic(int)

def test_rain(request):
    timings = [Timing(name, None, 1, [0.5]) for name in ("push", "pop", "push", "push")]
    show(request.node, claim="demo-rain", timings=timings)

def test_hail(request):
    show(request.node, claim="demo-hail", timings=[Timing("push", None, 1, []), Timing("push", None, 1, [0.5])])

def test_grass(request):
    show(request.node, claim="demo-grass", timings=[Timing("green", None, 1, [1.0])])

def test_fog(request):
    for seconds in (1.0, 2.0):
        show(request.node, claim="demo-fog", timings=[Timing("white", None, 1, [seconds])])
"""
CLAIMS_WITH_PARAMETERS = f"""
{IMPORTS}

@pytest.mark.parametrize("depth", [1, 2])
def test_ice(request, depth):
    show(request.node, claim=f"demo-ice[{{depth}}]", timings=[Timing("white", None, 1, [1.0])])
"""


@dataclass(frozen=True)
class Measured:
    """A finished run, and the benchmarks that it has saved."""

    result: pytest.RunResult
    saved: list[dict[str, Any]]

    def of(self, claim: str) -> list[dict[str, Any]]:
        """Return the benchmarks of a claim."""
        return [entry for entry in self.saved if entry["group"] == claim]

    def names_of(self, claim: str) -> list[str]:
        """Return the names of the benchmarks of a claim."""
        return [entry["name"] for entry in self.of(claim)]


@pytest.fixture(scope="module")
def runs() -> dict[str, Measured]:
    """Return the runs of this module by their code: each is made by the first test that needs it."""
    return {}


def measured_once(pytester: pytest.Pytester, runs: dict[str, Measured], code: str, *arguments: str) -> Measured:
    """Return a run of pytest whose benchmarks are saved."""
    if code not in runs:
        pytester.makeconftest(NO_LOOK_AT_THE_MACHINE)
        pytester.makepyfile(test_snow=code)
        # In a process of its own: pytest-benchmark leaves the file open, which may be warned of some time later.
        result = pytester.runpytest_subprocess(f"--benchmark-json={SAVED}", *arguments)
        text = (pytester.path / SAVED).read_text(encoding="utf-8")
        runs[code] = Measured(result, json.loads(text)["benchmarks"])
    return runs[code]


@pytest.fixture
def measured(pytester: pytest.Pytester, runs: dict[str, Measured]) -> Measured:
    """Run all claims but those with parameters."""
    return measured_once(pytester, runs, CLAIMS, "--benchmark-verbose")


@pytest.fixture
def grouped(pytester: pytest.Pytester, runs: dict[str, Measured]) -> Measured:
    """Run the claims with parameters, grouped by these, where pytest-benchmark was disabled and enabled again."""
    options = ["--benchmark-group-by=param:depth", "--benchmark-disable", "--benchmark-enable"]
    return measured_once(pytester, runs, CLAIMS_WITH_PARAMETERS, *options)


def test_arms_are_saved_with_what_was_measured(measured: Measured) -> None:
    """Under the claim's id and the arm's name, with the very durations."""
    measured.result.assert_outcomes(passed=6)
    plain, locked = measured.of("demo-snow")
    assert [plain["name"], locked["name"]] == ["demo-snow: plain", "demo-snow: locked"]
    assert [plain["fullname"], locked["fullname"]] == ["demo-snow: plain", "demo-snow: locked"]
    assert (plain["stats"]["data"], plain["stats"]["rounds"], plain["stats"]["iterations"]) == ([0.25, 0.5], 2, 10)
    assert (plain["stats"]["min"], plain["stats"]["max"], plain["stats"]["mean"]) == (0.25, 0.5, 0.375)
    assert (locked["stats"]["data"], locked["stats"]["rounds"], locked["stats"]["iterations"]) == ([1, 4, 2], 3, 1)
    assert locked["stats"]["median"] == 2.0


def test_arms_are_a_group_of_the_table(measured: Measured) -> None:
    """The summary has them beside each other, under the claim's id."""
    measured.result.stdout.fnmatch_lines([f"*{TABLE}: 2 tests*", "demo-snow: plain *(1.0)*", "demo-snow: locked *"])


def test_benchmarks_of_tests_are_beside_them(measured: Measured) -> None:
    """What pytest-benchmark measured itself stays as it is."""
    assert [entry["name"] for entry in measured.saved if entry["group"] is None] == ["test_own"]


def test_arms_of_the_same_name_get_a_number(measured: Measured) -> None:
    """Each name stands for one arm, and is the same in each run."""
    assert measured.names_of("demo-rain") == [f"demo-rain: {arm}" for arm in ("push", "pop", "push (2)", "push (3)")]


def test_arm_without_samples_is_left_out(measured: Measured) -> None:
    """There is no mean of nothing, and its place in the numbers stays free."""
    assert measured.names_of("demo-hail") == ["demo-hail: push (2)"]


def test_another_attempt_takes_the_place_of_the_earlier(measured: Measured) -> None:
    """And of no other claim's arms."""
    found = [(entry["name"], entry["stats"]["data"]) for entry in measured.of("demo-grass") + measured.of("demo-fog")]
    assert found == [("demo-grass: green", [1.0]), ("demo-fog: white", [2.0])]


def test_parameters_are_the_items(grouped: Measured) -> None:
    """So that ``--benchmark-group-by=param:NAME`` works as for any other test."""
    grouped.result.stdout.fnmatch_lines(["*benchmark 'depth=1': 1 tests*", "*benchmark 'depth=2': 1 tests*"])
    assert [(entry["param"], entry["params"]) for entry in grouped.saved] == [
        ("1", {"depth": 1}),
        ("2", {"depth": 2}),
    ]


def test_arms_are_there_where_it_is_enabled(grouped: Measured, measured: Measured) -> None:
    """The session decides, as for any benchmark."""
    grouped.result.assert_outcomes(passed=2)
    assert len(grouped.saved) == 2
    assert len(measured.of("demo-snow")) == 2


# --- runs that are compared

REGRESSION_FAILS = "--benchmark-compare-fail=mean:50%"


@dataclass(frozen=True)
class History:
    """Runs of one claim: when it was saved, once more, and when one arm has become slower in another file.

    :param same: the run that was compared with the one that was saved.
    :param regressed: the run with the slower arm, compared with it as well, and saved.
    """

    folder: Path
    same: pytest.RunResult
    regressed: pytest.RunResult


@pytest.fixture
def history(pytester: pytest.Pytester, histories: list[History]) -> History:
    """Make these runs, once."""
    if not histories:
        pytester.makeconftest(NO_LOOK_AT_THE_MACHINE)
        pytester.makepyfile(test_snow=SNOW)
        pytester.runpytest_subprocess("--benchmark-autosave").assert_outcomes(passed=1)
        same = pytester.runpytest_subprocess("--benchmark-compare", REGRESSION_FAILS)
        (pytester.path / "test_snow.py").unlink()
        (pytester.path / "moved").mkdir()
        slower = SNOW.replace("[0.25, 0.5]", "[2.5, 5.0]")
        (pytester.path / "moved" / "test_elsewhere.py").write_text(slower, encoding="utf-8")
        regressed = pytester.runpytest_subprocess("--benchmark-autosave", "--benchmark-compare", REGRESSION_FAILS)
        histories.append(History(pytester.path, same, regressed))
    return histories[0]


@pytest.fixture(scope="module")
def histories() -> list[History]:
    """Return an empty list for what was made once."""
    return []


def test_run_passes_where_no_arm_has_regressed(history: History) -> None:
    """``--benchmark-compare-fail`` goes for arms as for any benchmark."""
    assert history.same.ret == 0
    history.same.stdout.fnmatch_lines_random(["demo-snow: plain (NOW)*", "demo-snow: plain (0001*"])


def test_run_fails_where_an_arm_has_regressed(history: History) -> None:
    """It names the one that is slower, and no other, also when the claim has moved to another file."""
    assert history.regressed.ret != 0
    history.regressed.stderr.fnmatch_lines(["*Performance has regressed*", "*demo-snow: plain *mean*"])
    assert "demo-snow: locked (0001" not in history.regressed.stderr.str()


def test_saved_runs_are_compared_by_arms(pytester: pytest.Pytester, history: History) -> None:
    """``pytest-benchmark compare`` has each arm of both runs, also when the claim has moved to another file."""
    storage = f"--storage={history.folder / '.benchmarks'}"
    compared = pytester.run(sys.executable, "-m", "pytest_benchmark", storage, "compare", "--group-by=fullname")
    assert compared.ret == 0
    compared.stdout.fnmatch_lines(
        [
            "*benchmark 'demo-snow: locked': 2 tests*",
            "demo-snow: locked (*",
            "demo-snow: locked (*",
            "*benchmark 'demo-snow: plain': 2 tests*",
            "demo-snow: plain (0001*(1.0)*",
            "demo-snow: plain (0002*(10.00)*",
        ]
    )


# --- where nothing is to be there

MEASURED = one_claim(
    "assert lab.ratio(long, short) > 2",
    prelude="""
    def short():
        pass

    def long():
        sum(range(10_000))
""",
)


@pytest.mark.untraced
def test_run_without_an_option_of_pytest_benchmark_has_no_table_and_leaves_no_folder(
    pytester: pytest.Pytester,
) -> None:
    """The times are in the record."""
    make_project(pytester, MEASURED)
    run = run_claims(pytester, subprocess=True)
    assert (run.status, run.verdicts["snow"]) == (0, "confirmed")
    assert run.evidence("snow", "ratio")[0]["arms"][0]["seconds"]
    assert " benchmark 'demo-snow': " not in run.output
    assert not (pytester.path / ".benchmarks").exists()
    assert re.fullmatch("=* 2 passed in .* =*", run.result.outlines[-1])


@pytest.mark.untraced
@pytest.mark.parametrize("where", ["command line", "configuration", "environment"])
def test_option_of_pytest_benchmark_brings_its_table_above_the_verdicts(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """From wherever pytest has its options."""
    option = "--benchmark-columns=min,median"
    make_project(pytester, MEASURED, ini=f"addopts = {option!r}" if where == "configuration" else "")
    if where == "environment":
        monkeypatch.setenv("PYTEST_ADDOPTS", option)
    run = run_claims(pytester, *([option] if where == "command line" else []), subprocess=True)
    run.result.stdout.fnmatch_lines(["* benchmark 'demo-snow': 2 tests *", "* concurrency claims *"])
    assert not (pytester.path / ".benchmarks").exists()


def test_folder_stays_where_something_is_saved_or_that_was_there(pytester: pytest.Pytester) -> None:
    """Only what this run made for nothing is removed."""
    make_project(pytester, one_claim("assert lab"))
    folder = pytester.mkdir(".benchmarks")
    run_claims(pytester, subprocess=True)
    assert folder.is_dir()
    folder.rmdir()
    pytester.makeconftest(NO_LOOK_AT_THE_MACHINE)
    code = "import pytest\n" + one_claim("benchmark(len, [])\nassert lab", arguments="lab, benchmark")
    pytester.makepyfile(test_claims=code)
    run_claims(pytester, "--benchmark-autosave", subprocess=True)
    assert list(folder.rglob("*.json"))


@pytest.mark.parametrize(
    "options",
    [
        ["--benchmark-disable"],
        ["--benchmark-skip"],
        pytest.param(["-p", "no:benchmark"], id="absent"),
    ],
    ids=" ".join,
)
def test_nothing_is_there_where_it_is_disabled_or_absent(pytester: pytest.Pytester, options: list[str]) -> None:
    """The test passes all the same, and warns of nothing."""
    pytester.makepyfile(test_snow=SNOW)
    # In this process, a warning may be of what an earlier test has left open.
    result = pytester.runpytest_subprocess("-W", "error", *options)
    result.assert_outcomes(passed=1, warnings=0)
    assert TABLE not in result.stdout.str()


def test_claims_are_no_benchmarks_for_benchmark_only(pytester: pytest.Pytester) -> None:
    """What skips them says so, and a run in which all are skipped is not green."""
    make_project(pytester, one_claim("assert lab"))
    result = run_claims(pytester, "--benchmark-only")
    assert result.status == 1
    assert set(result.verdicts.values()) == {"not_applicable"}
    assert "--benchmark-only" in result.claims["snow"]["reason"]


# --- a version that is not known

UNKNOWN = {
    "no session": 'monkeypatch.delattr(request.config, "_benchmarksession")',
    "another session": 'monkeypatch.setattr(request.config, "_benchmarksession", object())',
    "benchmarks are no list": 'monkeypatch.setattr(request.config._benchmarksession, "benchmarks", {})',
    "Metadata takes something else": 'monkeypatch.setattr(pytest_benchmark.stats, "Metadata", lambda: None)',
    "Metadata needs more of the fixture": (
        'monkeypatch.setattr(pytest_benchmark.stats, "Metadata", lambda fixture, **more: fixture.colour)'
    ),
    "stats have moved": 'monkeypatch.delattr(pytest_benchmark.stats.Stats, "update")',
    "as_dict says something else": (
        'monkeypatch.setattr(pytest_benchmark.stats.Stats, "update", lambda self, seconds: self.data.append(0.0))'
    ),
}


#: A test for each change, twice, and what was warned of while it ran. Each change comes to a session that was not
#: found to be of an unknown version yet.
CHANGED = f"""
{IMPORTS}
import pytest_benchmark.stats
from pytest_concclaims.session.pytest_benchmark import _UNSUPPORTED

@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("change", {list(UNKNOWN.values())!r}, ids={list(UNKNOWN)!r})
def test_snow(request, monkeypatch, change, number):
    if number == 1 and _UNSUPPORTED in request.config.stash:
        del request.config.stash[_UNSUPPORTED]
    exec(change)
    show(request.node, claim="demo-snow", timings={TIMINGS})
"""
LISTENS = """
def pytest_warning_recorded(warning_message, nodeid):
    with open("warned", "a") as file:
        print(nodeid, " ".join(str(warning_message.message).split()), file=file)
"""


@pytest.fixture(scope="module")
def changed_runs() -> dict[tuple[str, ...], tuple[pytest.RunResult, list[str]]]:
    """Return the runs with changes by their options, and what each was warned of."""
    return {}


@pytest.mark.parametrize("options", [(), ("-W", "error")], ids=["plain", "-W error"])
@pytest.mark.parametrize("change", UNKNOWN)
def test_unknown_version_is_warned_of_once(
    pytester: pytest.Pytester,
    changed_runs: dict[tuple[str, ...], tuple[pytest.RunResult, list[str]]],
    change: str,
    options: tuple[str, ...],
) -> None:
    """The tests pass, even where warnings are errors; nothing half-known gets into the session."""
    if options not in changed_runs:
        pytester.makeconftest(LISTENS)
        pytester.makepyfile(test_snow=CHANGED)
        made = pytester.runpytest_inprocess("--benchmark-enable", "-rp", *options)
        changed_runs[options] = made, (pytester.path / "warned").read_text(encoding="utf-8").splitlines()
    result, warned = changed_runs[options]
    result.assert_outcomes(passed=2 * len(UNKNOWN), warnings=len(UNKNOWN))
    (warning,) = [line for line in warned if line.startswith(f"test_snow.py::test_snow[{change}-")]
    test, _, message = warning.partition("] ")
    assert test.endswith("-1")
    assert message.startswith(f"pytest-benchmark {VERSION} is not supported")
    assert TABLE not in result.stdout.str()


def test_warning_of_an_unknown_version_can_be_ignored(pytester: pytest.Pytester) -> None:
    """By the filters, like any other."""
    pytester.makepyfile(test_snow=SNOW)
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(autouse=True)
        def change(request, monkeypatch):
            monkeypatch.setattr(request.config, "_benchmarksession", object())
        """
    )
    ignored = "ignore:pytest-benchmark:pytest.PytestWarning"
    result = pytester.runpytest_inprocess("--benchmark-enable", "-W", ignored)
    result.assert_outcomes(passed=1, warnings=0)


def test_module_does_not_import_pytest_benchmark() -> None:
    """A run without measurements does not pay for it, and one where it is not installed has it not."""
    code = "import sys, pytest_concclaims.session.pytest_benchmark; print('pytest_benchmark' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert process.stdout.strip() == "False"
