"""The guarantees of ReadWriteLock, as claims."""

from __future__ import annotations

import pytest

import planted
from cachebox import ReadWriteLock
from pytest_concclaims import Lab


class Pages:
    """Pages that one thread reads and another one writes."""

    def __init__(self, lock: ReadWriteLock) -> None:
        self.lock = lock
        self.pages: list[str] = []

    def write(self) -> None:
        with self.lock.writing:
            self.pages.append("page")

    def count_twice(self) -> tuple[int, int]:
        with self.lock.reading:
            return len(self.pages), len(self.pages)


@pytest.mark.claim("ReadWriteLock: nothing is written while a reader reads")
def test_nothing_is_written_meanwhile(lab: Lab) -> None:
    race = lab.race(lambda: Pages(ReadWriteLock()), Pages.write, Pages.count_twice)
    assert race.atomic()


@pytest.mark.claim("Planted: ReadWriteLock: nothing is written while a reader reads")
@pytest.mark.refuted(True, reason="a reader waits for a writer, but releases the lock before it reads")
def test_planted_nothing_is_written_meanwhile(lab: Lab) -> None:
    race = lab.race(lambda: Pages(planted.ReadWriteLock()), Pages.write, Pages.count_twice)
    assert race.atomic()
