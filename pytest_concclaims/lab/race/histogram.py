"""The histogram of the outcomes that a race has seen."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from .question import ASK
from .tally import Count, Tally

#: How many outcomes, the most frequent, are shown and go into the record.
SHOWN = 20


class Histogram:
    """The outcomes that a race has seen: iterate over it for pairs of an outcome and its number of samples.

    The most frequent come first. Outcomes that no further question can be asked of are there by their ``repr``.
    """

    __hash__ = None  # type: ignore[assignment]  # a histogram is equal to nothing

    def __init__(self, tally: Tally) -> None:
        self._counts = counts(tally)
        self._asked = tally.turns > 0

    def __iter__(self) -> Iterator[tuple[Hashable, int]]:
        if not self._asked:
            raise TypeError(f"there are no outcomes yet: a race samples only when it is asked; {ASK}")
        return iter([(outcome, count.samples) for outcome, count in self._counts])

    def __repr__(self) -> str:
        shown = ", ".join(f"{outcome!r}: {count.samples:,}" for outcome, count in self._counts[:SHOWN])
        return f"<outcomes {shown}{', ...' if len(self._counts) > SHOWN else ''}>" if shown else "<no outcomes yet>"

    def __contains__(self, outcome: object) -> NoReturn:
        raise TypeError(f"that an outcome is not there says nothing unless it could have been seen; {ASK}")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"what is not in a histogram says nothing unless it could have been seen; {ASK}")

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a histogram is neither true nor false; {ASK}")


@dataclass(frozen=True)
class Forgotten:
    """Stands in a histogram for outcomes of which no further question can be asked."""

    text: str

    def __repr__(self) -> str:
        return f"<{self.text}>"


def counts(tally: Tally) -> list[tuple[Hashable, Count]]:
    """Return the outcomes of a tally and their counts, the most frequent first."""
    forgotten = [(Forgotten(name), count) for name, count in tally.forgotten.items()]
    known: list[tuple[Hashable, Count]] = [*tally.outcomes.items(), *forgotten]
    return sorted(known, key=lambda item: -item[1].samples)
