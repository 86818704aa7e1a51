"""The instruments that ask which outcomes a race can have."""

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
from .question import ATOMIC, LINEARIZABLE, OutcomeQuestion, how_to_ask, question
from .runner import Result, Runner


class Asked:
    """Base class of the instruments that are asked about outcomes: races, interruptions and sets of operations.

    Nothing runs until a question is asked. A question runs schedules, each on a fresh state. If these do not answer
    it, samples follow until it is settled or the budget is spent.
    """

    __hash__ = None  # type: ignore[assignment]  # it cannot be compared

    #: The call that made the instrument, a noun for it, and advice on what to ask; all for messages.
    _call: ClassVar[str]
    _noun: ClassVar[str]
    advice: ClassVar[str]

    def __init__(self, runner: Runner, *, bench: Bench) -> None:
        self._runner = runner
        self._bench = bench
        #: Whether a question was asked, and the error that ended one: it counts even if the claim catches it.
        self.asked = False
        self.error: RaceError | None = None

    @property
    def is_replay(self) -> bool:
        """Whether only the schedule of a replay token is run."""
        return self._runner.is_replay

    @property
    def outcomes(self) -> Histogram:
        """The outcomes that the latest question has seen, in schedules and in samples. Runs nothing."""
        return Histogram(self._runner.outcomes, self._runner.experiment.race.exceptions, advice=self.advice)

    def __repr__(self) -> str:
        outcomes, race = self._runner.outcomes, self._runner.experiment.race
        names = ", ".join(map(name_of, race.operations or race.actors))
        schedules, samples = sum(count.schedules for count in outcomes), sum(count.samples for count in outcomes)
        return f"<{type(self).__name__} of {names}: {counted(schedules, 'schedule')}, {counted(samples, 'sample')}>"

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self._call}: {self._noun} has no truth value; {self.advice}")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"{self._call}: {self._noun} cannot be compared; {self.advice}")

    def _answer(self, asked: OutcomeQuestion) -> bool:
        """Answer a question and record the evidence."""
        __tracebackhide__ = True
        runner = self._runner
        try:
            conditions = runner.conditions
            progress = self._bench.progress(f"{self._call}, at most {conditions.budget:g} s")
            with progress, self._bench.suspended(), conditions.forking():
                result = runner.ask(asked, self._bench.sampling)
        except ForkedError as broken:
            self.error = RaceError(f"{self._call}: the child process failed with an exception\n{broken}")
            raise self.error from broken
        except Failed as failed:
            failure = failed.failure
            self.asked = True
            self._bench.record(evidence_of(runner, asked, None, Result(), failed=failed))
            details = f"\n{failure.details.rstrip()}" if failure.details else ""
            self.error = RaceError(f"{self._call}: {failure.text}{details}")
            raise self.error from failed.__cause__
        answer = None if result.lacking is not None else asked.answer(witnessed=result.is_witnessed)
        evidence = evidence_of(runner, asked, answer, result)
        self.asked = True
        self._bench.record(evidence)
        if answer is None:
            self._bench.give_up(Inconclusive(evidence.phrase()))
        return answer


class Race(Asked):
    """Actors that work on one state, to ask which outcomes are possible; made by :meth:`Lab.race`."""

    _call, _noun, advice = "lab.race", "a race", how_to_ask("race")
    #: The name for the instrument in the messages of questions.
    _name: ClassVar[str] = "race"

    def ever(self, *outcomes: Any) -> bool:
        """Return whether one of these outcomes is possible.

        True with the first witness. False if the outcome was not seen although the experiment could have shown it:
        no schedule of all that exist shows it; or no schedule with at most two preemptions does, and those of the
        control do. Where schedules do not suffice, and always without a GIL, enough overlapping samples must not
        show it either, beside a control that does.

        :param outcomes: outcomes, or predicates of outcomes. :attr:`Lab.CRASH` is the outcome of a crash, and
            :attr:`Lab.DEADLOCK` that of a deadlock.
        :raises Inconclusive: the evidence does not suffice for an answer.
        :raises RaceError: an actor, ``setup``, ``observe`` or the predicate raised, hung or crashed, or the actors
            deadlocked, and the question was not about that.
        """
        __tracebackhide__ = True
        return self._ask("ever", outcomes)

    def never(self, *outcomes: Any) -> bool:
        """Return whether none of these outcomes is possible: the opposite of :meth:`ever`.

        :param outcomes: as for :meth:`ever`.
        :raises Inconclusive: as for :meth:`ever`.
        :raises RaceError: as for :meth:`ever`.
        """
        __tracebackhide__ = True
        return self._ask("never", outcomes)

    def always(self, *outcomes: Any) -> bool:
        """Return whether no other outcome is possible.

        :param outcomes: as for :meth:`ever`, but neither :attr:`Lab.CRASH` nor :attr:`Lab.DEADLOCK`.
        :raises Inconclusive: as for :meth:`ever`.
        :raises RaceError: as for :meth:`ever`.
        """
        __tracebackhide__ = True
        return self._ask("always", outcomes)

    def atomic(self) -> bool:
        """Return whether each possible outcome is also an outcome of calling the actors one after the other.

        What counts is what each actor returns or raises, and what ``observe`` returns. All orders are run first,
        each on a fresh state. An actor that ended before another one began comes before it.

        :raises Inconclusive: as for :meth:`ever`; or running an order again has another outcome.
        :raises RaceError: as for :meth:`ever`, except for exceptions of actors, and for crashes, which are outcomes
            of no order; or in each order, an actor waits for another.
        """
        __tracebackhide__ = True
        return self._answer(ATOMIC)

    def _ask(self, asked: str, outcomes: Sequence[Any]) -> bool:
        __tracebackhide__ = True
        subject = self._runner.experiment.race
        values = len(subject.actors) if subject.observe is None else None
        return self._answer(question(asked, outcomes, subject.exceptions, values=values, name=self._name))


class Interrupted(Race):
    """A handler that interrupts an actor, to ask which outcomes are possible; made by :meth:`Lab.interrupted`.

    Each question runs the handler at each switch point of the actor. "Never" takes all of them, and no control.
    """

    _call, _noun, advice = "lab.interrupted", "an interruption", how_to_ask("interrupted")
    _name = "interrupted"


class Operations(Asked):
    """Operations on a shared state, from which scenarios are made; made by :meth:`Lab.operations`."""

    _call, _noun, advice = "lab.operations", "a set of operations", "ask operations.linearizable()"

    def linearizable(self) -> bool:
        """Return whether in all scenarios, overlapping calls have results that they also have one after the other.

        What counts is what each call returns or raises, and what ``observe`` returns at the end. All orders of a
        scenario's calls are run first, each on a fresh state. A call that ended before another one began comes
        before it. False with the first scenario that is not linearizable.

        :raises Inconclusive: as for :meth:`Race.ever`; or running an order again has another outcome.
        :raises RaceError: an operation that is called alone waits for another thread; a call hung, or crashed in some
            order; ``setup`` or ``observe`` raised.
        """
        __tracebackhide__ = True
        return self._answer(LINEARIZABLE)
