"""Measurements in claims: which verdict comes of them, and what pytest and pytest-benchmark show."""

from __future__ import annotations

import json
import sys
from textwrap import dedent

import pytest

from helpers.claims_project import make_project, one_claim, outcomes_of, run_claims
from pytest_concclaims.lab.lock import MachineLock

#: Two functions of which one takes longer on any machine.
LONG_AND_SHORT = """
import time
def long(): time.sleep(0.003)
def short(): pass
"""
LONGER = one_claim("assert lab.ratio(long, short) > 2", prelude=LONG_AND_SHORT)


@pytest.mark.parametrize(
    "arguments",
    [(), ("-n1",), ("-p", "no:benchmark"), ("--benchmark-disable",), ("--claims-in-process",)],
    ids=" ".join,
)
def test_ratio_decides_with_and_without_pytest_benchmark(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    """The verdict and its evidence are the same, whether something else shows the times or not."""
    make_project(pytester, LONGER)
    run = run_claims(pytester, *arguments, subprocess=True)
    assert run.status == 0
    assert run.verdicts["snow"] == "confirmed"
    (evidence,) = run.evidence("snow", "ratio")
    assert (evidence["answer"], evidence["question"], evidence["above"], evidence["below"]) == (
        True,
        "above 2",
        13,
        0,
    )
    assert [arm["name"] for arm in evidence["arms"]] == ["long", "short"]
    assert [len(arm["seconds"]) for arm in evidence["arms"]] == [13, 13]


def test_arms_are_benchmarks(pytester: pytest.Pytester) -> None:
    """They have the claim's id for a group, and the seconds of the evidence for their rounds."""
    make_project(pytester, LONGER)
    run = run_claims(pytester, "--benchmark-json=times.json", subprocess=True)
    times = json.loads((pytester.path / "times.json").read_text(encoding="utf-8"))
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


@pytest.mark.parametrize(
    ("body", "verdict", "reason"),
    [
        ("assert lab.ratio(short, long) > 1", "refuted", None),
        ("assert lab.ratio(short, short, budget=0.05) > 1", "inconclusive", "when time is up"),
        ("lab.ratio(long, short) > 1", "error", "no assertion of its own had held"),
        ("lab.ratio(long, short); assert one == 1", "error", "no question was put to <lab.ratio(long, short)"),
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
            "when time is up",
        ),
        ("assert lab.ratio(long, short) == 2", "error", "is equal to nothing"),
        ("assert lab.ratio(long, short)", "error", "is neither true nor false"),
        ("assert 1 < lab.ratio(long, short) < 1_000_000", "error", "write m.between(low, high)"),
        ("m = lab.ratio(long, short)\nassert 1 < m < 1_000_000", "error", "write m.between(low, high)"),
        ("assert lab.ratio(long, short) > lab.ratio(short, long)", "error", "measure one against the other"),
    ],
)
def test_verdicts(pytester: pytest.Pytester, body: str, verdict: str, reason: str | None) -> None:
    """An answer decides; no answer, no question and whatever fails do not, also where that is caught."""
    prelude = LONG_AND_SHORT + (
        "one = 1\n"
        "def broken(): raise ValueError('no such snow')\n"
        "def doubtful(): assert one == 2\n"
        "def skipping(): pytest.skip('no snow')\n"
    )
    make_project(pytester, one_claim(body, prelude=prelude))
    claim = run_claims(pytester, "-p", "no:benchmark").claims["snow"]
    assert claim["verdict"] == verdict
    assert reason is None or reason in claim["reason"]


def test_traceback_of_work_that_raises_is_shown(pytester: pytest.Pytester) -> None:
    """With the line that raised."""
    make_project(
        pytester,
        one_claim(
            'assert lab.parallelism(melt, workers=2, kind="thread") > 1.5',
            prelude="def melt():\n    raise LookupError('it has melted')",
        ),
    )
    run = run_claims(pytester)
    assert run.verdicts["snow"] == "error"
    assert "melt, in a worker (thread), raised LookupError: it has melted" in run.claims["snow"]["reason"]
    run.result.stdout.fnmatch_lines(["*raise LookupError('it has melted')*"])


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python has subinterpreters")
def test_workers_that_do_not_exist_here_leave_a_claim_not_applicable(pytester: pytest.Pytester) -> None:
    """It is skipped at its own place, and says what is missing."""
    make_project(pytester, one_claim('assert lab.parallelism(int, workers=2, kind="interpreter") > 1.5'))
    run = run_claims(pytester, "-rs")
    assert run.verdicts["snow"] == "not_applicable"
    assert outcomes_of(run.result) == {"passed": 1, "skipped": 1}
    run.result.stdout.fnmatch_lines(["SKIPPED * test_claims.py:*: this Python has no concurrent.interpreters*"])


@pytest.mark.parametrize("body", ["assert lab.ratio(long, short) > 2", "with lab.alone():\n    assert one == 1"])
def test_claim_that_waits_in_vain_for_the_machine_is_inconclusive(pytester: pytest.Pytester, body: str) -> None:
    """It says who has it, in the terminal while it waits, and in its reason."""
    make_project(pytester, one_claim(body, prelude=LONG_AND_SHORT + "one = 1"))
    with MachineLock(patience=60.0).held():
        run = run_claims(pytester, "--claims-lock-timeout=1.2", subprocess=True)
    assert run.verdicts == {"snow": "inconclusive", "companion": "confirmed"}
    assert "another experiment measures (pid " in run.claims["snow"]["reason"]
    assert "concclaims: waiting for the machine: another experiment measures (pid " in run.output


def test_workers_of_one_run_measure_one_at_a_time(pytester: pytest.Pytester) -> None:
    """What two claims do in their measurements does not overlap, with -n 2."""
    code = """
    import os
    from pathlib import Path

    @pytest.mark.parametrize("number", range(6))
    @pytest.mark.claim("Snow is white, {number}")
    def test_snow(lab, number):
        with lab.alone():
            Path("inside").mkdir()  # which fails if somebody else is
            Path(f"worker-{os.getpid()}").touch()
            assert lab.ratio(long, short) > 2  # the same process does not wait for itself
            Path("inside").rmdir()
    """
    make_project(pytester, LONG_AND_SHORT + dedent(code))
    run = run_claims(pytester, "-n2", subprocess=True)
    assert set(run.verdicts.values()) == {"confirmed"}
    assert len(list(pytester.path.glob("worker-*"))) == 2
