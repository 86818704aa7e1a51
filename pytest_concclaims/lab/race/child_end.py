"""What it means how a child ended, and what would be lost with it."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
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


def caught(failed_assertions: Sequence[str]) -> Failure | None:
    """Return the failure that assertions are which failed in a child and were caught; None if there are none."""
    for text in failed_assertions:
        what = f"an assertion failed in what the race runs, and the failure was caught: {text}"
        return Failure("raised", f"{what}; let it go", "")
    return None


def is_crash(number: int | None) -> bool:
    """Return whether a signal is that of a crash."""
    return number in _CRASHES


def child_failure(forked: Forked[Any], where: str) -> Failure:
    """Return what it means that a child did not return.

    :param where: what it did last, in words.
    """
    stacks = stacks_of_actors(forked.stacks)
    if forked.timed_out:
        return Failure("hang", f"nothing came back in time {where}", stacks)
    if forked.signal is None and forked.exit_code is None:
        return Failure("ended", f"the process ended, and it is not known how (is SIGCHLD ignored?), {where}", "")
    return _end(forked.signal, forked.exit_code, where, stacks)


def ended_by(exit_code: int | None, where: str, stacks: str) -> Failure:
    """Return what it means that a process ended on its own.

    :param exit_code: as of :attr:`multiprocessing.Process.exitcode`.
    :param where: what it did last, in words.
    :param stacks: what faulthandler has written.
    """
    number = None if exit_code is None or exit_code >= 0 else -exit_code
    return _end(number, exit_code, where, stacks_of_actors(stacks))


def _end(number: int | None, exit_code: int | None, where: str, stacks: str) -> Failure:
    if number is None:
        return Failure("ended", f"the process was left with exit status {exit_code} {where}", "")
    kind = "crash" if is_crash(number) else "ended"
    return Failure(kind, f"the process was ended by {_name(number)} {where}", stacks)


def stacks_of_actors(stacks: str) -> str:
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
