"""Single runs of a subject under schedules: a fresh state, the actors, the outcome."""

from __future__ import annotations

import _thread
import gc
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ....interpreter import PYPY, gil_enabled
from ...failure import Failed, Failure
from ...threads import ends_of_new_threads
from ..experiment import Actor, Subject
from ..orders import Call, History, Order, Raised, Results, Sequential, order_count, result_of
from ..outcome import check_fresh, close_unawaited, exception_outcome, made, outcome_of, role
from ..ownership import StateMaker
from ..position import Part
from ..question import DEADLOCK, Broken, Judge, Judged, OutcomeQuestion, portable, shown
from ..sharing import Change, Snapshot
from ..without_locks import with_locks
from .explorer import Seen, clock
from .in_orders import InOrders, TooLongError
from .interruption import Interruption
from .once import changed_once
from .processes import ProcessActors, ProcessScheduler
from .run import Run, Schedule, preemption_count
from .scheduler import ORDER_WAIT_S, Scheduler
from .story import Visit
from .switch_points import Grade, switches_anywhere
from .watch import Recording, Watch, breakpoints_ignored, watch

#: Runs between two collections of garbage. Collections call finalizers anywhere, so there are none while actors run.
_RUNS_BETWEEN_COLLECTIONS = 100
#: The same on PyPy, where one takes as long as dozens of runs, unless this part of all file descriptors is open.
_MORE_RUNS_ON_PYPY, _FEW_FILES_PART = 1000, 0.25

#: The number of first runs that are recorded line by line, to find what actors do only once in a process; and of
#: further runs, if a handler did not run in the first ones.
_RECORDED_RUNS = 3
#: Of the orders of the calls, the most that are compared with their repetition, besides the first schedule.
_MOST_COMPARED_ORDERS = 6
#: The switch interval: long, so that threads are switched only on purpose; but a lost wake-up (glibc bug 25847) ends.
_SWITCH_INTERVAL_S = 1.0

#: Runs of the first schedule to find what each run changes: memory that is used again does not change in each.
_CYCLES = 4
#: Seconds within which a thread that was joined counts as ended.
_ENDING_S = 0.005

#: Steps after which an actor without its locks hands over the token: it may wait in a loop for a condition.
_MAX_TURN_STEPS_WITHOUT_LOCKS = 1_000

UNSCHEDULED = "threads that setup or actors start are not scheduled"

#: The outcome of a run in which the handler did not run.
_ALONE = Judged(portable(None), sought=False, like=False)

T = TypeVar("T")
#: Called before each part of a run.
Begin = Callable[[Schedule, Part], None]


class Runs:
    """Runs a subject under one schedule after the other.

    :param subject: as the question needs it.
    :param question: has the sought outcome.
    :param portable_grade: whether threads are switched at any instruction, as if there were no GIL.
    :param timeout: seconds after which actors that have not returned count as hanging.
    :param begin: is called before each part of a run.
    :param failed_assertions: returns the failed assertions of the claim in a process, as text.
    :param finds_once: whether to look for changes outside of the state that only the first run makes.
    """

    def __init__(
        self,
        subject: Subject,
        question: OutcomeQuestion,
        *,
        portable_grade: bool,
        timeout: float,
        begin: Begin = lambda *_: None,
        failed_assertions: Callable[[], Sequence[str]] = tuple,
        finds_once: bool = False,
    ) -> None:
        self._subject = subject
        self._actors = subject.repeated_actors()
        self._question = question
        self._judge = Judge(question, may_break=subject.may_break)
        #: What the calls give one after the other; None if the question does not ask about that.
        self.sequential: Sequential | None = None
        #: The results of each actor's calls in the latest run, as text.
        self.results: tuple[tuple[str, ...], ...] = ()
        #: The pause before each call.
        self._pause_s = 0.0
        #: The seconds that the actors of the latest run took.
        self._latest_s = 0.0
        #: What actors did only the first time in an order of their calls; None if nothing.
        self._ordered_once: str | None = None
        self._finds_once = finds_once and not subject.in_processes  # what a process changes ends with it
        #: Changes that only the first run of a schedule or order seems to have made.
        self._suspects: list[Change] = []
        #: Of how many further schedules and orders to find what their first run changes; in one more, the handler may
        #: not have run.
        self._compared = 1 + subject.interrupted if self._finds_once else 0
        #: The ids of calls that were made in a run that was compared.
        self._known_calls: set[int] = set()
        #: What was run last, and what its first run has changed.
        self._latest: tuple[Schedule, Order | None] | None = None
        self._changes: list[Change] = []
        #: Is called after ``setup``.
        self._look: Callable[[], None] | None = None
        #: Whether the latest snapshot has weak references.
        self._has_weak_references = True
        #: A snapshot from before the first run with a preemption.
        self._before_levels: Snapshot | None = None
        self._begin = begin
        names = [role(subject, actor) for actor in range(len(subject.actors))]
        self._timeout = timeout
        max_turn = _MAX_TURN_STEPS_WITHOUT_LOCKS if subject.may_break else None
        gil = gil_enabled()
        anywhere = portable_grade or switches_anywhere(not subject.is_parallel)
        self._is_by_table = not anywhere
        self._scheduler: Scheduler
        self._watch: Watch
        if subject.in_processes:
            self._scheduler = scheduler = ProcessScheduler(names, gil=gil, timeout=timeout, max_turn=max_turn)
            self._watch = ProcessActors(scheduler, names, subject.functions, failed_assertions)
        else:
            make = Interruption if subject.interrupted else Scheduler
            self._scheduler = make(names, gil=gil, timeout=timeout, max_turn=max_turn)
            grade = Grade.ANYWHERE if anywhere else Grade.HERE
            self._watch = watch(self._scheduler.at_switch_point, self._scheduler.has_token, grade)
        if timeout == math.inf:  # a replay, in which the user may stop an actor in a debugger
            self._watch.is_replay, self._watch.debugger = True, sys.gettrace()
        self._runs = 0
        self._maker = StateMaker(subject)
        self._first_state: Any = None
        self._saw_threads = self._contended = False
        #: Failures of threads that actors have started.
        self._ends: list[Failure] = []
        self._stack = ExitStack()

    def __enter__(self) -> Runs:
        try:
            self._stack.callback(self._watch.close)
            self._stack.callback(self._scheduler.close)
            self._stack.enter_context(undisturbed(_SWITCH_INTERVAL_S))
            self._ends = self._stack.enter_context(ends_of_new_threads())
            self._scheduler.start()
            self._threads, self._raw_threads = threading.active_count(), _thread._count()  # noqa: SLF001  (see _has_more_threads)
            if self._question.atomic and not self._subject.operations:
                self.take(self._subject)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def started_threads(self) -> bool:
        """Return whether setup or actors have started threads, which are not scheduled."""
        return self._watch.started_threads or self._saw_threads

    def left_behind(self) -> str | None:
        """Return a phrase for what only preempted actors have changed outside of the state; None if nothing.

        What ``setup`` undoes does not count.
        """
        before = self._before_levels
        if before is None or self.is_lost:
            return None
        changed = self._after_setup(lambda: list(before.changes()))
        if changed:
            gc.collect()  # a registry of weak references may have garbage
            changed = self._after_setup(lambda: list(before.changes()))
        return changed_once(self._only_once(changed))

    def done_once(self, *, looks_again: bool) -> str | None:
        """Return a phrase for what actors did only the first time; None if nothing.

        An order of the calls ran other lines then, or a run changed something outside of the state, and its
        repetition did not.

        :param looks_again: whether to leave out changes that further runs make, too.
        """
        suspects = self._only_once(self._suspects) if looks_again and not self.is_lost else self._suspects
        return self._ordered_once or changed_once(suspects)

    def _only_once(self, changes: list[Change]) -> list[Change]:
        """Return those of earlier changes that further runs do not make."""
        for _ in range(_CYCLES if changes else 0):
            now = self._after_setup(partial(self._outside, keeps=True))
            changes = self._after_setup(partial(now.only_in, changes))
        return changes

    def _after_setup(self, look: Callable[[], T]) -> T:
        """Run the first schedule. Return what a function returns after ``setup``."""
        found: list[T] = []
        self._look = lambda: found.append(look())
        try:
            self.run(())
        finally:
            self._look = None
        return found[0]

    @property
    def is_lost(self) -> bool:
        """Return whether no more schedules can be run: actors hang, or are left in a deadlock."""
        return self._scheduler.is_lost

    @property
    def doubt(self) -> str | None:
        """Return why "never" cannot rest on the schedules, however many are run; None if it can."""
        if self._watch.unseen is not None:
            return f"this interpreter switches threads {self._watch.unseen}; schedules do not"
        if self.started_threads:
            return UNSCHEDULED
        if self._contended and self._question.end is DEADLOCK:
            return (
                "schedules give a released lock to the actor that waits for it; they do not try that its owner takes "
                "it again first, as a condition's wait may. A longer budget does not help"
            )
        return None

    def take(self, subject: Subject) -> Sequential:
        """Take a subject for the next runs: run all orders of its calls, and return the results.

        :param subject: with the same number of actors.
        :raises Failed: as :meth:`InOrders.find`.
        """
        self._subject = subject
        if self._finds_once:
            self._compare_new(subject.calls or ())
        self.orders = InOrders(subject, self._in_order, timeout=self._timeout)
        self.sequential = found = self.orders.find()
        self._ordered_once = self._ordered_once or found.once
        self._judge = Judge(self._question, found, may_break=subject.may_break)
        self._runs = _RECORDED_RUNS  # what happens only once in a process has happened
        return found

    def _compare_new(self, calls: Sequence[Sequence[Actor]]) -> None:
        """Compare the orders of calls if one of these was not made before."""
        made = {id(call) for of_actor in calls for call in of_actor}
        if not made <= self._known_calls:
            self._compared += min(order_count([len(of_actor) for of_actor in calls]), _MOST_COMPARED_ORDERS)
        self._known_calls |= made

    @property
    def in_order(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """Return what the calls give one after the other, as text; empty if the question does not ask about that."""
        given = () if self.sequential is None else self.sequential.results
        return tuple((tuple(self._subject.names_in(order)), str(portable(results))) for order, results in given)

    @property
    def unordered(self) -> str | None:
        """Return why that is not known; None if it is, or if the question does not ask about that."""
        return None if self.sequential is None else self.sequential.lacking

    def run(self, schedule: Schedule, write: Callable[[Visit], None] | None = None) -> Seen:
        """Run a schedule on a fresh state.

        :param write: takes each visit of the story when it happens.
        :raises Failed: an actor, ``setup``, ``observe`` or the predicate raised, or actors hang.
        """
        subject = self._subject
        if self._begins_levels(schedule):
            self._drop_garbage()
        self._begin(schedule, Part.SETUP)
        pooled = write is None and self._runs >= _RECORDED_RUNS * (1 + subject.interrupted)
        state = self._watch.state(self._made_state, pooled=pooled)
        if subject.interrupted:  # other races have samples, which check that
            self._check_fresh(state)
        self._saw_threads = self._saw_threads or self._has_more_threads()
        self._begin(schedule, Part.ACTORS)
        path: list[Visit] = []
        if write is None and not pooled and not subject.in_processes:  # there, each of these runs is the first one
            write = path.append
        run, before = self._acted(state, schedule, write)
        self._begin(schedule, Part.OUTCOMES)
        self._saw_threads = self._saw_threads or self._has_more_threads()
        close_unawaited([state])
        outcome = self._outcome(state, run, before)
        if isinstance(outcome, Results):
            self.results = tuple(tuple(map(shown, results)) for results in outcome.values)
        judged = _ALONE if run.alone else self._judge(outcome)
        run.followed = run.followed and not self._watch.lost_sight
        self._contended = self._contended or (run.contended and self._is_by_table)
        last = run.deadlock
        if judged.sought and isinstance(outcome, Results) and self.sequential is not None:
            self.sequential = self.orders.again(self.sequential, self._question.steady_runs, self._latest_s)
            if self.sequential.lacking is not None:
                judged, last = replace(judged, sought=False), True
        run.drop_results()
        del state, outcome  # here, and not during the next run
        self._runs += 1
        if self._runs % _RUNS_BETWEEN_COLLECTIONS == 0 and _is_due(self._runs):
            gc.collect()
        return Seen(run, judged, tuple(path), last)

    def _begins_levels(self, schedule: Schedule) -> bool:
        """Return whether this is the first schedule with a preemption, before which a snapshot is due."""
        return self._finds_once and self._before_levels is None and preemption_count(schedule) > 0

    def _drop_garbage(self) -> None:
        """Free what earlier runs have dropped: a registry of weak references may have it in the snapshot.

        On PyPy, a collection takes longer than dozens of runs, so without such a registry only new objects are freed.
        """
        if PYPY:
            gc.collect_step()  # type: ignore[attr-defined]  # PyPy has it
        if not PYPY or self._has_weak_references:
            gc.collect()

    def _made_state(self) -> Any:
        return self._maker.made(partial(made, self._subject))

    def _check_fresh(self, state: Any) -> None:
        """Refuse a second state that is the first one. Later states may reuse its address, so they do not count."""
        if self._runs == 0:
            self._first_state = state
        elif self._first_state is not None:
            check_fresh([self._first_state, state])
            self._first_state = None

    def _acted(
        self, state: Any, schedule: Schedule, write: Callable[[Visit], None] | None, order: Order | None = None
    ) -> tuple[Run, set[tuple[Call, Call]]]:
        """Run the actors. Return the run, and the pairs of calls of which one ended before the other began."""
        history = History()
        calls = self._subject.calls
        tasks = [
            partial(self._made, actor, calls[actor], state, history)
            if calls is not None
            else partial(self._watch.call, actor, function, state)
            for actor, function in enumerate(self._actors)
        ]
        recording = None if write is None else Recording(write)
        is_first = self._latest != (schedule, order)
        self._latest = schedule, order
        if self._look is not None:
            self._look()
        elif self._begins_levels(schedule):
            self._before_levels = self._outside()
        outside = self._snapshot(is_first=is_first)
        self._watch.record(recording)
        try:
            self._watch.begin_run(self._actors if calls is None else [of_actor[0] for of_actor in calls], state)
            note = None if recording is None else recording.note
            begun = clock()
            run = self._scheduler.run(tasks, schedule, note, order)
            self._latest_s = clock() - begun
        finally:
            self._watch.record(None)
            self._watch.end_run()
        self._compare(outside, is_first=is_first)
        for _, error in run.raised:
            if isinstance(error, Failed):  # the actor's process has ended, or an assertion of the claim failed in it
                raise error
        return run, history.before

    def _snapshot(self, *, is_first: bool) -> Snapshot | None:
        """Return a snapshot of what the functions refer to, after ``setup``; None if this run is not compared."""
        if not (self._compared if is_first else self._changes):
            return None
        self._compared -= is_first
        return self._outside()

    def _outside(self, *, keeps: bool = False) -> Snapshot:
        """Return a snapshot of what the functions refer to.

        :param keeps: as of :class:`Snapshot`.
        """
        snapshot = Snapshot([with_locks(function) for function in self._subject.functions], keeps=keeps)
        self._has_weak_references = snapshot.has_weak_references
        return snapshot

    def _compare(self, outside: Snapshot | None, *, is_first: bool) -> None:
        """Compare a run with its repetition: they may differ only in that the first one has made a cache."""
        if outside is not None and not is_first:
            self._suspects += outside.only_in(self._changes)
        self._changes = list(outside.changes()) if outside is not None and is_first else []

    def _has_more_threads(self) -> bool:
        """Return whether threads run that setup or actors have started."""
        if threading.active_count() > self._threads:
            return True
        end = clock() + _ENDING_S  # a thread that was joined may still count
        while _thread._count() > self._raw_threads:  # noqa: SLF001  (the only count with those of _thread)
            if clock() > end:
                return True
            time.sleep(0)
        return False

    def _made(self, actor: int, calls: Sequence[Actor], state: Any, history: History) -> list[object]:
        """Make an actor's calls in its thread; return their results."""
        results: list[object] = []
        for number, call in enumerate(calls):
            if number:
                self._scheduler.between_calls(actor)
            if self._pause_s:
                time.sleep(self._pause_s)
            history.begin((actor, number))
            result = result_of(partial(self._watch.call, actor, call, state))
            results.append(result)
            if isinstance(result, Raised):
                self._scheduler.note(actor, f"raised {result.type.__name__}")
            history.end((actor, number))
        return results

    def _in_order(self, order: Order, write: Callable[[Visit], None] | None, pause_s: float) -> Results | None:
        """Run calls in an order. Return the results; None if a call waits for another one.

        :param pause_s: seconds to pause before each call.
        :raises TooLongError: a call waits too long for time to pass.
        """
        # In a replay, the user wants to stop in the schedule only.
        with breakpoints_ignored() if self._timeout == math.inf else nullcontext():
            self._begin((), Part.SETUP_OF_ORDER)
            state = self._watch.state(self._made_state, pooled=write is None)
            self._begin((), Part.ORDER)
            self._pause_s = pause_s
            try:
                run, before = self._acted(state, (), write, order)
            finally:
                self._pause_s = 0.0
        waited = run.deadlock or run.blocks or run.forced
        calls = self._subject.calls_in(order)
        if run.outwaited:
            text = f"{calls}: called one after the other, one of them waits for more than {ORDER_WAIT_S} s"
            raise TooLongError(f"{text}; let it wait for less than 10 ms")
        if waited and self._subject.operations:
            text = f"{calls}: called one after the other, one of them waits for another thread"
            advice = "give it a timeout, or let setup make what it waits for; or ask lab.race(...).atomic()"
            raise Failed(Failure("hang", f"{text}; {advice}", self._scheduler.stacks() if run.deadlock else ""))
        if run.deadlock:
            text = f"{calls}: called one after the other, they are in a deadlock"
            raise Failed(Failure("deadlock", text, self._scheduler.stacks()))
        outcome = self._outcome(state, run, before)
        return outcome if isinstance(outcome, Results) and not waited else None

    def _outcome(self, state: Any, run: Run, before: set[tuple[Call, Call]]) -> Hashable:
        if self._ends:
            raise Failed(self._ends[0])
        if run.alone:
            self._check_alone(run)
            return None
        if not run.deadlock:
            return outcome_of(self._subject, state, run.values, run.raised, before)
        for actor, error in run.raised:
            exception_outcome(self._subject, actor, error)
        if self._question.end is DEADLOCK or self._question.atomic:  # one after the other, calls end
            return DEADLOCK
        if self._subject.may_break:
            return Broken("a deadlock")
        text = f"all actors of the {self._subject.name} that had not ended waited for each other"
        if self._subject.interrupted:
            names = " and ".join(self._subject.names())
            text = f"{names} waited for something that only their own thread could do"
        name = "interrupted" if self._subject.interrupted else "race"
        advice = f"if the claim is about that, ask {name}.ever(lab.DEADLOCK) or {name}.never(lab.DEADLOCK)"
        raise Failed(Failure("deadlock", f"{text} (a deadlock); {advice}", self._scheduler.stacks()))

    def _check_alone(self, run: Run) -> None:
        """Refuse an actor that does not end without the handler: it shows nothing about an interruption."""
        for actor, error in run.raised:
            exception_outcome(self._subject, actor, error)
        if run.deadlock:
            text = f"{role(self._subject, 0)}: without the handler, it waits for another thread and does not end"
            advice = "let setup make what it waits for, or give it a timeout"
            raise Failed(Failure("deadlock", f"{text}; {advice}", self._scheduler.stacks()))


def sequential(
    subject: Subject,
    question: OutcomeQuestion,
    *,
    timeout: float,
    known: Sequential | None = None,
    seconds: float = 0.0,
) -> Sequential:
    """Run all orders of a subject's calls, and return the results.

    :param timeout: seconds after which actors that have not returned count as hanging.
    :param known: earlier results, which are checked by running the orders many times.
    :param seconds: as of :meth:`InOrders.again`.
    """
    with Runs(subject, question, portable_grade=False, timeout=timeout) as runs:
        found = runs.sequential or runs.take(subject)
        if known is None or found.lacking is not None:
            return found
        return runs.orders.again(known, question.steady_runs, seconds)


def _is_due(runs: int) -> bool:
    """Return whether garbage is to be collected after a number of runs."""
    if not PYPY or runs % _MORE_RUNS_ON_PYPY == 0:
        return True
    try:
        return len(os.listdir("/proc/self/fd")) > _FEW_FILES_PART * os.sysconf("SC_OPEN_MAX")  # noqa: PTH208  (quick)
    except OSError:  # the system does not list them
        return False


@contextmanager
def undisturbed(switch_interval_s: float) -> Iterator[None]:
    """Switch off garbage collections, which call finalizers anywhere, and set the interval of switches by the clock.

    :param switch_interval_s: long for schedules: the watch runs between any two instructions, and the GIL must not be
        handed over there.
    """
    collects, interval = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(switch_interval_s)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if collects:
            with suppress(ValueError):  # PyPy, where an actor hangs in gc.collect(), which calls finalizers meanwhile
                gc.enable()
