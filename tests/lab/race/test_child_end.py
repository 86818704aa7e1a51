"""The failures for the ends of child processes."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from pytest_concclaims.lab.processes.forked import Forked
from pytest_concclaims.lab.race.child_end import child_failure, is_crash

WHERE = "while the race ran"


def ended(**how: Any) -> Forked[Any]:
    """Return the end of a child that did not return."""
    fields: dict[str, Any] = dict.fromkeys(Forked.__dataclass_fields__)
    fields.update(returned=False, timed_out=False, stacks="the stacks")
    return Forked(**{**fields, **how})


@pytest.mark.parametrize(
    ("how", "kind", "text"),
    [
        ({"timed_out": True}, "hang", f"the process did not finish in time {WHERE}"),
        ({"exit_code": 3}, "ended", f"the process exited with status 3 {WHERE}"),
        ({"signal": signal.SIGSEGV}, "crash", f"the process was ended by SIGSEGV {WHERE}"),
        ({"signal": signal.SIGABRT}, "crash", f"the process was ended by SIGABRT {WHERE}"),
        ({"signal": signal.SIGTERM}, "ended", f"the process was ended by SIGTERM {WHERE}"),
        ({"signal": 99}, "ended", f"the process was ended by signal 99 {WHERE}"),
        ({}, "ended", f"the process ended in an unknown way (is SIGCHLD ignored?) {WHERE}"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_end_of_a_child_is_told(how: dict[str, Any], kind: str, text: str) -> None:
    """The message has the kind of end (a timeout, an exit status, a crash or another signal) and the place."""
    failure = child_failure(ended(**how), WHERE)
    assert (failure.kind, failure.text) == (kind, text)


def test_stacks_of_a_crash_or_a_hang_are_kept() -> None:
    """They show which code ran."""
    assert child_failure(ended(signal=signal.SIGSEGV), WHERE).details == "the stacks"
    assert child_failure(ended(timed_out=True), WHERE).details == "the stacks"


def test_crash_is_a_signal_of_the_process_itself() -> None:
    """A signal by which other processes end it is not a crash."""
    assert is_crash(signal.SIGSEGV)
    assert not is_crash(signal.SIGINT)
    assert not is_crash(None)


def crashed(stacks: str) -> str:
    """Return the details of a crash."""
    return child_failure(Forked(False, None, signal=signal.SIGSEGV, stacks=stacks), "here").details


HEAD = "Fatal Python error: Segmentation fault\n\n"
OWN = child_failure.__code__.co_filename


def test_stacks_are_those_of_actors() -> None:
    """The frames that called the actors, and the threads without an actor, are left out."""
    actor = 'Current thread 0x1 (most recent call first):\n  File "shop.py", line 8 in buy\n'
    rest = f'  File "{OWN}", line 9 in run\n\nThread 0x2 (most recent call first):\n  File "{OWN}", line 1 in wait\n'
    assert crashed(HEAD + actor + rest).strip() == (HEAD + actor).strip()


def test_stacks_that_were_written_into_one_another() -> None:
    """Without a GIL, two threads may crash at the same time; their stacks cannot be read."""
    mixed = 'Current thread 0x1Thread 0x2\n  File   File ""shop.pyshop.py"", line , line 88 in  in buybuy\n'
    for stacks in (HEAD + mixed, HEAD + HEAD):
        assert crashed(stacks).startswith("several threads crashed at the same time")
