"""Documentation, page "signal"."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import pytest

from pytest_concclaims import Lab

from . import handlers
from .objects import process
from .turns import two_threads

SOURCE = "docs: signal, signals and threads"

has_thread_signals = pytest.mark.skipif(
    not hasattr(signal, "pthread_kill"), reason="a thread cannot be sent a signal here"
)


@has_thread_signals
@pytest.mark.claim("A signal that another thread receives has its handler run in the main thread", source=SOURCE)
def test_a_handler_runs_in_the_main_thread(lab: Lab) -> None:
    child = lab.child(handlers.thread_of_the_handler)
    lab.require(not child.timed_out, "the handler runs")
    lab.note(f"the signal was sent to a thread; its handler ran in the {child.value} thread")
    assert child.value == "main"


@has_thread_signals
@pytest.mark.claim(
    "What a handler raises is raised in the main thread, although another thread receives the signal",
    source="docs: signal, execution of Python signal handlers",
)
def test_an_exception_of_a_handler_is_raised_in_the_main_thread(lab: Lab) -> None:
    child = lab.child(handlers.thread_of_the_exception)
    lab.require(not child.timed_out, "the exception is raised")
    lab.note(f"the exception was raised in the {child.value} thread")
    assert child.value == "main"


REFUSED = [
    pytest.param("signal()", lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL), id="signal"),
    pytest.param("set_wakeup_fd()", lambda: signal.set_wakeup_fd(-1), id="wakeup"),
]


@pytest.mark.parametrize(("text", "call"), REFUSED)
@pytest.mark.claim("{text} raises ValueError in all threads but the main one", source=SOURCE)
def test_only_the_main_thread_sets_handlers(lab: Lab, text: str, call: Callable[[], object]) -> None:
    with two_threads() as (thread, _), pytest.raises(ValueError) as raised:  # noqa: PT011  (the note has the text)
        thread(call)
    lab.note(f"it raised {raised.value!r}")


class Guarded:
    """An object with a lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def use(guarded: Guarded) -> None:
    with guarded.lock:
        process(guarded)


@pytest.mark.claim(
    "A signal handler that takes a threading.Lock can wait for ever: the thread that it interrupts has it",
    source=SOURCE,
)
def test_a_handler_that_takes_a_lock_can_wait_for_ever(lab: Lab) -> None:
    assert lab.interrupted(Guarded, use, use).ever(lab.DEADLOCK)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no timer that sends a signal here")
@pytest.mark.claim(
    "A long calculation in C is not interrupted: the handler runs when it has ended",
    source="docs: signal, execution of Python signal handlers",
)
def test_a_calculation_in_c_is_not_interrupted(lab: Lab) -> None:
    child = lab.child(handlers.progress_at_the_handler)
    lab.require(not child.timed_out, "the calculation ends")
    done, steps, seconds = child.value
    lab.require(seconds > 2 * handlers.TIMER_S, "the signal comes while it calculates")
    lab.note(
        f"a signal after {handlers.TIMER_S} s of a calculation of {seconds:.2f} s: when the handler ran, {done:,} of "
        f"its {steps:,} steps were done"
    )
    assert done == steps
