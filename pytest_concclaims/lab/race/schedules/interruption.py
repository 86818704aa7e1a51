"""An actor that a handler interrupts: at one of the actor's switch points, and in the actor's own thread.

There CPython runs signal handlers, and from 3.12 on the finalizers of what the garbage collector finds: where its
evaluation loop looks at the ``eval_breaker`` and, with a GIL, lets other threads run. PyPy does so before each
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
    """Runs an actor, whom a handler interrupts at the step that the schedule says.

    The first step is that the actor begins; each switch point of the actor is one. The handler is not interrupted.
    Without a schedule, the actor runs alone.

    :param names: of the actor and the handler, for messages.
    """

    def __init__(self, names: Sequence[str], *, gil: bool, timeout: float, max_turn: int | None = None) -> None:
        super().__init__(names[:1], gil=gil, timeout=timeout, max_turn=max_turn)
        #: The places that the actor has passed, and those of the latest time that it ran alone.
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
        """Run the actor and the handler, as a schedule says.

        :param order: which of them runs first; the other one comes after it.
        """
        self._handler = tasks[HANDLER]
        self._handled: object = None
        self._passed = []
        self._at = schedule[0][0] if schedule else math.inf

        def tell(_: int, event: str) -> None:
            if note is not None and event != BLOCKED:  # whether a sleep is noticed is a matter of time
                note(HANDLER if self._is_handling else ACTOR, event)

        work = partial(self._one_after_the_other, tasks[ACTOR], order or (ACTOR,))
        run = super().run([work], schedule, tell, order and (ACTOR,))
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
        """Return that it goes on; if it has slept, it takes the token back."""
        return self._holder == ACTOR or self._come_back(ACTOR)

    def at_switch_point(self, me: int) -> None:
        """Call the handler if the schedule says so; called in the actor's thread."""
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
        """Return what the actor returns."""
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
    """Return where the actor is in this thread."""
    frame = sys._getframe(2)  # noqa: SLF001  (documented)
    while is_own(frame.f_code.co_filename) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_code.co_firstlineno, frame.f_lasti
