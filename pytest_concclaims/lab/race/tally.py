"""Outcomes that were seen, how often, and where first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

from ...interpreter import gil_enabled
from ..failure import Failed, Failure, raised
from .question import shown
from .samples.meetings import SWITCH_INTERVAL_S, Meeting
from .samples.stride import Outcomes
from .transport import is_portable

#: The number of different outcomes that are kept apart.
_MAX_DISTINCT = 10_000
#: The number of a stride's outcomes that are compared with equal ones.
_COMPARED = 32
_ADDRESS = re.compile("0x[0-9a-fA-F]+")


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
    overlapping: bool

    @classmethod
    def at(cls, meeting: Meeting, seconds: float, sample: int, *, overlapping: bool) -> Sighting:
        """Return the sighting of a sample, in the present state of the GIL."""
        return cls(seconds, sample, meeting.value, SWITCH_INTERVAL_S if gil_enabled() else None, overlapping)


@dataclass
class Count:
    """How often something was seen, and how often in samples whose actors overlapped."""

    samples: int = 0
    overlapping: int = 0

    def add(self, samples: int, overlapping: int) -> None:
        """Count some more."""
        self.samples += samples
        self.overlapping += overlapping

    def add_all(self, other: Count) -> None:
        """Count as many more as another has counted."""
        self.add(other.samples, other.overlapping)


@dataclass
class Tally:
    """The samples of a race, or of its control.

    :param turns: strides that were made.
    :param strides: those of them in which actors overlapped.
    :param outcomes: by outcome.
    :param first: by outcome.
    :param forgotten: samples of which no further question can be asked: their outcome could not be carried out of
        the process that saw it, or there were too many different ones; by their ``repr``.
    """

    turns: int = 0
    strides: int = 0
    total: Count = field(default_factory=Count)
    outcomes: dict[Hashable, Count] = field(default_factory=dict)
    first: dict[Hashable, Sighting] = field(default_factory=dict)
    forgotten: dict[str, Count] = field(default_factory=dict)

    def add(self, seen: Outcomes, meeting: Meeting, seconds: float) -> dict[Hashable, Count]:
        """Add a stride.

        :param meeting: that it was made with.
        :param seconds: after the question was asked.
        :returns: its outcomes.
        :raises Failed: an outcome cannot be counted.
        """
        counts = _counted(seen)
        before = self.total.samples
        self.turns += 1
        overlapping = sum(seen.overlapping)
        self.strides += overlapping > 0
        self.total.add(len(seen.found), overlapping)
        first = dict(zip(reversed(seen.found), reversed(range(len(seen.found)))))
        for outcome, count in counts.items():
            if outcome not in self.outcomes:
                if len(self.outcomes) >= _MAX_DISTINCT:
                    self.forgotten.setdefault("other outcomes", Count()).add_all(count)
                    continue
                self.first[outcome] = sighting(seen, first[outcome], before, meeting, seconds)
            self.outcomes.setdefault(outcome, Count()).add_all(count)
        return counts

    def portable(self, known: Sequence[object] = ()) -> Tally:
        """Return the tally with outcomes that can be carried to another process; the rest is forgotten.

        :param known: what the other process knows as well.
        """
        forgotten = {name: replace(count) for name, count in self.forgotten.items()}
        kept = replace(self, outcomes={}, first={}, forgotten=forgotten)
        for outcome, count in self.outcomes.items():
            if is_portable(outcome, known):
                kept.outcomes[outcome] = count
                kept.first[outcome] = self.first[outcome]
            else:
                forgotten.setdefault(shown(outcome), Count()).add_all(count)
        return kept


def sighting(seen: Outcomes, index: int, before: int, meeting: Meeting, seconds: float) -> Sighting:
    """Return where a stride's outcome was seen.

    :param index: of the outcome in the stride.
    :param before: samples before this stride.
    """
    return Sighting.at(meeting, seconds, before + index + 1, overlapping=bool(seen.overlapping[index]))


def _counted(seen: Outcomes) -> dict[Hashable, Count]:
    try:
        samples = Counter(seen.found)
        overlapping = Counter(compress(seen.found, seen.overlapping))
        _check_equal_is_same(seen.found)
        return {outcome: Count(count, overlapping[outcome]) for outcome, count in samples.items()}
    except Failed:
        raise
    except Exception as error:  # hashing and comparing may run code of the outcomes' own
        raise Failed(_uncountable(seen, error)) from error


def _check_equal_is_same(found: list[Hashable]) -> None:
    """Refuse outcomes that are equal, and so count as one, but look different; some of them are compared."""
    looks: dict[Hashable, str] = {}
    for outcome in found[:: max(1, len(found) // _COMPARED)]:
        look = _ADDRESS.sub("", shown(outcome))
        if "{" in look:  # sets and dictionaries look as they were filled
            continue
        if looks.setdefault(outcome, look) != look:
            text = f"the outcomes {looks[outcome]} and {look} are equal, and would be counted as one"
            raise Failed(Failure("raised", f"{text}; let observe give what tells them apart", ""))


def _uncountable(seen: Outcomes, error: Exception) -> Failure:
    culprit = next((outcome for outcome in seen.found if not _hashable(outcome)), None)
    if culprit is None:
        return raised("comparing outcomes", error)
    text = f"the outcome {shown(culprit)} cannot be hashed ({error}); let it be a tuple or a text"
    return Failure("raised", text, "")


def _hashable(outcome: object) -> bool:
    try:
        hash(outcome)
    except Exception:  # noqa: BLE001
        return False
    return True
