"""The order in which schedules are run: by the number of their preemptions.

Source: Musuvathi and Qadeer, Iterative Context Bounding, PLDI 2007.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .run import Run, Schedule


@dataclass(frozen=True)
class Planned:
    """A schedule to run, and the run from which it departs at its last step."""

    schedule: Schedule
    parent: Run | None = None

    def went_as_planned(self, run: Run) -> bool:
        """Return whether a run of the schedule equals the parent up to the departure."""
        return self.parent is None or run.begins_as(self.parent)


class Levels:
    """All schedules of a race, one level after the other."""

    def __init__(self) -> None:
        #: The number of preemptions in each schedule of the current level.
        self.preemptions = 0
        #: The number of preemptions of earlier runs that the current level has tried.
        self.tried = 0
        self._planned: Iterator[Planned] = iter([Planned(())])
        self._choices: deque[Planned] = deque()
        self._runs: list[Run] = []

    def __iter__(self) -> Iterator[Planned]:
        """Yield the schedules of the current level. Runs that are added meanwhile extend it."""
        for planned in self._planned:
            yield planned
            self.tried += 1
            while self._choices:
                yield self._choices.popleft()

    def add(self, run: Run) -> None:
        """Add a run, from which further schedules depart."""
        self._choices.extend(Planned(schedule, run) for schedule in run.choices())
        self._runs.append(run)

    def further(self) -> int:
        """Return the number of known schedules of the next level."""
        return sum(run.preemptions() for run in self._runs)

    def advance(self) -> None:
        """Begin the next level, in random order: if time runs out within it, its runs are a random sample."""
        self._planned = _preempted(self._runs)
        self._runs = []
        self.preemptions += 1
        self.tried = 0


def _preempted(runs: Sequence[Run]) -> Iterator[Planned]:
    """Yield the schedules that depart from runs by one more preemption, in random order. They may be millions."""
    ends = list(accumulate(run.preemptions() for run in runs))
    for number in _shuffled(ends[-1]):
        at = bisect_right(ends, number)
        yield Planned(runs[at].preempted(number - (ends[at - 1] if at else 0)), runs[at])


def _shuffled(length: int) -> Iterator[int]:
    """Yield the numbers below a length in random order; the memory it takes grows with the numbers that were taken.

    Source: the shuffle of Fisher and Yates, of which only the exchanged numbers are kept.
    """
    chosen = random.Random()  # noqa: S311  (not for secrets)
    exchanged: dict[int, int] = {}
    for last in reversed(range(length)):
        at = chosen.randint(0, last)
        yield exchanged.get(at, at)
        exchanged[at] = exchanged.pop(last, last)
