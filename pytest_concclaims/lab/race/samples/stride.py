"""A stride: samples that the actors' threads go through together, and their outcomes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...failure import Failed, Failure, raised
from ..experiment import Subject
from ..outcome import check_fresh, check_state, exception_outcome, only, outcome_of

clock = time.perf_counter

#: Seconds after which a part of a stride (``setup``, actors or ``observe``) is cut short.
PART_TIMEOUT_S = 0.02
#: The number of states of a stride that are checked for being fresh.
_CHECKED_STATES = 2048


def make_states(setup: Callable[[], Any], length: int, latest: Iterable[Any] = ()) -> list[Any]:
    """Return fresh states, fewer than asked for if time is short.

    :param length: the number of states.
    :param latest: states that were made before.
    :raises Failed: ``setup`` raised, or returned None or a state twice.
    """
    states: list[Any] = []
    end = clock() + PART_TIMEOUT_S
    try:
        while len(states) < length and not (states and clock() > end):
            states.append(setup())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Failed(raised("setup", error)) from error
    check_state(states[0])
    check_fresh((*latest, *states[:_CHECKED_STATES]))  # not all, because this is done for each stride
    return states


class Halted(BaseException):
    """Ends an actor's task in a stride that is void, because an actor has failed."""


class Stride:
    """The samples of a stride, and the records that the actors' threads make of them.

    Overlap is detected by order, not by clocks: an actor that begins a sample records whether its neighbours have
    *finished* it. Two actors overlap if, and only if, each began before the other had finished. With more than two
    actors, only neighbours in a ring are compared, so that an overlap may be missed but is never invented. An
    actor's time includes its call and its return, where threads are also switched.

    :param end: the clock's time at which the stride is cut short.
    """

    def __init__(self, subject: Subject, states: list[Any], end: float) -> None:
        self.subject = subject
        self.actors = subject.repeated_actors()
        self.states = states
        self.end = end
        self.halted = False
        #: Whether the first actor has ended a rendezvous.
        self.stopped = False
        #: Guards the limit of a leapfrog.
        self.ending = threading.Lock()
        self.failure: Failure | None = None
        #: A phrase for what actors changed outside of the state, in their processes; None if nothing.
        self.side_effect: str | None = None
        self.raised: dict[int, Any] = {}
        count, size = len(self.actors), len(states)
        self.values: list[list[object]] = [[None] * size for _ in range(count)]
        #: For each actor: whether its neighbour had not finished the sample when it began.
        self.next_open = [bytearray(size) for _ in range(count)]
        self.previous_open = [bytearray(size) for _ in range(count)]
        #: For each actor: the sample that it finished last, in a list that other threads read.
        self.finished = [[-1] for _ in range(count)]
        #: For each actor: the number of samples that it has done.
        self.done = [0] * count
        #: For each actor: how often it had to sleep in a rendezvous, because another one was late.
        self.missed = [0] * count
        #: If an actor has more of these, the stride is cut short.
        self.max_missed = 4 + size // 16

    def cut_short(self) -> None:
        """Let all actors stop soon; the samples that are done count."""
        self.end = 0.0

    def halt(self) -> None:
        """Let all actors stop soon; the stride is void."""
        self.halted = True

    def note_exception(self, me: int, sample: int, error: BaseException) -> None:
        """Record an actor's exception as the outcome of a sample.

        :raises Halted: it is not an outcome.
        """
        try:
            outcome = exception_outcome(self.subject, me, error)
            only({outcome, self.raised.setdefault(sample, outcome)})
        except Failed as failed:
            if self.failure is None:
                self.failure = failed.failure
            self.halted = True
            raise Halted from error

    def outcomes(self, samples: Sequence[int]) -> Outcomes:
        """Return the outcomes of samples; of the first ones only, if time is short.

        :param samples: those that every actor has done.
        :raises Failed: ``observe`` raised.
        """
        found: list[Hashable] = []
        end = clock() + PART_TIMEOUT_S
        for sample in samples:
            values = [of_actor[sample] for of_actor in self.values]
            raised = self.raised.get(sample)
            found.append(outcome_of(self.subject, self.states[sample], values, ()) if raised is None else raised)
            if clock() > end:
                break
        overlaps = self._overlaps()
        return Outcomes(found, [overlaps[sample] for sample in samples[: len(found)]])

    def _overlaps(self) -> bytes:
        size, count, overlaps = len(self.states), len(self.actors), 0
        for me in range(count):
            mine = int.from_bytes(self.next_open[me], "little")
            overlaps |= mine & int.from_bytes(self.previous_open[(me + 1) % count], "little")
        return overlaps.to_bytes(size, "little")


#: The maximal number of samples between two polls.
_MAX_SAMPLES_BETWEEN_POLLS = 16
#: If a thread polls again within these seconds, it polls half as often from then on.
_FAST_S = 0.002


class EndPoll:
    """Polls whether a stride is over, less often in a fast thread.

    On a busy machine, one sample may take several time slices; otherwise it may take less time than a poll.
    """

    def __init__(self, stride: Stride) -> None:
        self._stride = stride
        self._latest = clock()
        #: Samples until the next poll.
        self.every = 1

    def over(self) -> bool:
        """Return whether to stop."""
        now = clock()
        self.every = min(self.every * 2, _MAX_SAMPLES_BETWEEN_POLLS) if now - self._latest < _FAST_S else 1
        self._latest = now
        return self._stride.halted or now > self._stride.end


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of samples, and for each whether (1) or not (0) two actors overlapped."""

    found: list[Hashable]
    overlapping: list[int]
