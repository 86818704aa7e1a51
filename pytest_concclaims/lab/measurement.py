"""What all measurements have in common: the questions that they can be asked, and those that they refuse."""

from __future__ import annotations

import math
import numbers
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from opcode import opmap
from types import FrameType
from typing import Any, ClassVar, NoReturn

from ..records.evidence import Evidence
from ..verdict import Inconclusive
from .failure import Failed, Failure

clock = time.perf_counter

#: What to write.
ASK = "compare it with a number: m > 2, m.below(1.2, else_above=1.4), m.between(1, 2)"

#: What Python does right before each comparison of a chain but the last, to keep what is compared with twice: the
#: instruction and its argument, from 3.11 on and before.
_IN_CHAIN = {(opmap.get("COPY"), 2), (opmap.get("ROT_THREE"), 0)}


class MeasurementError(Exception):
    """A measurement came to no end that says anything: what it ran raised, hung, or crashed its process."""

    __module__ = "pytest_concclaims"  # where its users find it


@dataclass(frozen=True)
class Reading:
    """What a measurement has come to so far.

    :param value: the best guess.
    :param low: together with ``high``, the range in which it lies.
    :param samples: how many it rests on.
    """

    value: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True)
class ThresholdQuestion:
    """A comparison with numbers.

    :param words: as it was asked, such as ``above 2``.
    :param cuts: the dead zones, from low to high, each ``(low, high)``: the quantity is to be told to lie below or
        above each of them. Within, there is no answer.
    :param above: if there is one cut: whether the question is about lying above it, or else below. If there are two,
        it is about lying above the first and below the last.
    """

    words: str
    cuts: tuple[tuple[float, float], ...]
    above: bool = True


@dataclass(frozen=True)
class Settled:
    """On which side of a dead zone a quantity lies.

    :param above: None if that could not be told.
    :param lacking: why not.
    """

    above: bool | None
    lacking: str | None = None


@dataclass(frozen=True)
class Bench:
    """What a lab lends to its instruments.

    :param sampling: gives the machine to an instrument, for as long as it samples.
    :param suspended: for as long as an instrument calls the claim's code, counts no assertion that holds.
    :param disturbed: tells what falsifies a measurement now, in words; None if nothing does.
    :param record: takes evidence.
    :param give_up: ends the claim without a verdict.
    """

    sampling: Callable[[], AbstractContextManager[None]]
    suspended: Callable[[], AbstractContextManager[None]]
    disturbed: Callable[[], str | None]
    record: Callable[[Evidence], None]
    give_up: Callable[[Inconclusive], NoReturn]


class Measurement(ABC):
    """A quantity that is measured when it is asked about, and no more than the question takes.

    Asked again, it goes on from what it has. A comparison is True or False, or raises
    :class:`~pytest_concclaims.Inconclusive`.

    :param name: how it was made, such as ``lab.ratio(a, b)``.
    :param subject: what is measured, in words.
    :param budget: seconds for each question.
    """

    __hash__ = None  # type: ignore[assignment]  # a measurement is equal to nothing

    #: The quantity is always above this, so that comparing it with less asks nothing; None: it can be anything.
    FLOOR: ClassVar[float | None] = 0.0
    #: Half the dead zone around a number that is given without one.
    TOLERANCE: ClassVar[float] = 0.0

    def __init__(self, name: str, subject: str, *, budget: float, bench: Bench) -> None:
        self.name = name
        self._subject = subject
        self._budget = budget
        self._bench = bench
        self.seconds = 0.0
        self._compared_at: tuple[int, int, int] | None = None
        #: Whether it was asked anything, and how that failed: that stands even if it was caught.
        self.asked = False
        self.error: MeasurementError | None = None

    # --- what can be asked

    def above(self, number: float, *, else_below: float | None = None) -> bool:
        """Return whether the quantity lies above a number.

        :param number: True if it lies above this.
        :param else_below: False if it lies below this; in between is a dead zone. By default the same number.
        :raises Inconclusive: that cannot be told.
        :raises MeasurementError: what is measured raised, hung or crashed.
        :raises TypeError: this is no number.
        :raises ValueError: the number makes no sense.
        """
        __tracebackhide__ = True
        cut = self._cut(f"above({number!r})", number, else_below, least=True)
        return self._ask(ThresholdQuestion(f"above {self._shown(number)}", (cut,)))

    def below(self, number: float, *, else_above: float | None = None) -> bool:
        """Return whether the quantity lies below a number.

        :param number: True if it lies below this.
        :param else_above: False if it lies above this; in between is a dead zone. By default the same number.
        :raises Inconclusive: as of :meth:`above`; so are the others.
        """
        __tracebackhide__ = True
        cut = self._cut(f"below({number!r})", number, else_above, least=False)
        return self._ask(ThresholdQuestion(f"below {self._shown(number)}", (cut,), above=False))

    def between(self, low: float, high: float) -> bool:
        """Return whether the quantity lies between two numbers.

        :raises Inconclusive: as of :meth:`above`; so are the others.
        """
        __tracebackhide__ = True
        call = f"between({low!r}, {high!r})"
        cuts = self._cut(call, low, None, least=True), self._cut(call, high, None, least=False)
        if not low < high:
            raise ValueError(f"{self.name}.{call}: the first number is to be the smaller one")
        if self.TOLERANCE and cuts[0][1] >= cuts[1][0]:
            raise ValueError(
                f"{self.name}.{call}: there is a dead zone of {self._shown(self.TOLERANCE)} to either side of each "
                "number, and nothing between these two; take numbers that are further apart"
            )
        return self._ask(ThresholdQuestion(f"between {self._shown(low)} and {self._shown(high)}", cuts))

    def __gt__(self, other: object) -> bool:
        __tracebackhide__ = True
        return self.above(self._operand(other, ">"))

    def __ge__(self, other: object) -> bool:
        __tracebackhide__ = True
        return self.above(self._operand(other, ">="))

    def __lt__(self, other: object) -> bool:
        __tracebackhide__ = True
        return self.below(self._operand(other, "<"))

    def __le__(self, other: object) -> bool:
        __tracebackhide__ = True
        return self.below(self._operand(other, "<="))

    # --- what is refused

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"{self.name} is equal to nothing: what is measured has a range; {ASK}")

    __ne__ = __eq__

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self.name} is neither true nor false; {ASK}")

    def __float__(self) -> NoReturn:
        raise TypeError(f"{self.name} is no number: what is measured has a range; {ASK}")

    def _operand(self, other: object, operator: str) -> float:
        """Return the number on the other side of an operator, unless the comparison is one link of a chain."""
        __tracebackhide__ = True
        if isinstance(other, Measurement):
            raise TypeError(
                f"{self.name} {operator} {other.name}: two measurements from different times cannot be compared, "
                f"as the machine changes in between; {self._instead()}"
            )
        # Python makes two comparisons of a < m < b, the second if the first is true. Of pytest's rewritten assert,
        # which makes both whatever the first says, they are two that have nothing to do with each other.
        frame = sys._getframe(2)  # noqa: SLF001  (documented; inspect's takes the sources along)
        place = id(frame), frame.f_lineno, frame.f_lasti
        before, self._compared_at = self._compared_at, place
        again = before is not None and before[:2] == place[:2] and before[2] != place[2]
        if again or _in_chain(frame):
            raise TypeError(
                f"{self.name} is compared twice on one line; write m.between(low, high), "
                "as Python makes two comparisons of low < m < high; or two asserts, each on a line of its own"
            )
        return other  # type: ignore[return-value]  # above and below look at it

    def _instead(self) -> str:
        return "measure one against the other"

    def _shown(self, value: float) -> str:
        """Return a value for people, with its unit."""
        return f"{float(value):g}"

    # --- asking

    def _cut(self, call: str, number: object, otherwise: object, *, least: bool) -> tuple[float, float]:
        """Return the dead zone that a comparison speaks of.

        :param least: whether ``otherwise`` is to be the smaller one.
        """
        __tracebackhide__ = True
        call = f"{self.name}.{call}"
        given = [number] if otherwise is None else [number, otherwise]
        for one in given:
            if not _is_number(one):
                raise TypeError(f"{call}: {one!r} is no number; {ASK}")
        numbers = [_as_float(one) for one in given]
        for one in numbers:
            if not math.isfinite(one):
                raise ValueError(f"{call}: nothing lies beyond {one}; {ASK}")
            if self.FLOOR is not None and one <= self.FLOOR:
                raise ValueError(f"{call}: it is always above {self.FLOOR:g}; compare it with a greater number")
        if len(numbers) == 1:
            return self._checked(call, (numbers[0] - self.TOLERANCE, numbers[0] + self.TOLERANCE))
        if (numbers[1] > numbers[0]) if least else (numbers[1] < numbers[0]):
            name = "else_below" if least else "else_above"
            raise ValueError(f"{call}: {name}={numbers[1]:g} is on the wrong side of {numbers[0]:g}")
        return self._checked(call, (min(numbers), max(numbers)))

    def _checked(self, call: str, cut: tuple[float, float]) -> tuple[float, float]:  # noqa: ARG002  (subclasses do)
        """Return a dead zone, if there can be an answer on both of its sides.

        :raises ValueError: there cannot.
        """
        return cut

    def _ask(self, question: ThresholdQuestion) -> bool:
        """Have a question settled, and record the answer."""
        __tracebackhide__ = True
        self.asked = True
        try:
            with self._bench.sampling():
                started = clock()
                try:
                    answer, lacking = self._undisturbed(question)
                finally:
                    self.seconds += clock() - started
        except Failed as failed:
            failure = failed.failure
            self._bench.record(self._evidence(question, None, None, failure))
            details = f"\n{failure.details.rstrip()}" if failure.details else ""
            self.error = MeasurementError(f"{self.name}: {failure.text}{details}")
            raise self.error from failed.__cause__
        evidence = self._evidence(question, answer, lacking, None)
        self._bench.record(evidence)
        if answer is None:
            self._bench.give_up(Inconclusive(evidence.phrase()))
        return answer

    def _undisturbed(self, question: ThresholdQuestion) -> tuple[bool | None, str | None]:
        """Return the answer, unless something falsifies it before or after, and why there is none."""
        disturbed = self._bench.disturbed()
        if disturbed is not None:
            return None, disturbed
        answer, lacking = self._answer(question)
        disturbed = None if answer is None else self._bench.disturbed()
        return (answer, lacking) if disturbed is None else (None, disturbed)

    def _answer(self, question: ThresholdQuestion) -> tuple[bool | None, str | None]:
        if len(question.cuts) == 1:
            settled = self._settle(*question.cuts[0])
            return (None if settled.above is None else settled.above is question.above), settled.lacking
        low, high = question.cuts
        first = self._settle(*low)
        if first.above is not True:
            return first.above, first.lacking
        second = self._settle(*high)
        return (None if second.above is None else not second.above), second.lacking

    @abstractmethod
    def _settle(self, low: float, high: float) -> Settled:
        """Measure until it is settled whether the quantity lies below ``low`` or above ``high``.

        :raises Failed: what is measured raised, hung or crashed.
        """

    @abstractmethod
    def _reading(self) -> Reading | None:
        """Return what it has come to; None if it was not measured yet. Measures nothing."""

    @abstractmethod
    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        """Return what goes on record of a question."""

    def _common(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> dict[str, Any]:
        """Return the fields of the evidence that all measurements have."""
        reading = self._reading()
        return {
            "subject": self._subject,
            "question": question.words,
            "answer": answer,
            "cuts": [list(cut) for cut in question.cuts],
            "value": None if reading is None else _recordable(reading.value),
            "low": None if reading is None else _recordable(reading.low),
            "high": None if reading is None else _recordable(reading.high),
            "samples": 0 if reading is None else reading.samples,
            "seconds": round(self.seconds, 4),
            "budget": self._budget,
            "lacking": lacking,
            "failure": None if failure is None else asdict(failure),
        }

    def __repr__(self) -> str:
        reading = self._reading()
        if reading is None:
            return f"<{self.name}: not measured yet>"
        return f"<{self.name}: {described(reading)}>"


def described(reading: Reading, unit: Callable[[float], str] = lambda value: f"{value:.3g}") -> str:
    """Return a reading in words: value, range and number of samples."""
    words = f"{reading.samples:,} sample{'' if reading.samples == 1 else 's'}"
    if math.isinf(reading.value):
        return f"no number can be told, {words}"
    if math.isinf(reading.low) or math.isinf(reading.high):
        return f"{unit(reading.value)} [no range can be told], {words}"
    return f"{unit(reading.value)} [{unit(reading.low)} to {unit(reading.high)}], {words}"


def _recordable(value: float) -> float | None:
    """Return a number that a record can hold; None for what is too far away to be told."""
    return value if math.isfinite(value) else None


def _is_number(given: object) -> bool:
    return isinstance(given, numbers.Real) and not isinstance(given, bool)


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer that is greater than any float
        return math.inf if number > 0 else -math.inf


def _in_chain(frame: FrameType) -> bool:
    """Return whether the comparison that a frame is at has a further one to its right, as the first of a < m < b."""
    return tuple(frame.f_code.co_code[: frame.f_lasti][-2:]) in _IN_CHAIN
