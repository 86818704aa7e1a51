"""The outcome of one run of the actors on one state."""

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

#: States that nothing can be changed of, or whose setup may have changed them back.
_IMMUTABLE = (bool, int, float, complex, str, bytes, tuple, frozenset, ModuleType)


def made(subject: Subject) -> Any:
    """Return a fresh state.

    :raises Failed: ``setup`` has raised, or returned nothing.
    """
    state = calling("setup", subject.setup)
    check_state(state)
    return state


def check_state(state: Any) -> None:
    """Refuse a state that is none.

    :raises Failed: ``setup`` returned nothing.
    """
    if state is None:
        text = "setup returned None; the state of a sample is what setup returns, so let it make and return an object"
        raise Failed(Failure("raised", text, ""))


def check_fresh(states: Iterable[Any]) -> None:
    """Refuse states that are one: what their actors change would be there in the next run, or sample, already.

    :raises Failed: ``setup`` has returned one of them twice.
    """
    seen: set[int] = set()
    for state in states:
        if id(state) in seen and not (isinstance(state, _IMMUTABLE) or callable(state) or hasattr(state, "acquire")):
            text = f"setup returned the same {type(state).__name__} twice; let it make a fresh state each time"
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

    :param values: what the actors returned; where calls have results, those of each actor.
    :param exceptions: what they raised: the actor's number, and the exception.
    :param before: pairs of calls, the first of which ended before the second one began.
    :raises Failed: an exception that the race does not take for an outcome.
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
    """Return what is observed of a state after a run.

    :param values: as of :func:`outcome_of`.
    :raises Failed: ``observe`` has raised.
    """
    name = "observe" if subject.name == "race" else f"the {subject.name}'s observe"
    flat = values if subject.calls is None else [result for results in values for result in results]
    return calling(name, lambda: subject.observed(state, flat))


def check_ran(subject: Subject, actor: int, value: object) -> None:
    """Refuse what an actor returned if the actor's code has yet to run, as that of a coroutine.

    :raises Failed: it has.
    """
    unrun = has_not_run(value)
    if unrun is not None:
        raise Failed(Failure("raised", f"{role(subject, actor)} {unrun}", ""))


def exception_outcome(subject: Subject, actor: int, error: BaseException) -> Hashable:
    """Return the type, of those that are outcomes, that says most about an exception.

    :raises Failed: it is no outcome. An assertion that failed never is: it speaks of the claim itself. But of a race
        without its locks, any exception shows that it needs them.
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
    """Return what to do about an exception of an actor."""
    if isinstance(error, TypeError) and is_of_the_call(error):
        if subject.labels:
            return (
                "; an operation is called with the state and the arguments of lab.op: lab.op(Stack.push, 1) and "
                "Stack.pop, not a method of one stack"
            )
        who = "the handler, as the actor," if subject.interrupted else "an actor"
        return f"; {who} is called with the state alone (use a lambda or functools.partial for more arguments)"
    if isinstance(error, Exception) and not isinstance(error, AssertionError):
        what = "lab.interrupted" if subject.interrupted else "the race"
        return f"; if that is an outcome, give {what} exceptions={type(error).__name__}"
    return ""


def close_unawaited(states: Iterable[Any]) -> None:
    """Close the states that are coroutines of which nothing has run: each would warn of that."""
    for state in states:
        if isinstance(state, CoroutineType) and inspect.getcoroutinestate(state) == inspect.CORO_CREATED:
            state.close()


def role(subject: Subject, actor: int) -> str:
    """Return an actor's name, for people, and whose it is."""
    whose = "actor" if subject.name == "race" else f"the {subject.name}'s actor"
    return f"{whose} {subject.names()[actor]}"


def calling(name: str, function: Callable[[], Any]) -> Any:
    """Return what a function of the claim's returns.

    :param name: for messages.
    :raises Failed: it has raised.
    """
    try:
        return function()
    except (KeyboardInterrupt, Failed):
        raise
    except BaseException as error:
        raise Failed(raised(name, error)) from error


def only(types: set[Hashable]) -> Hashable:
    """Return the one type of exception that the actors raised in a run.

    :raises Failed: they raised several.
    """
    if any(isinstance(one, Broken) for one in types):
        return next(one for one in types if isinstance(one, Broken))
    if len(types) > 1:
        both = " and ".join(sorted(map(shown, types)))
        text = f"actors raised {both} in one sample: that is no single outcome; let them catch and return them"
        raise Failed(Failure("raised", text, ""))
    return next(iter(types))
