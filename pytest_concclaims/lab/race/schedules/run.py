"""A run of actors under a schedule: what happened, and which other schedules depart from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

#: Where a schedule departs from what happens by itself: at a step, another actor goes on.
Switch = tuple[int, int]
Schedule = tuple[Switch, ...]


def preemption_count(schedule: Schedule) -> int:
    """Return how many preemptions a schedule asks for: the first step only chooses who begins."""
    return sum(step > 1 for step, _ in schedule)


@dataclass(frozen=True)
class Span:
    """Steps of one actor, up to the next span; or a choice, which is one step.

    :param begin: the first step.
    :param actor: that made them, or was chosen.
    :param others: the actors that could have gone on instead.
    :param choice: whether an end or a block asks for it, so that another actor is no preemption.
    """

    begin: int
    actor: int
    others: tuple[int, ...]
    choice: bool = False


@dataclass
class Run:
    """What happened under a schedule.

    :param values: of the actors.
    :param raised: the exceptions that ended actors, in the order in which they did.
    :param spans: all of its steps.
    :param steps: how many there were, in all.
    :param followed: whether it went as the schedule says.
    :param futile: whether the schedule handed over to an actor that was blocked, which changes nothing.
    :param impatient: whether that one waited for time to pass, and for too long.
    :param forced: how often an actor was stopped because it had gone on for too long.
    :param contended: whether an actor was blocked by one that got what both wanted when it was woken up: had it been
        slower, the other one would have got that.
    :param blocks: how often an actor was blocked.
    :param outwaited: whether, in an order, an actor waited for time to pass, and for too long.
    :param deadlock: whether all actors that were left waited for each other.
    :param alone: whether an actor ran alone that was to be interrupted: it only tells its switch points.
    """

    schedule: Schedule
    values: list[object]
    raised: list[tuple[int, BaseException]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    steps: int = 0
    followed: bool = True
    futile: bool = False
    impatient: bool = False
    forced: int = 0
    contended: bool = False
    blocks: int = 0
    outwaited: bool = False
    deadlock: bool = False
    alone: bool = False

    def drop_results(self) -> None:
        """Let go of what actors returned and raised: finalizers are called here, and not in a later run."""
        self.values = [None] * len(self.values)
        self.raised = []

    @property
    def points(self) -> tuple[int, ...]:
        """Return for each actor how many switch points it passed."""
        points = [0] * len(self.values)
        for span, end in self._ends():
            if not span.choice:
                points[span.actor] += end - span.begin
        return tuple(points)

    def departures(self, *, choices: bool) -> Iterator[Schedule]:
        """Yield the schedules that depart from this one at one later step.

        :param choices: whether they depart where an actor has ended or is blocked, or else preempt one.
        """
        for span, steps in self._later():
            if span.choice is choices:
                for step in steps:
                    for other in span.others:
                        yield (*self.schedule, (step, other))

    def preemptions(self) -> int:
        """Return how many schedules preempt an actor at one later step."""
        return sum(len(steps) * len(span.others) for span, steps in self._later() if not span.choice)

    def begins_as(self, other: Run) -> bool:
        """Return whether it went as another one, up to where its schedule departs from that."""
        departs = self.schedule[-1][0]
        return self._turns(departs) == other._turns(departs)

    def is_as(self, other: Run) -> bool:
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

    def _ends(self) -> Iterator[tuple[Span, int]]:
        """Yield each span, and the step after it."""
        return zip(self.spans, [*(span.begin for span in self.spans[1:]), self.steps + 1])

    def _later(self) -> Iterator[tuple[Span, range]]:
        """Yield each span, and its steps after the schedule's last departure."""
        last = self.schedule[-1][0] if self.schedule else 0
        for span, end in self._ends():
            yield span, range(max(span.begin, last + 1), end)
