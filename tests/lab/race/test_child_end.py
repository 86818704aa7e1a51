"""What the end of a child means."""

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
        ({"timed_out": True}, "hang", f"nothing came back in time {WHERE}"),
        ({"exit_code": 3}, "ended", f"the process was left with exit status 3 {WHERE}"),
        ({"signal": signal.SIGSEGV}, "crash", f"the process was ended by SIGSEGV {WHERE}"),
        ({"signal": signal.SIGABRT}, "crash", f"the process was ended by SIGABRT {WHERE}"),
        ({"signal": signal.SIGTERM}, "ended", f"the process was ended by SIGTERM {WHERE}"),
        ({"signal": 99}, "ended", f"the process was ended by signal 99 {WHERE}"),
        ({}, "ended", f"the process ended, and it is not known how (is SIGCHLD ignored?), {WHERE}"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_end_of_a_child_is_told(how: dict[str, Any], kind: str, text: str) -> None:
    """A time-out, an exit, a crash, or another signal; and where it was."""
    failure = child_failure(ended(**how), WHERE)
    assert (failure.kind, failure.text) == (kind, text)


def test_stacks_of_a_crash_or_a_hang_are_kept() -> None:
    """They say what was called."""
    assert child_failure(ended(signal=signal.SIGSEGV), WHERE).details == "the stacks"
    assert child_failure(ended(timed_out=True), WHERE).details == "the stacks"


def test_crash_is_a_signal_of_the_process_itself() -> None:
    """Not one by which others end it."""
    assert is_crash(signal.SIGSEGV)
    assert not is_crash(signal.SIGINT)
    assert not is_crash(None)
