"""Statistical formulas, each with its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def clopper_pearson_lower(seen: int, samples: int, confidence: float) -> float:
    """Return the exact one-sided lower bound of a binomial proportion.

    It is the largest rate at which ``seen`` or more of ``samples`` have a probability of at most ``1 - confidence``.

    :param confidence: of the bound, such as 0.999.
    :raises ValueError: ``seen`` of ``samples`` is not a proportion, or the confidence is not between 0 and 1.

    Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26 (1934).
    """
    _check(seen, samples, confidence)
    if seen == 0:
        return 0.0
    # P(X >= seen) is the beta distribution's I_p(seen, samples - seen + 1): NIST DLMF 8.17.5.
    return _root(lambda p: incomplete_beta(seen, samples - seen + 1, p) - (1 - confidence))


def clopper_pearson_upper(seen: int, samples: int, confidence: float) -> float:
    """Return the exact one-sided upper bound of a binomial proportion.

    It is the smallest rate at which ``seen`` or fewer of ``samples`` have a probability of at most
    ``1 - confidence``. For ``seen`` = 0 it is ``1 - (1 - confidence) ** (1 / samples)``, about 3 / samples at 95 %.

    :param confidence: of the bound, such as 0.999.
    :raises ValueError: as of :func:`clopper_pearson_lower`.

    Source: as of :func:`clopper_pearson_lower`.
    """
    _check(seen, samples, confidence)
    if seen == samples:
        return 1.0
    if seen == 0:
        return -math.expm1(math.log1p(-confidence) / samples)
    # P(X <= seen) = 1 - P(X >= seen + 1)
    return _root(lambda p: incomplete_beta(seen + 1, samples - seen, p) - confidence)


def _check(seen: int, samples: int, confidence: float) -> None:
    if not (samples > 0 and 0 <= seen <= samples):
        raise ValueError(f"{seen} of {samples} is not a proportion")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r} must be between 0 and 1")


def _root(rising: Callable[[float], float]) -> float:
    """Return the zero in [0, 1] of a rising function, by bisection."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if rising(middle) < 0:
            low = middle
        else:
            high = middle


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b), for positive a and b and x from 0 to 1.

    NIST DLMF 8.17.1; by the continued fraction 8.17.22, and 8.17.4 where that converges faster. The fraction is
    evaluated by Lentz's method as modified by Thompson & Barnett, J. Comput. Phys. 64 (1986).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _lower_part(b, a, 1 - x)
    return _lower_part(a, b, x)


def _lower_part(a: float, b: float, x: float) -> float:
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / (a * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    """Return 1 + d1/(1 + d2/(1 + ...)), with the coefficients of DLMF 8.17.23."""
    value, c, d, n = 1.0, 1.0, 0.0, 0
    while True:
        n += 1
        m = n // 2
        if n % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _not_zero(1 + term * d)
        c = _not_zero(1 + term / c)
        value *= c * d
        if abs(c * d - 1) < 1e-15 or n > 100_000:
            return value


def _not_zero(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300


# --- sequential tests of a median


def sign_test_wealth(one: int, other: int) -> float:
    """Return the natural logarithm of the wealth of a bet against a fair coin, from a stake of 1.

    The bet is spread over all rates of the one side by Beta(1/2, 1/2), the mixture of Krichevsky and Trofimov: the
    wealth is 2^n B(one + 1/2, other + 1/2) / B(1/2, 1/2) for n tosses. If the coin is fair, this is a martingale that
    starts at 1. So the probability that it ever reaches 1/e is at most e, however often it is looked at.

    :param one: the number of tosses with one side up.
    :param other: the number of tosses with the other side up.
    :raises ValueError: a number is negative.

    Ville, "Étude critique de la notion de collectif" (1939), for the inequality; Ramdas, Grünwald, Vovk & Shafer,
    "Game-theoretic statistics and safe anytime-valid inference", Statistical Science 38 (2023), for the method.
    """
    if one < 0 or other < 0:
        raise ValueError(f"{one} and {other} must be numbers of tosses, 0 or more")
    tosses = one + other
    log_beta = math.lgamma(one + 0.5) + math.lgamma(other + 0.5) - math.lgamma(tosses + 1)
    return tosses * math.log(2) + log_beta - math.log(math.pi)  # B(1/2, 1/2) is pi


def settles(majority: int, minority: int, error: float) -> bool:
    """Return whether a sign test has settled that the majority's side is the more probable one.

    It may be called after every toss: the probability that it ever settles on the wrong side is at most ``error``.

    :param error: such as 0.001, which 13 tosses that agree reach, or 19 with one that does not.
    :raises ValueError: the error is not between 0 and 1, or a number is negative.

    Source: as of :func:`sign_test_wealth`.
    """
    if not 0 < error < 1:
        raise ValueError(f"error={error!r} must be between 0 and 1")
    return majority > minority and sign_test_wealth(majority, minority) >= -math.log(error)


def median_range(values: Sequence[float], error: float) -> tuple[float, float]:
    """Return the range of the medians that the sign test does not exclude: a confidence sequence.

    With a probability of at least ``1 - error``, it contains the median of the distribution at all times, however
    often it is looked at while values are added. It is infinite while there are too few values.

    :param values: independent of each other, or each fair given those before.

    Source: as of :func:`sign_test_wealth`; the order statistics that the test inverts to: Howard & Ramdas,
    "Sequential estimation of quantiles with applications to A/B testing and best-arm identification", Bernoulli 28
    (2022).
    """
    ordered = sorted(values)
    size = len(ordered)
    # The number of values that may lie on the minority's side: with one more, the median is excluded.
    outside = -1
    while 2 * (outside + 1) < size and settles(size - (outside + 1), outside + 1, error):
        outside += 1
    if outside < 0:
        return -math.inf, math.inf
    return ordered[outside], ordered[size - 1 - outside]
