"""What can be asked of a race."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from .experiment import RaceFailed, name_of, raised, runs_nothing

_REPR_KEPT = 200


def shown(outcome: object) -> str:
    """Return an outcome's ``repr``, shortened; an exception type's name."""
    try:
        text = outcome.__name__ if isinstance(outcome, type) else repr(outcome)
    except Exception:  # noqa: BLE001  (a repr of somebody's own)
        text = f"<{type(outcome).__name__} without a repr>"
    return text if len(text) <= _REPR_KEPT else text[: _REPR_KEPT - 3] + "..."


class Crash:
    """The outcome of a sample that ends its process; :data:`CRASH` is the only one."""

    def __repr__(self) -> str:
        return "lab.CRASH"


#: The process is ended by a signal such as SIGSEGV.
CRASH = Crash()


@dataclass(frozen=True)
class Question:
    """What would settle a question alone, and how it was asked.

    :param asked: ``ever``, ``never`` or ``always``.
    :param words: what was asked about, for people.
    :param sought: whether an outcome is a witness.
    """

    asked: str
    words: str
    sought: Callable[[Hashable], bool]

    def answer(self, *, witnessed: bool) -> bool:
        """Return the answer, given whether what was sought exists."""
        return witnessed if self.asked == "ever" else not witnessed


def question(asked: str, about: Any, exceptions: tuple[type[BaseException], ...]) -> Question:
    """Return the question of a race's method.

    :param about: an outcome; or a predicate, which is a callable that is no class.
    :param exceptions: the exception types that are outcomes.
    :raises TypeError: an outcome that cannot be hashed cannot be an outcome.
    :raises ValueError: nothing can be equal to this; a class that is no outcome.
    """
    __tracebackhide__ = True
    if about is CRASH:
        return Question(asked, repr(CRASH), lambda outcome: outcome is CRASH)
    if callable(about) and not isinstance(about, type):
        name = name_of(about)
        if runs_nothing(about):
            raise TypeError(f"race.{asked}({name}): a call of a coroutine or generator function answers nothing")
        return Question(asked, name, _sought(about, name, wanted=asked != "always"))
    if isinstance(about, type) and about not in exceptions:
        name = about.__name__
        if issubclass(about, BaseException):
            raise ValueError(
                f"race.{asked}({name}): exceptions are outcomes only where the race asks for them: "
                f"lab.race(..., exceptions={name})"
            )
        raise ValueError(
            f"race.{asked}({name}): a class could be meant as a predicate or as an outcome; write "
            f"lambda outcome: isinstance(outcome, {name}), {name}(outcome) or outcome is {name}"
        )
    if isinstance(about, BaseException):
        name = type(about).__name__
        raise ValueError(f"race.{asked}({about!r}): an exception's type is the outcome; write race.{asked}({name})")
    try:
        hash(about)
    except TypeError:
        raise TypeError(
            f"race.{asked}({about!r}): this cannot be hashed, so it is no outcome; ask with a predicate"
        ) from None
    if not about == about:  # what is to be found out
        raise ValueError(f"race.{asked}({about!r}): this is not equal to itself; ask with a predicate")

    def is_it(outcome: Hashable) -> bool:
        return bool(outcome == about)

    words = shown(about)
    return Question(asked, words, _sought(is_it, f"the comparison with {words}", wanted=asked != "always"))


def _sought(predicate: Callable[[Any], object], name: str, *, wanted: bool) -> Callable[[Hashable], bool]:
    def sought(outcome: Hashable) -> bool:
        try:
            return bool(predicate(outcome)) is wanted
        except (Exception, SystemExit) as error:
            raise RaceFailed(raised(f"{name}, asked about the outcome {shown(outcome)},", error)) from error

    return sought
