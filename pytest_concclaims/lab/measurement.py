"""The base of all measurements: the questions that they answer, and the comparisons that they refuse."""

from __future__ import annotations

import math
import numbers
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from opcode import opmap
from types import FrameType
from typing import Any, ClassVar, NoReturn

from ..records.evidence import Evidence
from ..text import counted
from ..verdict import Inconclusive
from .failure import Failed, Failure

clock = time.perf_counter

#: How to ask a measurement.
ASK = "compare it with a number: m > 2, m.below(1.2, else_above=1.4), m.between(1, 2)"

#: The instruction right before each comparison of a chain but the last, and its argument: since 3.11, and before. It
#: keeps a copy of the operand that is compared twice.
_IN_CHAIN = {(opmap.get("COPY"), 2), (opmap.get("ROT_THREE"), 0)}


class MeasurementError(Exception):
    """The measured code raised, hung, or crashed its process, so the measurement has no result."""

    __module__ = "pytest_concclaims"  # where its users find it


@dataclass(frozen=True)
class Reading:
    """The result of a measurement so far.

    :param value: the estimate.
    :param low: together with ``high``, the range of the quantity.
    :param samples: number of samples behind it.
    """

    value: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True)
class ThresholdQuestion:
    """A comparison with numbers.

    :param words: the question, such as ``above 2``.
    :param cuts: the dead zones in rising order, each ``(low, high)``. The answer says on which side of each the
        quantity lies; within one, there is no answer.
    :param above: with one cut: whether the question is "above" (or "below"). With two, the question is "above the
        first and below the last".
    """

    words: str
    cuts: tuple[tuple[float, float], ...]
    above: bool = True


@dataclass(frozen=True)
class Settled:
    """The side of a dead zone on which a quantity lies.

    :param above: whether it lies above; None if that is not settled.
    :param lacking: why it is not settled.
    """

    above: bool | None
    lacking: str | None = None


@dataclass(frozen=True)
class Bench:
    """What a lab provides to its instruments.

    :param sampling: holds the machine lock while an instrument samples.
    :param suspended: ignores assertions that hold while an instrument calls the claim's code.
    :param disturbed: returns what falsifies a measurement now, in words; None if nothing does.
    :param record: adds evidence.
    :param give_up: ends the claim without a verdict.
    :param progress: a context in which an instrument answers a question, with its name and budget.
    """

    sampling: Callable[[], AbstractContextManager[None]]
    suspended: Callable[[], AbstractContextManager[None]]
    disturbed: Callable[[], str | None]
    record: Callable[[Evidence], None]
    give_up: Callable[[Inconclusive], NoReturn]
    progress: Callable[[str], AbstractContextManager[object]] = nullcontext


class Measurement(ABC):
    """A quantity that is measured when it is compared with a number, until that comparison is settled.

    Further questions reuse the samples so far. A comparison is True or False, or raises
    :class:`~pytest_concclaims.Inconclusive`.

    :param name: the call that made it, such as ``lab.ratio(a, b)``.
    :param subject: what is measured, in words.
    :param budget: seconds for each question.
    """

    __hash__ = None  # type: ignore[assignment]  # a measurement is equal to nothing

    #: The quantity is always above this, so a comparison with less is refused; None: it can have any value.
    FLOOR: ClassVar[float | None] = 0.0
    #: Half the width of the default dead zone around a number.
    TOLERANCE: ClassVar[float] = 0.0

    def __init__(self, name: str, subject: str, *, budget: float, bench: Bench) -> None:
        self.name = name
        self._subject = subject
        self._budget = budget
        self._bench = bench
        self.seconds = 0.0
        self._compared_at: tuple[int, int, int] | None = None
        #: Whether a question was asked.
        self.asked = False
        #: How a question failed, even if the claim caught that.
        self.error: MeasurementError | None = None

    # --- what can be asked

    def above(self, number: float, *, else_below: float | None = None) -> bool:
        """Return whether the quantity lies above a number.

        :param number: the answer is True if the quantity lies above this.
        :param else_below: the answer is False if it lies below this. In between is a dead zone, without an answer.
            Not given: the instrument's own dead zone around ``number``, which may be empty.
        :raises Inconclusive: it was not settled.
        :raises MeasurementError: the measured code raised, hung or crashed.
        :raises TypeError: an argument is not a number.
        :raises ValueError: the number cannot be compared with, such as ``inf``.
        """
        __tracebackhide__ = True
        cut = self._cut(f"above({number!r})", number, else_below, least=True)
        return self._ask(ThresholdQuestion(f"above {self._shown(number)}", (cut,)))

    def below(self, number: float, *, else_above: float | None = None) -> bool:
        """Return whether the quantity lies below a number.

        :param number: the answer is True if the quantity lies below this.
        :param else_above: the answer is False if it lies above this; as ``else_below`` of :meth:`above`.
        :raises Inconclusive: as of :meth:`above`, which also lists the other exceptions.
        """
        __tracebackhide__ = True
        cut = self._cut(f"below({number!r})", number, else_above, least=False)
        return self._ask(ThresholdQuestion(f"below {self._shown(number)}", (cut,), above=False))

    def between(self, low: float, high: float) -> bool:
        """Return whether the quantity lies between two numbers.

        :raises Inconclusive: as of :meth:`above`, which also lists the other exceptions.
        """
        __tracebackhide__ = True
        call = f"between({low!r}, {high!r})"
        cuts = self._cut(call, low, None, least=True), self._cut(call, high, None, least=False)
        if not low < high:
            raise ValueError(f"{self.name}.{call}: the first number must be smaller than the second")
        if self.TOLERANCE and cuts[0][1] >= cuts[1][0]:
            raise ValueError(
                f"{self.name}.{call}: the dead zones of the two numbers, {self._shown(self.TOLERANCE)} to either "
                "side, leave nothing in between; take numbers that are further apart"
            )
        return self._ask(ThresholdQuestion(f"between {self._shown(low)} and {self._shown(high)}", cuts))

    def __gt__(self, other: float) -> bool:
        __tracebackhide__ = True
        return self.above(self._operand(other, ">"))

    def __ge__(self, other: float) -> bool:
        __tracebackhide__ = True
        return self.above(self._operand(other, ">="))

    def __lt__(self, other: float) -> bool:
        __tracebackhide__ = True
        return self.below(self._operand(other, "<"))

    def __le__(self, other: float) -> bool:
        __tracebackhide__ = True
        return self.below(self._operand(other, "<="))

    # --- what is refused

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"{self.name}: a measurement has a range, so it is not equal to a number; {ASK}")

    __ne__ = __eq__

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self.name}: a measurement is neither true nor false; {ASK}")

    def __float__(self) -> NoReturn:
        raise TypeError(f"{self.name}: a measurement has a range, so it is not a float; {ASK}")

    def _operand(self, other: object, operator: str) -> float:
        """Return the other operand of an operator.

        :raises TypeError: it is a measurement, or the comparison is part of a chain.
        """
        __tracebackhide__ = True
        if isinstance(other, Measurement):
            raise TypeError(
                f"{self.name} {operator} {other.name}: these were measured at different times, and the machine "
                f"changes in between; {self._instead()}"
            )
        # Python makes two comparisons of a < m < b, the second only if the first is true. pytest's rewritten assert
        # makes both, and in its bytecode they are not a chain, so they are recognized by their line.
        frame = sys._getframe(2)  # noqa: SLF001  (documented; inspect's takes the sources along)
        place = id(frame), frame.f_lineno, frame.f_lasti
        before, self._compared_at = self._compared_at, place
        again = before is not None and before[:2] == place[:2] and before[2] != place[2]
        if again or _in_chain(frame):
            raise TypeError(
                f"{self.name} is compared twice on one line; for low < m < high, of which Python makes two "
                "comparisons, write m.between(low, high); otherwise, write two asserts on two lines"
            )
        return other  # type: ignore[return-value]  # above and below check it

    def _instead(self) -> str:
        """Return what to write in place of a comparison of two measurements."""
        return "measure one against the other"

    def _shown(self, value: float) -> str:
        """Return a value as text, with its unit."""
        return f"{float(value):g}"

    # --- asking

    def _cut(self, call: str, number: object, otherwise: object, *, least: bool) -> tuple[float, float]:
        """Return the dead zone of a comparison.

        :param otherwise: ``else_below`` or ``else_above``; None if not given.
        :param least: whether ``otherwise`` must be the smaller one.
        """
        __tracebackhide__ = True
        call = f"{self.name}.{call}"
        given = [number] if otherwise is None else [number, otherwise]
        for one in given:
            if not _is_number(one):
                raise TypeError(f"{call}: {one!r} is not a number; {ASK}")
        numbers = [_as_float(one) for one in given]
        for one in numbers:
            if not math.isfinite(one):
                raise ValueError(f"{call}: {one} is not finite; {ASK}")
            if self.FLOOR is not None and one <= self.FLOOR:
                raise ValueError(f"{call}: it is always above {self.FLOOR:g}; compare it with a greater number")
        if len(numbers) == 1:
            return self._checked(call, (numbers[0] - self.TOLERANCE, numbers[0] + self.TOLERANCE))
        if (numbers[1] > numbers[0]) if least else (numbers[1] < numbers[0]):
            name = "else_below" if least else "else_above"
            wrong = "greater" if least else "smaller"
            raise ValueError(f"{call}: {name}={numbers[1]:g} must not be {wrong} than {numbers[0]:g}")
        return self._checked(call, (min(numbers), max(numbers)))

    def _checked(self, call: str, cut: tuple[float, float]) -> tuple[float, float]:  # noqa: ARG002  (subclasses do)
        """Return a dead zone after checking that the quantity can lie on either side of it.

        :raises ValueError: it cannot.
        """
        return cut

    def _ask(self, question: ThresholdQuestion) -> bool:
        """Measure until a question is settled, and record the answer."""
        __tracebackhide__ = True
        self.asked = True
        try:
            with self._bench.progress(f"{self.name}, at most {self._budget:g} s"), self._bench.sampling():
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
        """Return the answer and why there is none; none if something falsifies the measurement before or after."""
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

        :raises Failed: the measured code raised, hung or crashed.
        """

    @abstractmethod
    def _reading(self) -> Reading | None:
        """Return the result so far, without measuring; None if nothing was measured."""

    @abstractmethod
    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        """Return the evidence of a question."""

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
    samples = counted(reading.samples, "sample")
    if math.isinf(reading.value):
        return f"no estimate yet, {samples}"
    if math.isinf(reading.low) or math.isinf(reading.high):
        return f"{unit(reading.value)} (no range yet), {samples}"
    return f"{unit(reading.value)} ({unit(reading.low)} to {unit(reading.high)}), {samples}"


def _recordable(value: float) -> float | None:
    """Return a number that JSON can hold; None if it is infinite."""
    return value if math.isfinite(value) else None


def _is_number(given: object) -> bool:
    return isinstance(given, numbers.Real) and not isinstance(given, bool)


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer that is greater than any float
        return math.inf if number > 0 else -math.inf


def _in_chain(frame: FrameType) -> bool:
    """Return whether the comparison that a frame executes is followed by another one in a chain, as in a < m < b."""
    return tuple(frame.f_code.co_code[: frame.f_lasti][-2:]) in _IN_CHAIN
