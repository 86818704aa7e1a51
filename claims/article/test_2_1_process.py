"""Article, section 2.1: ``multiprocessing.Process``."""

from __future__ import annotations

import os

import pytest

from pytest_concclaims import Lab

from .processes import START_METHODS, another_process, clock, is_alive, send_back

each_start_method = pytest.mark.parametrize("method", START_METHODS)


@each_start_method
@pytest.mark.claim("{method}: a Process runs its target in another process, with its own pid", source="article 2.1")
def test_a_process_runs_its_target_in_another_process(lab: Lab, method: str) -> None:
    with another_process(lab, method) as other:
        pid_there = other.pid
        pid_known_here = other.process.pid
    lab.note(f"the target's pid: {pid_there}; Process.pid: {pid_known_here}; that of the parent: {os.getpid()}")
    assert pid_there != os.getpid()
    assert pid_there == pid_known_here


BY_THE_SERVER = pytest.mark.refuted(
    True,
    reason="the fork server, a process of its own, starts the child and is its parent "
    "(docs: multiprocessing, contexts and start methods)",
)


@pytest.mark.parametrize(
    "method",
    [pytest.param(method, marks=BY_THE_SERVER) if method == "forkserver" else method for method in START_METHODS],
)
@pytest.mark.claim("{method}: the child's getppid() is the process that started it", source="article 2.1, beyond")
def test_the_childs_parent_is_the_process_that_started_it(lab: Lab, method: str) -> None:
    with another_process(lab, method) as other:
        parent = other.parent_pid
    lab.note(f"the child's parent was {'the process that started it' if parent == os.getpid() else 'another one'}")
    lab.require(parent == os.getpid() or parent > 1, "the child is no orphan")
    assert parent == os.getpid()


@each_start_method
@pytest.mark.claim("{method}: arguments given to a Process reach its target", source="article 2.1")
def test_arguments_reach_the_target(lab: Lab, method: str) -> None:
    with another_process(lab, method, send_back, "test", 5, name=["a", "list"]) as other:
        received = other.hear()
    lab.note(f"the target received {received}")
    assert received == (("test", 5), {"name": ["a", "list"]})


@each_start_method
@pytest.mark.claim("{method}: start() returns while the child runs; join() waits for its end", source="article 2.1")
def test_start_returns_while_the_child_runs_and_join_waits_for_its_end(lab: Lab, method: str) -> None:
    with another_process(lab, method) as other:
        # It was not asked to end: if start() waited for the end, it would return only after the child gave up.
        alive_after_start = is_alive(lab, other.process)
        if alive_after_start:
            lab.require(other.pid == other.process.pid, "the child runs, and answers")
            other.ask_to_end(exit_code=7)
        called = clock()
        other.process.join()
        alive_after_join = is_alive(lab, other.process)
        if alive_after_start:
            lab.require(called < other.hear(), "the child was still running when join() was called")
        other.process.join()
        exit_code = other.process.exitcode
    lab.note(f"alive after start(): {alive_after_start}; alive after join(): {alive_after_join}")
    lab.require(alive_after_join or exit_code in (0, 7), "the child ended by itself")
    assert alive_after_start
    assert not alive_after_join
