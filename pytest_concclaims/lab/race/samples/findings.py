"""The samples of a question so far, and whether they settle it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ....interpreter import gil_enabled
from ..position import Part
from ..scenarios import Scenario
from .power import Absence
from .strategies import Strategy
from .tally import Tally

#: CPU seconds that a stride should take in all its threads, with the judging of its outcomes.
STRIDE_S = 0.004
#: CPU seconds that a stride is taken to use at least, because some clocks are coarse.
_LEAST_S = 1e-4
#: The maximal number of samples in a stride.
_MAX_LENGTH = 16_384
#: A stride has at most this many times the samples of the one before.
_GROWTH = 16
#: Samples of the race that are made one at a time and checked for side effects, before any stride is longer.
_CHECKED = 3
#: The control has at least one eighth of the race's time, and as much as the race while it is behind.
_RACE_TURNS = 8
#: Seconds of the first turn. Each turn is twice as long as the one before, because an effect such as a crash may take
#: some time in one process.
_FIRST_TURN_S = 0.1


@dataclass
class Side:
    """The race or its control, which are sampled in turns.

    :param tally: of the samples.
    :param lengths: of the next stride of each strategy, in samples; 1 for a strategy that has had none.
    :param turn_s: seconds of the next turn.
    :param seconds: of all turns.
    """

    tally: Tally = field(default_factory=Tally)
    lengths: dict[Strategy, int] = field(default_factory=dict)
    turn_s: float = _FIRST_TURN_S
    seconds: float = 0.0

    def length(self, strategy: Strategy) -> int:
        """Return the length of a strategy's next stride, in samples."""
        return self.lengths.get(strategy, 1)

    def learn_length(self, strategy: Strategy, seconds: float) -> None:
        """Adapt the length of a strategy's next stride to the time that its latest one took.

        :param seconds: CPU time of that stride in all its threads, which other programs on the machine do not affect.
        """
        length = self.length(strategy)
        fitting = min(_MAX_LENGTH, length * _GROWTH, int(length * STRIDE_S / max(seconds, _LEAST_S)))
        self.lengths[strategy] = max(length, fitting)  # it never shrinks: a short stride mostly wakes threads


@dataclass
class Findings:
    """All samples of a question; sent between processes.

    :param strategies: are used in turns.
    :param matched: whether the control is the race's own, so that the same is sought in it.
    :param crash: whether a crash is sought.
    :param crash_parts: the parts of a sample in which a crash is a witness.
    :param least_empty: if a witness is seen and actors return nothing, the number of samples that shows that they
        never do.
    :param same_setup: whether race and control have the same ``setup``.
    :param seconds: of sampling.
    :param one_at_a_time: why samples are made one at a time; None if they need not be.
    :param checked: the number of samples of the race that were checked for side effects.
    :param gil: whether the GIL was on at the end.
    :param budget: seconds for the question; None to advise no other one.
    :param unordered: why the results of calls one after the other are unknown; None if they are known or not
        needed.
    :param scenario: of the latest turn, which has the witness if there is one; None without operations.
    """

    strategies: tuple[Strategy, ...] = ()
    matched: bool = True
    crash: bool = False
    crash_parts: tuple[Part, ...] = ()
    least_empty: int = 0
    same_setup: bool = True
    race: Side = field(default_factory=Side)
    control: Side = field(default_factory=Side)
    seconds: float = 0.0
    one_at_a_time: str | None = None
    checked: int = 0
    gil: bool = field(default_factory=gil_enabled)
    budget: float | None = None
    unordered: str | None = None
    scenario: Scenario | None = None

    @property
    def needs_check(self) -> bool:
        """Whether the next samples of the race are checked for side effects."""
        return self.one_at_a_time is None and self.checked < _CHECKED

    @property
    def remarks(self) -> list[str]:
        """Remarks on the samples, for the record."""
        why = self.one_at_a_time
        return [] if why is None else [f"samples were made one at a time, because {why}"]

    def are_pooled(self, side: Side) -> bool:
        """Return whether strides of a side have many samples.

        A control with its own ``setup`` always has them.
        """
        alone = self.one_at_a_time is not None or (side is self.race and self.needs_check)
        return not alone or (side is self.control and not self.same_setup)

    def next(self) -> Side:
        """Return the side that has the next turn: the one that needs more samples."""
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
        """Return whether no more samples are needed."""
        tally = self.race.tally
        is_seen = tally.total.samples >= self.least_empty or not all(outcome.is_empty for outcome in tally.outcomes)
        return self.unordered is not None or (tally.seen.samples > 0 and is_seen) or self.absence.is_plenty()

    @property
    def absence(self) -> Absence:
        """The samples that an absence rests on."""
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
        """Return why an answer cannot rest on the samples; None if it can."""
        if self.unordered is not None:
            return self.unordered
        if self.race.tally.seen.samples:
            return None
        if self.crash and not self.matched:
            return "a crash has no generic control; pass one that crashes: lab.race(..., control=...)"
        return self.absence.lacking()
