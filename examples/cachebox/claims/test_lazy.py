"""The guarantees of Lazy, as claims."""

from __future__ import annotations

import itertools

import pytest

import planted
from cachebox import Lazy
from pytest_concclaims import Lab


def get(lazy: Lazy[int]) -> int:
    return lazy.get()


@pytest.mark.claim("Lazy.get: all threads get the one object that is made")
def test_all_get_the_one_object(lab: Lab) -> None:
    race = lab.race(lambda: Lazy(itertools.count().__next__), get, get)
    assert race.atomic()


@pytest.mark.claim("Planted: Lazy.get: all threads get the one object that is made")
@pytest.mark.refuted(
    True, reason="the flag is set before the object is there, and another thread does not wait for it"
)
def test_planted_all_get_the_one_object(lab: Lab) -> None:
    race = lab.race(lambda: planted.Lazy(itertools.count().__next__), get, get)
    assert race.atomic()
