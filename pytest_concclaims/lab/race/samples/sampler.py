"""Sampling a race until a question is settled, or time is up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from ....interpreter import gil_enabled
from ...failure import Failed, Failure, raised
from ...threads import ends_of_threads_heard
from ..experiment import RaceExperiment, Subject
from ..position import Part
from ..power import APART, Absence
from ..question import OutcomeQuestion, shown
from ..tally import Count, Sighting, Tally, sighting
from .actor_threads import Crew
from .meetings import meet
from .strategy import Meeting, Strategy
from .stride import LOOK, Stride, clock, made

#: For one stride of the control, at least one and at most so many of the race.
_RACE_STRIDES = 8
#: Seconds that a stride should take, in all: often enough to look at what came of it.
_STRIDE = 0.008
#: One that drifts: it is there for the number of samples, most of which need no switch of threads.
_DRIFT = 0.016
#: In samples: the first stride of all; one with a strategy not known, at most, as a witness is seen at its end; any.
_UNKNOWN, _FIRST, _LONGEST = 2, 2_048, 16_384
#: A stride may be so many times as long as one before.
_GROWTH = 16
#: One that took this part of its time tells how long it should be.
_LONG_ENOUGH = 4

_APART = Strategy(Meeting.ONE_BY_ONE)

#: What is to be told of a part of a stride before it begins.
Begin = Callable[[Subject, int, Tally, int, Part], None]


@dataclass
class Use:
    """A strategy, and what it has come to.

    :param fitting: samples of a stride that takes about as long as it should, of the race and of the control.
    """

    strategy: Strategy
    fitting: list[int] = field(default_factory=lambda: [_FIRST, _FIRST])
    total: Count = field(default_factory=Count)


@dataclass
class RaceFindings:
    """All that is known of a race; goes on from question to question."""

    uses: list[Use]
    race: Tally = field(default_factory=Tally)
    control: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    #: Samples that a stride of the race and one of the control may have, as far as known. They grow from stride to
    #: stride, whatever the strategy.
    safe: list[int] = field(default_factory=lambda: [_UNKNOWN, _UNKNOWN])

    def next_length(self, use: Use, *, of_control: bool) -> int:
        """Return how many samples the next stride with a strategy is to have."""
        return min(self.safe[of_control], use.fitting[of_control])

    def learn(self, use: Use, length: int, seconds: float, *, of_control: bool) -> None:
        """Take note of what a stride took, in all."""
        target = _DRIFT if use.strategy.meeting is Meeting.DRIFT else _STRIDE
        fitting = max(1, min(_LONGEST, length * _GROWTH, int(length * target / seconds)))
        self.safe[of_control] = max(self.safe[of_control], fitting)
        # A short one takes its time for waking threads, and is no measure for a longer one.
        use.fitting[of_control] = fitting if seconds * _LONG_ENOUGH > target else max(fitting, _FIRST)

    def portable(self, known: Sequence[object]) -> RaceFindings:
        """Return what can be carried of it to another process, that knows the same."""
        return replace(self, race=self.race.portable(known), control=self.control.portable(known))


@dataclass(frozen=True)
class Progress:
    """What a question has come to.

    :param seen: how often what was sought was seen.
    :param witness: the first time.
    :param outcome: the witness's, as a ``repr``.
    :param absence: what "never seen" rests on.
    :param lacking: why there is no answer; None if there is.
    :param gil: whether the GIL was on at the end.
    """

    seen: Count
    witness: Sighting | None
    outcome: str | None
    absence: Absence
    lacking: str | None
    gil: bool


class Sampler:
    """Samples a race and its control in turns.

    :param patience: seconds that a stride may take before its actors count as hanging.
    :param begin: called before each part of a stride with its subject, the number of its strategy, the tally so far,
        the stride's length, and the part.
    """

    def __init__(
        self,
        experiment: RaceExperiment,
        findings: RaceFindings,
        *,
        patience: float,
        begin: Begin,
    ) -> None:
        self._experiment = experiment
        self._findings = findings
        self._patience = patience
        self._begin = begin
        #: A state of the latest stride of the race, and of the control.
        self._latest: dict[bool, object] = {}

    def sample(self, question: OutcomeQuestion, started: float, end: float, *, only: bool | None) -> Progress:
        """Sample until the question is settled, or time is up.

        :param started: the clock's time when it was asked.
        :param end: the clock's time when to stop.
        :param only: True: the control alone, False: the race alone.
        :raises Failed: what was to be sampled failed.
        """
        asked = _Asked(question, self._experiment, self._findings)
        begun = clock()
        died: list[Failure] = []  # threads that actors have started, perhaps

        elders = frozenset(threading.enumerate())

        def note(name: str, thread: threading.Thread | None, error: BaseException) -> bool:
            if thread in elders:
                return False
            died.append(raised(name, error))
            return True

        crew = Crew(self._experiment.race.names(), patience=self._patience)
        try:
            crew.start()
            with _switch_interval_restored(), ends_of_threads_heard(note):
                while not asked.settled() and clock() < end:
                    self._stride(crew, asked, started, end, only)
                    if died:
                        raise Failed(died[0])
        finally:
            crew.close()
            self._findings.seconds += clock() - begun
        return asked.progress()

    def _stride(self, crew: Crew, asked: _Asked, started: float, end: float, only: bool | None) -> None:
        experiment, findings = self._experiment, self._findings
        of_control = asked.control_is_next() if only is None else only
        subject = experiment.control if of_control else experiment.race
        tally = findings.control if of_control else findings.race
        # Race and control each take all strategies in turns, and with each of them every actor leads in turns.
        cycle, index = divmod(tally.turns, len(findings.uses))
        use = Use(_APART) if of_control and self._control_is_to_be_apart() else findings.uses[index]
        length = findings.next_length(use, of_control=of_control)
        if use.strategy is _APART:
            length = min(length, APART)
        begin = partial(self._begin, subject, index, tally, length)
        begin(Part.SETUP)
        _apply(use.strategy)
        begun = clock()
        states = made(subject.setup, length, self._latest.get(of_control))
        self._latest[of_control] = states[-1]
        stride = Stride(subject, states, max(begun, min(end, clock() + LOOK)))
        begin(Part.ACTORS)
        try:
            samples = meet(crew, stride, use.strategy, leader=cycle % len(subject.actors))
        finally:
            if stride.failure is not None:  # also where another actor hangs, as it waits for the one that failed
                raise Failed(stride.failure)
        begin(Part.OUTCOMES)
        seen = stride.outcomes(samples)
        findings.learn(use, len(states), clock() - begun, of_control=of_control)
        before, seconds = tally.total.samples, clock() - started
        if asked.add(tally.add(seen, use.strategy, seconds), of_control=of_control):
            index = next(index for index, outcome in enumerate(seen.found) if asked.is_sought(outcome))
            asked.witness = seen.found[index], sighting(seen, index, before, use.strategy, seconds)
        if not of_control:
            use.total.add(len(seen.found), sum(seen.overlapping))

    def _control_is_to_be_apart(self) -> bool:
        """Return whether to see what the control shows without a race: early, and seldom if it cannot be apart."""
        control = self._findings.control
        turn = control.turns
        return self._experiment.matched and turn > 0 and turn & (turn + 1) == 0 and control.total.apart < APART


def _apply(strategy: Strategy) -> None:
    if strategy.switch_interval is not None:
        sys.setswitchinterval(strategy.switch_interval)
    if strategy.jit is not None:
        import pypyjit  # type: ignore[import-not-found]  # PyPy only

        pypyjit.set_param("default" if strategy.jit else "off")


@contextmanager
def _switch_interval_restored() -> Iterator[None]:
    before = sys.getswitchinterval()
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Asked:
    """Keeps count of what a question seeks.

    Of the control: where it is matched, it has the race's own outcomes; else any outcome that is true counts.
    """

    def __init__(self, question: OutcomeQuestion, experiment: RaceExperiment, findings: RaceFindings) -> None:
        self._question = question
        self._experiment = experiment
        self._findings = findings
        self._control_sought = question.sought if experiment.matched else bool
        self._known: dict[tuple[bool, Hashable], bool] = {}
        self._totals = {False: Count(), True: Count()}  # by "of the control"
        self._seen = {False: Count(), True: Count()}
        #: Samples whose outcomes were forgotten before this was asked.
        self._forgotten = sum(count.samples for count in findings.race.silent.values())
        self.witness: tuple[Hashable, Sighting] | None = None
        for forgotten in findings.control.silent.values():  # they count as samples that did not show it
            self._totals[True].add_all(forgotten)
        self.add(findings.control.outcomes, of_control=True)
        if self.add(findings.race.outcomes, of_control=False):
            earlier = [item for item in findings.race.first.items() if self.is_sought(item[0])]
            self.witness = min(earlier, key=lambda item: item[1].sample)

    def add(self, counts: dict[Hashable, Count], *, of_control: bool) -> bool:
        """Look through some outcomes, and return whether the race's first witness is among them."""
        before = self._seen[False].samples
        for outcome, count in counts.items():
            self._totals[of_control].add_all(count)
            if self.is_sought(outcome, of_control=of_control):
                self._seen[of_control].add_all(count)
        return before == 0 < self._seen[False].samples

    def is_sought(self, outcome: Hashable, *, of_control: bool = False) -> bool:
        """Return whether an outcome is a witness."""
        key = (of_control, outcome)
        if key not in self._known:
            self._known[key] = (self._control_sought if of_control else self._question.sought)(outcome)
        return self._known[key]

    def settled(self) -> bool:
        """Return whether more samples are not needed."""
        return self._seen[False].samples > 0 or self._absence().is_plenty()

    def control_is_next(self) -> bool:
        """Return whether the next stride is the control's: where it is farther from what it takes than the race."""
        race, control = self._findings.race.turns, self._findings.control.turns
        if control * _RACE_STRIDES <= race - _RACE_STRIDES:
            return True
        return control < race and self._absence().control_is_behind()

    def _absence(self) -> Absence:
        return Absence(
            overlapping=self._totals[False].overlapping,
            strides=self._findings.race.strides,
            control_overlapping=self._totals[True].overlapping,
            control_seen=self._seen[True].overlapping,
            control_apart=self._totals[True].apart,
            control_seen_apart=self._seen[True].apart,
            matched=self._experiment.matched,
        )

    def _lacking(self) -> str | None:
        if self._seen[False].samples:
            return None
        if self._forgotten:
            return (
                f"not seen, but what came of {self._forgotten:,} earlier samples can no longer be asked about; let "
                "outcomes be few, and such that they can be pickled"
            )
        return self._impossible() or self._absence().lacking()

    def _impossible(self) -> str | None:
        """Return why what was never seen could not have been, whatever happened; None if it could.

        A control of the race's own has shown it.
        """
        subject, outcomes = self._experiment.race, self._findings.race.outcomes
        if self._experiment.matched or not outcomes:
            return None
        if subject.observe is None and not subject.exceptions and all(map(_is_nothing, outcomes)):
            return "not seen, but actors returned nothing, and nobody observes the state: give the race an observe"
        if not any(map(self._question.like, outcomes)):
            example = shown(next(iter(outcomes)))
            return (
                f"not seen, but no outcome was of its kind; the first was {example}. Ask for an outcome like that "
                "one, or give the race a control that shows this one"
            )
        return None

    def progress(self) -> Progress:
        """Return where the question stands."""
        outcome, at = self.witness or (None, None)
        return Progress(
            seen=self._seen[False],
            witness=at,
            outcome=None if at is None else shown(outcome),
            absence=self._absence(),
            lacking=self._lacking(),
            gil=gil_enabled(),
        )


def _is_nothing(outcome: Hashable) -> bool:
    return isinstance(outcome, tuple) and all(value is None for value in outcome)
