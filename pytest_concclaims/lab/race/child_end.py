"""What it means how a child ended."""

from __future__ import annotations

import re
import signal
from typing import Any

from ..failure import Failure, is_own
from ..processes.forked import Forked

_HEAD = "Fatal Python error"
#: In what faulthandler tells: a line into which another thread has written.
_MIXED = re.compile(r'""|File.* File|thread.*Thread 0x|^ *, line|in +in ', re.MULTILINE)
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
    stacks = _of_actors(forked.stacks)
    if forked.timed_out:
        return Failure("hang", f"nothing came back in time {where}", stacks)
    if forked.signal is None and forked.exit_code is None:
        return Failure("ended", f"the process ended, and it is not known how (is SIGCHLD ignored?), {where}", "")
    if forked.signal is None:
        return Failure("ended", f"the process was left with exit status {forked.exit_code} {where}", "")
    kind = "crash" if is_crash(forked.signal) else "ended"
    return Failure(kind, f"the process was ended by {_name(forked.signal)} {where}", stacks)


def _of_actors(stacks: str) -> str:
    """Return what faulthandler tells of threads that have called an actor, without what has called it there."""
    if stacks.count(_HEAD) > 1 or _MIXED.search(stacks):
        return "several threads crashed at the same moment, and wrote their stacks into one another; run it again\n"
    kept = []
    for block in stacks.split("\n\n"):
        lines = block.splitlines()
        lines = [line for line in lines if line.strip() != "File"]  # the process has ended in the middle of it
        calls = [line for line in lines if line.startswith('  File "')]
        own = next((number for number, line in enumerate(calls) if is_own(line.split('"')[1])), len(calls))
        if own or not calls:
            kept.append("\n".join([*(line for line in lines if line not in calls), *calls[:own]]))
    text = "\n\n".join(kept)
    return text if '  File "' in text else stacks  # it is no actor's


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
