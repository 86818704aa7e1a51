"""The end of a child process: its failure, its stacks, and the failed assertions that it caught."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from typing import Any

from ..failure import Failure, is_own
from ..processes.forked import Forked

_HEAD = "Fatal Python error"
#: In the output of faulthandler: a line into which another thread has written.
_MIXED = re.compile(r'""|File.* File|thread.*Thread 0x|^ *, line|in +in ', re.MULTILINE)
_CRASHES = frozenset(
    getattr(signal, name)
    for name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
    if hasattr(signal, name)
)


def caught(failed_assertions: Sequence[str]) -> Failure | None:
    """Return the failure for assertions that failed in a child and were caught there; None if there are none."""
    if not failed_assertions:
        return None
    text = f"an assertion failed in the race's code, which caught the AssertionError: {failed_assertions[0]}"
    return Failure("raised", f"{text}; do not catch it", "")


def is_crash(number: int | None) -> bool:
    """Return whether a signal is one of a crash."""
    return number in _CRASHES


def child_failure(forked: Forked[Any], where: str) -> Failure:
    """Return the failure of a child that did not return.

    :param where: what it did last, for the message.
    """
    stacks = stacks_of_actors(forked.stacks)
    if forked.timed_out:
        return Failure("hang", f"the process did not finish in time {where}", stacks)
    if forked.signal is None and forked.exit_code is None:
        return Failure("ended", f"the process ended in an unknown way (is SIGCHLD ignored?) {where}", "")
    return _end(forked.signal, forked.exit_code, where, stacks)


def ended_by(exit_code: int | None, where: str, stacks: str) -> Failure:
    """Return the failure of a process that ended by itself.

    :param exit_code: as of :attr:`multiprocessing.Process.exitcode`.
    :param where: what it did last, for the message.
    :param stacks: the output of faulthandler.
    """
    number = None if exit_code is None or exit_code >= 0 else -exit_code
    return _end(number, exit_code, where, stacks_of_actors(stacks))


def _end(number: int | None, exit_code: int | None, where: str, stacks: str) -> Failure:
    if number is None:
        return Failure("ended", f"the process exited with status {exit_code} {where}", "")
    kind = "crash" if is_crash(number) else "ended"
    return Failure(kind, f"the process was ended by {_name(number)} {where}", stacks)


def stacks_of_actors(stacks: str) -> str:
    """Return the stacks of threads that ran an actor, from its frame on.

    :param stacks: the output of faulthandler.
    """
    if stacks.count(_HEAD) > 1 or _MIXED.search(stacks):
        return "several threads crashed at the same time, and their stacks are mixed up; run it again\n"
    kept = []
    for block in stacks.split("\n\n"):
        lines = block.splitlines()
        lines = [line for line in lines if line.strip() != "File"]  # the process ended while it wrote the line
        calls = [line for line in lines if line.startswith('  File "')]
        own = next((number for number, line in enumerate(calls) if is_own(line.split('"')[1])), len(calls))
        if own or not calls:
            kept.append("\n".join([*(line for line in lines if line not in calls), *calls[:own]]))
    text = "\n\n".join(kept)
    return text if '  File "' in text else stacks  # no thread ran an actor


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
