"""The samples of one side of a race: how often each outcome was seen, and what is sought, and where first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ....interpreter import gil_enabled
from ..question import Judged, Portable
from .meetings import SWITCH_INTERVAL_S, Meeting
from .stride import Outcomes

#: The number of different outcomes that are counted apart.
_MAX_DISTINCT = 10_000
_OTHERS = Portable("other outcomes")


@dataclass(frozen=True)
class Sighting:
    """Where what is sought was seen first.

    :param seconds: after the question was asked.
    :param sample: its number, from 1, among all of the side.
    """

    outcome: str
    seconds: float
    sample: int
    strategy: str
    switch_interval: float | None
    overlapping: bool

    @classmethod
    def at(cls, outcome: str, meeting: Meeting, seconds: float, sample: int, *, overlapping: bool) -> Sighting:
        """Return the sighting of a sample, in the present state of the GIL."""
        return cls(outcome, seconds, sample, meeting.value, SWITCH_INTERVAL_S if gil_enabled() else None, overlapping)


@dataclass
class Count:
    """How often something was seen, and how often in samples whose actors overlapped."""

    samples: int = 0
    overlapping: int = 0

    def add(self, samples: int, overlapping: int) -> None:
        """Count some more."""
        self.samples += samples
        self.overlapping += overlapping


@dataclass
class Tally:
    """The samples of one side.

    :param turns: strides that were made.
    :param strides: those of them in which actors overlapped.
    :param seen: samples that show what is sought.
    :param witness: the first of them.
    :param like: whether an outcome was of the kind of what is sought.
    """

    turns: int = 0
    strides: int = 0
    total: Count = field(default_factory=Count)
    seen: Count = field(default_factory=Count)
    outcomes: dict[Portable, Count] = field(default_factory=dict)
    by_meeting: dict[Meeting, Count] = field(default_factory=dict)
    witness: Sighting | None = None
    like: bool = False

    def add(self, stride: Outcomes, judge: Callable[[Any], Judged], meeting: Meeting, seconds: float) -> None:
        """Add a stride.

        :param seconds: after the question was asked.
        :raises Failed: the predicate has raised.
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
                    self.witness = Sighting.at(text, meeting, seconds, number, overlapping=bool(overlapping))
        self.by_meeting.setdefault(meeting, Count()).add(len(stride.found), sum(stride.overlapping))

    def count(self, outcome: Portable, overlapping: int, samples: int = 1) -> None:
        """Count samples with one outcome."""
        self.total.add(samples, overlapping)
        is_apart = outcome in self.outcomes or len(self.outcomes) < _MAX_DISTINCT
        self.outcomes.setdefault(outcome if is_apart else _OTHERS, Count()).add(samples, overlapping)
