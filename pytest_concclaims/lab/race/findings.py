"""What is known of a race and of its control, from question to question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .experiment import RaceExperiment, Subject
from .samples.strategy import Meeting, Strategy
from .tally import Count, Tally

#: Seconds that a stride should take, in all. That is short, so its outcomes are looked at often.
_STRIDE_S = 0.008
#: Seconds that a free drift should take. It is there for the number of samples, most of which need no thread switch.
_DRIFT_STRIDE_S = 0.016
#: Samples of the first stride of all.
_FIRST_LENGTH = 2
#: Samples of the first stride with a strategy, at most: a witness is seen at the end of the stride.
_FIRST_LENGTH_OF_STRATEGY = 2_048
#: Samples of any stride, at most.
_MAX_LENGTH = 16_384
#: A stride is at most this many times as long as an earlier one.
_GROWTH = 16
#: A stride that took one part in this many of its time tells how long the next should be.
_TELLING_PART = 4


@dataclass
class Side:
    """One of the two that are sampled in turns: the race, or its control.

    :param subject: what is sampled.
    :param tally: what was seen.
    :param samples_by_strategy: how many samples each strategy made.
    :param safe_length: samples that a stride may have, as far as known. It grows from stride to stride, whatever the
        strategy.
    :param fitting_lengths: for each strategy, the samples of a stride that takes about as long as it should.
    """

    subject: Subject
    tally: Tally = field(default_factory=Tally)
    samples_by_strategy: dict[Strategy, Count] = field(default_factory=dict)
    safe_length: int = _FIRST_LENGTH
    fitting_lengths: dict[Strategy, int] = field(default_factory=dict)

    def next_length(self, strategy: Strategy) -> int:
        """Return how many samples the next stride with a strategy is to have."""
        return min(self.safe_length, self.fitting_lengths.get(strategy, _FIRST_LENGTH_OF_STRATEGY))

    def learn_length(self, strategy: Strategy, length: int, seconds: float) -> None:
        """Take note of how long a stride took.

        :param length: its samples.
        :param seconds: what it took, in all.
        """
        target = _DRIFT_STRIDE_S if strategy.meeting is Meeting.DRIFT else _STRIDE_S
        fitting = max(1, min(_MAX_LENGTH, length * _GROWTH, int(length * target / seconds)))
        self.safe_length = max(self.safe_length, fitting)
        # A short stride mostly wakes threads, and is no measure for a longer one.
        telling = seconds * _TELLING_PART > target
        self.fitting_lengths[strategy] = fitting if telling else max(fitting, _FIRST_LENGTH_OF_STRATEGY)

    def portable(self, known: Sequence[object]) -> Side:
        """Return the part that another process can be told, see :meth:`Tally.portable`."""
        return replace(self, tally=self.tally.portable(known))


@dataclass
class RaceFindings:
    """All that is known of a race.

    :param strategies: used in turns.
    :param seconds: of sampling.
    """

    strategies: tuple[Strategy, ...]
    race: Side
    control: Side
    seconds: float = 0.0

    @classmethod
    def none_yet(cls, experiment: RaceExperiment, strategies: tuple[Strategy, ...] = ()) -> RaceFindings:
        """Return the findings before the first sample."""
        return cls(strategies, Side(experiment.race), Side(experiment.control))

    def portable(self, known: Sequence[object]) -> RaceFindings:
        """Return the part that another process can be told, see :meth:`Tally.portable`."""
        return replace(self, race=self.race.portable(known), control=self.control.portable(known))
