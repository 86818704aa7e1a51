"""The guarantees of Pool, as claims."""

from __future__ import annotations

import itertools

import pytest

import planted
from cachebox import Pool
from pytest_concclaims import Lab


def acquire(pool: Pool[int]) -> int:
    return pool.acquire()


@pytest.mark.claim("A Pool of one connection makes one, however many threads ask")
def test_no_more_connections_than_its_size(lab: Lab) -> None:
    race = lab.race(lambda: Pool(itertools.count().__next__, size=1), acquire, acquire)
    assert race.atomic()


@pytest.mark.claim("Planted: a Pool of one connection makes one, however many threads ask")
@pytest.mark.refuted(True, reason="it releases the lock while it connects, and counts the connection afterwards")
def test_planted_no_more_connections_than_its_size(lab: Lab) -> None:
    race = lab.race(lambda: planted.Pool(itertools.count().__next__, size=1), acquire, acquire)
    assert race.atomic()
