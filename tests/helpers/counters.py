"""Counters as the states of races, their actors, and questions about them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import count
from typing import Any

from pytest_concclaims import Lab
from pytest_concclaims.lab.race.race import Race

#: Seconds that an actor is away between reading and writing: then another one comes nearly always in between.
AWAY = 1e-4


def plain(names: Sequence[str]) -> list[str]:
    """Return names without the numbers that tell equal ones apart."""
    return [name.partition(" (")[0] for name in names]


def samples_of(race: Race) -> dict[Any, int]:
    """Return how often each outcome was seen."""
    return dict(race.outcomes)


def is_gone(pid: int) -> bool:
    """Return whether a process was waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def threads() -> set[threading.Thread]:
    """Return the threads of this process."""
    return set(threading.enumerate())


class Counter:
    """Counts. One in four is for such as are careful with some counters only."""

    _numbers = count()

    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()
        self.fourth = next(self._numbers) % 4 == 0


def successor(number: int) -> int:
    """Return the next number."""
    return number + 1


def increment(counter: Counter) -> None:
    """Count, with a call between reading and writing: every interpreter switches threads there."""
    counter.value = successor(counter.value)


def increment_locked(counter: Counter) -> None:
    """Count, as it is done."""
    with counter.lock:
        counter.value = successor(counter.value)


def increment_slowly(counter: Counter) -> None:
    """Count, with so much time between reading and writing that two actors overlap wherever they meet."""
    value = counter.value
    time.sleep(AWAY)
    counter.value = value + 1


def increment_slowly_locked(counter: Counter) -> None:
    """Take as much time, and lose nothing."""
    with counter.lock:
        increment_slowly(counter)


def increment_carelessly(counter: Counter) -> None:
    """Take as much time, and lose often; in each sample in which actors overlap would be no effect of a race."""
    with counter.lock if counter.fourth else nullcontext():
        increment_slowly(counter)


def read(counter: Counter) -> int:
    """Return the count."""
    return counter.value


def lost(count: int) -> bool:
    """Return whether an update of two was lost."""
    return count != 2


def nobodys(outcome: object) -> bool:
    """Say of each outcome that it is another one."""
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
    """Return a race in which nothing can be lost, with a control that loses often."""
    options = {"observe": read, "control": (increment_carelessly, increment_carelessly), **options}
    return lab.race(Counter, increment_slowly_locked, increment_slowly_locked, **options)


def unlocked(lab: Lab, **options: Any) -> Race:
    """Return a race in which an update is lost wherever its actors meet."""
    return lab.race(Counter, increment_slowly, increment_slowly, observe=read, **options)


def blind(lab: Lab, **options: Any) -> Race:
    """Return a race of which nothing can be said: its control shows nothing, either."""
    options = {"control": (increment_slowly_locked, increment_slowly_locked), **options}
    return locked(lab, **options)
