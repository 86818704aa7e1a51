"""The histogram of the outcomes that a race has seen."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from .question import ASK, Forgotten
from .tally import Count, Tally

#: How many outcomes, the most frequent, are shown and go into the record.
SHOWN = 20


class Histogram:
    """The outcomes that a race has seen: iterate over it for pairs of an outcome and its number of samples.

    The most frequent come first. Outcomes that no further question can be asked of are there by their ``repr``.
    """

    __hash__ = None  # type: ignore[assignment]  # a histogram is equal to nothing

    def __init__(self, tally: Tally, in_schedules: Mapping[Hashable, int]) -> None:
        self._counts = counts(tally, in_schedules)
        self._asked = tally.turns > 0 or bool(in_schedules)

    def __iter__(self) -> Iterator[tuple[Hashable, int]]:
        if not self._asked:
            raise TypeError(f"there are no outcomes yet: a race samples only when it is asked; {ASK}")
        return iter([(count.outcome, count.total) for count in self._counts])

    def __repr__(self) -> str:
        shown = ", ".join(f"{count.outcome!r}: {count.total:,}" for count in self._counts[:SHOWN])
        return f"<outcomes {shown}{', ...' if len(self._counts) > SHOWN else ''}>" if shown else "<no outcomes yet>"

    def __contains__(self, outcome: object) -> NoReturn:
        raise TypeError(f"that an outcome is not there says nothing unless it could have been seen; {ASK}")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"what is not in a histogram says nothing unless it could have been seen; {ASK}")

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a histogram is neither true nor false; {ASK}")


@dataclass(frozen=True)
class OutcomeCount:
    """How often an outcome was seen: in schedules, in samples, and in samples whose actors overlapped."""

    outcome: Hashable
    schedules: int
    samples: int
    overlapping: int

    @property
    def total(self) -> int:
        """Return how often it was seen in all."""
        return self.schedules + self.samples


def counts(tally: Tally, in_schedules: Mapping[Hashable, int]) -> list[OutcomeCount]:
    """Return the outcomes that were seen, the most frequent first."""
    forgotten: dict[Hashable, Count] = {Forgotten(name): count for name, count in tally.forgotten.items()}
    samples: dict[Hashable, Count] = {**tally.outcomes, **forgotten}
    none = Count()
    seen = [
        OutcomeCount(
            outcome,
            in_schedules.get(outcome, 0),
            samples.get(outcome, none).samples,
            samples.get(outcome, none).overlapping,
        )
        for outcome in {**in_schedules, **samples}
    ]
    return sorted(seen, key=lambda count: -count.total)
