"""Actors in processes of their own, under the scheduler's token.

Each actor has a *proxy*: a thread of the scheduler that acts for the actor's process. The process asks its proxy at
switch points. Each question costs two switches between processes, so a process has a *credit*: the number of switch
points that it may pass without asking. The credit is in shared memory, so that the scheduler can take it away from a
process that is blocked.
"""

from __future__ import annotations

import gc
import pickle
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawArray
from typing import Any

from ....interpreter import PYPY
from ...failure import Failure
from ...threads import hung
from ..actor_process import START_METHOD, ActorProcess, End, called, packed
from ..isolation import Snapshots, reached_outside, snapshot_outside
from ..sharing import Snapshot
from .scheduler import Scheduler
from .switch_points import Grade
from .waiting import ProcessWaits, Wait
from .watch import Recording, Watch, watch

#: Messages of a process: it has begun, with its channel's descriptor; it is at a switch point; it is in another line;
#: what the watch noticed; how the actor ended.
_BEGUN, _POINT, _VISIT, _SEEN, _END = b"BPVSE"
#: Seconds for which all processes wait before that is a deadlock.
STILL_S = 0.3
#: The most states that are made at once, and the seconds after which no further one is begun.
_MAX_POOLED_STATES, _POOLING_S = 64, 0.02


class _Credits:
    """The credit of each process, in shared memory."""

    def __init__(self, count: int) -> None:
        self._cells: Any = RawArray("q", 2 * count)

    def give(self, number: int, credit: int) -> None:
        """Set the number of switch points that a process may pass."""
        self._cells[2 * number], self._cells[2 * number + 1] = credit, 1

    def take(self, number: int) -> None:
        """Make a process ask at its next switch point."""
        self._cells[2 * number + 1] = 0

    def left(self, number: int) -> int:
        """Return the unused credit of a process."""
        return int(self._cells[2 * number])

    def spend(self, number: int) -> bool:
        """Use one unit, in the process. Return False if it has to ask."""
        if not (self._cells[2 * number + 1] and self._cells[2 * number]):
            return False
        self._cells[2 * number] -= 1
        return True


class ProcessScheduler(Scheduler):
    """Schedules processes. Each of its threads is the proxy of one."""

    def __init__(self, names: Sequence[str], *, gil: bool, timeout: float, max_turn: int | None = None) -> None:
        self.waits = ProcessWaits(gil=gil)
        super().__init__(names, gil=gil, timeout=timeout, max_turn=max_turn, waits=self.waits)
        self.credits = _Credits(len(names))
        self._given = [0] * len(names)
        #: The waits of all threads in the latest look, and when they were first seen.
        self._still_waits: dict[int, Wait | None] = {}
        self._still_since = 0.0
        self._stacks = ""
        #: Returns the stacks of an actor's process, and ends the process.
        self.stacks_of: Callable[[int], str] = lambda _: ""

    def start(self) -> None:
        """Start the threads."""
        super().start()
        self.waits.own_threads = {*self._earlier_threads, *self._native_ids}

    def begin(self, me: int, process: int, channel: Connection) -> None:
        """Take a process as the actor's."""
        self.credits.give(me, 0)
        self._given[me] = 0
        self.waits.begin(process, channel)
        self._native_ids[me] = process

    def at_switch_point_of(self, me: int) -> None:
        """Count a switch point of a process, and wait for the token if it was handed over. Called in the proxy."""
        self.count_passed(me)
        self.at_switch_point(me)
        asks = self._blocked or self._has_woken_up or self.is_recorded
        self._given[me] = credit = 0 if asks else max(0, self._stop - self._step - 1)
        self.credits.give(me, credit)

    def count_passed(self, me: int) -> None:
        """Count the switch points that a process has passed without asking."""
        with self._mutex:
            left = self.credits.left(me)
            self._step += self._given[me] - left
            self._given[me] = left

    def _is_deadlock(self) -> bool:
        """Return whether all processes have waited for a while: an unknown process may wake one up."""
        is_still, now = self._none_can_wake_up(), time.perf_counter()
        if not is_still or self._last_waits != self._still_waits:
            self._still_waits, self._still_since = self._last_waits, now
        if not is_still or now - self._still_since < STILL_S:
            return False
        self._stacks = self._hang().details
        return True

    def stacks(self) -> str:
        """Return the stacks of the actors in a deadlock."""
        return self._stacks

    def _hang(self) -> Failure:
        self._lost = True  # reading the stacks ends the processes
        left = self._left()
        return hung([self._names[actor] for actor in left], self._timeout, map(self.stacks_of, left))

    def _block(self, holder: int, step: int, wait: Wait, seconds: float) -> bool:
        # If it wakes up just now, it has either passed a switch point, which is noticed, or asks at the next one.
        self.credits.take(holder)
        self.count_passed(holder)
        return super()._block(holder, step, wait, seconds)


class ProcessActors(Watch):
    """Calls actors in processes of their own, and watches them there.

    Starting processes takes longer than a schedule. So if states are isolated and actors leave nothing behind in
    their processes, several states are made at once, and the processes use one after the other.

    :param functions: ``setup``, the actors, and ``observe``.
    :param failed_assertions: returns the failed assertions of the claim in a process, as text.
    :param start_method: of :mod:`multiprocessing`.
    """

    def __init__(
        self,
        scheduler: ProcessScheduler,
        names: Sequence[str],
        functions: Sequence[Callable[..., Any] | None],
        failed_assertions: Callable[[], Sequence[str]],
        start_method: str = START_METHOD,
    ) -> None:
        super().__init__(lambda _: None, lambda _: True, Grade.PROCESSES)
        self._scheduler = scheduler
        scheduler.stacks_of = lambda actor: self._actors[actor].stacks()
        self._names = names
        self._functions = functions
        self._snapshots = Snapshots(functions[0], start_method)
        self._start = partial(ActorProcess, failed_assertions=failed_assertions, start_method=start_method)
        self._actors: list[ActorProcess] = []
        #: Processes of earlier runs, which are given time to exit.
        self._ending: list[ActorProcess] = []
        #: States for the next runs.
        self._states: deque[Any] = deque()
        self._latest: Any = None
        #: Whether states are isolated; None if unknown. And whether actors leave something behind.
        self._is_isolated: bool | None = None
        self._leaves_something = False

    def state(self, make: Callable[[], Any], *, pooled: bool) -> Any:
        """Return a fresh state.

        :param pooled: whether it may be one of several that were made at once.
        """
        if not pooled:
            self._end_pool()
        elif not self._states and self._can_pool():
            end = time.perf_counter() + _POOLING_S
            while len(self._states) < _MAX_POOLED_STATES and (not self._states or time.perf_counter() < end):
                self._states.append(make())
        state = self._states.popleft() if self._states else make()
        if self._latest is not None and self._is_isolated is None:
            self._is_isolated = reached_outside(self._functions, state, self._latest) is None
        self._latest = state
        return state

    def begin_run(self, functions: Sequence[Callable[[Any], object]], state: Any) -> None:
        """Start a process for each actor, unless they run already. Each waits until its actor is called."""
        if self._actors:
            return
        states, is_looked_at = [state, *self._states], self._is_isolated is not False
        for number, (name, function) in enumerate(zip(self._names, functions)):
            before = self._snapshots.of(number, function, state) if is_looked_at else None
            watched = self.recording is not None, is_looked_at, self._snapshots.setup, before
            arguments = number, function, states, self._scheduler.credits, *watched
            self._actors.append(self._start(name, _be_actor, *arguments))

    def call(self, actor: int, _: Callable[[Any], object], __: Any) -> object:
        """Let an actor's process continue, and return what the actor returns."""
        process = self._actors[actor]
        self._scheduler.begin(actor, process.pid, process.channel)
        process.go_on()
        return self._served(actor, process).result()

    def end_run(self) -> None:
        """End the processes of earlier runs, and those of this run unless the next one uses them."""
        for process in self._ending:
            process.close()
        self._ending = []
        if not self._states or self._leaves_something or any(process.is_at_work for process in self._actors):
            self._end_pool()

    def close(self) -> None:
        """End all processes."""
        self._end_pool()
        self.end_run()
        self._latest = None  # its finalizers run, such as that of a named semaphore
        if PYPY:
            gc.collect()

    def _can_pool(self) -> bool:
        return bool(self._is_isolated) and not (self._leaves_something or self.started_threads)

    def _end_pool(self) -> None:
        for process in self._actors:
            if process.is_at_work or self._states:
                process.stop()
        self._states.clear()
        self._ending, self._actors = [*self._ending, *self._actors], []

    def _served(self, actor: int, process: ActorProcess) -> End:
        """Answer a process until its actor ends. Called in the proxy."""
        while True:
            message = process.receive()
            kind, content = message[0], message[1:]
            if kind == _POINT:
                self._scheduler.at_switch_point_of(actor)
                process.channel.send_bytes(b"")
            elif kind == _VISIT and self.recording is not None:
                self.recording.seen(pickle.loads(content))  # noqa: S301  (our own process's)
            elif kind == _BEGUN:
                self._scheduler.waits.known(process.channel, int(content))
            elif kind == _SEEN:
                started_threads, unseen, lost_sight, change = pickle.loads(content)  # noqa: S301  (our own process's)
                self._leaves_something = self._leaves_something or change is not None
                self.started_threads = self.started_threads or started_threads
                self.unseen = self.unseen or unseen
                self.lost_sight = self.lost_sight or lost_sight
            elif kind == _END:
                self._scheduler.count_passed(actor)
                end = process.end(content, goes_on=bool(self._states))
                # If the process continues with another state, its other threads are not waited for.
                self._leaves_something = self._leaves_something or end.has_threads
                self.lost_sight = self.lost_sight or (end.has_threads and bool(self._states))
                return end


def _be_actor(
    channel: Connection,
    failed_assertions: Callable[[], Sequence[str]],
    number: int,
    function: Callable[[Any], object],
    states: Sequence[Any],
    credit: _Credits,
    recorded: bool,
    is_looked_at: bool,
    setup: Callable[..., Any] | None,
    before: Snapshot | None,
) -> None:
    """Call an actor with one state after the other. Runs in the actor's process."""

    def say(kind: int, content: bytes = b"") -> None:
        channel.send_bytes(bytes([kind]) + content)

    def at_switch_point(_: int) -> None:
        if not credit.spend(number):
            say(_POINT)
            channel.recv_bytes()

    looking = watch(at_switch_point, lambda _: True, Grade.PROCESSES)
    if recorded:
        looking.record(Recording(lambda visit: say(_VISIT, pickle.dumps(visit))))
    if is_looked_at and before is None:
        before = snapshot_outside(function, setup, states[0])
    say(_BEGUN, str(channel.fileno()).encode())
    for index, state in enumerate(states):
        channel.recv_bytes()
        end = called(partial(looking.call, number, function, state), failed_assertions)
        change = None if before is None else before.changed()
        say(_SEEN, pickle.dumps((looking.started_threads, looking.unseen, looking.lost_sight, change)))
        say(_END, packed(end, goes_on=index + 1 < len(states)))
    looking.close()
