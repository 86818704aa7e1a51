"""The strategy for actors in processes: they wait for each other before each sample, and then run freely."""

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
from ..isolation import Snapshots, snapshot_outside
from ..sharing import Snapshot
from .stride import PART_TIMEOUT_S, EndPoll, Stride, clock

#: How often a process polls the others before it yields its core: for about 0.2 ms.
_SPINS = 2_000


class _Rendezvous:
    """Which samples the processes have begun and finished, in shared memory."""

    def __init__(self, count: int, size: int) -> None:
        self._count = count
        self._begun: Any = RawArray("q", count)
        self._finished: Any = RawArray("q", count)
        #: The first sample that is not done: no process may be left waiting in one that another one does not do.
        self._limit: Any = RawValue("q", size)

    def begin(self, me: int, sample: int, *, is_over: bool) -> tuple[bool, bool] | None:
        """Wait for the others; return whether the next and the previous actor have yet to finish the sample.

        :param is_over: whether the caller wants no more samples; only the first process decides.
        :returns: None if the sample is not done.
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
        """Limit the number of samples."""
        self._limit.value = min(self._limit.value, size)

    def finish(self, me: int, sample: int) -> None:
        """Record that an actor has finished a sample."""
        self._finished[me] = sample + 1


def meet_in_processes(
    stride: Stride,
    names: Sequence[str],
    timeout: float,
    failed_assertions: Callable[[], Sequence[str]],
    snapshots: Snapshots | None,
) -> Sequence[int]:
    """Run a stride with each actor in a process of its own; return the samples that were done.

    :param names: of the actors, for messages.
    :param timeout: seconds after which an actor that has not finished the stride hangs.
    :param snapshots: of what actors can change outside of a state; None if side effects do not matter, because each
        stride has one sample.
    :raises Failed: an actor hung, ended its process, or raised an exception that is not an outcome.
    """
    rendezvous = _Rendezvous(len(names), len(stride.states))
    start = partial(ActorProcess, failed_assertions=failed_assertions)
    with ExitStack() as stack:
        processes = []
        for number, (name, function) in enumerate(zip(names, stride.actors)):
            before = None if snapshots is None else snapshots.of(number, function, stride.states[0])
            arguments = number, function, stride, rendezvous, snapshots is not None, before
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
    """Record what an actor's process has sent."""
    try:
        seen: Any = process.end(process.receive()).result()
        ends, next_open, previous_open, change = seen
        stride.side_effect = stride.side_effect or change
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
    rendezvous: _Rendezvous,
    is_checked: bool,
    before: Snapshot | None,
) -> None:
    """Call an actor with each state, in its process."""
    ends: list[End] = []
    next_open, previous_open = bytearray(), bytearray()
    change = None
    if is_checked and before is None:
        before = snapshot_outside(function, stride.subject.setup, stride.states[0])
    poll = EndPoll(stride)

    def call(state: Any, sample: int) -> object:
        try:
            return function(state)
        finally:
            rendezvous.finish(number, sample)

    for sample, state in enumerate(stride.states):
        met = rendezvous.begin(number, sample, is_over=sample > 0 and poll.over())
        if met is None:
            break
        if sample == 0:
            stride.end = clock() + PART_TIMEOUT_S  # the time to start the processes does not count
        ends.append(called(partial(call, state, sample), failed_assertions))
        next_open.append(met[0])
        previous_open.append(met[1])
        change = None if before is None else before.changed()
        if change is not None:  # it would affect the samples that follow
            rendezvous.end(sample + 1)
            break
    seen = ends, bytes(next_open), bytes(previous_open), change
    channel.send_bytes(packed(End(seen)))
