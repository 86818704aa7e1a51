"""Article, section 3.2: ``threading.Lock``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import pytest

from pytest_concclaims import CPYTHON, Lab, gil_enabled

from .accounts import (
    RIGHT_BALANCE,
    Account,
    Room,
    alone_in,
    alone_with_the_lock,
    balance_of,
    change_by_5,
    change_by_5_with_a_call,
    change_by_8,
    change_by_8_with_a_call,
    pay_in_5_and_out_3,
    pay_in_5_and_out_3_with_the_lock,
    pay_in_8_and_out_7,
    pay_in_8_and_out_7_with_the_lock,
)
from .threads import WAIT_LIMIT_S, in_another_thread, in_threads


def is_wrong(balance: int) -> bool:
    return balance != 0


@pytest.mark.claim(
    "Two threads that add to and subtract from one balance without a lock leave it wrong", source="article 3.2"
)
@pytest.mark.refuted(
    CPYTHON and gil_enabled() and sys.version_info >= (3, 10),
    reason="since 3.10 CPython switches threads only at calls and at the ends of loops, and there is neither "
    "between the read and the write of this statement (Python/ceval.c, CHECK_EVAL_BREAKER)",
)
def test_two_threads_without_a_lock_leave_the_balance_wrong(lab: Lab) -> None:
    race = lab.race(
        Account,
        change_by_5,
        change_by_8,
        observe=balance_of,
        control=(change_by_5_with_a_call, change_by_8_with_a_call),
    )
    assert race.ever(is_wrong)


@pytest.mark.claim("Without a lock, threads lose updates: read, compute by a call, write", source="article 3.2")
def test_threads_lose_updates_without_a_lock(lab: Lab) -> None:
    race = lab.race(Account, change_by_5_with_a_call, change_by_8_with_a_call, observe=balance_of)
    assert race.ever(is_wrong)


@pytest.mark.claim("With a lock around it, the balance is always right", source="article 3.2")
def test_the_balance_is_always_right_with_a_lock(lab: Lab) -> None:
    race = lab.race(
        Account,
        pay_in_5_and_out_3_with_the_lock,
        pay_in_8_and_out_7_with_the_lock,
        observe=balance_of,
        control=(pay_in_5_and_out_3, pay_in_8_and_out_7),
    )
    assert race.always(RIGHT_BALANCE)


@pytest.mark.claim("Only the thread that holds the lock is inside the guarded section", source="article 3.2")
def test_only_the_thread_that_holds_the_lock_is_inside(lab: Lab) -> None:
    race = lab.race(Room, alone_with_the_lock, alone_with_the_lock, control=(alone_in, alone_in))
    assert race.always((True, True))


@pytest.mark.claim("A lock never released keeps every other thread out", source="article 3.2")
def test_a_lock_never_released_keeps_every_other_thread_out(lab: Lab) -> None:
    lock = threading.Lock()

    def take() -> bool:
        return lock.acquire(timeout=WAIT_LIMIT_S)

    def try_to_enter(number: int, barrier: threading.Barrier) -> bool:
        barrier.wait()  # all try at once
        return lock.acquire(timeout=0.1)

    lab.require(in_another_thread(take), "a thread can take the lock")
    entered = in_threads(3, try_to_enter)
    lock.release()
    lab.require(in_another_thread(take), "a thread can take the lock once it is released")
    lab.note(f"of 3 threads that tried for 0.1 s, {sum(entered)} entered; once it was released, one did")
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
