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
#: They have the length of the content; after them come the part and the number of parts that have begun.
_LENGTH_BYTES = 4
_COUNT = slice(_LENGTH_BYTES + 1, _LENGTH_BYTES + 9)
_HEADER_BYTES = _COUNT.stop


class Part(enum.IntEnum):
    """A part of a run under a schedule, or of a stride of samples."""

    SETUP = 0
    ACTORS = 1
    #: ``observe`` and the predicate.
    OUTCOMES = 2
    #: The ``setup`` for an order of the calls, before and after schedules; and these calls, one after the other.
    SETUP_OF_ORDER = 3
    ORDER = 4


class Position(Generic[_T]):
    """A schedule or stride, and its part that began last: a forked child writes them, and its parent reads them.

    :param at: the first schedule or stride.
    """

    def __init__(self, at: _T) -> None:
        self._memory = mmap.mmap(-1, _SIZE_BYTES)
        self._first = at
        self._begun = 0
        self.begin(at)

    def begin(self, at: _T) -> None:
        """Begin with the setup; of the first schedule if this one is too large: it has thousands of switches."""
        content = pickle.dumps(at)
        self._memory[: _COUNT.start] = bytes(_COUNT.start)  # until the content is complete
        if len(content) <= _SIZE_BYTES - _HEADER_BYTES:
            self._memory[_HEADER_BYTES : _HEADER_BYTES + len(content)] = content
            self._memory[:_LENGTH_BYTES] = len(content).to_bytes(_LENGTH_BYTES, "little")
        self._count()

    def enter(self, part: Part) -> None:
        """Begin with another part."""
        self._memory[_LENGTH_BYTES] = part
        self._count()

    def _count(self) -> None:
        self._begun += 1
        self._memory[_COUNT] = self._begun.to_bytes(_COUNT.stop - _COUNT.start, "little")

    def begun(self) -> int:
        """Return the number of parts that have begun."""
        return int.from_bytes(self._memory[_COUNT], "little")

    def read(self) -> tuple[_T, Part]:
        """Return the schedule or stride that began last, and its part that did."""
        length = int.from_bytes(self._memory[:_LENGTH_BYTES], "little")
        if not length:
            return self._first, Part.SETUP
        content = self._memory[_HEADER_BYTES : _HEADER_BYTES + length]
        at: _T = pickle.loads(content)  # noqa: S301  (from our own child)
        return at, Part(self._memory[_LENGTH_BYTES])


def at_work(subject: Subject, part: Part) -> str:
    """Return the names of the functions that run in a part, for messages."""
    if part in (Part.SETUP, Part.SETUP_OF_ORDER):
        return f"setup: {name_of(subject.setup)}"
    if part is Part.OUTCOMES:
        return f"observe: {name_of(subject.observe)}, or the predicate" if subject.observe else "the predicate"
    names = ", ".join(name_of(actor) for actor in subject.actors)
    return f"one call after the other: {names}" if part is Part.ORDER else names


@dataclass(frozen=True)
class AtStride:
    """A stride.

    :param strategy: the number of the stride's strategy.
    :param length: of the stride, in samples.
    :param samples: of the race or control, before the stride.
    :param overlapping: of these, the overlapping ones.
    """

    strategy: int
    length: int
    samples: int
    overlapping: int


class AtSchedule(NamedTuple):
    """A schedule; a named tuple, because that is written faster.

    :param number: of the schedule, from 1.
    :param scenario: None without operations.
    """

    schedule: tuple[tuple[int, int], ...] = ()
    number: int = 0
    scenario: Scenario | None = None
