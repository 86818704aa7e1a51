"""The position of what runs in a child process: in memory that outlives a crash of the child."""

from __future__ import annotations

import enum
import mmap
import pickle
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from ..callables import name_of
from .experiment import Subject
from .scenarios import Scenario

_T = TypeVar("_T")
_SIZE = 1 << 16
_HEADER = 4  # bytes: the length of what follows


class Shared(Generic[_T]):
    """A value in memory that a forked child writes and its parent reads.

    :param value: what it is until another one is written.
    """

    def __init__(self, value: _T) -> None:
        self._memory = mmap.mmap(-1, _SIZE)
        self._first = value

    def write(self, value: _T) -> None:
        """Replace the value; by nothing if it is very large, such as a schedule with thousands of switches."""
        content = pickle.dumps(value)
        self._memory[:_HEADER] = bytes(_HEADER)  # until all of it is there
        if len(content) <= _SIZE - _HEADER:
            self._memory[_HEADER : _HEADER + len(content)] = content
            self._memory[:_HEADER] = len(content).to_bytes(_HEADER, "little")

    def read(self) -> _T:
        """Return the value that was written last."""
        length = int.from_bytes(self._memory[:_HEADER], "little")
        if not length:
            return self._first
        value: _T = pickle.loads(self._memory[_HEADER : _HEADER + length])  # noqa: S301  (our own child's)
        return value


class Part(enum.IntEnum):
    """A part of a run under a schedule, or of a stride of samples."""

    SETUP = 0
    ACTORS = 1
    #: Observing them, and asking the predicate about them.
    OUTCOMES = 2


def at_work(subject: Subject, part: Part) -> str:
    """Return which functions run in a part, in words."""
    if part is Part.SETUP:
        return f"setup: {name_of(subject.setup)}"
    if part is Part.OUTCOMES:
        return f"observe: {name_of(subject.observe)}, or the predicate" if subject.observe else "the predicate"
    return ", ".join(name_of(actor) for actor in subject.actors)


@dataclass(frozen=True)
class AtStride:
    """The part of a stride that was the last to begin.

    :param strategy: the number of the stride's strategy.
    :param length: of the stride, in samples.
    :param samples: of that side, before the stride.
    :param overlapping: of that side, before the stride.
    """

    strategy: int
    part: Part
    length: int
    samples: int
    overlapping: int


class AtSchedule(NamedTuple):
    """The part of a schedule that was the last to begin.

    A named tuple, as one is written three times for each schedule.

    :param number: of the schedule, from 1.
    :param scenario: of operations; None if there are none.
    """

    part: Part = Part.SETUP
    schedule: tuple[tuple[int, int], ...] = ()
    number: int = 0
    scenario: Scenario | None = None
