"""What can be asked of a race."""

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

#: What to write.
ASK = "ask race.ever(...), race.never(...), race.always(...) or race.atomic()"
_REPR_KEPT = 200
#: Runs in which actors are to return nothing before that is taken for all that they ever return.
_LEAST_EMPTY = 30
_ADDRESS = re.compile("0x[0-9a-fA-F]+")
#: The types of numpy's truth values, before its version 2 and since.
_TRUTHS = frozenset({"bool_", "bool"})


def shown(outcome: object) -> str:
    """Return an outcome's ``repr``, shortened; an exception type's name."""
    try:
        text = outcome.__name__ if isinstance(outcome, type) else repr(outcome)
    except Exception:  # noqa: BLE001  (a repr of the claim's own)
        text = f"<{type(outcome).__name__} without a repr>"
    return shortened(text)


def shortened(text: str) -> str:
    """Return a text, cut where it is long."""
    return text if len(text) <= _REPR_KEPT else text[: _REPR_KEPT - 3] + "..."


@dataclass(frozen=True)
class Portable:
    """An outcome as another process can have it; two are the same if they look the same.

    :param text: its ``repr``, without addresses.
    :param value: itself, if it is plain data; else only the text is known.
    :param is_empty: whether it says only that actors have returned nothing.
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
    """Return an outcome as another process can have it."""
    if _is_plain(outcome):
        return Portable(_text(outcome), outcome, is_plain=True, is_empty=_is_empty(outcome))
    is_empty = isinstance(outcome, Results) and outcome.is_empty
    return Portable(_ADDRESS.sub("0x...", shown(outcome)), is_empty=is_empty)


def _text(outcome: object) -> str:
    """Return the ``repr`` of plain data; equal sets may show what is in them in different orders, and do not here."""
    text = repr(outcome)
    if "frozenset({" not in text:
        return text
    if type(outcome) is frozenset:
        return f"frozenset({{{', '.join(sorted(map(_text, outcome)))}}})"
    if type(outcome) is tuple:
        return f"({', '.join(map(_text, outcome))}{',' * (len(outcome) == 1)})"
    return text


def _is_plain(outcome: object) -> bool:
    if type(outcome) in (tuple, frozenset):
        return all(map(_is_plain, outcome))  # type: ignore[call-overload]  # it is one of these
    return outcome is None or type(outcome) in (bool, int, float, complex, str, bytes, End)


@dataclass(frozen=True)
class End:
    """The outcome of actors that do not come to their end."""

    name: str

    def __repr__(self) -> str:
        return f"lab.{self.name}"


#: The process is ended by a signal such as SIGSEGV.
CRASH = End("CRASH")
#: All actors that have not ended wait for each other.
DEADLOCK = End("DEADLOCK")


@dataclass(frozen=True)
class Broken:
    """The outcome of a control without locks in which an actor raised, or actors wait for each other."""

    how: str = field(compare=False)

    def __repr__(self) -> str:
        return self.how


@dataclass(frozen=True)
class OutcomeQuestion:
    """What would settle a question alone, and how it was asked.

    :param asked: ``ever``, ``never``, ``always`` or ``atomic``.
    :param words: what was asked about, for people.
    :param sought: whether an outcome is a witness.
    :param end: the end of the process or of its threads that was asked about; None if it was an outcome of actors
        that come to an end.
    :param like: whether an outcome is of the kind of the one that was asked about: if none is, it could not have
        been seen.
    :param about_values: whether it is about what actors return, and None is not what was asked about.
    :param atomic: whether all is sought that calls do not give one after the other.
    """

    asked: str
    words: str
    sought: Callable[[Hashable], bool]
    like: Callable[[Hashable], bool] = lambda _: True
    end: End | None = None
    about_values: bool = False
    atomic: bool = False

    def of(self, subject: Subject) -> Subject:
        """Return what is to be run for this question."""
        return subject.with_calls() if self.atomic else subject

    @property
    def least_empty(self) -> int:
        """Return how many runs it takes to say that the actors return nothing; 0 if that does not matter."""
        return _LEAST_EMPTY if self.about_values else 0

    def answer(self, *, witnessed: bool) -> bool:
        """Return the answer, given whether what was sought exists."""
        return witnessed if self.asked == "ever" else not witnessed


@dataclass(frozen=True)
class Judged:
    """An outcome, and what a question makes of it.

    :param sought: whether it is what is sought.
    :param like: whether it is of the kind of what is sought.
    """

    outcome: Portable
    sought: bool
    like: bool


class Judge:
    """Asks a question about outcomes: about plain data once, about all others each time.

    Two of these that are equal need not be the same, such as two objects where there should be one.

    :param sequential: what calls give one after the other; where the question asks about that.
    :param may_break: whether an outcome that the predicate cannot take is what is sought: of a race without its
        locks.
    """

    def __init__(
        self, question: OutcomeQuestion, sequential: Sequential | None = None, *, may_break: bool = False
    ) -> None:
        self._question = question
        self._sequential = sequential
        self._may_break = may_break
        self._known: dict[Portable, Judged] = {}

    def __call__(self, outcome: Any) -> Judged:
        """Return what the question makes of an outcome.

        :raises Failed: the predicate has raised; the outcome cannot be hashed.
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
    """Return the result of a comparison, which calls code of the claim's.

    :raises Failed: it has raised.
    """
    try:
        return compare(results)
    except Exception as error:
        raise Failed(raised(f"the comparison of {shown(results)} with other results", error)) from error


def _is_hashable(outcome: object) -> bool:
    try:
        hash(outcome)
    except Exception:  # noqa: BLE001  (a hash of the claim's own)
        return False
    return True


def _check_hashable(outcome: object) -> None:
    """Refuse an outcome that can change, such as a list: it may not be what it was when it is asked about."""
    try:
        hash(outcome)
    except Exception as error:
        advice = (
            "let it be a tuple, a text or a number; where it matters whether two objects are the same, let observe "
            "return that: lambda state: state.one is state.other"
        )
        text = f"the outcome {shown(outcome)} cannot be hashed ({error}); {advice}"
        raise Failed(Failure("raised", text, "")) from error


def question(
    asked: str, about: Sequence[Any], exceptions: tuple[type[BaseException], ...], *, values: int | None = None
) -> OutcomeQuestion:
    """Return the question of a race's method.

    :param about: outcomes; or predicates, which are callables that are no classes.
    :param exceptions: the exception types that are outcomes.
    :param values: the length of the tuple that an outcome is; None if the state is observed.
    :raises TypeError: there is nothing to ask about; an outcome that cannot be hashed cannot be an outcome.
    :raises ValueError: no outcome can be equal to this; a class that is no outcome; an end beside other outcomes.
    """
    __tracebackhide__ = True
    if not about:
        raise TypeError(f"race.{asked}(): there is nothing to ask about; write race.{asked}(outcome)")
    end = next((one for one in about if one is CRASH or one is DEADLOCK), None)
    if end is not None:
        if asked == "always":
            raise ValueError(f"race.always({end!r}): write race.ever({end!r}) or race.never({end!r})")
        if len(about) > 1:
            raise ValueError(
                f"race.{asked}({', '.join(map(shown, about))}): ask about {end!r} in a question of its own"
            )
        return OutcomeQuestion(asked, repr(end), lambda outcome: outcome is end, end=end)
    parts = [_part(asked, one, exceptions, values) for one in about]
    wanted = asked != "always"  # that asks about all that is none of these

    def sought(outcome: Hashable) -> bool:
        return any(part.sought(outcome) for part in parts) is wanted

    return OutcomeQuestion(
        asked,
        " or ".join(part.words for part in parts),
        sought,
        lambda outcome: not wanted or any(part.like(outcome) for part in parts),
        about_values=values is not None and not exceptions and not all(map(_is_empty, about)),
    )


def _part(asked: str, about: Any, exceptions: tuple[type[BaseException], ...], values: int | None) -> OutcomeQuestion:
    """Return the question about one outcome, or one predicate."""
    __tracebackhide__ = True
    if callable(about) and not isinstance(about, type):
        name = name_of(about)
        if runs_nothing(about):
            raise TypeError(f"race.{asked}({name}): a call of a coroutine or generator function answers nothing")
        return OutcomeQuestion(asked, name, _truth_of(about, name))
    _check_is_outcome(asked, about, exceptions, values)
    words = shown(about)
    sought = _truth_of(lambda outcome: bool(outcome == about), f"the comparison with {words}")
    return OutcomeQuestion(asked, words, sought, _like(about))


def _is_empty(outcome: object) -> bool:
    """Return whether an outcome says that no actor has returned anything."""
    return type(outcome) is tuple and all(value is None for value in outcome)


def of_control(asked: OutcomeQuestion, *, matched: bool) -> OutcomeQuestion:
    """Return what is sought of the control: the same, or of one that is not the race's own, what is true."""
    return asked if matched else replace(asked, sought=bool, end=None, atomic=False)


#: Whether there is an outcome that calls do not give one after the other.
ATOMIC = OutcomeQuestion("atomic", "", lambda outcome: outcome is DEADLOCK, about_values=True, atomic=True)
#: The same of the calls of scenarios.
LINEARIZABLE = replace(ATOMIC, asked="linearizable")


def _check_is_outcome(
    asked: str, about: Any, exceptions: tuple[type[BaseException], ...], values: int | None
) -> None:
    __tracebackhide__ = True
    call = f"race.{asked}({shown(about)})"
    if isinstance(about, type) and about not in exceptions:
        name = about.__name__
        if issubclass(about, BaseException):
            raise ValueError(
                f"{call}: exceptions are outcomes only where the race asks for them, by exceptions={name}"
            )
        raise ValueError(
            f"{call}: a class could be meant as a predicate or as an outcome; write "
            f"lambda outcome: isinstance(outcome, {name}), {name}(outcome) or outcome is {name}"
        )
    if isinstance(about, BaseException):
        raise ValueError(f"{call}: an exception's type is the outcome; write race.{asked}({type(about).__name__})")
    try:
        hash(about)
    except TypeError:
        several = isinstance(about, (list, set)) and all(map(_is_hashable, about)) and len(about) > 1
        or_so = f"; for several outcomes, write race.{asked}({', '.join(map(repr, about))})" if several else ""
        text = f"{call}: this cannot be hashed, so it is no outcome; ask with a predicate{or_so}"
        raise TypeError(text) from None
    if not _is_itself(about):
        raise ValueError(f"{call}: this is not equal to itself; ask with a predicate")
    if values is None or isinstance(about, type):
        return
    if not isinstance(about, tuple) or len(about) != values:
        raise ValueError(
            f"{call}: without observe, an outcome is the tuple of what the {values} actors returned, so it is never "
            "this; give the race an observe, or ask for such a tuple"
        )


def _is_itself(about: object) -> bool:
    """Return whether something is equal to its like: not a NaN, nor a tuple with one in it."""
    if isinstance(about, (tuple, frozenset)):
        return all(map(_is_itself, about))
    return bool(about == about)


def _like(about: object) -> Callable[[Hashable], bool]:
    """Return whether an outcome could be this one, but for its value; None, or an exception, may stand for any."""
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
            raise Failed(raised(f"{name}, asked about the outcome {shown(outcome)},", error)) from error
        if not isinstance(answer, bool) and type(answer).__name__ not in _TRUTHS:
            text = f"{name}, asked about the outcome {shown(outcome)}, returned {shown(answer)}"
            raise Failed(Failure("raised", f"{text}; let it return True or False", ""))
        return bool(answer)

    return is_it
