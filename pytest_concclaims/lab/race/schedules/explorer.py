"""The search among the schedules of one side: the race or its control."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ....records.interleaving import Step
from ..question import Judged, Portable
from ..scenarios import Scenario, Shape
from .enumeration import Levels, Planned
from .once import ONCE, done_once, places
from .run import Run, Schedule
from .story import Visit

clock = time.perf_counter
#: "Never" rests on all schedules with at most this number of preemptions.
ENOUGH_PREEMPTIONS = 2
#: A level with at most this number of schedules is begun, whatever its preemptions.
_FEW_SCHEDULES = 100
#: Attempts at a schedule whose run does not go as planned.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Seen:
    """What one run of a schedule showed.

    :param judged: the outcome.
    :param visits: of the actors to lines; empty if they were not recorded.
    :param last: whether the search has to end: threads are left in a deadlock, or the calls have no reliable results
        to compare with.
    """

    run: Run
    judged: Judged
    visits: tuple[Visit, ...] = ()
    last: bool = False

    @property
    def sought(self) -> bool:
        """Return whether the outcome is the sought one."""
        return self.judged.sought

    def went_as(self, other: Seen) -> bool:
        """Return whether two runs of one schedule went the same way."""
        mine, others = places(self.visits), places(other.visits)
        return self.run.is_as(other.run) and (mine == others or not (mine and others))


@dataclass(frozen=True)
class Witness:
    """A schedule whose run showed the sought outcome.

    :param number: its number among the schedules that were run, from 1.
    :param seconds: from the begin of the search to the run.
    :param is_sound: whether the first schedule, run once more, went as before: the runs leave nothing behind.
    :param scenario: of operations; None if there are none.
    :param steps: its story; empty if there is none.
    :param results: the results of each actor's calls, as text; empty if there are none.
    """

    schedule: Schedule
    outcome: str
    number: int
    preemptions: int
    seconds: float
    is_sound: bool = False
    scenario: Scenario | None = None
    steps: tuple[Step, ...] = ()
    results: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class ShapeRun:
    """The scenarios of one shape that were run.

    :param calls: the number of calls of each thread.
    :param run: the number of scenarios of which all schedules with at most ``preemptions`` were run.
    :param of: the number of scenarios that exist.
    """

    calls: Shape
    run: int
    of: int
    preemptions: int


@dataclass
class Explored:
    """What the schedules of one side showed. Processes send it to each other.

    :param points: for each actor, the number of switch points that it passed in the first run that counts.
    :param run: the number of schedules that were run, each a different interleaving.
    :param seen: the number of them that showed the sought outcome.
    :param preemptions: the highest level that was run completely; None if none was.
    :param exhausted: whether there are no more schedules.
    :param further: the number of known schedules of the next level; None if no level was run completely.
    :param random_run: the number of them that were run before time was up, chosen at random.
    :param chance: the least probability with which each of them shows an effect that takes this level's preemptions.
    :param unrepeatable: the number of schedules that did not go as planned, in any attempt.
    :param impatient: the number of schedules that could not be followed: an actor waits too long for time to pass.
    :param once: what only the very first run of the first schedule did; None if nothing.
    :param leaks: whether schedules leave something behind that changes what later ones in the same process show.
    :param no_race: whether actors that ran one after the other showed the sought outcome.
    :param outcomes: the number of schedules that showed each.
    :param like: whether an outcome is of the same kind as the sought one.
    :param in_order: what the calls give one after the other: each order, and the results as text.
    :param unordered: why that is not known; None if it is, or is not asked about.
    :param doubt: why "never" cannot rest on schedules, however many are run; None if it can.
    :param shapes: the scenarios of operations that were run; empty if there are no operations.
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
    once: str | None = None
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
        """Add the schedules of another scenario."""
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
        """Return whether these schedules suffice for "never"."""
        return self.exhausted or ((self.preemptions or 0) >= ENOUGH_PREEMPTIONS and not self.unrepeatable)


class Explorer:
    """Runs schedules, level by level.

    :param run: runs a schedule.
    :param stop_after: the number of schedules after which the search ends if the sought outcome was seen.
    :param least_empty: the number of schedules to run at least while no actor has returned anything.
    :param most: the most preemptions; None: no limit.
    :param repeat: whether to run the first schedule again, to find what happens only once in a process.
    """

    def __init__(
        self,
        run: Callable[[Schedule], Seen],
        *,
        stop_after: int = 1,
        least_empty: int = 0,
        most: int | None = None,
        repeat: bool = True,
    ) -> None:
        self._run = run
        self._stop_after = stop_after
        self._least_empty = least_empty
        self._most = most
        self._repeat = repeat
        self._levels = Levels()
        self._began = clock()
        self.found = Explored()
        #: The first repetition of the first schedule.
        self._first: Seen | None = None
        #: Whether that had the same outcome.
        self._is_steady = True
        #: Whether no more schedules can be run after the latest one.
        self._is_last = False

    def explore(self, end: float) -> Explored:
        """Run schedules until the sought outcome was seen, enough schedules were run, or time is up.

        :param end: when to stop, by ``clock``.
        """
        self._search(end)
        self._check_witness()
        self.found.seconds = clock() - self._began
        return self.found

    def one(self, schedule: Schedule) -> Explored:
        """Run this schedule only."""
        seen = self._run(schedule)
        self._count(seen)
        self.found.unrepeatable = int(not seen.run.followed)
        return self.found

    def _search(self, end: float) -> None:
        levels, found = self._levels, self.found
        while True:
            before = found.run
            for planned in levels:
                if found.run and clock() > end:
                    if found.further and found.run > before:
                        found.random_run = found.run - before
                        found.chance = levels.tried / found.random_run / found.further
                    return
                if self._try(planned):
                    return
            if self._first is not None and not self._repeats():
                found.unrepeatable += 1
            found.preemptions, found.further = levels.preemptions, levels.further()
            found.exhausted = not (found.further or found.unrepeatable or found.impatient)
            if not found.further or self._is_seen() or levels.preemptions == self._most:
                return
            if levels.preemptions >= ENOUGH_PREEMPTIONS and found.further > _FEW_SCHEDULES:
                return
            levels.advance()

    def _repeated(self, first: Seen) -> Seen:
        """Run the first schedule again. Note whether only its very first run differed, or each run does."""
        schedule = first.run.schedule
        seen = self._run(schedule)
        self._first = self._first or seen
        if not first.went_as(seen):
            if self._run(schedule).went_as(seen):
                self.found.once = done_once(first.visits, seen.visits)
            else:
                self.found.unrepeatable += 1
        elif first.judged.outcome != seen.judged.outcome:  # random outcomes differ each time
            self._is_steady = False
            again = self._run(schedule)
            if again.went_as(seen) and again.judged.outcome == seen.judged.outcome:
                self.found.once = ONCE
        return seen

    def _repeats(self) -> bool:
        """Return whether the first schedule still goes as before: random actors may have done so by chance."""
        again = self._run(())
        if again.sought:
            self._count(again)
        return self._first is not None and self._first.went_as(again)

    def _try(self, planned: Planned) -> bool:
        """Run a schedule until it goes as planned. Return whether the search is over."""
        for _ in range(_ATTEMPTS):
            seen = self._run(planned.schedule)
            as_planned = seen.run.followed and planned.went_as_planned(seen.run)
            if self.found.run == 0 and self._repeat and not seen.last and not seen.sought:
                seen = self._repeated(seen)
            if self._count(seen):
                return True
            if as_planned:
                if not seen.run.futile:
                    self._levels.add(seen.run)
                return False
        self.found.unrepeatable += 1
        return False

    def _count(self, seen: Seen) -> bool:
        """Count a run. Return whether the search is over."""
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
                found.witness = Witness(run.schedule, text, found.run, stops, seconds)
        self._is_last = seen.last
        return seen.last or (self._is_seen() and found.run >= self._stop_after)

    def _check_witness(self) -> None:
        """Find out whether the witness is sound."""
        found = self.found
        if found.witness is not None and self._first is not None and not self._is_last:
            again = self._run(())
            is_sound = self._is_steady and again.went_as(self._first) and not again.sought
            found.witness, found.leaks = replace(found.witness, is_sound=is_sound), not is_sound

    def _is_seen(self) -> bool:
        """Return whether the sought outcome was seen. While no actor has returned anything, that takes more runs."""
        found = self.found
        return found.seen > 0 and not (
            found.run < self._least_empty and all(outcome.is_empty for outcome in found.outcomes)
        )
