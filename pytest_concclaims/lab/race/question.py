"""What can be asked of a race."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from ..callables import name_of, runs_nothing
from ..failure import Failed, Failure, raised

#: What to write.
ASK = "ask race.ever(...), race.never(...) or race.always(...)"
_REPR_KEPT = 200
#: The types of numpy's truth values, before its version 2 and since.
_TRUTHS = frozenset({"bool_", "bool"})


def shown(outcome: object) -> str:
    """Return an outcome's ``repr``, shortened; an exception type's name."""
    try:
        text = outcome.__name__ if isinstance(outcome, type) else repr(outcome)
    except Exception:  # noqa: BLE001  (a repr of the claim's own)
        text = f"<{type(outcome).__name__} without a repr>"
    return text if len(text) <= _REPR_KEPT else text[: _REPR_KEPT - 3] + "..."


@dataclass(frozen=True)
class Forgotten:
    """Stands for an outcome that could not be carried out of the process that saw it."""

    text: str

    def __repr__(self) -> str:
        return f"<{self.text}>"


def portable_outcome(outcome: Hashable) -> Hashable:
    """Return an outcome if it is plain data, which another process can have, or else what stands for it."""
    return outcome if _is_plain(outcome) else Forgotten(shown(outcome))


def _is_plain(outcome: object) -> bool:
    if type(outcome) in (tuple, frozenset):
        return all(map(_is_plain, outcome))  # type: ignore[call-overload]  # it is one of these
    return outcome is None or type(outcome) in (bool, int, float, complex, str, bytes, Crash, Deadlock)


@dataclass(frozen=True)
class Crash:
    """The outcome of a sample that ends its process; :data:`CRASH` is the only one."""

    def __repr__(self) -> str:
        return "lab.CRASH"


#: The process is ended by a signal such as SIGSEGV.
CRASH = Crash()


@dataclass(frozen=True)
class Deadlock:
    """The outcome of actors that wait for each other; :data:`DEADLOCK` is the only one."""

    def __repr__(self) -> str:
        return "lab.DEADLOCK"


#: All actors that have not ended wait for each other.
DEADLOCK = Deadlock()


@dataclass(frozen=True)
class OutcomeQuestion:
    """What would settle a question alone, and how it was asked.

    :param asked: ``ever``, ``never`` or ``always``.
    :param words: what was asked about, for people.
    :param sought: whether an outcome is a witness.
    :param end: the end of the process or of its threads that was asked about; None if it was an outcome of actors
        that come to an end.
    :param like: whether an outcome is of the kind of the one that was asked about: if none is, it could not have
        been seen.
    """

    asked: str
    words: str
    sought: Callable[[Hashable], bool]
    like: Callable[[Hashable], bool] = lambda _: True
    end: Crash | Deadlock | None = None

    def answer(self, *, witnessed: bool) -> bool:
        """Return the answer, given whether what was sought exists."""
        return witnessed if self.asked == "ever" else not witnessed


def question(
    asked: str, about: Any, exceptions: tuple[type[BaseException], ...], *, values: int | None = None
) -> OutcomeQuestion:
    """Return the question of a race's method.

    :param about: an outcome; or a predicate, which is a callable that is no class.
    :param exceptions: the exception types that are outcomes.
    :param values: the length of the tuple that an outcome is; None if the state is observed.
    :raises TypeError: an outcome that cannot be hashed cannot be an outcome.
    :raises ValueError: no outcome can be equal to this; a class that is no outcome.
    """
    __tracebackhide__ = True
    if about is CRASH or about is DEADLOCK:
        return OutcomeQuestion(asked, repr(about), lambda outcome: outcome is about, end=about)
    if callable(about) and not isinstance(about, type):
        name = name_of(about)
        if runs_nothing(about):
            raise TypeError(f"race.{asked}({name}): a call of a coroutine or generator function answers nothing")
        return OutcomeQuestion(asked, name, _sought(about, name, wanted=asked != "always"))
    _check_is_outcome(asked, about, exceptions, values)

    def is_it(outcome: Hashable) -> bool:
        return bool(outcome == about)

    words = shown(about)
    sought = _sought(is_it, f"the comparison with {words}", wanted=asked != "always")
    # "Always" asks about all that is not this.
    return (
        OutcomeQuestion(asked, words, sought)
        if asked == "always"
        else OutcomeQuestion(asked, words, sought, _like(about))
    )


def _check_is_outcome(
    asked: str, about: Any, exceptions: tuple[type[BaseException], ...], values: int | None
) -> None:
    __tracebackhide__ = True
    call = f"race.{asked}({shown(about)})"
    if isinstance(about, type) and about not in exceptions:
        name = about.__name__
        if issubclass(about, BaseException):
            raise ValueError(
                f"{call}: exceptions are outcomes only where the race asks for them: lab.race(..., exceptions={name})"
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
        raise TypeError(f"{call}: this cannot be hashed, so it is no outcome; ask with a predicate") from None
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


def _sought(predicate: Callable[[Any], object], name: str, *, wanted: bool) -> Callable[[Hashable], bool]:
    def sought(outcome: Hashable) -> bool:
        try:
            answer = predicate(outcome)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise Failed(raised(f"{name}, asked about the outcome {shown(outcome)},", error)) from error
        if not isinstance(answer, bool) and type(answer).__name__ not in _TRUTHS:
            text = f"{name}, asked about the outcome {shown(outcome)}, returned {shown(answer)}"
            raise Failed(Failure("raised", f"{text}; let it return True or False", ""))
        return bool(answer) is wanted

    return sought
