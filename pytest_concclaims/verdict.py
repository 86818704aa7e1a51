"""The verdicts."""

from __future__ import annotations

import enum


class Verdict(enum.Enum):
    """How a claim ended."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"

    @property
    def word(self) -> str:
        """The verdict as it is shown to people, such as ``NOT APPLICABLE``."""
        return self.name.replace("_", " ")

    @property
    def reached(self) -> bool:
        """Whether the evidence decided: only these two say something about the statement."""
        return self in (Verdict.CONFIRMED, Verdict.REFUTED)


class Inconclusive(BaseException):
    """The evidence does not suffice for a verdict; the text says why.

    A ``BaseException``, as pytest's own outcomes are, so that a claim's ``except Exception`` does not
    swallow it.
    """


class NotApplicable(BaseException):
    """What a claim asks for does not exist here, such as subinterpreters; the text says what is missing.

    A ``BaseException`` for the same reason as :class:`Inconclusive`.
    """
