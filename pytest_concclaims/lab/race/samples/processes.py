"""How processes meet on a sample: they run freely, each on its own core where there are enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from multiprocessing.sharedctypes import RawArray
from typing import Any

from ...failure import Failed, Failure
from ..actor_process import ActorProcess, called, packed
from .stride import Stride

#: How often a process looks for the others before it gives its core away: about 0.2 ms.
_SPINS = 2_000


class _Meeting:
    """Which of some processes have begun and finished, in memory that all share."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._begun: Any = RawArray("b", count)
        self._finished: Any = RawArray("b", count)

    def begin(self, me: int) -> tuple[bool, bool]:
        """Wait for the others; return whether the next and the previous one had not finished."""
        self._begun[me] = 1
        spins = 0
        while not all(self._begun):
            spins += 1
            if spins % _SPINS == 0:
                time.sleep(0)
        return not self._finished[(me + 1) % self._count], not self._finished[me - 1]

    def finish(self, me: int) -> None:
        """Note that one has finished."""
        self._finished[me] = 1


def meet_in_processes(
    stride: Stride, names: Sequence[str], timeout: float, failed_assertions: Callable[[], Sequence[str]]
) -> Sequence[int]:
    """Run the first sample of a stride with each actor in a process of its own; return the samples that were done.

    :param timeout: seconds after which actors that do not come back count as hanging.
    :raises Failed: one does not come back, or ended with its process.
    """
    meeting = _Meeting(len(names))
    start = partial(ActorProcess, failed_assertions=failed_assertions)
    with ExitStack() as stack:
        processes = []
        for number, (name, function) in enumerate(zip(names, stride.actors)):
            processes.append(start(name, _be_actor, number, function, stride.states[0], meeting))
            stack.callback(processes[-1].close)
            stack.callback(processes[-1].stop)
        left = {process.channel: number for number, process in enumerate(processes)}
        end = time.monotonic() + timeout
        while left:
            ready = wait_for_any(list(left), max(0.0, end - time.monotonic()))
            if not ready:
                late = " and ".join(names[number] for number in left.values())
                raise Failed(Failure("hang", f"{late} did not come back within {timeout:g} s", ""))
            for channel in ready:
                _take(stride, left.pop(channel), processes)  # type: ignore[call-overload]  # one of these
    return [0]


def _take(stride: Stride, number: int, processes: Sequence[ActorProcess]) -> None:
    """Note what an actor has come to."""
    message = processes[number].receive()
    stride.next_open[number][0], stride.previous_open[number][0] = message[0], message[1]
    try:
        stride.values[number][0] = processes[number].end(message[2:]).result()
    except Failed as failed:
        stride.failure = failed.failure
        raise
    except BaseException as error:  # noqa: BLE001  (SystemExit is one, too)
        stride.note_exception(number, 0, error)


def _be_actor(
    channel: Connection,
    failed_assertions: Callable[[], Sequence[str]],
    number: int,
    function: Callable[[Any], object],
    state: Any,
    meeting: _Meeting,
) -> None:
    """Call an actor, in its process."""
    met: list[bool] = []

    def call() -> object:
        met.extend(meeting.begin(number))
        try:
            return function(state)
        finally:
            meeting.finish(number)

    end = called(call, failed_assertions)
    channel.send_bytes(bytes(met) + packed(end))
