"""Signals to and around the lab's own processes, so that none of these is left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

if sys.platform != "win32":

    def kill_group(leader: int) -> None:
        """Kill a process group, if it has a member left.

        :param leader: the process that made it, and that was not waited for yet.
        """
        try:
            # The group outlives its leader as long as it has a member, and its number is not given to another
            # process until then; without a member the call fails.
            os.killpg(leader, signal.SIGKILL)
        except ProcessLookupError:
            pass
        except PermissionError:  # macOS, for a group of zombies
            with suppress(ProcessLookupError):
                os.kill(leader, signal.SIGKILL)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold back a Ctrl-C until the end of the block, where it would leave a process behind."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield  # no KeyboardInterrupt comes up here
        return
    held: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[0])
