"""What one more idle thing, such as a process or a thread, costs in memory."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from ..evidence import Evidence, MemoryRun, in_bytes
from .arms import begin, failures_of
from .failure import Failure
from .functions import name_of
from .measurement import Bench, Measurement, Question, Reading, Settled, clock, described
from .paired import in_random_order, reading_of, sample_until_settled, tested
from .resident import Gauge, Resident

#: So many are started beside each other before all are ended, and others are started.
_CROWD = 32


@dataclass
class Kind:
    """A kind of thing of which one more is started.

    :param bytes: for each sample, how much memory that took.
    """

    name: str
    start_one: Callable[[], Any]
    bytes: list[int] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return what goes on record of it, as JSON's types."""
        return {
            "name": self.name,
            "median": statistics.median(self.bytes) if self.bytes else None,
            "bytes": self.bytes,
        }


class Memory(Measurement):
    """How many bytes of resident memory one more idle thing takes; made by :meth:`Lab.memory`.

    Each is started beside those that are there already, and stays until the measurement is over: one that takes the
    place of another, such as a thread on the stack of an ended one, costs nothing. What is compared with a number is
    the median; measured against another kind of thing, that of the differences in adjacent pairs.
    """

    FLOOR = None

    def __init__(
        self,
        start_one: Callable[[], Any],
        against: Callable[[], Any] | None,
        *,
        gauge: Gauge,
        budget: float,
        bench: Bench,
    ) -> None:
        functions = [start_one] if against is None else [start_one, against]
        names = [name_of(function) for function in functions]
        subject = f"memory that one more {names[0]} takes"
        if against is not None:
            subject += f", less what one more {names[1]} takes"
        super().__init__(f"lab.memory({', against='.join(names)})", subject, budget=budget, bench=bench)
        self._kinds = [Kind(name, function) for name, function in zip(names, functions)]
        self._gauge = gauge
        self._unique = True
        self._latest: Resident | None = None
        self._differences: list[float] = []
        self._chance = random.Random()  # noqa: S311  (a coin for the order, and no secret)

    def _settle(self, low: float, high: float) -> Settled:
        end = clock() + self._budget
        begun = len(self._differences)
        with failures_of("what was started, at its end,"), ExitStack() as crowd:

            def draw() -> float:
                if (len(self._differences) - begun) % _CROWD == 0:
                    crowd.close()
                    self._latest = None
                    for kind in self._kinds:
                        self._cost(kind, crowd)  # what the first one takes along: modules, a fork server
                return self._sample(crowd)

            return sample_until_settled(self._differences, draw, low, high, end=end)

    def _sample(self, crowd: ExitStack) -> float:
        """Start one more of each kind."""
        if len(self._kinds) == 1:
            sizes = [self._cost(self._kinds[0], crowd)]
        else:
            one, other = self._kinds
            pair = in_random_order(lambda: self._cost(one, crowd), lambda: self._cost(other, crowd), self._chance)
            sizes = list(pair)
        for kind, size in zip(self._kinds, sizes):
            kind.bytes.append(size)
        return float(sizes[0] - sum(sizes[1:]))

    def _cost(self, kind: Kind, crowd: ExitStack) -> int:
        before = self._latest or self._gauge()
        with failures_of(kind.name):
            begin(kind.start_one, crowd)
        after = self._latest = self._gauge()  # it takes its time where there are many processes
        self._unique = self._unique and after.unique
        return after.since(before)

    def _reading(self) -> Reading | None:
        return reading_of(self._differences)

    def _instead(self) -> str:
        return "measure one against the other: lab.memory(start_a, against=start_b) > 0"

    def __repr__(self) -> str:
        reading = self._reading()
        return super().__repr__() if reading is None else f"<{self.name}: {described(reading, in_bytes)}>"

    def _evidence(
        self, question: Question, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        return MemoryRun(
            **self._common(question, answer, lacking, failure),
            **tested(self._differences, question),
            arms=[kind.to_json() for kind in self._kinds],
            unique=self._unique,
        )
