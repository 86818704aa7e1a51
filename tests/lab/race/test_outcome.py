"""The outcome of one run of actors, and runs without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pytest_concclaims.lab.failure import Failed
from pytest_concclaims.lab.race.experiment import Subject
from pytest_concclaims.lab.race.outcome import calling, made, outcome_of


def deposit(account: Any) -> None:
    """Do nothing, as an actor."""


def subject(
    setup: Callable[[], Any] = list,
    observe: Callable[[Any], Any] | None = None,
    exceptions: tuple[type[BaseException], ...] = (),
    name: str = "race",
) -> Subject:
    """Return a race of two actors."""
    return Subject(name, setup, (deposit, deposit), observe, exceptions=exceptions)


def outcome(
    race: Subject, values: Sequence[object] = (1, 2), raised: Sequence[tuple[int, BaseException]] = ()
) -> object:
    """Return the outcome of a run on an empty list."""
    return outcome_of(race, [], values, raised)


def failure(
    race: Subject, values: Sequence[object] = (1, 2), raised: Sequence[tuple[int, BaseException]] = ()
) -> str:
    """Return the failure of a run that has no outcome."""
    with pytest.raises(Failed) as caught:
        outcome(race, values, raised)
    return caught.value.failure.text


def test_outcome_is_what_actors_return_or_what_is_observed() -> None:
    """Without observe, it is the tuple of the values."""
    assert outcome(subject()) == (1, 2)
    assert outcome(subject(observe=len)) == 0


def test_exception_type_that_was_asked_for_is_an_outcome() -> None:
    """It is the most specific of the types, also if several actors raise the same."""
    race = subject(exceptions=(LookupError, IndexError))
    assert outcome(race, raised=[(0, IndexError())]) is IndexError
    assert outcome(race, raised=[(0, KeyError()), (1, KeyError())]) is LookupError


def test_other_exceptions_are_failures() -> None:
    """The message has the actor, the exception, and how to make it an outcome."""
    assert failure(subject(), raised=[(1, KeyError("x"))]) == (
        "actor deposit (2) raised KeyError: 'x'; if that is an outcome, pass exceptions=KeyError"
    )
    assert "the control's actor" in failure(subject(name="control"), raised=[(0, KeyError("x"))])


def test_failed_assertion_is_never_an_outcome() -> None:
    """It is about the claim, whichever exception types are outcomes."""
    race = subject(exceptions=(Exception,))
    text = failure(race, raised=[(0, AssertionError())])
    assert "raised AssertionError" in text
    assert "exceptions=" not in text


def test_two_types_in_one_run_are_no_single_outcome() -> None:
    """The message names both."""
    race = subject(exceptions=(KeyError, ValueError))
    text = failure(race, raised=[(0, ValueError()), (1, KeyError())])
    assert text.startswith("actors raised KeyError and ValueError in one run")


def test_coroutine_that_an_actor_returns_has_not_run() -> None:
    """The actor did nothing."""

    def generate() -> Any:
        yield 1

    assert "actor deposit (1)" in failure(subject(), values=(generate(), 2))


def test_observe_that_raises_is_a_failure() -> None:
    """The message names it."""
    assert failure(subject(observe=lambda state: state[0])) == "observe raised IndexError: list index out of range"


def test_setup_has_to_make_a_state() -> None:
    """It must not return None."""
    assert made(subject()) == []
    with pytest.raises(Failed, match="setup returned None"):
        made(subject(setup=lambda: None))
    with pytest.raises(Failed, match="setup raised ZeroDivisionError"):
        made(subject(setup=lambda: 1 // 0))


def test_interrupt_is_no_failure_of_the_claim() -> None:
    """With Ctrl-C, the user ends the run."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calling("setup", interrupt)
