"""The story of a run: from what the scheduler has noted to the steps that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....records.interleaving import Step


@dataclass(frozen=True)
class Visit:
    """A stay of an actor on a line of a frame, as the scheduler notes it.

    :param file: the code's ``co_filename``.
    :param event: ``preempted``, ``blocked``, ``returned`` or ``raised ValueError``; None if it just went through.
    """

    actor: int
    file: str
    line: int
    event: str | None = None


def story(visits: Sequence[Visit]) -> list[Step]:
    """Return the steps of a run.

    :param visits: in the order in which they ran.
    """
    raise NotImplementedError
