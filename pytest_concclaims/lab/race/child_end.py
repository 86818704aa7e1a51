"""What the end of a child means that did not return."""

from __future__ import annotations

import signal
from typing import Any

from ..failure import Failure
from ..processes.forked import Forked

_CRASHES = frozenset(
    getattr(signal, name)
    for name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
    if hasattr(signal, name)
)


def is_crash(number: int | None) -> bool:
    """Return whether a signal is that of a crash."""
    return number in _CRASHES


def child_failure(forked: Forked[Any], where: str) -> Failure:
    """Return what it means that a child did not return.

    :param where: what it did last, in words.
    """
    if forked.timed_out:
        return Failure("hang", f"nothing came back in time {where}", forked.stacks)
    if forked.signal is None and forked.exit_code is None:
        return Failure("ended", f"the process ended, and it is not known how (is SIGCHLD ignored?), {where}", "")
    if forked.signal is None:
        return Failure("ended", f"the process was left with exit status {forked.exit_code} {where}", "")
    kind = "crash" if is_crash(forked.signal) else "ended"
    return Failure(kind, f"the process was ended by {_name(forked.signal)} {where}", forked.stacks)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
