"""The position of a child process in its work, in memory that outlives a crash of the child."""

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
_SIZE_BYTES = 1 << 16
#: They have the length of the content.
_HEADER_BYTES = 4


class Shared(Generic[_T]):
    """A value in shared memory that a forked child writes and its parent reads.

    :param value: the first value.
    """

    def __init__(self, value: _T) -> None:
        self._memory = mmap.mmap(-1, _SIZE_BYTES)
        self._first = value

    def write(self, value: _T) -> None:
        """Replace the value; by the first one if it is too large, such as a schedule with thousands of switches."""
        content = pickle.dumps(value)
        self._memory[:_HEADER_BYTES] = bytes(_HEADER_BYTES)  # until the content is complete
        if len(content) <= _SIZE_BYTES - _HEADER_BYTES:
            self._memory[_HEADER_BYTES : _HEADER_BYTES + len(content)] = content
            self._memory[:_HEADER_BYTES] = len(content).to_bytes(_HEADER_BYTES, "little")

    def read(self) -> _T:
        """Return the latest value."""
        length = int.from_bytes(self._memory[:_HEADER_BYTES], "little")
        if not length:
            return self._first
        content = self._memory[_HEADER_BYTES : _HEADER_BYTES + length]
        value: _T = pickle.loads(content)  # noqa: S301  (from our own child)
        return value


class Part(enum.IntEnum):
    """A part of a run under a schedule, or of a stride of samples."""

    SETUP = 0
    ACTORS = 1
    #: ``observe`` and the predicate.
    OUTCOMES = 2


def at_work(subject: Subject, part: Part) -> str:
    """Return the names of the functions that run in a part, for messages."""
    if part is Part.SETUP:
        return f"setup: {name_of(subject.setup)}"
    if part is Part.OUTCOMES:
        return f"observe: {name_of(subject.observe)}, or the predicate" if subject.observe else "the predicate"
    return ", ".join(name_of(actor) for actor in subject.actors)


@dataclass(frozen=True)
class AtStride:
    """The part of a stride that began last.

    :param strategy: the number of the stride's strategy.
    :param length: of the stride, in samples.
    :param samples: of the race or control, before the stride.
    :param overlapping: of these, the overlapping ones.
    """

    strategy: int
    part: Part
    length: int
    samples: int
    overlapping: int


class AtSchedule(NamedTuple):
    """The part of a schedule that began last; a named tuple, because three are written for each schedule.

    :param number: of the schedule, from 1.
    :param scenario: None without operations.
    """

    part: Part = Part.SETUP
    schedule: tuple[tuple[int, int], ...] = ()
    number: int = 0
    scenario: Scenario | None = None
