"""The conditions under which the questions of a race are answered, and the child processes for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..failure import Failed, Failure
from ..processes.forked import CAN_FORK, run_forked
from .child_end import caught, child_failure
from .experiment import Subject

_T = TypeVar("_T")
#: Seconds that a forked child gets beyond what it was given for its work, before it is killed.
GRACE_S = 5.0
#: Seconds after which actors without their locks count as hanging.
_BROKEN_S = 2.0


@dataclass(frozen=True)
class Conditions:
    """The conditions under which questions are answered.

    :param budget: seconds for each question.
    :param timeout: seconds that actors may take before they count as hanging.
    :param no_child: whether to do without a child where there could be one.
    :param portable: whether schedules switch threads at any instruction.
    :param failed_assertions: returns those of the claim that have failed in this process, in words. A failure that
        is caught in a child would be lost with the child.
    """

    budget: float
    timeout: float
    no_child: bool = False
    portable: bool = False
    failed_assertions: Callable[[], Sequence[str]] = tuple

    @property
    def in_process(self) -> bool:
        """Return whether all runs in this process."""
        return self.no_child or not CAN_FORK

    def timeout_of(self, subject: Subject) -> float:
        """Return the seconds after which a subject's actors count as hanging."""
        return min(self.timeout, _BROKEN_S) if subject.may_break else self.timeout

    def assertions_of(self, subject: Subject) -> Callable[[], Sequence[str]]:
        """Return what tells of the claim's failed assertions; of a subject that may break, nothing does."""
        return tuple if subject.may_break else self.failed_assertions

    def in_child(self, work: Callable[[], _T], subject: Subject, seconds: float, where: Callable[[], str]) -> _T:
        """Return what some work returns, in a child forked for it; where there is none, in this process.

        :param subject: on which it works.
        :param seconds: that it takes.
        :param where: returns what a child did last, in words.
        :raises Failed: it has, or the child came to no end; or an assertion of the claim failed in it and was caught.
        """
        if self.in_process:
            return work()
        heard = self.assertions_of(subject)

        def act() -> tuple[_T] | Failure:
            before = len(heard())
            try:
                done = work()
            except Failed as failed:
                return failed.failure
            return caught(heard()[before:]) or (done,)

        forked = run_forked(act, deadline=seconds + self.timeout_of(subject) + GRACE_S)
        result = child_failure(forked, where()) if forked.value is None else forked.value
        if isinstance(result, Failure):
            raise Failed(result)
        return result[0]
