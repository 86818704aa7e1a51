"""A question to a race that samples have answered before, and what is not forgotten between the two."""

from __future__ import annotations

import itertools
import os
import threading
from contextlib import suppress

import pytest

from helpers.race_questions import all_strategies_used, ask_in_vain, last
from pytest_concclaims import Inconclusive, Lab, RaceError
from pytest_concclaims.lab.race.samples import tally

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced, pytest.mark.usefixtures("samples_alone")]

#: The number of outcomes that are kept apart here: to see more than that takes long on a slow interpreter.
DISTINCT = 500


@pytest.fixture(params=[False, True], ids=["forked", "in process"])
def lab(request: pytest.FixtureRequest) -> Lab:
    """Return a lab without evidence so far."""
    return Lab(budget=20.0, in_process=request.param)


@pytest.fixture
def _few_outcomes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let outcomes soon be too many to be kept apart."""
    monkeypatch.setattr(tally, "_MAX_DISTINCT", DISTINCT)


def nothing(state: object) -> None:
    """Do nothing."""


@pytest.mark.usefixtures("_few_outcomes_apart")
def test_witness_among_too_many_outcomes(lab: Lab) -> None:
    """An outcome that comes when there are too many to keep apart is a witness with a place, like any other."""
    number = itertools.count()
    race = lab.race(object, nothing, nothing, observe=lambda _: next(number))
    assert race.ever(lambda outcome: outcome >= 3 * DISTINCT)
    witness = last(lab).witness
    assert witness is not None
    assert int(witness["outcome"]) >= 3 * DISTINCT
    assert witness["sample"] <= last(lab).samples
    assert f"first {witness['outcome']}" in last(lab).phrase()


@pytest.mark.usefixtures("_few_outcomes_apart")
def test_what_was_forgotten_is_not_absent(lab: Lab) -> None:
    """Once outcomes were too many to be kept apart, nothing is said to be never seen."""
    race = lab.race(object, nothing, nothing, observe=lambda _: os.urandom(8))
    ask_in_vain(race, "never", None, lambda findings: findings.race.tally.forgotten)
    assert last(lab).samples > DISTINCT
    told = ask_in_vain(race, "never", None, lambda findings: findings.race.tally.forgotten)
    assert "can no longer be asked about" in str(told.value)
    assert last(lab).seen == 0
    assert last(lab).witness is None


def test_exception_class_of_a_function_is_remembered(lab: Lab) -> None:
    """An exception type that cannot be pickled, as it is defined in the test, is an outcome as good as others."""

    class OverdrawnError(Exception):
        pass

    def overdraw(state: object) -> None:
        raise OverdrawnError

    race = lab.race(object, nothing, overdraw, exceptions=OverdrawnError)
    assert race.ever(OverdrawnError)
    samples = last(lab).samples
    assert not race.never(OverdrawnError)
    assert last(lab).samples == samples
    assert [outcome for outcome, _ in race.outcomes] == [OverdrawnError]


class Sentinel:
    """Is equal to itself only, and so to no copy of it."""


def test_outcome_that_is_not_equal_to_its_copy_is_not_absent() -> None:
    """What would come back from the child as something else is not asked about a second time."""
    lab = Lab(budget=20.0)
    sentinel = Sentinel()
    race = lab.race(object, nothing, nothing, observe=lambda _: sentinel)
    ask_in_vain(race, "never", 1, lambda findings: findings.race.tally.total.samples > 0)
    with suppress(Inconclusive):
        assert not race.never(sentinel)
    assert last(lab).seen or "can no longer be asked about" in str(last(lab).lacking)


def test_most_specific_exception_is_the_outcome(lab: Lab) -> None:
    """Of two listed types, the outcome is the one that says more, whatever their order."""

    def lose(state: object) -> None:
        raise ConnectionResetError

    race = lab.race(object, nothing, lose, exceptions=(OSError, ConnectionError))
    assert race.ever(ConnectionError)


def test_two_exceptions_in_one_sample_are_no_outcome(lab: Lab) -> None:
    """Which of the two would be the outcome is not made up."""

    def lose(state: object) -> None:
        raise KeyError

    def stop(state: object) -> None:
        raise RuntimeError

    race = lab.race(object, lose, stop, exceptions=(KeyError, RuntimeError))
    with pytest.raises(RaceError, match="in one sample"):
        race.ever(KeyError)


def test_actors_that_wait_for_each_other_do_not_hang(lab: Lab) -> None:
    """No strategy leaves an actor alone in a sample that another one has not come to.

    The race is its own control, so no machine is so fast that it settles it.
    """

    def wait(barrier: threading.Barrier) -> int:
        return barrier.wait() * 0

    race = lab.race(lambda: threading.Barrier(2), wait, wait, control=(wait, wait), deadline=60.0)
    ask_in_vain(race, "never", (1, 1), all_strategies_used)
    assert last(lab).failure is None


def test_outcomes_of_a_race_that_was_not_asked(lab: Lab) -> None:
    """There are none, and that is no histogram of nothing."""
    race = lab.race(object, nothing, nothing)
    with pytest.raises(TypeError, match="samples only when it is asked"):
        list(race.outcomes)
    assert lab.void is not None
    assert "no question was put to" in lab.void


def test_failure_that_was_caught_stands(lab: Lab) -> None:
    """A claim that goes on after its race has failed has nothing to rest on."""

    def fail(state: object) -> None:
        raise LookupError("no such account")

    race = lab.race(object, nothing, fail)
    with pytest.raises(RaceError):
        race.never((1, 1))
    assert lab.failed is not None
    assert "no such account" in lab.failed
