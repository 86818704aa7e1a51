"""The numbers of one side's samples: how often each outcome was seen, and the first witness."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_concclaims.interpreter import gil_enabled
from pytest_concclaims.lab.failure import Failed
from pytest_concclaims.lab.race.question import Judge, Portable, portable, question
from pytest_concclaims.lab.race.samples import tally as module
from pytest_concclaims.lab.race.samples.strategies import SWITCH_INTERVAL_S, Strategy
from pytest_concclaims.lab.race.samples.stride import Outcomes
from pytest_concclaims.lab.race.samples.tally import Count, Sighting, Tally


def add(
    tally: Tally,
    found: Sequence[Any],
    overlapping: Sequence[int] = (),
    strategy: Strategy = Strategy.LEAPFROG,
    seconds: float = 0.1,
    *,
    about: Any = "sought",
) -> None:
    """Add a stride, all of whose samples overlapped by default."""
    judge = Judge(question("ever", [about], ()))
    tally.add(Outcomes(list(found), list(overlapping or [1] * len(found))), judge, strategy, seconds)


def test_samples_are_counted_by_outcome_and_by_meeting() -> None:
    """Overlapping ones are also counted; a stride without any counts as a turn only."""
    tally = Tally()
    add(tally, ["a", "b", "a", "a"], [1, 0, 0, 1])
    add(tally, ["b", "sought"], [1, 1], Strategy.RENDEZVOUS)
    add(tally, ["a"], [0])
    add(tally, [])
    assert (tally.turns, tally.strides, tally.total, tally.seen) == (4, 2, Count(7, 4), Count(1, 1))
    assert tally.outcomes == {portable("a"): Count(4, 2), portable("b"): Count(2, 1), portable("sought"): Count(1, 1)}
    assert tally.by_strategy == {Strategy.LEAPFROG: Count(5, 2), Strategy.RENDEZVOUS: Count(2, 2)}


def test_first_sample_that_shows_what_is_sought_is_the_witness() -> None:
    """It has its number and its circumstances; later ones are only counted."""
    tally = Tally()
    add(tally, ["a", "a"], seconds=0.25)
    assert tally.witness is None
    add(tally, ["a", "sought", "sought"], [1, 0, 1], Strategy.RENDEZVOUS, 0.5)
    add(tally, ["sought"], seconds=0.75)
    interval = SWITCH_INTERVAL_S if gil_enabled() else None
    assert tally.witness == Sighting("'sought'", 0.5, 4, "spin rendezvous", interval, overlapping=False)
    assert tally.seen == Count(3, 2)


@pytest.mark.parametrize(("found", "like"), [([1], False), ([1, "a", 1], True), ([], False)], ids=repr)
def test_outcome_of_the_kind_of_what_is_sought_is_noted(found: list[Any], like: bool) -> None:
    """Without one, the outcome in the question could not be seen."""
    tally = Tally()
    add(tally, found)
    add(tally, [2])
    assert tally.like is like


def test_too_many_different_outcomes_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones are counted separately; witnesses are also found among the others."""
    monkeypatch.setattr(module, "_MAX_DISTINCT", 2)
    tally = Tally()
    add(tally, ["a", "b", "c", "sought", "a"], [1, 1, 0, 1, 1])
    assert tally.outcomes == {
        portable("a"): Count(2, 2),
        portable("b"): Count(1, 1),
        Portable("other outcomes"): Count(2, 1),
    }
    assert (tally.total, tally.seen) == (Count(5, 4), Count(1, 1))
    assert tally.witness is not None
    assert (tally.witness.outcome, tally.witness.sample) == ("'sought'", 4)


def test_outcome_that_cannot_be_judged_ends_it() -> None:
    """It is an error of the claim."""
    with pytest.raises(Failed, match="is not hashable"):
        add(Tally(), ["a", ["b"]])


def test_tally_travels_between_processes() -> None:
    """It can have any outcomes; later samples are added."""
    here = Tally()
    add(here, [object(), object(), "sought", KeyError])
    there: Tally = pickle.loads(pickle.dumps(here))
    assert there == here
    add(there, [object(), KeyError, "a"])
    assert [(str(outcome), count.samples) for outcome, count in there.outcomes.items()] == [
        ("<object object at 0x...>", 3), ("'sought'", 1), ("KeyError", 2), ("'a'", 1)
    ]  # fmt: skip
