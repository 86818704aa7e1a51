"""The search among the schedules of one side: the race, or its control."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..question import Judged, Portable
from ..scenarios import Scenario, Shape
from .enumeration import Levels, Planned, Trace, chance, random_schedule
from .scheduler import Schedule

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
    :param points: for each actor, how many switch points it passed.
    :param futile: whether it is the same interleaving as another, as it hands over to an actor that is blocked.
    :param blocks: how often an actor was blocked.
    :param followed: whether it went as the schedule says.
    :param path: what the actors did line by line, as a number; None where that was not recorded.
    :param forced: how often an actor was stopped because it had gone on for too long.
    :param impatient: whether the schedule hands over to an actor that waits for time to pass, and for too long.
    :param contended: whether an actor got what another one would have got, had it been woken up later.
    :param last: whether no more schedules can be run in this process, as threads are lost in a deadlock.
    """

    trace: Trace
    judged: Judged
    points: tuple[int, ...]
    futile: bool = False
    blocks: int = 0
    last: bool = False
    followed: bool = True
    path: int | None = None
    forced: int = 0
    impatient: bool = False
    contended: bool = False

    @property
    def sought(self) -> bool:
        """Return whether it shows what is sought."""
        return self.judged.sought

    def went_as(self, other: Seen) -> bool:
        """Return whether two runs of one schedule went in the same way."""
        return self.trace.is_as(other.trace) and (None in (self.path, other.path) or self.path == other.path)


@dataclass(frozen=True)
class Witness:
    """A schedule that shows what is sought.

    :param number: among all that were run, from 1.
    :param seconds: after the search began.
    :param at_random: whether it was a random one.
    :param is_sound: whether the first schedule still goes as before, so that no run leaves anything behind.
    """

    schedule: Schedule
    outcome: str
    number: int
    preemptions: int
    seconds: float
    at_random: bool = False
    is_sound: bool = False


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
    :param impatient: schedules that could not be followed, as an actor waits long for time to pass.
    :param contended: whether in a schedule it is a matter of time who gets a lock.
    :param once: whether the very first run did other things than its repetition.
    :param leaks: whether a schedule shows what is sought only after others in the same process.
    :param no_race: whether what is sought came of actors that ran one after the other.
    :param lost: whether the threads were lost in a deadlock.
    :param unseen: where threads are switched that no schedule switches, in words; None if nowhere.
    :param blocks: how often actors were blocked.
    :param outcomes: how many schedules had each.
    :param like: whether one was of the kind of what is sought.
    :param in_order: what calls give one after the other: the order, and their results in words.
    :param unordered: why it is not known what calls give one after the other; None if it is.
    :param shapes: the scenarios of operations that were run; nothing where there are no operations.
    :param scenario: in which the witness was seen.
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
    contended: bool = False
    once: bool = False
    leaks: bool = False
    no_race: bool = False
    lost: bool = False
    unseen: str | None = None
    blocks: int = 0
    seconds: float = 0.0
    outcomes: Counter[Portable] = field(default_factory=Counter)
    like: bool = False
    in_order: tuple[tuple[tuple[str, ...], str], ...] = ()
    unordered: str | None = None
    shapes: tuple[ShapeRun, ...] = ()
    scenario: Scenario | None = None
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
        self._so_far = Explored()
        #: The run of the first schedule, once it was repeated.
        self._first: Seen | None = None
        self._is_random = False

    def explore(self, end: float) -> Explored:
        """Run schedules until what is sought was seen, enough was run, or time is up.

        :param end: the clock's time when to stop.
        """
        self._search(end)
        return replace(self._so_far, seconds=clock() - self._began)

    def one(self, schedule: Schedule) -> Explored:
        """Run one schedule and no other."""
        seen = self._run(schedule)
        self._count(seen)
        self._update(unrepeatable=int(not seen.followed))
        return self._so_far

    def _search(self, end: float) -> None:
        levels = self._levels
        while True:
            begun, before, known = clock(), self._so_far.run, self._so_far.further
            self._update(further=None)
            for planned in levels:
                if self._so_far.run and clock() > end:
                    if known:  # these were in random order
                        self._update(random_run=self._so_far.run - before, chance=1 / known)
                    return
                if self._try(planned):
                    return
            if self._first is not None and not self._repeats():
                self._update(unrepeatable=self._so_far.unrepeatable + 1)
            further = levels.further()
            unrepeatable = self._so_far.unrepeatable
            is_whole = not (further or unrepeatable or self._so_far.impatient)
            self._update(preemptions=levels.preemptions, further=further, exhausted=is_whole)
            if not further or self._is_seen() or levels.preemptions == self._most:
                return
            if levels.preemptions >= ENOUGH and further > _FEW:
                return
            now, run = clock(), self._so_far.run
            each = min((now - self._began) / run, (now - begun) / max(run - before, 1))  # the first ones take longer
            if further > _FEW and further * each > _HOPE * (end - now):
                self._at_random(end)
                return
            levels.advance()

    def _repeated(self, first: Seen) -> Seen:
        """Run the first schedule again; note whether it goes as before, from the second time on, or never."""
        seen = self._run(())
        self._first = seen
        if not first.went_as(seen):
            is_once = self._run(()).went_as(seen)
            self._update(once=is_once, unrepeatable=self._so_far.unrepeatable + (not is_once))
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
            as_planned = seen.followed and planned.went_as_planned(seen.trace)
            if self._so_far.run == 0 and self._repeat and not seen.last and not seen.sought:
                seen = self._repeated(seen)
            if self._count(seen):
                self._examine_witness()
                return True
            if as_planned:
                if not seen.futile:
                    self._levels.add(seen.trace)
                return False
        self._update(unrepeatable=self._so_far.unrepeatable + 1)
        return False

    def _examine_witness(self) -> None:
        """Note whether the first schedule still goes as before it."""
        witness = self._so_far.witness
        if witness is not None and self._first is not None and not self._so_far.lost:
            again = self._run(())
            self._update(witness=replace(witness, is_sound=again.went_as(self._first) and not again.sought))

    def _count(self, seen: Seen) -> bool:
        """Count what was seen; return whether it is enough."""
        before = self._so_far
        if seen.futile and not seen.sought:
            self._update(impatient=before.impatient + seen.impatient)
            return False
        outcomes = before.outcomes
        outcomes[seen.judged.outcome] += 1
        witness = before.witness
        preemptions = self._levels.preemptions
        if seen.sought and witness is None:
            number, seconds = before.run + 1, clock() - self._began
            stops = preemptions + seen.forced
            witness = Witness(seen.trace.schedule, str(seen.judged.outcome), number, stops, seconds, self._is_random)
        self._update(
            points=before.points or seen.points,
            run=before.run + 1,
            seen=before.seen + seen.sought,
            like=before.like or seen.judged.like,
            no_race=before.no_race or (seen.sought and not (preemptions or seen.blocks or seen.forced)),
            impatient=before.impatient + seen.impatient,
            contended=before.contended or seen.contended,
            lost=seen.last,
            blocks=before.blocks + seen.blocks,
            witness=witness,
        )
        return seen.last or (self._is_seen() and self._so_far.run >= self._stop_after)

    def _is_seen(self) -> bool:
        """Return whether what is sought was seen, and not only because actors have returned nothing so far."""
        so_far = self._so_far
        return so_far.seen > 0 and not (
            so_far.run < self._least_empty and all(outcome.is_empty for outcome in so_far.outcomes)
        )

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
            if last:
                self._examine_witness()
            self._update(random_run=run, chance=chance(self._actors, steps, preemptions))
            if last:
                return

    def _update(self, **changes: object) -> None:
        self._so_far = replace(self._so_far, **changes)  # type: ignore[arg-type]  # the names of its own fields
