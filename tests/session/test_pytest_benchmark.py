"""Measured arms of claims in pytest-benchmark, with the version that is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from helpers.claims_project import make_project, one_claim, run_claims

VERSION = pytest.importorskip("pytest_benchmark").__version__

SAVED = "benchmarks.json"
IMPORTS = (
    "import pytest; from pytest_concclaims.lab.ratio import Timing\n"
    "from pytest_concclaims.session.pytest_benchmark import show\n"
)
#: Two samples of ten calls, and three of one call.
TIMINGS = '[Timing("plain", None, 10, [0.25, 0.5]), Timing("locked", None, 1, [1.0, 4.0, 2.0])]'
TABLE = "benchmark 'demo-snow'"


def make_measurement(pytester: pytest.Pytester, timings: str = TIMINGS) -> None:
    """Make a module with a test that shows these arms of the claim ``demo-snow``, as its trial would."""
    pytester.makepyfile(
        test_snow=f'{IMPORTS}def test_snow(request):\n    show(request.node, claim="demo-snow", timings={timings})\n'
    )


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in the pytester's folder, with the benchmarks saved."""
    return pytester.runpytest_inprocess(f"--benchmark-json={SAVED}", *arguments)


def saved(pytester: pytest.Pytester) -> list[dict[str, Any]]:
    """Return the benchmarks that a run has saved."""
    file = pytester.path / SAVED
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    benchmarks: list[dict[str, Any]] = json.loads(text)["benchmarks"] if text else []
    return benchmarks


def names(pytester: pytest.Pytester) -> list[str]:
    """Return the names of the benchmarks that a run has saved."""
    return [entry["name"] for entry in saved(pytester)]


# --- what is there


def test_arms_are_saved_with_what_was_measured(pytester: pytest.Pytester) -> None:
    """Under the claim's id and the arm's name, with the very durations."""
    make_measurement(pytester)
    result = run(pytester)
    result.assert_outcomes(passed=1)
    plain, locked = saved(pytester)
    assert [plain["name"], locked["name"]] == ["demo-snow: plain", "demo-snow: locked"]
    assert [plain["fullname"], locked["fullname"]] == ["demo-snow: plain", "demo-snow: locked"]
    assert {plain["group"], locked["group"]} == {"demo-snow"}
    assert (plain["stats"]["data"], plain["stats"]["rounds"], plain["stats"]["iterations"]) == ([0.25, 0.5], 2, 10)
    assert (plain["stats"]["min"], plain["stats"]["max"], plain["stats"]["mean"]) == (0.25, 0.5, 0.375)
    assert (locked["stats"]["data"], locked["stats"]["rounds"], locked["stats"]["iterations"]) == ([1, 4, 2], 3, 1)
    assert locked["stats"]["median"] == 2.0


def test_arms_are_a_group_of_the_table(pytester: pytest.Pytester) -> None:
    """The summary has them beside each other, under the claim's id."""
    make_measurement(pytester)
    result = run(pytester)
    result.stdout.fnmatch_lines([f"*{TABLE}: 2 tests*", "demo-snow: plain *(1.0)*", "demo-snow: locked *"])


def test_benchmarks_of_tests_are_beside_them(pytester: pytest.Pytester) -> None:
    """What pytest-benchmark measured itself stays as it is."""
    make_measurement(pytester)
    pytester.makepyfile(test_own="def test_own(benchmark):\n    benchmark.pedantic(int)\n")
    run(pytester).assert_outcomes(passed=2)
    assert sorted(names(pytester)) == ["demo-snow: locked", "demo-snow: plain", "test_own"]


def test_arms_of_the_same_name_get_a_number(pytester: pytest.Pytester) -> None:
    """Each name stands for one arm, and is the same in each run."""
    make_measurement(pytester, '[Timing(name, None, 1, [0.5]) for name in ("push", "pop", "push", "push")]')
    run(pytester)
    assert names(pytester) == [f"demo-snow: {arm}" for arm in ("push", "pop", "push (2)", "push (3)")]


def test_arm_without_samples_is_left_out(pytester: pytest.Pytester) -> None:
    """There is no mean of nothing, and its place in the numbers stays free."""
    make_measurement(pytester, '[Timing("push", None, 1, []), Timing("push", None, 1, [0.5])]')
    run(pytester).assert_outcomes(passed=1)
    assert names(pytester) == ["demo-snow: push (2)"]


def test_another_attempt_takes_the_place_of_the_earlier(pytester: pytest.Pytester) -> None:
    """And of no other claim's arms."""
    pytester.makepyfile(
        f"""
        {IMPORTS.splitlines()[0]}
        {IMPORTS.splitlines()[1]}

        def test_grass(request):
            show(request.node, claim="demo-grass", timings=[Timing("green", None, 1, [1.0])])

        def test_snow(request):
            for seconds in (1.0, 2.0):
                show(request.node, claim="demo-snow", timings=[Timing("white", None, 1, [seconds])])
        """
    )
    run(pytester).assert_outcomes(passed=2)
    assert [(entry["name"], entry["stats"]["data"]) for entry in saved(pytester)] == [
        ("demo-grass: green", [1.0]),
        ("demo-snow: white", [2.0]),
    ]


def test_parameters_are_the_items(pytester: pytest.Pytester) -> None:
    """So that ``--benchmark-group-by=param:NAME`` works as for any other test."""
    pytester.makepyfile(
        f"""
        {IMPORTS.splitlines()[0]}
        {IMPORTS.splitlines()[1]}

        @pytest.mark.parametrize("depth", [1, 2])
        def test_snow(request, depth):
            show(request.node, claim=f"demo-snow[{{depth}}]", timings=[Timing("white", None, 1, [1.0])])
        """
    )
    result = run(pytester, "--benchmark-group-by=param:depth")
    result.stdout.fnmatch_lines(["*benchmark 'depth=1': 1 tests*", "*benchmark 'depth=2': 1 tests*"])
    assert [(entry["param"], entry["params"]) for entry in saved(pytester)] == [
        ("1", {"depth": 1}),
        ("2", {"depth": 2}),
    ]


# --- runs that are compared


def slower(arms: str) -> str:
    """Return the arms with the first one ten times as slow."""
    return arms.replace("[0.25, 0.5]", "[2.5, 5.0]")


def test_saved_runs_are_compared_by_arms(pytester: pytest.Pytester) -> None:
    """``pytest-benchmark compare`` has each arm of both runs, also when the claim has moved to another file."""
    make_measurement(pytester)
    run(pytester, "--benchmark-save=before", "--benchmark-storage=runs").assert_outcomes(passed=1)
    (pytester.path / "test_snow.py").unlink()
    (pytester.path / "moved").mkdir()
    make_measurement(pytester, slower(TIMINGS))
    (pytester.path / "test_snow.py").rename(pytester.path / "moved" / "test_elsewhere.py")
    run(pytester, "--benchmark-autosave", "--benchmark-storage=runs").assert_outcomes(passed=1)
    compared = pytester.run(
        sys.executable, "-m", "pytest_benchmark", "--storage=runs", "compare", "--group-by=fullname"
    )
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


def test_run_fails_where_an_arm_has_regressed(pytester: pytest.Pytester) -> None:
    """``--benchmark-compare-fail`` goes for arms as for any benchmark, and names the one that is slower."""
    make_measurement(pytester)
    run(pytester, "--benchmark-autosave")
    options = ("--benchmark-compare", "--benchmark-compare-fail=mean:50%")
    same = pytester.runpytest_subprocess(*options)
    assert same.ret == 0
    same.stdout.fnmatch_lines_random(["demo-snow: plain (NOW)*", "demo-snow: plain (0001*"])
    make_measurement(pytester, slower(TIMINGS))
    regressed = pytester.runpytest_subprocess(*options)
    assert regressed.ret != 0
    regressed.stderr.fnmatch_lines(["*Performance has regressed*", "*demo-snow: plain *mean*"])
    assert "demo-snow: locked (0001" not in regressed.stderr.str()


# --- where nothing is to be there


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
    """The test passes all the same, and nobody is warned."""
    make_measurement(pytester)
    # In this process, a warning may be of a file that an earlier test's pytest-benchmark has left open.
    result = pytester.runpytest_subprocess("-W", "error", *options)
    result.assert_outcomes(passed=1, warnings=0)
    assert TABLE not in result.stdout.str()


@pytest.mark.parametrize(
    "options", [["--benchmark-disable", "--benchmark-enable"], ["--benchmark-verbose"]], ids=" ".join
)
def test_arms_are_there_where_it_is_enabled(pytester: pytest.Pytester, options: list[str]) -> None:
    """The session decides, as for any benchmark."""
    make_measurement(pytester)
    run(pytester, *options).assert_outcomes(passed=1)
    assert len(saved(pytester)) == 2


def test_nothing_is_there_in_workers(pytester: pytest.Pytester) -> None:
    """Whatever pytest-benchmark itself says of pytest-xdist: the arms are in no table and no file, without a word."""
    pytest.importorskip("xdist")
    pytester.makepyfile(test_bare="def test_bare():\n    pass\n")
    options = ("-n", "1", f"--benchmark-json={SAVED}", "-p", "no:rerunfailures")
    bare = pytester.runpytest_subprocess(*options)
    make_measurement(pytester)
    result = pytester.runpytest_subprocess(*options)
    assert result.ret == 0
    assert result.parseoutcomes() == {**bare.parseoutcomes(), "passed": 2}
    assert TABLE not in result.stdout.str()
    assert saved(pytester) == []


def test_claims_are_no_benchmarks_for_benchmark_only(pytester: pytest.Pytester) -> None:
    """What skips them says so, and a run in which all are skipped is not green."""
    make_project(pytester, one_claim("assert lab"))
    result = run_claims(pytester, "--benchmark-only")
    assert result.status == 1
    assert set(result.verdicts.values()) == {"not_applicable"}
    assert "--benchmark-only" in result.claims["snow"]["reason"]


# --- a version that nobody knows

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


@pytest.mark.parametrize("options", [(), ("-W", "error")], ids=["plain", "-W error"])
@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_version_is_warned_of_once(pytester: pytest.Pytester, change: str, options: tuple[str, ...]) -> None:
    """The tests pass, even where warnings are errors; nothing half-known gets into the session."""
    pytester.makepyfile(
        f"""
        {IMPORTS.splitlines()[0]}
        {IMPORTS.splitlines()[1]}
        import pytest_benchmark.stats

        @pytest.mark.parametrize("number", [1, 2])
        def test_snow(request, monkeypatch, number):
            {change}
            show(request.node, claim="demo-snow", timings={TIMINGS})
        """
    )
    result = pytester.runpytest_inprocess(*options)
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(f"*pytest-benchmark {VERSION} is not supported*")
    assert TABLE not in result.stdout.str()


def test_warning_of_an_unknown_version_can_be_ignored(pytester: pytest.Pytester) -> None:
    """By the filters, like any other."""
    make_measurement(pytester)
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(autouse=True)
        def change(request, monkeypatch):
            monkeypatch.setattr(request.config, "_benchmarksession", object())
        """
    )
    result = pytester.runpytest_inprocess("-W", "ignore:pytest-benchmark:pytest.PytestWarning")
    result.assert_outcomes(passed=1, warnings=0)


def test_module_does_not_import_pytest_benchmark() -> None:
    """A run without measurements does not pay for it, and one where it is not installed has it not."""
    code = "import sys, pytest_concclaims.session.pytest_benchmark; print('pytest_benchmark' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert process.stdout.strip() == "False"
