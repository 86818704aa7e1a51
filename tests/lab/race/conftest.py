"""What the tests of races share."""

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

#: Seconds for a question: of them, schedules take a twentieth to look what would be without a GIL.
BUDGET_S = 40.0
#: Overlapping samples that are enough for an absence where that is settled at once.
OVERLAPPING = 100
#: Things that are looked at for what states share, and for locks: all that there are take PyPy half a second.
THINGS = 300


@pytest.fixture(params=[False, True], ids=["forked", "in-process"])
def in_process(request: pytest.FixtureRequest) -> bool:
    """Say whether races run in this process; else in a child."""
    if not request.param and not CAN_FORK:
        pytest.skip("no os.fork here")
    return bool(request.param)


@pytest.fixture
def samples_alone() -> Iterator[None]:
    """Have questions answered by samples: no schedule is run."""
    with race_questions.samples_alone():
        yield


@pytest.fixture
def schedules_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have questions answered by schedules: no sample is made, also without a GIL."""
    monkeypatch.setattr(
        Runner, "_with_samples", lambda _, __, searched, *___: Result(searched, None, searched.lacking())
    )


@pytest.fixture(params=["schedules", "samples"])
def engine(request: pytest.FixtureRequest) -> str:
    """Have questions answered as they are, by schedules first; and once more by samples alone."""
    if request.param == "samples":
        request.getfixturevalue("samples_alone")
    return str(request.param)


@pytest.fixture
def settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an absence be settled with fewer samples, and as soon as it may: not at the end of a long budget."""
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
    """Let the generic control give its core away between reading and writing.

    Else PyPy, which hands the GIL over at the ends of loops only, shows it seldom on a busy machine.
    """

    def one_more(number: int) -> int:
        time.sleep(0)
        return number + 1

    monkeypatch.setattr(experiment, "_one_more", one_more)


@pytest.fixture
def lab(in_process: bool) -> Lab:
    """Return a lab without evidence so far, that has all the time that it needs."""
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
    """Have the code of races in this process interpreted, also on PyPy.

    Compiled code hands the GIL over at the ends of loops only, so that a generic control is not seen; and what is
    compiled depends on the tests that ran in this process before.
    """
    if not PYPY:
        yield
        return
    import pypyjit  # type: ignore[import-not-found]  # PyPy only

    pypyjit.set_param("off")
    yield
    pypyjit.set_param("default")
