"""Claims beside other plugins, each with what it is there for; tox has an environment with the newest of each."""

from __future__ import annotations

import signal

import pytest

from helpers.claims_project import COMPANION, Run, make_project, one_claim, run_claims
from pytest_concclaims.lab.lock import machine_lock

pytestmark = pytest.mark.plugin

#: A claim for each way in which a plugin could be in its way, and the verdicts of these.
CLAIMS = """
import threading

@pytest.mark.claim("Snow is white")
def test_confirmed(lab):
    lab.note("seen on two mountains")
    snow = 1
    assert snow == 1

@pytest.mark.claim("Snow is black")
@pytest.mark.refuted(True, reason="it reflects light")
def test_refuted():
    snow = 1
    assert snow == 2

@pytest.mark.claim("Snow is deep")
def test_inconclusive(lab):
    lab.require(False, "a ruler")

class Counter:
    def __init__(self):
        self.value = 0

def take(counter):
    value = counter.value
    step()
    counter.value = value + 1

def step():
    len("x")

@pytest.mark.claim("An update is lost")
def test_race(lab):
    assert lab.race(Counter, take, take, observe=lambda counter: counter.value).ever(1)

def short():
    pass

def long():
    sum(range(10_000))

@pytest.mark.claim("Long takes longer than short")
def test_ratio(lab):
    assert lab.ratio(long, short) > 2
"""
VERDICTS = {
    "confirmed": "confirmed",
    "refuted": "refuted",
    "inconclusive": "inconclusive",
    "race": "confirmed",
    "ratio": "confirmed",
}
#: So that pytest-asyncio does not warn of it.
INI = "asyncio_default_fixture_loop_scope = 'function'"


def claims_beside(
    pytester: pytest.Pytester, module: str, *arguments: str, code: str = CLAIMS, addopts: str = ""
) -> Run:
    """Run claims with the options of a plugin, and skip the test where it is not installed."""
    pytest.importorskip(module)
    make_project(pytester, code, ini=f"{INI}\naddopts = {addopts!r}")
    return run_claims(pytester, "-p", "no:benchmark", *arguments, subprocess=True)


#: As a project has it that measures its coverage.
COV = "--cov=test_claims --cov-report="


def test_claims_are_not_called_in_parallel(pytester: pytest.Pytester) -> None:
    """pytest-run-parallel takes each for one that is no good in several threads, and calls it once."""
    counted = "import pathlib\nwith open('calls', 'a') as file: file.write('x')\nassert lab is not None"
    code = CLAIMS + one_claim(counted, marks="@pytest.mark.force_parallel_threads(3)")
    run = claims_beside(
        pytester, "pytest_run_parallel", "--parallel-threads=4", "--iterations=2", "-k", "not companion", code=code
    )
    assert (run.status, run.verdicts) == (0, {**VERDICTS, "snow": "confirmed"})
    assert run.text_of("calls") == "x"


def test_schedules_answer_under_coverage_and_the_rest_names_the_option(pytester: pytest.Pytester) -> None:
    """Races that schedules settle do not mind a tracer."""
    run = claims_beside(pytester, "pytest_cov", addopts=COV)
    assert (run.status, run.verdicts) == (0, {**VERDICTS, "ratio": "inconclusive"})
    assert "; run it with --no-cov, as pytest-cov is active" in str(run.claims["ratio"]["reason"])


def test_without_coverage_all_answer(pytester: pytest.Pytester) -> None:
    """With the option that was named."""
    run = claims_beside(pytester, "pytest_cov", "--no-cov", addopts=COV)
    assert (run.status, run.verdicts) == (0, VERDICTS)


def test_claims_in_another_order(pytester: pytest.Pytester) -> None:
    """pytest-randomly shuffles them, and sets the seed of random numbers for each."""
    run = claims_beside(pytester, "pytest_randomly", "--randomly-seed=3")
    assert (run.status, run.verdicts) == (0, VERDICTS)


def test_report_of_pytest_html_has_verdict_and_evidence(pytester: pytest.Pytester) -> None:
    """Also of what has passed."""
    run = claims_beside(pytester, "pytest_html", "--html=page.html", "--self-contained-html")
    page = run.text_of("page.html")
    for text in (
        "is CONFIRMED as expected",
        "- seen on two mountains",
        "is REFUTED as expected, because it reflects light",
        "is INCONCLUSIVE: not met: a ruler",
        "- not met: a ruler",
        "replay: --claims-replay",
    ):
        assert text in page


ASYNC = """
import asyncio

@pytest.mark.asyncio
@pytest.mark.claim("Tasks take turns")
async def test_confirmed():
    await asyncio.sleep(0)
    turns = 1
    assert turns == 1

async def check(turns):
    await asyncio.sleep(0)
    assert turns == 2

@pytest.mark.asyncio
@pytest.mark.claim("Tasks go wrong")
@pytest.mark.refuted(True, reason="they take turns")
async def test_refuted():
    await asyncio.gather(check(1), check(1))

@pytest.mark.asyncio
@pytest.mark.claim("Tasks can tell")
async def test_inconclusive(lab):
    lab.require(False, "a clock")

@pytest.mark.asyncio
@pytest.mark.claim("Threads race within a loop")
async def test_race(lab):
    assert lab.race(list, lambda got: got.append(1), lambda got: got.append(2), observe=len).ever(2)

@pytest.mark.claim("Nothing runs it")
async def test_unmarked():
    turns = 1
    assert turns == 1
"""


def test_coroutines_are_claims_where_pytest_asyncio_runs_them(pytester: pytest.Pytester) -> None:
    """One that it does not run, as it has no mark, is an error."""
    run = claims_beside(pytester, "pytest_asyncio", code=ASYNC)
    assert run.verdicts == {
        "confirmed": "confirmed",
        "refuted": "refuted",
        "inconclusive": "inconclusive",
        "race": "confirmed",
        "unmarked": "error",
    }
    assert "async def functions are not natively supported" in run.claims["unmarked"]["reason"]


GIVEN = """
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import integers

@given(integers())
@pytest.mark.claim("A number is itself")
def test_confirmed(n):
    assert n == n

@given(integers())
@pytest.mark.claim("Numbers are small")
@pytest.mark.refuted(True, reason="there are others")
def test_refuted(n):
    assert n < 100

@given(integers())
@pytest.mark.claim("Numbers are near zero")
@pytest.mark.refuted(True, reason="there are others")
def test_refuted_twice(n):
    assert n < 100
    assert n > -100

@given(integers())
@pytest.mark.claim("A failure is caught")
def test_caught(n):
    try:
        assert n < 100
    except AssertionError:
        pass
    assert n == n

calls = []
@given(integers())
@pytest.mark.claim("It does not repeat itself")
def test_flaky(n):
    calls.append(n)
    assert len(calls) != 5

@given(integers())
@pytest.mark.claim("The lab is one for all numbers")
def test_lab(lab, n):
    assert n == n

@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=3, deadline=None)
@given(integers())
@pytest.mark.claim("The lab is asked for each number")
def test_asked(lab, n):
    assert lab.race(list, lambda got: got.append(n), lambda got: got.append(n), observe=len).ever(2)

@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(integers())
@pytest.mark.claim("The lab requires")
def test_inconclusive(lab, n):
    lab.require(n == 3, "three")
"""


def refutations(run: Run, claim: str) -> list[str]:
    """Return what pytest says of a claim's assertions that failed, without notes."""
    failed = (piece["explanation"] for piece in run.evidence(claim, "assertion") if not piece["holds"])
    return [explanation.partition("\n")[0] for explanation in failed]


def test_claims_about_all_that_hypothesis_gives(pytester: pytest.Pytester) -> None:
    """Refuted by the smallest that it finds; what it refuses is an error."""
    run = claims_beside(pytester, "hypothesis", code=GIVEN)
    assert run.verdicts == {
        "confirmed": "confirmed",
        "refuted": "refuted",
        "refuted-twice": "refuted",
        "caught": "error",
        "flaky": "error",
        "lab": "error",
        "asked": "confirmed",
        "inconclusive": "inconclusive",
    }
    assert refutations(run, "refuted") == ["assert 100 < 100"]
    assert sorted(refutations(run, "refuted-twice")) == ["assert -100 > -100", "assert 100 < 100"]
    assert "function-scoped fixture 'lab'" in run.claims["lab"]["reason"]


# --- pytest-timeout

WAITS = "with lab.alone():\n    had_it = True\n"


def test_waiting_for_the_machine_is_no_time_out(pytester: pytest.Pytester) -> None:
    """A claim whose time is less than that waits in vain, and is not ended by pytest-timeout."""
    pytest.importorskip("pytest_timeout")
    make_project(pytester, one_claim(f"{WAITS}assert had_it", marks="@pytest.mark.timeout(2)"), ini=INI)
    with machine_lock().held(timeout=60.0):
        run = run_claims(pytester, "--claims-lock-timeout=2.5", subprocess=True)
    assert run.verdicts["snow"] == "inconclusive"
    assert run.claims["snow"]["reason"].startswith("waited 2.5 s for another experiment")


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="pytest-timeout ends the whole run here")
def test_claim_that_had_the_machine_has_the_rest_of_its_time(pytester: pytest.Pytester) -> None:
    """It ends there if it hangs, and the thread that watches it is none of its own."""
    hangs = one_claim(
        f"{WAITS}assert had_it\nthreading.Event().wait()",
        prelude="import threading",
        marks="@pytest.mark.timeout(0.3)",
    )
    returns = one_claim(f"{WAITS}assert had_it", marks="@pytest.mark.timeout(60, method='thread')")
    code = hangs.replace(COMPANION, "").replace("test_snow", "test_hangs") + returns
    run = claims_beside(pytester, "pytest_timeout", code=code)
    assert run.verdicts == {"hangs": "error", "snow": "confirmed", "companion": "confirmed"}
    assert "from pytest-timeout" in run.claims["hangs"]["reason"]
