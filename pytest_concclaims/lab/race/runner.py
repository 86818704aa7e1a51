"""Questions to a race: schedules first, then samples where these do not suffice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from ...interpreter import gil_enabled
from ...text import counted
from .. import linux
from ..failure import Failed, Failure
from ..tracing import is_traced, tracer_advice
from .conditions import Conditions
from .experiment import RaceExperiment
from .histogram import OutcomeCount, counts
from .question import CRASH, DEADLOCK, OutcomeQuestion
from .samples.findings import Findings
from .samples.search import SampleSearch
from .samples.stride import clock
from .schedules.explorer import Explored
from .schedules.replay import Token
from .schedules.search import ScheduleSearch
from .schedules.searched import Searched

#: Threads run freely after schedules have answered, as C code can let the GIL go: in this part of the budget, and at
#: most these seconds and these samples.
_LOOK_PART, _MOST_LOOK_S, _MOST_LOOK_SAMPLES = 0.1, 0.2, 2_000
#: A look says something from this number of samples on: pieces of one ``print`` are mixed up in one of ten.
_LEAST_LOOK_SAMPLES = 100
_NOT_A_RACE = (
    "the control shows it also where its actors run one after the other: what it shows is not the effect of a race"
)
_TRACED = (
    "a tracer, profiler or debugger is active, which runs code of its own between the actors' instructions: what "
    "threads do that run freely is not what they do without it"
)
_LEAKS = (
    "actors leave behind in the process what changes the next run of them, and samples share a process; let setup "
    "undo it"
)
_INSIDE = "no schedule shows it: it comes about inside C code or a single instruction"
_NO_CHILD = (
    "lab.CRASH can be seen only in a child forked for it: not under --claims-in-process, and not where there is no "
    "os.fork"
)


@dataclass(frozen=True)
class Result:
    """What a question has come to; nothing yet, or that what was to be run failed.

    :param searched: by schedules.
    :param findings: of samples; None where there were none.
    :param lacking: why there is no answer; None if there is.
    :param is_look: whether samples were only a short look, and no ground for the answer.
    :param remark: on the witness.
    """

    searched: Searched = field(default_factory=lambda: Searched(False, Explored()))
    findings: Findings | None = None
    lacking: str | None = None
    is_look: bool = False
    remark: str | None = None

    @property
    def bound(self) -> float | None:
        """Return the rate of what was not seen in samples, at most; None where they are no ground for an answer."""
        if self.findings is None or self.lacking is not None or self.is_look or self.is_witnessed:
            return None
        return self.findings.absence.bound

    @property
    def is_witnessed(self) -> bool:
        """Return whether what is sought was seen."""
        in_samples = self.findings is not None and self.findings.race.tally.seen.samples > 0
        return self.searched.witness is not None or in_samples


class Runner:
    """Runs an experiment for one question after the other.

    :param replay: tokens of schedules, of which one may be of this race.
    """

    def __init__(self, experiment: RaceExperiment, conditions: Conditions, replay: Sequence[Token] = ()) -> None:
        self.conditions = conditions
        #: What the schedules of the latest question have seen.
        self._explored = Explored()
        self._schedules = ScheduleSearch(experiment, conditions, replay)
        self._samples = SampleSearch(experiment, conditions)

    @property
    def experiment(self) -> RaceExperiment:
        """The experiment, with the control that the latest question had."""
        return self._schedules.experiment

    @property
    def is_replay(self) -> bool:
        """Return whether only a schedule is run that a replay token names."""
        return self._schedules.replay is not None

    @property
    def findings(self) -> Findings:
        """What samples have shown for the latest question."""
        return self._samples.findings

    @property
    def outcomes(self) -> list[OutcomeCount]:
        """The outcomes that the latest question has seen, the most frequent first."""
        return counts(self.findings.race.tally.outcomes, self._explored.outcomes)

    def ask(self, asked: OutcomeQuestion, alone: Callable[[], AbstractContextManager[None]]) -> Result:
        """Look for what a question seeks, by schedules and, where these do not suffice, by samples.

        :param alone: gives the machine to samples.
        :raises Failed: what was to be run raised, hung, or ended the process.
        """
        if asked.end is CRASH and self.conditions.in_process:
            return Result(lacking=_NO_CHILD)
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
        # With a GIL, samples of many scenarios say little.
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
        left = max(0.0, self.conditions.budget - (clock() - started))  # waiting for the machine takes nothing of it
        with nullcontext() if suffices else alone():  # a short look asks for no power, and so for no quiet machine
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
        if lacking is not None:  # schedules have taken most of the budget, so nothing follows from it for samples
            findings.budget = None
        unsampled = impossible or findings.lacking()
        if not is_parallel and race.run and not self.experiment.matched:
            # Threads are switched seldom, and a control that is not the race's own says nothing of how seldom.
            return Result(searched, findings, lacking)
        both = "; and of samples: ".join(filter(None, (lacking, unsampled)))
        return Result(searched, findings, both if unsampled is not None else None)

    def _look(self, asked: OutcomeQuestion, now: float, end: float) -> None:
        """Let the race's threads run freely for a short time: longer on a busy machine, where little comes of it."""
        until = min(end, now + min(_LOOK_PART * self.conditions.budget, _MOST_LOOK_S))
        while True:
            self._samples.look(asked, now, until, most=_MOST_LOOK_SAMPLES)
            tally = self.findings.race.tally
            if tally.seen.samples or tally.total.samples >= _LEAST_LOOK_SAMPLES or clock() >= end:
                return
            until = min(end, clock() + _MOST_LOOK_S)

    def _impossible(self, asked: OutcomeQuestion) -> str | None:
        """Return why what was never seen could not have been, whatever happened; None if it could.

        A control of the race's own has shown it.
        """
        tally = self.findings.race.tally
        like = tally.like or self._explored.like
        first = next(iter({**self._explored.outcomes, **tally.outcomes}), None)
        if self.experiment.matched or like or asked.end is not None or first is None:
            return None
        control = "" if self.experiment.race.interrupted else ", or give the race a control that shows this one"
        return (
            f"not seen, but no outcome was of its kind; the first was {first}. Ask for an outcome like that one"
            f"{control}"
        )

    def _check_observed(self, asked: OutcomeQuestion) -> None:
        """Refuse a question about what actors return where they return nothing.

        :raises Failed: they do.
        """
        if self.is_replay:  # of one run, and others may return something
            return
        if asked.about_values and self.outcomes and all(count.outcome.is_empty for count in self.outcomes):
            race = self.experiment.race
            names = " and ".join(race.names())
            runs = counted(sum(count.total for count in self.outcomes), "run")
            if race.observe is not None:
                text = f"observe and {names} returned None in {runs}, so that there is nothing to ask about"
                advice = "let observe return what is to be looked at"
            else:
                text = f"{names} returned None in {runs}, and there is no observe: there is nothing to ask about"
                advice = "give it one: observe=..., or let the actors return what is to be looked at"
            raise Failed(Failure("raised", f"{text}; {advice}", ""))


def _too_short(findings: Findings) -> str | None:
    """Return why a look says nothing; None if it says something."""
    samples = findings.race.tally.total.samples
    if samples >= _LEAST_LOOK_SAMPLES:
        return None
    return (
        f"threads that ran freely made only {counted(samples, 'sample')} of the {_LEAST_LOOK_SAMPLES} that it takes "
        "to see what C code does; the machine is busy, or the actors are slow: give it a longer budget"
    )


def _gil_changed(before: bool, after: bool) -> str:
    return (
        f"the GIL was {'on' if before else 'off'} when this was asked and {'on' if after else 'off'} at the end; "
        "import what brings it back before the race"
    )
