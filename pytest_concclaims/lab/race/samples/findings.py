"""What samples have shown for a question so far, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ....interpreter import gil_enabled
from ..scenarios import Scenario
from .meetings import Meeting
from .power import Absence
from .tally import Tally

#: CPU seconds that a stride should take, in all. That is short, so its outcomes are looked at often.
STRIDE_S = 0.008
#: CPU seconds that it takes at least: the clocks of some systems are coarse.
_LEAST_S = 1e-4
#: Samples of any stride, at most.
_MAX_LENGTH = 16_384
#: A stride is at most this many times as long as the one before.
_GROWTH = 16
#: Samples of the race that are made one at a time, to see what ``setup`` undoes, before any are made in pools.
_WATCHED = 3
#: The control has at least this part of the race's time, and as much as that while it is behind.
_RACE_TURNS = 8
#: Seconds of a side's first turn; each is twice as long as the one before: what takes its time in one process, such
#: as a crash, has to get it.
_FIRST_TURN_S = 0.05


@dataclass
class Side:
    """One of the two that are sampled in turns: the race, or its control.

    :param tally: what was seen.
    :param length: samples of the next pool.
    :param turn_s: seconds of its next turn.
    :param seconds: of all its turns.
    """

    tally: Tally = field(default_factory=Tally)
    length: int = 1
    turn_s: float = _FIRST_TURN_S
    seconds: float = 0.0

    def learn_length(self, seconds: float) -> None:
        """Let the next pool take about the time that it should; what takes longer is cut short.

        :param seconds: CPU time that the latest took, in all: beside other load, none is done soon.
        """
        fitting = min(_MAX_LENGTH, self.length * _GROWTH, int(self.length * STRIDE_S / max(seconds, _LEAST_S)))
        self.length = max(self.length, fitting)  # a short one mostly wakes threads, and is no measure


@dataclass
class Findings:
    """All that samples have shown for a question; it travels between processes.

    :param strategies: ways of meeting, used in turns.
    :param matched: whether the control is the race's own, so that the same is sought of it.
    :param crash: whether a crash is sought.
    :param least_empty: samples in which actors return nothing that are enough once what is sought was seen.
    :param same_setup: whether the control's states are made as the race's.
    :param seconds: of sampling.
    :param shares: in words, why samples are made one at a time; None where that is not needed.
    :param watched: samples of the race in which that was looked for: not the first ones of their processes.
    :param gil: whether the GIL was on at the end.
    :param budget: seconds that the question was given.
    :param unordered: why it is not known what calls give one after the other; None if it is, or is not asked about.
    :param scenario: of operations: that of the latest turn, which has the witness, if there is one.
    """

    strategies: tuple[Meeting, ...] = ()
    matched: bool = True
    crash: bool = False
    least_empty: int = 0
    same_setup: bool = True
    race: Side = field(default_factory=Side)
    control: Side = field(default_factory=Side)
    seconds: float = 0.0
    shares: str | None = None
    watched: int = 0
    gil: bool = field(default_factory=gil_enabled)
    budget: float | None = None
    unordered: str | None = None
    scenario: Scenario | None = None

    @property
    def is_watched(self) -> bool:
        """Whether it is still looked at what ``setup`` undoes."""
        return self.shares is None and self.watched < _WATCHED

    @property
    def remarks(self) -> list[str]:
        """What is to be said of the samples."""
        return [] if self.shares is None else [f"samples were made one at a time, as {self.shares}"]

    def are_pooled(self, side: Side) -> bool:
        """Return whether a side has its samples made in pools; a control with a setup of its own always has."""
        alone = self.shares is not None or (side is self.race and self.is_watched)
        return not alone or (side is self.control and not self.same_setup)

    def next(self) -> Side:
        """Return the side whose turn it is: of the two, the one that is farther from what it takes."""
        race, control = self.race.seconds, self.control.seconds
        if self.crash and not self.matched:
            return self.race
        if _RACE_TURNS * (control + _FIRST_TURN_S) <= race:
            return self.control
        return self.control if control < race and self.absence.control_is_behind() else self.race

    def is_turn_over(self, side: Side) -> bool:
        """Return whether a side needs no more samples for now."""
        return self.is_settled() or (side is self.control and not self.absence.control_is_behind())

    def is_settled(self) -> bool:
        """Return whether more samples are not needed."""
        tally = self.race.tally
        is_seen = tally.total.samples >= self.least_empty or not all(outcome.is_empty for outcome in tally.outcomes)
        return self.unordered is not None or (tally.seen.samples > 0 and is_seen) or self.absence.is_plenty()

    @property
    def absence(self) -> Absence:
        """What "never seen" rests on."""
        race, control = self.race.tally, self.control.tally
        return Absence(
            overlapping=race.total.overlapping,
            strides=race.strides,
            control_overlapping=control.total.overlapping,
            control_seen=control.seen.overlapping,
            matched=self.matched,
            budget=self.budget,
        )

    def lacking(self) -> str | None:
        """Return why samples are no ground for an answer; None if they are."""
        if self.unordered is not None:
            return self.unordered
        if self.race.tally.seen.samples:
            return None
        if self.crash and not self.matched:
            return "a crash has no generic control: give the race one that crashes, lab.race(..., control=...)"
        return self.absence.lacking()
