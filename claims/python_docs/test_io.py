"""Documentation, page "io"."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims import PYPY, Lab, gil_enabled

from .objects import LONG, process
from .tables import Act

SOURCE = "docs: io, multi-threading"
REENTRANCY = "docs: io, reentrancy"


class Raw(io.RawIOBase):
    """A raw stream in Python: other threads run while it is read or written.

    :param contents: what can be read.
    """

    def __init__(self, contents: bytes = b"") -> None:
        super().__init__()
        self.contents = contents
        self.written = b""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self.contents[: len(buffer)]
        self.contents = process(self.contents[len(read) :])  # type: ignore[assignment]  # it is bytes
        buffer[: len(read)] = read
        return len(read)

    def write(self, data: Any) -> int:
        before = self.written
        self.written = process(before) + bytes(data)  # type: ignore[operator]  # it is bytes
        return len(data)


class Seekable(Raw):
    """A raw stream that begins with what can be read, and ends with what is written."""

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset

    def tell(self) -> int:
        return 0


# --- binary buffered objects

#: Bytes of a buffer: as many as one thread reads, and less than one writes.
BUFFER_SIZE = 4


class Unlocked(io.BufferedIOBase):
    """A buffered object in Python that takes no lock.

    :param arguments: raw streams, and the size of the buffer.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__()
        *_, self.stream, self.size = arguments
        self.waiting = b""

    def writable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        buffer = bytearray(size or 0)
        return bytes(buffer[: self.stream.readinto(buffer)])

    def write(self, data: Any) -> int:
        before = self.waiting
        self.waiting = process(before) + data
        if len(self.waiting) > self.size:
            self.flush()
        return len(data)

    def flush(self) -> None:
        self.stream.write(self.waiting)
        self.waiting = b""


UNLOCKED = SimpleNamespace(
    BufferedReader=Unlocked, BufferedWriter=Unlocked, BufferedRandom=Unlocked, BufferedRWPair=Unlocked
)


def streams(kind: str, module: Any = io) -> SimpleNamespace:
    """Return a buffered object of a kind, and the raw stream that it writes to."""
    raw = Seekable(b"aaaabbbb")
    parts = (raw, raw) if kind == "BufferedRWPair" else (raw,)
    return SimpleNamespace(buffered=getattr(module, kind)(*parts, BUFFER_SIZE), raw=raw)


def read(state: SimpleNamespace) -> object:
    return state.buffered.read(BUFFER_SIZE)


def write_a(state: SimpleNamespace) -> object:
    return state.buffered.write(b"a" * (BUFFER_SIZE + 2))


def write_b(state: SimpleNamespace) -> object:
    return state.buffered.write(b"b" * (BUFFER_SIZE + 2))


def written(state: SimpleNamespace) -> bytes:
    state.buffered.flush()
    return bytes(state.raw.written)


def nothing(state: SimpleNamespace) -> None:
    pass


BUFFERED = [
    pytest.param("BufferedReader", "read", (read, read), nothing, id="reader"),
    pytest.param("BufferedWriter", "write", (write_a, write_b), written, id="writer"),
    pytest.param("BufferedRandom", "write", (write_a, write_b), written, id="random"),
    pytest.param("BufferedRWPair", "read", (read, read), nothing, id="pair-read"),
    pytest.param("BufferedRWPair", "write", (write_a, write_b), written, id="pair-write"),
]


@pytest.mark.parametrize(("kind", "text", "actors", "observe"), BUFFERED)
@pytest.mark.claim("{kind}: a lock makes it safe to {text} from several threads at once", source=SOURCE)
def test_a_buffered_object_is_safe(lab: Lab, kind: str, text: str, actors: tuple[Act, Act], observe: Act) -> None:
    control = lab.control(*actors, setup=lambda: streams(kind, UNLOCKED))
    assert lab.race(lambda: streams(kind), *actors, observe=observe, control=control, budget=LONG).atomic()


# --- text objects


def lines() -> io.TextIOWrapper:
    text = io.TextIOWrapper(io.BufferedReader(Raw(b"1\n2\n3\n4\n"), BUFFER_SIZE), encoding="ascii")
    text._CHUNK_SIZE = BUFFER_SIZE  # type: ignore[attr-defined]  # noqa: SLF001  (two lines)
    return text


@pytest.mark.refuted(PYPY, reason="PyPy's TextIOWrapper has a lock: another thread waits while it reads or writes")
@pytest.mark.claim("TextIOWrapper is not thread-safe: a line can be lost", source=SOURCE)
def test_a_text_object_is_not_safe(lab: Lab) -> None:
    assert not lab.race(lines, lambda text: text.readline(), lambda text: text.readline()).atomic()


# --- bytes in memory


class UnlockedBytes:
    """Bytes in memory, with a position, as a class in Python that takes no lock."""

    def __init__(self, contents: bytes) -> None:
        self.contents = contents
        self.position = 0

    def read(self, size: int) -> bytes:
        at = self._passed(size)
        return self.contents[at : at + size]

    def write(self, data: bytes) -> int:
        at = self._passed(len(data))
        self.contents = self.contents[:at] + data + self.contents[at + len(data) :]
        return len(data)

    def getvalue(self) -> bytes:
        return self.contents

    def _passed(self, size: int) -> int:
        at = self.position
        self.position = process(at) + size  # type: ignore[operator]  # it is a number
        return at


IN_MEMORY = [
    pytest.param("write", lambda stream: stream.write(b"aa"), lambda stream: stream.write(b"bb"), id="write"),
    pytest.param("read", lambda stream: stream.read(2), lambda stream: stream.read(2), id="read"),
]


@pytest.mark.refuted(
    not gil_enabled() and sys.version_info < (3, 14),
    reason="without a GIL, BytesIO of 3.13 takes no lock (gh-132551, which has added it to 3.14)",
)
@pytest.mark.parametrize(("text", "operation", "beside"), IN_MEMORY)
@pytest.mark.claim("BytesIO.{text} may be called from several threads without a lock", source="docs: io, BytesIO")
def test_bytes_in_memory_are_safe(lab: Lab, text: str, operation: Act, beside: Act) -> None:
    race = lab.race(
        lambda: io.BytesIO(b"1234"),
        operation,
        beside,
        observe=lambda stream: stream.getvalue(),
        control=lab.control(operation, beside, setup=lambda: UnlockedBytes(b"1234")),
    )
    assert race.atomic()


# --- reentrancy


def text_writer() -> SimpleNamespace:
    state = streams("BufferedWriter")
    state.text = io.TextIOWrapper(state.buffered, encoding="ascii", write_through=True)
    return state


def print_line(state: SimpleNamespace) -> None:
    print("a" * BUFFER_SIZE, file=state.text, flush=True)


def reader() -> SimpleNamespace:
    return streams("BufferedReader")


def writer() -> SimpleNamespace:
    return streams("BufferedWriter")


REENTERED = [
    pytest.param("BufferedReader.read()", reader, read, id="reader"),
    pytest.param("BufferedWriter.write()", writer, write_a, id="writer"),
    pytest.param("print()", text_writer, print_line, id="print"),
]


@pytest.mark.parametrize(("text", "make", "call"), REENTERED)
@pytest.mark.claim("{text} in a signal handler that interrupts the same raises RuntimeError", source=REENTRANCY)
def test_a_buffered_object_is_not_reentrant(
    lab: Lab, text: str, make: Callable[[], SimpleNamespace], call: Act
) -> None:
    assert lab.interrupted(make, call, call, exceptions=RuntimeError).ever(RuntimeError)
