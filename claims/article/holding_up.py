"""What the claim about one process's busy thread needs: one that stays busy until somebody else has answered.

The module is imported by the process that the claim starts, so it imports nothing that would slow it.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from .processes import PATIENCE

#: How often the busy thread asks.
QUESTIONS = 20
#: Seconds for which it stays busy if no answer comes: of another process, and, where none is expected, of its own.
BUSY, BUSY_BESIDE_A_THREAD = 5.0, 0.05
#: A thread that wants the GIL asks for it after so many seconds: later than anybody here keeps it.
_NEVER = 1000.0


class Answering:
    """Somebody who answers questions, in memory that all can reach."""

    def __init__(self) -> None:
        self.question, self.answered, self.over = (multiprocessing.RawArray("b", 1) for _ in range(3))

    def go_on(self) -> None:
        """Answer each question, until it is over."""
        while not self.over[0]:
            self.answered[0] = self.question[0]
            time.sleep(1e-4)

    def answers_beside(self, busy: float) -> int:
        """Ask, and stay busy until the answer is there; return how many answers came."""
        for number in range(1, QUESTIONS + 1):
            time.sleep(0.001)  # here, others of this process may go on
            self.question[0] = number
            end = time.perf_counter() + busy
            while self.answered[0] != number:
                if time.perf_counter() > end:
                    return number - 1
        return QUESTIONS

    def wait_until_it_answers(self) -> None:
        """Ask, and wait for the answer without being busy; not for ever."""
        self.question[0] = QUESTIONS + 1
        end = time.monotonic() + PATIENCE
        while self.answered[0] != QUESTIONS + 1 and time.monotonic() < end:
            time.sleep(0.001)


class Answers(NamedTuple):
    """What came of questions by a thread that was busy until it had an answer.

    :param of_a_thread: how many answers came of another thread of the same process, while the busy one kept the GIL.
    :param of_a_process: how many came of a thread of another process, while it did so.
    :param of_a_process_gil_given_away: how many came of that other process when the busy thread gave the GIL away to
        whoever wanted it: fewer if nobody else gets a CPU for another reason, as with real-time scheduling.
    """

    of_a_thread: int
    of_a_process: int
    of_a_process_gil_given_away: int


def ask_while_busy() -> Answers:
    """Ask another thread, and another process: in an interpreter of one's own."""
    with _beside(threading.Thread) as thread, _switching_every(_NEVER):
        of_a_thread = thread.answers_beside(BUSY_BESIDE_A_THREAD)
    with _beside(multiprocessing.Process) as process:
        with _switching_every(_NEVER):
            of_a_process = process.answers_beside(BUSY)
        of_a_process_gil_given_away = process.answers_beside(BUSY)
    return Answers(of_a_thread, of_a_process, of_a_process_gil_given_away)


@contextmanager
def _switching_every(seconds: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _beside(kind: Callable[..., Any]) -> Iterator[Answering]:
    answering = Answering()
    other = kind(target=answering.go_on)
    other.start()
    try:
        answering.wait_until_it_answers()  # it runs now
        yield answering
    finally:
        answering.over[0] = 1
        other.join()
