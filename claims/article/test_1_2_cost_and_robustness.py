"""Article, section 1.2: what processes and threads cost, and what a dying one does to the others."""

from __future__ import annotations

import os
import signal

import pytest

from pytest_concclaims import Lab

from .crashing import CRASHES, ITS_RESULT, crash_beside_a_sibling, crash_beside_another_task
from .processes import QUICKEST, START_METHODS
from .starting import process_by, thread
from .threads import LIVED_ON, crash_in_a_thread, raise_in_a_thread

#: A longer budget: an experiment starts a dozen interpreters.
START_BUDGET_S = 20.0
#: A longer deadline: on a busy machine, the child waits for processes that wait for each other.
LONG_DEADLINE_S = 300.0


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.claim(
    "{method}: starting a process, until its first line runs, takes longer than starting a thread",
    source="article 1.2",
)
def test_starting_a_process_takes_longer_than_starting_a_thread(lab: Lab, method: str) -> None:
    assert lab.ratio(process_by(method), thread, budget=START_BUDGET_S) > 1


@pytest.mark.claim("A process takes more memory than a thread", source="article 1.2")
def test_a_process_takes_more_memory_than_a_thread(lab: Lab) -> None:
    # Forked, if possible: it shares most with its parent, so it takes the least.
    assert lab.memory(process_by(QUICKEST), against=thread, budget=START_BUDGET_S) > 0


posix = pytest.mark.skipif(os.name != "posix", reason="no POSIX signals here")


@posix
@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.claim(
    "{method}: a crashed child (SIGSEGV, abort) harms neither its parent nor its siblings", source="article 1.2"
)
def test_a_crashed_child_harms_neither_its_parent_nor_its_siblings(lab: Lab, method: str) -> None:
    parent = lab.child(crash_beside_a_sibling, method, deadline=LONG_DEADLINE_S)
    lab.require(not parent.timed_out, "the children start, crash and answer in time")
    if not parent.returned:
        lab.require(parent.signal in CRASHES.values(), "the parent lived on, or died of its child's crash")
    assert parent.returned
    seen = parent.value
    lab.require(seen.exit_codes == [-signal for signal in CRASHES.values()], "the children crashed")
    lab.require(seen.sibling_before, "their sibling answered before that")
    crashed_too = seen.sibling_exit_code is not None and -seen.sibling_exit_code in CRASHES.values()
    lab.require(seen.sibling_after or crashed_too, "the sibling answered as before, or died of a crash, too")
    lab.note(f"the parent went on; the sibling {'answered as before' if seen.sibling_after else 'was gone'}")
    assert seen.sibling_after


@posix
@pytest.mark.claim(
    "A crashed worker does not harm the other workers of its ProcessPoolExecutor", source="article 1.2, beyond"
)
@pytest.mark.refuted(
    True,
    reason="since 3.3, an executor that loses a worker is broken: all its tasks end in BrokenProcessPool, and its "
    "other workers are terminated (docs: concurrent.futures.process.BrokenProcessPool)",
)
def test_a_crashed_worker_does_not_harm_the_others_of_its_executor(lab: Lab) -> None:
    child = lab.child(crash_beside_another_task, deadline=LONG_DEADLINE_S)
    lab.require(not child.timed_out, "the workers start, work and crash in time")
    seen = child.value
    lab.require(seen.both_began, "two workers had a task each")
    lab.require(seen.crashed, "one of them crashed")
    finished = "finished" if seen.worker_went_on else "did not finish"
    lab.note(f"the other worker {finished} its task; the executor has {seen.ended_in} of it")
    assert seen.ended_in == ITS_RESULT


@posix
@pytest.mark.claim("A thread that crashes (SIGSEGV) takes the whole process with it", source="article 1.2")
def test_a_thread_that_crashes_takes_the_process_with_it(lab: Lab) -> None:
    process = lab.child(crash_in_a_thread)
    lab.require("the thread crashes now" in process.stdout, "the thread reached its crash")
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
    lab.require(process.returned or LIVED_ON not in process.stdout, "the output agrees with how the process ended")
    assert not process.returned
