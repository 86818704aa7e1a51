"""The search among the schedules of one side: the race, or its control."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ....records.interleaving import Step
from ..question import Judged, Portable
from ..scenarios import Scenario, Shape
from .enumeration import Levels, Planned, chance, random_schedule
from .run import Run, Schedule

clock = time.perf_counter
#: Preemptions of the schedules on which "never" rests.
ENOUGH = 2
#: Schedules of a further level, at most, that are run to find that there are no more, or whatever earlier ones took.
_FEW = 100
#: A level is begun if it takes no more than this many times the time that is left, by what earlier ones took.
_HOPE = 2.0
#: Times that a schedule is run which does not go as before.
_TRIES = 3


@dataclass(frozen=True)
class Seen:
    """What was seen of one schedule.

    :param judged: its outcome.
    :param path: what the actors did line by line, as a number; None where that was not recorded.
    :param last: whether no more schedules can be run in this process: threads are lost in a deadlock, or what was
        seen is no ground for an answer.
    """

    run: Run
    judged: Judged
    path: int | None = None
    last: bool = False

    @property
    def sought(self) -> bool:
        """Return whether it shows what is sought."""
        return self.judged.sought

    def went_as(self, other: Seen) -> bool:
        """Return whether two runs of one schedule went in the same way."""
        return self.run.is_as(other.run) and (None in (self.path, other.path) or self.path == other.path)


@dataclass(frozen=True)
class Witness:
    """A schedule that shows what is sought.

    :param number: among all that were run, from 1.
    :param seconds: after the search began.
    :param at_random: whether it was a random one.
    :param is_sound: whether the first schedule still goes as before, so that no run leaves anything behind.
    :param scenario: of operations; None if there are none.
    :param steps: its story; nothing if there is none.
    :param results: of each actor's calls, in words; nothing if actors have values.
    """

    schedule: Schedule
    outcome: str
    number: int
    preemptions: int
    seconds: float
    at_random: bool = False
    is_sound: bool = False
    scenario: Scenario | None = None
    steps: tuple[Step, ...] = ()
    results: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class ShapeRun:
    """The scenarios of one shape that were run.

    :param calls: of each thread.
    :param run: of how many scenarios all schedules were run up to a number of preemptions.
    :param of: how many scenarios there are.
    """

    calls: Shape
    run: int
    of: int
    preemptions: int


@dataclass
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
    :param impatient: schedules that could not be followed, as an actor waits long for time to pass.
    :param once: whether the very first run did other things than its repetition.
    :param leaks: whether a schedule shows what is sought only after others in the same process.
    :param no_race: whether what is sought came of actors that ran one after the other.
    :param outcomes: how many schedules had each.
    :param like: whether one was of the kind of what is sought.
    :param in_order: what calls give one after the other: the order, and their results in words.
    :param unordered: why it is not known what calls give one after the other; None if it is.
    :param doubt: why "never" cannot rest on schedules, however many are run; None if it can.
    :param shapes: the scenarios of operations that were run; nothing where there are no operations.
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
    impatient: int = 0
    once: bool = False
    leaks: bool = False
    no_race: bool = False
    seconds: float = 0.0
    outcomes: Counter[Portable] = field(default_factory=Counter)
    like: bool = False
    in_order: tuple[tuple[tuple[str, ...], str], ...] = ()
    unordered: str | None = None
    doubt: str | None = None
    shapes: tuple[ShapeRun, ...] = ()
    witness: Witness | None = None
    remarks: tuple[str, ...] = ()

    def add(self, other: Explored) -> None:
        """Add the schedules of a scenario."""
        self.points = self.points or other.points
        self.run += other.run
        self.seen += other.seen
        self.unrepeatable += other.unrepeatable
        self.impatient += other.impatient
        self.no_race = self.no_race or other.no_race
        self.outcomes += other.outcomes
        self.like = self.like or other.like

    @property
    def is_enough(self) -> bool:
        """Return whether it is what "never" takes."""
        return self.exhausted or ((self.preemptions or 0) >= ENOUGH and not self.unrepeatable)


class Explorer:
    """Runs schedules, level by level.

    :param run: runs a schedule.
    :param actors: how many.
    :param stop_after: the number of schedules that are enough once what is sought was seen.
    :param least_empty: the number of schedules in which actors return nothing that are enough.
    :param most: the most preemptions.
    :param repeat: whether the first run is to be repeated: what happens once in a process is seen by that.
    """

    def __init__(
        self,
        run: Callable[[Schedule], Seen],
        *,
        actors: int,
        stop_after: int = 1,
        least_empty: int = 0,
        most: int | None = None,
        repeat: bool = True,
    ) -> None:
        self._run = run
        self._actors = actors
        self._stop_after = stop_after
        self._least_empty = least_empty
        self._most = most
        self._repeat = repeat
        self._levels = Levels()
        self._began = clock()
        self.found = Explored()
        #: The run of the first schedule, once it was repeated.
        self._first: Seen | None = None
        self._is_random = False

    def explore(self, end: float) -> Explored:
        """Run schedules until what is sought was seen, enough was run, or time is up.

        :param end: the clock's time when to stop.
        """
        self._search(end)
        self.found.seconds = clock() - self._began
        return self.found

    def one(self, schedule: Schedule) -> Explored:
        """Run one schedule and no other."""
        seen = self._run(schedule)
        self._count(seen)
        self.found.unrepeatable = int(not seen.run.followed)
        return self.found

    def _search(self, end: float) -> None:
        levels, found = self._levels, self.found
        while True:
            begun, before, known = clock(), found.run, found.further
            found.further = None
            for planned in levels:
                if found.run and clock() > end:
                    if known:  # these were in random order
                        found.random_run, found.chance = found.run - before, 1 / known
                    return
                if self._try(planned):
                    return
            if self._first is not None and not self._repeats():
                found.unrepeatable += 1
            found.preemptions, found.further = levels.preemptions, levels.further()
            found.exhausted = not (found.further or found.unrepeatable or found.impatient)
            if not found.further or self._is_seen() or levels.preemptions == self._most:
                return
            if levels.preemptions >= ENOUGH and found.further > _FEW:
                return
            now = clock()
            # The first ones take longer.
            each = min((now - self._began) / max(found.run, 1), (now - begun) / max(found.run - before, 1))
            if found.run and found.further > _FEW and found.further * each > _HOPE * (end - now):
                self._at_random(end)
                return
            levels.advance()

    def _repeated(self, first: Seen) -> Seen:
        """Run the first schedule again; note whether it goes as before, from the second time on, or never."""
        schedule = first.run.schedule
        seen = self._run(schedule)
        self._first = self._first or seen
        if not first.went_as(seen):
            self.found.once = self._run(schedule).went_as(seen)
            self.found.unrepeatable += not self.found.once
        return seen

    def _repeats(self) -> bool:
        """Return whether the first schedule goes as before: what is random may have gone so by chance."""
        again = self._run(())
        if again.sought:
            self._count(again)
        return self._first is not None and self._first.went_as(again)

    def _try(self, planned: Planned) -> bool:
        """Run a schedule; return whether that was the last."""
        for _ in range(_TRIES):
            seen = self._run(planned.schedule)
            as_planned = seen.run.followed and planned.went_as_planned(seen.run)
            if self.found.run == 0 and self._repeat and not seen.last and not seen.sought:
                seen = self._repeated(seen)
            if self._ends_with(seen):
                return True
            if as_planned:
                if not seen.run.futile:
                    self._levels.add(seen.run)
                return False
        self.found.unrepeatable += 1
        return False

    def _count(self, seen: Seen) -> bool:
        """Count what was seen; return whether it is enough."""
        found, run = self.found, seen.run
        if run.alone:
            found.points = found.points or run.points
            return False
        found.impatient += run.impatient
        if run.futile and not seen.sought:
            return False
        found.points = found.points or run.points
        found.run += 1
        found.seen += seen.sought
        found.like = found.like or seen.judged.like
        found.outcomes[seen.judged.outcome] += 1
        if seen.sought:
            stops = self._levels.preemptions + run.forced
            found.no_race = found.no_race or not (stops or run.blocks)
            if found.witness is None:
                text, seconds = str(seen.judged.outcome), clock() - self._began
                found.witness = Witness(run.schedule, text, found.run, stops, seconds, self._is_random)
        return seen.last or (self._is_seen() and found.run >= self._stop_after)

    def _ends_with(self, seen: Seen) -> bool:
        """Count what was seen; if it is enough, note whether the first schedule still goes as before the witness."""
        if not self._count(seen):
            return False
        witness = self.found.witness
        if witness is not None and self._first is not None and not seen.last:
            again = self._run(())
            self.found.witness = replace(witness, is_sound=again.went_as(self._first) and not again.sought)
        return True

    def _is_seen(self) -> bool:
        """Return whether what is sought was seen, and not only because actors have returned nothing so far."""
        found = self.found
        return found.seen > 0 and not (
            found.run < self._least_empty and all(outcome.is_empty for outcome in found.outcomes)
        )

    def _at_random(self, end: float) -> None:
        """Run random schedules with one preemption more than the last level that was run whole."""
        self._is_random = True
        self._levels.preemptions += 1
        found, preemptions = self.found, self._levels.preemptions
        steps = max(sum(found.points), 1)
        found.chance = chance(self._actors, steps, preemptions)
        before, is_enough = found.run, False
        while not is_enough and clock() < end:
            is_enough = self._ends_with(self._run(random_schedule(self._actors, steps, preemptions)))
            found.random_run = found.run - before
