"""Actors whose switch points a test makes itself: they are the same on each interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.interpreter import PYPY, gil_enabled
from pytest_concclaims.lab.race.question import Judged, portable
from pytest_concclaims.lab.race.schedules.explorer import Seen
from pytest_concclaims.lab.race.schedules.run import Run, Schedule
from pytest_concclaims.lab.race.schedules.runs import _SWITCH_INTERVAL_S, undisturbed
from pytest_concclaims.lab.race.schedules.scheduler import Note, Scheduler

#: Whether a wake-up is always noticed at once. Elsewhere it may be noticed late, and the schedule is run again.
REPEATS = not PYPY and gil_enabled()
#: An actor: it is called with its switch point, a function that it calls.
Act = Callable[[Callable[[], None]], object]
#: Makes the actors of a run, with a fresh state.
Acts = Callable[[], Sequence[Act]]


class Stage:
    """A scheduler, and actors that call their switch points themselves.

    :param acts: makes the actors of a run.
    """

    def __init__(self, scheduler: Scheduler, acts: Acts, first: Sequence[Act]) -> None:
        self.scheduler = scheduler
        self._acts = acts
        self._first: Sequence[Act] = first

    def run(self, *schedule: tuple[int, int], note: Note | None = None) -> Run:
        """Run the actors under a schedule."""
        acts, self._first = self._first or self._acts(), ()
        tasks = [
            lambda me=me, act=act: act(lambda: self.scheduler.at_switch_point(me)) for me, act in enumerate(acts)
        ]
        return self.scheduler.run(tasks, schedule, note)

    def seen(self, schedule: Schedule) -> Seen:
        """Return what the search sees of a run: what the actors returned."""
        run = self.run(*schedule)
        return Seen(run, Judged(portable(tuple(run.values)), sought=False, like=True), last=run.deadlock)


@contextmanager
def stage(acts: Acts, timeout_s: float = TIMEOUT_S) -> Iterator[Stage]:
    """Start the threads of the actors; end them after the block."""
    first = acts()
    names = [f"actor number {number}" for number, _ in enumerate(first)]
    scheduler = Scheduler(names, gil=gil_enabled(), timeout=timeout_s)
    try:
        with undisturbed(_SWITCH_INTERVAL_S):
            scheduler.start()
            yield Stage(scheduler, acts, first)
    finally:
        scheduler.close()


def passes(*points: int, log: Callable[[int], object] = lambda _: None) -> Acts:
    """Return actors that only pass switch points, and log their number before and after each.

    :param points: for each actor, how many.
    """

    def act(me: int, count: int) -> Act:
        def pass_points(point: Callable[[], None]) -> None:
            log(me)
            for _ in range(count):
                point()
                log(me)

        return pass_points

    return lambda: [act(me, count) for me, count in enumerate(points)]
