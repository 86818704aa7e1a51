"""The lab: the instruments with which a claim gathers evidence.

It does not depend on pytest: the plugin makes a :class:`Lab` for each claim, and reads its evidence afterwards.
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
from ..text import counted
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

#: What claims have measured for each other, by experiment and by whether the GIL was enabled.
Shared = dict[tuple[WorkersExperiment, bool], Rounds]


class Assertions(Protocol):
    """The assertions of a claim's code that have been evaluated."""

    def failures(self) -> Sequence[str]:
        """Return those that have failed so far in this process, in words."""

    def suspended(self) -> AbstractContextManager[None]:
        """Ignore assertions that hold in the block, in which an instrument calls the measured code."""


class Lab:
    """The instruments of one claim; the ``lab`` fixture.

    Instruments record their evidence. ``assert`` decides the verdict; :meth:`require` decides whether the claim has
    one.

    :param budget: seconds for each experiment without a budget of its own.
    :param least_budget: minimum of seconds for each experiment.
    :param in_process: whether experiments run in the test process, even where they could run in a child.
    :param portable: whether schedules switch threads at any instruction, as without a GIL.
    :param replay: replay tokens; a race with one of them runs only its schedule, in the test process.
    :param shared: earlier measurements that claims share; by default, none.
    :param lock_timeout: seconds to wait for the machine lock.
    :param tell: shows the user a line of text, such as what a claim waits for.
    :param waiting: a context in which the lab waits for the machine lock; that time does not count as the claim's.
    :param progress: a context in which an instrument answers a question, with its name and budget.
    """

    #: An outcome to ask a race about: a signal such as SIGSEGV ends the process.
    CRASH = CRASH
    #: An outcome to ask a race about: all actors that have not ended are blocked.
    DEADLOCK = DEADLOCK
    #: A control of a race: the same code without the locks that ``setup`` makes.
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
        progress: Callable[[str], AbstractContextManager[object]] = nullcontext,
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
            progress,
        )
        #: The threads that were started before the claim.
        self.earlier_threads = frozenset(threading.enumerate())
        self._process = os.getpid()
        #: The assertions of the claim's code, while its test function is called.
        self.assertions: Assertions | None = None
        #: Whether the claim is over, so that no evidence can be added.
        self.over = False

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence so far, in order."""
        return tuple(self._evidence)

    @property
    def unsettled(self) -> Inconclusive | NotApplicable | None:
        """The first of these exceptions that an instrument raised, even if the claim caught it.

        If there is none: one about a child that was killed at its deadline, if the claim did not check that.
        """
        if self._unsettled is None:
            for child in self._children:
                if child.unexplained:
                    return Inconclusive(
                        f"{child.evidence().phrase()}, and the claim does not check that; check child.timed_out, or "
                        "give it longer: lab.child(..., deadline=...)"
                    )
        return self._unsettled

    @property
    def failed(self) -> str | None:
        """The first failure of an instrument, even if the claim caught it; None if none failed."""
        errors = (instrument.error for instrument in self._instruments)
        return next((str(error).partition("\n")[0] for error in errors if error is not None), None)

    @property
    def void(self) -> str | None:
        """Why the claim cannot have a verdict: an instrument was never asked, or no race matches the replay tokens.

        None if neither is so.
        """
        for instrument in self._instruments:
            if not instrument.asked:
                ask = instrument.advice if isinstance(instrument, Asked) else ASK_MEASUREMENT
                return f"{instrument!r} was not asked a question, so there is no evidence; {ask}"
        if self._replay and not any(isinstance(made, Asked) and made.is_replay for made in self._instruments):
            tokens = ", ".join(map(str, self._replay))
            return (
                f"the code of {tokens} is not that of any of its races: the code was changed since, or the token is "
                "another claim's; run the claim without --claims-replay, which shows a token if there is a witness"
            )
        return None

    def close(self) -> None:
        """End the claim: keep its evidence, refuse further evidence, and drop references to all else."""
        self.over = True
        self._instruments.clear()
        self._children.clear()
        self._unsettled = None
        self.assertions = None

    def note(self, text: str) -> None:
        """Add a fact to the evidence. It appears in the reports, and does not affect the verdict.

        :raises TypeError: ``text`` is not a string.
        :raises ValueError: ``text`` is empty.
        """
        __tracebackhide__ = True
        self._record(Note(_words(text, "lab.note(text)")))

    def require(self, condition: object, reason: str) -> None:
        """End the claim INCONCLUSIVE unless a condition is true.

        Use it for what any verdict requires, such as that the machine has two CPUs, or that a control showed the
        effect. A condition that is true before a measurement may not be true during it.

        :param condition: any object; its truth value counts.
        :param reason: what is required; reports show it if the condition is not true.
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
        """Run a function or a script in a fresh interpreter of this kind, and wait until it ends.

        Use it for code that may crash or hang, or that needs a main module of its own. The child has its own session
        and process group. When it ends, or at the deadline, all processes of the group are killed. It writes no core
        dump, and has no standard input.

        :param target: an importable function, whose arguments, value and exceptions are pickled; or a script: a
            :class:`pathlib.Path` of a file, or its source as text. A script runs in the current folder, as
            ``python script.py ARGS...`` does.
        :param args: the function's arguments, or a script's command line.
        :param deadline: seconds after which the child's process group is killed.
        :param kwargs: the function's keyword arguments; a script takes none.
        :returns: how the child ended. A crash or a passed deadline is a result, and not an exception. A child that
            was killed at its deadline makes the claim INCONCLUSIVE, unless the claim reads :attr:`Child.timed_out`.
        :raises TypeError: the target or its arguments cannot be pickled.
        :raises ChildError: the function could not be imported in the child, or its value could not be pickled.
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
        """Return a race: actors that work on one state at the same time.

        Nothing runs yet. A question, such as :meth:`Race.ever`, :meth:`Race.never` or :meth:`Race.always`, runs
        schedules, and then samples if these are needed, until it is settled or the budget is spent. Each run calls
        ``setup`` for a fresh state, each actor with that state in a thread of its own, and ``observe`` for the
        outcome. A schedule sets at which switch points actors are preempted; in a sample, the threads run freely.
        Where the platform can fork, all of this runs in child processes, so the test process does not see what actors
        change outside of the state.

        :param setup: returns a state.
        :param actors: two or more; each is called with the state.
        :param observe: called with the state; returns the outcome, which must be hashable. With two parameters, it is
            also called with a tuple of what the actors returned. Without ``observe``, that tuple (of the last round)
            is the outcome.
        :param rounds: how often each actor is called in one run.
        :param control: the race with one change after which it shows the effect that is asked about. Actors, as many
            as the race has; or :meth:`control`, with a state of its own; or :attr:`WITHOUT_LOCKS`. "Never" depends on
            it, unless the schedules are exhaustive. By default, the race without the locks that ``setup`` makes; if
            it makes none, a generic control (two updates, one is lost), which shows less.
        :param exceptions: types of exceptions that are outcomes: if an actor raises one, the outcome is the type
            given here. Any other exception is an error.
        :param kind: where each actor is called: in a ``"thread"`` or a ``"process"`` of its own. A process is started
            after ``setup`` has returned, and shares only what is made for that, such as a
            :class:`multiprocessing.Value` or a file. Processes are forked; where the platform cannot fork, all
            arguments must be importable.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :param deadline: seconds after which an actor that has not returned is a hang.
        :raises TypeError: an argument has the wrong type.
        :raises ValueError: an argument has an invalid value, such as a budget of zero; or there are too few actors.
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
        """Return an actor that a handler interrupts in the actor's own thread.

        A signal handler, a finalizer or a callback runs so. Nothing runs yet. A question runs the actor once for each
        of its switch points, on a fresh state, and calls the handler at that point. The actor does not see exceptions
        of the handler.

        :param setup: returns a state.
        :param actor: called with the state.
        :param handler: called with the same state; it is not interrupted itself.
        :param observe: as of :meth:`race`; its second argument is what the actor and the handler returned.
        :param exceptions: as of :meth:`race`.
        :param budget: as of :meth:`race`.
        :param deadline: as of :meth:`race`.
        :raises TypeError: an argument has the wrong type.
        :raises ValueError: an argument has an invalid value, such as a budget of zero.
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

        :param function: called with the state and the arguments.
        :raises TypeError: ``function`` is not callable.
        """
        __tracebackhide__ = True
        if not callable(function):
            raise TypeError(f"lab.op({function!r}): must be callable; pass a function that takes the state")
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

        Nothing runs yet. :meth:`Operations.linearizable` tries scenarios, in each of which threads make one or more
        calls: the smallest first, each different one once, and then some at random.

        :param setup: returns a state.
        :param operations: each is made by :meth:`op`, or is a function of the state. Called alone, none may wait for
            another thread.
        :param observe: called with the state after all calls; its value is part of the outcome.
        :param threads: number of threads that call, from 2 to 4.
        :param each: maximum of calls by each thread, from 1 to 5.
        :param budget: seconds for the question; by default, that of ``--claims-budget``.
        :param deadline: seconds after which a call that has not returned is a hang.
        :raises TypeError: an argument has the wrong type.
        :raises ValueError: an argument has an invalid value, or there is no operation.
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
        """Return a control for :meth:`race` with its own ``setup`` or ``observe``.

        :param actors: as many as the race has.
        :param setup: returns a state of the control; by default, the race's.
        :param observe: returns the outcome of the control; by default, the race's. The question is the same.
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
        """Return how many cores workers use at the same time, to compare with a number.

        That is: CPU seconds of all workers, per second in which all of them are at work. Whether they get more done
        than one worker is a question for :meth:`speedup`. Nothing runs yet. A comparison alternates slices of the
        workers and slices of a control. "Less than" counts only slices right before and after which the control used
        more cores, and in which no worker waited for a CPU, as far as the system reports that. So on a busy machine,
        or with one core, there is no answer. Where the platform can fork, all of this runs in a child process.

        :param work: called repeatedly by each worker, without arguments. It should take between some microseconds and
            some milliseconds. The test process does not see what workers change, except for ``kind="thread"`` under
            ``--claims-in-process``.
        :param workers: number of workers, two or more.
        :param kind: ``"thread"``, ``"process"`` (by ``multiprocessing``) or ``"interpreter"`` (a subinterpreter with
            a GIL of its own; the work must then be a function of a module).
        :param control: a kind of worker that is known to run on several cores at the same time.
        :param shared: whether to reuse what answered earlier claims of this module, if they also passed
            ``shared=True``, with the same work, workers, kind and control. Nothing between these claims may affect
            the measurement, as a fixture that patches ``threading`` would. A second attempt at a claim begins anew.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :param deadline: seconds after which work that has not returned is a hang.
        :returns: a measurement with a dead zone: ``m > 1.3`` is true above 1.4, and false below 1.2. Set another dead
            zone by ``m.below(1.2, else_above=1.5)``.
        :raises NotApplicable: this Python has no workers of that kind; the claim ends NOT APPLICABLE.
        :raises TypeError: an argument has the wrong type.
        :raises ValueError: an argument has an invalid value.
        """
        __tracebackhide__ = True
        described = self._described(Parallelism.CALL, work, workers, kind, control, deadline)
        earlier = self._shared.setdefault((described, gil_enabled()), Rounds()) if shared else Rounds()
        if earlier.rounds:
            self.note(f"reused from an earlier claim: {counted(len(earlier.rounds), 'slice')} of {kind} workers")
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
        """Return how many times as much workers do per second as one of them alone, to compare with a number.

        That is: calls of the work by all workers per second of elapsed time, over those by one worker alone. Nothing
        runs yet. A comparison measures pairs of slices, one of a single worker and one of all workers, each between
        two such pairs of a control. A pair counts only if no worker waited for a CPU, as far as the system reports
        that, and if the control did more than the number that is asked about. A sequential sign test settles on which
        side of the number the median of the pairs lies. The probability of a wrong answer is at most 1e-3; 13 pairs
        that agree settle it. On a busy machine, or with one core, there is no answer. Where the platform can fork,
        all of this runs in a child process.

        :param work: as of :meth:`parallelism`.
        :param workers: number of workers, two or more.
        :param kind: of worker, as of :meth:`parallelism`.
        :param control: a kind of worker of which several are known to do more than one.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :param deadline: seconds after which work that has not returned is a hang.
        :returns: a measurement with a dead zone: ``m > 1.5`` is true above 1.6, and false below 1.4. Set another dead
            zone by ``m.below(1.2, else_above=1.5)``.
        :raises NotApplicable: this Python has no workers of that kind; the claim ends NOT APPLICABLE.
        :raises TypeError: an argument has the wrong type.
        :raises ValueError: an argument has an invalid value.
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
        """Return how many times as long A takes as B, to compare with a number.

        Nothing runs yet. A comparison times adjacent pairs of both, each in random order, until a sequential sign
        test settles on which side of the number the median of the pairs' ratios lies. "Above 2" says that in most
        adjacent pairs, A took longer than 2 x B. The probability of a wrong answer is at most 1e-3, for any number of
        pairs; 13 pairs that agree settle it. All of this runs in the test process.

        :param a: called without arguments. If it is decorated with ``contextlib.contextmanager``, entering is timed,
            and exiting is not.
        :param b: as ``a``.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :raises TypeError: an argument has the wrong type.
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
        """Return how many bytes of resident memory one more idle thing takes, to compare with a number.

        Nothing runs yet. A comparison starts things one after the other, and keeps them. For each, it adds up by how
        much this process grew, and the unique set sizes of the processes that were started. If several processes were
        started for one thing, "less than" also counts what they share with each other. The median is compared with
        the number, by the test of :meth:`ratio`. All of this runs in the test process.

        :param start_one: starts one thing, and returns when it is idle. If it is decorated with
            ``contextlib.contextmanager``, the context is entered, and exited at the end of the measurement.
            Otherwise, the returned value is kept until then.
        :param against: starts one thing of another kind. The measurement is then how much more the first kind takes,
            in adjacent pairs.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :raises NotApplicable: memory cannot be measured here, as this is not Linux and psutil is not installed; the
            claim ends NOT APPLICABLE.
        :raises TypeError: an argument has the wrong type.
        :raises ValueError: the budget is not positive.
        """
        __tracebackhide__ = True
        call = "lab.memory"
        one = callable_argument(call, "start_one", start_one)
        other = None if against is None else callable_argument(call, "against", against)
        read = gauge()
        if read is None:
            self._raise(NotApplicable("memory cannot be measured: this is not Linux, and psutil is not installed"))
        return self._measuring(Memory(one, other, gauge=read, budget=self._budget(budget, call), bench=self._bench))

    @property
    def timings(self) -> Sequence[Timing]:
        """The arms of all ratios that were timed."""
        return [arm for made in self._instruments if isinstance(made, Ratio) for arm in made.timings if arm.seconds]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the machine lock during the block, for measurements of your own.

        All instruments hold it while they measure, so that one experiment of a user runs at a time on a machine. Keep
        the block short, as other experiments wait for its end.

        :raises Inconclusive: other experiments held the lock until ``--claims-lock-timeout``.
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
                "lab: used in another process, such as one in which a race's actors run, where evidence is lost; let "
                "the actors return what they found, or observe it"
            )
        if self.over:
            raise RuntimeError(
                "lab: used after its claim has ended, where evidence is lost; let each claim use its own lab fixture"
            )
        self._evidence.append(evidence)

    def _raise(self, unsettled: Inconclusive | NotApplicable) -> NoReturn:
        __tracebackhide__ = True
        self._unsettled = self._unsettled or unsettled
        raise unsettled


def _seconds(given: object, call: str, name: str) -> float:
    __tracebackhide__ = True
    message = f"{call}({name}={given!r}): must be a positive number of seconds, e.g. 2"
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(message)
    if not 0 < given < math.inf:
        raise ValueError(message)
    return float(given)


def _words(text: object, call: str) -> str:
    __tracebackhide__ = True
    if not isinstance(text, str):
        raise TypeError(f"{call}: {text!r} is not a string; write a sentence for the readers of the verdict")
    if not text.strip():
        raise ValueError(f"{call}: the text is empty; write a sentence for the readers of the verdict")
    return text.strip()
