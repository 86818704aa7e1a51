"""How threads are made to meet, chosen for the interpreter and the machine."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Meeting(enum.Enum):
    """How the actors of a stride come together on its samples."""

    #: Each runs down the stride as it can; the most samples, and no measure of their overlap.
    DRIFT = "free drift"
    #: One runs down the stride; the others do the sample at which they find it, whenever they get to run.
    CHASE = "chase"
    #: Each does the sample that another one is at, and leads where there is none ahead.
    LEAPFROG = "leapfrog"
    #: All wait for each other before each sample.
    RENDEZVOUS = "spin rendezvous"
    #: Each waits for the one before it to have done the sample: no race at all.
    ONE_BY_ONE = "one by one"


@dataclass(frozen=True)
class Strategy:
    """A way to have threads meet.

    :param switch_interval: seconds, for ``sys.setswitchinterval``; None where there is no GIL to ask for.
    :param pinned: whether each thread is kept on a CPU of its own.
    :param nap: seconds that a chaser sleeps between two samples.
    :param staggered: whether actors begin a sample at random moments within the time that one takes: a window late
        in one actor and early in another never meet if both begin at once.
    :param jit: on PyPy: whether its compiler is on.
    """

    meeting: Meeting
    switch_interval: float | None = None
    pinned: bool = False
    nap: float = 0.0
    staggered: bool = False
    jit: bool | None = None

    @property
    def name(self) -> str:
        """The strategy in words."""
        words = [self.meeting.value]
        if self.switch_interval is not None:
            words.append(f"switch interval {self.switch_interval:g} s")
        if self.pinned:
            words.append("pinned")
        if self.nap:
            words.append(f"naps of {self.nap:g} s")
        if self.staggered:
            words.append("staggered")
        if self.jit is not None:
            words.append(f"JIT {'on' if self.jit else 'off'}")
        return ", ".join(words)


@dataclass(frozen=True)
class Conditions:
    """What the choice depends on.

    :param gil: whether there is a GIL in force.
    :param cores: how many threads can run at once: usable CPUs, or less by a quota.
    :param can_pin: whether threads can be kept on CPUs.
    :param jit: whether there is a compiler that may be turned off: PyPy, in a process of the race's own.
    """

    gil: bool
    cores: int
    can_pin: bool = False
    jit: bool = False
    pypy: bool = False


def rotation(conditions: Conditions, actors: int) -> tuple[Strategy, ...]:
    """Return the strategies to take in turns, the one that finds most first.

    What was measured for the choice is in ``benchmarks/race.py`` and docs/race.md.
    """
    pin = conditions.can_pin and conditions.cores >= actors
    # Without pinning, some are the same.
    return tuple(dict.fromkeys(_rotation(conditions, actors, pin=pin)))


def _rotation(conditions: Conditions, actors: int, *, pin: bool) -> tuple[Strategy, ...]:
    if not conditions.gil:
        return _without_gil(conditions, actors, pin=pin)
    if conditions.pypy:
        return _pypy(conditions, pin=pin)
    if conditions.cores < 2:
        # On one core a thread that asks for the GIL must sleep to let the other one run at all.
        return (
            Strategy(Meeting.CHASE, 2e-5, nap=1e-4),
            Strategy(Meeting.CHASE, 2e-4, nap=1e-4),
            Strategy(Meeting.CHASE, 2e-5, nap=3e-5),
            Strategy(Meeting.DRIFT, 2e-4),
        )
    # Both: unpinned threads may find themselves on one core for long, and pinned ones wait for a core that is busy.
    return (
        Strategy(Meeting.LEAPFROG, 1e-6),
        Strategy(Meeting.CHASE, 1e-6, pinned=pin),
        Strategy(Meeting.LEAPFROG, 1e-5, pinned=pin),
        Strategy(Meeting.DRIFT, 1e-4),
    )


def _without_gil(conditions: Conditions, actors: int, *, pin: bool) -> tuple[Strategy, ...]:
    if conditions.cores < actors:
        return (
            Strategy(Meeting.CHASE, nap=1e-4),
            Strategy(Meeting.CHASE, nap=2e-5),
            Strategy(Meeting.LEAPFROG),
        )
    return (
        Strategy(Meeting.RENDEZVOUS, pinned=pin),
        Strategy(Meeting.LEAPFROG),
        Strategy(Meeting.RENDEZVOUS, staggered=True),
        Strategy(Meeting.LEAPFROG, pinned=pin),
        Strategy(Meeting.DRIFT),
    )


def _pypy(conditions: Conditions, *, pin: bool) -> tuple[Strategy, ...]:
    """PyPy's compiled code hands the GIL over at the ends of loops only; interpreted, it does so anywhere."""
    if not conditions.jit:
        return (
            Strategy(Meeting.LEAPFROG, 2e-5, pinned=pin),
            Strategy(Meeting.CHASE, 1e-4, pinned=pin),
            Strategy(Meeting.LEAPFROG, 1e-4, pinned=pin),
        )
    return (
        Strategy(Meeting.LEAPFROG, 1e-4, pinned=pin, jit=False),
        Strategy(Meeting.LEAPFROG, 2e-5, pinned=pin, jit=False),
        Strategy(Meeting.CHASE, 1e-4, pinned=pin, jit=False),
        Strategy(Meeting.LEAPFROG, 1e-4, jit=False),
        Strategy(Meeting.LEAPFROG, 1e-5, pinned=pin, jit=True),
    )
