"""The formulas, against published values, closed forms and exact sums that owe nothing to the implementation."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest

from pytest_concclaims.statistics import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    incomplete_beta,
    median_range,
    settles,
    sign_test_wealth,
)

CONFIDENCES = [0.9, 0.95, 0.999]
#: All of few, some of many.
PROPORTIONS = [
    *((seen, samples) for samples in (1, 2, 3, 7) for seen in range(samples + 1)),
    *((seen, 20) for seen in (0, 1, 2, 9, 10, 18, 19, 20)),
    (3, 60),
]


def at_least(seen: int, samples: int, rate: Fraction) -> Fraction:
    """Return the exact probability of seeing something so often or more often."""
    return sum(
        (
            math.comb(samples, count) * rate**count * (1 - rate) ** (samples - count)
            for count in range(seen, samples + 1)
        ),
        Fraction(0),
    )


# --- published values


@pytest.mark.parametrize(
    ("seen", "samples", "confidence", "lower", "upper", "digits"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        # table I, method 5 (Clopper-Pearson), 95 % two-sided.
        pytest.param(81, 263, 0.975, 0.2527, 0.3676, 4, id="Newcombe, 81 of 263"),
        pytest.param(15, 148, 0.975, 0.0578, 0.1617, 4, id="Newcombe, 15 of 148"),
        pytest.param(0, 20, 0.975, 0.0, 0.1684, 4, id="Newcombe, 0 of 20"),
        pytest.param(1, 29, 0.975, 0.0009, 0.1776, 4, id="Newcombe, 1 of 29"),
        # NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.4.1, 90 % two-sided (it found its roots to 5 digits).
        pytest.param(4, 20, 0.95, 0.07135, 0.40103, 5, id="NIST e-Handbook, 4 of 20"),
        # R, example(binom.test), Mendel's peas, 95 % two-sided.
        pytest.param(682, 925, 0.975, 0.7076683, 0.7654066, 7, id="R, 682 of 925"),
        # Agresti, "Categorical Data Analysis", 1.4, no vegetarian among 25 students, 95 % two-sided.
        pytest.param(0, 25, 0.975, 0.0, 0.137, 3, id="Agresti, 0 of 25"),
        # Conover, "Practical Nonparametric Statistics" (1999), table A4, 95 % two-sided.
        pytest.param(5, 25, 0.975, 0.068, 0.407, 3, id="Conover, 5 of 25"),
    ],
)
def test_published_bounds(
    seen: int, samples: int, confidence: float, lower: float, upper: float, digits: int
) -> None:
    """A two-sided interval in print has the one-sided bounds of half the error on each side."""
    assert round(clopper_pearson_lower(seen, samples, confidence), digits) == lower
    assert round(clopper_pearson_upper(seen, samples, confidence), digits) == upper


def test_published_one_sided_bound() -> None:
    """SciPy's documentation of ``binomtest``: 3 of 15, alternative "greater", 95 %."""
    assert clopper_pearson_lower(3, 15, 0.95) == pytest.approx(0.05684686759024681, rel=1e-12)


@pytest.mark.parametrize(
    ("seen", "lower", "upper"),
    [
        # Pearson & Hartley, "Biometrika Tables for Statisticians" 1, table 40: limits for the expectation of a
        # Poisson variable, 1 - 2 alpha = 0.998.
        (0, 0.0, 6.91),
        (1, 0.00100, 9.23),
        (2, 0.0454, 11.23),
        (3, 0.191, 13.06),
        (4, 0.429, 14.79),
        (5, 0.739, 16.45),
    ],
)
def test_rare_in_a_million(seen: int, lower: float, upper: float) -> None:
    """What is rare among very many is distributed as Poisson says."""
    million = 1_000_000
    assert clopper_pearson_lower(seen, million, 0.999) * million == pytest.approx(lower, rel=4e-3)
    assert clopper_pearson_upper(seen, million, 0.999) * million == pytest.approx(upper, rel=1e-3)


@pytest.mark.parametrize("samples", [10**6, 10**8])
def test_half_of_very_many(samples: int) -> None:
    """What is frequent among very many is distributed normally; 3.0902 is the normal quantile of 99.9 %."""
    margin = 3.0902 * 0.5 / math.sqrt(samples)
    assert 0.5 - clopper_pearson_lower(samples // 2, samples, 0.999) == pytest.approx(margin, rel=2e-3)
    assert clopper_pearson_upper(samples // 2, samples, 0.999) - 0.5 == pytest.approx(margin, rel=2e-3)


@pytest.mark.parametrize(
    ("confidence", "reliability", "samples"),
    # "Success run" tables of reliability demonstration: the fewest samples without a failure. 95 %/95 %: Wilks,
    # "Determination of sample sizes for setting tolerance limits", Ann. Math. Statist. 12 (1941).
    [(0.9, 0.9, 22), (0.95, 0.9, 29), (0.9, 0.95, 45), (0.95, 0.95, 59), (0.9, 0.99, 230), (0.95, 0.99, 299)],
)
def test_success_run(confidence: float, reliability: float, samples: int) -> None:
    """The smallest number of samples without a failure that shows a reliability is the one in print."""
    assert clopper_pearson_upper(0, samples, confidence) <= 1 - reliability
    assert clopper_pearson_upper(0, samples - 1, confidence) > 1 - reliability


# --- closed forms


@pytest.mark.parametrize("samples", [1, 2, 30, 1_000, 1_000_000])
@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_none_and_all(samples: int, confidence: float) -> None:
    """With none or all of n, the bound is a root: (1 - p)^n, or p^n, is one minus the confidence."""
    root: float = (1 - confidence) ** (1 / samples)
    assert clopper_pearson_lower(0, samples, confidence) == 0.0
    assert clopper_pearson_upper(samples, samples, confidence) == 1.0
    assert clopper_pearson_upper(0, samples, confidence) == pytest.approx(1 - root, rel=1e-9)
    assert clopper_pearson_lower(samples, samples, confidence) == pytest.approx(root, rel=1e-12)


@pytest.mark.parametrize("samples", [30, 100, 10_000, 10**9])
def test_rule_of_three(samples: int) -> None:
    """Never in n: at most 3/n at 95 % (Hanley & Lippman-Hand, JAMA 249 (1983)), from n = 30 on within 6 %."""
    assert 0.94 * 3 / samples < clopper_pearson_upper(0, samples, 0.95) < 3 / samples


# --- what the bounds are


@pytest.mark.parametrize(("seen", "samples"), PROPORTIONS)
@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_exact_tail_at_the_bound(seen: int, samples: int, confidence: float) -> None:
    """At the bound, what was seen (or more, or less) is exactly as improbable as stated; summed in fractions."""
    lower = clopper_pearson_lower(seen, samples, confidence)
    upper = clopper_pearson_upper(seen, samples, confidence)
    improbable = pytest.approx(1 - confidence, rel=1e-9)
    if seen > 0:
        assert float(at_least(seen, samples, Fraction(lower))) == improbable
    if seen < samples:
        assert float(1 - at_least(seen + 1, samples, Fraction(upper))) == improbable


@pytest.mark.parametrize(("seen", "samples"), [*PROPORTIONS, (20, 1_000_000), (999_000, 1_000_000)])
@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_symmetry(seen: int, samples: int, confidence: float) -> None:
    """What was not seen has the mirrored bounds."""
    mirrored = 1 - clopper_pearson_upper(samples - seen, samples, confidence)
    assert clopper_pearson_lower(seen, samples, confidence) == pytest.approx(mirrored, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("seen", "samples"), PROPORTIONS)
def test_rate_lies_between(seen: int, samples: int) -> None:
    """The rate that was seen lies between the bounds, and they part as the confidence grows."""
    lower = [clopper_pearson_lower(seen, samples, confidence) for confidence in CONFIDENCES]
    upper = [clopper_pearson_upper(seen, samples, confidence) for confidence in CONFIDENCES]
    assert 0 <= lower[-1] <= lower[0] <= seen / samples <= upper[0] <= upper[-1] <= 1
    assert lower == sorted(lower, reverse=True)
    assert upper == sorted(upper)


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_more_seen_raises_the_bounds(confidence: float) -> None:
    """Both bounds rise strictly with what was seen."""
    for bound in (clopper_pearson_lower, clopper_pearson_upper):
        bounds = [bound(seen, 40, confidence) for seen in range(41)]
        assert all(one < other for one, other in zip(bounds, bounds[1:]))


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_more_samples_lower_the_bounds(confidence: float) -> None:
    """Both bounds fall strictly with the samples among which it was seen."""
    for bound in (clopper_pearson_lower, clopper_pearson_upper):
        bounds = [bound(5, samples, confidence) for samples in (6, 7, 20, 1_000, 1_000_000)]
        assert all(one > other for one, other in zip(bounds, bounds[1:]))


# --- bad input


@pytest.mark.parametrize("bound", [clopper_pearson_lower, clopper_pearson_upper])
@pytest.mark.parametrize(
    ("seen", "samples", "confidence", "words"),
    [
        (0, 0, 0.95, "0 of 0 is not a proportion"),
        (0, -1, 0.95, "0 of -1 is not a proportion"),
        (-1, 10, 0.95, "-1 of 10 is not a proportion"),
        (11, 10, 0.95, "11 of 10 is not a proportion"),
        (1, 10, 0.0, "confidence=0.0 must be between 0 and 1"),
        (1, 10, 1.0, "confidence=1.0 must be between 0 and 1"),
        (1, 10, 95, "confidence=95 must be between 0 and 1"),
        (1, 10, math.nan, "confidence=nan must be between 0 and 1"),
    ],
)
def test_bad_input(bound: object, seen: int, samples: int, confidence: float, words: str) -> None:
    """Numbers that make no sense are refused, and named."""
    assert callable(bound)
    with pytest.raises(ValueError, match=words):
        bound(seen, samples, confidence)


# --- the incomplete beta function

XS = [1e-12, 0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999]


@pytest.mark.parametrize("x", XS)
@pytest.mark.parametrize("a", [0.25, 1, 2, 3.5, 40, 1_000])
def test_incomplete_beta_with_a_one(a: float, x: float) -> None:
    """I_x(a, 1) = x^a, and I_x(1, b) = 1 - (1 - x)^b (NIST DLMF 8.17.7 and 8.17.4)."""
    assert incomplete_beta(a, 1, x) == pytest.approx(x**a, rel=1e-10, abs=1e-300)
    assert incomplete_beta(1, a, x) == pytest.approx(-math.expm1(a * math.log1p(-x)), rel=1e-10)


@pytest.mark.parametrize("x", [0.001, 0.25, 0.5, 0.8, 0.999])
@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 3), (3, 2), (5, 16), (16, 5), (30, 30)])
def test_incomplete_beta_of_integers(a: int, b: int, x: float) -> None:
    """For integers it is a binomial tail, P(X >= a) among a + b - 1 (NIST DLMF 8.17.5); summed in fractions."""
    exact = float(at_least(a, a + b - 1, Fraction(x)))
    assert incomplete_beta(a, b, x) == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("x", XS)
def test_incomplete_beta_of_halves(x: float) -> None:
    """I_x(1/2, 1/2) is the arcsine law (Feller, "An Introduction to Probability Theory" 1, III.4)."""
    assert incomplete_beta(0.5, 0.5, x) == pytest.approx(2 / math.pi * math.asin(math.sqrt(x)), rel=1e-10)


@pytest.mark.parametrize(
    ("freedom", "critical"), [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (100, 1.984)]
)
def test_incomplete_beta_of_students_t(freedom: int, critical: float) -> None:
    """Student's t, two-sided 5 %: NIST e-Handbook 1.3.6.7.2; its tail is I_x(n/2, 1/2) with x = n/(n + t^2)."""
    tail = incomplete_beta(freedom / 2, 0.5, freedom / (freedom + critical**2))
    assert tail == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("x", [0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
@pytest.mark.parametrize(("a", "b"), [(0.5, 3), (2, 2), (7.25, 1.5), (200, 300), (5e5, 5e5)])
def test_incomplete_beta_symmetry(a: float, b: float, x: float) -> None:
    """I_x(a, b) = 1 - I_(1-x)(b, a) (NIST DLMF 8.17.4)."""
    assert incomplete_beta(a, b, x) == pytest.approx(1 - incomplete_beta(b, a, 1 - x), abs=1e-9)


@pytest.mark.parametrize("a", [0.5, 1, 20, 1_000, 5e5])
def test_incomplete_beta_in_the_middle(a: float) -> None:
    """I_(1/2)(a, a) = 1/2 (NIST DLMF 8.17.6 with x = 1/2)."""
    assert incomplete_beta(a, a, 0.5) == pytest.approx(0.5, rel=1e-8)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 1), (3, 1_000)])
def test_incomplete_beta_at_the_ends(a: float, b: float) -> None:
    """It is a distribution on [0, 1]."""
    assert incomplete_beta(a, b, 0.0) == 0.0
    assert incomplete_beta(a, b, 1.0) == 1.0


# --- the sequential sign test


def exact_wealth(one: int, other: int) -> Fraction:
    """Return 2^n B(one + 1/2, other + 1/2) / B(1/2, 1/2), by the gamma function's values at halves (DLMF 5.4.6)."""
    tosses = one + other
    return Fraction(
        math.factorial(2 * one) * math.factorial(2 * other),
        2**tosses * math.factorial(one) * math.factorial(other) * math.factorial(tosses),
    )


FEW_TOSSES = [(one, other) for one in range(26) for other in range(26)]


@pytest.mark.parametrize(("one", "other"), [*FEW_TOSSES[::7], (13, 0), (200, 100), (0, 400)])
def test_wealth_is_exact(one: int, other: int) -> None:
    """The logarithm is that of the exact value, and does not depend on which side is called which."""
    assert sign_test_wealth(one, other) == pytest.approx(math.log(exact_wealth(one, other)), rel=1e-11, abs=1e-12)
    assert sign_test_wealth(one, other) == pytest.approx(sign_test_wealth(other, one), rel=1e-12, abs=1e-12)


def test_wealth_starts_at_one() -> None:
    """Before the first toss there is the stake of 1."""
    assert sign_test_wealth(0, 0) == pytest.approx(0.0, abs=1e-12)


def test_wealth_is_a_martingale() -> None:
    """If the coin is fair, the next toss wins as much as it loses: exactly, and as it is computed."""
    for one, other in FEW_TOSSES:
        present, after_one, after_other = (one, other), (one + 1, other), (one, other + 1)
        assert (exact_wealth(*after_one) + exact_wealth(*after_other)) / 2 == exact_wealth(*present)
        computed = (math.exp(sign_test_wealth(*after_one)) + math.exp(sign_test_wealth(*after_other))) / 2
        assert computed == pytest.approx(math.exp(sign_test_wealth(*present)), rel=1e-10)


def test_wealth_of_very_many_tosses_is_a_number() -> None:
    """The wealth itself would be greater than any float; half and half of a million loses nearly all of it."""
    assert 600_000 < sign_test_wealth(1_000_000, 0) < 1_000_000 * math.log(2)
    # By Stirling's formula, sqrt(2 / (pi n)).
    assert sign_test_wealth(500_000, 500_000) == pytest.approx(math.log(2 / (math.pi * 1e6)) / 2, rel=1e-6)


@pytest.mark.parametrize(("majority", "minority"), [(13, 0), (18, 1), (21, 2)])
def test_fewest_tosses_that_settle(majority: int, minority: int) -> None:
    """At an error of 1e-3: 13 that agree, 19 with one dissent, 23 with two; one toss less does not."""
    assert settles(majority, minority, 1e-3)
    assert exact_wealth(majority, minority) >= 1000
    assert not settles(majority - 1, minority, 1e-3)
    assert not settles(majority, minority + 1, 1e-3)


def test_only_the_majority_is_settled_for() -> None:
    """What is much against one side settles nothing for it, and a tie settles nothing."""
    assert not settles(0, 1_000, 1e-3)
    assert not settles(500, 500, 0.999)
    assert not settles(0, 0, 0.999)


@pytest.mark.parametrize("error", [0.2, 0.05, 1e-3])
def test_error_rate_of_a_fair_coin_is_exact(error: float) -> None:
    """Of all ways in which 300 fair tosses can fall, looked at after every one, no more than that part ever settles.

    Counted, and not drawn: the number of ways to each state that is not settled yet.
    """
    unsettled, settled, tosses = {0: 1}, Fraction(0), 300
    for toss in range(1, tosses + 1):
        following: dict[int, int] = {}
        for one, ways in unsettled.items():
            for then in (one, one + 1):
                following[then] = following.get(then, 0) + ways
        for one in list(following):
            if settles(max(one, toss - one), min(one, toss - one), error):
                settled += Fraction(following.pop(one), 2**toss)
        unsettled = following
    assert error / 10 < settled <= error


@pytest.mark.parametrize(("one", "other"), [(-1, 0), (0, -1), (5, -5)])
def test_no_number_of_tosses(one: int, other: int) -> None:
    """There is no number of tosses below zero."""
    with pytest.raises(ValueError, match=f"{one} and {other} must be numbers of tosses"):
        sign_test_wealth(one, other)


@pytest.mark.parametrize("error", [0.0, 1.0, -0.1, 5, math.nan])
def test_no_error_rate(error: float) -> None:
    """An error rate is a probability, and neither never nor always."""
    with pytest.raises(ValueError, match=f"error={error!r} must be between 0 and 1"):
        settles(13, 0, error)
    with pytest.raises(ValueError, match=f"error={error!r} must be between 0 and 1"):
        median_range([1.0, 2.0], error)


def excluded(median: float, values: list[float], error: float) -> bool:
    """Return whether the sign test has settled that the median lies elsewhere."""
    above, below = sum(value > median for value in values), sum(value < median for value in values)
    return settles(above, len(values) - above, error) or settles(below, len(values) - below, error)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("error", [0.1, 1e-3])
def test_range_has_just_the_medians_that_are_not_excluded(seed: int, error: float) -> None:
    """A median is in the range exactly if the sign test does not exclude it, with ties or without."""
    chance = random.Random(seed)
    distinct = chance.choice([3, 6, 1_000_000])
    values = [float(chance.randrange(distinct)) for _ in range(chance.randrange(1, 60))]
    low, high = median_range(values, error)
    asked = sorted({*values, min(values) - 1, max(values) + 1})
    for median in (*asked, *((one + other) / 2 for one, other in zip(asked, asked[1:]))):
        assert excluded(median, values, error) is not (low <= median <= high)


@pytest.mark.parametrize("size", range(13))
def test_too_few_values_exclude_nothing(size: int) -> None:
    """Fewer than settle a question exclude no median at all; one more does."""
    assert median_range([float(value) for value in range(size)], 1e-3) == (-math.inf, math.inf)
    assert median_range([float(value) for value in range(13)], 1e-3) == (0.0, 12.0)


def test_order_of_the_values_does_not_matter() -> None:
    """The range is that of the values, in whatever order they came; they stay in it."""
    values = [float(value * 7 % 31) for value in range(31)]
    before = list(values)
    assert median_range(values, 1e-3) == median_range(sorted(values), 1e-3)
    assert values == before


def test_range_holds_the_median_however_often_it_is_looked_at() -> None:
    """Simulated: the share of runs in which a range ever misses the median, after whichever value, is the error."""
    error, runs, missed = 0.1, 500, 0
    for seed in range(runs):
        chance = random.Random(seed)
        values: list[float] = []
        for _ in range(60):
            values.append(chance.lognormvariate(0, 1))  # the median is 1
            low, high = median_range(values, error)
            if not low <= 1 <= high:
                missed += 1
                break
    assert missed > 0
    assert clopper_pearson_lower(missed, runs, 0.999) <= error
