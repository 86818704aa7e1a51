"""Helpers of the claim about one process's busy thread: a thread that stays busy until another one has answered.

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

from .processes import WAIT_LIMIT_S

#: The number of questions that the busy thread asks.
QUESTIONS = 20
#: Seconds for which it stays busy without an answer: by another process, and by a thread of its own process.
BUSY_S, BUSY_BESIDE_A_THREAD_S = 5.0, 0.05
#: A switch interval in seconds that is longer than any thread here keeps the GIL.
_NEVER_S = 1000.0


class Answering:
    """A target that answers questions, in memory that all can reach."""

    def __init__(self) -> None:
        self.question, self.answered, self.over = (multiprocessing.RawArray("b", 1) for _ in range(3))

    def go_on(self) -> None:
        """Answer each question until ``over`` is set."""
        while not self.over[0]:
            self.answered[0] = self.question[0]
            time.sleep(1e-4)

    def answers_beside(self, busy: float) -> int:
        """Ask, and stay busy until the answer is there; return how many answers there were.

        :param busy: seconds to stay busy without an answer.
        """
        for number in range(1, QUESTIONS + 1):
            time.sleep(0.001)  # here, other threads of this process may run
            self.question[0] = number
            end = time.perf_counter() + busy
            while self.answered[0] != number:
                if time.perf_counter() > end:
                    return number - 1
        return QUESTIONS

    def wait_until_it_answers(self) -> None:
        """Ask, and wait for the answer without being busy; give up after a minute."""
        self.question[0] = QUESTIONS + 1
        end = time.monotonic() + WAIT_LIMIT_S
        while self.answered[0] != QUESTIONS + 1 and time.monotonic() < end:
            time.sleep(0.001)


class Answers(NamedTuple):
    """The numbers of answers to questions by a thread that was busy until it had an answer.

    :param of_a_thread: by another thread of the same process, while the busy one kept the GIL.
    :param of_a_process: by a thread of another process, while the busy one kept the GIL.
    :param of_a_process_gil_given_away: by that other process, while the busy thread released the GIL on request. They
        are fewer if other processes get no CPU for another reason, as with real-time scheduling.
    """

    of_a_thread: int
    of_a_process: int
    of_a_process_gil_given_away: int


def ask_while_busy() -> Answers:
    """Ask another thread, and another process; it needs a fresh interpreter."""
    with _beside(threading.Thread) as thread, _switching_every(_NEVER_S):
        of_a_thread = thread.answers_beside(BUSY_BESIDE_A_THREAD_S)
    with _beside(multiprocessing.Process) as process:
        with _switching_every(_NEVER_S):
            of_a_process = process.answers_beside(BUSY_S)
        of_a_process_gil_given_away = process.answers_beside(BUSY_S)
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
        answering.wait_until_it_answers()  # from here on it runs
        yield answering
    finally:
        answering.over[0] = 1
        other.join()
