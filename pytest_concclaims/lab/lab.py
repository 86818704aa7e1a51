"""The lab: the instruments that a claim gathers its evidence with.

Knows nothing of pytest: the plugin makes a :class:`Lab` for each claim, and reads its evidence afterwards.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, NoReturn, Protocol, TypeVar, overload

from ..interpreter import gil_enabled
from ..records.evidence import Evidence, Note, Requirement
from ..verdict import Inconclusive, NotApplicable
from .callables import callable_argument
from .child import Child, run_child
from .lock import MachineError, machine_lock
from .measurement import ASK as ASK_MEASUREMENT
from .measurement import Bench, Measurement
from .memory import Memory
from .parallelism.experiment import WorkersExperiment
from .parallelism.experiment import experiment as workers_experiment
from .parallelism.parallelism import Parallelism
from .parallelism.rounds import Rounds
from .parallelism.speedup import Speedup
from .process_memory import gauge
from .race.conditions import Conditions
from .race.experiment import (
    Control,
    RaceExperiment,
    experiment,
    interrupted_experiment,
    operations_experiment,
)
from .race.question import CRASH, DEADLOCK
from .race.race import Asked, Interrupted, Operations, Race
from .race.runner import Runner
from .race.scenarios import Operation
from .race.schedules.replay import Token
from .race.without_locks import WITHOUT_LOCKS, WithoutLocks
from .ratio import Ratio, Timing
from .threads import threads_at_work

S = TypeVar("S")
T = TypeVar("T")
M = TypeVar("M", bound=Measurement)

#: What claims have measured for each other, by what it was, and whether the GIL was on.
Shared = dict[tuple[WorkersExperiment, bool], Rounds]


class Assertions(Protocol):
    """The assertions of a claim's code that have been evaluated."""

    def failures(self) -> Sequence[str]:
        """Return those that have failed so far in this process, in words."""

    def suspended(self) -> AbstractContextManager[None]:
        """Count none that holds in the block: an instrument calls the code that is measured."""


class Lab:
    """The instruments of one claim; the ``lab`` fixture.

    Instruments record their own evidence. ``assert`` decides the verdict; :meth:`require` decides whether a
    verdict can be given at all.

    :param budget: seconds for each experiment that is given no budget of its own.
    :param least_budget: seconds that each experiment has at least.
    :param in_process: whether experiments run in the test process, even where they could run in a child.
    :param portable: whether schedules switch threads at any instruction, as without a GIL.
    :param replay: tokens of schedules; a race with one of them runs that schedule only, in the test process.
    :param shared: what claims that share it have measured for each other; by default, nothing.
    :param lock_timeout: seconds to wait for the machine while others measure.
    :param tell: shows people one line of text, such as what is waited for.
    :param waiting: entered while others have the machine: that time is none of the claim's.
    """

    #: An outcome to ask a race for: the process is ended by a signal such as SIGSEGV.
    CRASH = CRASH
    #: An outcome to ask a race for: all actors that have not ended wait for each other.
    DEADLOCK = DEADLOCK
    #: A control of a race: its own code, with the locks that ``setup`` makes taken out.
    WITHOUT_LOCKS = WITHOUT_LOCKS

    def __init__(
        self,
        *,
        budget: float,
        least_budget: float = 0.0,
        in_process: bool = False,
        portable: bool = False,
        replay: Sequence[Token] = (),
        shared: Shared | None = None,
        lock_timeout: float = 300.0,
        tell: Callable[[str], None] = lambda _: None,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.budget = budget
        self._least_budget = least_budget
        self._in_process = in_process
        self._portable = portable
        self._replay = replay
        self._shared: Shared = {} if shared is None else shared
        self._evidence: list[Evidence] = []
        self._unsettled: Inconclusive | NotApplicable | None = None
        self._instruments: list[Asked | Measurement] = []
        self._children: list[Child[Any]] = []
        self._lock_timeout = lock_timeout
        self._tell = tell
        self._waiting = waiting
        self._bench = Bench(
            self._sampling,
            self._suspended,
            lambda: threads_at_work(self.earlier_threads),
            self._record,
            self._raise,
        )
        #: The threads that were there before the claim.
        self.earlier_threads = frozenset(threading.enumerate())
        self._process = os.getpid()
        #: The assertions of the claim's code, while its test function is called.
        self.assertions: Assertions | None = None
        #: Whether the claim is over: then nothing can be evidence for it any more.
        self.over = False

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What was seen so far, in order."""
        return tuple(self._evidence)

    @property
    def unsettled(self) -> Inconclusive | NotApplicable | None:
        """The first of these that an instrument raised: it stands even if it was caught.

        Or a child that was killed before it came to its end: what it did not do says nothing.
        """
        if self._unsettled is None:
            for child in self._children:
                if child.unexplained:
                    text = f"{child.evidence().phrase()}, and the claim does not ask whether it was"
                    return Inconclusive(
                        f"{text}; ask child.timed_out, or give it longer: lab.child(..., deadline=...)"
                    )
        return self._unsettled

    @property
    def failed(self) -> str | None:
        """What an instrument ran into, whatever the claim makes of it; None if none did."""
        errors = (instrument.error for instrument in self._instruments)
        return next((str(error).partition("\n")[0] for error in errors if error is not None), None)

    @property
    def void(self) -> str | None:
        """Which instrument was never asked, so that no verdict can rest on it; None if all were."""
        for instrument in self._instruments:
            if not instrument.asked:
                ask = instrument.advice if isinstance(instrument, Asked) else ASK_MEASUREMENT
                return f"no question was put to {instrument!r}: it has sampled nothing, and says nothing; {ask}"
        if self._replay and not any(isinstance(made, Asked) and made.is_replay for made in self._instruments):
            tokens = ", ".join(map(str, self._replay))
            return (
                f"none of its races has the code of {tokens}: it was changed since, or the token is another claim's"
            )
        return None

    def close(self) -> None:
        """End it: nothing can be evidence for the claim any more. What was seen stays; what was used is let go."""
        self.over = True
        self._instruments.clear()
        self._children.clear()
        self._unsettled = None
        self.assertions = None

    def note(self, text: str) -> None:
        """Add a plain fact to the evidence; it appears in the reports, and decides nothing.

        :raises TypeError: ``text`` is no text.
        :raises ValueError: ``text`` is empty.
        """
        __tracebackhide__ = True
        self._record(Note(_words(text, "lab.note(text)")))

    def require(self, condition: object, reason: str) -> None:
        """End the claim INCONCLUSIVE unless a condition is true.

        For what must hold for *any* verdict to be honest: the machine has two cores, the control was seen.
        A requirement that is met before a measurement says nothing about the time of the measurement.

        :param condition: anything; its truth counts.
        :param reason: what is required, as the reason that people read when it is not met.
        :raises Inconclusive: the condition is not true.
        """
        __tracebackhide__ = True
        reason = _words(reason, "lab.require(condition, reason)")
        met = bool(condition)
        self._record(Requirement(met, reason))
        if not met:
            self._raise(Inconclusive(f"not met: {reason}"))

    @overload
    def child(
        self, target: Callable[..., T], /, *args: object, deadline: float = 30.0, **kwargs: object
    ) -> Child[T]: ...

    @overload
    def child(self, target: str | os.PathLike[str], /, *args: object, deadline: float = 30.0) -> Child[None]: ...

    def child(
        self,
        target: Callable[..., T] | str | os.PathLike[str],
        /,
        *args: object,
        deadline: float = 30.0,
        **kwargs: object,
    ) -> Child[Any]:
        """Run a function or a script in a fresh interpreter of this kind, and wait for its end.

        For whatever may crash, hang, or needs a main module of its own. The child has a session and process
        group of its own; at its end, or at the deadline, all that is left of the group is killed. It writes
        no core dump and has no standard input.

        :param target: a function that can be imported (its arguments, its value and what it raises travel by
            pickle); or a script: a :class:`pathlib.Path` of a file, or its source as text. A script is run
            as ``python script.py ARGS...`` does, in the current folder.
        :param args: the function's arguments; a script's command line.
        :param deadline: seconds after which the child and all that it started are killed.
        :param kwargs: the function's keyword arguments; a script takes none.
        :returns: how it ended. A crash or a passed deadline is an outcome, not an exception; but a child that was
            killed at its deadline leaves the claim INCONCLUSIVE, unless that asks :attr:`Child.timed_out`.
        :raises TypeError: the target or its arguments cannot be handed to another process.
        :raises ChildError: the function could not be imported there, or what it returned not be handed over.
        :raises ValueError: the deadline is not positive.
        """
        __tracebackhide__ = True
        child = run_child(target, args, kwargs, deadline=deadline)
        self._children.append(child)
        self._record(child.evidence())
        return child

    def race(
        self,
        setup: Callable[[], S],
        *actors: Callable[[S], object],
        observe: Callable[[S], object] | Callable[[S, tuple[Any, ...]], object] | None = None,
        rounds: int = 1,
        control: Sequence[Callable[[S], object]] | Control | WithoutLocks | None = None,
        exceptions: type[BaseException] | tuple[type[BaseException], ...] = (),
        kind: str = "thread",
        budget: float | None = None,
        deadline: float = 10.0,
    ) -> Race:
        """Return a race of actors on a shared state, to ask what can come of it.

        Nothing runs yet: :meth:`Race.ever`, :meth:`Race.never` and :meth:`Race.always` run schedules, and then
        samples where these are needed, until they are settled or the budget is spent. For each of them, ``setup``
        makes a fresh state, each actor is called with it in a thread of its own, and ``observe`` says what came of
        it. A schedule says at which switch points of this interpreter one actor hands over to another; in a sample,
        the threads run freely. Where the platform can fork, all of that runs in child processes: what actors change
        elsewhere than in the state is not seen here.

        :param setup: makes a state.
        :param actors: two or more; each is called with the state.
        :param observe: is called with the state, and gives the outcome, which must be hashable; one with two
            parameters is called with the tuple of what the actors returned, too. Without it, that tuple is the
            outcome (of their last round).
        :param rounds: how often each actor is called for one schedule or sample.
        :param control: the race, but for one change that shows what is asked about, if it can be seen at all: as
            many actors; or :meth:`control`, with a state of its own; or :attr:`WITHOUT_LOCKS`. "Never" rests on it,
            unless all schedules were run. By default it is the race without the locks that ``setup`` makes; where
            it makes none, a generic one (two updates, one lost) stands in, which says less.
        :param exceptions: types of exceptions that are outcomes: where an actor raises one, the outcome is the type
            as given here. Any other exception is an error.
        :param kind: what calls each actor: a ``"thread"`` of its own, or a ``"process"``, which is started when
            ``setup`` has returned. Processes share only what is made to be shared, such as a
            :class:`multiprocessing.Value` or a file. They are forked; where there is no fork, all that is given here
            has to be importable.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :param deadline: seconds beyond which actors that do not come back count as hanging.
        :raises TypeError: an argument is of the wrong kind.
        :raises ValueError: an argument makes no sense, such as one actor or a budget of zero.
        """
        __tracebackhide__ = True
        described = experiment(
            setup,
            actors,
            observe=observe,
            rounds=rounds,
            control=control,
            exceptions=exceptions,
            kind=kind,
            number=self._next_number(),
        )
        race = Race(self._runner(described, "lab.race", budget, deadline), bench=self._bench)
        self._instruments.append(race)
        return race

    def interrupted(
        self,
        setup: Callable[[], S],
        actor: Callable[[S], object],
        handler: Callable[[S], object],
        observe: Callable[[S], object] | Callable[[S, tuple[Any, ...]], object] | None = None,
        *,
        exceptions: type[BaseException] | tuple[type[BaseException], ...] = (),
        budget: float | None = None,
        deadline: float = 10.0,
    ) -> Interrupted:
        """Return an actor that a handler interrupts, to ask what can come of it.

        The handler runs in the actor's own thread, as a signal handler, a finalizer or a callback does. Nothing runs
        yet: a question runs the actor once for each of its switch points, each time on a fresh state, and there it
        calls the handler. What the handler raises does not reach the actor.

        :param setup: makes a state.
        :param actor: is called with the state.
        :param handler: is called with the same state; it is not interrupted.
        :param observe: as of :meth:`race`; the values are what the actor and the handler returned.
        :param exceptions: as of :meth:`race`.
        :param budget: as of :meth:`race`.
        :param deadline: as of :meth:`race`.
        :raises TypeError: an argument is of the wrong kind.
        :raises ValueError: an argument makes no sense, such as a budget of zero.
        """
        __tracebackhide__ = True
        described = interrupted_experiment(
            setup, actor, handler, observe=observe, exceptions=exceptions, number=self._next_number()
        )
        made = Interrupted(self._runner(described, "lab.interrupted", budget, deadline), bench=self._bench)
        self._instruments.append(made)
        return made

    def op(self, function: Callable[..., object], *arguments: object) -> Operation:
        """Return an operation for :meth:`operations`.

        :param function: is called with the state, and then the arguments.
        """
        __tracebackhide__ = True
        if not callable(function):
            raise TypeError(f"lab.op({function!r}): this cannot be called; pass a function of the state")
        return Operation(function, arguments)

    def operations(
        self,
        setup: Callable[[], S],
        *operations: Operation | Callable[[S], object],
        observe: Callable[[S], object] | None = None,
        threads: int = 2,
        each: int = 2,
        budget: float | None = None,
        deadline: float = 10.0,
    ) -> Operations:
        """Return operations on a shared state, to ask whether they are linearizable.

        Nothing runs yet: :meth:`Operations.linearizable` tries scenarios, in which each thread makes one or more
        calls: the smallest first, every one that is different, and then some at random.

        :param setup: makes a state.
        :param operations: each is made by :meth:`op`, or is a function of the state. None may have to wait for
            another thread when it is called alone.
        :param observe: is called with the state when all calls have ended; what it gives counts as well.
        :param threads: how many call, from 2 to 4.
        :param each: how many calls each of them makes at most, from 1 to 5.
        :param budget: seconds for the question; by default, that of ``--claims-budget``.
        :param deadline: seconds beyond which calls that do not come back count as hanging.
        :raises TypeError: an argument is of the wrong kind.
        :raises ValueError: an argument makes no sense, such as no operation.
        """
        __tracebackhide__ = True
        described = operations_experiment(
            setup, operations, observe=observe, threads=threads, each=each, number=self._next_number()
        )
        made = Operations(self._runner(described, "lab.operations", budget, deadline), bench=self._bench)
        self._instruments.append(made)
        return made

    def _next_number(self) -> int:
        """Return the number of the next race."""
        return 1 + sum(isinstance(made, Asked) for made in self._instruments)

    def _runner(self, described: RaceExperiment, call: str, budget: float | None, deadline: float) -> Runner:
        __tracebackhide__ = True
        conditions = Conditions(
            budget=self._budget(budget, call),
            timeout=_seconds(deadline, call, "deadline"),
            no_child=self._in_process,
            portable=self._portable,
            failed_assertions=lambda: () if self.assertions is None else self.assertions.failures(),
        )
        return Runner(described, conditions, self._replay)

    def control(
        self,
        *actors: Callable[[S], object],
        setup: Callable[[], S] | None = None,
        observe: Callable[[S], object] | Callable[[S, tuple[Any, ...]], object] | None = None,
    ) -> Control:
        """Return a control for :meth:`race` that has a state of its own.

        :param actors: as many as the race has.
        :param setup: makes a state of the control; by default, the race's.
        :param observe: gives the outcome of the control; by default, the race's. The same is asked about it.
        """
        return Control(actors, setup, observe)

    def parallelism(
        self,
        work: Callable[[], object],
        *,
        workers: int,
        kind: str,
        control: str = "process",
        shared: bool = False,
        budget: float | None = None,
        deadline: float = 10.0,
    ) -> Parallelism:
        """Return how many cores workers use at the same time, to be compared with a number.

        It is the CPU seconds of all workers per second in which all of them were at work: 1 for one core. Whether
        they get more done than one worker is for :meth:`speedup` to tell. Nothing runs yet. A comparison has slices
        of the workers alternate with slices of a control, which must have used more cores right before and right
        after where the workers used few; and where the system tells that workers had to wait for a CPU, a slice says
        nothing about few. So on a machine that is busy, or has one core only, there is no answer, rather than a wrong
        one. Where the platform can fork, all of that runs in a child process.

        :param work: called over and over by each worker, without arguments; a piece of work that takes between some
            microseconds and some milliseconds serves best. What workers change elsewhere than in this process
            (``kind="thread"`` under ``--claims-in-process``) is not seen here.
        :param workers: how many, two or more.
        :param kind: ``"thread"``, ``"process"`` (by ``multiprocessing``) or ``"interpreter"`` (a subinterpreter with
            a GIL of its own; the work is then a function of a module).
        :param control: a kind of worker that is known to run on several cores at the same time.
        :param shared: whether to go on from what was measured of the same work, workers, kind and control, shared as
            well, to answer earlier claims of this module: for claims between which nothing changes that bears on it,
            as a fixture that patches ``threading`` would. A second attempt at a claim begins anew.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :param deadline: seconds beyond which work that does not come back counts as hanging.
        :returns: a measurement with a dead zone: ``m > 1.3`` is true if it lies above 1.4, false below 1.2. Others
            are given by ``m.below(1.2, else_above=1.5)``.
        :raises NotApplicable: this Python has no such workers: the claim ends NOT APPLICABLE.
        :raises TypeError: an argument is of the wrong kind.
        :raises ValueError: an argument makes no sense.
        """
        __tracebackhide__ = True
        described = self._described(Parallelism.CALL, work, workers, kind, control, deadline)
        earlier = self._shared.setdefault((described, gil_enabled()), Rounds()) if shared else Rounds()
        if earlier.rounds:
            self.note(f"{len(earlier.rounds)} slices of workers of kind {kind} were measured for an earlier claim")
        return self._measuring(
            Parallelism(
                described,
                earlier,
                in_process=self._in_process,
                budget=self._budget(budget, Parallelism.CALL),
                bench=self._bench,
            )
        )

    def speedup(
        self,
        work: Callable[[], object],
        *,
        workers: int,
        kind: str,
        control: str = "process",
        budget: float | None = None,
        deadline: float = 10.0,
    ) -> Speedup:
        """Return how many times as much workers do per second as one of them alone, to be compared with a number.

        That is by the clock on the wall: 2 if two workers take as long for twice the work as one for the work, 1 if
        they take twice as long, less if they hinder each other. Nothing runs yet. A comparison has slices of one
        worker and of all of them alternate, in pairs, each between two pairs of a control at the same work. A pair
        counts if no worker of these had to wait for a CPU, as far as the system tells, and if the control did more
        than what was asked about. A sequential sign test settles on which side of the number the median of the pairs
        lies: the probability that it is ever wrong is at most 1e-3, and 13 pairs that agree settle it. On a machine
        that is busy, or has one core only, there is no answer. Where the platform can fork, all of that runs in a
        child process.

        :param work: called over and over by each worker, without arguments; a piece of work that takes between some
            microseconds and some milliseconds serves best. As of :meth:`parallelism`, what it changes is not seen.
        :param workers: how many, two or more.
        :param kind: of worker, as of :meth:`parallelism`.
        :param control: a kind of worker of which it is known that as many do more than one.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :param deadline: seconds beyond which work that does not come back counts as hanging.
        :returns: a measurement with a dead zone: ``m > 1.5`` is true if it lies above 1.6, false below 1.4. Others
            are given by ``m.below(1.2, else_above=1.5)``.
        :raises NotApplicable: this Python has no such workers: the claim ends NOT APPLICABLE.
        :raises TypeError: an argument is of the wrong kind.
        :raises ValueError: an argument makes no sense.
        """
        __tracebackhide__ = True
        described = self._described(Speedup.CALL, work, workers, kind, control, deadline)
        return self._measuring(
            Speedup(
                described,
                in_process=self._in_process,
                budget=self._budget(budget, Speedup.CALL),
                bench=self._bench,
            )
        )

    def _described(
        self, call: str, work: object, workers: object, kind: object, control: object, deadline: object
    ) -> WorkersExperiment:
        __tracebackhide__ = True
        seconds = _seconds(deadline, call, "deadline")
        try:
            return workers_experiment(call, work, workers=workers, kind=kind, control=control, deadline=seconds)
        except NotApplicable as missing:
            self._raise(missing)

    def ratio(self, a: Callable[[], object], b: Callable[[], object], *, budget: float | None = None) -> Ratio:
        """Return how many times as long A takes as B, to be compared with a number.

        Nothing runs yet. A comparison times adjacent pairs of both, the order within each drawn at random, until a
        sequential sign test settles on which side of the number the median of their ratios lies: "above 2" says that
        in most adjacent pairs A took longer than 2 x B. The probability that it is ever wrong is at most 1e-3,
        however many pairs it takes; 13 that agree settle it. All runs in the test process.

        :param a: called without arguments. If it is decorated with ``contextlib.contextmanager``, entering is what is
            timed, and leaving is not.
        :param b: as ``a``.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :raises TypeError: an argument is of the wrong kind.
        :raises ValueError: the budget is not positive.
        """
        __tracebackhide__ = True
        call = "lab.ratio"
        one, other = callable_argument(call, "a", a), callable_argument(call, "b", b)
        return self._measuring(Ratio(one, other, budget=self._budget(budget, call), bench=self._bench))

    def memory(
        self,
        start_one: Callable[[], object],
        *,
        against: Callable[[], object] | None = None,
        budget: float | None = None,
    ) -> Memory:
        """Return how many bytes of resident memory one more idle thing takes, to be compared with a number.

        Nothing runs yet. A comparison starts one after the other, beside those that are there already, and looks how
        much more memory this process takes, and how much each process that was started takes for itself alone (its
        unique set size, where the system tells); where it is several that share memory with each other, "less than"
        counts that as well. What is compared with the number is the median, by the test of :meth:`ratio`. All runs in
        the test process.

        :param start_one: starts one, and returns when it is idle. If it is decorated with
            ``contextlib.contextmanager``, that is entered, and left at the end of the measurement; what others return
            is kept until then.
        :param against: starts one of another kind: then it is how much more the first kind takes than that, in
            adjacent pairs.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :raises NotApplicable: nothing can tell memory here (elsewhere than on Linux that takes psutil): the claim
            ends NOT APPLICABLE.
        :raises TypeError: an argument is of the wrong kind.
        :raises ValueError: the budget is not positive.
        """
        __tracebackhide__ = True
        call = "lab.memory"
        one = callable_argument(call, "start_one", start_one)
        other = None if against is None else callable_argument(call, "against", against)
        read = gauge()
        if read is None:
            self._raise(NotApplicable("memory cannot be told here: psutil is not installed, and this is not Linux"))
        return self._measuring(Memory(one, other, gauge=read, budget=self._budget(budget, call), bench=self._bench))

    @property
    def timings(self) -> Sequence[Timing]:
        """What was timed: the arms of all ratios."""
        return [arm for made in self._instruments if isinstance(made, Ratio) for arm in made.timings if arm.seconds]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have the machine for measurements of one's own, for the time of the block.

        All instruments do: of one user's runs on one machine, one measures at a time. Others wait for the end of the
        block, so let it be short.

        :raises Inconclusive: others have it for too long.
        """
        __tracebackhide__ = True
        with ExitStack() as stack:
            try:
                with self._waiting():
                    stack.enter_context(machine_lock().held(timeout=self._lock_timeout, tell=self._tell))
            except MachineError as busy:
                self._raise(Inconclusive(str(busy)))
            yield

    @contextmanager
    def _sampling(self) -> Iterator[None]:
        __tracebackhide__ = True
        with self.alone(), self._suspended():
            yield

    def _suspended(self) -> AbstractContextManager[None]:
        return nullcontext() if self.assertions is None else self.assertions.suspended()

    def _budget(self, given: object, call: str) -> float:
        __tracebackhide__ = True
        return max(self._least_budget, _seconds(self.budget if given is None else given, call, "budget"))

    def _measuring(self, measurement: M) -> M:
        self._instruments.append(measurement)
        return measurement

    def _record(self, evidence: Evidence) -> None:
        __tracebackhide__ = True
        if os.getpid() != self._process:
            raise RuntimeError(
                "the lab of a claim is used in another process, such as the one in which a race's actors run: what "
                "is recorded there is lost. Let the actors return it, or observe it"
            )
        if self.over:
            raise RuntimeError(
                "the lab of a claim that is over is used: what it sees would be nobody's evidence. Let each claim "
                "make its own race with its own lab"
            )
        self._evidence.append(evidence)

    def _raise(self, unsettled: Inconclusive | NotApplicable) -> NoReturn:
        __tracebackhide__ = True
        self._unsettled = self._unsettled or unsettled
        raise unsettled


def _seconds(given: object, call: str, name: str) -> float:
    __tracebackhide__ = True
    message = f"{call}({name}={given!r}): the {name} is a positive number of seconds"
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(message)
    if not 0 < given < math.inf:
        raise ValueError(message)
    return float(given)


def _words(text: object, call: str) -> str:
    __tracebackhide__ = True
    if not isinstance(text, str):
        raise TypeError(f"{call}: the text is {text!r}; write a sentence for the people who read the verdict")
    if not text.strip():
        raise ValueError(f"{call}: the text is empty; write a sentence for the people who read the verdict")
    return text.strip()
