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

from .pools import PAUSE, Crowd, Workers, crowd_of, default_size_on_one_core, pool_of
from .processes import PATIENCE


def five_tasks_in_a_pool_of_four(lab: Lab) -> Crowd:
    before = crowd_of(5, in_pool_of=5)
    seen = crowd_of(5, in_pool_of=4)
    after = crowd_of(5, in_pool_of=5)
    lab.note(
        f"of 5 tasks in a Pool(4), {seen.at_once} ran at once, in {seen.workers} processes; in a Pool(5), "
        f"{before.at_once} and {after.at_once} did"
    )
    lab.require(before.at_once >= 5 and after.at_once >= 5, "where there is a worker for each, all five run at once")
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
    size = lab.child(default_size_on_one_core).value
    lab.require(size.usable == 1, "the process may use one core only")
    lab.require(not size.told, "the interpreter was told no other number of cores (PYTHON_CPU_COUNT, -X cpu_count)")
    lab.note(f"{size.cores} cores, of which one may be used: Pool() has {size.workers} workers")
    assert size.workers == size.cores


@pytest.mark.claim("apply_async returns before its task has run", source="article 2.2")
def test_apply_async_returns_before_its_task_has_run(lab: Lab) -> None:
    with pool_of(1) as workers:
        [result] = workers.give(1)
        returned = time.perf_counter()
        workers.open_the_gate()
        ran_until = result.get(2 * PATIENCE).end
    order = "before" if returned < ran_until else "after"
    lab.note(f"apply_async returned {order} the end of its task, which could not end until something was done here")
    assert returned < ran_until


def is_refused(act: Callable[[], object]) -> bool:
    """Return whether something is answered by a ValueError."""
    try:
        act()
    except ValueError:
        return True
    return False


@pytest.mark.claim("After close() a Pool takes no new task", source="article 2.2")
def test_a_closed_pool_takes_no_new_task(lab: Lab) -> None:
    with pool_of(1) as workers:
        lab.require(not is_refused(lambda: workers.pool.apply(os.getpid)), "before close(), the pool takes a task")
        workers.pool.close()
        refused = is_refused(lambda: workers.pool.apply_async(os.getpid))
    lab.note(f"one task was taken before close(); after it, another one was {'refused' if refused else 'taken'}")
    assert refused


@pytest.mark.claim("After close() no new process is added to a Pool", source="article 2.2, literally")
@pytest.mark.refuted(
    True,
    reason="close() refuses new tasks only; with maxtasksperchild, workers are replaced until all tasks are done "
    "(docs: multiprocessing.pool.Pool, maxtasksperchild)",
)
def test_no_process_is_added_to_a_closed_pool(lab: Lab) -> None:
    with pool_of(2, maxtasksperchild=1) as workers:
        results = workers.give(6)
        lab.require(workers.wait_for_arrivals(2), "both workers have begun with a task")
        workers.pool.close()
        at_close = {process.pid for process in multiprocessing.active_children()}
        workers.open_the_gate()
        ran_in = {result.get(PATIENCE).pid for result in results}
    added = ran_in - at_close
    lab.note(f"2 workers with maxtasksperchild=1 had 6 tasks when the pool was closed; {len(added)} were added then")
    assert not added


def join_in_a_thread(workers: Workers) -> tuple[threading.Thread, list[float]]:
    """Join a pool in a thread; return that and, once it is over, the time at which join() returned."""
    joining = threading.Event()
    joined: list[float] = []

    def join() -> None:
        joining.set()
        workers.pool.join()
        joined.append(time.perf_counter())

    thread = threading.Thread(target=join)
    thread.start()
    joining.wait(PATIENCE)
    return thread, joined


@pytest.mark.claim("Pool.join() waits for every task", source="article 2.2")
def test_pool_join_waits_for_every_task(lab: Lab) -> None:
    with pool_of(2) as workers:
        results = workers.give(4)
        lab.require(workers.wait_for_arrivals(2), "both workers have begun with a task")
        workers.pool.close()
        thread, joined = join_in_a_thread(workers)
        time.sleep(PAUSE)  # for a join() that does not wait to return
        workers.open_the_gate()
        ends = [result.get(PATIENCE).end for result in results]
        thread.join(PATIENCE)
    lab.require(bool(joined), "join() returns when all is done")
    too_late = sum(end > joined[0] for end in ends)
    lab.note(f"2 workers had 4 tasks, none of them done, when join() was called; {too_late} ended after it returned")
    assert not too_late


@pytest.mark.claim("Pool.join() before close() is an error", source="article 2.2")
def test_pool_join_before_close_is_an_error(lab: Lab) -> None:
    with pool_of(1) as workers:
        refused_before = is_refused(workers.pool.join)
        workers.pool.close()
        lab.require(not is_refused(workers.pool.join), "after close(), it is none")
    lab.note(f"before close(), join() {'raised ValueError' if refused_before else 'returned'}; after it, it returned")
    assert refused_before
