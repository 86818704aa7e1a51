"""The guarantees of BoundedBuffer, as claims."""

from __future__ import annotations

import pytest

import planted
from cachebox import BoundedBuffer
from pytest_concclaims import Lab


def filled(buffer: BoundedBuffer[int]) -> BoundedBuffer[int]:
    buffer.put(1)
    return buffer


def put(buffer: BoundedBuffer[int]) -> None:
    buffer.put(2)


def get(buffer: BoundedBuffer[int]) -> int:
    return buffer.get()


@pytest.mark.claim("A thread that waits for room in a BoundedBuffer goes on when there is some")
def test_waits_only_for_room(lab: Lab) -> None:
    race = lab.race(lambda: filled(BoundedBuffer(1)), put, get)
    assert race.atomic()


@pytest.mark.claim("Planted: a thread that waits for room in a BoundedBuffer goes on when there is some")
@pytest.mark.refuted(
    True, reason="put looks for room without the lock, and begins to wait after get has woken threads"
)
def test_planted_waits_only_for_room(lab: Lab) -> None:
    race = lab.race(lambda: filled(planted.BoundedBuffer(1)), put, get)
    assert race.never(lab.DEADLOCK)
