"""Schedules in the order in which they are run: by the number of their preemptions.

Bounding the preemptions, level by level, is the idea of Musuvathi and Qadeer (Iterative Context Bounding, PLDI 2007);
random schedules and their chance follow Burckhardt et al. (A Randomized Scheduler with Probabilistic Guarantees of
Finding Bugs, ASPLOS 2010).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from .run import Run, Schedule


@dataclass(frozen=True)
class Planned:
    """A schedule that is to be run, and the run from which it departs at its last step."""

    schedule: Schedule
    parent: Run | None = None

    def went_as_planned(self, run: Run) -> bool:
        """Return whether its run went as the one from which it departs, up to there."""
        return self.parent is None or run.begins_as(self.parent)


class Levels:
    """All schedules of a race, one level of equally many preemptions after the other."""

    def __init__(self) -> None:
        #: The preemptions of the schedules of this level.
        self.preemptions = 0
        self._planned: Iterator[Planned] = iter([Planned(())])
        self._choices: deque[Planned] = deque()
        self._runs: list[Run] = []

    def __iter__(self) -> Iterator[Planned]:
        """Yield the schedules of this level. The run of each is to be added before the next."""
        for planned in self._planned:
            yield planned
            while self._choices:
                yield self._choices.popleft()

    def add(self, run: Run) -> None:
        """Take note of a run, from which others depart."""
        self._choices.extend(Planned(schedule, run) for schedule in run.departures(choices=True))
        self._runs.append(run)

    def further(self) -> int:
        """Return how many schedules of the next level are known."""
        return sum(run.preemptions() for run in self._runs)

    def advance(self) -> None:
        """Go on to the next level, in random order: where there is no time for all of it, it was a sample."""
        planned = [Planned(schedule, run) for run in self._runs for schedule in run.departures(choices=False)]
        random.shuffle(planned)
        self._runs = []
        self.preemptions += 1
        self._planned = iter(planned)


def random_schedule(actors: int, steps: int, preemptions: int) -> Schedule:
    """Return a schedule that begins with any actor and preempts at any steps.

    :param steps: how many a run has, about.
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
    """Return the least probability that one random schedule shows what takes a number of preemptions.

    By Burckhardt et al. 2010: a bug of depth d among n threads and k steps shows in a run with a probability of at
    least 1 / (n k^(d-1)), and what takes d-1 preemptions is a bug of depth d. Here each preemption also chooses among
    n-1 others.

    :param steps: of a run.
    """
    return float(1 / (actors * (max(steps, 1) * (actors - 1)) ** preemptions))
