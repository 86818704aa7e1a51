"""The guarantees of RateLimiter, as claims."""

from __future__ import annotations

import pytest

import planted
from cachebox import RateLimiter
from pytest_concclaims import Lab


def stopped_clock() -> float:
    return 0.0


def allow(limiter: RateLimiter) -> bool:
    return limiter.allow()


@pytest.mark.claim("RateLimiter.allow: one of two calls gets the last token")
def test_one_call_gets_the_last_token(lab: Lab) -> None:
    race = lab.race(lambda: RateLimiter(1, 1, stopped_clock), allow, allow)
    assert race.atomic()


@pytest.mark.claim("Planted: RateLimiter.allow: one of two calls gets the last token")
@pytest.mark.refuted(True, reason="without a lock, both calls may read the tokens before one of them writes")
def test_planted_one_call_gets_the_last_token(lab: Lab) -> None:
    race = lab.race(lambda: planted.RateLimiter(1, 1, stopped_clock), allow, allow)
    assert race.atomic()
