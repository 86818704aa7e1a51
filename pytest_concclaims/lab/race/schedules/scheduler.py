"""Actors in real threads, of which one at a time goes on; a schedule says where another one does.

The actor that goes on has the *token*. At each switch point it counts a step; where the schedule says so, it hands
the token over and waits. Locks are the real ones: an actor with the token that waits in the kernel is *blocked*, and
the token goes to another. A blocked actor comes back by itself, at its next switch point, and waits for its turn.

What is a switch point, the *watch* says: it calls :meth:`Scheduler.at_switch_point` in the actor's thread.
"""

from __future__ import annotations

import _thread
import bdb
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from ...failure import Failed, Failure
from ...linux import load, sharpen_timers
from ...processes.signals import interrupts_held
from ...threads import DEADLOCKED, hang
from ..gates import LockGate, QueueGate
from .run import Run, Schedule, Span
from .waiting import Wait, Waits

#: Seconds between two looks at the actor that has the token, at first, and at most while it gets on.
_LOOK_INTERVAL_S, _MAX_LOOK_INTERVAL_S = 5e-5, 2e-4
#: Seconds between two looks at a blocked actor, when it is to be known whether it still is.
_SETTLE_INTERVAL_S = 2e-5
#: Seconds that an actor which waits for a moment in time is given to come back, where a schedule hands it the token.
_PATIENCE_S = 0.01
#: Seconds that one is given where calls go one after the other: what comes of its wait is its result.
ORDER_PATIENCE_S = 0.2
#: Steps after which an actor that waits in a loop for another one has to let that one go on.
MAX_TURN = 20_000
_JOIN_S = 5.0

#: What a story is told of: an actor, and what became of it at this moment.
Note = Callable[[int, str], None]


class Scheduler:
    """Runs actors under schedules.

    :param names: of the threads, for messages, such as ``actor put``.
    :param timeout: seconds after which actors that do not come back count as hanging; infinite where a person looks
        on, who may stop one in a debugger.
    :param max_turn: steps after which an actor that may wait in a loop for another one has to let that one go on.
    :param waits: looks at what actors wait in; by default, at these threads.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        gil: bool,
        timeout: float,
        max_turn: int | None = None,
        waits: Waits | None = None,
    ) -> None:
        self._names = names
        self._max_turn = MAX_TURN if max_turn is None else max_turn
        self._timeout = timeout
        #: Threads that were there before: they do not wake up actors while they wait, unless for time to pass.
        self._earlier_threads = _all_threads()
        self._waits = waits or Waits(gil=gil)
        self._mutex = _thread.allocate_lock()
        gate = LockGate if gil else QueueGate
        self._done = gate()
        self._gates = [gate() for _ in names]
        self._tasks: Sequence[Callable[[], object]] = ()
        self._closed = False
        self._native_ids = [0 for _ in names]
        self._lost = False
        self._note: Note = _no_note
        self._begin((), len(names))
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=name, daemon=True)
            for number, name in enumerate(names)
        ]

    def start(self) -> None:
        """Start the threads. The caller closes them afterwards, even if this raises."""
        load()  # in the actors' threads it would delay their first steps
        with interrupts_held():  # an interrupt would leave a thread that is not known to have started
            for thread in self._threads:
                thread.start()
        self._native_ids = [thread.native_id or 0 for thread in self._threads]

    def close(self) -> None:
        """End the threads; those that hang cannot be ended."""
        self._set_free()
        for thread in self._threads:
            if thread.is_alive() and not self._lost:
                thread.join(_JOIN_S)
        self._waits.close()

    def run(
        self,
        tasks: Sequence[Callable[[], object]],
        schedule: Schedule,
        note: Note | None = None,
        order: Sequence[int] | None = None,
    ) -> Run:
        """Run each task in its actor's thread, as a schedule says.

        :param note: is told what becomes of actors.
        :param order: which actor goes on at first, and after each call; within calls, none is stopped then.
        :raises Failed: actors hang.
        """
        self._note = note or _no_note
        self._tasks = tasks
        self._begin(schedule, len(tasks), order)
        try:
            with self._mutex:
                to = self._choose()
            self._open_gate(to)
            self._look_after_actors()
        except BaseException as error:
            self._lost = isinstance(error, Failed)  # else they end, as nothing holds them any more
            self._set_free()
            raise
        finally:
            run = self._run
            run.steps = self._step
        run.followed = run.followed and self._position == len(schedule)
        return run

    @property
    def is_lost(self) -> bool:
        """Return whether actors hang, or wait for each other for ever."""
        return self._lost

    @property
    def is_recorded(self) -> bool:
        """Return whether it is noted what becomes of actors."""
        return self._note is not _no_note

    def stacks(self) -> str:
        """Return what actors that have not ended call."""
        return self._hang().details

    def _begin(self, schedule: Schedule, actors: int, order: Sequence[int] | None = None) -> None:
        self._run = Run(schedule, [None] * actors)
        self._schedule = schedule
        self._position = 0
        self._step = 0
        self._stop = 0
        self._holder: int | None = None
        self._deadline = time.perf_counter() + self._timeout
        self._to_begin, self._ready = set(range(actors)), set(range(actors))
        self._blocked: dict[int, Wait] = {}  # what each waits in, as long as it is the same wait
        self._slipped: set[int] = set()  # those that were blocked, came back, and ended before a switch point
        self._woken: dict[int, Wait] = {}  # those that have come back and not gone on since, and from which wait
        self._finished = 0
        self._is_free = self._has_come_back = False
        self._handing_over = [False] * actors
        self._last_waits: dict[int, Wait | None] = {}
        self._order = None if order is None else deque(order)

    # --- in the actors' threads

    def _work(self, me: int) -> None:
        sharpen_timers()
        while True:
            self._gates[me].wait()
            if self._closed:
                return
            if self._holder != me or me not in self._to_begin:  # an earlier turn has left the gate open
                continue
            self._to_begin.discard(me)
            self._handing_over[me] = False
            task = self._tasks[me]
            end = "returned"
            try:
                self._run.values[me] = task()
            except BaseException as error:  # noqa: BLE001  (it is an outcome, or ends the race)
                if self._lost:  # it is over, and this one was ended with it
                    return
                self._run.raised.append((me, error))
                # Of the instruments' own exception, the evidence says what it is about.
                end = "failed" if isinstance(error, Failed) else f"raised {type(error).__name__}"
            self._end(me, end)

    def has_token(self, me: int) -> bool:
        """Return whether it is an actor's turn: it is not, when it comes back from a block."""
        return self._holder == me or self._is_free

    def at_switch_point(self, me: int) -> None:
        """Go on, or hand the token over and wait for it; called in the actor's thread."""
        if self._holder != me and not self._come_back(me):
            return
        if self._blocked or self._has_come_back:
            self._await_woken(me)
        self._step = step = self._step + 1
        if step >= self._stop:
            self._depart(me, step)

    def note(self, me: int, event: str) -> None:
        """Note what became of an actor's call; called in the actor's thread."""
        self._note(me, event)

    def between_calls(self, me: int) -> None:
        """Go on with the next call, or hand over to the actor whose call comes next; called in the actor's thread."""
        if self._order is None or self._holder != me:
            self.at_switch_point(me)
            return
        self._handing_over[me] = True
        with self._mutex:
            self._ready.add(me)
            to = self._choose()
        if to != me:
            self._open_gate(to)
        self._wait_for_token(me)

    def _await_woken(self, me: int) -> None:
        """Wait until blocked actors have come back that were woken up since the last switch point.

        Else it would be a matter of time who gets a lock that this actor lets go of and takes again. Who is woken up
        is runnable at once, so one look is enough to see that an actor is blocked as before.
        """
        self._handing_over[me] = True  # this thread may nap or wait here, and is not blocked
        for other, wait in list(self._blocked.items()):
            if not self._waits.is_as_before(self._native_ids[other], wait):
                self._settle(other)
        if self._has_come_back:
            with self._mutex:
                self._has_come_back = False
                self._give(me)  # it goes on, and could hand over to others from now on
        self._handing_over[me] = False

    def _come_back(self, me: int) -> bool:
        """Wait for the token, after a block; return whether there still is a schedule."""
        with self._mutex:
            wait = self._blocked.pop(me, None)
            if self._holder is None and not self._is_free:
                self._give(me)
            elif self._holder is not None and self._holder != me:
                self._ready.add(me)
                if wait is not None:
                    self._woken[me] = wait
                self._has_come_back = True
        return self._wait_for_token(me)

    def _wait_for_token(self, me: int) -> bool:
        while self._holder != me and not self._is_free:
            self._gates[me].wait()
        self._handing_over[me] = False
        return not self._is_free

    def _depart(self, me: int, step: int) -> None:
        """Hand over where the schedule says so, or where this actor has gone on for too long."""
        self._handing_over[me] = True  # this thread may nap or wait here, and is not blocked
        to, self._position = self._due(step)
        if to is None:
            time.sleep(0)  # the GIL is handed over only here and where an actor waits
        elif to in self._blocked:
            self._wait_for_moment(to)
        with self._mutex:
            self._handing_over[me] = False
            if to is None:
                to = _following(me, self._ready)
                self._run.forced += to is not None
            elif to not in self._ready:
                wait = self._blocked.get(to)
                is_late = wait is not None and _may_come_back(wait)
                self._run.impatient = self._run.impatient or is_late
                self._run.futile = self._run.futile or wait is not None or to in self._slipped
                # One that another actor has to wake up was awake where the schedule was made: it goes otherwise now.
                self._run.followed = self._run.followed and (is_late or to in self._slipped)
                to = None
            if to is None:
                self._stop = self._next_stop()
                return
            self._note(me, "preempted")
            self._ready.add(me)
            self._go_on(to)
        self._open_gate(to)
        self._wait_for_token(me)

    def _due(self, step: int) -> tuple[int | None, int]:
        """Return to which actor the schedule hands over at a step, and the next position in the schedule."""
        if self._position < len(self._schedule) and self._schedule[self._position][0] == step:
            return self._schedule[self._position][1], self._position + 1
        return None, self._position

    def _wait_for_moment(self, other: int) -> None:
        """Wait for a blocked actor that waits for a moment in time, if that comes soon."""
        end = time.perf_counter() + _PATIENCE_S
        while other in self._blocked and time.perf_counter() < end:
            wait = self._waits.lasting(self._native_ids[other], _SETTLE_INTERVAL_S)
            if wait is not None and not wait.timed:
                return
            time.sleep(_SETTLE_INTERVAL_S)

    def _end(self, me: int, end: str) -> None:
        self._handing_over[me] = True
        with self._mutex:
            if self._blocked.pop(me, None) is not None:
                self._slipped.add(me)
        self._settle_blocked()
        with self._mutex:
            self._handing_over[me] = False
            self._note(me, end)
            self._finished += 1
            is_last, to = self._finished == len(self._names), None
            if is_last:
                self._holder = None
            elif self._holder in (me, None):
                to = self._choose()
        self._open_gate(to)
        if is_last:
            self._done.open()

    def _settle_blocked(self) -> None:
        """Wait until each blocked actor has come back, or is known to be blocked still."""
        if len(self._names) > 2:  # else there is no choice between others
            for other in list(self._blocked):
                self._settle(other)

    def _settle(self, other: int) -> None:
        """Wait until an actor has come back, or is known to be blocked still."""
        thread = self._native_ids[other]
        while time.perf_counter() < self._deadline:
            known = self._blocked.get(other)
            if known is None or self._waits.is_as_before(thread, known):
                return
            wait = self._waits.lasting(thread, _SETTLE_INTERVAL_S)
            if wait is None:
                time.sleep(_SETTLE_INTERVAL_S)
                continue
            with self._mutex:
                if other in self._blocked:
                    self._blocked[other] = wait

    def _open_gate(self, actor: int | None) -> None:
        """Wake an actor up that has got the token: without the mutex, for which it would wait then."""
        if actor is not None:
            self._gates[actor].open()

    # --- with the mutex

    def _choose(self) -> int | None:
        """Let one of the actors go on that can, and return it; if none can, the first that comes back does."""
        if self._is_free:
            return None
        candidates = sorted(self._ready)
        if not candidates:
            self._holder = None
            return None
        to = candidates[0]
        if self._order is not None:
            to = self._order.popleft() if self._order and self._order[0] in candidates else to
        elif len(candidates) > 1:
            self._step += 1
            asked, self._position = self._due(self._step)
            if asked in candidates:
                to = asked
            elif asked is not None:
                self._run.followed = False
            others = tuple(other for other in candidates if other != to)
            self._run.spans.append(Span(self._step, to, others, choice=True))
        self._go_on(to)
        return to

    def _go_on(self, to: int) -> None:
        """Hand the token to an actor that waits for it; its gate is to be opened then."""
        if self._is_free:
            return
        self._ready.discard(to)
        self._woken.pop(to, None)
        self._handing_over[to] = True  # until it takes the token
        self._give(to)

    def _give(self, to: int) -> None:
        self._stop = self._next_stop()
        may_come_back = (actor for actor, wait in self._blocked.items() if _may_come_back(wait))
        others = tuple(sorted({*self._ready, *may_come_back} - {to}))
        self._run.spans.append(Span(self._step + 1, to, others))
        self._holder = to  # the last: it may be looking, and goes on at once

    def _next_stop(self) -> int:
        limit = self._step + self._max_turn
        ahead = self._schedule[self._position :]  # at once: without a GIL, the position may change meanwhile
        return min(limit, ahead[0][0]) if ahead else limit

    # --- in the thread that runs schedules

    def _look_after_actors(self) -> None:
        """Wait for the end of all actors; the token of one that is blocked goes to another."""
        pause = _LOOK_INTERVAL_S
        before: tuple[int | None, int, Wait | None] | None = None
        since = time.perf_counter()
        while not self._done.wait(pause):
            now = time.perf_counter()
            holder, step = self._holder, self._step
            if holder is None:
                if self._is_deadlock():
                    self._run.deadlock = self._lost = True
                    DEADLOCKED.update(self._threads[actor] for actor in self._blocked)
                    return
                pause = min(2 * pause, 1e-3)
            else:
                seen = holder, step, self._waits.of(self._native_ids[holder])
                if seen[2] is None or seen != before:
                    pause = min(2 * pause, _MAX_LOOK_INTERVAL_S) if seen[:2] != (before or seen)[:2] else pause
                    before, since = seen, now
                elif now - since >= self._patience_s(seen[2]) and self._block(holder, step, seen[2]):
                    pause, before = _LOOK_INTERVAL_S, None
            if now > self._deadline:
                raise Failed(self._hang())

    def _patience_s(self, wait: Wait) -> float:
        """Return how long an actor is to be in a wait before it counts as blocked."""
        return wait.seconds if self._order is None or not wait.timed else ORDER_PATIENCE_S

    def _block(self, holder: int, step: int, wait: Wait) -> bool:
        """Let another go on instead of an actor that is still blocked."""
        self._settle_blocked()
        with self._mutex:
            same = (self._holder, self._step) == (holder, step) and not self._handing_over[holder]
            if not same or self._is_in_debugger(holder):
                return False
            # Before the last look: without a GIL it may come back just now, and would take itself for the holder.
            self._holder = None
            if self._waits.of(self._native_ids[holder]) != wait:
                self._holder = holder
                return False
            self._note(holder, "blocked")
            self._run.blocks += 1
            self._run.outwaited = self._run.outwaited or (self._order is not None and wait.timed)
            woken = [before for actor, before in self._woken.items() if actor in self._ready]
            self._run.contended = self._run.contended or any(wait.may_be_for_the_same(before) for before in woken)
            self._blocked[holder] = wait
            to = self._choose()
        self._open_gate(to)
        return True

    def _is_in_debugger(self, actor: int) -> bool:
        """Return whether a person has stopped an actor: it waits for that one, and for no other actor."""
        if self._timeout < math.inf:
            return False
        frame = sys._current_frames().get(self._threads[actor].ident or 0)  # noqa: SLF001  (documented)
        while frame is not None and not isinstance(frame.f_locals.get("self"), bdb.Bdb):
            frame = frame.f_back
        return frame is not None

    def _is_deadlock(self) -> bool:
        """Return whether all threads wait, so that none is left that could wake another one up.

        Those that actors have started may be about to let go of what another waits for, and so may actors that ended.
        All of them do wait at one moment if each is in the same wait before it and after it.
        """
        waits = self._waits.of_all([threading.get_native_id()])
        again, self._last_waits = waits == self._last_waits, waits
        waiting = {self._native_ids[actor] for actor in list(self._blocked)}
        return (
            bool(waiting)
            and waiting <= waits.keys()
            and again
            and all(
                wait is not None and (wait.endless or (thread in self._earlier_threads and not wait.timed))
                for thread, wait in waits.items()
            )
        )

    def _set_free(self) -> None:
        """Let actors go on without a schedule, and such as have not begun not begin."""
        with self._mutex:
            self._is_free = self._closed = True
            for gate in self._gates:
                gate.open()

    def _left(self) -> list[int]:
        return [actor for actor in range(len(self._names)) if actor == self._holder or actor in self._blocked]

    def _hang(self) -> Failure:
        return hang({self._names[actor]: self._threads[actor] for actor in self._left()}, self._timeout)


def _all_threads() -> set[int]:
    return {thread.native_id for thread in threading.enumerate() if thread.native_id is not None}


def _may_come_back(wait: Wait) -> bool:
    """Return whether an actor may come back from a wait, as far as is known, though no other actor wakes it up."""
    return wait.timed or not wait.told


def _following(me: int, others: set[int]) -> int | None:
    """Return the next of some actors in turns; None if there are none."""
    return min(others, key=lambda other: (other < me, other), default=None)


def _no_note(actor: int, event: str) -> None:
    """Take no note."""
