"""The guarantees of Cache, as claims."""

from __future__ import annotations

import itertools

import pytest

import planted
from cachebox import Cache
from pytest_concclaims import Lab


class Numbered:
    """A cache, and numbers for its values."""

    def __init__(self, cache: Cache[str, int]) -> None:
        self.cache = cache
        self.next_number = itertools.count().__next__

    def ask(self) -> int:
        return self.cache.get_or_set("key", self.next_number)


@pytest.mark.claim("Cache.get_or_set computes each value once, however many threads ask")
def test_each_value_is_computed_once(lab: Lab) -> None:
    race = lab.race(lambda: Numbered(Cache()), Numbered.ask, Numbered.ask)
    assert race.atomic()


@pytest.mark.claim("Planted: Cache.get_or_set computes each value once, however many threads ask")
@pytest.mark.refuted(True, reason="get_or_set computes between a look under the lock and a change under the lock")
def test_planted_each_value_is_computed_once(lab: Lab) -> None:
    race = lab.race(lambda: Numbered(planted.Cache()), Numbered.ask, Numbered.ask)
    assert race.atomic()
