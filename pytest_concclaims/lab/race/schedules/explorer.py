"""The search among the schedules of one side: the race, or its control."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

from ..question import shown
from .enumeration import Levels, Planned, Trace, chance, random_schedule
from .scheduler import Schedule

clock = time.perf_counter
#: Preemptions of the schedules on which "never" rests.
ENOUGH = 2
#: Schedules of a further level, at most, that are run to find that there are no more.
_FEW = 100
#: Times that a schedule is run which does not go as before.
_TRIES = 3


@dataclass(frozen=True)
class Seen:
    """What was seen of one schedule.

    :param outcome: as another process can have it.
    :param sought: whether it is what is sought.
    :param points: for each actor, how many switch points it passed.
    :param futile: whether it is the same interleaving as another, as it hands over to an actor that is blocked.
    :param blocks: how often an actor was blocked.
    :param followed: whether it went as the schedule says.
    :param last: whether no more schedules can be run in this process, as threads are lost in a deadlock.
    """

    trace: Trace
    outcome: Hashable
    sought: bool
    points: tuple[int, ...]
    futile: bool = False
    blocks: int = 0
    last: bool = False
    followed: bool = True


@dataclass(frozen=True)
class Witness:
    """A schedule that shows what is sought.

    :param number: among all that were run, from 1.
    :param seconds: after the search began.
    :param at_random: whether it was a random one.
    """

    schedule: Schedule
    outcome: str
    number: int
    preemptions: int
    seconds: float
    at_random: bool = False


@dataclass(frozen=True)
class Explored:
    """What was seen of one side; it travels between processes.

    :param points: for each actor, how many switch points it passed when nothing preempted it.
    :param run: schedules that were run, each a different interleaving.
    :param seen: those of them that show what is sought.
    :param preemptions: the highest level that was run whole; None if none was.
    :param exhausted: whether there are no more schedules.
    :param further: schedules of the next level, as far as known; None where they were begun.
    :param random_run: random schedules of the level after the last whole one.
    :param chance: the least probability with which each of them shows what takes as many preemptions.
    :param unrepeatable: schedules that did not go as before.
    :param once: whether the very first run did other things than its repetition.
    :param leaks: whether a schedule shows what is sought only after others in the same process.
    :param in_order: whether what is sought came of actors that ran one after the other.
    :param lost: whether the threads were lost in a deadlock.
    :param hidden: what actors may have called in which no schedule switches.
    :param blocks: how often actors were blocked.
    :param outcomes: how many schedules had each.
    """

    points: tuple[int, ...] = ()
    run: int = 0
    seen: int = 0
    preemptions: int | None = None
    exhausted: bool = False
    further: int | None = None
    random_run: int = 0
    chance: float = 0.0
    unrepeatable: int = 0
    once: bool = False
    leaks: bool = False
    in_order: bool = False
    lost: bool = False
    hidden: str | None = None
    blocks: int = 0
    seconds: float = 0.0
    outcomes: Counter[Hashable] = field(default_factory=Counter)
    witness: Witness | None = None
    remarks: tuple[str, ...] = ()

    @property
    def is_enough(self) -> bool:
        """Return whether it is what "never" takes."""
        return self.exhausted or ((self.preemptions or 0) >= ENOUGH and not self.unrepeatable)


class Explorer:
    """Runs schedules, level by level.

    :param run: runs a schedule.
    :param actors: how many.
    :param stop_after: once what is sought was seen, so many schedules are enough.
    :param most: the most preemptions.
    :param repeat: whether the first run is to be repeated: what happens once in a process is seen by that.
    """

    def __init__(
        self,
        run: Callable[[Schedule], Seen],
        *,
        actors: int,
        stop_after: int = 1,
        most: int | None = None,
        repeat: bool = True,
    ) -> None:
        self._run = run
        self._actors = actors
        self._stop_after = stop_after
        self._most = most
        self._repeat = repeat
        self._levels = Levels()
        self._began = clock()
        self._so_far = Explored()
        #: The run of the first schedule, once it was repeated.
        self._first: Trace | None = None
        self._is_random = False

    def explore(self, end: float) -> Explored:
        """Run schedules until what is sought was seen, enough was run, or time is up.

        :param end: the clock's time when to stop.
        """
        self._search(end)
        return replace(self._so_far, seconds=clock() - self._began)

    def one(self, schedule: Schedule) -> Explored:
        """Run one schedule and no other."""
        self._count(self._run(schedule))
        return self._so_far

    def _search(self, end: float) -> None:
        levels = self._levels
        while True:
            for planned in levels:
                if self._so_far.run and clock() > end:
                    return
                if self._try(planned):
                    return
            if self._first is not None and not self._repeats():
                self._update(unrepeatable=self._so_far.unrepeatable + 1)
            further = levels.further()
            unrepeatable = self._so_far.unrepeatable
            self._update(preemptions=levels.preemptions, further=further, exhausted=not (further or unrepeatable))
            if not further or self._so_far.seen or levels.preemptions == self._most:
                return
            if levels.preemptions >= ENOUGH and further > _FEW:
                return
            each = (clock() - self._began) / self._so_far.run
            if further * each > end - clock():
                self._at_random(end)
                return
            levels.advance()
            self._update(further=None)

    def _repeated(self, first: Seen) -> Seen:
        """Run the first schedule again; note whether it goes as before, from the second time on, or never."""
        seen = self._run(())
        self._first = seen.trace
        if not first.trace.is_as(seen.trace):
            is_once = self._run(()).trace.is_as(seen.trace)
            self._update(once=is_once, unrepeatable=self._so_far.unrepeatable + (not is_once))
        return seen

    def _repeats(self) -> bool:
        """Return whether the first schedule goes as before: what is random may have gone so by chance."""
        again = self._run(())
        if again.sought:
            self._count(again)
        return self._first is not None and self._first.is_as(again.trace)

    def _try(self, planned: Planned) -> bool:
        """Run a schedule; return whether that was the last."""
        for _ in range(_TRIES):
            seen = self._run(planned.schedule)
            as_planned = seen.followed and planned.went_as_planned(seen.trace)
            if self._so_far.run == 0 and self._repeat and not seen.last and not seen.sought:
                seen = self._repeated(seen)
            if self._count(seen):
                return True
            if as_planned:
                if not seen.futile:
                    self._levels.add(seen.trace)
                return False
        self._update(unrepeatable=self._so_far.unrepeatable + 1)
        return False

    def _count(self, seen: Seen) -> bool:
        """Count what was seen; return whether it is enough."""
        before = self._so_far
        if seen.futile and not seen.sought:
            return False
        outcomes = before.outcomes
        outcomes[seen.outcome] += 1
        witness = before.witness
        preemptions = self._levels.preemptions
        if seen.sought and witness is None:
            number, seconds = before.run + 1, clock() - self._began
            witness = Witness(seen.trace.schedule, shown(seen.outcome), number, preemptions, seconds, self._is_random)
        self._update(
            points=before.points or seen.points,
            run=before.run + 1,
            seen=before.seen + seen.sought,
            in_order=before.in_order or (seen.sought and not preemptions and not seen.blocks),
            lost=seen.last,
            blocks=before.blocks + seen.blocks,
            witness=witness,
        )
        return seen.last or (self._so_far.seen > 0 and self._so_far.run >= self._stop_after)

    def _at_random(self, end: float) -> None:
        """Run random schedules with one preemption more than the last level that was run whole."""
        self._is_random = True
        preemptions = self._levels.preemptions + 1
        steps = max(sum(self._so_far.points), 1)
        run = 0
        while clock() < end:
            seen = self._run(random_schedule(self._actors, steps, preemptions))
            run += not seen.futile or seen.sought
            self._levels.preemptions = preemptions
            last = self._count(seen)
            self._update(random_run=run, chance=chance(self._actors, steps, preemptions))
            if last:
                return

    def _update(self, **changes: object) -> None:
        self._so_far = replace(self._so_far, **changes)  # type: ignore[arg-type]  # the names of its own fields
