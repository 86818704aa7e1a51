"""How processes meet on the samples of a stride: all wait for each other before each sample, and then run freely."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from multiprocessing.sharedctypes import RawArray, RawValue
from typing import Any

from ...failure import Failed
from ...threads import hung
from ..actor_process import ActorProcess, End, called, packed
from ..isolation import Watches, left_behind_in
from ..sharing import Watch
from .stride import PART_TIMEOUT_S, EndPoll, Stride, clock

#: How often a process looks for the others before it gives its core away: about 0.2 ms.
_SPINS = 2_000


class _Meeting:
    """Which samples some processes have begun and finished, in memory that all share."""

    def __init__(self, count: int, size: int) -> None:
        self._count = count
        self._begun: Any = RawArray("q", count)
        self._finished: Any = RawArray("q", count)
        #: The sample that is not done any more: no process may be left in one to which another one does not come.
        self._limit: Any = RawValue("q", size)

    def begin(self, me: int, sample: int, *, is_over: bool) -> tuple[bool, bool] | None:
        """Wait for the others; return whether the next and the previous one had not finished; None at the end.

        :param is_over: whether no more samples are to be made; that of the first process decides.
        """
        if me == 0 and is_over:
            self._limit.value = sample
        self._begun[me] = sample + 1
        spins = 0
        while sample < self._limit.value and any(begun <= sample for begun in self._begun):
            spins += 1
            if spins % _SPINS == 0:
                time.sleep(0)
        if sample >= self._limit.value:
            return None
        return self._finished[(me + 1) % self._count] <= sample, self._finished[me - 1] <= sample

    def end(self, size: int) -> None:
        """Let there be no more samples than some."""
        self._limit.value = min(self._limit.value, size)

    def finish(self, me: int, sample: int) -> None:
        """Note that one has finished."""
        self._finished[me] = sample + 1


def meet_in_processes(
    stride: Stride,
    names: Sequence[str],
    timeout: float,
    failed_assertions: Callable[[], Sequence[str]],
    watches: Watches | None,
) -> Sequence[int]:
    """Run a stride with each actor in a process of its own; return the samples that were done.

    :param watches: over what actors can change besides a state; None of a stride with one state, if nothing depends
        on it.
    :param timeout: seconds after which actors that do not come back count as hanging.
    :raises Failed: one does not come back, or ended with its process, or has raised what is no outcome.
    """
    meeting = _Meeting(len(names), len(stride.states))
    start = partial(ActorProcess, failed_assertions=failed_assertions)
    with ExitStack() as stack:
        processes = []
        for number, (name, function) in enumerate(zip(names, stride.actors)):
            before = None if watches is None else watches.of(number, function, stride.states[0])
            arguments = number, function, stride, meeting, watches is not None, before
            processes.append(start(name, _be_actor, *arguments))
            stack.callback(processes[-1].close)
            stack.callback(processes[-1].stop)
        left = {process.channel: number for number, process in enumerate(processes)}
        end = time.monotonic() + timeout
        while left:
            ready = wait_for_any(list(left), max(0.0, end - time.monotonic()))
            if not ready:
                late = left.values()
                stacks = (processes[number].stacks() for number in late)
                raise Failed(hung([names[number] for number in late], timeout, stacks))
            for number in [left.pop(channel) for channel in [*left] if channel in ready]:
                _take(stride, number, processes[number])
    return range(min(stride.done))


def _take(stride: Stride, number: int, process: ActorProcess) -> None:
    """Note what an actor has come to."""
    try:
        seen: Any = process.end(process.receive()).result()
        ends, next_open, previous_open, change = seen
        stride.leaves = stride.leaves or change
        stride.done[number] = len(ends)
        stride.next_open[number][: len(ends)] = next_open
        stride.previous_open[number][: len(ends)] = previous_open
        for sample, end in enumerate(ends):
            _take_end(stride, number, sample, end)
    except Failed as failed:
        stride.failure = failed.failure
        raise


def _take_end(stride: Stride, number: int, sample: int, end: End) -> None:
    try:
        stride.values[number][sample] = end.result()
    except Failed:
        raise
    except BaseException as error:  # noqa: BLE001  (SystemExit is one, too)
        stride.note_exception(number, sample, error)


def _be_actor(
    channel: Connection,
    failed_assertions: Callable[[], Sequence[str]],
    number: int,
    function: Callable[[Any], object],
    stride: Stride,
    meeting: _Meeting,
    is_looked_at: bool,
    before: Watch | None,
) -> None:
    """Call an actor with one state after the other, in its process."""
    ends: list[End] = []
    next_open, previous_open = bytearray(), bytearray()
    change = None
    if is_looked_at and before is None:
        before = left_behind_in(function, stride.states[0])
    poll = EndPoll(stride)

    def call(state: Any, sample: int) -> object:
        try:
            return function(state)
        finally:
            meeting.finish(number, sample)

    for sample, state in enumerate(stride.states):
        met = meeting.begin(number, sample, is_over=sample > 0 and poll.over())
        if met is None:
            break
        if sample == 0:
            stride.end = clock() + PART_TIMEOUT_S  # what the start of the processes took is not the actors' time
        ends.append(called(partial(call, state, sample), failed_assertions))
        next_open.append(met[0])
        previous_open.append(met[1])
        change = None if before is None else before.changed()
        if change is not None:  # the states to come would find what this one has left behind
            meeting.end(sample + 1)
            break
    seen = ends, bytes(next_open), bytes(previous_open), change
    channel.send_bytes(packed(End(seen)))
