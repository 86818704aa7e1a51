"""The numbers of one side's samples: how often each outcome was seen, and the first witness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ....interpreter import gil_enabled
from ..question import Judged, Portable
from .strategies import SWITCH_INTERVAL_S, Strategy
from .stride import Outcomes

#: The number of different outcomes that are counted separately.
_MAX_DISTINCT = 10_000
_OTHERS = Portable("other outcomes")


@dataclass(frozen=True)
class Sighting:
    """The circumstances of the first witness.

    :param seconds: since the question was asked.
    :param sample: the number of the sample on its side, from 1.
    """

    outcome: str
    seconds: float
    sample: int
    strategy: str
    switch_interval: float | None
    overlapping: bool

    @classmethod
    def at(cls, outcome: str, strategy: Strategy, seconds: float, sample: int, *, overlapping: bool) -> Sighting:
        """Return the sighting of a sample; whether the GIL is on is as it is now."""
        return cls(
            outcome, seconds, sample, strategy.value, SWITCH_INTERVAL_S if gil_enabled() else None, overlapping
        )


@dataclass
class Count:
    """The number of samples that show something, and of the overlapping ones among them."""

    samples: int = 0
    overlapping: int = 0

    def add(self, samples: int, overlapping: int) -> None:
        """Add samples."""
        self.samples += samples
        self.overlapping += overlapping


@dataclass
class Tally:
    """The numbers of one side's samples.

    :param turns: strides.
    :param strides: those of them in which actors overlapped.
    :param seen: samples that are witnesses.
    :param witness: the first of them.
    :param like: whether an outcome was of the kind of the one in the question.
    """

    turns: int = 0
    strides: int = 0
    total: Count = field(default_factory=Count)
    seen: Count = field(default_factory=Count)
    outcomes: dict[Portable, Count] = field(default_factory=dict)
    by_strategy: dict[Strategy, Count] = field(default_factory=dict)
    witness: Sighting | None = None
    like: bool = False

    def add(self, stride: Outcomes, judge: Callable[[Any], Judged], strategy: Strategy, seconds: float) -> None:
        """Add a stride.

        :param seconds: since the question was asked.
        :raises Failed: the predicate raised.
        """
        self.turns += 1
        self.strides += any(stride.overlapping)
        for outcome, overlapping in zip(stride.found, stride.overlapping):
            judged = judge(outcome)
            self.like = self.like or judged.like
            self.count(judged.outcome, overlapping)
            if judged.sought:
                self.seen.add(1, overlapping)
                if self.witness is None:
                    text, number = str(judged.outcome), self.total.samples
                    self.witness = Sighting.at(text, strategy, seconds, number, overlapping=bool(overlapping))
        self.by_strategy.setdefault(strategy, Count()).add(len(stride.found), sum(stride.overlapping))

    def count(self, outcome: Portable, overlapping: int, samples: int = 1) -> None:
        """Count samples with the same outcome."""
        self.total.add(samples, overlapping)
        is_separate = outcome in self.outcomes or len(self.outcomes) < _MAX_DISTINCT
        self.outcomes.setdefault(outcome if is_separate else _OTHERS, Count()).add(samples, overlapping)
