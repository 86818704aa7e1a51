"""Documentation, page "random"."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from pytest_concclaims import Lab

from .objects import LONG, no_switch_within, process
from .tables import Act

SOURCE = "docs: random"

SEED = 1


class Unlocked(random.Random):
    """A generator whose two basic methods are made of steps in Python, and take no lock."""

    def random(self) -> float:
        return self._next() / 1000

    def getrandbits(self, k: int) -> int:
        return self._next() & ((1 << k) - 1)

    def _next(self) -> int:
        drawn = getattr(self, "drawn", SEED)
        process(self)  # other threads run here
        self.drawn = drawn * 377 % 997
        return drawn


def generator() -> random.Random:
    return random.Random(SEED)  # noqa: S311  (the claims are about it)


def unlocked() -> random.Random:
    return Unlocked(SEED)


BASIC = [
    pytest.param("random()", lambda generator: generator.random(), id="random"),
    pytest.param("getrandbits(k)", lambda generator: generator.getrandbits(32), id="getrandbits"),
]


@pytest.mark.parametrize(("text", "draw"), BASIC)
@pytest.mark.claim("{text} of one generator is thread-safe: each number goes to one thread", source=SOURCE)
def test_each_random_number_goes_to_one_thread(lab: Lab, text: str, draw: Act) -> None:
    race = lab.race(generator, draw, draw, control=lab.control(draw, draw, setup=unlocked))
    assert race.atomic()


def are_same(numbers: tuple[Any, ...]) -> bool:
    return bool(numbers[0] == numbers[1])


def gauss(generator: random.Random) -> float:
    return generator.gauss(0, 1)


def normalvariate(generator: random.Random) -> float:
    return generator.normalvariate(0, 1)


def with_a_gauss_to_come() -> random.Random:
    """Return a generator that has made a pair of normal numbers, and handed over one of them."""
    made = generator()
    gauss(made)
    return made


@no_switch_within
@pytest.mark.claim("gauss() may return the same number to two threads that call it at the same time", source=SOURCE)
def test_gauss_may_return_one_number_twice(lab: Lab) -> None:
    assert lab.race(with_a_gauss_to_come, gauss, gauss).ever(are_same)


@pytest.mark.claim(
    "normalvariate(), unlike gauss(), never returns the same number to two threads", source=SOURCE, budget=LONG
)
def test_normalvariate_never_returns_one_number_twice(lab: Lab) -> None:
    control = lab.control(normalvariate, normalvariate, setup=unlocked)
    assert lab.race(generator, normalvariate, normalvariate, control=control).never(are_same)


class Generators:
    """A generator for each of two threads."""

    def __init__(self) -> None:
        self.first, self.second = with_a_gauss_to_come(), with_a_gauss_to_come()


@pytest.mark.claim("Generators share no state: each of two threads gets the numbers of its own one", source=SOURCE)
def test_generators_share_no_state(lab: Lab) -> None:
    number = gauss(with_a_gauss_to_come())
    race = lab.race(
        Generators,
        lambda generators: gauss(generators.first),
        lambda generators: gauss(generators.second),
    )
    assert race.always((number, number))


class Guarded:
    """A generator, and a lock around its calls."""

    def __init__(self) -> None:
        self.generator = with_a_gauss_to_come()
        self.lock = threading.Lock()


def gauss_with_the_lock(guarded: Guarded) -> float:
    with guarded.lock:
        return gauss(guarded.generator)


@pytest.mark.claim(
    "With a lock around all calls, gauss() never returns the same number to two threads", source=SOURCE
)
def test_gauss_with_a_lock_never_returns_one_number_twice(lab: Lab) -> None:
    assert lab.race(Guarded, gauss_with_the_lock, gauss_with_the_lock).never(are_same)
