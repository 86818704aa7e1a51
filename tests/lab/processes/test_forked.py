"""Calls in a forked child: it does not affect its parent, its end is reported, and nothing of it is left."""

from __future__ import annotations

import faulthandler
import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import pytest

from helpers.waiting import TIMEOUT_S, wait_until
from pytest_concclaims.interpreter import gil_enabled
from pytest_concclaims.lab.processes import forked
from pytest_concclaims.lab.processes.forked import Forked, ForkedError, objects_frozen, run_forked

pytestmark = [
    pytest.mark.interpreter,
    pytest.mark.starts,
    pytest.mark.skipif(not forked.CAN_FORK, reason="no os.fork here"),
]
linux = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks into /proc")


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not Path("/proc/self/stat").exists()
    # In a container, there may be no process that waits for orphans, so they stay zombies.
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def assert_gone(pid: int) -> None:
    """Assert that a child of this process has ended, and was waited for."""
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    assert not is_running(pid)


def stay() -> NoReturn:
    """Wait for ever."""
    while True:
        threading.Event().wait(TIMEOUT_S)


@contextmanager
def a_thread_running() -> Iterator[None]:
    """Run another thread in this process."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(TIMEOUT_S)


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGINT raise KeyboardInterrupt: a process in the background of a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Watched:
    """Runs work that writes a file when it is ready, and then hangs or ends.

    :param ready: the file; the work is called with it.
    """

    def __init__(self, ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ready = ready
        self._patch = monkeypatch

    def hung(
        self, work: Callable[[Path], object], until: Callable[[int], object] = lambda _child: True
    ) -> Forked[object]:
        """Run work that hangs, with a deadline that begins when it is ready.

        :param until: another condition for that, of the child's process id.
        """
        read = forked._message

        def read_once_hung(pipe: BinaryIO, process: forked._Process, *others: Any) -> tuple[bytes | None, bool]:
            wait_until(lambda: self.ready.exists() and until(process.pid))
            return read(pipe, process, *others)

        self._patch.setattr(forked, "_message", read_once_hung)
        return run_forked(lambda: work(self.ready), deadline=0.01)

    def ended(self, work: Callable[[Path], object]) -> Forked[object]:
        """Run work that ends by itself."""
        return run_forked(lambda: work(self.ready), deadline=TIMEOUT_S)

    def pid(self) -> int:
        """Return the process id that the work has written."""
        return int(self.ready.read_text())


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watched:
    """Return an object that runs work that hangs or ends."""
    monkeypatch.setattr(forked, "_POLL_INTERVAL_S", 0.01)
    return Watched(tmp_path / "ready", monkeypatch)


def write_ids(ready: Path, *pids: int) -> None:
    """Write process ids into a file, atomically."""
    unfinished = ready.with_suffix(".unfinished")
    unfinished.write_text(" ".join(map(str, pids)))
    unfinished.replace(ready)


# --- how it ends


@pytest.mark.parametrize("value", [None, 42, (1, "é", b"\0"), {"a": [1.5, None]}], ids=repr)
def test_value_is_returned(value: object) -> None:
    """The function's value is returned, None included."""
    assert run_forked(lambda: value, deadline=TIMEOUT_S) == Forked(True, value)


def test_closure_runs_in_another_process() -> None:
    """The child has the function's closure; changes to it stay in the child."""
    seen = [1]

    def change() -> tuple[int, list[int]]:
        seen.append(2)
        return os.getpid(), seen

    pid, there = run_forked(change, deadline=TIMEOUT_S).value or (0, [])
    assert pid != os.getpid()
    assert (there, seen) == ([1, 2], [1])
    assert_gone(pid)


def test_big_value_is_returned_whole() -> None:
    """A value that is larger than a pipe's buffer is read while it is written."""
    assert run_forked(lambda: b"0123456789" * 500_000, deadline=TIMEOUT_S).value == b"0123456789" * 500_000


def fail() -> NoReturn:
    """Raise an error."""
    raise LookupError("no such account")


def test_exception_is_reported_with_its_traceback() -> None:
    """The exception of the function is the text of an error."""
    with pytest.raises(ForkedError, match="LookupError: no such account") as caught:
        run_forked(fail, deadline=TIMEOUT_S)
    assert "in fail\n" in str(caught.value)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_no_exception_leaves_the_child(error: BaseException) -> None:
    """Any ``BaseException`` is reported to the parent."""

    def leave() -> None:
        raise error

    with pytest.raises(ForkedError, match=type(error).__name__):
        run_forked(leave, deadline=TIMEOUT_S)


def test_value_that_cannot_be_pickled_is_an_error() -> None:
    """The child reports that error."""
    with pytest.raises(ForkedError, match=r"(?i)pickle"):
        run_forked(lambda: lambda: None, deadline=TIMEOUT_S)


class ReadableBy:
    """Can be unpickled in one process only."""

    def __init__(self, pid: int) -> None:
        assert os.getpid() == pid, "not here"
        self.pid = pid

    def __reduce__(self) -> tuple[type[ReadableBy], tuple[int]]:
        return ReadableBy, (self.pid,)


def test_value_that_cannot_be_unpickled_is_an_error() -> None:
    """An exception of unpickling is not reported as one of the function."""
    with pytest.raises(ForkedError, match=r"could not be unpickled: .*not here"):
        run_forked(lambda: ReadableBy(os.getpid()), deadline=TIMEOUT_S)


@pytest.mark.parametrize("status", [0, 3])
def test_child_that_exits_has_an_exit_status(status: int) -> None:
    """``os._exit`` is not a return, whatever the status."""
    end = run_forked(lambda: os._exit(status), deadline=TIMEOUT_S)
    assert end == Forked(False, None, exit_code=status)


def crash(number: int) -> None:
    """Crash, while another thread is waiting."""
    started = threading.Event()

    def bystand() -> None:
        started.set()
        stay()

    threading.Thread(target=bystand, daemon=True).start()
    started.wait(TIMEOUT_S)
    signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE])
def test_crash_is_reported_with_the_stacks_of_all_threads(number: int) -> None:
    """The result has the signal and the stacks; without a GIL, faulthandler writes only the crashed thread's."""
    end = run_forked(lambda: crash(number), deadline=TIMEOUT_S)
    assert (end.returned, end.signal, end.exit_code, end.timed_out) == (False, number, None, False)
    assert "in crash" in end.stacks
    assert "in bystand" in end.stacks or not gil_enabled()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_signal_that_is_no_crash_is_reported(number: int) -> None:
    """The result has the signal that ended the child; a handler of the parent has no effect in the child."""

    def be_killed() -> None:
        os.kill(os.getpid(), number)
        stay()

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        end = run_forked(be_killed, deadline=TIMEOUT_S)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert end == Forked(False, None, signal=number)


def hang(ready: Path) -> None:
    """Write the file, and wait for ever."""
    write_ids(ready, os.getpid())
    stay()


def test_hang_is_reported_with_its_stacks(watched: Watched) -> None:
    """At the deadline, the child writes its stacks, and ends."""
    end = watched.hung(hang)
    assert (end.returned, end.timed_out, end.signal) == (False, True, signal.SIGABRT)
    assert "in hang" in end.stacks
    assert_gone(watched.pid())


def test_child_that_makes_progress_is_not_killed() -> None:
    """However long it takes: the machine may be busy."""
    steps = itertools.count()
    end = run_forked(lambda: "done", deadline=0.0, progress=lambda: next(steps))
    assert end == Forked(True, "done")
    assert next(steps) > 2


def hang_deaf(ready: Path) -> None:
    """Hang, with all signals blocked or ignored."""
    for number in (signal.SIGABRT, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    hang(ready)


def test_child_that_does_not_write_its_stacks_is_killed(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child has a limited time to write its stacks."""
    monkeypatch.setattr(forked, "_STACKS_TIMEOUT_S", 0.05)
    end = watched.hung(hang_deaf)
    assert (end.returned, end.timed_out, end.signal) == (False, True, signal.SIGKILL)
    assert_gone(watched.pid())


def test_stopped_child_is_killed(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process does not end by SIGABRT."""
    monkeypatch.setattr(forked, "_STACKS_TIMEOUT_S", 0.05)

    def stop(ready: Path) -> None:
        write_ids(ready, os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)

    def is_stopped(child: int) -> bool:
        return os.WIFSTOPPED(os.waitpid(child, os.WNOHANG | os.WUNTRACED)[1])

    end = watched.hung(stop, is_stopped)
    assert (end.timed_out, end.signal) == (True, signal.SIGKILL)
    assert_gone(watched.pid())


def test_fork_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is that of the fork."""

    def no_fork() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", no_fork)
    with pytest.raises(BlockingIOError, match="temporarily unavailable"):
        run_forked(lambda: 1, deadline=TIMEOUT_S)


def test_in_a_thread() -> None:
    """A thread other than the main one, which cannot handle signals, can fork as well."""
    ends: list[Forked[int]] = []
    thread = threading.Thread(target=lambda: ends.append(run_forked(lambda: 1, deadline=TIMEOUT_S)))
    thread.start()
    thread.join(TIMEOUT_S)
    assert ends == [Forked(True, 1)]


def test_value_is_returned_without_a_wait_status() -> None:
    """If SIGCHLD is ignored, or other code waits for all children, there is no status."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert run_forked(lambda: 1, deadline=TIMEOUT_S) == Forked(True, 1)
        assert not run_forked(lambda: os._exit(3), deadline=TIMEOUT_S).returned
    finally:
        signal.signal(signal.SIGCHLD, before)


# --- what it starts


def start_grandchild(*, away: bool = False) -> int:
    """Fork a process that keeps all descriptors open, and that only SIGKILL ends; return its id when it is ready."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        if away:
            os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT):
            signal.signal(number, signal.SIG_IGN)
        os.write(writing, b".")
        stay()
    os.read(reading, 1)
    return pid


def test_grandchild_does_not_delay_a_value_and_is_killed() -> None:
    """Its end of the pipe stays open; the value is read all the same."""
    pid = run_forked(start_grandchild, deadline=TIMEOUT_S).value or 0
    wait_until(lambda: not is_running(pid))


def leave_with_a_grandchild(ready: Path) -> None:
    """Exit, and leave a process that has the pipe."""
    write_ids(ready, start_grandchild())
    os._exit(4)


def crash_with_a_grandchild(ready: Path) -> None:
    """Crash, and leave a process that has the pipe."""
    write_ids(ready, start_grandchild())
    signal.raise_signal(signal.SIGSEGV)


def hang_with_a_grandchild(ready: Path) -> None:
    """Hang, with a process that has the pipe."""
    write_ids(ready, start_grandchild())
    stay()


@pytest.mark.parametrize(
    ("work", "exit_code", "number"),
    [
        (leave_with_a_grandchild, 4, None),
        (crash_with_a_grandchild, None, signal.SIGSEGV),
        (hang_with_a_grandchild, None, signal.SIGABRT),
    ],
)
def test_grandchild_does_not_hide_how_the_child_ended(
    watched: Watched, work: Callable[[Path], None], exit_code: int | None, number: int | None
) -> None:
    """The child's end is found although the grandchild has the pipe; the grandchild is killed."""
    end = watched.hung(work) if work is hang_with_a_grandchild else watched.ended(work)
    assert (end.returned, end.exit_code, end.signal) == (False, exit_code, number)
    assert end.timed_out is (work is hang_with_a_grandchild)
    wait_until(lambda: not is_running(watched.pid()))


def test_grandchild_that_got_away_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in a session of its own is not killed with the group, and not waited for."""
    monkeypatch.setattr(forked, "_POLL_INTERVAL_S", 0.01)
    ready = tmp_path / "ready"

    def work() -> None:
        ready.write_text(str(start_grandchild(away=True)))
        os._exit(5)

    try:
        assert run_forked(work, deadline=TIMEOUT_S) == Forked(False, None, exit_code=5)
    finally:
        os.kill(int(ready.read_text()), signal.SIGKILL)


# --- what is left in this process


def hang_a_moment() -> None:
    """Hang, so that the deadline passes."""
    with suppress(ForkedError):
        run_forked(stay, deadline=0.05)


def raise_there() -> None:
    """Call a function that raises."""
    with pytest.raises(ForkedError):
        run_forked(fail, deadline=TIMEOUT_S)


def fail_to_fork() -> None:
    """Let the fork fail."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fork", fail)
        with pytest.raises(LookupError):
            run_forked(fail, deadline=TIMEOUT_S)


@linux
@pytest.mark.parametrize(
    "use",
    [
        lambda: run_forked(os.getpid, deadline=TIMEOUT_S),
        raise_there,
        lambda: run_forked(lambda: os._exit(1), deadline=TIMEOUT_S),
        lambda: run_forked(lambda: signal.raise_signal(signal.SIGSEGV), deadline=TIMEOUT_S),
        hang_a_moment,
        fail_to_fork,
    ],
    ids=["value", "error", "exit", "crash", "hang", "no fork"],
)
def test_nothing_stays_open_and_no_process_is_left(use: Callable[[], object]) -> None:
    """However the call ends, there are as many descriptors, threads and children as before."""
    use()  # opens what stays open
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), children()
    for _ in range(3):
        use()
    gc.collect()
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), children()) == before


def children() -> list[str]:
    """Return the ids of this process's children, zombies included."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "stat").read_text().rpartition(")")[2].split()[1] == str(os.getpid()):
                found.append(folder.name)
    return sorted(found)


def test_signals_and_faulthandler_are_the_parents_afterwards() -> None:
    """The child changes them for itself only."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    enabled = faulthandler.is_enabled()
    run_forked(os.getpid, deadline=TIMEOUT_S)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)] == before
    assert faulthandler.is_enabled() is enabled


def test_ctrl_c_kills_the_child(tmp_path: Path) -> None:
    """KeyboardInterrupt is raised while the child runs; the child and what it started are killed."""
    ready = tmp_path / "ready"

    def interrupt() -> None:
        ready.write_text(f"{os.getpid()} {start_grandchild()}")
        os.kill(os.getppid(), signal.SIGINT)
        stay()

    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            run_forked(interrupt, deadline=TIMEOUT_S)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    child, grandchild = map(int, ready.read_text().split())
    assert_gone(child)
    wait_until(lambda: not is_running(grandchild))


def test_ctrl_c_at_the_start_kills_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C during the fork leaves no process."""
    pids: list[int] = []
    fork = os.fork

    def interrupted() -> int:
        pid = fork()
        if pid:
            pids.append(pid)
            signal.raise_signal(signal.SIGINT)
        return pid

    monkeypatch.setattr(os, "fork", interrupted)
    with interruptible(), pytest.raises(KeyboardInterrupt):
        run_forked(stay, deadline=TIMEOUT_S)
    assert len(pids) == 1
    assert_gone(pids[0])


def test_ctrl_c_is_nothing_to_the_child() -> None:
    """A terminal sends it to the child as well; the child ignores it."""

    def be_interrupted() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "still here"

    with interruptible():
        assert run_forked(be_interrupted, deadline=TIMEOUT_S).value == "still here"


@pytest.mark.parametrize("action", ["error", "always"])
def test_fork_beside_threads_warns_of_nothing(action: Any) -> None:
    """Python warns of it since 3.12; as an error, the warning would be raised after the process was made."""
    with a_thread_running(), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter(action)
        filters = list(warnings.filters)
        assert run_forked(lambda: 1, deadline=TIMEOUT_S) == Forked(True, 1)
        assert list(warnings.filters) == filters
    assert seen == []


def test_filters_of_the_child_are_the_parents() -> None:
    """The child warns as this process would."""

    def warn() -> None:
        warnings.warn("it leaks", stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ForkedError, match="UserWarning: it leaks"):
            run_forked(warn, deadline=TIMEOUT_S)


# --- output, and what must not happen twice


def output_of(source: str, *flags: str) -> str:
    """Run a script, and return its standard output, which is a pipe."""
    source = f"import os, signal, sys\nfrom pytest_concclaims.lab.processes.forked import run_forked\n{source}"
    process = subprocess.run(
        [sys.executable, *flags, "-c", source], stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False
    )
    return process.stdout


def test_output_of_the_child_arrives_once(capfd: pytest.CaptureFixture[str]) -> None:
    """On both streams, and all of it, although the child does not end like a program."""

    def write() -> None:
        print("to stdout", end="")  # noqa: T201
        sys.stderr.write("to stderr")

    run_forked(write, deadline=TIMEOUT_S)
    assert capfd.readouterr() == ("to stdout", "to stderr")


#: Code of each way in which a child can end.
ENDS = {
    "returns": "pass",
    "raises": "raise LookupError",
    "exits": "sys.exit(3)",
    "leaves": "os._exit(3)",
    "crashes": "signal.raise_signal(signal.SIGSEGV)",
}


def test_buffered_text_of_the_parent_is_written_once(tmp_path: Path) -> None:
    """The child has copies of the parent's buffers, of streams and of files, and does not write them."""
    source = f"""
file = open({str(tmp_path / "file")!r}, "w")
for name, end in {ENDS!r}.items():
    file.write(name + " in a file ")
    sys.stdout.write(name + " ")
    try:
        run_forked(lambda: exec(end), deadline={TIMEOUT_S})
    except Exception:
        pass
file.close()  # not at exit, where the free-threaded build may leave it out
sys.stdout.write("parent again")
"""
    assert output_of(source) == f"{' '.join(ENDS)} parent again"
    assert (tmp_path / "file").read_text() == "".join(f"{name} in a file " for name in ENDS)


def test_child_runs_nothing_that_the_parent_has_put_off() -> None:
    """Neither exit handlers, nor ``finally``, nor ``with``, nor code after the call."""
    source = f"""
import atexit, contextlib
me = os.getpid()
def say(what):
    os.write(1, (what if os.getpid() == me else "CHILD").encode() + b" ")
atexit.register(say, "atexit")
class Dying:
    def __del__(self):
        say("del")
kept = Dying()
for end in {list(ENDS.values())!r}:
    with contextlib.ExitStack() as stack:
        stack.callback(say, "with")
        try:
            run_forked(lambda: exec(end), deadline={TIMEOUT_S})
        except Exception:
            pass
        finally:
            say("finally")
    say("after")
"""
    words = output_of(source).split()
    assert words[: 3 * len(ENDS) + 1] == ["finally", "with", "after"] * len(ENDS) + ["atexit"]
    assert "CHILD" not in words


def test_streams_may_be_closed_or_missing() -> None:
    """A program without standard streams can fork as well."""
    source = f"""
sys.stdout.close()
sys.stderr = None
os.write(1, str(run_forked(lambda: 42, deadline={TIMEOUT_S}).value).encode())
os._exit(0)
"""
    assert output_of(source) == "42"


@linux
def test_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """A killed parent cannot end its child; the kernel does."""
    ready = tmp_path / "ready"
    source = f"""
import threading
def work():
    with open({str(ready) + ".unfinished"!r}, "w") as file:
        file.write(str(os.getpid()))
    os.replace({str(ready) + ".unfinished"!r}, {str(ready)!r})
    threading.Event().wait()
run_forked(work, deadline=600)
"""
    source = f"import os\nfrom pytest_concclaims.lab.processes.forked import run_forked\n{source}"
    with subprocess.Popen([sys.executable, "-c", source]) as process:
        try:
            wait_until(lambda: ready.exists() or process.poll() is not None)
            pid = int(ready.read_text())
            assert is_running(pid)
        finally:
            process.kill()
    wait_until(lambda: not is_running(pid))


def test_child_writes_no_core_dump() -> None:
    """A crash that was asked for needs no core dump."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("nothing writes core dumps here")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        limits = run_forked(lambda: resource.getrlimit(resource.RLIMIT_CORE), deadline=TIMEOUT_S).value
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert limits is not None
    assert limits[0] == 0


@pytest.mark.skipif(not hasattr(gc, "freeze"), reason="PyPy does not say what it collects")
@pytest.mark.parametrize("context", [nullcontext, objects_frozen])
def test_child_collects_no_garbage_of_its_parent(context: Callable[[], AbstractContextManager[None]]) -> None:
    """Nor does what a child runs first leave any."""
    loop: list[object] = []
    loop.append(loop)
    del loop
    with context():
        assert [run_forked(gc.collect, deadline=TIMEOUT_S).value for _ in range(2)] == [0, 0]


@pytest.mark.skipif(not hasattr(gc, "freeze"), reason="PyPy has no freeze")
@pytest.mark.parametrize("frozen", [False, True])
def test_what_the_user_has_frozen_stays_frozen(frozen: bool) -> None:
    """If nothing was, nothing is afterwards."""
    if frozen:
        gc.freeze()
    try:
        with objects_frozen():
            run_forked(gc.collect, deadline=TIMEOUT_S)
        assert (gc.get_freeze_count() > 0) is frozen
    finally:
        gc.unfreeze()
