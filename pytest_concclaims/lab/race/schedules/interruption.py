"""Interruptions: a handler runs at a switch point of an actor, in the actor's own thread.

CPython runs signal handlers there, and from 3.12 on the finalizers of garbage that the collector finds: where its
evaluation loop checks the ``eval_breaker`` and, with a GIL, lets other threads run. PyPy does so before each
instruction.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import partial

from ....records.interleaving import BLOCKED, PREEMPTED
from ...failure import is_own
from .run import Run, Schedule, Span
from .scheduler import Note, Scheduler

ACTOR, HANDLER = 0, 1


class Interruption(Scheduler):
    """Runs an actor, and a handler that interrupts it at the step that the schedule names.

    Step 1 is the begin of the actor; each of its switch points is another step. The handler is not interrupted.
    Without a schedule, the actor runs alone.

    :param names: of the actor and the handler, for messages.
    """

    def __init__(self, names: Sequence[str], *, gil: bool, timeout: float, max_turn: int | None = None) -> None:
        super().__init__(names[:1], gil=gil, timeout=timeout, max_turn=max_turn)
        #: The switch points that the actor has passed in this run, and those of the latest run without the handler.
        self._passed: list[tuple[str, int, int]] = []
        self._usual: list[tuple[str, int, int]] | None = None
        self._is_handling = False

    def run(
        self,
        tasks: Sequence[Callable[[], object]],
        schedule: Schedule,
        note: Note | None = None,
        order: Sequence[int] | None = None,
    ) -> Run:
        """Run the actor and the handler under a schedule.

        :param order: the two, one after the other, instead of an interruption.
        """
        self._handler = tasks[HANDLER]
        self._handled: object = None
        self._passed = []
        self._at = schedule[0][0] if schedule else math.inf

        def note_here(_: int, event: str) -> None:
            if note is not None and event != BLOCKED:  # whether a sleep is noticed depends on its length
                note(HANDLER if self._is_handling else ACTOR, event)

        work = partial(self._one_after_the_other, tasks[ACTOR], order or (ACTOR,))
        run = super().run([work], schedule, note_here, order and (ACTOR,))
        del self._handler  # and with it the state: its finalizers must not run in a later run
        if note is not None and run.deadlock:
            note(HANDLER if self._is_handling else ACTOR, BLOCKED)
        run.alone = order is None and not self._position
        if not run.alone:
            run.values.append(self._handled)
        run.spans = [Span(1, ACTOR, (), choice=True), Span(2, ACTOR, () if schedule else (HANDLER,))]
        if not schedule and order is None:
            self._usual = self._passed
        return run

    def has_token(self, me: int) -> bool:  # noqa: ARG002  (both are in one thread)
        """Return whether the actor may continue. An actor that has slept takes the token back first."""
        return self._holder == ACTOR or self._wake_up(ACTOR)

    def at_switch_point(self, me: int) -> None:
        """Call the handler if this is the schedule's step. Called in the actor's thread."""
        if not self.has_token(me) or self._is_handling:
            return
        self._step += 1
        if self._step > self._at:
            return
        self._passed.append(_place())
        if self._step == self._at:
            self._position = 1
            usual = self._usual
            self._run.followed = usual is None or self._passed == usual[: len(self._passed)]
            self._note(ACTOR, PREEMPTED)
            self._handle()

    def _one_after_the_other(self, actor: Callable[[], object], order: Sequence[int]) -> object:
        """Run the actor, and the handler if the order has it; return what the actor returns."""
        value = None
        self._step = 1
        for number in order:
            if number == HANDLER:
                self._handle()
            else:
                value = actor()
        return value

    def _handle(self) -> None:
        self._is_handling = True
        end = "returned"
        try:
            self._handled = self._handler()
        except BaseException as error:  # noqa: BLE001  (it is an outcome, or ends the experiment)
            self._run.raised.append((HANDLER, error))
            end = f"raised {type(error).__name__}"
        self._note(HANDLER, end)
        self._is_handling = False


def _place() -> tuple[str, int, int]:
    """Return the place in the actor's code: file, first line of the function, instruction."""
    frame = sys._getframe(2)  # noqa: SLF001  (documented)
    while is_own(frame.f_code.co_filename) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_code.co_firstlineno, frame.f_lasti
