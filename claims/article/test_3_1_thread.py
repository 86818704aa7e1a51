"""Article, section 3.1: ``threading.Thread``."""

from __future__ import annotations

import io
import os
import threading
import time

import pytest

from pytest_concclaims import Lab

from .processes import LAST_WORK_S
from .threads import WAIT_LIMIT_S


@pytest.mark.claim(
    "A Thread runs in the same process, under its own name, beside MainThread; join() waits for it",
    source="article 3.1",
)
def test_a_thread_runs_beside_the_main_thread_and_join_waits_for_it(lab: Lab) -> None:
    seen: list[tuple[int, str]] = []
    running, end, ended = threading.Event(), threading.Event(), threading.Event()
    ends: list[float] = []

    def loop() -> None:
        seen.append((os.getpid(), threading.current_thread().name))
        running.set()
        end.wait(WAIT_LIMIT_S)
        time.sleep(LAST_WORK_S)
        ends.append(time.perf_counter())
        ended.set()

    thread = threading.Thread(target=loop, name="LoopThread")
    thread.start()
    lab.require(running.wait(WAIT_LIMIT_S), "the thread begins to run")
    alive = {thread.name for thread in threading.enumerate()}
    end.set()
    called = time.perf_counter()
    thread.join()
    had_ended = ended.is_set()
    lab.require(ended.wait(WAIT_LIMIT_S) and called < ends[0], "the thread was still running when join() was called")
    lab.note(
        f"while it ran, there were {', '.join(sorted(alive))}; it saw (pid, name) {seen}, here the pid is "
        f"{os.getpid()}; when join() returned, it had {'' if had_ended else 'not '}ended"
    )
    assert had_ended
    assert seen == [(os.getpid(), "LoopThread")]
    assert {"MainThread", "LoopThread"} <= alive


@pytest.mark.claim(
    "The sample's output comes in this order: the parent's line, the thread's start, its end, the parent's end",
    source="article 3.1",
)
def test_the_samples_output_order(lab: Lab) -> None:
    output = io.StringIO()  # instead of stdout, to which other code may write
    ended = threading.Event()
    ends: list[float] = []

    def loop() -> None:
        print(f"thread {threading.current_thread().name} is running", file=output)
        time.sleep(LAST_WORK_S)
        ends.append(time.perf_counter())
        print(f"thread {threading.current_thread().name} ended", file=output)
        ended.set()

    print("the parent is running", file=output)
    thread = threading.Thread(target=loop, name="LoopThread")
    thread.start()
    called = time.perf_counter()
    thread.join()
    print("the parent ended", file=output)
    lab.require(ended.wait(WAIT_LIMIT_S) and called < ends[0], "the thread was still running when join() was called")
    lines = output.getvalue().splitlines()
    lab.note(" / ".join(lines))
    assert lines == [
        "the parent is running",
        "thread LoopThread is running",
        "thread LoopThread ended",
        "the parent ended",
    ]
