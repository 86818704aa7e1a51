"""The kinds of workers: how they are started and ended, and that they leave nothing behind."""

from __future__ import annotations

import functools
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from helpers import workloads
from helpers.waiting import TIMEOUT_S
from pytest_concclaims import CPYTHON
from pytest_concclaims.lab.failure import Failure
from pytest_concclaims.lab.parallelism import worker_main, workers
from pytest_concclaims.lab.parallelism.worker_main import clock
from pytest_concclaims.lab.parallelism.workers import (
    CONTROLS,
    MEASURED,
    ForkedWorker,
    InterpreterWorker,
    ProcessWorker,
    ThreadWorker,
    Worker,
    has_interpreters,
    is_importable,
)
from pytest_concclaims.lab.processes.forked import CAN_FORK

pytestmark = [pytest.mark.interpreter, pytest.mark.starts]
forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
interpreters = pytest.mark.skipif(not has_interpreters(), reason="no subinterpreters here")

NothingLeft = Callable[[], AbstractContextManager[None]]

ALL = [
    ThreadWorker,
    ProcessWorker,
    pytest.param(ForkedWorker, marks=forks),
    pytest.param(InterpreterWorker, marks=interpreters),
]
PROCESSES = [ProcessWorker, pytest.param(ForkedWorker, marks=forks)]
of_each_kind = pytest.mark.parametrize("kind", ALL)
of_each_kind_of_process = pytest.mark.parametrize("kind", PROCESSES)


def answer(worker: Worker) -> tuple[Any, ...]:
    """Have a worker do a short slice; return its answer."""
    begin = clock()
    worker.connection.send((begin, begin + 0.005, None))
    return received(worker)


def received(worker: Worker) -> tuple[Any, ...]:
    """Return the next answer of a worker."""
    assert worker.connection.poll(TIMEOUT_S)
    received_answer: tuple[Any, ...] = worker.connection.recv()
    return received_answer


# --- each kind


@of_each_kind
def test_worker_works_until_its_end(kind: type[Worker], nothing_left: NothingLeft) -> None:
    """It starts, answers several orders, ends, and leaves nothing."""
    with nothing_left():
        worker = kind(workloads.compute)
        for _ in range(3):
            assert answer(worker)[0] == "marks"
            assert worker.is_alive()
        worker.end()
        assert not worker.is_alive()


@of_each_kind
def test_worker_ends_without_having_worked(kind: type[Worker], nothing_left: NothingLeft) -> None:
    """A worker that has hardly started ends as well."""
    with nothing_left():
        worker = kind(workloads.compute)
        worker.end()
        assert not worker.is_alive()


@of_each_kind
def test_end_of_what_has_ended(kind: type[Worker], nothing_left: NothingLeft) -> None:
    """It can be ended twice."""
    with nothing_left():
        worker = kind(workloads.compute)
        worker.end()
        worker.end()


@of_each_kind
@pytest.mark.parametrize("work", [workloads.fail, workloads.refute, workloads.leave])
def test_work_that_raises_ends_no_worker(
    kind: type[Worker], work: Callable[[], Any], nothing_left: NothingLeft
) -> None:
    """The answer has the traceback; the worker takes the next order, and ends as usual."""
    with nothing_left():
        worker = kind(work)
        worker.connection.send((0, sys.float_info.max, None))
        kind_of_answer, words, trace = received(worker)
        assert kind_of_answer == "raised"
        assert words in trace
        assert f"in {work.__name__}\n" in trace
        assert worker.is_alive()
        worker.end()


@pytest.mark.parametrize(
    ("kind", "same"),
    [(ThreadWorker, True), (ProcessWorker, False), pytest.param(ForkedWorker, False, marks=forks)],
)
def test_where_the_work_runs(kind: type[Worker], same: bool) -> None:
    """A thread runs in this process, and others do not; the work need not be a function of a module."""
    if not CAN_FORK and not same:
        pytest.skip("work for processes has to be importable where they are not forked")

    def say_where() -> None:
        raise RuntimeError(f"in process {os.getpid()}")

    worker = kind(say_where)
    try:
        worker.connection.send((0, sys.float_info.max, None))
        assert (received(worker)[1] == f"RuntimeError: in process {os.getpid()}") is same
    finally:
        worker.end()


@of_each_kind
def test_workers_at_the_same_time(kind: type[Worker], nothing_left: NothingLeft) -> None:
    """Each has a connection of its own."""
    with nothing_left():
        crew = [kind(workloads.compute) for _ in range(3)]
        for worker in crew:
            worker.connection.send((0, clock() + 0.01, None))
        assert [received(worker)[0] for worker in crew] == ["marks"] * 3
        for worker in crew:
            worker.end()


def test_kinds() -> None:
    """Each kind has a name; processes of a control are not those of ``multiprocessing``."""
    assert list(MEASURED) == list(CONTROLS) == ["thread", "process", "interpreter"]
    assert all(worker.kind == name for known in (MEASURED, CONTROLS) for name, worker in known.items())
    assert (CONTROLS["process"] is ForkedWorker) is CAN_FORK


# --- workers that end by themselves


@of_each_kind_of_process
@pytest.mark.parametrize(
    ("work", "failure"),
    [
        (workloads.vanish, Failure("ended", "ended its worker, with exit status 3", "")),
        (workloads.be_killed, Failure("crash", "crashed its worker, with signal 9", "")),
    ],
)
def test_worker_that_dies(
    kind: type[Worker], work: Callable[[], Any], failure: Failure, nothing_left: NothingLeft
) -> None:
    """Its connection is closed, and it is known how it ended."""
    with nothing_left():
        worker = kind(work)
        worker.connection.send((0, sys.float_info.max, None))
        with pytest.raises(EOFError):
            received(worker)
        assert worker.ending() == failure
        assert not worker.is_alive()
        worker.end()


@of_each_kind_of_process
def test_worker_that_dies_before_its_first_order(kind: type[Worker], nothing_left: NothingLeft) -> None:
    """An order to it fails."""
    with nothing_left():
        worker = kind(workloads.compute)
        pid = worker._pid if isinstance(worker, ForkedWorker) else worker._process.pid  # type: ignore[attr-defined]  # one of these two
        os.kill(pid, signal.SIGKILL)
        assert worker.connection.poll(TIMEOUT_S)
        with pytest.raises(OSError, match=r"(?i)broken|reset"):
            worker.connection.send((0, 0, None))
        assert worker.ending() == Failure("crash", "crashed its worker, with signal 9", "")
        worker.end()


@forks
def test_forked_worker_that_other_code_has_waited_for(nothing_left: NothingLeft) -> None:
    """It is then unknown how it ended, and nothing waits for ever."""
    with nothing_left():
        worker = ForkedWorker(workloads.vanish)
        worker.connection.send((0, sys.float_info.max, None))
        os.waitpid(worker._pid, 0)
        assert worker.ending().kind == "ended"
        assert not worker.is_alive()
        worker.end()


# --- workers that do not end


@of_each_kind_of_process
@pytest.mark.parametrize("known", [True, False], ids=["known", "not known"])
def test_process_that_hangs_is_killed(
    kind: type[Worker], known: bool, nothing_left: NothingLeft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once if it is known to hang; otherwise, after it had time to end."""
    monkeypatch.setattr(workers, "_END_TIMEOUT_S", workloads.FOR_EVER if known else 0.05)
    with nothing_left():
        worker = kind(workloads.stand_still)
        worker.connection.send((0, sys.float_info.max, None))
        worker.hangs = known
        worker.end()
        assert not worker.is_alive()


def test_thread_that_hangs_is_left_and_ends_when_it_can(
    nothing_left: NothingLeft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread cannot be killed. When its work returns, its connection is closed, which is not an error."""
    monkeypatch.setattr(workers, "_END_TIMEOUT_S", 0.05)
    begun, let_go = threading.Event(), threading.Event()

    def wait_to_be_let_go() -> None:
        begun.set()
        let_go.wait(TIMEOUT_S)
        raise StopIteration

    with nothing_left():
        worker = ThreadWorker(wait_to_be_let_go)
        worker.connection.send((0, sys.float_info.max, None))
        assert begun.wait(TIMEOUT_S)
        assert "in wait_to_be_let_go\n" in worker.stack()
        worker.end()
        assert worker.is_alive()
        let_go.set()
        worker._thread.join(TIMEOUT_S)
        assert not worker.is_alive()


def test_stack_begins_with_the_work() -> None:
    """It has no calls of the lab; it is empty for a thread that has ended, and for other processes."""
    begun, let_go = threading.Event(), threading.Event()

    def wait_to_be_let_go() -> None:
        begun.set()
        let_go.wait(TIMEOUT_S)
        raise StopIteration

    worker = ThreadWorker(wait_to_be_let_go)
    try:
        worker.connection.send((0, sys.float_info.max, None))
        assert begun.wait(TIMEOUT_S)
        assert Path(worker_main.__file__).name not in worker.stack()
    finally:
        let_go.set()
        worker.end()
    assert worker.stack() == ""


def test_stack_of_a_process_is_not_known() -> None:
    """The stacks of another process cannot be read."""
    worker = ProcessWorker(workloads.compute)
    try:
        assert worker.stack() == ""
    finally:
        worker.end()


# --- workers that cannot be started


@forks
def test_fork_that_fails_leaves_nothing(nothing_left: NothingLeft, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is that of the fork."""

    def no_fork() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    with nothing_left():
        monkeypatch.setattr(os, "fork", no_fork)
        with pytest.raises(BlockingIOError, match="temporarily unavailable"):
            ForkedWorker(workloads.compute)


@forks
@of_each_kind_of_process
@pytest.mark.filterwarnings("error")
def test_fork_beside_threads_warns_of_nothing(kind: type[Worker]) -> None:
    """Python warns of it since 3.12; as an error, the warning would be raised after the process was made."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        worker = kind(workloads.compute)
        worker.end()
    finally:
        done.set()
        thread.join(TIMEOUT_S)


# --- subinterpreters


def test_where_there_are_subinterpreters() -> None:
    """CPython has a public module for them since 3.14."""
    assert has_interpreters() is (CPYTHON and sys.version_info >= (3, 14))


@interpreters
def test_no_subinterpreter_is_left() -> None:
    """There are as many as before."""
    from concurrent import interpreters as known  # type: ignore[attr-defined]  # Python 3.14 and later

    before = len(known.list_all())
    worker = InterpreterWorker(workloads.compute)
    assert answer(worker)[0] == "marks"
    assert len(known.list_all()) == before + 1
    worker.end()
    assert len(known.list_all()) == before


@interpreters
def test_subinterpreter_is_another_one() -> None:
    """It has modules of its own."""
    worker = InterpreterWorker(workloads.count_up)
    try:
        worker.connection.send((0, sys.float_info.max, None))
        assert received(worker)[1] == "RuntimeError: 1"
        assert workloads.counted == [0]
    finally:
        worker.end()


@interpreters
def test_module_that_subinterpreters_cannot_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_left: NothingLeft
) -> None:
    """The failure has the traceback, and nothing is left open."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "only_here.py"
    file.write_text("def work(): pass\n")
    import only_here  # type: ignore[import-not-found]  # written above

    file.write_text("raise LookupError('only in the main one')\n")
    try:
        with nothing_left():
            worker = InterpreterWorker(only_here.work)
            with pytest.raises(EOFError):
                received(worker)
            failure = worker.ending()
            worker.end()
    finally:
        del sys.modules["only_here"]
    assert failure.kind == "raised"
    assert failure.text.startswith("could not be called: ")
    assert "LookupError: only in the main one" in failure.text
    assert "Traceback" in failure.details
    assert "only_here.py" in failure.details


@interpreters
def test_module_that_only_this_interpreter_could_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the import mode importlib, pytest gives modules names that cannot be imported; their files can."""
    file = tmp_path / "hidden.py"
    file.write_text("def work(): raise LookupError('seen')\n")
    spec = importlib.util.spec_from_file_location("leads.nowhere.hidden", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    for name in ("leads", "leads.nowhere"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "leads.nowhere.hidden", module)
    spec.loader.exec_module(module)
    worker = InterpreterWorker(module.work)
    try:
        worker.connection.send((0, sys.float_info.max, None))
        assert received(worker)[1] == "LookupError: seen"
    finally:
        worker.end()


class Unpicklable:
    """Cannot be pickled."""

    def __call__(self) -> None:
        """Do nothing."""

    def __reduce__(self) -> str:
        raise LookupError("not me")


@pytest.mark.parametrize(
    ("work", "can"),
    [
        (workloads.compute, True),
        (test_where_there_are_subinterpreters, True),
        (lambda: None, False),
        (Unpicklable(), False),
        (os.getpid, False),
        (functools.wraps(workloads.compute)(lambda: None), False),
    ],
    ids=["function of a module", "of this one", "lambda", "object", "of no file", "decorated"],
)
def test_what_can_be_imported(work: Callable[[], Any], can: bool) -> None:
    """A function that a module in a file has under its own name, and nothing else."""
    assert is_importable(work) is can


def test_local_function_cannot_be_imported() -> None:
    """It is not in a module."""

    def work() -> None:
        pass

    assert not is_importable(work)


def test_function_whose_file_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name alone does not suffice."""
    monkeypatch.setattr(workloads, "__file__", str(Path(__file__).with_name("nothing.py")))
    assert not is_importable(workloads.compute)
