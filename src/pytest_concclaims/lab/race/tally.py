"""What was seen: outcomes, how often, and where first."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from .experiment import Failure, RaceFailed
from .strategy import Strategy
from .stride import Outcomes

#: So many different outcomes are kept apart.
_DISTINCT = 10_000


@dataclass(frozen=True)
class Sighting:
    """Where an outcome was seen first.

    :param seconds: after the question was asked.
    :param sample: its number, from 1, among all of the race.
    """

    seconds: float
    sample: int
    strategy: str
    switch_interval: float | None
    pinned: bool
    overlapping: bool

    @classmethod
    def at(cls, strategy: Strategy, seconds: float, sample: int, *, overlapping: bool) -> Sighting:
        """Return the sighting of a sample that a strategy has made."""
        return cls(seconds, sample, strategy.name, strategy.switch_interval, strategy.pinned, overlapping)


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
    """The samples of a race, or of its control.

    :param outcomes: by outcome.
    :param first: by outcome.
    :param silent: samples of which no further question can be asked: their outcome could not be carried out of
        the process that saw it, or there were too many different ones; by their ``repr``.
    """

    strides: int = 0
    total: Count = field(default_factory=Count)
    outcomes: dict[Hashable, Count] = field(default_factory=dict)
    first: dict[Hashable, Sighting] = field(default_factory=dict)
    silent: dict[str, Count] = field(default_factory=dict)

    def add(self, seen: Outcomes, strategy: Strategy, seconds: float) -> dict[Hashable, Count]:
        """Add a stride.

        :param strategy: that it was made with.
        :param seconds: after the question was asked.
        :returns: its outcomes.
        :raises RaceFailed: an outcome cannot be hashed.
        """
        counts = _counted(seen)
        self._note_first(seen, counts, strategy, seconds)
        self.strides += 1
        self.total.add(len(seen.found), sum(seen.overlapping))
        for outcome, count in counts.items():
            if outcome in self.outcomes or len(self.outcomes) < _DISTINCT:
                self.outcomes.setdefault(outcome, Count()).add(count.samples, count.overlapping)
            else:
                self.silent.setdefault("other outcomes", Count()).add(count.samples, count.overlapping)
        return counts

    def _note_first(self, seen: Outcomes, counts: dict[Hashable, Count], strategy: Strategy, seconds: float) -> None:
        unseen = counts.keys() - self.first.keys() if len(self.first) < _DISTINCT else ()
        if not unseen:
            return
        where = {outcome: index for index, outcome in reversed(list(enumerate(seen.found)))}
        for outcome in sorted(unseen, key=where.__getitem__):
            index = where[outcome]
            number = self.total.samples + index + 1
            overlapping = bool(seen.overlapping[index])
            self.first[outcome] = Sighting.at(strategy, seconds, number, overlapping=overlapping)

    def portable(self) -> Tally:
        """Return the tally with outcomes that can be pickled; what cannot falls silent."""
        kept = Tally(self.strides, self.total, {}, {}, dict(self.silent))
        for outcome, count in self.outcomes.items():
            if _travels(outcome):
                kept.outcomes[outcome] = count
                if outcome in self.first:
                    kept.first[outcome] = self.first[outcome]
            else:
                kept.silent.setdefault(repr(outcome), Count()).add(count.samples, count.overlapping)
        return kept


def _counted(seen: Outcomes) -> dict[Hashable, Count]:
    try:
        all_samples = Counter(seen.found)
    except TypeError as error:
        raise RaceFailed(_unhashable(seen, error)) from error
    overlapping = Counter(compress(seen.found, seen.overlapping))
    return {outcome: Count(count, overlapping[outcome]) for outcome, count in all_samples.items()}


def _unhashable(seen: Outcomes, error: TypeError) -> Failure:
    culprit = next((outcome for outcome in seen.found if not _hashable(outcome)), None)
    return Failure("raised", f"the outcome {culprit!r} cannot be hashed ({error}); let it be a tuple or a text", "")


def _hashable(outcome: object) -> bool:
    try:
        hash(outcome)
    except TypeError:
        return False
    return True


def _travels(outcome: Any) -> bool:
    try:
        pickle.loads(pickle.dumps(outcome))  # noqa: S301  (our own)
    except Exception:  # noqa: BLE001  (pickling runs arbitrary code)
        return False
    return True
