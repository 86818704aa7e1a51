"""The outcomes that a race has seen, with their numbers."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from .question import Portable, shown
from .samples.tally import Count

#: The number of outcomes that are shown and recorded, the most frequent ones.
SHOWN = 20


@dataclass(frozen=True)
class OutcomeCount:
    """How often an outcome was seen: in schedules, in samples, and in overlapping samples."""

    outcome: Portable
    schedules: int
    samples: int
    overlapping: int

    @property
    def total(self) -> int:
        """How often the outcome was seen in all."""
        return self.schedules + self.samples


class Histogram:
    """The outcomes that a question has seen: an iterable of pairs of outcome and number, the most frequent first.

    An outcome that is not plain data is represented by its ``repr``.

    :param exceptions: the exception types that are outcomes.
    :param advice: on what to ask, for messages.
    """

    __hash__ = None  # type: ignore[assignment]  # it cannot be compared

    def __init__(
        self, counts: list[OutcomeCount], exceptions: tuple[type[BaseException], ...], *, advice: str
    ) -> None:
        self._counts = counts
        self._advice = advice
        self._types: dict[str, Any] = {shown(type_): type_ for type_ in exceptions}

    def __iter__(self) -> Iterator[tuple[Hashable, int]]:
        if not self._counts:
            raise TypeError(f"outcomes: nothing has run yet; {self._advice}")
        return iter([(self._value(count.outcome), count.total) for count in self._counts])

    def __repr__(self) -> str:
        shown = ", ".join(f"{count.outcome}: {count.total:,}" for count in self._counts[:SHOWN])
        return f"<outcomes {shown}{', ...' if len(self._counts) > SHOWN else ''}>" if shown else "<no outcomes yet>"

    def __contains__(self, outcome: object) -> NoReturn:
        raise TypeError(f"outcomes: a missing outcome alone proves nothing; {self._advice}")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"outcomes: a comparison proves nothing about outcomes that are missing; {self._advice}")

    def __bool__(self) -> NoReturn:
        raise TypeError(f"outcomes: they have no truth value; {self._advice}")

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
