"""What is known of a race and of its control, from question to question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .experiment import RaceExperiment, Subject
from .samples.meetings import Meeting
from .tally import Count, Tally

#: CPU seconds that a stride should take, in all. That is short, so its outcomes are looked at often.
STRIDE_S = 0.008
#: CPU seconds that it takes at least: the clocks of some systems are coarse.
_LEAST_S = 1e-4
#: Samples of any stride, at most.
_MAX_LENGTH = 16_384
#: Samples of the race that are made one at a time, to see what ``setup`` undoes, before any are made in pools.
_WATCHED = 3
#: A stride is at most this many times as long as the one before.
_GROWTH = 16


@dataclass
class Side:
    """One of the two that are sampled in turns: the race, or its control.

    :param subject: what is sampled.
    :param tally: what was seen.
    :param samples_by_strategy: how many samples each way of meeting has made.
    :param length: samples of the next pool.
    """

    subject: Subject
    tally: Tally = field(default_factory=Tally)
    samples_by_strategy: dict[Meeting, Count] = field(default_factory=dict)
    length: int = 1

    def learn_length(self, seconds: float) -> None:
        """Let the next pool take about the time that it should; what takes longer is cut short.

        :param seconds: CPU time that the latest took, in all: beside other load, none is done soon.
        """
        fitting = min(_MAX_LENGTH, self.length * _GROWTH, int(self.length * STRIDE_S / max(seconds, _LEAST_S)))
        self.length = max(self.length, fitting)  # a short one mostly wakes threads, and is no measure

    def portable(self, known: Sequence[object]) -> Side:
        """Return the part that another process can be told, see :meth:`Tally.portable`."""
        return replace(self, tally=self.tally.portable(known))


@dataclass
class RaceFindings:
    """All that is known of a race.

    :param strategies: ways of meeting, used in turns.
    :param seconds: of sampling.
    :param shares: in words, why samples are made one at a time; None where that is not needed.
    :param watched: samples of the race in which that was looked for.
    """

    strategies: tuple[Meeting, ...]
    race: Side
    control: Side
    seconds: float = 0.0
    shares: str | None = None
    watched: int = 0

    @property
    def is_watched(self) -> bool:
        """Whether it is still looked at what ``setup`` undoes."""
        return self.shares is None and self.watched < _WATCHED

    @property
    def remarks(self) -> list[str]:
        """What is to be said of the samples, in sentences."""
        return [] if self.shares is None else [f"Samples were made one at a time, as {self.shares}."]

    def are_pooled(self, side: Side) -> bool:
        """Return whether samples of a side are made in pools; a generic control's always are."""
        alone = self.shares is not None or (side is self.race and self.is_watched)
        return not alone or side.subject.setup is not self.race.subject.setup

    @classmethod
    def none_yet(cls, experiment: RaceExperiment, strategies: tuple[Meeting, ...] = ()) -> RaceFindings:
        """Return the findings before the first sample."""
        return cls(strategies, Side(experiment.race), Side(experiment.control))

    def portable(self, known: Sequence[object]) -> RaceFindings:
        """Return the part that another process can be told, see :meth:`Tally.portable`."""
        return replace(self, race=self.race.portable(known), control=self.control.portable(known))
