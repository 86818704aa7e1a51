"""The race instruments: questions about the outcomes of actors that run at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from ...text import counted
from ...verdict import Inconclusive
from ..callables import name_of
from ..failure import Failed
from ..measurement import Bench
from ..processes.forked import ForkedError
from .evidence import evidence_of
from .experiment import RaceError
from .histogram import Histogram
from .question import ASK, ATOMIC, LINEARIZABLE, OutcomeQuestion, question
from .runner import Result, Runner


class Asked:
    """What questions are put to: actors that run at the same time, again and again, each time on a fresh state.

    Lazy: nothing runs until a question is asked. Each question runs schedules; where these do not suffice, samples
    follow, until it is settled or the budget is spent.
    """

    __hash__ = None  # type: ignore[assignment]  # it is equal to nothing

    #: The call that has made it, what it is, and what to ask.
    _call: ClassVar[str]
    _noun: ClassVar[str]
    advice: ClassVar[str]

    def __init__(self, runner: Runner, *, bench: Bench) -> None:
        self._runner = runner
        self._bench = bench
        #: Whether a question was put to it, and how that failed: that stands even if it was caught.
        self.asked = False
        self.error: RaceError | None = None

    @property
    def is_replay(self) -> bool:
        """Whether it runs only a schedule that a replay token names."""
        return self._runner.is_replay

    @property
    def outcomes(self) -> Histogram:
        """What the latest question has seen, in schedules and in samples. Runs nothing."""
        return Histogram(self._runner.outcomes, self._runner.experiment.race.exceptions)

    def __repr__(self) -> str:
        outcomes, race = self._runner.outcomes, self._runner.experiment.race
        names = ", ".join(map(name_of, race.operations or race.actors))
        schedules, samples = sum(count.schedules for count in outcomes), sum(count.samples for count in outcomes)
        return f"<{type(self).__name__} of {names}: {counted(schedules, 'schedule')}, {counted(samples, 'sample')}>"

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self._noun} is neither true nor false; {self.advice}")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"{self._noun} is equal to nothing; {self.advice}")

    def _answer(self, put: OutcomeQuestion) -> bool:
        """Have a question answered, and record the evidence."""
        __tracebackhide__ = True
        runner = self._runner
        try:
            with self._bench.suspended():
                result = runner.ask(put, self._bench.sampling)
        except ForkedError as broken:
            self.error = RaceError(f"{self._call}: what ran in a process of its own came to no end\n{broken}")
            raise self.error from broken
        except Failed as failed:
            failure = failed.failure
            self.asked = True
            self._bench.record(evidence_of(runner, put, None, Result(), failed=failed))
            details = f"\n{failure.details.rstrip()}" if failure.details else ""
            self.error = RaceError(f"{self._call}: {failure.text}{details}")
            raise self.error from failed.__cause__
        answer = None if result.lacking is not None else put.answer(witnessed=result.is_witnessed)
        evidence = evidence_of(runner, put, answer, result)
        self.asked = True
        self._bench.record(evidence)
        if answer is None:
            self._bench.give_up(Inconclusive(evidence.phrase()))
        return answer


class Race(Asked):
    """Actors on a shared state, to ask which outcomes are possible; made by :meth:`Lab.race`."""

    _call, _noun, advice = "lab.race", "a race", ASK

    def ever(self, *outcomes: Any) -> bool:
        """Return whether one of these outcomes is possible.

        True with the first witness; False if it was not seen although it could have been: in all schedules that
        there are, or in all with at most two preemptions while those of the control show it; without a GIL, and
        where schedules do not suffice, also in enough overlapping samples, beside a control that shows it.

        :param outcomes: outcomes, or predicates of outcomes; :attr:`Lab.CRASH` is the outcome of a crash, and
            :attr:`Lab.DEADLOCK` that of actors that wait for each other.
        :raises Inconclusive: neither.
        :raises RaceError: an actor, ``setup``, ``observe`` or the predicate raised, hung or crashed, or actors
            waited for each other, and that was not asked about.
        """
        __tracebackhide__ = True
        return self._ask("ever", outcomes)

    def never(self, *outcomes: Any) -> bool:
        """Return whether none of these outcomes is possible: the opposite of :meth:`ever`.

        :param outcomes: as of :meth:`ever`.
        :raises Inconclusive: as of :meth:`ever`.
        :raises RaceError: as of :meth:`ever`.
        """
        __tracebackhide__ = True
        return self._ask("never", outcomes)

    def always(self, *outcomes: Any) -> bool:
        """Return whether no other outcome is possible: whether any other is never seen.

        :param outcomes: as of :meth:`ever`, but neither a crash nor a deadlock.
        :raises Inconclusive: as of :meth:`ever`.
        :raises RaceError: as of :meth:`ever`.
        """
        __tracebackhide__ = True
        return self._ask("always", outcomes)

    def atomic(self) -> bool:
        """Return whether each possible outcome is one that calling the actors one after the other gives.

        What counts is what each actor returns or raises, and what ``observe`` gives. All orders are run first, each
        on a fresh state. An actor that has ended before another one begins comes before it.

        :raises Inconclusive: as of :meth:`ever`; or an order does not give the same again.
        :raises RaceError: as of :meth:`ever`, but for exceptions of actors; or in each order, one waits for another.
        """
        __tracebackhide__ = True
        return self._answer(ATOMIC)

    def _ask(self, asked: str, outcomes: Sequence[Any]) -> bool:
        __tracebackhide__ = True
        subject = self._runner.experiment.race
        values = len(subject.actors) if subject.observe is None else None
        return self._answer(question(asked, outcomes, subject.exceptions, values=values))


class Interrupted(Race):
    """A handler that interrupts an actor, to ask which outcomes are possible; made by :meth:`Lab.interrupted`.

    Each question has the handler run at each switch point of the actor. "Never" takes all of them, and no control.
    """

    _call, _noun, advice = "lab.interrupted", "an interruption", ASK.replace("race.", "interrupted.")


class Operations(Asked):
    """Operations on a shared state, from which scenarios choose; made by :meth:`Lab.operations`."""

    _call, _noun, advice = "lab.operations", "a set of operations", "ask operations.linearizable()"

    def linearizable(self) -> bool:
        """Return whether in all scenarios, calls that overlap give what they give one after the other.

        What counts is what each call returns or raises, and what ``observe`` gives at the end. All orders of a
        scenario's calls are run first, each on a fresh state. A call that has ended before another one begins comes
        before it. False with the first scenario in which that does not hold.

        :raises Inconclusive: as of :meth:`Race.ever`; or an order does not give the same again.
        :raises RaceError: an operation waits for another thread when it is called alone; a call hung or crashed;
            ``setup`` or ``observe`` raised.
        """
        __tracebackhide__ = True
        return self._answer(LINEARIZABLE)
