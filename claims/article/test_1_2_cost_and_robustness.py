"""Article, section 1.2: what processes and threads cost, and what a dying one does to the others."""

from __future__ import annotations

import os
import signal

import pytest

from pytest_concclaims import Lab

from .processes import START_METHODS
from .starting import process_by, thread
from .threads import LIVED_ON, crash_in_a_thread, raise_in_a_thread

#: Seconds: to start a dozen interpreters may take longer than other experiments.
LONG = 20.0


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.claim(
    "{method}: starting a process, until its first line runs, takes longer than starting a thread",
    source="article 1.2",
)
def test_starting_a_process_takes_longer_than_starting_a_thread(lab: Lab, method: str) -> None:
    assert lab.ratio(process_by(method), thread, budget=LONG) > 1


@pytest.mark.claim("A process takes more memory than a thread", source="article 1.2")
def test_a_process_takes_more_memory_than_a_thread(lab: Lab) -> None:
    # Forked, as that shares most with its parent: the least that a process can take.
    method = "fork" if "fork" in START_METHODS else START_METHODS[0]
    assert lab.memory(process_by(method), against=thread, budget=LONG) > 0


@pytest.mark.claim("A thread that crashes (SIGSEGV) takes the whole process with it", source="article 1.2")
@pytest.mark.skipif(os.name != "posix", reason="no POSIX signals here")
def test_a_thread_that_crashes_takes_the_process_with_it(lab: Lab) -> None:
    process = lab.child(crash_in_a_thread)
    lab.require("the thread crashes now" in process.stdout, "the thread came to its crash")
    lab.require(process.returned or process.signal == signal.SIGSEGV, "the process lived on, or died of the crash")
    assert not process.returned


@pytest.mark.claim(
    "A thread that dies of an unhandled exception takes the process with it",
    source="article 1.2, the stronger reading",
)
@pytest.mark.refuted(
    True,
    reason="the exception goes to threading.excepthook, which reports it, and ends that thread only "
    "(docs: threading.excepthook)",
)
def test_a_thread_that_raises_takes_the_process_with_it(lab: Lab) -> None:
    process = lab.child(raise_in_a_thread)
    lab.require("ZeroDivisionError" in process.stderr, "the thread died of an unhandled exception")
    lab.require(not process.timed_out and process.signal is None, "the process lived on, or ended by itself")
    lab.require(process.returned or LIVED_ON not in process.stdout, "what the process said and how it ended agree")
    assert not process.returned
