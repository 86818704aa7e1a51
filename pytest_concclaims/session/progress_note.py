"""The program that draws progress on a terminal, for :mod:`.progress`. It imports nothing of this package.

It is not a child of the test process, as a claim that waits for all children would wait for it: the program that
forks it ends at once. It reads orders, a line each, with tabs between their words:

``start ROOM STATEMENT``: a claim runs; the terminal's line has ROOM columns left.
``doing TEXT``: what it does, or waits for.
``stop``: the claim is over. The note is removed, and a byte is answered when it is gone.
``forget``: another program writes to the terminal.
``end``: exit.
"""

from __future__ import annotations

import os
import select
import sys
import time
import unicodedata
from contextlib import suppress

#: Seconds that a claim takes before anything is shown, and between two notes.
_FIRST_AFTER_S = 1.0
_INTERVAL_S = 1.0
#: With fewer columns, a text or a statement says nothing.
_LEAST_COLUMNS = 12


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, most: int) -> str:
    """Return a text with its end left out, if it takes more columns than that."""
    if columns(text) <= most:
        return text
    while text and columns(text) > most - 3:
        text = text[:-1]
    return f"{text}..."


def note(seconds: float, doing: str, statement: str, room: int) -> str:
    """Return the note: how long a claim has run, what it does, and its statement, as far as there is room."""
    text = f"{seconds:.0f} s"
    for separator, more in ((", ", doing), (": ", statement)):
        left = room - columns(f" ({text}{separator})")
        if more and left >= _LEAST_COLUMNS:
            text += separator + cut(more, left)
    text = f" ({text})"
    return text if columns(text) <= room else ""


class Terminal:
    """The end of the terminal's current line, and what is drawn there.

    It is removed by backspaces: no escape code is needed, and what stands before it is not touched.
    """

    def __init__(self, descriptor: int, encoding: str) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._drawn = 0

    def draw(self, text: str) -> None:
        """Draw a text in place of the one before."""
        raw = text.encode(self._encoding, "replace")
        width = columns(raw.decode(self._encoding))
        rest = max(0, self._drawn - width)
        self._write(b"\b" * self._drawn + raw + b" " * rest + b"\b" * rest)
        self._drawn = width

    def forget(self) -> None:
        """Take what is drawn for something else's."""
        self._drawn = 0

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]


def run(terminal: Terminal, orders: int, gone: int) -> None:
    """Draw notes until the orders end.

    :param orders: a descriptor to read from.
    :param gone: a descriptor for the answers.
    """
    unread, room, statement, doing = b"", 0, "", ""
    started: float | None = None
    due = 0.0
    while True:
        wait = None if started is None else max(0.0, due - time.monotonic())
        if not select.select([orders], [], [], wait)[0]:
            now = time.monotonic()
            terminal.draw(note(now - (started or now), doing, statement, room))
            due = now + _INTERVAL_S
            continue
        data = os.read(orders, 1 << 16)
        *lines, unread = (unread + data).split(b"\n")
        for line in lines if data else [b"end"]:
            word, *words = line.decode("utf-8").split("\t")
            if word == "start":
                started, room, statement, doing = time.monotonic(), int(words[0]), words[1], ""
                due = started + _FIRST_AFTER_S
            elif word == "doing":
                doing = words[0]
            elif word == "forget":
                started = None
                terminal.forget()
            else:
                started = None
                terminal.draw("")
                if word == "end":
                    return
                os.write(gone, b".")


def main(arguments: list[str]) -> None:
    """Draw in a process that is no child of pytest's, until the order ``end``."""
    terminal, orders, gone = map(int, arguments[:3])
    if os.fork() == 0:
        with suppress(OSError):  # the terminal, or pytest, is gone
            run(Terminal(terminal, arguments[3]), orders, gone)


if __name__ == "__main__":
    main(sys.argv[1:])
