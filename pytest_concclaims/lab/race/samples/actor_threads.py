"""The threads of the actors, which live as long as the race is sampled."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from queue import Empty

from ....interpreter import FREE_THREADED_BUILD
from ...affinity import usable_cores
from ...failure import Failed
from ...linux import sharpen_timers
from ...processes.signals import interrupts_held
from ...threads import hang
from ..gates import Channel
from .stride import Halted

Task = Callable[[], None]
#: Seconds between two checks of whether a thread has ended.
_JOIN_INTERVAL_S = 0.1
#: Seconds without an end of an actor after which the others are helped out.
_HELP_INTERVAL_S = 0.05


def _nothing(*_: object) -> None:
    """Do nothing."""


class ActorThreads:
    """Threads that run tasks at the same time.

    :param names: of the threads, for messages, such as ``actor put``.
    :param timeout: seconds after which an actor that has not finished a stride hangs.
    """

    def __init__(self, names: Sequence[str], *, timeout: float) -> None:
        self.names = names
        self.timeout = timeout
        self._inboxes: list[Channel[Task | None]] = [Channel() for _ in names]
        self._outbox: Channel[tuple[int, BaseException | None]] = Channel()
        self._hanging = False
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=name, daemon=True)
            for number, name in enumerate(names)
        ]

    def start(self) -> None:
        """Start the threads. The caller closes them, even if this raises."""
        with interrupts_held():  # after an interrupt, it would be unknown whether a thread has started
            for thread in self._threads:
                thread.start()

    def run(
        self, tasks: Sequence[Task], halt: Callable[[], None], help_out: Callable[[Collection[int]], None] = _nothing
    ) -> None:
        """Run a task in each thread and wait for all.

        :param halt: is called if an actor raised or hangs, before the others have ended.
        :param help_out: is called from time to time with the actors that have not ended.
        :raises Failed: a task did not end in time.
        """
        waiting = set(range(len(tasks)))
        try:  # from the first task on, because its actor may wait for one that gets no task after an interrupt
            for inbox, task in zip(self._inboxes, tasks):
                inbox.put(task)
            deadline = time.monotonic() + self.timeout
            while waiting:
                try:
                    number, error = self._outbox.get(timeout=_HELP_INTERVAL_S)
                except Empty:
                    if time.monotonic() > deadline:
                        raise
                    help_out(waiting)
                    continue
                waiting.discard(number)
                if error is not None and not isinstance(error, Halted):
                    raise error
        except Empty:
            self._hanging = True
            left = {self._threads[number].name: self._threads[number] for number in sorted(waiting)}
            raise Failed(hang(left, self.timeout)) from None
        finally:
            if waiting:
                halt()

    def settle(self) -> None:
        """Let each thread run once more: without a GIL, it runs finalizers then (see ``ownership.py``)."""
        if FREE_THREADED_BUILD:
            self.run([_nothing] * len(self._threads), _nothing)

    def close(self) -> None:
        """End the threads, unless they have ended or hang."""
        with interrupts_held():
            for inbox in self._inboxes:
                inbox.put(None)
            end = time.monotonic() + (0.0 if self._hanging else self.timeout)
            for thread, inbox in zip(self._threads, self._inboxes):
                while thread.is_alive() and time.monotonic() < end:
                    thread.join(_JOIN_INTERVAL_S)
                    inbox.put(None)  # again, because an interrupt in the middle of a put may leave a thread asleep

    # --- in the threads

    def _work(self, number: int) -> None:
        sharpen_timers()
        cores = sorted(usable_cores())
        if len(cores) >= len(self._threads):  # otherwise, threads that wake each other may share one core for long
            with suppress(OSError):  # a sandbox may forbid it
                os.sched_setaffinity(0, {cores[number]})  # of this thread alone
        while True:
            task = self._inboxes[number].get()
            if task is None:
                return
            error: BaseException | None = None
            try:
                task()
            except BaseException as raised:  # noqa: BLE001  (the caller of run raises it)
                error = raised
            del task  # finalizers of its states must not run in this thread in the middle of the next stride
            self._outbox.put((number, error))
            del error
