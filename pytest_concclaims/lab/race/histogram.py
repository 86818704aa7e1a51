"""The histogram of the outcomes that a race has seen."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from .question import ASK, Portable, shown
from .samples.tally import Count

#: How many outcomes, the most frequent, are shown and go into the record.
SHOWN = 20


@dataclass(frozen=True)
class OutcomeCount:
    """How often an outcome was seen: in schedules, in samples, and in samples whose actors overlapped."""

    outcome: Portable
    schedules: int
    samples: int
    overlapping: int

    @property
    def total(self) -> int:
        """Return how often it was seen in all."""
        return self.schedules + self.samples


class Histogram:
    """The outcomes that a question has seen: iterate over it for pairs of an outcome and how often it was seen.

    The most frequent come first. Of outcomes that are no plain data there is only their ``repr``.

    :param exceptions: the types that are outcomes.
    """

    __hash__ = None  # type: ignore[assignment]  # a histogram is equal to nothing

    def __init__(self, counts: list[OutcomeCount], exceptions: tuple[type[BaseException], ...]) -> None:
        self._counts = counts
        self._types: dict[str, Any] = {shown(type_): type_ for type_ in exceptions}

    def __iter__(self) -> Iterator[tuple[Hashable, int]]:
        if not self._counts:
            raise TypeError(f"there are no outcomes yet: a race runs only when it is asked; {ASK}")
        return iter([(self._value(count.outcome), count.total) for count in self._counts])

    def __repr__(self) -> str:
        shown = ", ".join(f"{count.outcome}: {count.total:,}" for count in self._counts[:SHOWN])
        return f"<outcomes {shown}{', ...' if len(self._counts) > SHOWN else ''}>" if shown else "<no outcomes yet>"

    def __contains__(self, outcome: object) -> NoReturn:
        raise TypeError(f"that an outcome is not there says nothing unless it could have been seen; {ASK}")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"what is not in a histogram says nothing unless it could have been seen; {ASK}")

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a histogram is neither true nor false; {ASK}")

    def _value(self, outcome: Portable) -> Hashable:
        return outcome.value if outcome.is_plain else self._types.get(outcome.text, outcome)


def counts(in_samples: Mapping[Portable, Count], in_schedules: Mapping[Portable, int]) -> list[OutcomeCount]:
    """Return the outcomes that were seen, the most frequent first."""
    none = Count()
    seen = []
    for outcome in {**in_schedules, **in_samples}:
        count = in_samples.get(outcome, none)
        seen.append(OutcomeCount(outcome, in_schedules.get(outcome, 0), count.samples, count.overlapping))
    return sorted(seen, key=lambda count: -count.total)
