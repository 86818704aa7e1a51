"""The conditions under which "never seen" is an answer."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import pytest

from pytest_concclaims.lab.race.samples.power import (
    CONFIDENCE,
    OVERLAPPING,
    PLENTY,
    PLENTY_OF_STRIDES,
    RARER,
    RARER_THAN_GENERIC,
    SEEN,
    STRIDES,
    Absence,
)

#: Sightings of the control in its overlapping samples.
SEEN_WELL = 3 * SEEN
#: Just enough samples and strides, beside a control that was always seen.
ENOUGH = Absence(overlapping=OVERLAPPING, strides=STRIDES, control_overlapping=1_000, control_seen=1_000)


def absence(**changes: Any) -> Absence:
    """Return an absence that suffices, with some changes."""
    return dataclasses.replace(ENOUGH, **changes)


def test_enough() -> None:
    """With enough samples, strides and sightings of the control, nothing is lacking."""
    assert ENOUGH.lacking() is None


TOO_FEW = f"only {{}} of the {OVERLAPPING:,} overlapping samples needed"
TOO_FEW_STRIDES = f"only {{}} of the {STRIDES} strides needed"
UNSEEN = (
    f"the control showed the effect in {{}} of 1,000 overlapping samples, and {SEEN} are needed: "
    "the experiment could have missed it in the race as well"
)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (absence(overlapping=0), TOO_FEW.format(0)),
        (absence(overlapping=OVERLAPPING - 1), TOO_FEW.format(f"{OVERLAPPING - 1:,}")),
        (absence(strides=0), TOO_FEW_STRIDES.format(0)),
        (absence(strides=STRIDES - 1), TOO_FEW_STRIDES.format(STRIDES - 1)),
        (absence(control_seen=0), UNSEEN.format("none")),
        (absence(control_seen=SEEN - 1), UNSEEN.format(f"only {SEEN - 1}")),
    ],
    ids=["no samples", "samples", "no strides", "strides", "never", "seldom"],
)
def test_one_reason(found: Absence, words: str) -> None:
    """Each reason has the number and the number needed, and alone prevents an answer."""
    assert found.lacking() == words


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        (absence(overlapping=OVERLAPPING // 2, budget=2.0), "; give the claim a budget of about 6 s"),
        (absence(overlapping=0, budget=2.0), "; give the claim a longer budget"),
        (absence(overlapping=0), "overlapping samples needed"),
    ],
    ids=["known", "unknown", "not asked"],
)
def test_advice_for_a_budget(found: Absence, advice: str) -> None:
    """With no samples at all, it is unknown which budget would suffice."""
    assert str(found.lacking()).endswith(advice)


def test_first_reason() -> None:
    """Without anything, samples are named first, because a longer budget helps with all."""
    assert str(Absence(0, 0, 0, 0).lacking()).startswith(f"only 0 of the {OVERLAPPING:,} overlapping samples")


def test_control_not_much_more_frequent() -> None:
    """A control that shows the effect often enough, but rarely, says little about a slightly rarer effect."""
    lacking = absence(overlapping=10_000, control_overlapping=10_000, control_seen=40).lacking()
    assert lacking is not None
    assert lacking == (
        "the control showed the effect in 40 of 10,000 overlapping samples, so in the race it is at least 3.3 times "
        f"rarer; {RARER} times are needed"
    )


def test_generic_control_not_much_more_frequent() -> None:
    """A generic control must show it more frequently, and the message says why."""
    lacking = absence(control_seen=500, matched=False).lacking()
    assert lacking is not None
    assert lacking.startswith("the control showed the effect in 500 of 1,000 overlapping samples, so in the race ")
    assert lacking.endswith(f" times rarer; {RARER_THAN_GENERIC} times are needed with a generic control")
    assert absence(control_seen=500).lacking() is None


def test_how_much_rarer_is_not_overstated() -> None:
    """A little less than the number needed is not rounded up to it."""
    seen = next(seen for seen in itertools.count(SEEN) if absence(control_seen=seen).lacking() is None)
    lacking = absence(overlapping=OVERLAPPING, control_seen=seen - 1).lacking()
    assert lacking is not None
    assert f" {RARER}.0 times rarer" not in lacking


def test_more_samples_settle_it() -> None:
    """A control that shows the effect rarely needs more samples."""
    rare = absence(control_overlapping=10_000, control_seen=100)
    assert rare.lacking() is not None
    assert dataclasses.replace(rare, overlapping=1_000_000).lacking() is None


def at_least(seen: int, samples: int, rate: float) -> float:
    """Return the probability of at least that many sightings, as a sum."""
    return math.fsum(
        math.comb(samples, count) * rate**count * (1 - rate) ** (samples - count)
        for count in range(seen, samples + 1)
    )


@pytest.mark.parametrize(("matched", "rarer"), [(True, RARER), (False, RARER_THAN_GENERIC)], ids=["own", "generic"])
@pytest.mark.parametrize("overlapping", [OVERLAPPING, 2_500, 8_000])
def test_how_much_more_frequent_the_control_must_be(overlapping: int, matched: bool, rarer: int) -> None:
    """The control's count must be improbable at a rate of that multiple of the bound.

    The smallest sufficient count is as improbable as the confidence says; one less is not.
    """
    limit = rarer * -math.expm1(math.log(1 - CONFIDENCE) / overlapping)
    samples = 900

    def suffices(count: int) -> bool:
        found = absence(overlapping=overlapping, control_overlapping=samples, control_seen=count, matched=matched)
        return found.lacking() is None

    too_few, fewest = SEEN, samples - 1
    while fewest - too_few > 1:
        middle = (too_few + fewest) // 2
        too_few, fewest = (too_few, middle) if suffices(middle) else (middle, fewest)
    assert not suffices(too_few)
    assert suffices(fewest)
    assert at_least(fewest, samples, limit) <= 1 - CONFIDENCE < at_least(fewest - 1, samples, limit)


def test_control_that_is_frequent_enough_must_be_seen_often_enough() -> None:
    """With very many samples, any rate of the control is enough, but not any number of sightings."""
    found = [absence(overlapping=10**6, control_overlapping=900, control_seen=seen) for seen in (SEEN - 1, SEEN)]
    assert [one.lacking() is None for one in found] == [False, True]


def test_more_of_anything_never_hurts() -> None:
    """More samples, strides, or sightings of the control do not remove an answer."""
    grid = itertools.product(
        [OVERLAPPING - 1, OVERLAPPING, 50_000], [STRIDES - 1, STRIDES, 500], [0, SEEN - 1, SEEN, 100, 400]
    )
    passing = {
        (overlapping, strides, seen): Absence(overlapping, strides, 400, seen).lacking() is None
        for overlapping, strides, seen in grid
    }
    assert set(passing.values()) == {True, False}
    for (one, first), (other, second) in itertools.product(passing.items(), repeat=2):
        if all(less <= more for less, more in zip(one, other)):
            assert second or not first, (one, other)


@pytest.mark.parametrize("overlapping", [OVERLAPPING, 10**6, 10**12])
@pytest.mark.parametrize("control_overlapping", [0, 20, 10**6])
def test_no_absence_without_a_control_that_was_seen(overlapping: int, control_overlapping: int) -> None:
    """However many samples there are, an effect that the control did not show could have been missed."""
    for seen in range(min(SEEN, control_overlapping + 1)):
        found = Absence(overlapping, 10**6, control_overlapping, seen)
        assert "could have missed it" in str(found.lacking())


@pytest.mark.parametrize(
    ("overlapping", "seen", "behind"),
    [
        (0, 0, False),
        (1, 0, True),
        (0, 1, False),
        (OVERLAPPING, SEEN, True),
        (OVERLAPPING, SEEN_WELL, False),
        (OVERLAPPING, SEEN_WELL - 1, True),
        (OVERLAPPING // 2, SEEN_WELL // 2, False),
        (OVERLAPPING // 2, SEEN_WELL // 2 - 1, True),
        (10**6, SEEN_WELL, True),
    ],
)
def test_control_is_behind(overlapping: int, seen: int, behind: bool) -> None:
    """The side that needs more samples is behind, measured by the numbers needed; the control's has a reserve."""
    assert absence(overlapping=overlapping, control_seen=seen).control_is_behind() is behind


# --- plenty


def test_plenty() -> None:
    """With very many samples and an answer, there is no wait for the end of the budget."""
    assert absence(overlapping=PLENTY, strides=PLENTY_OF_STRIDES).is_plenty() is True
    assert absence(overlapping=10 * PLENTY, strides=10 * PLENTY_OF_STRIDES).is_plenty() is True


@pytest.mark.parametrize(
    "changes",
    [
        {"overlapping": PLENTY - 1},
        {"strides": PLENTY_OF_STRIDES - 1},
        {"control_seen": SEEN - 1},
        {"control_overlapping": 10**6, "control_seen": SEEN},
    ],
    ids=["samples", "strides", "control", "rare control"],
)
def test_no_plenty(changes: dict[str, int]) -> None:
    """If one number is too small, the rest of the budget is used."""
    plenty = {"overlapping": PLENTY, "strides": PLENTY_OF_STRIDES}
    assert absence(**{**plenty, **changes}).is_plenty() is False


def test_enough_is_no_plenty() -> None:
    """Numbers that suffice at the end of the budget do not end it before."""
    assert ENOUGH.is_plenty() is False
    assert absence(overlapping=PLENTY - 1, strides=1000, control_overlapping=5000).is_plenty() is False


# --- the bound


def test_bound() -> None:
    """At this rate, "never seen" has a probability of one minus the confidence."""
    bound = absence(overlapping=5_000).bound
    assert bound is not None
    assert (1 - bound) ** 5_000 == pytest.approx(1 - CONFIDENCE)


def test_bound_of_nothing() -> None:
    """Without an overlapping sample, there is none."""
    assert absence(overlapping=0).bound is None


def test_bound_falls_with_samples() -> None:
    """The more samples, the lower the bound."""
    bounds = [absence(overlapping=samples).bound or 0.0 for samples in (1, 10, OVERLAPPING, 10**6)]
    assert bounds[0] == pytest.approx(CONFIDENCE)
    assert bounds == sorted(bounds, reverse=True)
    assert len(set(bounds)) == len(bounds)
