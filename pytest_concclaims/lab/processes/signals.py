"""Signals that end the lab's processes, and that must not interrupt their cleanup."""

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
        """Kill a process group, if it still has members.

        :param leader: the process that made the group.
        """
        try:
            # A group exists while it has members, even without its leader, and its id is not reused until then.
            # Without members, the call fails.
            os.killpg(leader, signal.SIGKILL)
        except ProcessLookupError:
            pass
        except PermissionError:  # macOS, for a group of zombies
            with suppress(ProcessLookupError):
                os.kill(leader, signal.SIGKILL)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Delay a Ctrl-C until the end of the block, so that it does not leave a process behind."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield  # Python raises KeyboardInterrupt in the main thread only
        return
    held: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[0])
