"""Fixtures for the tests of races."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from helpers import race_questions
from pytest_concclaims import Lab
from pytest_concclaims.interpreter import PYPY
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.lab.race import experiment, references
from pytest_concclaims.lab.race.runner import Result, Runner
from pytest_concclaims.lab.race.samples import power

#: Seconds for a question; schedules use a twentieth of them to find out what would happen without a GIL.
BUDGET_S = 40.0
#: Overlapping samples that settle an absence under ``settled_at_once``.
OVERLAPPING = 100
#: The maximal number of objects that are visited in states; more take PyPy half a second.
THINGS = 300


@pytest.fixture(params=[False, True], ids=["forked", "in-process"])
def in_process(request: pytest.FixtureRequest) -> bool:
    """Whether races run in this process instead of a child."""
    if not request.param and not CAN_FORK:
        pytest.skip("no os.fork here")
    return bool(request.param)


@pytest.fixture
def samples_alone() -> Iterator[None]:
    """Answer questions by samples only; no schedule is run."""
    with race_questions.samples_alone():
        yield


@pytest.fixture
def schedules_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer questions by schedules only, also without a GIL."""
    monkeypatch.setattr(
        Runner, "_with_samples", lambda _, __, searched, *___: Result(searched, None, searched.lacking())
    )


@pytest.fixture(params=["schedules", "samples"])
def engine(request: pytest.FixtureRequest) -> str:
    """Answer questions as usual, by schedules first, and once more by samples only."""
    if request.param == "samples":
        request.getfixturevalue("samples_alone")
    return str(request.param)


@pytest.fixture
def settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settle an absence with fewer samples, and as soon as possible instead of at the end of a long budget."""
    monkeypatch.setattr(power, "OVERLAPPING", OVERLAPPING)
    monkeypatch.setattr(power, "PLENTY", OVERLAPPING)
    monkeypatch.setattr(power, "STRIDES", 3)
    monkeypatch.setattr(power, "PLENTY_OF_STRIDES", 3)
    monkeypatch.setattr(power, "SEEN", 5)
    monkeypatch.setattr(power, "RARER", 2)
    monkeypatch.setattr(power, "RARER_THAN_GENERIC", 2)
    monkeypatch.setattr(references, "MOST_THINGS", THINGS)


@pytest.fixture
def generic_control_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the generic control yield its core between its read and its write.

    Otherwise PyPy, which releases the GIL only at the ends of loops, seldom shows the effect on a busy machine.
    """

    def one_more(number: int) -> int:
        time.sleep(0)
        return number + 1

    monkeypatch.setattr(experiment, "_one_more", one_more)


@pytest.fixture
def lab(in_process: bool) -> Lab:
    """Return a lab without evidence and with a long budget."""
    return Lab(budget=BUDGET_S, in_process=in_process)


@pytest.fixture
def forking() -> Lab:
    """Return a lab whose races run in children."""
    return Lab(budget=BUDGET_S)


@pytest.fixture
def staying() -> Lab:
    """Return a lab whose races run in this process."""
    return Lab(budget=BUDGET_S, in_process=True)


@pytest.fixture
def interpreted() -> Iterator[None]:
    """Interpret the code of races in this process, also on PyPy.

    Compiled code releases the GIL only at the ends of loops, so that a generic control is not seen; and what is
    compiled depends on earlier tests in this process.
    """
    if not PYPY:
        yield
        return
    import pypyjit  # type: ignore[import-not-found]  # PyPy only

    pypyjit.set_param("off")
    yield
    pypyjit.set_param("default")
