"""Article, section 3.2: ``threading.Lock``."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pytest_concclaims import Lab

from .threads import PATIENCE, in_another_thread, in_threads


@pytest.mark.claim("A lock never released keeps every other thread out", source="article 3.2")
def test_a_lock_never_released_keeps_every_other_thread_out(lab: Lab) -> None:
    lock = threading.Lock()

    def take() -> bool:
        return lock.acquire(timeout=PATIENCE)

    def try_to_enter(number: int, barrier: threading.Barrier) -> bool:
        barrier.wait()  # all try at once
        return lock.acquire(timeout=0.2)

    lab.require(in_another_thread(take), "a thread can take the lock")
    entered = in_threads(3, try_to_enter)
    lock.release()
    lab.require(in_another_thread(take), "a thread can take the lock once it is released")
    lab.note(f"of 3 threads that tried for 0.2 s, {sum(entered)} entered; once it was released, one did")
    assert not any(entered)


def use_with(lock: threading.Lock) -> None:
    with lock:
        raise LookupError("the guarded section raises")


def use_try_finally(lock: threading.Lock) -> None:
    lock.acquire()
    try:
        raise LookupError("the guarded section raises")
    finally:
        lock.release()


def use_neither(lock: threading.Lock) -> None:
    lock.acquire()
    raise LookupError("the guarded section raises")
    lock.release()


def left_locked_by(section: Callable[[threading.Lock], None]) -> bool:
    """Return whether other threads are kept out after a guarded section has raised."""
    lock = threading.Lock()
    with pytest.raises(LookupError):
        section(lock)
    return not in_another_thread(lambda: lock.acquire(timeout=0))


GUARDS = {"try/finally": use_try_finally, "with": use_with}


@pytest.mark.parametrize("guard", GUARDS, ids=["try-finally", "with"])
@pytest.mark.claim("{guard} releases the lock even when the section raises", source="article 3.2")
def test_the_lock_is_released_even_when_the_section_raises(lab: Lab, guard: str) -> None:
    lab.require(left_locked_by(use_neither), "without try/finally and with, the lock stays locked")
    still_locked = left_locked_by(GUARDS[guard])
    lab.note(f"after the section raised, another thread was {'kept out' if still_locked else 'let in'}")
    assert not still_locked
