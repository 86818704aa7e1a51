"""What the schedules of a race came to for a question, and why that may be no ground for an answer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ....text import counted
from .explorer import ENOUGH, Explored, Witness

#: The part of a question's budget that the race's schedules get.
RACE_PART = 0.5
#: Times the budget that would just be enough, for advice.
_RESERVE = 1.5
#: Runs before it is known how long one takes.
_LEAST_FOR_ADVICE = 10


@dataclass(frozen=True)
class Searched:
    """What the schedules of a race came to.

    :param portable: whether threads were switched at any instruction, as if there were no GIL.
    :param race: nothing was run where threads cannot be watched, for the reason in its ``doubt``.
    :param control: None if it was not needed.
    :param anywhere: with a GIL, what schedules show that switch at any instruction; None if they were not run.
    :param control_anywhere: the same of the control, where it has shown nothing here.
    :param replayed: whether only the schedule was run that a replay token says.
    """

    portable: bool
    race: Explored
    control: Explored | None = None
    anywhere: Explored | None = None
    control_anywhere: Explored | None = None
    remarks: tuple[str, ...] = ()
    replayed: bool = False

    @property
    def seconds(self) -> float:
        """Return how long they took."""
        parts = self.race, self.control, self.anywhere, self.control_anywhere
        return sum(explored.seconds for explored in parts if explored is not None)

    @property
    def witness(self) -> Witness | None:
        """The first schedule that shows what is sought."""
        return self.race.witness

    @property
    def is_final(self) -> bool:
        """Return whether samples could add nothing."""
        # Where something happens once in a process, samples would have one chance in all.
        once = self.race.once and self.lacking() is not None
        return self.witness is not None or self.replayed or once

    @property
    def control_needs_no_race(self) -> bool:
        """Return whether the control shows the effect without a race, while the race has more schedules."""
        return self.control is not None and self.control.no_race and not self.race.exhausted

    def lacking(self) -> str | None:
        """Return why schedules are no ground for an answer; None if they are."""
        race, control = self.race, self.control
        if self.witness is not None:
            return None
        if self.replayed and race.unrepeatable:
            return "the schedule cannot be followed any more: what actors call was changed since"
        if self.replayed:
            return f"the schedule that was replayed came to {', '.join(map(str, race.outcomes))}"
        if race.unordered is not None:
            return race.unordered
        if race.doubt is not None:
            return race.doubt
        if race.impatient:
            return (
                f"an actor waits for time to pass, and {counted(race.impatient, 'schedule')} would have that over "
                "sooner than it is; let it wait for less than 10 ms"
            )
        if race.unrepeatable:
            return (
                f"{counted(race.unrepeatable, 'schedule')} of {race.run:,} did not repeat: what the actors do "
                "differs from run to run, such as by random numbers, time or addresses"
            )
        if race.exhausted and not race.run:
            return "the actor has no switch point at which a handler could run; let it be a function in Python"
        if race.exhausted:
            return None
        if not race.is_enough:
            return _too_many(race)
        if control is None or control.seen or control.exhausted:
            return None
        elsewhere = self.control_anywhere
        if elsewhere is not None and elsewhere.seen:
            return (
                f"its control does not show it at this interpreter's switch points, in "
                f"{counted(control.run, 'schedule')}; without a GIL it does, in {elsewhere.seen:,} of "
                f"{counted(elsewhere.run, 'schedule')}. Give the race a control that goes wrong here, such as "
                "lab.WITHOUT_LOCKS"
            )
        return (
            f"its control did not show it in {counted(control.run, 'schedule')}; give the race a control that goes "
            "wrong with at most two preemptions"
        )


def _too_many(race: Explored) -> str:
    """Return that there was no time for all schedules, and how much it would take, as far as that is known."""
    if race.shapes:
        needed = [shape for shape in race.shapes if sum(shape.calls) <= len(shape.calls) + 1]
        whole = ", and ".join(
            f"{shape.run:,} of {counted(shape.of, 'scenario')} with {' and '.join(map(str, shape.calls))} calls"
            for shape in needed
        )
        return (
            f"there are too many schedules for the budget: only {whole} were run whole, and it takes all; give it "
            "a longer budget, or fewer operations"
        )
    if len(race.points) == 1:
        text = (
            f"the handler ran at only {race.run:,} of {counted(race.points[0], 'switch point')}, chosen at random, "
        )
        if race.run < _LEAST_FOR_ADVICE:
            return f"{text}within the budget; give it a longer one, or let the actor do less"
        seconds = math.ceil(_RESERVE * race.points[0] * race.seconds / race.run / RACE_PART)
        return f"{text}within the budget; one of about {seconds:,} s would be enough; or let the actor do less"
    whole = "none" if race.preemptions is None else f"only those with at most {race.preemptions}"
    text = (
        f"there are too many schedules for the budget: of those with at most {ENOUGH} preemptions, {whole} were run"
    )
    if race.preemptions == ENOUGH - 1 and race.further:
        # The race has a part of the budget only.
        seconds = math.ceil(_RESERVE * race.further * race.seconds / race.run / RACE_PART)
        return f"{text}; a budget of about {seconds:,} s would be enough"
    return f"{text}; give it a longer budget, or let actors do less"
