"""What ends threads: nobody hears of an exception that does, unless they listen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ends_of_threads_heard(note: Callable[[str, BaseException], bool]) -> Iterator[None]:
    """Tell of the exceptions that end threads during the block; of ``SystemExit`` nobody hears, as in a plain thread.

    :param note: called with the thread's name, for people, and the exception; returns whether it has taken note.
        If not, whoever listened before hears of it.
    """
    before = threading.excepthook

    def hear(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit:
            return
        name = args.thread.name if args.thread is not None else "a thread"
        if not note(f"thread {name!r}", args.exc_value or args.exc_type()):
            before(args)

    threading.excepthook = hear
    try:
        yield
    finally:
        threading.excepthook = before
