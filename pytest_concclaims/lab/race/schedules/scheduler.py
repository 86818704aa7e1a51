"""The scheduler: actors in real threads, of which one runs at a time, as a schedule says.

**Token.** The actor that runs has the *token*. At each switch point it counts a step. Where the schedule says so, it
hands the token to another actor and waits. The *watch* (``watch.py``) finds the switch points, and calls
:meth:`Scheduler.at_switch_point` in the actor's thread.

**Blocked.** Locks are the real ones. The thread that runs schedules looks at the actor with the token
(``waiting.py``). If that actor waits in the kernel, it is *blocked*, and the token goes to another one. A blocked
actor *wakes up* when its wait ends: it runs to its next switch point without the token, and waits for the token
there.

**Waking up.** An actor may release a lock and take it again at once. Whether another actor that waits for the lock
gets it in between must not depend on timing. So at each switch point, the actor with the token waits until the actors
that it has woken up are at their switch points. A thread that is woken up is runnable at once, so one look suffices
to see that an actor still is blocked.

**Loops.** An actor that waits for another one in a loop is never blocked. After ``MAX_TURN_STEPS`` steps, the token
goes to the next actor.

**Deadlocks.** All actors that have not ended wait, and no thread of the process can wake them up. A thread that
actors have started may be about to release what another one waits for, and so may the thread of an actor that has
ended. If two looks see each thread in the same wait, all of them did wait at one moment.
"""

from __future__ import annotations

import _thread
import bdb
import math
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import FrameType

from ....interpreter import FREE_THREADED_BUILD, PYPY
from ....records.interleaving import BLOCKED, PREEMPTED
from ...failure import Failed, Failure, is_own
from ...linux import load, sharpen_timers
from ...processes.signals import interrupts_held
from ...threads import DEADLOCKED, hang
from ..gates import LockGate, QueueGate
from .run import Run, Schedule, Span
from .waiting import Wait, Waits

#: Seconds between two looks at the actor with the token: at first, and at most while it makes steps. On PyPy, actors
#: wait for the GIL behind the thread that looks, which asks for it every 0.1 ms (RPython, src/thread_gil.c).
_LOOK_INTERVAL_S, _MAX_LOOK_INTERVAL_S = (2e-4, 4e-4) if PYPY else (5e-5, 2e-4)
#: Seconds between two looks at a blocked actor while it is checked whether it still is blocked.
_CHECK_INTERVAL_S = 2e-5
#: The longest wait for an actor that waits for time to pass, where a schedule hands it the token.
_TIMED_WAIT_S = 0.01
#: The longest wait where calls run one after the other, if something other than a later call may end it.
ORDER_WAIT_S = 0.2
#: Steps after which the token goes to the next actor: this one may wait in a loop for another one.
MAX_TURN_STEPS = 20_000
#: The longest wait for the end of an actor's thread.
_JOIN_S = 5.0

#: Takes an actor, and what happened to it at this moment.
Note = Callable[[int, str], None]


class Scheduler:
    """Runs actors under schedules.

    :param names: of the threads, for messages, such as ``actor put``.
    :param timeout: seconds after which actors that have not returned count as hanging; infinite if the user may stop
        an actor in a debugger.
    :param max_turn: steps after which the token goes to the next actor; None: ``MAX_TURN_STEPS``.
    :param waits: looks at what actors wait in; None: actors are threads of this process.
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
        self._max_turn = MAX_TURN_STEPS if max_turn is None else max_turn
        self._timeout = timeout
        #: Threads that existed before. One of them that waits wakes up no actor, unless it waits for time to pass.
        self._earlier_threads = _all_threads()
        self._had_timer = _has_timer()
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
        """Start the threads. Call :meth:`close` afterwards, even if this raises."""
        load()  # in the actors' threads it would delay their first steps
        with interrupts_held():  # after an interrupt here, a thread could run that does not count as started
            for thread in self._threads:
                thread.start()
        self._native_ids = [thread.native_id or 0 for thread in self._threads]

    def close(self) -> None:
        """End the threads, except for those that hang."""
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

        :param note: is called when an actor is preempted, is blocked, or ends.
        :param order: the actors whose calls run one after the other; no call is preempted then.
        :raises Failed: actors hang.
        """
        self._note = note or _no_note
        self._tasks = tasks
        self._begin(schedule, len(tasks), order)
        try:
            with self._mutex:
                to = self._choose()
            self._open_gate(to)
            self._await_actors()
        except BaseException as error:
            self._lost = isinstance(error, Failed)  # after other errors they end, as they wait for no token any more
            self._set_free()
            raise
        finally:
            self._tasks = ()
        run = self._run
        run.steps = self._step
        run.followed = run.followed and self._position == len(schedule)
        return run

    @property
    def is_lost(self) -> bool:
        """Return whether actors hang, or are in a deadlock."""
        return self._lost

    @property
    def is_recorded(self) -> bool:
        """Return whether the current run has a ``note``."""
        return self._note is not _no_note

    def stacks(self) -> str:
        """Return the stacks of actors that have not ended."""
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
        self._blocked: dict[int, Wait] = {}  # the blocked actors, and what each waits in
        self._slipped: set[int] = set()  # actors that woke up and ended before a switch point
        self._woken: dict[int, Wait] = {}  # actors that woke up and have not had the token since, and their waits
        self._finished = 0
        self._is_free = self._has_woken_up = False
        self._handing_over = [False] * actors
        self._last_waits: dict[int, Wait | None] = {}
        self._order = None if order is None else deque(order)
        #: The actors whose threads have yet to run once more after the end of all; None before.
        self._to_settle: list[int] | None = None

    # --- in the actors' threads

    def _work(self, me: int) -> None:
        sharpen_timers()
        while True:
            self._gates[me].wait()
            if self._closed:
                return
            if self._to_settle is not None:
                self._settle()
                continue
            if self._holder != me or me not in self._to_begin:  # the gate was left open
                continue
            self._to_begin.discard(me)
            self._handing_over[me] = False
            task = self._tasks[me]
            end = "returned"
            try:
                self._run.values[me] = task()
            except BaseException as error:  # noqa: BLE001  (it is an outcome, or ends the race)
                if self._lost:  # the run has failed, and this actor's process was ended
                    return
                self._run.raised.append((me, error))
                # A story does not name the lab's own exception: the evidence has its text.
                end = "failed" if isinstance(error, Failed) else f"raised {type(error).__name__}"
            del task  # and with it the state: its finalizers must not run in a later run
            self._end(me, end)

    def has_token(self, me: int) -> bool:
        """Return whether an actor may run. One that has just woken up may not."""
        return self._holder == me or self._is_free

    def at_switch_point(self, me: int) -> None:
        """Count a step; hand the token over if the schedule says so. Called in the actor's thread."""
        if self._holder != me and not self._wake_up(me):
            return
        if self._blocked or self._has_woken_up:
            self._await_woken(me)
        self._step = step = self._step + 1
        if step >= self._stop:
            self._depart(me, step)

    def note(self, me: int, event: str) -> None:
        """Note how an actor's call ended. Called in the actor's thread."""
        self._note(me, event)

    def between_calls(self, me: int) -> None:
        """Wait until it is the turn of the actor's next call. Called in the actor's thread."""
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
        """Wait until the actors that were woken up since the last switch point are at theirs."""
        self._handing_over[me] = True  # this thread may sleep or wait here, and is not blocked
        for other, wait in list(self._blocked.items()):
            if not self._waits.is_as_before(self._native_ids[other], wait):
                self._check_blocked(other)
        if self._has_woken_up:
            with self._mutex:
                self._has_woken_up = False
                self._give(me)  # it keeps the token, but could hand it to other actors from now on
        self._handing_over[me] = False

    def _wake_up(self, me: int) -> bool:
        """Wait for the token, after a block. Return False if the run has been cancelled."""
        with self._mutex:
            wait = self._blocked.pop(me, None)
            if self._holder is None and not self._is_free:
                self._give(me)
            elif self._holder is not None and self._holder != me:
                self._ready.add(me)
                if wait is not None:
                    self._woken[me] = wait
                self._has_woken_up = True
        return self._wait_for_token(me)

    def _wait_for_token(self, me: int) -> bool:
        while self._holder != me and not self._is_free:
            self._gates[me].wait()
            if me in self._blocked:  # in a finalizer, which ran before this thread took the token
                return self._wake_up(me)
        self._handing_over[me] = False
        return not self._is_free

    def _depart(self, me: int, step: int) -> None:
        """Hand the token over if the schedule says so, or if this actor has run for too many steps."""
        self._handing_over[me] = True  # this thread may sleep or wait here, and is not blocked
        to, self._position = self._due(step)
        if to is None:
            time.sleep(0)  # the GIL is handed over only here and where an actor waits
        elif to in self._blocked:
            self._await_time(to)
        with self._mutex:
            self._handing_over[me] = False
            if to is None:
                to = _following(me, self._ready)
                self._run.forced += to is not None
            elif to not in self._ready:
                wait = self._blocked.get(to)
                is_late = wait is not None and _may_end_by_itself(wait)
                self._run.impatient = self._run.impatient or is_late
                self._run.futile = self._run.futile or wait is not None or to in self._slipped
                # An actor that waits for another one was awake in the parent's run, so this run differs from it.
                self._run.followed = self._run.followed and (is_late or to in self._slipped)
                to = None
            if to is None:
                self._stop = self._next_stop()
                return
            self._note(me, PREEMPTED)
            self._ready.add(me)
            self._go_on(to)
        self._open_gate(to)
        self._wait_for_token(me)

    def _due(self, step: int) -> tuple[int | None, int]:
        """Return the actor to which the schedule hands over at a step, and the next position in the schedule."""
        if self._position < len(self._schedule) and self._schedule[self._position][0] == step:
            return self._schedule[self._position][1], self._position + 1
        return None, self._position

    def _await_time(self, other: int) -> None:
        """Wait a short time for a blocked actor that waits for time to pass."""
        end = time.perf_counter() + _TIMED_WAIT_S
        while other in self._blocked and time.perf_counter() < end:
            wait = self._waits.lasting(self._native_ids[other], _CHECK_INTERVAL_S)
            if wait is not None and not wait.timed:
                return
            time.sleep(_CHECK_INTERVAL_S)

    def _end(self, me: int, end: str) -> None:
        self._handing_over[me] = True
        with self._mutex:
            if self._blocked.pop(me, None) is not None:
                self._slipped.add(me)
        self._check_all_blocked()
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
            self._to_settle = [other for other in range(len(self._names)) if other != me and FREE_THREADED_BUILD]
            self._settle()

    def _settle(self) -> None:
        """Let each thread run once more, then report the end of all actors.

        On a free-threaded build, a thread runs the finalizers of the objects that it has made, also if another thread
        has dropped them (see ``ownership.py``).
        """
        with self._mutex:
            others = self._to_settle
            to = others.pop() if others else None
            self._to_settle = None if to is None else others
        self._open_gate(to)
        if to is None and others is not None:
            self._done.open()

    def _check_all_blocked(self) -> None:
        """Wait until each blocked actor has woken up, or is known to be blocked still."""
        if len(self._names) > 2:  # with two actors, there is no choice of the next one
            for other in list(self._blocked):
                self._check_blocked(other)

    def _check_blocked(self, other: int) -> None:
        """Wait until an actor has woken up, or is known to be blocked still."""
        thread = self._native_ids[other]
        while time.perf_counter() < self._deadline:
            known = self._blocked.get(other)
            if known is None or self._waits.is_as_before(thread, known):
                return
            wait = self._waits.lasting(thread, _CHECK_INTERVAL_S)
            if wait is None:
                time.sleep(_CHECK_INTERVAL_S)
                continue
            with self._mutex:
                if other in self._blocked:
                    self._blocked[other] = wait

    def _open_gate(self, actor: int | None) -> None:
        """Wake an actor up that has got the token. Call it without the mutex, for which the actor would wait."""
        if actor is not None:
            self._gates[actor].open()

    # --- with the mutex

    def _choose(self) -> int | None:
        """Give the token to an actor that can run, and return it. If none can, the first that wakes up takes it."""
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
        """Give the token to an actor that waits for it. Open its gate afterwards."""
        if self._is_free:
            return
        self._ready.discard(to)
        self._woken.pop(to, None)
        self._handing_over[to] = True  # until it takes the token
        self._give(to)

    def _give(self, to: int) -> None:
        self._stop = self._next_stop()
        may_wake_up = (actor for actor, wait in self._blocked.items() if _may_end_by_itself(wait))
        others = tuple(sorted({*self._ready, *may_wake_up} - {to}))
        self._run.spans.append(Span(self._step + 1, to, others))
        self._holder = to  # last: the actor may see it, and continue at once

    def _next_stop(self) -> int:
        limit = self._step + self._max_turn
        ahead = self._schedule[self._position :]  # read once: without a GIL, the position may change meanwhile
        return min(limit, ahead[0][0]) if ahead else limit

    # --- in the thread that runs schedules

    def _await_actors(self) -> None:
        """Wait for the end of all actors. If the one with the token is blocked, hand the token to another one."""
        pause = _LOOK_INTERVAL_S
        before: tuple[int | None, int, Wait | None] | None = None
        since = time.perf_counter()
        while not self._done.wait(pause):
            now = time.perf_counter()
            holder, step = self._holder, self._step
            if holder is None:
                # All may have ended while this thread waited for the GIL.
                if self._finished < len(self._names) and self._is_deadlock():
                    self._run.deadlock = self._lost = True
                    DEADLOCKED.update(self._threads[actor] for actor in self._blocked)
                    return
                pause = min(2 * pause, 1e-3)
            else:
                seen = holder, step, self._waits.of(self._native_ids[holder])
                if seen[2] is None or seen != before:
                    pause = min(2 * pause, _MAX_LOOK_INTERVAL_S) if seen[:2] != (before or seen)[:2] else pause
                    before, since = seen, now
                elif self._counts(holder, seen[2], now - since) and self._block(holder, step, seen[2], now - since):
                    pause, before = _LOOK_INTERVAL_S, None
            if now > self._deadline:
                raise Failed(self._hang())

    def _counts(self, holder: int, wait: Wait, seconds: float) -> bool:
        """Return whether an actor that has been in a wait for some seconds counts as blocked.

        Where calls run one after the other, it does if only a later call can end the wait, or if it lasts too long.
        """
        if self._order is None or seconds < wait.seconds:
            return seconds >= wait.seconds
        return seconds >= ORDER_WAIT_S or (not wait.timed and self._none_can_wake_up(holder))

    def _block(self, holder: int, step: int, wait: Wait, seconds: float) -> bool:
        """Hand the token of an actor over if it still waits. Return whether it does.

        :param seconds: for which it has waited.
        """
        self._check_all_blocked()
        with self._mutex:
            same = (self._holder, self._step) == (holder, step)
            if not same or self._is_handing_over(holder) or self._is_in_debugger(holder):
                return False
            # Before the last look: without a GIL, the actor may wake up just now, and would believe it has the token.
            self._holder = None
            if self._waits.of(self._native_ids[holder]) != wait:
                self._holder = holder
                return False
            self._note(holder, BLOCKED)
            self._run.blocks += 1
            self._run.outwaited = self._run.outwaited or (self._order is not None and seconds >= ORDER_WAIT_S)
            woken = [before for actor, before in self._woken.items() if actor in self._ready]
            self._run.contended = self._run.contended or any(wait.may_be_for_the_same(before) for before in woken)
            self._blocked[holder] = wait
            to = self._choose()
        self._open_gate(to)
        return True

    def _is_handing_over(self, actor: int) -> bool:
        """Return whether an actor's thread waits in the scheduler, and not in a finalizer that runs meanwhile."""
        if not self._handing_over[actor]:
            return False
        frame = self._frame_of(actor)
        return frame is None or is_own(frame.f_code.co_filename)

    def _is_in_debugger(self, actor: int) -> bool:
        """Return whether an actor has stopped in a debugger: it waits for the user, and not for another actor."""
        if self._timeout < math.inf:
            return False
        frame = self._frame_of(actor)
        while frame is not None and not isinstance(frame.f_locals.get("self"), bdb.Bdb):
            frame = frame.f_back
        return frame is not None

    def _frame_of(self, actor: int) -> FrameType | None:
        return sys._current_frames().get(self._threads[actor].ident or 0)  # noqa: SLF001  (documented)

    def _is_deadlock(self) -> bool:
        """Return whether the blocked actors wait for ever."""
        return self._none_can_wake_up()

    def _none_can_wake_up(self, *more: int) -> bool:
        """Return whether no thread can wake up an actor: two looks saw each in the same wait, which no time ends.

        :param more: actors that wait, besides the blocked ones.
        """
        if _has_timer() and not self._had_timer:  # its signal's handler may wake up an actor
            return False
        waits = self._waits.of_all([threading.get_native_id()])
        again, self._last_waits = waits == self._last_waits, waits
        waiting = {self._native_ids[actor] for actor in (*self._blocked, *more)}
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
        """Cancel the run: actors continue without a schedule, and those that have not begun do not begin."""
        with self._mutex:
            self._is_free = self._closed = True
            for gate in self._gates:
                gate.open()

    def _left(self) -> list[int]:
        return [actor for actor in range(len(self._names)) if actor == self._holder or actor in self._blocked]

    def _hang(self) -> Failure:
        left = self._left() or range(len(self._names))  # all have ended, but for a finalizer
        return hang({self._names[actor]: self._threads[actor] for actor in left}, self._timeout)


def _has_timer() -> bool:
    """Return whether a signal will come when a time has passed."""
    return hasattr(signal, "getitimer") and signal.getitimer(signal.ITIMER_REAL)[0] > 0


def _all_threads() -> set[int]:
    """Return the native ids of all threads; where they are not listed, of those that ``threading`` knows."""
    try:
        return set(map(int, os.listdir("/proc/self/task")))  # noqa: PTH208  (quick)
    except OSError:
        return {thread.native_id for thread in threading.enumerate() if thread.native_id is not None}


def _may_end_by_itself(wait: Wait) -> bool:
    """Return whether a wait may end although no other actor ends it, as far as is known."""
    return wait.timed or not wait.is_known


def _following(me: int, others: set[int]) -> int | None:
    """Return the actor that comes next after this one, in turns; None if there are no others."""
    return min(others, key=lambda other: (other < me, other), default=None)


def _no_note(actor: int, event: str) -> None:
    """Take no note."""
