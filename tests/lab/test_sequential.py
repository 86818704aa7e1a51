"""The sequential test on adjacent pairs: its error rate and its power, by simulation with fixed seeds."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from pytest_concclaims.lab import sequential
from pytest_concclaims.lab.measurement import Settled, ThresholdQuestion
from pytest_concclaims.lab.sequential import (
    ERROR,
    Sample,
    in_random_order,
    reading_of,
    sample_until_settled,
    unsettled,
)
from pytest_concclaims.statistics import clopper_pearson_lower, median_range, settles

#: An error rate that a simulation can distinguish from a smaller one.
NOMINAL = 0.05
RUNS = 600
#: Pairs in each run.
PAIRS = 200


# --- a simulated machine


@dataclass
class Machine:
    """A simulated machine with heavy tails and a drifting speed.

    :param second: how many times as long the second function of a pair takes, because it is second.
    :param noise: how much the times of equal functions differ, apart from heavy tails and drift.
    """

    chance: random.Random
    second: float = 1.0
    noise: float = 0.2
    pace: float = 1.0
    _calls: int = 0

    def takes(self, typical: float) -> float:
        """Return how long a function takes now."""
        self._calls += 1
        self.pace *= self.chance.lognormvariate(0, self.noise / 4)
        taken = typical * self.pace * self.chance.lognormvariate(0, self.noise)
        if self.chance.random() < 0.02:  # another program uses the core
            taken *= 50 * self.chance.random()
        return taken * (self.second if self._calls % 2 == 0 else 1)


@dataclass
class Run:
    """A measurement of A against B on a simulated machine, with a limited number of pairs."""

    machine: Machine
    a: float = 1.0
    b: float = 1.0
    in_order: bool = False
    ratios: list[Sample] = field(default_factory=list)

    def pair(self) -> Sample:
        """Return how many times as long A takes as B, in a pair."""

        def one() -> float:
            return self.machine.takes(self.a)

        def other() -> float:
            return self.machine.takes(self.b)

        a, b = (one(), other()) if self.in_order else in_random_order(one, other, self.machine.chance)
        return Sample.exactly(a / b)

    def ask(self, monkeypatch: pytest.MonkeyPatch, number: float = 1.0, *, error: float = NOMINAL) -> bool | None:
        """Return whether the ratio lies above a number; the clock counts pairs."""
        monkeypatch.setattr(sequential, "clock", lambda: len(self.ratios))
        return sample_until_settled(self.ratios, self.pair, number, number, end=PAIRS, error=error).above


def answers(monkeypatch: pytest.MonkeyPatch, make: Callable[[random.Random], Run], runs: int) -> list[bool | None]:
    """Return the answers of runs with different seeds."""
    return [make(random.Random(seed)).ask(monkeypatch) for seed in range(runs)]


def assert_error_is_nominal(answered: list[bool | None]) -> None:
    """Assert that the part of runs with an answer, which is wrong here, is not above the nominal error rate."""
    # Otherwise, the simulation could not show an error rate that is too high, or would itself favour an arm.
    assert {True, False} <= set(answered)
    wrong = sum(answer is not None for answer in answered)
    assert clopper_pearson_lower(wrong, len(answered), 0.999) <= NOMINAL


@pytest.mark.parametrize("noise", [0.02, 0.2])
@pytest.mark.parametrize("second", [1.0, 1.05], ids="the second takes {} times as long".format)
def test_error_rate_of_equal_arms(monkeypatch: pytest.MonkeyPatch, second: float, noise: float) -> None:
    """Of runs with equal arms, the part that finds a difference is not above the nominal error rate."""
    assert_error_is_nominal(answers(monkeypatch, lambda chance: Run(Machine(chance, second, noise)), RUNS))


def test_fixed_order_finds_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the random order, the effect of the position is found: so the simulation can show errors."""
    answered = answers(monkeypatch, lambda chance: Run(Machine(chance, 1.05, 0.02), in_order=True), 100)
    assert answered.count(False) >= 95  # A, which is always first, is found to be faster
    assert answered.count(True) == 0


@pytest.mark.parametrize("second", [1.0, 1.05])
@pytest.mark.parametrize(("a", "b", "above"), [(2.0, 1.0, True), (1.0, 2.0, False)])
def test_effect_is_found(monkeypatch: pytest.MonkeyPatch, a: float, b: float, above: bool, second: float) -> None:
    """An arm that takes twice as long is found to do so soon, in nearly all runs, and never the opposite."""
    runs = [Run(Machine(random.Random(seed), second), a, b) for seed in range(200)]
    answered = [run.ask(monkeypatch, error=ERROR) for run in runs]
    assert answered.count(above) >= 198
    assert answered.count(not above) == 0
    pairs = sorted(len(run.ratios) for run in runs)
    assert pairs[0] >= 13
    assert pairs[100] <= 25


def test_number_that_is_the_true_ratio_is_neither_exceeded_nor_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error rate holds for any number: for a true ratio of 3, "above 3" is as likely as "below 3"."""
    assert_error_is_nominal(
        [Run(Machine(random.Random(seed), 1.05), a=3.0).ask(monkeypatch, 3.0) for seed in range(RUNS)]
    )


def test_median_is_no_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """A takes half as long in most pairs, and a thousand times as long in some: the median lies below 1."""
    chance = random.Random(7)
    monkeypatch.setattr(sequential, "clock", lambda: 0.0)

    def draw() -> Sample:
        return Sample.exactly(1000.0 if chance.random() < 0.1 else 0.5)

    values: list[Sample] = []
    assert sample_until_settled(values, draw, 1.0, 1.0, end=1.0) == Settled(False)


# --- the test itself


def scripted(monkeypatch: pytest.MonkeyPatch, script: list[float], low: float, high: float) -> tuple[Settled, int]:
    """Draw samples from a script; return the result, and the number of samples."""
    values: list[Sample] = []
    monkeypatch.setattr(sequential, "clock", lambda: len(values))
    given = map(Sample.exactly, script)
    return sample_until_settled(values, lambda: next(given), low, high, end=len(script)), len(values)


@pytest.mark.parametrize(("beyond", "above"), [(3.0, True), (1.0, False)])
def test_thirteen_that_agree(monkeypatch: pytest.MonkeyPatch, beyond: float, above: bool) -> None:
    """Thirteen samples settle it, and no more are drawn."""
    assert scripted(monkeypatch, [beyond] * 100, 2.0, 2.0) == (Settled(above), 13)


@pytest.mark.parametrize(("dissents", "samples"), [(1, 19), (2, 23)])
def test_dissent_takes_more(monkeypatch: pytest.MonkeyPatch, dissents: int, samples: int) -> None:
    """A sample on the other side takes several more to settle it."""
    assert scripted(monkeypatch, [1.0] * dissents + [3.0] * 100, 2.0, 2.0) == (Settled(True), samples)


@pytest.mark.parametrize("sample", [Sample(3.0, 2.0, 4.0), Sample(1.0, 0.5, 2.0)])
def test_bounds_count_and_not_the_guess(monkeypatch: pytest.MonkeyPatch, sample: Sample) -> None:
    """A sample whose bounds include the number is on neither side."""
    values: list[Sample] = []
    monkeypatch.setattr(sequential, "clock", lambda: len(values))
    settled = sample_until_settled(values, lambda: sample, 2.0, 2.0, end=100)
    assert settled.above is None
    assert "Of 100 samples, 0 lie above 2, 0 below 2, and 100 on neither side" in str(settled.lacking)
    assert sequential.beside([sample], 1.9, 1.9) == (int(sample.value == 3.0), 0)
    assert sequential.beside([sample], 2.1, 2.1) == (0, int(sample.value == 1.0))


def test_end_without_an_answer_says_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason has the numbers of samples on both sides."""
    settled, samples = scripted(monkeypatch, [1.0, 3.0, 3.0], 2.0, 2.0)
    assert settled.above is None
    assert samples == 3
    assert settled.lacking is not None
    assert "the budget is spent. Of 3 samples, 2 lie above 2, 1 below 2: the median may lie at 2" in settled.lacking


def test_dead_zone_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample in a dead zone is on neither side."""
    settled, samples = scripted(monkeypatch, [2.0] * 500, 1.5, 2.5)
    assert settled.above is None
    assert samples == 500
    assert settled.lacking is not None
    assert "Of 500 samples, 0 lie above 2.5, 0 below 1.5, and 500 on neither side" in settled.lacking


@pytest.mark.parametrize(("value", "above"), [(3.0, True), (1.0, False)])
def test_beyond_a_dead_zone(monkeypatch: pytest.MonkeyPatch, value: float, above: bool) -> None:
    """Samples on one side settle it; those in the dead zone count against both sides."""
    assert scripted(monkeypatch, [value] * 100, 1.5, 2.5) == (Settled(above), 13)
    assert scripted(monkeypatch, [2.0] + [value] * 100, 1.5, 2.5) == (Settled(above), 19)


@pytest.mark.parametrize("others", [3.0, 1.0])
def test_samples_that_are_the_number_itself(monkeypatch: pytest.MonkeyPatch, others: float) -> None:
    """If most samples equal the number, the median equals it."""
    settled, samples = scripted(monkeypatch, [2.0, 2.0, others] * 200, 2.0, 2.0)
    assert settled.above is None
    assert samples == 600


def test_answer_is_that_of_all_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting incrementally gives the same as counting all samples, after each sample."""
    for seed in range(30):
        chance = random.Random(seed)
        script = [float(chance.randrange(1, 6)) for _ in range(120)]
        settled, samples = scripted(monkeypatch, script, 2.0, 3.0)
        for size in range(1, samples + 1):
            above, below = sum(value > 3 for value in script[:size]), sum(value < 2 for value in script[:size])
            answer = True if settles(above, size - above, ERROR) else None
            answer = False if settles(below, size - below, ERROR) else answer
            assert answer is (settled.above if size == samples else None)


def test_samples_that_are_there_answer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier samples are used; if they settle it, none is drawn."""
    monkeypatch.setattr(sequential, "clock", lambda: 0.0)
    values = [Sample.exactly(3.0)] * 13

    def no_more() -> Sample:
        raise AssertionError("there are enough")

    assert sample_until_settled(values, no_more, 2.0, 2.0, end=1.0) == Settled(True)
    assert sample_until_settled(values, no_more, 4.0, 4.0, end=1.0) == Settled(False)
    assert len(values) == 13


def test_one_sample_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first sample is drawn even if time is up; further ones are not."""
    monkeypatch.setattr(sequential, "clock", lambda: 2.0)
    values: list[Sample] = []
    for _ in range(2):
        assert sample_until_settled(values, lambda: Sample.exactly(1.0), 1.0, 1.0, end=1.0).above is None
        assert values == [Sample.exactly(1.0)]


def test_sample_that_raises_leaves_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier samples are kept."""
    monkeypatch.setattr(sequential, "clock", lambda: 0.0)
    values: list[Sample] = []

    def draw() -> Sample:
        if len(values) == 3:
            raise LookupError("the fourth")
        return Sample.exactly(1.0)

    with pytest.raises(LookupError):
        sample_until_settled(values, draw, 1.0, 1.0, end=1.0)
    assert values == [Sample.exactly(1.0)] * 3


def test_end_says_how_many_more_would_settle_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """If nearly all samples agree, the reason says how many more would settle it; and these do."""
    settled, _ = scripted(monkeypatch, [1.0] + [3.0] * 12, 2.0, 2.0)
    assert settled.lacking is not None
    assert "6 more that agree would settle it; give a larger budget" in settled.lacking
    assert scripted(monkeypatch, [1.0] + [3.0] * (12 + 6), 2.0, 2.0) == (Settled(True), 19)
    assert scripted(monkeypatch, [1.0] + [3.0] * (12 + 5), 2.0, 2.0)[0].above is None


@pytest.mark.parametrize(
    ("above", "below", "size", "words"),
    [
        (73, 55, 128, "Of 128 samples, 73 lie above 2, 55 below 2: "),
        (1, 0, 1, "Of 1 sample, 1 lie above 2, 0 below 2: "),
        (60, 55, 128, "Of 128 samples, 60 lie above 2, 55 below 2, and 13 on neither side: "),
    ],
)
def test_no_samples_are_made_up(above: int, below: int, size: int, words: str) -> None:
    """Samples on neither side are counted, and mentioned only if there are any."""
    assert words in unsettled(above, below, size, "2", "2")


@pytest.mark.parametrize("script", [[2.0] * 50, [1.0, 3.0] * 25])
def test_more_is_not_promised_to_help_where_samples_do_not_agree(
    monkeypatch: pytest.MonkeyPatch, script: list[float]
) -> None:
    """If the median equals the number, no budget settles it, and none is advised."""
    settled, _ = scripted(monkeypatch, script, 2.0, 2.0)
    assert settled.lacking is not None
    assert "the median may lie at 2" in settled.lacking
    assert "larger budget" not in settled.lacking


# --- the order of a pair


def test_order_is_drawn_and_the_answers_are_not_exchanged() -> None:
    """Each function is the first about as often as the other, whatever came before; the values are not swapped."""
    order: list[str] = []

    def call(name: str) -> str:
        order.append(name)
        return name

    chance, pairs = random.Random(1), 1000
    for _ in range(pairs):
        assert in_random_order(lambda: call("A"), lambda: call("B"), chance) == ("A", "B")
    firsts, seconds = order[::2], order[1::2]
    assert all({first, second} == {"A", "B"} for first, second in zip(firsts, seconds))
    assert 400 < firsts.count("A") < 600
    assert 400 < sum(one == other for one, other in zip(firsts, firsts[1:])) < 600


# --- results


def test_reading() -> None:
    """It is the median, with the range of medians that are not excluded; of no samples, there is none."""
    values = [float(value) for value in range(1, 16)]
    reading = reading_of([Sample.exactly(value) for value in values])
    assert reading is not None
    assert (reading.value, reading.low, reading.high, reading.samples) == (8.0, *median_range(values, ERROR), 15)
    vague = reading_of([Sample(value, value / 2, value + 20) for value in values])
    assert vague is not None
    low, high = median_range(values, ERROR)
    assert (vague.value, vague.low, vague.high) == (8.0, low / 2, high + 20)
    assert reading_of([]) is None


def test_what_goes_on_record() -> None:
    """The evidence has the numbers of samples beyond all numbers of the question."""
    values = [Sample.exactly(value) for value in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5)]
    assert sequential.tested(values, ThresholdQuestion("above 2", ((2.0, 2.0),))) == {
        "above": 3,
        "below": 3,
        "error": 0.001,
    }
    assert sequential.tested(values, ThresholdQuestion("above 3", ((1.0, 3.0),))) == {
        "above": 1,
        "below": 1,
        "error": 0.001,
    }
    assert sequential.tested(values, ThresholdQuestion("between 1 and 3", ((1.0, 1.0), (3.0, 3.0)))) == {
        "above": 1,
        "below": 1,
        "error": 0.001,
    }
