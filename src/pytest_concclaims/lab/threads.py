"""What ends threads: nobody hears of an exception that does, unless they listen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ends_of_threads_heard(note: Callable[[str, threading.Thread | None, BaseException], bool]) -> Iterator[None]:
    """Tell of the exceptions that end threads in the block; of ``SystemExit`` nobody hears, as everywhere.

    :param note: called with the thread's name, for people, the thread, and the exception; returns whether it has
        taken note. If not, whoever listened before hears of it.
    """
    before = threading.excepthook

    def hear(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit:
            return
        name = args.thread.name if args.thread is not None else "a thread"
        if not note(f"thread {name!r}", args.thread, args.exc_value or args.exc_type()):
            before(args)

    threading.excepthook = hear
    try:
        yield
    finally:
        threading.excepthook = before
