"""The guarantees of Counter, as claims."""

from __future__ import annotations

import sys

import pytest

import planted
from cachebox import Counter
from pytest_concclaims import CPYTHON, Lab, gil_enabled

#: With a GIL, CPython 3.10 and later switch threads at calls and at the ends of loops only.
ADDS_IN_ONE_STEP = CPYTHON and gil_enabled() and sys.version_info >= (3, 10)


def value_of(counter: Counter) -> int:
    return counter.value


@pytest.mark.claim("Counter.increment: all increments count")
def test_all_increments_count(lab: Lab) -> None:
    race = lab.race(Counter, Counter.increment, Counter.increment, observe=value_of)
    assert race.atomic()


@pytest.mark.claim("Planted: Counter.increment: all increments count")
@pytest.mark.refuted(not ADDS_IN_ONE_STEP, reason="+= reads and then writes, and threads can be switched in between")
def test_planted_all_increments_count(lab: Lab) -> None:
    race = lab.race(planted.Counter, planted.Counter.increment, planted.Counter.increment, observe=value_of)
    assert race.atomic()
