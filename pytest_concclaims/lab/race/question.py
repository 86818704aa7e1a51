"""The questions that can be asked of a race, and the outcomes that they are about."""

from __future__ import annotations

import numbers
import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..callables import name_of, runs_nothing
from ..failure import Failed, Failure, raised
from .experiment import Subject
from .orders import Results, Sequential
from .position import Part

#: Characters of an outcome that are shown.
_REPR_KEPT = 200
#: If actors return None in this number of runs, they are taken to return nothing else.
_LEAST_EMPTY = 30
#: The ``steady_runs`` of a control: fewer, as no answer rests on the control alone.
_STEADY_RUNS_OF_CONTROL = 20
_ADDRESS = re.compile("0x[0-9a-fA-F]+")
#: The names of numpy's bool type, before its version 2 and since.
_TRUTHS = frozenset({"bool_", "bool"})


def how_to_ask(name: str) -> str:
    """Return the advice on what to ask.

    :param name: the instrument's name in it, such as ``race``.
    """
    return f"ask {name}.ever(...), {name}.never(...), {name}.always(...) or {name}.atomic()"


def shown(outcome: object) -> str:
    """Return the shortened ``repr`` of an outcome, or the name of an exception type."""
    try:
        text = outcome.__name__ if isinstance(outcome, type) else repr(outcome)
    except Exception:  # noqa: BLE001  (the claim's code may raise anything)
        text = f"<{type(outcome).__name__} without a repr>"
    return shortened(text)


def shortened(text: str) -> str:
    """Cut a long text."""
    return text if len(text) <= _REPR_KEPT else text[: _REPR_KEPT - 3] + "..."


@dataclass(frozen=True)
class Portable:
    """An outcome as it is sent to another process; two are equal if their texts are.

    :param text: the ``repr`` of the outcome, without addresses.
    :param value: the outcome, if it is plain data.
    :param is_plain: whether the outcome is plain data.
    :param is_empty: whether the outcome says only that the actors returned nothing.
    """

    text: str
    value: Hashable = field(default=None, compare=False)
    is_plain: bool = field(default=False, compare=False)
    is_empty: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return shortened(self.text)

    def __repr__(self) -> str:
        return f"<{self}>"


def portable(outcome: Hashable) -> Portable:
    """Return an outcome as it is sent to another process."""
    if _is_plain(outcome):
        return Portable(_text(outcome), outcome, is_plain=True, is_empty=_is_empty(outcome))
    is_empty = isinstance(outcome, Results) and outcome.is_empty
    return Portable(_ADDRESS.sub("0x...", shown(outcome)), is_empty=is_empty)


def _text(outcome: object) -> str:
    """Return the ``repr`` of plain data, the same for sets that are equal."""
    try:
        text = repr(outcome)
    except ValueError:  # an integer with more digits than sys.get_int_max_str_digits() allows
        text = None
    if text is not None and "frozenset({" not in text:
        return text
    if type(outcome) is frozenset:
        return f"frozenset({{{', '.join(sorted(map(_text, outcome)))}}})"
    if type(outcome) is tuple:
        return f"({', '.join(map(_text, outcome))}{',' * (len(outcome) == 1)})"
    return hex(outcome) if isinstance(outcome, int) else str(text)


def _is_plain(outcome: object) -> bool:
    if type(outcome) in (tuple, frozenset):
        return all(map(_is_plain, outcome))  # type: ignore[call-overload]  # it is one of these
    return outcome is None or type(outcome) in (bool, int, float, complex, str, bytes, End)


@dataclass(frozen=True)
class End:
    """An outcome of actors that do not return: a crash or a deadlock."""

    name: str

    def __repr__(self) -> str:
        return f"lab.{self.name}"


#: A signal such as SIGSEGV ends the process.
CRASH = End("CRASH")
#: All actors that have not returned are blocked.
DEADLOCK = End("DEADLOCK")


@dataclass(frozen=True)
class Broken:
    """The outcome of a race without its locks if it fails: for example, an actor raises, or actors deadlock."""

    how: str = field(compare=False)

    def __repr__(self) -> str:
        return self.how


@dataclass(frozen=True)
class OutcomeQuestion:
    """A question, and the outcomes that would answer it.

    :param asked: ``ever``, ``never``, ``always``, ``atomic`` or ``linearizable``.
    :param words: what the question is about, for messages.
    :param sought: whether an outcome is a witness.
    :param like: whether an outcome is of the kind of the one in the question. If none is, that one could not be
        seen.
    :param end: the crash or deadlock that is asked about; None if the question is about other outcomes.
    :param about_values: whether the question is about values that actors return, other than None.
    :param atomic: whether a witness is an outcome that calls one after the other do not have.
    :param steady_runs: of these calls, which check the results that a witness is compared with: random calls may have
        given them by chance.
    """

    asked: str
    words: str
    sought: Callable[[Hashable], bool]
    like: Callable[[Hashable], bool] = lambda _: True
    end: End | None = None
    about_values: bool = False
    atomic: bool = False
    steady_runs: int = 100

    def of(self, subject: Subject) -> Subject:
        """Return the subject to run for this question."""
        return subject.with_calls() if self.atomic else subject

    @property
    def crash_parts(self) -> tuple[Part, ...]:
        """The parts of a run in which a crash is a witness.

        Calls one after the other do not crash, nor does ``observe`` after them.
        """
        return (Part.ACTORS, Part.OUTCOMES) if self.atomic else (Part.ACTORS,) if self.end is CRASH else ()

    @property
    def least_empty(self) -> int:
        """The number of runs that show that the actors return nothing; 0 if that does not matter."""
        return _LEAST_EMPTY if self.about_values else 0

    def answer(self, *, witnessed: bool) -> bool:
        """Return the answer.

        :param witnessed: whether a witness was seen.
        """
        return witnessed if self.asked == "ever" else not witnessed


@dataclass(frozen=True)
class Judged:
    """An outcome, judged for a question.

    :param sought: whether it is a witness.
    :param like: whether it is of the kind of the one in the question.
    """

    outcome: Portable
    sought: bool
    like: bool


class Judge:
    """Judges outcomes for a question: plain data once, any other outcome each time.

    Two outcomes that are no plain data may look the same and be judged differently, such as two objects where there
    should be one.

    :param sequential: the results of calls one after the other, if the question is about these.
    :param may_break: whether an outcome for which the predicate raises is a witness: in a race without its locks.
    """

    def __init__(
        self, question: OutcomeQuestion, sequential: Sequential | None = None, *, may_break: bool = False
    ) -> None:
        self._question = question
        self._sequential = sequential
        self._may_break = may_break
        self._known: dict[Portable, Judged] = {}

    def __call__(self, outcome: Any) -> Judged:
        """Judge an outcome.

        :raises Failed: the predicate raised, or the outcome is not hashable.
        """
        as_portable = portable(outcome)
        if not as_portable.is_plain and not isinstance(outcome, Results):
            _check_hashable(outcome)
        known = self._known.get(as_portable) if as_portable.is_plain else None
        if known is None:
            known = Judged(as_portable, self._is_sought(outcome), self._question.like(outcome))
            if as_portable.is_plain:
                self._known[as_portable] = known
        return known

    def _is_sought(self, outcome: Any) -> bool:
        if isinstance(outcome, Broken):
            return True
        try:
            if self._sequential is None or not isinstance(outcome, Results):
                return self._question.sought(outcome)
            return not comparing(outcome, self._sequential.allows)
        except Failed:
            if self._may_break:
                return True
            raise


def comparing(results: Results, compare: Callable[[Results], bool]) -> bool:
    """Return the result of a comparison, which calls the claim's code.

    :raises Failed: the comparison raised.
    """
    try:
        return compare(results)
    except Exception as error:
        raise Failed(raised(f"the comparison of {shown(results)} with other results", error)) from error


def _is_hashable(outcome: object) -> bool:
    try:
        hash(outcome)
    except Exception:  # noqa: BLE001  (the claim's code may raise anything)
        return False
    return True


def _check_hashable(outcome: object) -> None:
    """Refuse an outcome that can change, such as a list: it could change before it is judged."""
    try:
        hash(outcome)
    except Exception as error:
        advice = (
            "return a tuple, a string or a number; if it matters whether two objects are the same one, let observe "
            "compare them: lambda state: state.one is state.other"
        )
        text = f"the outcome {shown(outcome)} is not hashable ({error}); {advice}"
        raise Failed(Failure("raised", text, "")) from error


def question(
    asked: str,
    about: Sequence[Any],
    exceptions: tuple[type[BaseException], ...],
    *,
    values: int | None = None,
    name: str = "race",
) -> OutcomeQuestion:
    """Return the question of a race's method.

    :param about: outcomes, or predicates: callables that are not classes.
    :param exceptions: the exception types that are outcomes.
    :param values: the number of values that actors return, if these are the outcome; None with ``observe``.
    :param name: the instrument's name in messages: ``race`` or ``interrupted``.
    :raises TypeError: ``about`` is empty, or has an outcome that is not hashable or a predicate that runs nothing.
    :raises ValueError: no outcome can be equal to one in ``about``, a class is ambiguous, or a crash or deadlock is
        not asked about alone.
    """
    __tracebackhide__ = True
    method = f"{name}.{asked}"
    if not about:
        raise TypeError(f"{method}(): no outcome is given; write {method}(outcome)")
    end = next((one for one in about if one is CRASH or one is DEADLOCK), None)
    if end is not None:
        if asked == "always":
            advice = f"write {name}.ever({end!r}) or {name}.never({end!r})"
            raise ValueError(f"{method}({end!r}): only ever and never can be asked about {end!r}; {advice}")
        if len(about) > 1:
            call = f"{method}({', '.join(map(shown, about))})"
            raise ValueError(f"{call}: {end!r} must be the only outcome in a question; write {method}({end!r})")
        return OutcomeQuestion(asked, repr(end), lambda outcome: outcome is end, end=end)
    parts = [_part(method, one, exceptions, values) for one in about]
    wanted = asked != "always"  # a witness of "always" is none of these outcomes

    def sought(outcome: Hashable) -> bool:
        return any(part.sought(outcome) for part in parts) is wanted

    return OutcomeQuestion(
        asked,
        " or ".join(part.words for part in parts),
        sought,
        like=lambda outcome: not wanted or any(part.like(outcome) for part in parts),
        about_values=values is not None and not exceptions and not all(map(_is_empty, about)),
    )


@dataclass(frozen=True)
class _Part:
    """One of the outcomes or predicates that a question is about; parameters as of :class:`OutcomeQuestion`."""

    words: str
    sought: Callable[[Hashable], bool]
    like: Callable[[Hashable], bool] = lambda _: True


def _part(method: str, about: Any, exceptions: tuple[type[BaseException], ...], values: int | None) -> _Part:
    __tracebackhide__ = True
    if callable(about) and not isinstance(about, type):
        name = name_of(about)
        if runs_nothing(about):
            raise TypeError(
                f"{method}({name}): this is a coroutine or generator function, so a call of it runs nothing; "
                "pass a function that returns True or False"
            )
        return _Part(name, _truth_of(about, name))
    _check_is_outcome(method, about, exceptions, values)
    words = shown(about)
    sought = _truth_of(lambda outcome: bool(outcome == about), f"the comparison with {words}")
    return _Part(words, sought, _like(about))


def _is_empty(outcome: object) -> bool:
    """Return whether an outcome says that no actor returned anything."""
    return type(outcome) is tuple and all(value is None for value in outcome)


def of_control(asked: OutcomeQuestion, *, matched: bool) -> OutcomeQuestion:
    """Return the question for the control: the same; of a generic control, whether its effect is seen."""
    if matched:
        return replace(asked, steady_runs=_STEADY_RUNS_OF_CONTROL)
    return replace(asked, sought=bool, end=None, atomic=False)


#: Whether calls have results that they also have one after the other: of one call by each actor.
ATOMIC = OutcomeQuestion("atomic", "", lambda outcome: outcome is DEADLOCK, about_values=True, atomic=True)
#: The same for the calls of scenarios.
LINEARIZABLE = replace(ATOMIC, asked="linearizable")


def _check_is_outcome(
    method: str, about: Any, exceptions: tuple[type[BaseException], ...], values: int | None
) -> None:
    __tracebackhide__ = True
    call = f"{method}({shown(about)})"
    if isinstance(about, type) and about not in exceptions:
        name = about.__name__
        if issubclass(about, BaseException):
            raise ValueError(
                f"{call}: an exception is an outcome only if its type is in exceptions; pass exceptions={name}"
            )
        raise ValueError(
            f"{call}: a class could mean a predicate or an outcome; write "
            f"lambda outcome: isinstance(outcome, {name}), or lambda outcome: outcome is {name}"
        )
    if isinstance(about, BaseException):
        raise ValueError(f"{call}: an exception's type is the outcome; write {method}({type(about).__name__})")
    try:
        hash(about)
    except TypeError:
        several = isinstance(about, (list, set)) and all(map(_is_hashable, about)) and len(about) > 1
        or_so = f"; for several outcomes, write {method}({', '.join(map(repr, about))})" if several else ""
        raise TypeError(f"{call}: an outcome must be hashable; pass a predicate{or_so}") from None
    if not _is_itself(about):
        raise ValueError(f"{call}: this is not equal to itself; pass a predicate, such as math.isnan")
    if values is None or isinstance(about, type):
        return
    if not isinstance(about, tuple) or len(about) != values:
        raise ValueError(
            f"{call}: without observe, an outcome is a tuple of the {values} values that the actors return, so it is "
            "never this; pass observe=..., or ask about such a tuple"
        )


def _is_itself(about: object) -> bool:
    """Return whether something is equal to itself; a NaN and a tuple that has one are not."""
    if isinstance(about, (tuple, frozenset)):
        return all(map(_is_itself, about))
    return bool(about == about)


def _like(about: object) -> Callable[[Hashable], bool]:
    """Return a predicate for outcomes of the same kind. Any outcome is of the kind of None or an exception."""
    if about is None or isinstance(about, type):
        return lambda _: True
    if isinstance(about, tuple):
        parts = [_like(part) for part in about]
        return lambda outcome: (
            isinstance(outcome, tuple)
            and len(outcome) == len(parts)
            and any(like(part) for like, part in zip(parts, outcome))
            and all(part is None or like(part) for like, part in zip(parts, outcome))
        )
    kind = numbers.Number if isinstance(about, numbers.Number) else type(about)
    return lambda outcome: isinstance(outcome, kind) or isinstance(about, type(outcome))


def _truth_of(predicate: Callable[[Any], object], name: str) -> Callable[[Hashable], bool]:
    def is_it(outcome: Hashable) -> bool:
        try:
            answer = predicate(outcome)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise Failed(raised(f"{name} for the outcome {shown(outcome)}", error)) from error
        if not isinstance(answer, bool) and type(answer).__name__ not in _TRUTHS:
            text = f"{name} for the outcome {shown(outcome)} returned {shown(answer)}"
            raise Failed(Failure("raised", f"{text}; it must return True or False", ""))
        return bool(answer)

    return is_it
