"""Documentation, page "logging"."""

from __future__ import annotations

import logging
import logging.config
import logging.handlers
import queue
import weakref
from typing import Any

import pytest

from pytest_concclaims import Lab

from .objects import LONG, process
from .turns import is_kept_out

SOURCE = "docs: logging, thread safety"


# --- a handler's lock


def record_of(text: str) -> logging.LogRecord:
    return logging.LogRecord("name", logging.WARNING, __file__, 1, text, None, None)


FIRST, SECOND = record_of("aa"), record_of("bb")


class InSteps(logging.Handler):
    """A handler whose output takes several steps."""

    def __init__(self) -> None:
        super().__init__()
        self.output = ""

    def emit(self, record: logging.LogRecord) -> None:
        before = self.output
        process(record)  # other threads run here
        self.output = before + record.msg


@pytest.mark.claim(
    "A handler's lock serializes its output: nothing is lost that threads log at the same time",
    source=SOURCE,
    budget=LONG,
)
def test_the_output_of_a_handler_is_serialized(lab: Lab) -> None:
    race = lab.race(
        InSteps,
        lambda handler: handler.handle(FIRST),
        lambda handler: handler.handle(SECOND),
        observe=lambda handler: handler.output,
    )
    assert race.always("aabb", "bbaa")


class Watched:
    """A stream that notices whether other threads could use the handler that writes to it."""

    def __init__(self) -> None:
        self.handler: Any = None
        self.kept_out: list[bool] = []

    def write(self, text: str) -> None:
        self.kept_out.append(is_kept_out(self.handler.lock))

    def flush(self) -> None:
        self.kept_out.append(is_kept_out(self.handler.lock))


@pytest.mark.claim("While a StreamHandler writes to its stream, and flushes it, other threads wait", source=SOURCE)
def test_a_stream_handler_has_its_lock_while_it_writes(lab: Lab) -> None:
    stream: Any = Watched()
    stream.handler = logging.StreamHandler(stream)
    lab.require(not is_kept_out(stream.handler.lock), "before, another thread can have the lock")
    stream.handler.handle(FIRST)
    lab.note(f"another thread was kept out during write and flush: {stream.kept_out}")
    assert stream.kept_out == [True, True]


# --- the lock of the module


class OpenLogger(logging.Logger):
    """A logger whose addHandler takes no lock."""

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802  (its name in logging)
        handlers = list(self.handlers)
        process(hdlr)
        self.handlers = [*handlers, hdlr]


HANDLER, OTHER = logging.NullHandler(), logging.NullHandler()


def add(logger: logging.Logger) -> None:
    logger.addHandler(HANDLER)


def add_other(logger: logging.Logger) -> None:
    logger.addHandler(OTHER)


@pytest.mark.claim(
    "Two handlers that threads add at the same time are both added", source="docs: logging, handlers", budget=LONG
)
def test_handlers_that_threads_add_are_added(lab: Lab) -> None:
    race = lab.race(
        lambda: logging.Logger("name"),
        add,
        add_other,
        observe=lambda logger: len(logger.handlers),
        control=lab.control(add, add_other, setup=lambda: OpenLogger("name")),
    )
    assert race.always(2)


# --- what waits for ever


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the claim a list of handlers of its own."""
    monkeypatch.setattr(logging, "_handlers", weakref.WeakValueDictionary())
    monkeypatch.setattr(logging, "_handlerList", [])


class Asking(logging.Handler):
    """A handler that takes the lock of the module while it has its own."""

    def format(self, record: logging.LogRecord) -> str:
        return logging.getLogger("another").name

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


@pytest.mark.usefixtures("untouched")
@pytest.mark.claim(
    "A handler whose format() takes the module's lock can wait for ever, if another thread configures logging",
    source="docs: logging, Handler.format",
)
def test_a_handler_that_takes_the_modules_lock_can_wait_for_ever(lab: Lab) -> None:
    race = lab.race(
        Asking,
        lambda handler: handler.handle(FIRST),
        lambda _: logging.config.dictConfig({"version": 1, "disable_existing_loggers": False}),
    )
    assert race.ever(lab.DEADLOCK)


def logger_to_a_queue() -> logging.Logger:
    logger = logging.Logger("name")
    logger.addHandler(logging.handlers.QueueHandler(queue.Queue()))
    logger.warning("what is logged first fills caches")
    return logger


def log(logger: logging.Logger) -> None:
    logger.warning("text")


@pytest.mark.refuted(
    hasattr(logging.Logger, "_is_disabled"),
    reason="CPython 3.13.4 and 3.13.5 drop what is logged while its thread logs (gh-91555; reverted in 3.13.6)",
)
@pytest.mark.claim(
    "Logging in a signal handler can wait for ever, for a lock that the interrupted thread has",
    source=SOURCE,
    budget=2 * LONG,  # where it cannot, each switch point has a process of its own
)
def test_logging_in_a_signal_handler_can_wait_for_ever(lab: Lab) -> None:
    assert lab.interrupted(logger_to_a_queue, log, log).ever(lab.DEADLOCK)
