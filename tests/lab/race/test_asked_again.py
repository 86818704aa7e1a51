"""A question to a race that has been asked before, and what is not forgotten between the two."""

from __future__ import annotations

import itertools

import pytest

from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.evidence import RaceRun
from pytest_concclaims.lab.race.tally import _DISTINCT


@pytest.fixture(params=[False, True], ids=["forked", "in process"])
def lab(request: pytest.FixtureRequest) -> Lab:
    """Return a lab without evidence so far."""
    return Lab(budget=60.0, in_process=request.param)


def nothing(state: object) -> None:
    """Do nothing."""


def last(lab: Lab) -> RaceRun:
    """Return the evidence of the last question."""
    evidence = lab.evidence[-1]
    assert isinstance(evidence, RaceRun)
    return evidence


def test_witness_among_too_many_outcomes(lab: Lab) -> None:
    """An outcome that comes when there are too many to keep apart is a witness with a place, like any other."""
    number = itertools.count()
    race = lab.race(object, nothing, nothing, observe=lambda _: next(number))
    assert race.ever(lambda outcome: outcome >= 3 * _DISTINCT)
    witness = last(lab).witness
    assert witness is not None
    assert int(witness["outcome"]) >= 3 * _DISTINCT
    assert witness["sample"] <= last(lab).samples
    assert f"first as {witness['outcome']}" in last(lab).phrase()


def test_what_was_forgotten_is_not_absent(lab: Lab) -> None:
    """Once outcomes were too many to be kept apart, nothing is said to be never seen."""
    number = itertools.count()
    race = lab.race(object, nothing, nothing, observe=lambda _: next(number), budget=0.5)
    with pytest.raises(Inconclusive):
        race.never(-1)
    assert last(lab).samples > _DISTINCT, "or nothing was forgotten"
    with pytest.raises(Inconclusive, match="can no longer be asked about"):
        race.never(-2)
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
