"""Interleavings: the lines of several actors in the order in which they ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Events of a step: another actor ran although this one could have continued; this one waits here.
PREEMPTED, BLOCKED = "preempted", "blocked"
#: The begin of the event of an actor that ends with an exception.
RAISED = "raised "
#: The actor continues a line: its call has returned, or another actor ran meanwhile.
GOES_ON = "goes on"
#: The step stands for lines that are not shown; its text has their number.
FOLDED = "folded"


@dataclass(frozen=True)
class Step:
    """A visit of an actor to a line.

    :param actor: its number, from 0.
    :param file: for people: relative to the folder of the run, or the last two parts.
    :param text: the line's source, without indentation; empty if it is unknown.
    :param event: what happened to the actor here: ``preempted``, ``blocked``, ``goes on``, ``returned``,
        ``raised ValueError``, or ``folded``; None if it only ran the line.
    """

    actor: int
    file: str
    line: int
    text: str
    event: str | None = None


def steps_of(witness: dict[str, Any] | None) -> list[Step]:
    """Return the steps of a witness from a run record; an empty list if it has none."""
    steps = [] if witness is None else witness["steps"] or []
    return [Step(**{**step, "actor": int(step["actor"])}) for step in steps]  # 1.0 is an integer in JSON


def waiting(steps: Sequence[Step]) -> list[Step]:
    """Return the last step of each actor that waits at the end, in the actors' order."""
    last = {step.actor: step for step in steps if step.event != FOLDED}
    return [step for _, step in sorted(last.items()) if step.event == BLOCKED]


def most_relevant(steps: Sequence[Step], most: int) -> list[int]:
    """Return the numbers of the steps to show if there is no room for all.

    The order is: preemptions and exceptions; other switches; the first and the last step, and the ends of actors;
    steps near a switch or an end, in the files that actors begin in before other files.

    :param most: the number of lines; each gap takes one.
    """
    if len(steps) <= most:
        return list(range(len(steps)))
    ranks = _ranks(steps)
    ranked = sorted(range(len(steps)), key=lambda number: (ranks[number], min(number, len(steps) - 1 - number)))
    for count in range(most, 0, -1):
        shown = sorted(ranked[:count])
        missing = [second - first - 1 for first, second in zip([-1, *shown], [*shown, len(steps)])]
        if count + sum(map(bool, missing)) <= most:
            single = [number - 1 for number, gap in zip([*shown, len(steps)], missing) if gap == 1]
            return sorted([*shown, *single])  # showing a single step takes no more room than its gap
    return []


def _ranks(steps: Sequence[Step]) -> list[int]:
    """Return a rank for each step. Steps with a low rank are shown first."""
    last = len(steps) - 1
    ranks = [last + 3] * len(steps)
    for number, step in enumerate(steps):
        switched = number > 0 and steps[number - 1].actor != step.actor
        if step.event == PREEMPTED or (step.event or "").startswith(RAISED):
            ranks[number] = 0
        elif step.event == BLOCKED or switched:
            ranks[number] = 1
        elif number in (0, last) or step.event not in (None, GOES_ON, FOLDED):
            ranks[number] = 2
    begun: dict[int, str] = {}
    for step in steps:
        begun.setdefault(step.actor, step.file)
    # A step near a switch is more relevant than one that is far from it, or near an end.
    for order in (range(1, last + 1), range(last - 1, -1, -1)):
        for number in order:
            neighbour = ranks[number - 1 if order.step > 0 else number + 1]
            ranks[number] = min(ranks[number], 3 if neighbour < 2 else neighbour + (6 if neighbour == 2 else 1))
    own = set(begun.values())
    return [rank if rank < 3 or step.file in own else rank + last for rank, step in zip(ranks, steps)]
