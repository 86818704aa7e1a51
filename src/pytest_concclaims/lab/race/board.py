"""What a race's child has come to, for the case that it crashes: in memory that outlives it."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass

_LAYOUT = struct.Struct("=?BQQ")


@dataclass(frozen=True)
class Position:
    """Which stride was the last to begin.

    :param of_control: whether it was the control's.
    :param strategy: the number of its strategy.
    :param samples: before it.
    :param overlapping: before it.
    """

    of_control: bool
    strategy: int
    samples: int
    overlapping: int


class Board:
    """Memory that a forked child writes to and its parent reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _LAYOUT.size)

    def write(self, position: Position) -> None:
        """Note where the sampling is."""
        fields = position.of_control, position.strategy, position.samples, position.overlapping
        _LAYOUT.pack_into(self._memory, 0, *fields)

    def read(self) -> Position:
        """Return where it was last."""
        return Position(*_LAYOUT.unpack_from(self._memory, 0))

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()
