"""The memory instrument: how much memory one more idle thing takes, such as a process or a thread."""

from __future__ import annotations

import gc
import math
import random
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from ..interpreter import PYPY
from ..records.evidence import Evidence, MemoryRun, in_bytes
from . import linux
from .callables import begin, failures_of, keep, name_of
from .failure import Failure
from .measurement import Bench, Measurement, Reading, Settled, ThresholdQuestion, clock, described
from .process_memory import Gauge, Growth, MemoryInUse
from .sequential import ERROR, Sample, in_random_order, reading_of, side_of, unsettled

#: Maximum of things that are started for a question. Ending them to start others would not help, as these would reuse
#: the freed memory.
_MOST_STARTED = 40
#: Bytes that are allocated and kept, again and again, until the process grows by as much; and how often.
_FILL_BYTES, _MOST_FILLS = 1 << 23, 24
_UNFILLED = (
    "this process has unused memory that could not be filled, so there is no upper bound to what one more thing takes"
)
_NOT_UNIQUE = (
    "the system does not report the unique set size of a started process, so there is no lower bound to what one "
    "more thing takes"
)
_GAVE_BACK = (
    "this process returned memory to the system meanwhile, so there is no upper bound to what one more thing takes"
)
#: The process counts as grown by as much if it grew by this part.
_GROWN = 0.9


@dataclass
class Kind:
    """A kind of thing.

    :param start_one: starts one more.
    :param bytes: for each sample, how much memory one more took.
    """

    name: str
    start_one: Callable[[], Any]
    bytes: list[int] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the kind's part of the evidence, as JSON's types."""
        return {
            "name": self.name,
            "median": statistics.median(self.bytes) if self.bytes else None,
            "bytes": self.bytes,
        }


class Memory(Measurement):
    """How many bytes of resident memory one more idle thing takes; made by :meth:`Lab.memory`.

    Things are kept until the question is answered: one that reuses the memory of another, such as a thread on the
    stack of an ended one, would seem to take nothing. So would one that finds room in memory that the process has but
    does not use. Therefore this memory is filled first, until the process grows by what is added. The median is
    compared with a number; against another kind of thing, the median of the differences in adjacent pairs.
    """

    FLOOR = None
    #: The system provides memory in pages of 4 KiB or more, and Python takes several at a time.
    TOLERANCE = 16 * 1024

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
        if len(set(names)) < len(names):
            names = [f"{names[0]} (A)", f"{names[1]} (B)"]
        subject = f"resident memory of one more `{names[0]}`"
        if against is not None:
            subject += f", minus that of one more `{names[1]}`"
        name = f"lab.memory({', against='.join(names)})"
        super().__init__(name, subject, budget=budget, bench=bench)
        self._kinds = [Kind(name, function) for name, function in zip(names, functions)]
        self._gauge = gauge
        self._unique = True
        #: The processes of earlier samples.
        self._idle: set[int] = set()
        self._gave_back = False
        #: Bytes of objects, for each sample, in memory that the process had before.
        self._hidden = 0.0
        self._latest: MemoryInUse | None = None
        self._growths: list[Growth] = []
        self._chance = random.Random()  # noqa: S311  (a coin for the order, and no secret)

    def _checked(self, call: str, cut: tuple[float, float]) -> tuple[float, float]:
        __tracebackhide__ = True
        if len(self._kinds) == 1 and cut[0] <= 0:
            raise ValueError(
                f"{call}: the dead zone, {in_bytes(self.TOLERANCE)} to either side of the number, begins at or below "
                f"0, so nothing lies below it; compare with more than {in_bytes(self.TOLERANCE)}, or measure against "
                "another kind"
            )
        return cut

    def _settle(self, low: float, high: float) -> Settled:
        end = clock() + self._budget
        known = side_of(*self._beside(low, high), len(self._growths))
        if known is not None:
            return Settled(known)
        with failures_of("ending what was started"), ExitStack() as crowd:
            settled = self._settle_with(crowd, low, high, end)
        return settled  # noqa: RET504  (PyPy skips the outer block's exit if the inner one's raises during a return)

    def _settle_with(self, crowd: ExitStack, low: float, high: float, end: float) -> Settled:
        """Add samples until these settle the question, or time is up.

        :param crowd: keeps what is started; empty at first.
        """
        filled = self._filled(crowd)
        self._latest = None
        for kind in self._kinds:
            self._cost(kind, crowd)  # not counted: the first one may import modules, or start a fork server
        self._idle.clear()  # a fork server is not idle
        in_use, started = objects_in_use(), 0
        self._latest = None
        while True:
            above, below = self._beside(low, high)
            above_it = side_of(above, below, len(self._growths))
            if above_it is not None:
                if not self._finds_hidden(in_use, started):
                    return Settled(above_it)
                continue
            if self._growths and (clock() >= end or started == _MOST_STARTED):
                self._finds_hidden(in_use, started)  # for the next question, which these samples may settle
                limit = f"{_MOST_STARTED} were started, the maximum" if started == _MOST_STARTED else None
                ends = self._shown(low), self._shown(high)
                lacking = unsettled(above, below, len(self._growths), *ends, limit=limit)
                for known, cause in (
                    (self._unique, _NOT_UNIQUE),
                    (filled, _UNFILLED),
                    (not self._gave_back, _GAVE_BACK),
                ):
                    lacking = lacking if known else f"{cause}; {lacking}"
                return Settled(None, lacking)
            self._growths.append(self._sample(crowd, filled=filled))
            started += 1

    def _finds_hidden(self, in_use: int, samples: int) -> bool:
        """Return whether more objects than was known are in memory that the process had before.

        :param in_use: bytes of objects before these samples.
        """
        hidden = max(0, objects_in_use() - in_use) / max(1, samples)
        self._latest = None  # objects_in_use() has changed what processes share
        found, self._hidden = hidden > self._hidden, max(hidden, self._hidden)
        return found

    def _filled(self, crowd: ExitStack) -> bool:
        """Fill memory that this process has but does not use; return whether it then grows by what is added."""
        gc.collect()
        linux.trim()
        for _ in range(_MOST_FILLS):
            before = self._gauge(()).own
            crowd.callback(keep, _objects(_FILL_BYTES))
            if self._gauge(()).own - before >= _GROWN * _FILL_BYTES:
                return True
        return False

    def _beside(self, low: float, high: float) -> tuple[int, int]:
        """Return how many samples lie wholly above ``high``, and how many wholly below ``low``."""
        # Of two kinds, the hidden objects may belong to either.
        least = self._hidden if len(self._kinds) > 1 else 0.0
        below = 0 if self._gave_back else sum(each.high + self._hidden < low for each in self._growths)
        return sum(each.low - least > high for each in self._growths), below

    def _sample(self, crowd: ExitStack, *, filled: bool) -> Growth:
        """Start one more of each kind; return what it took.

        :param filled: whether unused memory was filled. If not, there is no upper bound to what one takes.
        """
        one, *others = self._kinds
        if not others:
            growths = [self._cost(one, crowd)]
        else:
            growths = list(
                in_random_order(lambda: self._cost(one, crowd), lambda: self._cost(others[0], crowd), self._chance)
            )
        for kind, growth in zip(self._kinds, growths):
            kind.bytes.append(int(growth.low))
        if not filled:
            growths = [replace(growth, high=math.inf) for growth in growths]
        elif any(growth.low < -self.TOLERANCE for growth in growths):
            self._gave_back = True
            if others:  # if one seems to take too little, the difference may be too small or too great
                return Growth(-math.inf, math.inf)
        return growths[0] if not others else growths[0].less(growths[1])

    def _cost(self, kind: Kind, crowd: ExitStack) -> Growth:
        before = self._latest or self._gauge(self._idle)
        with failures_of(kind.name):
            begin(kind.start_one, crowd)
        after = self._latest = self._gauge(self._idle)  # kept, as reading it takes long
        self._unique = self._unique and after.unique
        self._idle |= after.started.keys() - before.started.keys()
        return after.since(before)

    def _reading(self) -> Reading | None:
        return reading_of([Sample(each.low, each.low, each.high) for each in self._growths])

    def _shown(self, value: float) -> str:
        return in_bytes(value)

    def _instead(self) -> str:
        return "measure one against the other, and write lab.memory(start_a, against=start_b) > 0"

    def __repr__(self) -> str:
        reading = self._reading()
        return super().__repr__() if reading is None else f"<{self.name}: {described(reading, in_bytes)}>"

    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        above, below = self._beside(question.cuts[0][0], question.cuts[-1][1])
        return MemoryRun(
            **self._common(question, answer, lacking, failure),
            above=above,
            below=below,
            error=ERROR,
            arms=[kind.to_json() for kind in self._kinds],
            unique=self._unique,
        )


def objects_in_use() -> int:
    """Return how many bytes objects take on PyPy; 0 on CPython.

    PyPy makes objects in a nursery of constant size. When it collects, it moves them to memory that it takes many
    pages at a time. So the size of the process hardly shows what one more object takes.

    A collection writes to all objects, after which forked children do not share them any more. So do not call this
    between two readings of memory.
    """
    if not PYPY:
        return 0
    gc.collect()
    stats: Any = gc._get_stats()  # type: ignore[attr-defined]  # noqa: SLF001  # gc.get_stats() has it as text only
    return int(stats.total_arena_memory + stats.total_rawmalloced_memory)


def _objects(size: int) -> list[bytes]:
    """Return objects of all small sizes and of some greater ones, which together take ``size`` bytes."""
    sizes = [*range(16, 512, 16), 1 << 10, 1 << 12, 1 << 14]
    # Not bytes(each): the system provides pages of zeros without memory until they are written to.
    return [b"1" * each for _ in range(size // sum(sizes)) for each in sizes]
