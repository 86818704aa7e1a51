"""The claims of the article in worlds where something else than what they speak of decides: they decide nothing."""

from __future__ import annotations

import pytest

from helpers.sabotage import END_THE_PROCESS, claims_of_the_article
from pytest_concclaims import gil_enabled
from pytest_concclaims.lab.processes.forked import CAN_FORK

#: Slows down the claims' own code, as a debugger or a profiler does.
TRACER = """
import sys, time
import pytest

def slow_down(frame, event, argument):
    if "claims/article" in frame.f_code.co_filename.replace("\\\\", "/"):
        end = time.perf_counter() + {seconds}
        while time.perf_counter() < end:
            pass
        return slow_down

@pytest.fixture(autouse=True)
def slowed_down():
    sys.{function}(slow_down)
    yield
    sys.{function}(None)
"""


@pytest.mark.parametrize(
    ("claim", "function", "seconds"),
    [
        pytest.param(
            "test_the_gil_is_given_up_every_100_bytecodes",
            "settrace",
            1e-5,
            marks=pytest.mark.skipif(not gil_enabled(), reason="nobody gives up a GIL here"),
        ),
        ("test_get_false_right_after_put_gives_the_item", "settrace", 1e-2),
        ("test_get_false_right_after_put_gives_the_item", "setprofile", 1e-2),
    ],
)
def test_whoever_slows_it_down_confirms_nothing(
    pytester: pytest.Pytester, claim: str, function: str, seconds: float
) -> None:
    """What takes its time then had the time to happen."""
    conftest = TRACER.format(function=function, seconds=seconds)
    (told,) = claims_of_the_article(pytester, (claim,), conftest=conftest)
    # An empty queue is a witness all the same.
    assert told["verdict"] in ("inconclusive", "refuted")
    assert told["verdict"] == "refuted" or "slows" in told["reason"]


#: As if somebody else had waited for each child: then its parent takes it for alive, for ever.
REAPER = """
import multiprocessing.popen_fork
poll = multiprocessing.popen_fork.Popen.poll

def nobody_knows(self, *flags):
    if poll(self, *flags) is not None and "forkserver" not in type(self).__module__:
        self.returncode = None
        return None

multiprocessing.popen_fork.Popen.poll = nobody_knows
"""

posix = pytest.mark.skipif(not CAN_FORK, reason="no fork here")


@pytest.mark.parametrize(
    ("claim", "why", "children"),
    [
        pytest.param(
            "test_a_busy_thread_does_not_hold_up_another_process",
            "another process gets a CPU while a thread is busy that gives the GIL away",
            # As with real-time scheduling, on one core: whoever is busy keeps all others from it.
            """
            import multiprocessing, sys, threading
            multiprocessing.Process = threading.Thread
            switch_every = sys.setswitchinterval
            sys.setswitchinterval = lambda seconds: switch_every(1000)
            """,
            marks=pytest.mark.skipif(not gil_enabled(), reason="no GIL to keep all others from it"),
        ),
        pytest.param(
            "test_a_crashed_child_harms_neither_its_parent_nor_its_siblings and fork]",
            "the sibling answered as before, or died of a crash, too",
            """
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
            marks=posix,
        ),
        pytest.param(
            "test_a_crashed_worker_does_not_harm_the_others_of_its_executor",
            "one of them crashed",
            """
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
            marks=posix,
        ),
    ],
)
def test_what_somebody_else_did_decides_nothing(
    pytester: pytest.Pytester, claim: str, why: str, children: str
) -> None:
    """Somebody who kills a process, or keeps others from the CPU, says nothing about the interpreter."""
    (told,) = claims_of_the_article(pytester, (claim,), children=children)
    assert (told["verdict"], told["reason"]) == ("inconclusive", f"not met: {why}")


@posix
@pytest.mark.parametrize(
    "claim",
    [
        "test_start_returns_while_the_child_runs_and_join_waits_for_its_end and fork]",
        "test_an_endless_child_outlives_join_and_is_ended_by_terminate",
        "test_an_endless_child_can_only_be_ended_by_force",
    ],
)
def test_child_of_which_nobody_knows_how_it_ended_does_not_live_on(pytester: pytest.Pytester, claim: str) -> None:
    """A handler for SIGCHLD that waits for all children, as servers have one, takes their ends away."""
    (told,) = claims_of_the_article(pytester, (claim,), conftest=REAPER)
    why = "not met: how a process ended is told to nobody but its parent"
    assert (told["verdict"], told["reason"]) == ("inconclusive", why)


def test_hook_that_somebody_else_has_set_decides_nothing(pytester: pytest.Pytester) -> None:
    """A thread's end is what Python makes of it, and not what a sitecustomize module does."""
    hook = END_THE_PROCESS + "threading.excepthook = end_the_process\n"
    (told,) = claims_of_the_article(pytester, ("test_a_thread_that_raises_takes_the_process_with_it",), children=hook)
    assert told["verdict"] == "refuted"
