"""The lab: the instruments that a claim gathers its evidence with.

Knows nothing of pytest: the plugin makes a :class:`Lab` for each claim, and reads its evidence afterwards.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NoReturn, TypeVar, overload

from ..evidence import Evidence, Note, Requirement
from ..verdict import Inconclusive
from .child import Child, run_child
from .race import ASK, CRASH, Race
from .race.experiment import experiment
from .race.running import Runner

S = TypeVar("S")
T = TypeVar("T")


class Lab:
    """The instruments of one claim; the ``lab`` fixture.

    Instruments record their own evidence. ``assert`` decides the verdict; :meth:`require` decides whether a
    verdict can be given at all.

    :param budget: seconds for each experiment.
    :param in_process: whether experiments run in the test process, even where they could run in a child.
    """

    #: An outcome to ask a race for: the process is ended by a signal such as SIGSEGV.
    CRASH = CRASH

    def __init__(self, *, budget: float, in_process: bool = False) -> None:
        self.budget = budget
        self._in_process = in_process
        self._evidence: list[Evidence] = []
        self._unsettled: Inconclusive | None = None
        self._races: list[Race] = []
        self._process = os.getpid()
        #: The assertions of the claim's code that have failed so far, in this process, in words.
        self.failed_assertions: Callable[[], Sequence[str]] = tuple
        #: Whether the claim is over: then nothing can be evidence for it any more.
        self.over = False

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What was seen so far, in order."""
        return tuple(self._evidence)

    @property
    def unsettled(self) -> Inconclusive | None:
        """The first :class:`Inconclusive` that an instrument raised: it stands even if it was caught."""
        return self._unsettled

    @property
    def void(self) -> str | None:
        """Why no verdict can rest on this, whatever the claim makes of it; None if one can."""
        for race in self._races:
            if race.error is not None:
                return str(race.error).partition("\n")[0]
            if not race.asked:
                return f"no question was put to {race!r}: it has sampled nothing, and says nothing; {ASK}"
        return None

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
        :returns: how it ended. A crash or a passed deadline is an outcome, not an exception.
        :raises TypeError: the target or its arguments cannot be handed to another process.
        :raises ChildError: the function could not be imported there, or what it returned not be handed over.
        :raises ValueError: the deadline is not positive.
        """
        __tracebackhide__ = True
        child = run_child(target, args, kwargs, deadline=deadline)
        self._record(child.evidence())
        return child

    def race(
        self,
        setup: Callable[[], S],
        *actors: Callable[[S], object],
        observe: Callable[[S], Hashable] | None = None,
        rounds: int = 1,
        control: Sequence[Callable[[S], object]] | None = None,
        exceptions: type[BaseException] | tuple[type[BaseException], ...] = (),
        budget: float | None = None,
        deadline: float = 10.0,
    ) -> Race:
        """Return a race of actors on a shared state, to ask what can come of it.

        Nothing runs yet: :meth:`Race.ever`, :meth:`Race.never` and :meth:`Race.always` sample until they are
        settled or the budget is spent. For each sample, ``setup`` makes a fresh state, each actor is called with
        it in a thread of its own, and ``observe`` says what came of it. Where the platform can fork, all of that
        runs in a child process: what actors change elsewhere than in the state is not seen here.

        :param setup: makes a state.
        :param actors: two or more; each is called with the state.
        :param observe: gives the outcome of a sample, which must be hashable; without it, the outcome is the tuple
            of what the actors returned (in their last round).
        :param rounds: how often each actor is called for one sample.
        :param control: as many actors that show what is asked about for sure, if it can be seen at all: the race's
            own, but for one change. It runs in turns with the race. "Never" needs it; without one, a generic one
            (two updates, one lost) stands in, which says less.
        :param exceptions: types of exceptions that are outcomes: the outcome of a sample in which an actor raises
            one is the type as given here. Any other exception is an error.
        :param budget: seconds for each question; by default, that of ``--claims-budget``.
        :param deadline: seconds beyond which actors that do not come back count as hanging.
        :raises TypeError: an argument is of the wrong kind.
        :raises ValueError: an argument makes no sense, such as one actor or a budget of zero.
        """
        __tracebackhide__ = True
        described = experiment(setup, actors, observe=observe, rounds=rounds, control=control, exceptions=exceptions)
        runner = Runner(
            described,
            budget=_seconds(self.budget if budget is None else budget, "budget"),
            patience=_seconds(deadline, "deadline"),
            in_process=self._in_process,
            failed_assertions=lambda: self.failed_assertions(),
        )
        race = Race(runner, record=self._record, give_up=self._raise)
        self._races.append(race)
        return race

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

    def _raise(self, unsettled: Inconclusive) -> NoReturn:
        __tracebackhide__ = True
        self._unsettled = self._unsettled or unsettled
        raise unsettled


def _seconds(given: object, name: str) -> float:
    __tracebackhide__ = True
    message = f"lab.race({name}={given!r}): the {name} is a positive number of seconds"
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
