"""Article, section 2.2: ``multiprocessing.Pool``."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable

import pytest

from pytest_concclaims import Lab

from .pools import PAUSE_S, TIMES_AS_LONG, Crowd, Workers, crowd_of, default_size_on_one_core, pool_of
from .processes import WAIT_LIMIT_S, clock


def five_tasks_in_a_pool_of_four(lab: Lab) -> Crowd:
    before = crowd_of(lab, 5, in_pool_of=5)
    lab.require(before.at_once >= 5, "where there is a worker for each, all five run at once")
    seen = crowd_of(lab, 5, in_pool_of=4, seconds=max(PAUSE_S, TIMES_AS_LONG * before.seconds))
    after = crowd_of(lab, 5, in_pool_of=5)
    lab.note(
        f"of 5 tasks in a Pool(4), {seen.at_once} ran at once, in {seen.workers} processes; in a Pool(5), "
        f"{before.at_once} and {after.at_once} did"
    )
    lab.require(after.at_once >= 5, "where there is a worker for each, all five run at once")
    in_time = seen.at_once >= 5 or max(before.seconds, after.seconds) < seen.seconds
    lab.require(in_time, "the wait for the fifth is longer than it takes where there is a worker for it")
    lab.require(seen.at_once >= 4, "four of the tasks run at once")
    return seen


@pytest.mark.claim("Pool(4) runs at most four tasks at once; the fifth waits for a free worker", source="article 2.2")
def test_a_pool_of_four_runs_at_most_four_tasks_at_once(lab: Lab) -> None:
    seen = five_tasks_in_a_pool_of_four(lab)
    assert seen.at_once == 4
    assert seen.workers == 4


@pytest.mark.claim("Five tasks given to Pool(4) run at the same time", source="article 2.2, the sample's comment")
@pytest.mark.refuted(
    True,
    reason="each worker runs one task after the other, so the fifth waits until one of the four is free "
    "(docs: multiprocessing.pool.Pool, processes)",
)
def test_five_tasks_in_a_pool_of_four_run_at_the_same_time(lab: Lab) -> None:
    seen = five_tasks_in_a_pool_of_four(lab)
    assert seen.at_once == 5


@pytest.mark.claim(
    "A Pool's default size is the machine's number of cores, even where fewer may be used", source="article 2.2"
)
@pytest.mark.refuted(
    sys.version_info >= (3, 13),
    reason="since 3.13 it is the number of cores that the process may use "
    "(docs: multiprocessing.pool.Pool, os.process_cpu_count)",
)
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a process cannot be kept to fewer cores here")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="this machine has one core only")
def test_a_pools_default_size_is_the_number_of_cores(lab: Lab) -> None:
    child = lab.child(default_size_on_one_core, deadline=2 * WAIT_LIMIT_S)
    lab.require(not child.timed_out, "the pool starts and ends in time")
    size = child.value
    lab.require(size.usable == 1, "the process may use one core only")
    lab.require((size.cores or 1) > 1, "the machine has more cores than the process may use")
    lab.require(not size.overridden, "neither PYTHON_CPU_COUNT nor -X cpu_count gives another number of cores")
    lab.note(f"{size.cores} cores, of which one may be used: Pool() has {size.workers} workers")
    assert size.workers == size.cores


@pytest.mark.claim("apply_async returns before its task has run", source="article 2.2")
def test_apply_async_returns_before_its_task_has_run(lab: Lab) -> None:
    with pool_of(lab, 1) as workers:
        results = workers.give(1)
        returned = clock()
        workers.open_the_gate()
        [stay] = workers.stays(results)
        ran_until = stay.end
    order = "before" if returned < ran_until else "after"
    lab.note(f"apply_async returned {order} the end of its task, which waits for a gate that was opened afterwards")
    assert returned < ran_until


def is_refused(act: Callable[[], object]) -> bool:
    """Return whether a call raises ValueError."""
    try:
        act()
    except ValueError:
        return True
    return False


@pytest.mark.claim("After close() a Pool takes no new task", source="article 2.2")
def test_a_closed_pool_takes_no_new_task(lab: Lab) -> None:
    with pool_of(lab, 1) as workers:
        refused_before = is_refused(lambda: workers.pool.apply_async(os.getpid))
        lab.require(not refused_before, "before close(), the pool takes a task")
        workers.pool.close()
        refused = is_refused(lambda: workers.pool.apply_async(os.getpid))
    lab.note(f"one task was taken before close(); after it, another one was {'refused' if refused else 'taken'}")
    assert refused


@pytest.mark.claim("After close() no new process is added to a Pool", source="article 2.2, literally")
@pytest.mark.refuted(
    True,
    reason="close() refuses new tasks only; with maxtasksperchild, since 3.2, workers are replaced until all tasks "
    "are done (docs: multiprocessing.pool.Pool, maxtasksperchild)",
)
def test_no_process_is_added_to_a_closed_pool(lab: Lab) -> None:
    with pool_of(lab, 2, maxtasksperchild=1) as workers:
        results = workers.give(6)
        lab.require(workers.wait_for_arrivals(2), "both workers have begun a task")
        workers.pool.close()
        at_close = {process.pid for process in multiprocessing.active_children()}
        workers.open_the_gate()
        ran_in = {stay.pid for stay in workers.stays(results)}
    added = ran_in - at_close
    lab.note(
        f"2 workers with maxtasksperchild=1 had 6 tasks when the pool was closed; {len(added)} others ran the rest"
    )
    assert not added


def join_in_a_thread(workers: Workers) -> tuple[threading.Thread, list[float]]:
    """Join a pool in a thread; return the thread, and a list of the times of the call and, later, of its return."""
    joining = threading.Event()
    times: list[float] = []

    def join() -> None:
        times.append(clock())
        joining.set()
        workers.pool.join()
        times.append(clock())

    thread = threading.Thread(target=join)
    thread.start()
    joining.wait(WAIT_LIMIT_S)
    return thread, times


@pytest.mark.claim("Pool.join() waits for every task", source="article 2.2")
def test_pool_join_waits_for_every_task(lab: Lab) -> None:
    with pool_of(lab, 2) as workers:
        results = workers.give(4)
        lab.require(workers.wait_for_arrivals(2), "both workers have begun a task")
        workers.pool.close()
        thread, times = join_in_a_thread(workers)
        time.sleep(PAUSE_S)  # for a join() that does not wait to return
        workers.open_the_gate()
        ends = [stay.end for stay in workers.stays(results)]
        thread.join(WAIT_LIMIT_S)
    lab.require(len(times) == 2, "join() is called, and returns in time")
    called, returned = times
    lab.require(called < min(ends), "no task is done when join() is called")
    too_late = sum(end > returned for end in ends)
    lab.note(f"2 workers had 4 tasks, none of them done, when join() was called; {too_late} ended after it returned")
    assert not too_late


@pytest.mark.claim("Pool.join() before close() is an error", source="article 2.2")
def test_pool_join_before_close_is_an_error(lab: Lab) -> None:
    with pool_of(lab, 1) as workers:
        refused_before = is_refused(workers.pool.join)
        workers.pool.close()
        lab.require(not is_refused(workers.pool.join), "after close(), join() returns")
    lab.note(f"before close(), join() {'raised ValueError' if refused_before else 'returned'}; after it, it returned")
    assert refused_before
