"""Users' code as mypy has to type it: ``mypy`` checks it, and it never runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import assert_type

from pytest_concclaims import (
    FREE_THREADED_BUILD,
    Child,
    Inconclusive,
    Lab,
    Measurement,
    Race,
    Verdict,
    gil_enabled,
    is_traced,
    usable_cpus,
)


class Account:
    """A state of races."""

    balance = 10

    def pay(self, amount: int) -> bool:
        """Be an operation."""
        self.balance -= amount
        return True


def buy(account: Account) -> bool:
    """Be an actor."""
    return account.pay(10)


def balance_of(account: Account) -> int:
    """Observe the state."""
    return account.balance


def balance_and_results(account: Account, results: tuple[Any, ...]) -> tuple[int, int]:
    """Observe the state and what the actors returned."""
    return account.balance, len(results)


def is_negative(balance: int) -> bool:
    """Be a predicate."""
    return balance < 0


def work() -> None:
    """Be measured."""


def doubled(number: int) -> int:
    """Run in a child."""
    return 2 * number


def races(lab: Lab) -> None:
    """Ask races."""
    race = lab.race(Account, buy, buy, observe=balance_of)
    assert_type(race, Race)
    assert_type(race.ever(-10), bool)
    assert_type(race.never(is_negative, lab.CRASH, lab.DEADLOCK), bool)
    assert_type(race.always(0, 10), bool)
    assert_type(race.atomic(), bool)
    lab.race(Account, buy, buy, observe=balance_and_results, rounds=2, kind="process", budget=1)
    lab.race(Account, buy, buy, control=(buy, buy), exceptions=(LookupError, OSError), deadline=5)
    lab.race(Account, buy, buy, control=lab.WITHOUT_LOCKS, exceptions=LookupError)
    lab.race(Account, buy, buy, control=lab.control(len, len, setup=list, observe=len))
    lab.race(lambda: [0], lambda numbers: numbers.append(1), list.pop)


def operations_and_interruptions(lab: Lab) -> None:
    """Ask the other instruments of that kind."""
    operations = lab.operations(Account, lab.op(Account.pay, 10), buy, observe=balance_of, threads=3, each=1)
    assert_type(operations.linearizable(), bool)
    interrupted = lab.interrupted(Account, buy, buy, balance_of, exceptions=LookupError)
    as_race: Race = interrupted
    assert_type(interrupted.never(lab.DEADLOCK), bool)
    assert_type(as_race.ever(0), bool)


def measurements(lab: Lab) -> None:
    """Compare measurements with numbers."""
    ratio = lab.ratio(work, work, budget=1)
    measured: list[Measurement] = [
        ratio,
        lab.speedup(work, workers=2, kind="thread", control="process"),
        lab.parallelism(work, workers=2, kind="interpreter", shared=True),
        lab.memory(work, against=work),
    ]
    for measurement in measured:
        assert_type(measurement.above(1.3, else_below=1.1), bool)
    assert_type(ratio > 2, bool)
    assert_type(2 < ratio, bool)  # noqa: SIM300  (users write it)
    assert_type(ratio <= 0.5, bool)
    assert_type(ratio.below(2), bool)
    assert_type(ratio.between(1, 2), bool)


def children(lab: Lab) -> None:
    """Run functions and scripts in a fresh interpreter."""
    child = lab.child(doubled, 21, deadline=5)
    assert_type(child, Child[int])
    assert_type(child.value, int)
    assert_type(child.timed_out, bool)
    assert_type(lab.child(os.getpid).value, int)
    assert_type(lab.child("print(1)"), Child[None])
    assert_type(lab.child(Path("script.py"), "argument"), Child[None])


def facts(lab: Lab) -> None:
    """Use what else a claim needs."""
    lab.require(usable_cpus() >= 2, "two CPUs")
    lab.note("a fact")
    with lab.alone():
        assert_type(gil_enabled(), bool)
    assert_type(is_traced(), bool)
    assert_type(FREE_THREADED_BUILD, bool)
    assert_type(Verdict.CONFIRMED.reached, bool)
    raise Inconclusive("no answer")


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.claim("Two purchases by {method}", source="page 1", id="purchases", budget=10)
@pytest.mark.refuted(not gil_enabled(), reason="updates are lost")
def marked(lab: Lab, method: str) -> None:
    """Be a claim: the marks leave a function's type as it is."""
    lab.note(method)


as_before: Callable[[Lab, str], None] = marked
