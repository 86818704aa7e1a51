"""The position of the sampling in a child process: in memory that outlives a crash of the child."""

from __future__ import annotations

import enum
import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

from ..callables import name_of
from .experiment import Subject
from .scenarios import Scenario

_LAYOUT = struct.Struct("=?BBQQQ")


class Part(enum.IntEnum):
    """A part of a stride."""

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


#: The part, the number of the schedule, and the number of its switches; then those.
_HEAD = struct.Struct("=BQH")
_SWITCH = struct.Struct("=QB")
_MOST_SWITCHES = 200
#: The number of threads of a scenario; then for each, how many calls it makes; then the numbers of these.
_MOST_BYTES = 64


class SharedSchedule:
    """The schedule that runs in a child process, in memory that outlives a crash of the child."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _HEAD.size + _MOST_SWITCHES * _SWITCH.size)
        self._scenario = mmap.mmap(-1, _MOST_BYTES)
        self._number = 0

    def begin_scenario(self, scenario: Scenario) -> None:
        """Note which scenario begins."""
        written = bytes([len(scenario), *map(len, scenario), *chain.from_iterable(scenario)])
        self._scenario[: len(written)] = written

    @property
    def scenario(self) -> Scenario | None:
        """The scenario that was the last to begin; None if there was none."""
        threads, *numbers = self._scenario[:]
        lengths, calls = numbers[:threads], iter(numbers[threads:])
        return tuple(tuple(islice(calls, length)) for length in lengths) or None

    def write(self, schedule: Sequence[tuple[int, int]], part: Part) -> None:
        """Note which part of a schedule begins."""
        if part is Part.SETUP:
            self._number += 1
            for index, switch in enumerate(schedule[:_MOST_SWITCHES]):
                _SWITCH.pack_into(self._memory, _HEAD.size + index * _SWITCH.size, *switch)
        _HEAD.pack_into(self._memory, 0, part, self._number, min(len(schedule), _MOST_SWITCHES))

    @property
    def part(self) -> Part:
        """The part that was the last to begin."""
        return Part(_HEAD.unpack_from(self._memory)[0])

    @property
    def number(self) -> int:
        """The number of the schedule, from 1."""
        return int(_HEAD.unpack_from(self._memory)[1])

    @property
    def schedule(self) -> tuple[tuple[int, int], ...]:
        """The schedule that was the last to begin."""
        count = _HEAD.unpack_from(self._memory)[2]
        return tuple(_SWITCH.unpack_from(self._memory, _HEAD.size + index * _SWITCH.size) for index in range(count))

    def where(self, subject: Subject) -> str:
        """Return what ran last, in words."""
        return f"while the {subject.name} ran ({at_work(subject, self.part)}; schedule {self.number:,})"
