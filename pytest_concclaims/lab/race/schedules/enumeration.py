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

from .scheduler import Schedule, Span


@dataclass(frozen=True)
class Trace:
    """What is to be known of a run for the schedules that depart from it.

    :param spans: all of its steps.
    :param steps: how many there were.
    """

    schedule: Schedule
    spans: tuple[Span, ...]
    steps: int

    def departures(self, *, choices: bool) -> Iterator[Planned]:
        """Yield the schedules that depart from this one at one later step.

        :param choices: whether they depart where an actor has ended or is blocked, or else preempt one.
        """
        for span, steps in self._later():
            if span.choice is choices:
                for step in steps:
                    for other in span.others:
                        yield Planned((*self.schedule, (step, other)), self)

    def preemptions(self) -> int:
        """Return how many schedules preempt an actor at one later step."""
        return sum(len(steps) * len(span.others) for span, steps in self._later() if not span.choice)

    def begins_as(self, other: Trace) -> bool:
        """Return whether a run went as this one, up to where its schedule departs from it."""
        departs = other.schedule[-1][0]
        return other._turns(departs) == self._turns(departs)

    def is_as(self, other: Trace) -> bool:
        """Return whether two runs of one schedule went in the same way."""
        return self.steps == other.steps and self._turns(self.steps + 1) == other._turns(self.steps + 1)

    def _turns(self, end: int) -> list[tuple[int, int]]:
        """Return where another actor went on, before a step.

        When exactly one came back that had been blocked does not belong to it: that one only waited for its turn.
        """
        turns: list[tuple[int, int]] = []
        for span in self.spans:
            if span.begin < end and not (turns and turns[-1][1] == span.actor):
                turns.append((span.begin, span.actor))
        return turns

    def _later(self) -> Iterator[tuple[Span, range]]:
        last = self.schedule[-1][0] if self.schedule else 0
        ends = [*(span.begin for span in self.spans[1:]), self.steps + 1]
        for span, end in zip(self.spans, ends):
            yield span, range(max(span.begin, last + 1), end)


@dataclass(frozen=True)
class Planned:
    """A schedule that is to be run, and the run from which it departs at its last step."""

    schedule: Schedule
    parent: Trace | None = None

    def went_as_planned(self, trace: Trace) -> bool:
        """Return whether its run went as the one from which it departs, up to there."""
        return self.parent is None or self.parent.begins_as(trace)


class Levels:
    """All schedules of a race, one level of equally many preemptions after the other."""

    def __init__(self) -> None:
        #: The preemptions of the schedules of this level.
        self.preemptions = 0
        self._planned: Iterator[Planned] = iter([Planned(())])
        self._choices: deque[Planned] = deque()
        self._traces: list[Trace] = []

    def __iter__(self) -> Iterator[Planned]:
        """Yield the schedules of this level. The run of each is to be added before the next."""
        for planned in self._planned:
            yield planned
            while self._choices:
                yield self._choices.popleft()

    def add(self, trace: Trace) -> None:
        """Take note of a run, from which others depart."""
        self._choices.extend(trace.departures(choices=True))
        self._traces.append(trace)

    def further(self) -> int:
        """Return how many schedules of the next level are known."""
        return sum(trace.preemptions() for trace in self._traces)

    def advance(self) -> None:
        """Go on to the next level, in random order: where there is no time for all of it, it was a sample."""
        planned = [planned for parent in self._traces for planned in parent.departures(choices=False)]
        random.shuffle(planned)
        self._traces = []
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
