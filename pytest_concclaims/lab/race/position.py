"""The position of the sampling in a child process: in memory that outlives a crash of the child."""

from __future__ import annotations

import enum
import mmap
import struct
from dataclasses import dataclass

_LAYOUT = struct.Struct("=?BBQQQ")


class Part(enum.IntEnum):
    """A part of a stride."""

    SETUP = 0
    ACTORS = 1
    #: Observing them, and asking the predicate about them.
    OUTCOMES = 2


@dataclass(frozen=True)
class Position:
    """The part of a stride that was the last to begin.

    :param of_control: whether it is a stride of the control.
    :param strategy: the number of the stride's strategy.
    :param length: of the stride, in samples.
    :param samples: of that side, before the stride.
    :param overlapping: of that side, before the stride.
    """

    of_control: bool
    strategy: int
    part: Part
    length: int
    samples: int
    overlapping: int


class SharedPosition:
    """The position in memory that a forked child writes and its parent reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _LAYOUT.size)

    def write(self, position: Position) -> None:
        """Note where the sampling is."""
        at = position
        fields = at.of_control, at.strategy, at.part, at.length, at.samples, at.overlapping
        _LAYOUT.pack_into(self._memory, 0, *fields)

    def read(self) -> Position:
        """Return where it was last."""
        of_control, strategy, part, *counts = _LAYOUT.unpack_from(self._memory, 0)
        return Position(of_control, strategy, Part(part), *counts)

    def __enter__(self) -> SharedPosition:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()
