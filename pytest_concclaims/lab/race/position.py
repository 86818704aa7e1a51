"""What a race's child has come to, for the case that it crashes: in memory that outlives it."""

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
    """Which stride was the last to begin.

    :param of_control: whether it was the control's.
    :param strategy: the number of its strategy.
    :param part: of the stride.
    :param length: of the stride, in samples.
    :param samples: before it.
    :param overlapping: before it.
    """

    of_control: bool
    strategy: int
    part: Part
    length: int
    samples: int
    overlapping: int


class Board:
    """Memory that a forked child writes to and its parent reads."""

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

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()
