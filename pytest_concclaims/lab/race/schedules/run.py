"""Runs of actors under a schedule, and the schedules that depart from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

#: A step, and the actor to which the token goes at this step.
Switch = tuple[int, int]
Schedule = tuple[Switch, ...]


def preemption_count(schedule: Schedule) -> int:
    """Return the number of preemptions in a schedule. Step 1 only chooses the actor that begins."""
    return sum(step > 1 for step, _ in schedule)


@dataclass(frozen=True)
class Span:
    """Steps of one actor, up to the next span; or a choice of the next actor, which is one step.

    :param begin: the first step.
    :param actor: the actor that made the steps, or was chosen.
    :param others: the actors that could have run instead.
    :param choice: whether an actor has ended or is blocked here, so that choosing another one is not a preemption.
    """

    begin: int
    actor: int
    others: tuple[int, ...]
    choice: bool = False


@dataclass
class Run:
    """What happened under a schedule.

    :param values: what each actor returned.
    :param raised: the actors that raised, with their exceptions, in this order.
    :param spans: all steps.
    :param steps: the number of steps.
    :param followed: whether the run went as the schedule says.
    :param futile: whether the schedule chose an actor that could not run, so that nothing changed.
    :param impatient: whether that actor waited too long for time to pass.
    :param forced: how often an actor lost the token because it had run for too many steps.
    :param contended: whether an actor may have been blocked by one that took a lock as it woke up. Had that one been
        slower, the other would have got the lock.
    :param blocks: how often an actor was blocked.
    :param outwaited: whether, in an order of calls, an actor waited too long for time to pass.
    :param deadlock: whether all actors that had not ended waited for each other.
    :param alone: whether the handler of an interruption did not run: such a run only finds switch points.
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
        """Drop what actors returned and raised, so that finalizers run now and not in a later run."""
        self.values = [None] * len(self.values)
        self.raised = []

    @property
    def points(self) -> tuple[int, ...]:
        """Return the number of switch points that each actor passed."""
        points = [0] * len(self.values)
        for span, end in self._ends():
            if not span.choice:
                points[span.actor] += end - span.begin
        return tuple(points)

    def choices(self) -> Iterator[Schedule]:
        """Yield the schedules that depart from this one at one later step where an actor has ended or is blocked."""
        for span, steps in self._later():
            if span.choice:
                yield from ((*self.schedule, (step, other)) for step in steps for other in span.others)

    def preemptions(self) -> int:
        """Return the number of schedules that depart from this one by a preemption at one later step."""
        return sum(len(steps) * len(span.others) for span, steps in self._later() if not span.choice)

    def preempted(self, number: int) -> Schedule:
        """Return one of the schedules that depart from this one by a preemption at one later step.

        :param number: from 0, below the number of :meth:`preemptions`.
        """
        for span, steps in self._later():
            here = 0 if span.choice else len(steps) * len(span.others)
            if number < here:
                step, other = divmod(number, len(span.others))
                return (*self.schedule, (steps[step], span.others[other]))
            number -= here
        raise IndexError(number)

    def begins_as(self, other: Run) -> bool:
        """Return whether this run equals another one up to where its schedule departs from that."""
        departs = self.schedule[-1][0]
        return self._turns(departs) == other._turns(departs)

    def is_as(self, other: Run) -> bool:
        """Return whether two runs of one schedule went the same way."""
        return self.steps == other.steps and self._turns(self.steps + 1) == other._turns(self.steps + 1)

    def _turns(self, end: int) -> list[tuple[int, int]]:
        """Return the steps before ``end`` at which the token went to another actor.

        When a blocked actor woke up does not count: it only waited for the token then.
        """
        turns: list[tuple[int, int]] = []
        for span in self.spans:
            if span.begin < end and not (turns and turns[-1][1] == span.actor):
                turns.append((span.begin, span.actor))
        return turns

    def _ends(self) -> Iterator[tuple[Span, int]]:
        """Yield each span with the step after it."""
        return zip(self.spans, [*(span.begin for span in self.spans[1:]), self.steps + 1])

    def _later(self) -> Iterator[tuple[Span, range]]:
        """Yield each span with its steps after the schedule's last departure."""
        last = self.schedule[-1][0] if self.schedule else 0
        for span, end in self._ends():
            yield span, range(max(span.begin, last + 1), end)
