"""The order in which schedules are run: by the number of their preemptions.

Sources: Musuvathi and Qadeer, Iterative Context Bounding, PLDI 2007, for levels of preemptions; Burckhardt et al.,
A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs, ASPLOS 2010, for random schedules.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

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
        self._planned: Iterator[Planned] = iter([Planned(())])
        self._choices: deque[Planned] = deque()
        self._runs: list[Run] = []

    def __iter__(self) -> Iterator[Planned]:
        """Yield the schedules of the current level. Runs that are added meanwhile extend it."""
        for planned in self._planned:
            yield planned
            while self._choices:
                yield self._choices.popleft()

    def add(self, run: Run) -> None:
        """Add a run, from which further schedules depart."""
        self._choices.extend(Planned(schedule, run) for schedule in run.departures(choices=True))
        self._runs.append(run)

    def further(self) -> int:
        """Return the number of known schedules of the next level."""
        return sum(run.preemptions() for run in self._runs)

    def advance(self) -> None:
        """Begin the next level, in random order: if time runs out within it, its runs are a random sample."""
        planned = [Planned(schedule, run) for run in self._runs for schedule in run.departures(choices=False)]
        random.shuffle(planned)
        self._runs = []
        self.preemptions += 1
        self._planned = iter(planned)


def random_schedule(actors: int, steps: int, preemptions: int) -> Schedule:
    """Return a random schedule.

    :param actors: their number; any of them may begin.
    :param steps: the approximate number of steps in a run.
    :param preemptions: their number; each is at a step of its own.
    """
    chosen = random.Random()  # noqa: S311  (not for secrets)
    at = sorted(chosen.sample(range(2, max(steps, preemptions + 1) + 2), preemptions))
    actor = chosen.randrange(actors)
    schedule = [(1, actor)] if actor else []
    for step in at:
        actor = chosen.choice([other for other in range(actors) if other != actor])
        schedule.append((step, actor))
    return tuple(schedule)


def chance(actors: int, steps: int, preemptions: int) -> float:
    """Return the least probability that one random schedule shows an effect that takes a number of preemptions.

    Burckhardt et al. 2010: a bug of depth d among n threads and k steps shows in a run with a probability of at least
    1 / (n k^(d-1)). An effect that takes d-1 preemptions has depth d. Here, each preemption also chooses one of n-1
    other actors.
    """
    return float(1 / (actors * (max(steps, 1) * (actors - 1)) ** preemptions))
