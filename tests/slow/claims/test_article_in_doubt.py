"""The article's claims in worlds in which something else than their subject decides: none has a wrong verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from helpers.sabotage import END_THE_PROCESS, World, claims_in_worlds
from pytest_concclaims import gil_enabled
from pytest_concclaims.lab.processes.forked import CAN_FORK

#: What a run record says of one claim.
Recorded = dict[str, Any]


@dataclass(frozen=True)
class Doubt(World):
    """A world in which something else decides what its one claim sees.

    :param is_honest: whether what the record says of the claim is right in this world.
    :param possible: whether there can be such a world on this interpreter.
    """

    is_honest: Callable[[Recorded], bool] = bool
    possible: bool = True


def not_met(requirement: str) -> Callable[[Recorded], bool]:
    """Return a test of whether a claim is inconclusive because of this requirement."""
    return lambda claim: (claim["verdict"], claim["reason"]) == ("inconclusive", f"not met: {requirement}")


def says_that_it_was_slow(claim: Recorded) -> bool:
    """Return whether a claim is inconclusive because something slows it down."""
    return claim["verdict"] == "inconclusive" and "slows" in claim["reason"]


#: Slows down each line of the claims, as a debugger does.
SLOW_LINES = """
def slow_down(frame, event, argument):
    if "claims/article" in frame.f_code.co_filename.replace(os.sep, "/"):
        end = time.perf_counter() + 1e-5
        while time.perf_counter() < end:
            pass
        return slow_down
sys.settrace(slow_down)
yield
sys.settrace(None)
"""
#: Slows down the call of a function, as a debugger or a profiler may, until an item has arrived.
SLOW_CALL = """
def slow_down(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "what_get_gives":
        while frame.f_locals["from_queue"].empty():
            time.sleep(1e-4)
sys.{function}(slow_down)
yield
sys.{function}(None)
"""

#: As if other code had waited for each child: its parent believes for ever that it is alive.
REAPER = """
poll = multiprocessing.popen_fork.Popen.poll
def lose_the_status(self, *flags):
    if poll(self, *flags) is not None and "forkserver" not in type(self).__module__:
        self.returncode = None
        return None
monkeypatch.setattr(multiprocessing.popen_fork.Popen, "poll", lose_the_status)
yield
"""
STATUS_IS_LOST = not_met("no other code has taken the exit status of the process")

PRELUDE = """
import itertools, multiprocessing, multiprocessing.queues, os, sys, time
import pytest
""" + ("import multiprocessing.popen_fork" if CAN_FORK else "")

#: In each of these runs of pytest, a claim is in one world at most.
RUNS: list[dict[str, Doubt]] = [
    {
        "a debugger that makes the turns of a GIL short": Doubt(
            ("test_the_gil_is_given_up_every_100_bytecodes",),
            SLOW_LINES,
            is_honest=says_that_it_was_slow,
            possible=gil_enabled(),
        ),
        "a debugger that gives an item the time to arrive": Doubt(
            ("test_get_false_right_after_put_gives_the_item",),
            SLOW_CALL.format(function="settrace"),
            is_honest=says_that_it_was_slow,
        ),
        "a process that is busy and keeps all others from the CPU, as with real-time scheduling on one core": Doubt(
            ("test_a_busy_thread_does_not_hold_up_another_process",),
            # The clock is quick there: for each missing answer, the claim waits for five seconds of it.
            children="""
            import multiprocessing, sys, threading, time
            multiprocessing.Process = threading.Thread
            switch_every, perf_counter = sys.setswitchinterval, time.perf_counter
            sys.setswitchinterval = lambda seconds: switch_every(1000)
            time.perf_counter = lambda: 20 * perf_counter()
            """,
            is_honest=not_met("another process gets a CPU while the busy thread gives the GIL away"),
            possible=gil_enabled(),
        ),
        "a sibling that is killed from outside": Doubt(
            ("test_a_crashed_child_harms_neither_its_parent_nor_its_siblings and fork]",),
            children="""
            import multiprocessing.process
            join = multiprocessing.process.BaseProcess.join
            def join_and_kill_the_first(self, timeout=None):
                join(self, timeout)
                for process in multiprocessing.active_children():
                    if process._identity == (1,):
                        process.kill()
                        join(process)
            multiprocessing.process.BaseProcess.join = join_and_kill_the_first
            """,
            is_honest=not_met("the sibling answered as before, or died of a crash, too"),
            possible=CAN_FORK,
        ),
        "workers that are killed from outside": Doubt(
            ("test_a_crashed_worker_does_not_harm_the_others_of_its_executor",),
            children="""
            import concurrent.futures
            wait = concurrent.futures.wait
            submit = concurrent.futures.ProcessPoolExecutor.submit
            class Killing(concurrent.futures.ProcessPoolExecutor):
                tasks = 0
                def submit(self, task):
                    self.tasks += 1
                    future = submit(self, task)
                    if self.tasks == 3:
                        for worker in list(self._processes.values()):
                            worker.kill()
                        wait([future])
                    return future
            concurrent.futures.ProcessPoolExecutor = Killing
            """,
            is_honest=not_met("one of them crashed"),
            possible=CAN_FORK,
        ),
        "a hook for exceptions of threads that a sitecustomize module has set": Doubt(
            ("test_a_thread_that_raises_takes_the_process_with_it",),
            children=END_THE_PROCESS + "threading.excepthook = end_the_process\n",
            # The claim is about Python's own hook.
            is_honest=lambda claim: claim["verdict"] == "refuted",
        ),
        # A handler for SIGCHLD that waits for all children, as servers have it, takes their exit statuses. Such a
        # child has ended all the same.
        "a process whose end after join() is seen by other code": Doubt(
            ("test_start_returns_while_the_child_runs_and_join_waits_for_its_end and fork]",),
            REAPER,
            is_honest=STATUS_IS_LOST,
            possible=CAN_FORK,
        ),
        "a process whose end by terminate() is seen by other code": Doubt(
            ("test_an_endless_child_outlives_join_and_is_ended_by_terminate",),
            REAPER,
            is_honest=STATUS_IS_LOST,
            possible=CAN_FORK,
        ),
        "a process whose end by a sentinel is seen by other code": Doubt(
            ("test_an_endless_child_can_only_be_ended_by_force",),
            REAPER,
            is_honest=STATUS_IS_LOST,
            possible=CAN_FORK,
        ),
    },
    {
        "a profiler that gives an item the time to arrive": Doubt(
            ("test_get_false_right_after_put_gives_the_item",),
            SLOW_CALL.format(function="setprofile"),
            is_honest=says_that_it_was_slow,
        ),
    },
    {
        "a busy machine on which the thread that sends an item always runs first": Doubt(
            ("test_get_false_right_after_put_gives_the_item",),
            """
            get = multiprocessing.queues.Queue.get
            def get_later(self, *how):
                while self.empty():
                    time.sleep(1e-5)
                return get(self, *how)
            monkeypatch.setattr(multiprocessing.queues.Queue, "get", get_later)
            monkeypatch.setattr(request.module, "times_off_the_cpu", itertools.count().__next__)
            monkeypatch.setattr(request.module, "MOST_TRIES", 200)
            yield
            """,
            is_honest=lambda claim: (
                says_that_it_was_slow(claim)
                or not_met("in 10 tries, no other thread takes the CPU between put() and get(False)")(claim)
            ),
        ),
    },
]


@pytest.mark.parametrize("worlds", RUNS, ids=["debuggers and others", "a profiler", "a busy machine"])
def test_interference_gives_no_wrong_verdict(pytester: pytest.Pytester, worlds: dict[str, Doubt]) -> None:
    """Code that kills a process, slows code down, or keeps others from the CPU says nothing about the interpreter."""
    possible = {name: world for name, world in worlds.items() if world.possible}
    found = claims_in_worlds(pytester, list(possible.values()), prelude=PRELUDE)
    wrong = {
        name: claims
        for (name, world), claims in zip(possible.items(), found)
        if len(claims) != 1 or not world.is_honest(claims[0])
    }
    assert wrong == {}
