"""Counters as states of races, their actors, and questions about them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from pytest_concclaims import Lab
from pytest_concclaims.lab.race.race import Race

#: Seconds between an actor's read and its write, in which another actor nearly always runs.
AWAY = 1e-4


def plain(names: Sequence[str]) -> list[str]:
    """Return names without the numbers of equal ones."""
    return [name.partition(" (")[0] for name in names]


def samples_of(race: Race) -> dict[Any, int]:
    """Return how often each outcome was seen."""
    return dict(race.outcomes)


def is_gone(pid: int) -> bool:
    """Return whether a process has ended and was waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def threads() -> set[threading.Thread]:
    """Return the threads of this process."""
    return set(threading.enumerate())


class Counter:
    """Counts."""

    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()


def successor(number: int) -> int:
    """Return the next number."""
    return number + 1


def increment(counter: Counter) -> None:
    """Count, with a call between reading and writing: every interpreter switches threads there."""
    counter.value = successor(counter.value)


def increment_locked(counter: Counter) -> None:
    """Count under the lock."""
    with counter.lock:
        counter.value = successor(counter.value)


def increment_slowly(counter: Counter) -> None:
    """Count, with a sleep between reading and writing, so that two overlapping actors lose an update."""
    value = counter.value
    time.sleep(AWAY)
    counter.value = value + 1


def increment_slowly_locked(counter: Counter) -> None:
    """Do the same under the lock."""
    with counter.lock:
        increment_slowly(counter)


def read(counter: Counter) -> int:
    """Return the count."""
    return counter.value


def lost(count: int) -> bool:
    """Return whether an update of two was lost."""
    return count != 2


def never_true(outcome: object) -> bool:
    """Return False for each outcome."""
    return False


def nothing(state: object) -> None:
    """Do nothing."""


def first(state: object) -> str:
    """Return a value."""
    return "first"


def second(state: object) -> str:
    """Return another value."""
    return "second"


def locked(lab: Lab, **options: Any) -> Race:
    """Return a race that loses no update, with a control that loses one whenever its actors overlap."""
    options = {"observe": read, "control": (increment_slowly, increment_slowly), **options}
    return lab.race(Counter, increment_slowly_locked, increment_slowly_locked, **options)


def unlocked(lab: Lab, **options: Any) -> Race:
    """Return a race that loses an update whenever its actors overlap."""
    return lab.race(Counter, increment_slowly, increment_slowly, observe=read, **options)


def blind(lab: Lab, **options: Any) -> Race:
    """Return a race without an answer, because its control shows nothing."""
    options = {"control": (increment_slowly_locked, increment_slowly_locked), **options}
    return locked(lab, **options)
