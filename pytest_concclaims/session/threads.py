"""The threads of a claim: exceptions that end them, and those that the claim leaves running."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable
from contextlib import suppress

#: Seconds that threads of a claim have to end, once its teardown is over.
_JOIN_TIMEOUT_S = 5.0


def running_threads() -> frozenset[threading.Thread]:
    """Return the threads that run now, but for the one that asks."""
    return frozenset(threading.enumerate()) - {threading.current_thread()}


class LeftThreads:
    """The threads that the claims of a run have left running."""

    def __init__(self) -> None:
        self._threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()

    def add_those_of_a_claim(self, before: frozenset[threading.Thread]) -> str | None:
        """Wait for the threads that a claim has started; return, in words, which of them do not end.

        :param before: the threads that ran when the claim was called.
        """
        deadline = time.monotonic() + _JOIN_TIMEOUT_S
        for thread in running_threads() - before:
            with suppress(AssertionError, RuntimeError):  # a thread that Python did not start cannot be joined
                thread.join(max(0.0, deadline - time.monotonic()))
        left = running_threads() - before
        self._threads.update(left)
        if not left:
            return None
        return (
            f"the claim has left {_named(left)} running, and how that ends is not seen; join it before the claim "
            "returns, or let a fixture start it"
        )

    def of_earlier_claims(self) -> str | None:
        """Return, in words, which of them still run; None if none does."""
        left = [thread for thread in self._threads if thread.is_alive()]
        if not left:
            return None
        return (
            f"an earlier claim has left {_named(left)} running, and assertions that hold there cannot be told from "
            "this claim's; let that claim join it"
        )


def _named(threads: Iterable[threading.Thread]) -> str:
    names = sorted(repr(thread.name) for thread in threads)
    return f"thread{'' if len(names) == 1 else 's'} {', '.join(names)}"
