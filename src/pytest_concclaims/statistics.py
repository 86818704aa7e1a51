"""The few formulas, each with its source."""

from __future__ import annotations

import math
from collections.abc import Callable


def clopper_pearson_lower(seen: int, samples: int, confidence: float) -> float:
    """Return the exact one-sided lower bound of a binomial proportion.

    The largest rate at which ``seen`` or more of ``samples`` would still be as improbable as
    ``1 - confidence``.

    :param confidence: of the bound, such as 0.999.
    :raises ValueError: the numbers make no sense.

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

    The smallest rate at which ``seen`` or fewer of ``samples`` would be as improbable as ``1 - confidence``;
    for ``seen`` = 0 that is ``1 - (1 - confidence) ** (1 / samples)``, about 3 / samples at 95 %.

    :param confidence: of the bound, such as 0.999.
    :raises ValueError: the numbers make no sense.

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
        raise ValueError(f"{seen} of {samples} is no proportion")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence is between 0 and 1, not {confidence!r}")


def _root(rising: Callable[[float], float]) -> float:
    """Return where a function that rises from below to above zero on [0, 1] is zero, by bisection."""
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
