"""The outcome of one run of the actors on one state, and the checks of what the claim's functions return."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from types import CoroutineType, ModuleType
from typing import Any

from ..callables import has_not_run
from ..failure import Failed, Failure, is_of_the_call, raised
from .experiment import Subject
from .orders import Call, Results, kept
from .question import Broken, shown

#: Types of states that ``setup`` may return twice: they cannot change, or ``setup`` may reset them.
_IMMUTABLE = (bool, int, float, complex, str, bytes, tuple, frozenset, ModuleType)


def made(subject: Subject) -> Any:
    """Return a fresh state.

    :raises Failed: ``setup`` raised or returned None.
    """
    state = calling("setup", subject.setup)
    check_state(state)
    return state


def check_state(state: Any) -> None:
    """Refuse None as a state.

    :raises Failed: ``setup`` returned None.
    """
    if state is None:
        text = "setup returned None; it must return the state, which is an object that it makes"
        raise Failed(Failure("raised", text, ""))


def check_fresh(states: Iterable[Any]) -> None:
    """Refuse states of which two are the same object: a change to one would affect the other run.

    :raises Failed: ``setup`` returned an object twice.
    """
    seen: set[int] = set()
    for state in states:
        if id(state) in seen and not (isinstance(state, _IMMUTABLE) or callable(state) or hasattr(state, "acquire")):
            text = f"setup returned the same {type(state).__name__} twice; it must make a new state each time"
            raise Failed(Failure("raised", text, ""))
        seen.add(id(state))


def outcome_of(
    subject: Subject,
    state: Any,
    values: Sequence[Any],
    exceptions: Sequence[tuple[int, BaseException]],
    before: Iterable[tuple[Call, Call]] = (),
) -> Hashable:
    """Return the outcome of a run.

    :param values: what each actor returned; if calls have results, the tuple of these for each actor.
    :param exceptions: pairs of an actor's number and the exception that it raised.
    :param before: pairs of calls, the first of which ended before the second one began.
    :raises Failed: an actor raised an exception that is not an outcome, or returned what has not run; ``observe``
        raised.
    """
    types: set[Hashable] = {exception_outcome(subject, actor, error) for actor, error in exceptions}
    if types:
        return only(types)
    for actor, value in enumerate(values):
        for result in value if subject.calls is not None else (value,):
            check_ran(subject, actor, result)
    try:
        seen = None if subject.observe is None else observed(subject, state, values)
    except Failed:
        if subject.may_break:
            return Broken("observe raised")
        raise
    if subject.calls is not None:
        results, last = calling("the copy of a result", lambda: kept((tuple(map(tuple, values)), seen)))
        return Results(results, last, frozenset(before))
    return tuple(values) if subject.observe is None else seen


def observed(subject: Subject, state: Any, values: Sequence[Any]) -> Any:
    """Return what ``observe`` returns after a run.

    :param values: as of :func:`outcome_of`.
    :raises Failed: ``observe`` raised.
    """
    name = "observe" if subject.name == "race" else f"the {subject.name}'s observe"
    flat = values if subject.calls is None else [result for results in values for result in results]
    return calling(name, lambda: subject.observed(state, flat))


def check_ran(subject: Subject, actor: int, value: object) -> None:
    """Refuse a value that shows that the actor's code has not run, such as a coroutine.

    :raises Failed: it has not run.
    """
    unrun = has_not_run(value)
    if unrun is not None:
        raise Failed(Failure("raised", f"{role(subject, actor)} {unrun}", ""))


def exception_outcome(subject: Subject, actor: int, error: BaseException) -> Hashable:
    """Return the outcome for an exception: the most specific matching type of those that are outcomes.

    :raises Failed: the exception is not an outcome. A failed assertion never is: it is about the claim. In a race
        without its locks, every other exception is one, as it shows that the race needs them.
    """
    if not isinstance(error, AssertionError):
        mro = type(error).__mro__
        types: list[Any] = [one for one in subject.exceptions if one in mro]  # mypy takes no type for hashable
        if types:
            return min(types, key=mro.index)  # type: ignore[no-any-return]  # see above
    if subject.may_break:
        return Broken(f"{type(error).__name__} raised")
    failure = raised(role(subject, actor), error)
    raise Failed(replace(failure, text=f"{failure.text}{_advice(subject, error)}")) from error


def _advice(subject: Subject, error: BaseException) -> str:
    """Return what to do about an actor's exception."""
    if isinstance(error, TypeError) and is_of_the_call(error):
        if subject.labels:
            return (
                "; an operation is called with the state and the arguments of lab.op: pass lab.op(Stack.push, 1) or "
                "Stack.pop, not a method of one stack"
            )
        who = "the handler, like the actor," if subject.interrupted else "an actor"
        return f"; {who} is called with the state alone (use a lambda or functools.partial for more arguments)"
    if isinstance(error, Exception) and not isinstance(error, AssertionError):
        return f"; if that is an outcome, pass exceptions={type(error).__name__}"
    return ""


def close_unawaited(states: Iterable[Any]) -> None:
    """Close states that are coroutines and have not started, as each would cause a warning."""
    for state in states:
        if isinstance(state, CoroutineType) and inspect.getcoroutinestate(state) == inspect.CORO_CREATED:
            state.close()


def role(subject: Subject, actor: int) -> str:
    """Return an actor's name with its role, for messages."""
    whose = "actor" if subject.name == "race" else f"the {subject.name}'s actor"
    return f"{whose} {subject.names()[actor]}"


def calling(name: str, function: Callable[[], Any]) -> Any:
    """Call a function of the claim and return what it returns.

    :param name: for messages.
    :raises Failed: the function raised.
    """
    try:
        return function()
    except (KeyboardInterrupt, Failed):
        raise
    except BaseException as error:
        raise Failed(raised(name, error)) from error


def only(types: set[Hashable]) -> Hashable:
    """Return the one exception type that the actors raised in a run.

    :raises Failed: there are several.
    """
    if any(isinstance(one, Broken) for one in types):
        return next(one for one in types if isinstance(one, Broken))
    if len(types) > 1:
        both = " and ".join(sorted(map(shown, types)))
        text = f"actors raised {both} in one run, which is not a single outcome; catch the exceptions and return them"
        raise Failed(Failure("raised", text, ""))
    return next(iter(types))
