"""What the schedules of a race showed for a question, and whether that allows an answer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ....text import counted
from .explorer import ENOUGH_PREEMPTIONS, Explored, Witness
from .switch_points import MONITORED

#: The part of a question's budget that the race's schedules get.
RACE_PART = 0.5
#: Advice names this multiple of the budget that would just suffice.
_RESERVE_RATIO = 1.5
#: The number of runs after which the time of a run is known well enough for advice.
_LEAST_RUNS_FOR_ADVICE = 10


@dataclass(frozen=True)
class Searched:
    """What the schedules of a race and its control showed.

    :param portable: whether threads were switched at any instruction, as if there were no GIL.
    :param race: if threads cannot be watched here, no schedule was run, and ``doubt`` has the reason.
    :param control: None if it was not needed.
    :param anywhere: with a GIL, what portable schedules showed; None if they were not run.
    :param control_anywhere: the same of the control, if it showed nothing otherwise.
    :param replayed: whether only the schedule of a replay token was run.
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
        """Return the time that all schedules took."""
        parts = self.race, self.control, self.anywhere, self.control_anywhere
        return sum(explored.seconds for explored in parts if explored is not None)

    @property
    def witness(self) -> Witness | None:
        """The first schedule that showed the sought outcome."""
        return self.race.witness

    @property
    def is_final(self) -> bool:
        """Return whether samples could not add anything."""
        # If the actors do something only once in a process, only one sample could show it.
        once = self.race.once is not None and self.lacking() is not None
        return self.witness is not None or self.replayed or once

    @property
    def control_needs_no_race(self) -> bool:
        """Return whether the control shows the effect without a race, and the race has further schedules."""
        return self.control is not None and self.control.no_race and not self.race.exhausted

    def lacking(self) -> str | None:
        """Return why schedules do not allow an answer; None if they do."""
        race, control = self.race, self.control
        if self.witness is not None:
            return None
        if self.replayed and race.unrepeatable:
            changed = "code that the actors call was changed since"
            stopped = "a debugger has stopped an actor, whose switches are then lost before CPython 3.12 and on PyPy"
            return f"the schedule could not be followed: {changed if MONITORED else f'{changed}, or {stopped}'}"
        if self.replayed:
            return f"the replayed schedule ended with {', '.join(map(str, race.outcomes))}"
        if race.unordered is not None:
            return race.unordered
        if race.doubt is not None:
            return race.doubt
        if race.impatient:
            return (
                f"an actor sleeps or waits with a timeout, so {counted(race.impatient, 'schedule')} could not be "
                "followed; let it do so for less than 10 ms, or wait without a timeout"
            )
        if race.unrepeatable:
            return (
                f"{counted(race.unrepeatable, 'schedule')} of {race.run:,} did not repeat: what the actors do "
                "differs from run to run, such as by random numbers, time or addresses"
            )
        if race.exhausted and not race.run:
            return "the actor has no switch point at which a handler can run; let it be a function in Python"
        if race.exhausted:
            return None
        if not race.is_enough:
            return _too_many(race)
        if control is None or control.seen or control.exhausted:
            return None
        elsewhere = self.control_anywhere
        if elsewhere is not None and elsewhere.seen:
            return (
                f"its control did not show the effect at this interpreter's switch points, in "
                f"{counted(control.run, 'schedule')}; at any instruction, it did in {elsewhere.seen:,} of "
                f"{counted(elsewhere.run, 'schedule')}. Give the race a control that shows the effect here, such as "
                "lab.WITHOUT_LOCKS"
            )
        return (
            f"its control did not show the effect in {counted(control.run, 'schedule')}; give the race a control "
            "that shows it with at most two preemptions"
        )


def _too_many(race: Explored) -> str:
    """Return that there was no time for all schedules, and which budget would suffice, if that is known."""
    if race.shapes:
        needed = [shape for shape in race.shapes if sum(shape.calls) <= len(shape.calls) + 1]
        whole = ", and ".join(
            f"{shape.run:,} of {counted(shape.of, 'scenario')} with {' and '.join(map(str, shape.calls))} calls"
            for shape in needed
        )
        return (
            f"there are too many schedules for the budget: only {whole} were completed, and all are needed; give the "
            "claim a longer budget, or use fewer operations"
        )
    if len(race.points) == 1:
        text = (
            f"the handler ran at only {race.run:,} of {counted(race.points[0], 'switch point')}, chosen at random, "
        )
        if race.run < _LEAST_RUNS_FOR_ADVICE:
            return f"{text}within the budget; give the claim a longer one, or let the actor do less"
        seconds = math.ceil(_RESERVE_RATIO * race.points[0] * race.seconds / race.run / RACE_PART)
        return f"{text}within the budget; give the claim about {seconds:,} s, or let the actor do less"
    run = {None: "none", 0: "only those with none"}
    whole = run.get(race.preemptions, f"only those with at most {race.preemptions}")
    text = (
        "there are too many schedules for the budget: of those with at most "
        f"{ENOUGH_PREEMPTIONS} preemptions, {whole} were run"
    )
    if race.preemptions == ENOUGH_PREEMPTIONS - 1 and race.further:
        # The race's schedules get a part of the budget only.
        seconds = math.ceil(_RESERVE_RATIO * race.further * race.seconds / race.run / RACE_PART)
        return f"{text}; give the claim a budget of about {seconds:,} s"
    return f"{text}; give the claim a longer budget, or let actors do less"
