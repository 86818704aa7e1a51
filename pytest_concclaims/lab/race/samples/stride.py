"""A stride: a pool of samples that the actors' threads go through together, and its outcomes."""

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


#: Seconds that setup, actors or observe may take of a stride before it is cut short.
PART_TIMEOUT_S = 0.02
#: The number of states of a stride that are checked for being fresh.
_CHECKED_STATES = 2048


def make_states(setup: Callable[[], Any], length: int, latest: Iterable[Any] = ()) -> list[Any]:
    """Return a number of fresh states, or as many as there is time for.

    :param latest: states that were made before.
    :raises Failed: ``setup`` has raised.
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
    check_fresh((*latest, *states[:_CHECKED_STATES]))  # of each stride, so it must not take long
    return states


class Halted(BaseException):
    """An actor has failed, and the stride is over."""


class Stride:
    """Samples, and the places where their actors' threads write down what happened.

    A window is a little larger than the actor: it holds the call and the return, at which threads are switched, too.
    Overlap is told by order, not by clocks: an actor that begins a sample writes down whether its neighbours
    have *finished* it. Two windows intersect if, and only if, each began before the other had finished. Of
    more than two actors, neighbours in a ring are compared, so that overlap is rather missed than invented.

    :param end: the clock's time at which it is cut short.
    """

    def __init__(self, subject: Subject, states: list[Any], end: float) -> None:
        self.subject = subject
        self.actors = subject.repeated_actors()
        self.states = states
        self.end = end
        self.halted = False
        #: Whether the one that decides has ended a rendezvous.
        self.stopped = False
        #: For what one thread alone is to do at the end.
        self.ending = threading.Lock()
        self.failure: Failure | None = None
        #: What actors leave behind in their processes, in words; None if nothing.
        self.leaves: str | None = None
        self.raised: dict[int, Any] = {}
        count, size = len(self.actors), len(states)
        self.values: list[list[object]] = [[None] * size for _ in range(count)]
        #: For each actor: whether its neighbour had not finished the sample when it began.
        self.next_open = [bytearray(size) for _ in range(count)]
        self.previous_open = [bytearray(size) for _ in range(count)]
        #: For each actor: the sample that it has finished last; in a cell of its own, as others look at it.
        self.finished = [[-1] for _ in range(count)]
        #: For each actor: how many samples it has done.
        self.done = [0] * count
        #: For each actor: how often a rendezvous did not come about in time.
        self.missed = [0] * count
        #: After more of these, the stride is cut short.
        self.max_missed = 4 + size // 16

    def cut_short(self) -> None:
        """Let all actors stop at the next opportunity; what is done counts."""
        self.end = 0.0

    def halt(self) -> None:
        """Let all actors stop at the next opportunity; the stride is void."""
        self.halted = True

    def note_exception(self, me: int, sample: int, error: BaseException) -> None:
        """Take an exception of an actor for the sample's outcome.

        :raises Halted: it is no outcome. An assertion that failed never is: it speaks of the claim itself.
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
        """Return the outcomes of the first samples that every actor has done, as many as there is time for.

        :raises Failed: ``observe`` has raised.
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


#: Samples between two polls, at most.
_MAX_SAMPLES_BETWEEN_POLLS = 16
#: A thread that polls again within these seconds is fast, and polls less often from then on.
_FAST_S = 0.002


class EndPoll:
    """A thread's polls for the end of its stride: the faster it gets on, the fewer.

    On a busy machine a single sample may take several time slices; on others, less time than a poll.
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
    """Of some samples, in order: the outcome, and whether (1) or not (0) two actors overlapped."""

    found: list[Hashable]
    overlapping: list[int]
