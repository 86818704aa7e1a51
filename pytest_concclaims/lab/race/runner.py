"""The answers to questions: from schedules first, then from samples where schedules do not suffice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from ...interpreter import gil_enabled
from ...records.interleaving import BLOCKED
from ...text import counted
from .. import linux
from ..failure import Failed, Failure
from ..threads import HANGING, named, running_threads
from ..tracing import is_traced, tracer_advice
from .conditions import Conditions
from .experiment import RaceExperiment
from .histogram import OutcomeCount, counts
from .question import CRASH, DEADLOCK, OutcomeQuestion
from .samples.findings import Findings
from .samples.search import SampleSearch
from .samples.stride import clock
from .schedules.explorer import Explored, Witness
from .schedules.replay import Token
from .schedules.search import ScheduleSearch
from .schedules.searched import Searched

#: A look: after schedules have answered, threads run freely for a short time, because C code can release the GIL.
#: It takes at most this part of the budget and these seconds, and ends after this number of overlapping samples. The
#: pieces of one ``print`` are mixed up in one of three of these.
_LOOK_PART, _MOST_LOOK_S, _ENOUGH_LOOK_OVERLAPPING = 0.1, 0.1, 200
#: Samples that a look needs, overlapping or not.
_LEAST_LOOK_SAMPLES = 100
_NOT_A_RACE = "the control shows it even if its actors run one after the other, so it is not the effect of a race"
_TRACED = (
    "a tracer, profiler or debugger is active; it runs code between the actors' instructions, so threads that run "
    "freely do other things than without it"
)
_LEAKS = (
    "a run of the actors has a side effect on later runs, and samples run in one process; let setup undo the side "
    "effect"
)
_INSIDE = (
    "no schedule shows it, so it happens inside C code, within one instruction, by chance, or where a thread "
    "releases a lock and takes it again at once"
)
_NO_CHILD = (
    "lab.CRASH needs a forked child process; there is none with --claims-in-process, and on platforms without os.fork"
)


@dataclass(frozen=True)
class Result:
    """How a question was answered.

    :param searched: by schedules.
    :param findings: of samples; None if there are none.
    :param lacking: why there is no answer; None if there is one.
    :param is_look: whether the samples are only a look, on which the answer does not rest.
    :param remark: on the witness.
    """

    searched: Searched = field(default_factory=lambda: Searched(False, Explored()))
    findings: Findings | None = None
    lacking: str | None = None
    is_look: bool = False
    remark: str | None = None

    @property
    def bound(self) -> float | None:
        """The upper bound of the rate of what samples did not show; None if the answer does not rest on samples."""
        if self.findings is None or self.lacking is not None or self.is_look or self.is_witnessed:
            return None
        return self.findings.absence.bound

    @property
    def is_witnessed(self) -> bool:
        """Whether a witness was seen."""
        in_samples = self.findings is not None and self.findings.race.tally.seen.samples > 0
        return self.searched.witness is not None or in_samples


class Runner:
    """Answers questions about an experiment, one after the other.

    :param replay: replay tokens, one of which may be of this race.
    """

    def __init__(self, experiment: RaceExperiment, conditions: Conditions, replay: Sequence[Token] = ()) -> None:
        self.conditions = conditions
        #: By the latest question.
        self._explored = Explored()
        self._schedules = ScheduleSearch(experiment, conditions, replay)
        self._samples = SampleSearch(experiment, conditions)

    @property
    def experiment(self) -> RaceExperiment:
        """The experiment, with the control of the latest question."""
        return self._schedules.experiment

    @property
    def is_replay(self) -> bool:
        """Whether only the schedule of a replay token is run."""
        return self._schedules.replay is not None

    @property
    def findings(self) -> Findings:
        """The samples of the latest question."""
        return self._samples.findings

    @property
    def outcomes(self) -> list[OutcomeCount]:
        """The outcomes that the latest question has seen, the most frequent first."""
        return counts(self.findings.race.tally.outcomes, self._explored.outcomes)

    def ask(self, asked: OutcomeQuestion, alone: Callable[[], AbstractContextManager[None]]) -> Result:
        """Answer a question by schedules and, where these do not suffice, by samples.

        :param alone: a context in which no other experiment measures on this machine; samples run in it.
        :raises Failed: the code of the race raised, hung, or ended the process.
        """
        if asked.end is CRASH and self.conditions.in_process:
            return Result(lacking=_NO_CHILD)
        others = frozenset() if self.is_replay else running_threads() - {threading.main_thread(), *HANGING}
        try:
            result = self._answered(asked, alone)
        except Failed as failed:
            if others and failed.failure.kind in ("deadlock", "hang"):
                return Result(lacking=self._missing(others))
            raise
        stands = result.lacking is not None or _waits_nowhere(result.searched.witness)
        return result if stands or not others else replace(result, lacking=self._missing(others))

    def _missing(self, others: Collection[threading.Thread]) -> str:
        """Return why threads that schedules do not switch leave the question open."""
        how = "schedules do not switch" if self.conditions.in_process else "its child process does not have"
        it = "it" if len(others) == 1 else "them"
        return (
            f"{named(others)} ran before the race, and {how} {it}; let setup start {it}, or end {it} before the race"
        )

    def _answered(self, asked: OutcomeQuestion, alone: Callable[[], AbstractContextManager[None]]) -> Result:
        started, gil = clock(), gil_enabled()
        linux.load()
        self._explored = Explored()
        self._samples.begin()
        searched = self._schedules.ask(asked)
        self._explored = searched.race
        result = self._with_samples(asked, searched, started, alone)
        if searched.race.unordered is None:
            self._check_observed(asked)
        after = gil_enabled() if result.findings is None else result.findings.gil
        return result if after is gil else replace(result, lacking=_gil_changed(gil, after))

    def _with_samples(
        self,
        asked: OutcomeQuestion,
        searched: Searched,
        started: float,
        alone: Callable[[], AbstractContextManager[None]],
    ) -> Result:
        lacking, race = searched.lacking(), searched.race
        is_parallel = self.experiment.race.is_parallel
        # With a GIL, samples of many scenarios show little.
        many = race.run > 0 and lacking is not None and self.experiment.race.operations and not is_parallel
        if searched.is_final or asked.end is DEADLOCK or race.unordered is not None or many:
            return Result(searched, None, lacking)
        if self.experiment.race.interrupted:
            return Result(searched, None, lacking or self._impossible(asked))
        if searched.control_needs_no_race:
            return Result(searched, None, _NOT_A_RACE)
        if race.leaks:
            return Result(searched, None, lacking or (_LEAKS if is_parallel else None))
        suffices = lacking is None and not is_parallel
        if is_traced():
            return Result(searched, None, self._impossible(asked) if suffices else f"{_TRACED}; {tracer_advice()}")
        left = max(0.0, self.conditions.budget - (clock() - started))  # before the wait for the machine
        with nullcontext() if suffices else alone():  # a look needs no power, so other experiments may run
            now = clock()
            if suffices:
                self._look(asked, now, now + left)
            else:
                self._samples.ask(asked, self.experiment, now, now + left)
        findings = self.findings
        if findings.race.tally.seen.samples:
            return Result(searched, findings, None, remark=_INSIDE if lacking is None else None)
        impossible = self._impossible(asked)
        if suffices:
            return Result(searched, findings, impossible or _too_short(findings), is_look=True)
        if lacking is not None:  # which says what to do, and schedules took most of the budget
            findings.budget = None
        unsampled = impossible or findings.lacking()
        if not is_parallel and race.run and not self.experiment.matched:
            # With a GIL, threads are switched seldom, and a generic control does not show how seldom.
            return Result(searched, findings, lacking)
        both = "; samples have no answer either: ".join(filter(None, (lacking, unsampled)))
        return Result(searched, findings, both if unsampled is not None else None)

    def _look(self, asked: OutcomeQuestion, now: float, end: float) -> None:
        """Let the race's threads run freely for a short time; for longer where that makes few samples."""
        until = min(end, now + min(_LOOK_PART * self.conditions.budget, _MOST_LOOK_S))
        while True:
            self._samples.look(asked, now, until, enough=_ENOUGH_LOOK_OVERLAPPING)
            tally = self.findings.race.tally
            if tally.seen.samples or tally.total.samples >= _LEAST_LOOK_SAMPLES or clock() >= end:
                return
            until = min(end, clock() + _MOST_LOOK_S)

    def _impossible(self, asked: OutcomeQuestion) -> str | None:
        """Return why the outcome in the question could not have been seen; None if it could.

        A control of the race's own has shown it.
        """
        tally = self.findings.race.tally
        like = tally.like or self._explored.like
        first = next(iter({**self._explored.outcomes, **tally.outcomes}), None)
        if self.experiment.matched or like or asked.end is not None or first is None:
            return None
        control = "" if self.experiment.race.interrupted else ", or pass a control that shows this one"
        return (
            f"not seen, but no outcome was of its kind; the first was {first}. Ask about an outcome of that kind"
            f"{control}"
        )

    def _check_observed(self, asked: OutcomeQuestion) -> None:
        """Refuse a question about what actors return if they return nothing.

        :raises Failed: they return nothing.
        """
        if self.is_replay:  # it is one run, and others may return something
            return
        if asked.about_values and self.outcomes and all(count.outcome.is_empty for count in self.outcomes):
            race = self.experiment.race
            names = " and ".join(race.names())
            runs = counted(sum(count.total for count in self.outcomes), "run")
            if race.observe is not None:
                text = f"observe and {names} returned None in {runs}, so there is no outcome to ask about"
                advice = "let observe return a value"
            else:
                text = f"{names} returned None in {runs} without observe, so there is no outcome to ask about"
                advice = "pass observe=..., or let the actors return a value"
            raise Failed(Failure("raised", f"{text}; {advice}", ""))


def _waits_nowhere(witness: Witness | None) -> bool:
    """Return whether no actor waits in a witness, so that it does not take another thread to show it."""
    return witness is not None and bool(witness.steps) and all(step.event != BLOCKED for step in witness.steps)


def _too_short(findings: Findings) -> str | None:
    """Return why a look does not suffice; None if it does."""
    samples = findings.race.tally.total.samples
    if samples >= _LEAST_LOOK_SAMPLES:
        return None
    return (
        f"actors that ran freely made only {samples} of the {_LEAST_LOOK_SAMPLES} samples needed to see effects "
        "inside C code, because the machine is busy or the actors are slow; give the claim a longer budget"
    )


def _gil_changed(before: bool, after: bool) -> str:
    return (
        f"the GIL was {'on' if before else 'off'} when the question was asked and {'on' if after else 'off'} at the "
        "end; import the extension module that enables it before the race"
    )
