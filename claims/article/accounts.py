"""Helpers of the claims about lost updates: a balance that two threads change, with a lock and without."""

from __future__ import annotations

import threading


class Account:
    """A balance, and a lock that may guard it."""

    def __init__(self) -> None:
        self.balance = 0
        self.lock = threading.Lock()


def balance_of(account: Account) -> int:
    return account.balance


# --- the sample's own operation: add an amount, and take it away again


def change_by_5(account: Account) -> None:
    account.balance = account.balance + 5
    account.balance = account.balance - 5


def change_by_8(account: Account) -> None:
    account.balance = account.balance + 8
    account.balance = account.balance - 8


# --- the same with a call between each read and write: every interpreter can switch threads there


def computed(balance: int) -> int:
    return balance


def change_by_5_with_a_call(account: Account) -> None:
    account.balance = computed(account.balance + 5)
    account.balance = computed(account.balance - 5)


def change_by_8_with_a_call(account: Account) -> None:
    account.balance = computed(account.balance + 8)
    account.balance = computed(account.balance - 8)


# --- two bookings that change the balance: one preemption within one of them is enough to lose an update


def pay_in_5_and_out_3(account: Account) -> None:
    account.balance = computed(account.balance + 5)
    account.balance = computed(account.balance - 3)


def pay_in_8_and_out_7(account: Account) -> None:
    account.balance = computed(account.balance + 8)
    account.balance = computed(account.balance - 7)


#: The balance after both.
RIGHT_BALANCE = 3


def pay_in_5_and_out_3_with_the_lock(account: Account) -> None:
    with account.lock:
        pay_in_5_and_out_3(account)


def pay_in_8_and_out_7_with_the_lock(account: Account) -> None:
    with account.lock:
        pay_in_8_and_out_7(account)


# --- a section that notices another thread in it


class Room:
    """A guarded section, and the last object that entered it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.occupant: object = None


def alone_in(room: Room) -> bool:
    """Stay in the room for a moment, and return whether no other thread entered it."""
    me = object()
    room.occupant = me
    return still_in(room) is me


def still_in(room: Room) -> object:
    return room.occupant


def alone_with_the_lock(room: Room) -> bool:
    with room.lock:
        return alone_in(room)
