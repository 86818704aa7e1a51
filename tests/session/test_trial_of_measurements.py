"""Trials of claims that measure: their verdicts, and what pytest and pytest-benchmark show."""

from __future__ import annotations

import json
import sys
from textwrap import indent

import pytest

from helpers.claims_project import COMPANION, Run, one_claim, outcomes_of, run_once
from helpers.measured import LONG_AND_SHORT, LONGER, check_ratio
from pytest_concclaims.lab.lock import machine_lock

pytestmark = [pytest.mark.plugin, pytest.mark.untraced]


@pytest.mark.parametrize(
    "options", [("-p", "no:benchmark"), ("--benchmark-disable",), ("--claims-in-process",)], ids=" ".join
)
def test_ratio_decides_with_and_without_pytest_benchmark(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    """The verdict and its evidence are the same, whether something else shows the times or not."""
    run = run_once(pytester, LONGER, *options)
    assert run.status == 0
    check_ratio(run, "snow")


def run_with_benchmarks(pytester: pytest.Pytester) -> Run:
    """Return the run of the ratio that pytest-benchmark saves, in a process of its own: it leaves the file open."""
    no_look_at_the_machine = """
        def pytest_benchmark_generate_machine_info(config):
            return {"node": "here"}
    """
    options = ["--benchmark-json=times.json"]
    return run_once(pytester, LONGER, *options, subprocess=True, conftest=no_look_at_the_machine)


def test_ratio_decides_beside_pytest_benchmark(pytester: pytest.Pytester) -> None:
    """Where that shows the times."""
    run = run_with_benchmarks(pytester)
    assert run.status == 0
    check_ratio(run, "snow")


def test_arms_are_benchmarks(pytester: pytest.Pytester) -> None:
    """They have the claim's id for a group, and the seconds of the evidence for their rounds."""
    run = run_with_benchmarks(pytester)
    times = json.loads(run.text_of("times.json"))
    arms = {arm["name"]: arm for arm in run.evidence("snow", "ratio")[0]["arms"]}
    assert [(each["name"], each["group"]) for each in times["benchmarks"]] == [
        ("demo-snow: long", "demo-snow"),
        ("demo-snow: short", "demo-snow"),
    ]
    for each in times["benchmarks"]:
        arm = arms[each["name"].partition(": ")[2]]
        assert each["stats"]["rounds"] == 13
        assert each["stats"]["iterations"] == arm["calls"]
        assert each["stats"]["median"] == pytest.approx(arm["median"])


#: What a claim says, its verdict, and what its reason says.
ENDS: list[tuple[str, str, str | None]] = [
    ("assert lab.ratio(short, long) > 1", "refuted", None),
    ("assert lab.ratio(short, short, budget=0.05) > 1", "inconclusive", "the budget is spent"),
    ("lab.ratio(long, short) > 1", "error", "no assertion that could fail held"),
    ("lab.ratio(long, short); assert one == 1", "error", "was not asked a question, so there is no evidence"),
    ("assert lab.ratio(long, broken) > 1", "error", "broken raised ValueError: no such snow"),
    ("assert lab.ratio(long, doubtful) > 1", "error", "doubtful raised AssertionError"),
    ("assert lab.ratio(long, skipping) > 1", "error", "skipping raised Skipped: no snow"),
    (
        "try: lab.ratio(long, broken) > 1\nexcept Exception: pass\nassert one == 1",
        "error",
        "broken raised ValueError: no such snow",
    ),
    (
        "try: lab.ratio(short, short, budget=0.05) > 1\nexcept BaseException: pass\nassert one == 1",
        "inconclusive",
        "the budget is spent",
    ),
    ("assert lab.ratio(long, short) == 2", "error", "it is not equal to a number"),
    ("assert lab.ratio(long, short)", "error", "a measurement is neither true nor false"),
    ("assert 1 < lab.ratio(long, short) < 1_000_000", "error", "write m.between(low, high)"),
    ("m = lab.ratio(long, short)\nassert 1 < m < 1_000_000", "error", "write m.between(low, high)"),
    ("assert lab.ratio(long, short) > lab.ratio(short, long)", "error", "measure one against the other"),
]
ALL_ENDS = (
    LONG_AND_SHORT
    + """
one = 1
def broken(): raise ValueError('no such snow')
def doubtful(): assert one == 2
def skipping(): pytest.skip('no snow')
def melt():
    raise LookupError('it has melted')

@pytest.mark.claim("Work that raises")
def test_work(lab):
    assert lab.parallelism(melt, workers=2, kind="thread") > 1.5

@pytest.mark.claim("Workers that do not exist everywhere")
@pytest.mark.skipif("sys.version_info >= (3, 14)", reason="they exist here")
def test_interpreters(lab):
    assert lab.parallelism(int, workers=2, kind="interpreter") > 1.5
"""
    + "".join(
        f'@pytest.mark.claim("Snow is white, {number}")\ndef test_{number}(lab):\n{indent(body, "    ")}\n'
        for number, (body, _, _) in enumerate(ENDS)
    )
    + COMPANION
)


def run_all_ends(pytester: pytest.Pytester) -> Run:
    """Return the run of a claim for each end."""
    return run_once(pytester, ALL_ENDS, "-p", "no:benchmark", "-rs")


@pytest.mark.parametrize("number", range(len(ENDS)), ids=[body for body, _, _ in ENDS])
def test_verdicts(pytester: pytest.Pytester, number: int) -> None:
    """An answer decides; no answer, no question and whatever fails do not, also where that is caught."""
    _, verdict, reason = ENDS[number]
    claim = run_all_ends(pytester).claims[str(number)]
    assert claim["verdict"] == verdict
    assert reason is None or reason in claim["reason"]


def test_traceback_of_work_that_raises_is_shown(pytester: pytest.Pytester) -> None:
    """With the line that raised."""
    run = run_all_ends(pytester)
    assert run.verdicts["work"] == "error"
    assert "melt, in a worker (thread), raised LookupError: it has melted" in run.claims["work"]["reason"]
    run.result.stdout.fnmatch_lines(["*raise LookupError('it has melted')*"])


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python has subinterpreters")
def test_workers_that_do_not_exist_here_leave_a_claim_not_applicable(pytester: pytest.Pytester) -> None:
    """It is skipped at its own place, and says what is missing."""
    run = run_all_ends(pytester)
    assert run.verdicts["interpreters"] == "not_applicable"
    counted = list(run.verdicts.values())
    outcomes = outcomes_of(run.result)
    assert outcomes["passed"] == counted.count("confirmed")
    assert outcomes["skipped"] == counted.count("not_applicable") + counted.count("inconclusive")
    run.result.stdout.fnmatch_lines(["NOT APPLICABLE  *this Python has no *"])


WAITS = {"measures": "assert lab.ratio(long, short) > 2", "is-alone": "with lab.alone():\n    assert one == 1"}
WAITING = "waiting for another experiment (pid "


@pytest.mark.parametrize("name", WAITS)
def test_claim_that_waits_in_vain_for_the_machine_is_inconclusive(pytester: pytest.Pytester, name: str) -> None:
    """It says who has it, in the terminal while it waits, and in its reason."""
    code = LONG_AND_SHORT + "one = 1\n"
    for other, body in WAITS.items():
        code += one_claim(body).replace("test_snow", f"test_{other.replace('-', '_')}").replace(COMPANION, "")
    told_at_once = """
        from pytest_concclaims.lab import lock

        assert lock._TELL_AFTER_S
        lock._TELL_AFTER_S = 0.0
    """
    with machine_lock().held(timeout=60.0):
        run = run_once(
            pytester, code + COMPANION, "--claims-lock-timeout=0.1", subprocess=True, conftest=told_at_once
        )
    assert run.verdicts == {**dict.fromkeys(WAITS, "inconclusive"), "companion": "confirmed"}
    assert "another experiment (pid " in run.claims[name]["reason"]
    assert run.output.count(f"concclaims: {WAITING}") == len(WAITS)
