"""The base of measurements: questions, answers, and comparisons that are refused."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, NoReturn

import pytest

from pytest_concclaims import Inconclusive, MeasurementError
from pytest_concclaims.lab import measurement
from pytest_concclaims.lab.failure import Failed, Failure, raised
from pytest_concclaims.lab.lock import LOCK_DIR
from pytest_concclaims.lab.measurement import Bench, Measurement, Reading, Settled, ThresholdQuestion
from pytest_concclaims.records.evidence import Evidence, Measured, from_json

#: The end of an error about a comparison that is not with a number.
ASK = r"compare it with a number: m > 2, m\.below\(1\.2, else_above=1\.4\), m\.between\(1, 2\)$"
interpreter = pytest.mark.interpreter


@dataclass(frozen=True)
class ScriptedRun(Measured):
    """A question to a scripted measurement."""

    kind: ClassVar[str] = "scripted"


class Scripted(Measurement):
    """A measurement of a known quantity, by a script of samples.

    :param script: for each sample, an exact value; None for a sample that settles nothing; or an exception that the
        measured code raises.
    """

    def __init__(self, bench: Bench, *script: float | BaseException | None) -> None:
        super().__init__("lab.length(stick)", "the stick", budget=1.5, bench=bench)
        self.script = list(script)
        self.values: list[float] = []
        self.cuts: list[tuple[float, float]] = []

    def _settle(self, low: float, high: float) -> Settled:
        self.cuts.append((low, high))
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Exception):
            raise Failed(raised("the stick", said)) from said
        if isinstance(said, BaseException):
            raise said
        if said is None:
            return Settled(None, "the stick is too far away")
        self.values.append(said)
        if low <= said <= high:
            return Settled(None, "it lies in the dead zone")
        return Settled(said > high)

    def _reading(self) -> Reading | None:
        if not self.values:
            return None
        return Reading(self.values[-1], self.values[-1] - 0.5, self.values[-1] + 0.5, len(self.values))

    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        return ScriptedRun(**self._common(question, answer, lacking, failure))


class Tolerant(Scripted):
    """A measurement whose numbers have a dead zone."""

    TOLERANCE = 0.25


class Anything(Scripted):
    """A measurement that can be negative."""

    FLOOR = None


@dataclass
class Place:
    """The lab of a measurement: its evidence, and whether the machine lock is held."""

    recorded: list[Any]
    disturbances: list[str | None] = field(default_factory=list)
    entered: int = 0
    inside: bool = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Record that the machine lock is held."""
        self.entered += 1
        self.inside = True
        try:
            yield
        finally:
            self.inside = False

    def disturbed(self) -> str | None:
        """Return what falsifies a measurement, if anything does."""
        return self.disturbances.pop(0) if self.disturbances else None

    def give_up(self, unsettled: Inconclusive) -> NoReturn:
        """End the claim."""
        raise unsettled

    def bench(self) -> Bench:
        """Return what a lab provides."""
        return Bench(self.alone, nullcontext, self.disturbed, self.recorded.append, self.give_up)


@pytest.fixture
def place() -> Place:
    """Return a place without evidence."""
    return Place([])


@pytest.fixture
def m(place: Place) -> Scripted:
    """Return a measurement of 2."""
    return Scripted(place.bench(), 2.0)


def untouched(place: Place, m: Scripted) -> bool:
    """Return whether nothing was measured and nothing recorded."""
    return (place.recorded, place.entered, m.cuts, m.asked, m.error) == ([], 0, [], False, None)


# --- what can be asked


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        pytest.param(lambda m: m > 1, True, id="m > 1"),
        pytest.param(lambda m: m > 3, False, id="m > 3"),
        pytest.param(lambda m: m >= 1, True, id="m >= 1"),
        pytest.param(lambda m: m >= 3, False, id="m >= 3"),
        pytest.param(lambda m: m < 1, False, id="m < 1"),
        pytest.param(lambda m: m < 3, True, id="m < 3"),
        pytest.param(lambda m: m <= 1, False, id="m <= 1"),
        pytest.param(lambda m: m <= 3, True, id="m <= 3"),
        pytest.param(lambda m: 1 < m, True, id="1 < m"),  # noqa: SIM300  (what is tested; so below)
        pytest.param(lambda m: 3 < m, False, id="3 < m"),  # noqa: SIM300
        pytest.param(lambda m: 1 <= m, True, id="1 <= m"),  # noqa: SIM300
        pytest.param(lambda m: 3 <= m, False, id="3 <= m"),  # noqa: SIM300
        pytest.param(lambda m: 1 > m, False, id="1 > m"),  # noqa: SIM300
        pytest.param(lambda m: 3 > m, True, id="3 > m"),  # noqa: SIM300
        pytest.param(lambda m: 1 >= m, False, id="1 >= m"),  # noqa: SIM300
        pytest.param(lambda m: 3 >= m, True, id="3 >= m"),  # noqa: SIM300
        pytest.param(lambda m: m.above(1), True, id="above 1"),
        pytest.param(lambda m: m.above(3), False, id="above 3"),
        pytest.param(lambda m: m.below(1), False, id="below 1"),
        pytest.param(lambda m: m.below(3), True, id="below 3"),
        pytest.param(lambda m: m.between(1, 3), True, id="between 1 and 3"),
        pytest.param(lambda m: m.between(0.5, 1), False, id="between 0.5 and 1"),
        pytest.param(lambda m: m.between(3, 4), False, id="between 3 and 4"),
        pytest.param(lambda m: m.above(1.9, else_below=1.5), True, id="above, and a dead zone below"),
        pytest.param(lambda m: m.above(3, else_below=2.5), False, id="not above, and a dead zone"),
        pytest.param(lambda m: m.below(2.1, else_above=2.5), True, id="below, and a dead zone above"),
        pytest.param(lambda m: m.below(1.5, else_above=1.9), False, id="not below, and a dead zone"),
        pytest.param(lambda m: m > Fraction(3, 2), True, id="a fraction"),
        pytest.param(lambda m: m.between(Fraction(1, 3), Fraction(5, 2)), True, id="fractions"),
    ],
)
def test_answers(place: Place, m: Scripted, ask: Callable[[Scripted], bool], answer: bool) -> None:
    """Comparisons with numbers, in both directions, are true or false; each is one question with evidence."""
    assert ask(m) is answer
    assert [(item.answer, item.lacking, item.failure) for item in place.recorded] == [(answer, None, None)]
    assert m.asked
    assert m.error is None


@pytest.mark.parametrize(
    ("ask", "cuts", "words"),
    [
        (lambda m: m > 1, [(1, 1)], "above 1"),
        (lambda m: 3 > m, [(3, 3)], "below 3"),  # noqa: SIM300
        (lambda m: m.above(1.5, else_below=1), [(1, 1.5)], "above 1.5"),
        (lambda m: m.below(3, else_above=3.5), [(3, 3.5)], "below 3"),
        (lambda m: m.below(3, else_above=3), [(3, 3)], "below 3"),
        (lambda m: m.between(1, 3), [(1, 1), (3, 3)], "between 1 and 3"),
        (lambda m: m.between(3, 4), [(3, 3)], "between 3 and 4"),
        (lambda m: m > Fraction(1, 4), [(0.25, 0.25)], "above 0.25"),
        (lambda m: m < 10**9, [(1e9, 1e9)], "below 1e+09"),
    ],
)
def test_dead_zones(
    place: Place, m: Scripted, ask: Callable[[Scripted], bool], cuts: list[tuple[float, float]], words: str
) -> None:
    """The side of each number is settled; that of the second number only if the quantity lies above the first."""
    ask(m)
    assert m.cuts == cuts
    assert place.recorded[0].question == words


@pytest.mark.parametrize(
    ("ask", "cuts"),
    [
        (lambda m: m > 1, [(0.75, 1.25)]),
        (lambda m: m < 3, [(2.75, 3.25)]),
        (lambda m: m.between(1, 3), [(0.75, 1.25), (2.75, 3.25)]),
        (lambda m: m.above(1, else_below=0.9), [(0.9, 1)]),
        (lambda m: m.below(3, else_above=3.1), [(3, 3.1)]),
    ],
)
def test_tolerance(place: Place, ask: Callable[[Scripted], bool], cuts: list[tuple[float, float]]) -> None:
    """A kind of measurement can have a default dead zone around a number."""
    tolerant = Tolerant(place.bench(), 2.0)
    ask(tolerant)
    assert tolerant.cuts == cuts


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m > 1.5,
        lambda m: m < 1.5,
        lambda m: m.above(2, else_below=1),
        lambda m: m.below(1, else_above=2),
        lambda m: m.between(1.5, 3),
        lambda m: m.between(1, 1.75),
    ],
)
def test_in_the_dead_zone_there_is_no_answer(place: Place, ask: Callable[[Scripted], bool]) -> None:
    """In it, the claim ends without a verdict, whatever the question."""
    measured = Tolerant(place.bench(), 1.5)
    with pytest.raises(Inconclusive, match="it lies in the dead zone"):
        ask(measured)
    assert [item.answer for item in place.recorded] == [None]


@pytest.mark.parametrize(
    ("answers", "answer"),
    [
        pytest.param((2.0, 2.0), True, id="above the first and below the second"),
        pytest.param((0.5, 2.0), False, id="below the first"),
        pytest.param((2.0, 5.0), False, id="above the second"),
        pytest.param((None, 2.0), None, id="nothing about the first"),
        pytest.param((2.0, None), None, id="nothing about the second"),
    ],
)
def test_between_is_three_valued(place: Place, answers: tuple[float | None, ...], answer: bool | None) -> None:
    """It is true if both sides are settled so, false if one is settled otherwise, and else has no answer."""
    measured = Scripted(place.bench(), *answers)
    if answer is None:
        with pytest.raises(Inconclusive, match="the stick is too far away"):
            measured.between(1, 3)
    else:
        assert measured.between(1, 3) is answer
    assert [item.answer for item in place.recorded] == [answer]


def test_it_holds_the_lock_while_it_samples(place: Place, m: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question takes the machine lock, and releases it."""
    seen = []
    settle = m._settle

    def spy(low: float, high: float) -> Settled:
        seen.append(place.inside)
        return settle(low, high)

    monkeypatch.setattr(m, "_settle", spy)
    assert m.between(1, 3)
    assert m > 1
    assert seen == [True, True, True]
    assert place.entered == 2
    assert not place.inside


# --- evidence


def test_evidence(place: Place, m: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evidence has the question, the answer and the measured values; its seconds are those of all questions."""
    ticks = iter([10.0, 10.25, 20.0, 20.5])
    monkeypatch.setattr(measurement, "clock", lambda: next(ticks))
    assert m.above(1.5, else_below=1)
    assert not m < 1
    assert [item.to_json() for item in place.recorded] == [
        {
            "kind": "scripted",
            "subject": "the stick",
            "question": question,
            "answer": answer,
            "cuts": cuts,
            "value": 2.0,
            "low": 1.5,
            "high": 2.5,
            "samples": samples,
            "seconds": seconds,
            "budget": 1.5,
            "lacking": None,
            "failure": None,
        }
        for question, answer, cuts, samples, seconds in [
            ("above 1.5", True, [[1.0, 1.5]], 1, 0.25),
            ("below 1", False, [[1.0, 1.0]], 2, 0.75),
        ]
    ]
    assert [item.phrase() for item in place.recorded] == [
        "the stick: 2 (1.5 to 2.5); above 1.5",
        "the stick: 2 (1.5 to 2.5); not below 1",
    ]


def test_evidence_is_json(place: Place, m: Scripted) -> None:
    """An infinite range is null in the record, as JSON has no infinity."""
    m._reading = lambda: Reading(2.0, float("-inf"), float("inf"), 3)  # type: ignore[method-assign]
    assert m > 1
    stored = place.recorded[0].to_json()
    assert json.loads(json.dumps(stored, allow_nan=False)) == stored
    assert (stored["value"], stored["low"], stored["high"], stored["samples"]) == (2.0, None, None, 3)
    assert place.recorded[0].phrase() == "the stick: 2; above 1"


def test_inconclusive_says_what_was_seen(place: Place) -> None:
    """The claim's reason is the evidence's phrase, with the measured value if there is one."""
    with pytest.raises(Inconclusive) as nothing:
        Scripted(place.bench(), None).above(1)
    with pytest.raises(Inconclusive) as something:
        Scripted(place.bench(), 1.0).above(1)
    assert [str(nothing.value), str(something.value)] == [item.phrase() for item in place.recorded]
    assert str(nothing.value) == "No answer: the stick is too far away. Asked: the stick, above 1"
    assert str(something.value) == (
        "No answer: it lies in the dead zone. Measured: the stick: 1 (0.5 to 1.5); asked: above 1"
    )
    assert [(item.answer, item.samples, item.lacking) for item in place.recorded] == [
        (None, 0, "the stick is too far away"),
        (None, 1, "it lies in the dead zone"),
    ]


def test_evidence_of_a_ratio_can_be_stored() -> None:
    """The evidence of a ratio that is read from a record is that which was stored."""
    measured = {"subject": "s", "question": "above 1", "answer": True, "cuts": [[1, 1]], "value": 2.0, "low": 1.5}
    measured.update(high=2.5, samples=13, seconds=0.1, budget=2.0, lacking=None, failure=None)
    stored = {"kind": "ratio", **measured, "above": 13, "below": 0, "error": 0.001, "arms": []}
    assert from_json(stored).to_json() == stored


# --- failures


def break_stick() -> None:
    """Raise, in a function of its own."""
    raise LookupError("the stick broke\nin two")


def broken() -> Exception:
    """Return the exception of that function."""
    try:
        break_stick()
    except LookupError as error:
        return error
    raise AssertionError("it did not break")


@interpreter
def test_failure_is_an_error_with_its_traceback(place: Place) -> None:
    """It is not a verdict; the error and the evidence have the traceback."""
    cause = broken()
    measured = Scripted(place.bench(), cause)
    with pytest.raises(MeasurementError) as caught:
        measured.above(1)
    first, _, details = str(caught.value).partition("\n")
    assert first.startswith("lab.length(stick): the stick raised LookupError: the stick broke")
    assert "Traceback (most recent call last)" in details
    assert "in break_stick" in details
    assert caught.value.__cause__ is cause
    assert measured.error is caught.value
    (failed,) = place.recorded
    assert (failed.answer, failed.lacking, failed.samples) == (None, None, 0)
    assert failed.failure["kind"] == "raised"
    assert failed.phrase() == failed.failure["text"]
    assert "in break_stick" in failed.failure["details"]
    assert not place.inside


def test_failure_without_details(place: Place) -> None:
    """Without details, the error is one line."""
    measured = Scripted(place.bench(), Failed(Failure("ended", "its process ended", "")))
    with pytest.raises(MeasurementError, match=r"^lab\.length\(stick\): its process ended\Z"):
        measured.above(1)


def test_failure_stands_even_if_it_is_caught(place: Place) -> None:
    """A later answer does not hide it."""
    measured = Scripted(place.bench(), broken(), 2.0)
    with pytest.raises(MeasurementError) as caught:
        measured.above(1)
    assert measured.above(1)
    assert measured.error is caught.value
    assert [item.answer for item in place.recorded] == [None, True]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, GeneratorExit])
def test_exceptions_that_stop_the_run_are_raised(place: Place, stop: type[BaseException]) -> None:
    """A Ctrl-C is not a failure of the measured code, and the machine lock is released."""
    with pytest.raises(stop):
        Scripted(place.bench(), stop()).above(1)
    assert place.recorded == []
    assert not place.inside


@pytest.mark.parametrize(("disturbances", "values"), [(["a server"], 0), ([None, "a server"], 1)])
def test_disturbed_measurement_has_no_answer(place: Place, disturbances: list[str | None], values: int) -> None:
    """If it is disturbed before, nothing is measured; if it is disturbed after, the answer is discarded."""
    place.disturbances += disturbances
    measured = Scripted(place.bench(), 2.0)
    with pytest.raises(Inconclusive, match="a server"):
        measured.above(1)
    assert len(measured.values) == values
    assert (place.recorded[-1].answer, place.recorded[-1].lacking) == (None, "a server")
    assert measured.above(1) is True


def test_machine_lock_that_cannot_be_taken(place: Place) -> None:
    """Without the machine lock, nothing is measured; but the question was asked."""

    def busy() -> NoReturn:
        raise Inconclusive("others measure")

    measured = Scripted(Bench(busy, nullcontext, place.disturbed, place.recorded.append, place.give_up), 2.0)
    with pytest.raises(Inconclusive, match="others measure"):
        measured.above(1)
    assert measured.asked
    assert (measured.cuts, place.recorded) == ([], [])


# --- what is refused


def comparison(m: Any, operation: str) -> object:
    """Return the result of an operation on a measurement."""
    names = {"m": m, "operator": operator, "other": m, "suppress": suppress}
    return eval(operation, names)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("m == 2", rf"lab\.length\(stick\): a measurement has a range, so it is not equal to a number; {ASK}"),
        ("2 == m", r"it is not equal to a number; compare it with a number"),
        ("m != 2", r"it is not equal to a number; compare it with a number"),
        ("m == None", r"it is not equal to a number; compare it with a number"),
        ("m in [2]", r"it is not equal to a number; compare it with a number"),
        ("2 in [m]", r"it is not equal to a number; compare it with a number"),
        ("[2].index(m)", r"it is not equal to a number; compare it with a number"),
        ("bool(m)", rf"lab\.length\(stick\): a measurement is neither true nor false; {ASK}"),
        ("not m", r"is neither true nor false; compare it with a number"),
        ("m and True", r"is neither true nor false; compare it with a number"),
        ("m or True", r"is neither true nor false; compare it with a number"),
        ("1 if m else 2", r"is neither true nor false; compare it with a number"),
        ("all([m])", r"is neither true nor false; compare it with a number"),
        ("float(m)", rf"lab\.length\(stick\): a measurement has a range, so it is not a float; {ASK}"),
        ("hash(m)", "unhashable type: 'Scripted'"),
        ("{m}", "unhashable type: 'Scripted'"),
        ("int(m)", "int"),
        ("m + 1", "unsupported operand"),
        ("max(m, other)", "these were measured at different times"),
    ],
)
def test_what_is_no_question(place: Place, m: Scripted, operation: str, words: str) -> None:
    """Equality, truth and the value are errors that say what to write; nothing is measured."""
    with pytest.raises(TypeError, match=words):
        comparison(m, operation)
    assert untouched(place, m)


@pytest.mark.parametrize("operation", ["m == m", "m != m", "[m, m] == [2, 2]"])
def test_equality_with_itself(place: Place, m: Scripted, operation: str) -> None:
    """A measurement is not even equal to itself."""
    with pytest.raises(TypeError, match="it is not equal to a number"):
        comparison(m, operation)
    assert untouched(place, m)


@pytest.mark.parametrize("name", ["gt", "ge", "lt", "le"])
def test_two_measurements_are_not_compared(place: Place, m: Scripted, name: str) -> None:
    """They were measured at different times; the error says what to write, and nothing is measured."""
    other = Scripted(place.bench(), 1.0)
    sign = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}[name]
    words = (
        rf"^lab\.length\(stick\) {sign} lab\.length\(stick\): these were measured at different times.*; measure one"
    )
    with pytest.raises(TypeError, match=words):
        getattr(operator, name)(m, other)
    assert untouched(place, m)
    assert untouched(place, other)


@pytest.mark.parametrize("name", ["gt", "ge", "lt", "le"])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("given", [None, True, "2", [2], 2j, Decimal(2), len], ids=repr)
def test_comparison_with_no_number(place: Place, m: Scripted, name: str, swapped: bool, given: Any) -> None:
    """Text, None and truth values, for example, are not numbers."""
    with pytest.raises(TypeError, match=f"is not a number; {ASK}"):
        getattr(operator, name)(*((given, m) if swapped else (m, given)))
    assert untouched(place, m)


@pytest.mark.parametrize(
    ("ask", "call"),
    [
        (lambda m: m.above("2"), "above('2'): '2'"),
        (lambda m: m.above(None), "above(None): None"),
        (lambda m: m.below(True), "below(True): True"),
        (lambda m: m.below(2, else_above="3"), "below(2): '3'"),
        (lambda m: m.above(2, else_below=False), "above(2): False"),
        (lambda m: m.between("1", 2), "between('1', 2): '1'"),
        (lambda m: m.between(1, None), "between(1, None): None"),
        (lambda m: m.between(1, 2j), "between(1, 2j): 2j"),
    ],
)
def test_question_with_no_number(place: Place, m: Scripted, ask: Callable[[Any], object], call: str) -> None:
    """The error has the call and the problem."""
    with pytest.raises(TypeError, match=rf"^{re.escape(f'lab.length(stick).{call} is not a number')}; {ASK}"):
        ask(m)
    assert untouched(place, m)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda m: m > NAN, r"above\(nan\): nan is not finite"),
        (lambda m: m < NAN, r"below\(nan\): nan is not finite"),
        (lambda m: m < INF, r"below\(inf\): inf is not finite"),
        (lambda m: m > -INF, r"above\(-inf\): -inf is not finite"),
        (lambda m: m < 10**400, r"below\(10+\): inf is not finite"),
        (lambda m: m > -(10**400), r"above\(-10+\): -inf is not finite"),
        (lambda m: m.below(2, else_above=INF), r"below\(2\): inf is not finite"),
        (lambda m: m.between(NAN, 2), r"between\(nan, 2\): nan is not finite"),
        (lambda m: m.between(1, INF), r"between\(1, inf\): inf is not finite"),
        (lambda m: m > 0, r"above\(0\): it is always above 0; compare it with a greater number"),
        (lambda m: m < 0.0, r"below\(0\.0\): it is always above 0; compare it with a greater number"),
        (lambda m: m > -1, r"above\(-1\): it is always above 0"),
        (lambda m: m.above(1, else_below=0), r"above\(1\): it is always above 0"),
        (lambda m: m.between(0, 1), r"between\(0, 1\): it is always above 0"),
        (lambda m: m.above(2, else_below=3), r"above\(2\): else_below=3 must not be greater than 2"),
        (lambda m: m.below(2, else_above=1), r"below\(2\): else_above=1 must not be smaller than 2"),
        (lambda m: m.between(2, 1), r"between\(2, 1\): the first number must be smaller than the second"),
        (lambda m: m.between(2, 2), r"between\(2, 2\): the first number must be smaller than the second"),
    ],
)
def test_number_that_makes_no_sense(place: Place, m: Scripted, ask: Callable[[Scripted], object], words: str) -> None:
    """A number that no quantity can lie beyond is an error, and nothing is measured."""
    with pytest.raises(ValueError, match=rf"^lab\.length\(stick\)\.{words}"):
        ask(m)
    assert untouched(place, m)


def test_nothing_lies_between_numbers_whose_dead_zones_meet(place: Place) -> None:
    """Such a question could only be refuted; the error asks for numbers that are further apart."""
    tolerant = Tolerant(place.bench(), 2.0)
    for high in (2.25, 2.5):
        with pytest.raises(ValueError, match=rf"^lab\.length\(stick\)\.between\(2, {high}\): .*further apart$"):
            tolerant.between(2, high)
    assert untouched(place, tolerant)
    with pytest.raises(ValueError, match="the first number must be smaller than the second"):
        tolerant.between(3, 1)


def test_what_can_be_negative_has_no_floor(place: Place) -> None:
    """A measurement that can be negative can be compared with any number."""
    anything = Anything(place.bench(), -2.0)
    assert anything < 0
    assert anything > -3
    assert anything.between(-3, -1)


# --- chained comparisons

TWICE = r"^lab\.length\(stick\) is compared twice .*, write m\.between\(low, high\)"


def chain(m: Scripted) -> bool:
    """Compare in a chain, in code without a rewritten assert."""
    return 1 < m < 3


def chain_that_is_false_at_once(m: Scripted) -> bool:
    """Compare in a chain whose second comparison Python does not make."""
    return 3 < m < 4


def chain_over_lines(m: Scripted) -> bool:
    """Compare in a chain on several lines."""
    # fmt: off
    return (
        1
        < m
        < 3
    )
    # fmt: on


def chain_from_it(m: Scripted) -> bool:
    """Compare in a chain that begins with the measurement."""
    return m < 3 < 4


def chain_in_a_condition(m: Scripted) -> bool:
    """Compare in a chain in a condition."""
    if 1 <= m <= 3:  # noqa: SIM103  (what is tested is an if)
        return True
    return False


def chain_in_an_assert(m: Scripted) -> None:
    """Compare in a chain in an assert that pytest has rewritten."""
    assert 1 < m < 3


def chain_in_an_assert_that_fails_at_once(m: Scripted) -> None:
    """Compare in a chain in an assert: pytest makes both comparisons, although the first is false."""
    assert 3 < m < 4


def chain_in_an_assert_over_lines(m: Scripted) -> None:
    """Compare in a chain in an assert on several lines."""
    # fmt: off
    assert (
        1
        < m
        < 3
    )
    # fmt: on


def both_in_one_line(m: Scripted) -> bool:
    """Compare twice on one line, like a chain."""
    return m > 1 and m < 3


def both_in_one_assert(m: Scripted) -> None:
    """Compare twice in an assert, like a chain."""
    assert m > 1 and m < 3  # noqa: PT018  (what is tested)


CHAINS = [
    chain,
    chain_that_is_false_at_once,
    chain_over_lines,
    chain_from_it,
    chain_in_a_condition,
    chain_in_an_assert,
    chain_in_an_assert_that_fails_at_once,
    chain_in_an_assert_over_lines,
    both_in_one_line,
    both_in_one_assert,
]


@interpreter
@pytest.mark.parametrize("compare", CHAINS)
def test_chained_comparison(m: Scripted, compare: Callable[[Scripted], object]) -> None:
    """It is an error wherever it is written, whatever the first comparison gives, and also if it is repeated."""
    for _ in range(3):
        with pytest.raises(TypeError, match=TWICE):
            compare(m)


@interpreter
@pytest.mark.parametrize("compare", CHAINS[:5])
def test_chain_is_refused_before_anything_is_measured(
    place: Place, m: Scripted, compare: Callable[[Scripted], object]
) -> None:
    """A chain of Python's own is recognized at its first comparison."""
    with pytest.raises(TypeError, match=TWICE):
        compare(m)
    assert untouched(place, m)


@pytest.mark.untraced
@interpreter
def test_chain_in_a_claim(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is an ERROR that says what to write."""
    monkeypatch.setenv(LOCK_DIR, str(pytester.path / "lock"))
    path = pytester.makepyfile(
        """
        import pytest

        @pytest.mark.claim("a ratio lies between two numbers")
        def test_chain(lab):
            ratio = lab.ratio(list, dict, budget=60)
            assert 1e-9 < ratio < 1e9
        """
    )
    result = pytester.runpytest("--claims", path)
    result.stdout.fnmatch_lines(["*is compared twice *, write m.between(low, high)*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@interpreter
def test_same_comparison_in_a_loop(place: Place, m: Scripted) -> None:
    """A repeated question, with the same number or another, is not a chain."""
    for number in (1, 3, 1):
        assert (m > number) is (number < 2)
    assert [m < number for number in (1, 3)] == [False, True]
    assert len(place.recorded) == 5


@interpreter
def test_comparisons_in_statements_of_their_own(place: Place, m: Scripted) -> None:
    """Each of several statements is a question."""
    assert m > 1
    assert m < 3
    assert m >= 1
    above = m > 1
    below = m > 3
    assert (above, below) == (True, False)
    assert len(place.recorded) == 5


@interpreter
def test_other_comparisons_in_the_same_expression(place: Place, m: Scripted) -> None:
    """A chain of numbers, and another measurement on the same line, are not a chain of this one."""
    other = Scripted(place.bench(), 2.0)
    assert m > 1 and other < 3  # noqa: PT018  (what is tested)
    assert (0 < 1 < 2) and m > 1  # noqa: PT018
    assert len(place.recorded) == 3


@interpreter
def test_function_that_compares(place: Place, m: Scripted) -> None:
    """A function that compares can be called twice on one line."""

    def above(number: float) -> bool:
        return m > number

    assert [above(1), above(3)] == [True, False]
    assert (above(1), m > 1) == (True, True)


# --- repr


def test_repr_samples_nothing(place: Place, m: Scripted) -> None:
    """It shows that nothing was measured; and later, the value, the range and the number of samples."""
    assert repr(m) == str(m) == f"{m}" == "<lab.length(stick): not measured yet>"
    assert untouched(place, m)
    assert m > 1
    assert repr(m) == "<lab.length(stick): 2 (1.5 to 2.5), 1 sample>"
    assert m > 1
    assert repr(m) == str(m) == "<lab.length(stick): 2 (1.5 to 2.5), 2 samples>"
    assert (len(place.recorded), len(m.cuts)) == (2, 2)


def test_repr_without_a_range(m: Scripted) -> None:
    """If there are too few samples for a range, it says so."""
    m._reading = lambda: Reading(2.0, float("-inf"), float("inf"), 1_200)  # type: ignore[method-assign]
    assert repr(m) == "<lab.length(stick): 2 (no range yet), 1,200 samples>"


def test_public_names() -> None:
    """The error's module is the public one."""
    assert f"{MeasurementError.__module__}.{MeasurementError.__qualname__}" == "pytest_concclaims.MeasurementError"
