"""The conditions under which the questions of a race are answered, such as the budget, and their child processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

from ..failure import Failed, Failure
from ..processes.forked import CAN_FORK, objects_frozen, run_forked
from .child_end import caught, child_failure
from .experiment import Subject

_T = TypeVar("_T")
#: Seconds after the time for its work until a forked child is killed.
GRACE_S = 5.0
#: The timeout of actors without their locks.
_BROKEN_S = 2.0


@dataclass(frozen=True)
class Conditions:
    """The conditions under which questions are answered.

    :param budget: seconds for each question.
    :param timeout: seconds after which an actor that has not returned hangs.
    :param no_child: whether to run in this process even if it can be forked.
    :param portable: whether schedules switch threads at any instruction.
    :param failed_assertions: returns texts of the claim's assertions that have failed in this process. If a child
        catches such a failure, it would be lost with the child.
    """

    budget: float
    timeout: float
    no_child: bool = False
    portable: bool = False
    failed_assertions: Callable[[], Sequence[str]] = tuple

    @property
    def in_process(self) -> bool:
        """Whether everything runs in this process."""
        return self.no_child or not CAN_FORK

    def forking(self) -> AbstractContextManager[None]:
        """Return a context for all children that answer a question: each is forked faster in it."""
        return nullcontext() if self.in_process else objects_frozen()

    def timeout_of(self, subject: Subject) -> float:
        """Return the timeout for a subject's actors, in seconds."""
        return min(self.timeout, _BROKEN_S) if subject.may_break else self.timeout

    def assertions_of(self, subject: Subject) -> Callable[[], Sequence[str]]:
        """Return the function that lists failed assertions; for a subject that may break, one that lists none."""
        return tuple if subject.may_break else self.failed_assertions

    def in_child(
        self,
        work: Callable[[], _T],
        subject: Subject,
        seconds: float,
        where: Callable[[], str],
        progress: Callable[[], int],
    ) -> _T:
        """Call a function in a child forked for it, or in this process, and return what it returns.

        :param subject: that it runs.
        :param seconds: for its work.
        :param where: returns what the child did last, for messages.
        :param progress: as of :func:`run_forked`.
        :raises Failed: the function raised this, the child did not return, or it caught the failure of an
            assertion.
        """
        if self.in_process:
            return work()
        assertions = self.assertions_of(subject)

        def act() -> tuple[_T] | Failure:
            before = len(assertions())
            try:
                done = work()
            except Failed as failed:
                return failed.failure
            return caught(assertions()[before:]) or (done,)

        forked = run_forked(act, deadline=seconds + self.timeout_of(subject) + GRACE_S, progress=progress)
        result = child_failure(forked, where()) if forked.value is None else forked.value
        if isinstance(result, Failure):
            raise Failed(result)
        return result[0]
