"""How far a question has come: what it seeks was seen, or was absent often enough."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from ...interpreter import gil_enabled
from .findings import RaceFindings, Side
from .power import Absence
from .question import OutcomeQuestion, shown
from .tally import Count, Sighting

#: For one stride of the control, there are at least one and at most this many of the race.
_RACE_STRIDES = 8


@dataclass(frozen=True)
class Progress:
    """How far a question has come.

    :param seen: how often what is sought was seen.
    :param witness: the first time.
    :param outcome: the witness's, as a ``repr``.
    :param absence: what "never seen" rests on.
    :param impossible: why what was not seen could not have been; None if it could.
    :param lacking: why samples are no ground for an answer; None if they are.
    :param gil: whether the GIL was on at the end.
    """

    seen: Count
    witness: Sighting | None
    outcome: str | None
    absence: Absence
    impossible: str | None
    lacking: str | None
    gil: bool


class Search:
    """The search for what a question seeks among the outcomes of one side.

    :param sought: whether an outcome is what is sought. It is called once for each outcome.
    """

    def __init__(self, side: Side, sought: Callable[[Hashable], bool]) -> None:
        self.side = side
        self._sought = sought
        self._answers: dict[Hashable, bool] = {}
        #: All samples that were searched.
        self.searched = Count()
        #: Those of them that show what is sought.
        self.seen = Count()
        #: The first outcome that is sought, and where it was seen.
        self.witness: tuple[Hashable, Sighting] | None = None
        if self.add(side.tally.outcomes):
            earlier = [item for item in side.tally.first.items() if self.is_sought(item[0])]
            self.witness = min(earlier, key=lambda item: item[1].sample)

    def add(self, counts: Mapping[Hashable, Count]) -> bool:
        """Search some outcomes, and return whether the first that is sought is among them."""
        before = self.seen.samples
        for outcome, count in counts.items():
            self.searched.add_all(count)
            if self.is_sought(outcome):
                self.seen.add_all(count)
        return before == 0 < self.seen.samples

    def is_sought(self, outcome: Hashable) -> bool:
        """Return whether an outcome is what is sought."""
        if outcome not in self._answers:
            self._answers[outcome] = self._sought(outcome)
        return self._answers[outcome]


class OpenQuestion:
    """A question while there are samples for it.

    A control of the race's own has the race's outcomes, and the same is sought among them. Of another control, any
    outcome that is true is sought.

    :param matched: whether the control is the race's own.
    """

    def __init__(self, question: OutcomeQuestion, findings: RaceFindings, *, matched: bool) -> None:
        self._question = question
        self._matched = matched
        #: Samples whose outcomes were forgotten before this was asked.
        self._forgotten = sum(count.samples for count in findings.race.tally.forgotten.values())
        self.control = Search(findings.control, question.sought if matched else bool)
        for forgotten in findings.control.tally.forgotten.values():  # they count as samples that did not show it
            self.control.searched.add_all(forgotten)
        self.race = Search(findings.race, question.sought)

    def next(self, only: Side | None) -> Search:
        """Return the side that is sampled next: of the two, the one that is farther from what it takes.

        :param only: the one side that is sampled; None: both, in turns.
        """
        if only is not None:
            return self.control if only is self.control.side else self.race
        race, control = self.race.side.tally.turns, self.control.side.tally.turns
        if control * _RACE_STRIDES <= race - _RACE_STRIDES:
            return self.control
        return self.control if control < race and self._absence().control_is_behind() else self.race

    def is_settled(self) -> bool:
        """Return whether more samples are not needed."""
        return self.race.seen.samples > 0 or self._absence().is_plenty()

    def progress(self) -> Progress:
        """Return how far the question has come."""
        outcome, at = self.race.witness or (None, None)
        return Progress(
            seen=self.race.seen,
            witness=at,
            outcome=None if at is None else shown(outcome),
            absence=self._absence(),
            impossible=None if self.race.seen.samples else self._impossible(),
            lacking=self._lacking(),
            gil=gil_enabled(),
        )

    def _absence(self) -> Absence:
        return Absence(
            overlapping=self.race.searched.overlapping,
            strides=self.race.side.tally.strides,
            control_overlapping=self.control.searched.overlapping,
            control_seen=self.control.seen.overlapping,
            matched=self._matched,
        )

    def _lacking(self) -> str | None:
        if self.race.seen.samples:
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
        subject, outcomes = self.race.side.subject, self.race.side.tally.outcomes
        if self._matched or not outcomes:
            return None
        if subject.observe is None and not subject.exceptions and all(map(_is_nothing, outcomes)):
            return "not seen, but actors returned nothing, and the state is not observed: give the race an observe"
        if not any(map(self._question.like, outcomes)):
            example = shown(next(iter(outcomes)))
            return (
                f"not seen, but no outcome was of its kind; the first was {example}. Ask for an outcome like that "
                "one, or give the race a control that shows this one"
            )
        return None


def _is_nothing(outcome: Hashable) -> bool:
    return isinstance(outcome, tuple) and all(value is None for value in outcome)
