"""The parts of a race, and the checks of its arguments."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from pytest_concclaims import Lab
from pytest_concclaims.lab.callables import name_of, runs_nothing
from pytest_concclaims.lab.failure import Failed, raised
from pytest_concclaims.lab.race.experiment import RaceExperiment, Subject, experiment
from pytest_concclaims.lab.race.samples.stride import make_states
from pytest_concclaims.text import counted


class Box:
    """A state whose methods are actors."""

    def __init__(self) -> None:
        self.value = 0

    def add(self) -> int:
        """Add one; return the value."""
        self.value += 1
        return self.value

    @classmethod
    def touch(cls, box: Box) -> int:
        """Add one to a box."""
        return box.add()


class Adder:
    """An actor that is an object."""

    def __call__(self, box: Box) -> int:
        """Add one."""
        return box.add()

    def __repr__(self) -> str:
        return "Adder()"


def add(box: Box) -> int:
    """Add one."""
    return box.add()


def add_times(times: int, box: Box) -> int:
    """Add several times."""
    return sum(box.add() for _ in range(times))


def seen(box: Box) -> int:
    """Return the value."""
    return box.value


async def coroutine(box: Box) -> None:
    """Run nothing when called."""
    await asyncio.sleep(0)


def generator(box: Box) -> Iterator[int]:
    """Run nothing when called."""
    yield box.value


async def async_generator(box: Box) -> AsyncIterator[int]:
    """Run nothing when called."""
    yield box.value


class Waiter:
    """An actor that is an object, and runs nothing when called."""

    async def __call__(self, box: Box) -> None:
        """Run nothing when called."""

    def __repr__(self) -> str:
        return "Waiter()"


class Heir(Waiter):
    """Inherits its ``__call__``."""


class Yielder(Waiter):
    """Also runs nothing when called."""

    def __call__(self, box: Box) -> Any:
        """Run nothing when called."""
        yield box.value


class AsyncYielder(Waiter):
    """Also runs nothing when called."""

    async def __call__(self, box: Box) -> Any:
        """Run nothing when called."""
        yield box.value


class Methods:
    """Its methods run nothing when called."""

    async def coroutine(self, box: Box) -> None:
        """Run nothing when called."""

    def generator(self, box: Box) -> Iterator[int]:
        """Run nothing when called."""
        yield box.value


def make(*actors: Any, setup: Any = Box, **kwargs: Any) -> RaceExperiment:
    """Return an experiment as the lab makes it."""
    given = {"observe": None, "rounds": 1, "control": None, "exceptions": (), **kwargs}
    return experiment(setup, actors or (add, add), **given)


def refused(error: type[Exception], *actors: Any, setup: Any = Box, **kwargs: Any) -> str:
    """Return the message with which the lab refuses a race; no evidence is recorded."""
    lab = Lab(budget=1.0)
    with pytest.raises(error) as caught:
        lab.race(setup, *(actors or (add, add)), **kwargs)
    assert type(caught.value) is error
    assert lab.evidence == ()
    return str(caught.value)


# --- good arguments


def test_race() -> None:
    """A race has the arguments that were given."""
    race = make(add, Box.touch, observe=seen, rounds=3, exceptions=(KeyError, OSError))
    assert race.race == Subject("race", Box, (add, Box.touch), seen, 3, (KeyError, OSError))


@pytest.mark.parametrize("kind", [tuple, list])
def test_control_of_its_own(kind: type[Any]) -> None:
    """The race's own control differs from the race only in its actors."""
    adder = Adder()
    race = make(add, add, observe=seen, rounds=3, exceptions=KeyError, control=kind([adder, Box.touch]))
    assert race.matched is True
    assert race.control == Subject("control", Box, (adder, Box.touch), seen, 3, (KeyError,))


@pytest.mark.parametrize("actors", [2, 3, 5])
@pytest.mark.parametrize("rounds", [1, 4])
def test_generic_control(actors: int, rounds: int) -> None:
    """It has as many actors and rounds as the race, and its effect is a lost update."""
    race = make(*[add] * actors, rounds=rounds)
    assert race.matched is False
    control = race.control
    assert (control.name, len(control.actors), control.rounds) == ("generic control", actors, rounds)
    assert control.observe is not None
    state = control.setup()
    assert control.setup() is not state
    for actor in control.repeated_actors():
        assert control.observe(state) is True
        actor(state)
    assert control.observe(state) is False


def test_generic_control_sees_a_lost_update() -> None:
    """One lost update of two is its effect."""
    control = make().control
    assert control.observe is not None
    state = control.setup()
    first, second = control.repeated_actors()
    before = list(state)
    first(state)
    state[:] = before
    second(state)
    assert control.observe(state) is True


def test_exception_alone() -> None:
    """One exception type needs no tuple; the default is no type."""
    assert make(exceptions=KeyError).race.exceptions == (KeyError,)
    assert make(exceptions=()).race.exceptions == ()
    assert make(exceptions=SystemExit).race.exceptions == (SystemExit,)


@pytest.mark.parametrize(
    "actor", [add, Box.touch, Box.add, Adder(), Adder, functools.partial(add_times, 2), lambda box: box.add(), len]
)
def test_whatever_can_be_called_is_an_actor(actor: Any) -> None:
    """Functions, methods, classes, objects, partials, lambdas and builtins."""
    assert make(actor, actor, control=(actor, actor)).race.actors == (actor, actor)


def test_rounds() -> None:
    """An actor runs all its rounds in one call; its value is that of the last round."""
    box = Box()
    first, second = make(add, functools.partial(add_times, 2), rounds=3).race.repeated_actors()
    assert first(box) == 3
    assert box.value == 3
    assert second(box) == 8 + 9
    assert box.value == 9


def test_one_round() -> None:
    """With one round, the actor is called directly."""
    assert make(add, Box.touch).race.repeated_actors() == [add, Box.touch]


def test_lazy() -> None:
    """A new race has run nothing and recorded no evidence."""
    calls: list[object] = []
    lab = Lab(budget=1.0)
    lab.race(lambda: calls.append("setup"), calls.append, calls.append, observe=calls.append)
    assert calls == []
    assert lab.evidence == ()


# --- refused arguments


def test_no_actors() -> None:
    """It is refused."""
    with pytest.raises(ValueError, match=r"^lab\.race: a race needs at least two actors, got 0; write "):
        Lab(budget=1.0).race(Box)


def test_one_actor() -> None:
    """It is refused."""
    assert refused(ValueError, add) == (
        "lab.race: a race needs at least two actors, got 1; write lab.race(setup, actor, actor)"
    )


@pytest.mark.parametrize("rounds", [0, -1])
def test_rounds_too_few(rounds: int) -> None:
    """Each actor runs at least once."""
    assert refused(ValueError, rounds=rounds) == (f"lab.race(rounds={rounds}): rounds must be at least 1")


@pytest.mark.parametrize("rounds", [True, False, 1.5, 2.0, "3", None, math.nan], ids=repr)
def test_rounds_no_number_of_times(rounds: object) -> None:
    """``rounds`` must be a whole number."""
    assert refused(TypeError, rounds=rounds) == (
        f"lab.race(rounds={rounds!r}): rounds must be a whole number, e.g. 1"
    )


@pytest.mark.parametrize("thing", [None, 5, "add", [add]], ids=lambda thing: type(thing).__name__)
def test_not_callable(thing: object) -> None:
    """The message names the argument that is not callable."""
    what = f"is {thing!r}, which cannot be called"
    if thing is None:
        what += "; pass the function, do not call it"
    what_setup_is = what
    if thing is not None:
        what_setup_is += "; pass a class, or a function that makes a fresh state: it is called for each run"
    assert refused(TypeError, setup=thing) == f"lab.race: setup {what_setup_is}"
    if isinstance(thing, list):
        what += "; pass each item of the list: lab.race(setup, *list)"
    assert refused(TypeError, thing) == f"lab.race: actor 1 {what}"
    assert refused(TypeError, add, thing) == f"lab.race: actor 2 {what}"
    assert refused(TypeError, control=(add, thing)) == f"lab.race: the control's actor 2 {what}"
    if thing is not None:
        assert refused(TypeError, observe=thing) == f"lab.race: observe {what}"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (coroutine, "coroutine"),
        (generator, "generator"),
        (functools.partial(coroutine, Box()), "coroutine"),
        (functools.partial(generator), "generator"),
        (Methods().coroutine, "coroutine"),
        (Methods().generator, "generator"),
        (async_generator, "async_generator"),
        (functools.partial(async_generator), "async_generator"),
        (Waiter(), "Waiter()"),
        (Yielder(), "Waiter()"),
        (AsyncYielder(), "Waiter()"),
        (functools.partial(Waiter()), "Waiter()"),
        (Heir(), "Waiter()"),
    ],
    ids=[
        "coroutine",
        "generator",
        "partial coroutine",
        "partial generator",
        "coroutine method",
        "generator method",
        "async generator",
        "partial async generator",
        "coroutine object",
        "generator object",
        "async generator object",
        "partial object",
        "inherited",
    ],
)
def test_call_that_runs_nothing(function: object, name: str) -> None:
    """A call of a coroutine or generator function runs nothing, so no effect could ever be seen."""
    what = f"is {name}, a coroutine or generator function, so a call of it runs nothing; pass a function that runs it"
    assert refused(TypeError, function, add) == f"lab.race: actor 1 {what}"
    assert refused(TypeError, observe=function) == f"lab.race: observe {what}"
    assert refused(TypeError, control=(add, function)) == f"lab.race: the control's actor 2 {what}"


@pytest.mark.parametrize("function", [generator, coroutine, async_generator, functools.partial(generator, Box())])
def test_state_may_be_what_has_not_run(function: Any) -> None:
    """A generator or coroutine is a valid state, because a question can be about actors that share it."""
    assert make(setup=function, control=(add, add)).race.setup is function


@pytest.mark.parametrize(
    "function",
    [add, Box.touch, Box().add, Adder(), functools.partial(Adder()), Waiter, lambda: coroutine, len, 5, None],
    ids=["function", "class method", "method", "object", "partial", "class", "lambda", "builtin", "number", "none"],
)
def test_call_that_runs_something(function: object) -> None:
    """Other callables run when they are called; a class is called to make an instance."""
    assert not runs_nothing(function)


@pytest.mark.parametrize("control", [add, 5, True, {1, 2}, {"a": 1}, iter(())], ids=lambda it: type(it).__name__)
def test_control_no_tuple(control: object) -> None:
    """A control must be a sequence of actors."""
    assert refused(TypeError, control=control) == (
        f"lab.race(control={control!r}): control must be a tuple with as many actors as the race has, "
        "lab.control(*actors, setup=...) or lab.WITHOUT_LOCKS"
    )


@pytest.mark.parametrize("control", [(), (add,), (add, add, add)], ids=len)
def test_control_of_another_size(control: tuple[object, ...]) -> None:
    """It must have as many actors as the race; otherwise it differs by more than one change."""
    message = refused(ValueError, control=control)
    assert message.startswith(f"lab.race: the control has {counted(len(control), 'actor')}, the race has 2; pass ")


@pytest.mark.parametrize(
    "exceptions", [None, 5, "KeyError", KeyError("x"), [KeyError], int, (KeyError, int), (KeyError, None)], ids=repr
)
def test_exceptions_that_are_no_types(exceptions: object) -> None:
    """Exceptions are given as in an except clause."""
    assert refused(TypeError, exceptions=exceptions) == (
        f"lab.race(exceptions={exceptions!r}): pass exception types, as in an except clause"
    )


@pytest.mark.parametrize("exceptions", [AssertionError, (KeyError, AssertionError)], ids=repr)
def test_failed_assertion_as_an_outcome(exceptions: Any) -> None:
    """It cannot be one, because it is about the claim."""
    assert "a failed assertion is never an outcome" in refused(TypeError, exceptions=exceptions)


@pytest.mark.parametrize("name", ["budget", "deadline"])
@pytest.mark.parametrize("seconds", [0, 0.0, -1, math.nan, math.inf, -math.inf])
def test_seconds(name: str, seconds: float) -> None:
    """They must be positive and finite."""
    assert refused(ValueError, **{name: seconds}) == (
        f"lab.race({name}={seconds!r}): must be a positive number of seconds, e.g. 2"
    )


# --- names


def test_names() -> None:
    """Functions and methods have the names of their definitions, partials those of their functions."""
    assert name_of(add) == "add"
    assert name_of(Box.add) == "add"
    assert name_of(Box().add) == "add"
    assert name_of(functools.partial(add_times, 2)) == "add_times"
    assert name_of(functools.partial(functools.partial(add_times), 2)) == "add_times"
    assert name_of(Box) == "Box"
    assert name_of(len) == "len"
    assert name_of(Adder()) == "Adder()"


def test_name_of_an_inner_function() -> None:
    """The name of the enclosing function is left out."""

    def inner() -> None: ...

    assert name_of(inner) == "inner"


def test_name_of_a_lambda() -> None:
    """It is the file and line, also in a partial and in another lambda."""
    line = test_name_of_a_lambda.__code__.co_firstlineno
    first: Callable[[], object] = lambda: lambda: None  # noqa: E731  (it is about lambdas)
    assert name_of(first) == f"the lambda at test_experiment.py:{line + 3}"
    assert name_of(first()) == f"the lambda at test_experiment.py:{line + 3}"
    assert name_of(functools.partial(lambda box: box, 5)) == f"the lambda at test_experiment.py:{line + 6}"


def test_names_of_actors() -> None:
    """Actors are known by their names."""
    assert make(add, Box.touch, Adder()).race.names() == ["add", "touch", "Adder()"]


def test_equal_names_of_actors() -> None:
    """Actors with equal names, and only these, have numbers in their names."""
    assert make(add, add).race.names() == ["add (1)", "add (2)"]
    assert make(Box.touch, add, Box.add).race.names() == ["touch", "add (2)", "add (3)"]


# --- failures


def test_raised() -> None:
    """The failure names the code that raised; the traceback begins with the code that was called."""

    def culprit() -> None:
        raise LookupError("no such thing")

    with pytest.raises(Failed) as caught:
        make_states(culprit, 3)
    failure = caught.value.failure
    assert (failure.kind, failure.text) == ("raised", "setup raised LookupError: no such thing")
    assert failure.details.startswith("Traceback (most recent call last):")
    assert failure.details.endswith("LookupError: no such thing\n")
    assert failure.details.count("\n  File ") == 1
    assert "in culprit" in failure.details


def test_raised_without_words() -> None:
    """An exception without a message is shown as its type; one that was never raised has no traceback."""
    failure = raised("setup", KeyError())
    assert failure.text == "setup raised KeyError"
    assert failure.details == "KeyError\n"
