"""Users' mistakes that mypy has to refuse: it never runs.

Each has a ``type: ignore``. Were a mistake accepted, mypy would report that its ``type: ignore`` is not used.
"""

from __future__ import annotations

from pytest_concclaims import Lab

from .accepted import Account, balance_of, buy, marked, work


def drop(numbers: list[int]) -> int:
    """Be an actor of another state."""
    return numbers.pop()


def races(lab: Lab) -> None:
    """Ask races wrongly."""
    lab.race(Account, drop, drop)  # type: ignore[misc]  # actors of another state
    lab.race(Account, buy(Account()), buy)  # type: ignore[arg-type]  # an actor that is called, and not passed
    lab.race(Account(), buy, buy)  # type: ignore[arg-type]  # a state, and not a function that makes one
    lab.race(Account, buy, buy, observe=drop)  # type: ignore[misc]  # it observes another state
    lab.race(Account, buy, buy, observe="balance")  # type: ignore[arg-type]  # a name, and not a function
    lab.race(Account, buy, buy, control=(drop, drop))  # type: ignore[misc]  # a control with another state
    lab.race(Account, buy, buy, exceptions="LookupError")  # type: ignore[arg-type]  # a name, and not a type
    lab.race(Account, buy, buy, budget="2 s")  # type: ignore[arg-type]  # a text, and not seconds
    lab.race(Account, buy, buy, timeout=2)  # type: ignore[call-arg]  # it is called deadline
    race = lab.race(Account, buy, buy)
    race.sometimes(0)  # type: ignore[attr-defined]  # there is no such question
    race.linearizable()  # type: ignore[attr-defined]  # a question to operations


def operations_and_interruptions(lab: Lab) -> None:
    """Ask the other instruments of that kind wrongly."""
    lab.op(10)  # type: ignore[arg-type]  # an argument without the operation
    operations = lab.operations(Account, lab.op(Account.pay, 10), drop)  # type: ignore[misc]  # of another state
    operations.never(-10)  # type: ignore[attr-defined]  # a question to races
    lab.operations(Account, buy, kind="process")  # type: ignore[call-arg]  # operations run in threads
    lab.interrupted(Account, buy)  # type: ignore[call-arg]  # without a handler
    lab.interrupted(Account, buy, drop, balance_of)  # type: ignore[misc]  # a handler of another state


def measurements(lab: Lab) -> None:
    """Measure, and compare, wrongly."""
    lab.ratio(work(), work)  # type: ignore[func-returns-value, arg-type]  # work that is called, and not passed
    lab.ratio(buy, buy)  # type: ignore[arg-type]  # functions that take an argument
    lab.ratio(work, work, 1.0)  # type: ignore[call-arg]  # the budget is a keyword
    lab.speedup(work)  # type: ignore[call-arg]  # without the number and the kind of workers
    lab.parallelism(work, workers="2", kind="thread")  # type: ignore[arg-type]  # a text, and not a number
    ratio = lab.ratio(work, work)
    assert ratio > "2"  # type: ignore[operator]  # a text, and not a number
    assert ratio < lab.ratio(work, work)  # type: ignore[operator]  # two measurements from different times
    assert ratio + 1  # type: ignore[operator]  # a measurement is not a number
    ratio.above("2")  # type: ignore[arg-type]  # a text, and not a number


def children(lab: Lab) -> None:
    """Run children wrongly."""
    lab.child(10)  # type: ignore[call-overload]  # neither a function nor a script
    lab.child("print(1)", option=1)  # type: ignore[call-overload]  # a script takes no keyword arguments
    number: int = lab.child("print(1)").value  # type: ignore[assignment]  # a script returns nothing
    text: str = lab.child(int).value  # type: ignore[assignment]  # the function returns an int
    del number, text


def facts(lab: Lab) -> None:
    """Use what else a claim needs wrongly."""
    lab.require(True)  # type: ignore[call-arg]  # without the reason that people read
    lab.note(5)  # type: ignore[arg-type]  # a number, and not a text
    marked(lab, 5)  # type: ignore[arg-type]  # marks do not hide the types of a claim's arguments
