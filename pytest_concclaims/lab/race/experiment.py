"""The parts of a race (state, actors, observation and control), and the checks of the arguments that describe it."""

from __future__ import annotations

import inspect
import multiprocessing
import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Optional

from ...interpreter import gil_enabled
from ...text import counted, numbered
from ..callables import name_of, runs_nothing
from .orders import Order, result_of
from .scenarios import Operation, Scenario, any_scenario, shapes
from .without_locks import WITHOUT_LOCKS, UnlockedSetup

Actor = Callable[[Any], object]
#: What each actor runs in.
KINDS = ("thread", "process")
Observe = Optional[Callable[[Any], Hashable]]


class RaceError(Exception):
    """A race failed without an outcome: an actor or other code in it raised, hung or crashed the process."""

    __module__ = "pytest_concclaims"  # where its users find it


@dataclass(frozen=True)
class Subject:
    """What is run: the race itself, or its control.

    :param name: for messages.
    :param setup: returns a fresh state for each run.
    :param actors: are called with the state, each in a thread or process of its own.
    :param observe: returns the outcome of a run; None if the outcome is the tuple of what the actors returned.
    :param rounds: how often each actor is called in one run.
    :param exceptions: the exception types that are outcomes.
    :param number: of the race in its claim, which distinguishes two races of the same code.
    :param observes_values: whether ``observe`` also takes the tuple of what the actors returned.
    :param may_break: whether an exception or a deadlock counts as the effect: true of the race without its locks.
    :param calls: the calls that each actor makes, if each call has a result; None if each actor has one value.
    :param operations: the operations that scenarios consist of; empty if there are no scenarios.
    :param each: the maximal number of calls that an actor of a scenario makes.
    :param labels: the names of the actors, if they are not named after their functions.
    :param in_processes: whether each actor runs in a process of its own instead of a thread.
    :param interrupted: whether the second actor is a handler that runs in the thread of the first.
    """

    name: str
    setup: Callable[[], Any]
    actors: tuple[Actor, ...]
    observe: Observe
    rounds: int = 1
    exceptions: tuple[type[BaseException], ...] = ()
    number: int = 1
    observes_values: bool = False
    may_break: bool = False
    calls: tuple[tuple[Actor, ...], ...] | None = None
    operations: tuple[Operation, ...] = ()
    each: int = 1
    labels: tuple[str, ...] = ()
    in_processes: bool = False
    interrupted: bool = False

    def names(self) -> list[str]:
        """Return the names of the actors, with a number for equal ones."""
        if self.labels:
            return list(self.labels)
        names = [name_of(actor) for actor in self.actors]
        if self.interrupted:
            return [names[0], f"{names[1]} (handler)"]
        return numbered(names)

    @property
    def functions(self) -> tuple[Callable[..., Any] | None, ...]:
        """The functions of the claim that a run calls; without a scenario, all operations."""
        calls = self.operations or self.actors if self.calls is None else chain.from_iterable(self.calls)
        return self.setup, *calls, self.observe

    @property
    def is_parallel(self) -> bool:
        """Whether actors run at the same time: in processes, or in threads without a GIL."""
        return not self.interrupted and (self.in_processes or not gil_enabled())

    def observed(self, state: Any, values: Sequence[object]) -> Any:
        """Return what ``observe`` returns.

        :param values: what the actors returned.
        """
        observe: Any = self.observe
        return observe(state, tuple(values)) if self.observes_values else observe(state)

    def without_locks(self) -> Subject:
        """Return the control that is this race without the locks that ``setup`` makes."""
        return replace(self, name="control", setup=UnlockedSetup(self.setup), may_break=True)

    def with_calls(self) -> Subject:
        """Return the same race with a result, or an exception, for each call; scenarios have these already."""
        if self.calls is not None or self.operations:
            return self
        return replace(self, calls=tuple((actor,) for actor in self.repeated_actors()), rounds=1)

    def scenario(self, scenario: Scenario) -> Subject:
        """Return a scenario of the operations."""
        return replace(self, calls=tuple(tuple(self.operations[number] for number in calls) for calls in scenario))

    def names_in(self, order: Order) -> list[str]:
        """Return the names of the calls in an order."""
        if not self.operations:
            return [self.names()[actor] for actor in order]
        calls = [iter(calls) for calls in self.calls or ()]
        return [name_of(next(calls[actor])) for actor in order]

    def calls_in(self, order: Order) -> str:
        """Return the calls in an order, as text."""
        return ", then ".join(self.names_in(order))

    def repeated_actors(self) -> list[Actor]:
        """Return the actors, each of which runs all its rounds or calls when it is called once."""
        if self.calls is not None:
            return [partial(_all_calls, calls) for calls in self.calls]
        return [actor if self.rounds == 1 else _repeated(actor, self.rounds) for actor in self.actors]


def _all_calls(calls: Sequence[Actor], state: Any) -> object:
    return tuple(result_of(partial(call, state)) for call in calls)


def _repeated(actor: Actor, rounds: int) -> Actor:
    def all_rounds(state: Any) -> object:
        value: object = None
        for _ in range(rounds):
            value = actor(state)
        return value

    return all_rounds


@dataclass(frozen=True)
class RaceExperiment:
    """A race and its control.

    :param matched: whether the control is the race's own, so that the same question can be asked of both.
    :param unlocked: the race without its locks, which is the control if ``setup`` makes locks.
    :param removed_locks: descriptions of the locks that the control does not have.
    """

    race: Subject
    control: Subject
    matched: bool
    unlocked: Subject | None = None
    removed_locks: tuple[str, ...] = ()

    def at_random(self) -> tuple[RaceExperiment, Scenario | None]:
        """Return the experiment for a random scenario, and the scenario; without operations, itself and None."""
        race, control = self.race, self.control
        if not race.operations:
            return self, None
        scenario = any_scenario(random.choice(shapes(len(race.actors), race.each)), len(race.operations))  # noqa: S311
        unlocked = control.scenario(scenario) if control.operations else control
        return replace(self, race=race.scenario(scenario), control=unlocked), scenario


def experiment(
    setup: object,
    actors: Sequence[object],
    *,
    observe: object,
    rounds: object,
    control: object,
    exceptions: object,
    kind: object = "thread",
    number: int = 1,
) -> RaceExperiment:
    """Return the experiment for the arguments of :meth:`Lab.race`.

    :raises TypeError: an argument has the wrong type.
    :raises ValueError: an argument has a wrong value.
    """
    __tracebackhide__ = True
    called = tuple(_callable(actor, f"actor {number}") for number, actor in enumerate(actors, 1))
    if len(called) < 2:
        raise ValueError(
            f"lab.race: a race needs at least two actors, got {len(called)}; write lab.race(setup, actor, actor)"
        )
    if isinstance(rounds, bool) or not isinstance(rounds, int):
        raise TypeError(f"lab.race(rounds={rounds!r}): rounds must be a whole number, e.g. 1")
    if rounds < 1:
        raise ValueError(f"lab.race(rounds={rounds!r}): rounds must be at least 1")
    if kind not in KINDS:
        raise ValueError(f"lab.race(kind={kind!r}): kind must be {' or '.join(map(repr, KINDS))}")
    in_processes = kind == "process"
    race = Subject(
        "race",
        _callable(setup, "setup", may_run_nothing=True),  # the state may be a generator or a coroutine
        called,
        None if observe is None else _callable(observe, "observe"),
        rounds,
        _exceptions(exceptions),
        number,
        _takes_two(observe),
        in_processes=in_processes,
    )
    if in_processes and control is WITHOUT_LOCKS:
        raise ValueError(
            "lab.race(kind='process', control=lab.WITHOUT_LOCKS): only locks of threads can be removed; pass actors "
            "that do not use the locks of processes: control=(...)"
        )
    if in_processes and control is None:
        return RaceExperiment(race, _generic_control_of_processes(len(actors), race.rounds), matched=False)
    if control is None or control is WITHOUT_LOCKS:
        unlocked = race.without_locks()
        if control is None:
            return RaceExperiment(race, _generic_control(len(actors), rounds), matched=False, unlocked=unlocked)
        return RaceExperiment(race, unlocked, matched=True, unlocked=unlocked)
    return RaceExperiment(race, _own_control(race, control), matched=True)


def operations_experiment(
    setup: object,
    operations: Sequence[object],
    *,
    observe: object,
    threads: object,
    each: object,
    number: int = 1,
) -> RaceExperiment:
    """Return the experiment for the arguments of :meth:`Lab.operations`.

    :raises TypeError: an argument has the wrong type.
    :raises ValueError: an argument has a wrong value.
    """
    __tracebackhide__ = True
    call = "lab.operations"
    if not operations:
        raise ValueError(f"{call}: no operation is given; write {call}(setup, lab.op(function, argument), ...)")
    for name, value, least, most in (("threads", threads, 2, 4), ("each", each, 1, 5)):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{call}({name}={value!r}): {name} must be a whole number from {least} to {most}")
    assert isinstance(threads, int), "checked above"
    assert isinstance(each, int), "checked above"
    named = enumerate(operations, 1)
    called = [
        one if isinstance(one, Operation) else Operation(_callable(one, f"operation {number}", call=call))
        for number, one in named
    ]
    race = Subject(
        "race",
        _callable(setup, "setup", may_run_nothing=True, call=call),
        tuple(called[:1] * threads),
        None if observe is None else _callable(observe, "observe", call=call),
        number=number,
        observes_values=_takes_two(observe),
        operations=tuple(called),
        each=each,
        labels=tuple(f"thread {number}" for number in range(1, threads + 1)),
    )
    return RaceExperiment(race, _generic_control(threads, 1), matched=False, unlocked=race.without_locks())


def interrupted_experiment(
    setup: object, actor: object, handler: object, *, observe: object, exceptions: object, number: int = 1
) -> RaceExperiment:
    """Return the experiment for the arguments of :meth:`Lab.interrupted`.

    :raises TypeError: an argument has the wrong type.
    """
    __tracebackhide__ = True
    call = "lab.interrupted"
    subject = Subject(
        "race",
        _callable(setup, "setup", may_run_nothing=True, call=call),
        (_callable(actor, "the actor", call=call), _callable(handler, "the handler", call=call)),
        None if observe is None else _callable(observe, "observe", call=call),
        exceptions=_exceptions(exceptions, call=call),
        number=number,
        observes_values=_takes_two(observe),
        interrupted=True,
    )
    # The control never runs, as "never" rests on all switch points.
    return RaceExperiment(subject, _generic_control(2, 1), matched=False)


def _own_control(race: Subject, given: object) -> Subject:
    __tracebackhide__ = True
    control = given if isinstance(given, Control) else Control(given) if isinstance(given, Sequence) else None
    if control is None or callable(given):
        raise TypeError(
            f"lab.race(control={given!r}): control must be a tuple with as many actors as the race has, "
            "lab.control(*actors, setup=...) or lab.WITHOUT_LOCKS"
        )
    if len(control.actors) != len(race.actors):
        raise ValueError(
            f"lab.race: the control has {counted(len(control.actors), 'actor')}, the race has {len(race.actors)}; "
            "pass the race's actors with the one change that makes them show the effect"
        )
    actors = tuple(
        _callable(actor, f"the control's actor {number}") for number, actor in enumerate(control.actors, 1)
    )
    made = replace(race, name="control", actors=actors)
    if control.setup is not None:
        made = replace(made, setup=_callable(control.setup, "the control's setup", may_run_nothing=True))
    if control.observe is not None:
        observe = _callable(control.observe, "the control's observe")
        made = replace(made, observe=observe, observes_values=_takes_two(observe))
    return made


@dataclass(frozen=True)
class Control:
    """A control with a state of its own; made by :meth:`Lab.control`.

    :param setup: None for the race's.
    :param observe: None for the race's.
    """

    actors: Sequence[object]
    setup: object = None
    observe: object = None


def _takes_two(observe: object) -> bool:
    """Return whether ``observe`` has two required parameters: the state, and the values that the actors returned."""
    if not callable(observe):
        return False
    try:
        parameters = inspect.signature(observe).parameters.values()
    except (TypeError, ValueError):  # C code without a signature
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one for one in parameters if one.kind in positional and one.default is inspect.Parameter.empty]
    return len(needed) == 2


def _callable(
    thing: object, role: str, *, may_run_nothing: bool = False, call: str = "lab.race"
) -> Callable[..., Any]:
    __tracebackhide__ = True
    if not callable(thing):
        hint = "; pass the function, do not call it" if thing is None else ""
        if role == "setup" and thing is not None:
            hint = "; pass a class, or a function that makes a fresh state: it is called for each run"
        elif isinstance(thing, (list, tuple)):
            hint = f"; pass each item of the list: {call}(setup, *list)"
        raise TypeError(f"{call}: {role} is {thing!r}, which cannot be called{hint}")
    if runs_nothing(thing) and not may_run_nothing:
        raise TypeError(
            f"{call}: {role} is {name_of(thing)}, a coroutine or generator function, so a call of it runs nothing; "
            "pass a function that runs it"
        )
    return thing


def _exceptions(given: object, *, call: str = "lab.race") -> tuple[type[BaseException], ...]:
    __tracebackhide__ = True
    types: list[type[BaseException]] = []
    for one in given if isinstance(given, tuple) else (given,):
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            raise TypeError(f"{call}(exceptions={given!r}): pass exception types, as in an except clause")
        if issubclass(one, AssertionError):
            raise TypeError(
                f"{call}(exceptions={given!r}): a failed assertion is never an outcome, because it means that the "
                "claim failed; let actors raise another exception, or return a value"
            )
        types.append(one)
    return tuple(types)


# --- generic controls: of races without a control of their own


def _generic_control(actors: int, rounds: int) -> Subject:
    """Return a counter that loses updates wherever threads switch between its read and its write."""
    return Subject(
        "generic control",
        setup=lambda: [0],
        actors=(_read_call_write,) * actors,
        observe=lambda counter: bool(counter[0] != actors * rounds),
        rounds=rounds,
    )


def _generic_control_of_processes(actors: int, rounds: int) -> Subject:
    """Return the same with a counter in shared memory."""
    return Subject(
        "generic control",
        setup=_shared_counter,
        actors=(_read_call_write_shared,) * actors,
        observe=lambda counter: bool(counter.value != actors * rounds),
        rounds=rounds,
        in_processes=True,
    )


def _shared_counter() -> Any:
    return multiprocessing.RawValue("q", 0)


def _read_call_write_shared(counter: Any) -> None:
    counter.value = _one_more(counter.value)


def _read_call_write(counter: list[int]) -> None:
    counter[0] = _one_more(counter[0])


def _one_more(number: int) -> int:
    return number + 1
