"""The machine lock: one instrument holds it at a time, and an ended process never does."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims.lab import lock
from pytest_concclaims.lab.lock import (
    LOCK_DIR,
    MachineBusy,
    MachineError,
    MachineLockError,
    check_lock_folder,
    machine_lock,
)
from pytest_concclaims.lab.processes.forked import run_forked

pytestmark = pytest.mark.interpreter

#: Since 3.12, Python warns of forks beside threads, which pytest's plugins have.
fork_warning = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's folders and their owners")

#: The beginning of a script of another process: it ends itself if the test does not end it.
PRELUDE = f"""
import gc, multiprocessing, os, signal, sys, threading
if hasattr(signal, "alarm"):
    signal.alarm({TIMEOUT_S:.0f})
from pytest_concclaims.lab.lock import MachineBusy, machine_lock

messages = os.dup(0)

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def wait_for_word():
    os.read(messages, 1)

"""
#: Takes the lock, and releases it when it reads a line.
HOLDING = """
with machine_lock().held(timeout=0):
    say(os.getpid())
    wait_for_word()
say("released")
"""


class Script:
    """Another process, which runs a script and communicates by pipes; at the end, it and its children are gone."""

    def __init__(self, source: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def __enter__(self) -> Script:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # wakes all that wait for a line, forked children included
        self._process.stdout.read()  # until the last process has closed it
        self._process.wait(TIMEOUT_S)
        self._process.stdout.close()

    def hear(self) -> str:
        """Return the next line that it writes."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode().strip()
        assert line, "it ended without a word"
        return line

    def tell(self) -> None:
        """Send a line to the process that waits for one."""
        assert self._process.stdin is not None
        self._process.stdin.write(b".")

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait(TIMEOUT_S)

    def interrupt(self) -> None:
        """Send a Ctrl-C."""
        self._process.send_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a lock of its own; return the lock's folder."""
    named = tmp_path / "lock"
    monkeypatch.setenv(LOCK_DIR, str(named))
    return named


class Clock:
    """A clock that advances only by sleeping.

    :param nap: called at each sleep, with the time since the start.
    """

    def __init__(self, nap: Callable[[float], object] = lambda _: None) -> None:
        self.now = 0.0
        self._nap = nap

    def monotonic(self) -> float:
        """Return the time since the start."""
        return self.now

    time = monotonic

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        if seconds:
            self.now += seconds
            self._nap(self.now)


def is_free() -> bool:
    """Return whether this thread can take the lock now."""
    try:
        with machine_lock().held(timeout=0):
            return True
    except MachineBusy:
        return False


def is_free_for_others() -> bool:
    """Return whether another process can take the lock now."""
    with Script(
        """
try:
    with machine_lock().held(timeout=0):
        say("free")
except MachineBusy:
    say("busy")
"""
    ) as other:
        return other.hear() == "free"


# --- one at a time


def test_another_process_has_to_wait_for_the_end_of_the_block() -> None:
    """The lock is free before and after a block of another process, and taken in it."""
    assert is_free()
    with Script(HOLDING) as other:
        other.hear()
        assert not is_free()
        other.tell()
        assert other.hear() == "released"
        assert is_free()


def test_waiting_process_takes_it_once_it_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for nothing else."""
    with Script(HOLDING) as other:
        other.hear()

        def let_go(now: float) -> None:
            if len(naps) == 3:
                other.tell()
                other.hear()
            naps.append(now)

        naps: list[float] = []
        monkeypatch.setattr(lock, "time", Clock(let_go))
        with machine_lock().held(timeout=TIMEOUT_S):
            assert len(naps) == 4
            assert not is_free_for_others()


def test_block_in_a_block_does_not_wait_for_itself() -> None:
    """The end of the outer block releases the lock."""
    with machine_lock().held(timeout=0):
        with machine_lock().held(timeout=0):
            pass
        assert not is_free_for_others()
    assert is_free_for_others()


def test_lock_can_be_used_again() -> None:
    """In the same block, and after it."""
    lock = machine_lock()
    for _ in range(2):
        with lock.held(timeout=0), lock.held(timeout=0):
            assert not is_free_for_others()
        assert is_free_for_others()


@pytest.mark.parametrize("error", [LookupError(), KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=repr)
def test_exception_ends_the_block_as_well(error: BaseException) -> None:
    """A block that ends with an exception releases the lock."""
    with pytest.raises(type(error)), machine_lock().held(timeout=0):
        raise error
    assert is_free_for_others()


def test_interrupt_while_it_is_taken_leaves_it_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C is delayed until it is recorded that the lock was taken."""

    class Interrupting(Clock):
        def time(self) -> float:
            signal.raise_signal(signal.SIGINT)
            return 0.0

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(lock, "time", Interrupting())
            with pytest.raises(KeyboardInterrupt):
                machine_lock().held(timeout=0).__enter__()
    finally:
        signal.signal(signal.SIGINT, handler)
    assert is_free_for_others()


@posix
def test_copy_of_the_descriptor_does_not_keep_it_taken() -> None:
    """A forked child has such a copy until it closes it."""
    with machine_lock().held(timeout=0):
        number = machine_lock()._descriptor
        assert number is not None
        copy = os.dup(number)
    try:
        assert is_free_for_others()
    finally:
        os.close(copy)


@posix
def test_lock_on_a_file_that_was_deleted_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes lock a new file of that name, so that file is locked instead."""
    real = lock._lock
    deleted: list[int] = []

    def lock_and_delete(descriptor: int) -> None:
        real(descriptor)
        if not deleted:
            (folder / "machine.lock").unlink()
            deleted.append(1)

    monkeypatch.setattr(lock, "_lock", lock_and_delete)
    with machine_lock().held(timeout=TIMEOUT_S):
        assert deleted
        assert not is_free_for_others()


@contextmanager
def another_thread_holding() -> Iterator[None]:
    """Run a thread of this process that holds the lock."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with machine_lock().held(timeout=0):
            taken.set()
            done.wait(TIMEOUT_S)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert taken.wait(TIMEOUT_S)
        yield
    finally:
        done.set()
        thread.join(TIMEOUT_S)


def test_another_thread_has_to_wait() -> None:
    """Threads of a process exclude each other, and the error says that it is one of them."""
    with another_thread_holding():
        with pytest.raises(MachineBusy, match=rf"in another thread of this process \(pid {os.getpid()}, "):
            machine_lock().held(timeout=0).__enter__()
        assert not is_free_for_others()
    assert is_free()


def test_process_that_takes_it_repeatedly_lets_others_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two blocks, processes that wait have time to find the lock free."""
    with Script("say('ready')\nwait_for_word()\n" + HOLDING) as other:
        other.hear()

        def let_look(now: float) -> None:
            looks.append(now)
            if len(looks) == 1:
                other.tell()
                other.hear()

        looks: list[float] = []
        monkeypatch.setattr(lock, "time", Clock(let_look))
        with machine_lock().held(timeout=0):
            pass
        assert looks == []  # no other process waited
        assert not is_free()
        assert looks
        assert looks[0] > lock._POLL_INTERVAL_S


# --- crashed holders, and their children

FORKS = {
    "os.fork": """
def child():
    say("child")
    wait_for_word()

def fork():
    if not os.fork():
        child()
        os._exit(0)
""",
    "multiprocessing": """
def child():
    say("child")
    wait_for_word()

def fork():
    multiprocessing.get_context("fork").Process(target=child).start()
""",
    "another thread": """
def child():
    say("child")
    wait_for_word()

def fork_here():
    if not os.fork():
        child()
        os._exit(0)

def fork():
    thread = threading.Thread(target=fork_here)
    thread.start()
    thread.join()
""",
    "a child's child": """
def child():
    if not os.fork():
        say("child")
        wait_for_word()
        os._exit(0)
    os.wait()

def fork():
    if not os.fork():
        child()
        os._exit(0)
""",
}


def test_killed_holder_leaves_no_lock_behind() -> None:
    """The name of a killed holder is still in the file, and is not used."""
    with Script(HOLDING) as other:
        pid = other.hear()
        other.kill()
        with (
            machine_lock().held(timeout=0),
            Script(
                "try:\n    machine_lock().held(timeout=0).__enter__()\nexcept MachineBusy as busy:\n    say(busy)"
            ) as waiter,
        ):
            said = waiter.hear()
        assert f"pid {os.getpid()}," in said
        assert f"pid {pid}," not in said


@forks
@pytest.mark.parametrize("fork", FORKS.values(), ids=list(FORKS))
def test_killed_holder_leaves_no_lock_to_its_children(fork: str) -> None:
    """A forked child has all descriptors of its parent, and may live longer."""
    with Script(
        fork
        + """
with machine_lock().held(timeout=0):
    fork()
    wait_for_word()
"""
    ) as holder:
        assert holder.hear() == "child"
        assert not is_free()
        holder.kill()
        assert is_free()


@forks
def test_no_thread_forks_while_the_lock_is_being_taken() -> None:
    """Otherwise, the child would have a descriptor that is not recorded."""
    with Script(
        """
from pytest_concclaims.lab import lock

about_to, forked = threading.Event(), threading.Event()

def fork():
    if not os.fork():
        say("child")
        wait_for_word()
        os._exit(0)
    forked.set()

def slow(descriptor, real=lock._lock):
    real(descriptor)
    threading.Thread(target=fork).start()
    about_to.wait()
    say("forked" if forked.wait(0.2) else "taken")

with machine_lock().held(timeout=0):
    pass
os.register_at_fork(before=about_to.set)  # is called before the one of the lock, that was registered before
lock._lock = slow
os.environ["PYTEST_CONCCLAIMS_LOCK_DIR"] += "-other"
with machine_lock().held(timeout=0):
    forked.wait()
    wait_for_word()
"""
    ) as holder:
        assert [holder.hear(), holder.hear()] == ["taken", "child"]
        holder.kill()


@forks
def test_first_use_may_be_in_the_middle_of_a_fork() -> None:
    """If another thread forks while the fork handlers are registered, only the handlers at the end run."""
    with Script(
        """
sys.unraisablehook = lambda error: say(error.exc_value)

def use():
    with machine_lock().held(timeout=0):
        pass

def fork():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)

os.register_at_fork(before=use)
for _ in range(2):
    fork()
thread = threading.Thread(target=use)
thread.start()
thread.join()
say("used")
"""
    ) as other:
        assert other.hear() == "used"


ENDS = {
    "exit": "os._exit(0)",
    "forgets": "del lock; gc.collect(); os._exit(0)",
    "leaves the block": "pass",
    "raises": "raise SystemExit",
    "asks": """
        try:
            machine_lock().held(timeout=0).__enter__()
        except RuntimeError:
            pass""",
}


@forks
@pytest.mark.parametrize("end", ENDS.values(), ids=list(ENDS))
def test_child_does_not_release_the_lock_of_its_parent(end: str, folder: Path) -> None:
    """Neither at its end, nor at the end of the block, nor when its lock objects are collected."""
    with Script(
        f"""
lock = machine_lock()
with lock.held(timeout=0):
    child = os.fork()
    if not child:
        {end}
    else:
        os.waitpid(child, 0)
        say("held")
        wait_for_word()
if child:
    say("released")
"""
    ) as holder:
        assert holder.hear() == "held"
        assert not is_free()
        assert (folder / "machine.holder").read_text() != ""
        holder.tell()
        assert holder.hear() == "released"
        assert is_free()


@forks
def test_child_closes_nothing_but_the_lock() -> None:
    """A descriptor that was closed, and now belongs to another file, is not closed."""
    with machine_lock().held(timeout=0):
        number = machine_lock()._descriptor
        assert number is not None
        kept = os.dup(number)
        with tempfile.TemporaryFile() as other:
            os.dup2(other.fileno(), number)
            there = run_forked(lambda: os.fstat(number).st_ino, deadline=TIMEOUT_S).value
            assert there == os.fstat(other.fileno()).st_ino
        os.dup2(kept, number)
        os.close(kept)
    assert is_free_for_others()


@forks
def test_child_closes_nothing_later_either() -> None:
    """A file that the child opens later may have the descriptor's number."""
    with Script(
        """
with machine_lock().held(timeout=0):
    child = os.fork()
    if not child:
        file = open(os.devnull)
if not child:
    gc.collect()
    os.fstat(file.fileno())
    os._exit(0)
say(os.waitpid(child, 0)[1])
"""
    ) as parent:
        assert parent.hear() == "0"


@forks
def test_end_of_a_block_of_the_parent_does_not_end_one_of_the_child() -> None:
    """Both blocks were entered where the child was forked."""
    with Script(
        """
block = machine_lock().held(timeout=0)
block.__enter__()
child = os.fork()
if child:
    block.__exit__(None, None, None)
    say("released")
    os.waitpid(child, 0)
else:
    wait_for_word()
    with machine_lock().held(timeout=0):
        block.__exit__(None, None, None)
        say("child")
        wait_for_word()
    say("released")
    wait_for_word()
    os._exit(0)
"""
    ) as parent:
        assert parent.hear() == "released"
        assert is_free()
        parent.tell()
        assert parent.hear() == "child"
        assert not is_free()
        parent.tell()
        assert parent.hear() == "released"
        assert is_free()


# --- forked children that take it


def ask() -> str:
    """Take the lock, and say how that ended."""
    try:
        with machine_lock().held(timeout=TIMEOUT_S):
            return "taken"
    except (RuntimeError, MachineError) as error:
        return f"{type(error).__name__}: {error}"


@forks
@pytest.mark.parametrize("generations", [1, 2])
def test_child_of_the_holder_is_refused_at_once(generations: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child would wait for its parent, which waits for the child."""
    monkeypatch.setattr(lock, "time", Clock(lambda _: pytest.fail("it waits")))
    work: Callable[[], object] = ask
    if generations == 2:
        work = lambda: run_forked(ask, deadline=TIMEOUT_S).value  # noqa: E731  (a nested call)
    with machine_lock().held(timeout=0):
        said = run_forked(work, deadline=TIMEOUT_S).value
    assert str(said).startswith(
        "RuntimeError: an instrument was used in a child of the process that measures, such as"
    )
    assert f"(pid {os.getpid()}, measuring for 0 s)" in str(said)


@forks
def test_child_that_has_it_refuses_its_own() -> None:
    """A forked child that holds the lock is treated as any other parent."""
    assert is_free()

    def hold() -> str | None:
        with machine_lock().held(timeout=0):
            return run_forked(ask, deadline=TIMEOUT_S).value

    assert str(run_forked(hold, deadline=TIMEOUT_S).value).startswith("RuntimeError: ")


@contextmanager
def a_child_that_asks_when_messages() -> Iterator[Callable[[], str]]:
    """Start a forked child; yield a function that has the child take the lock, and returns what it says."""
    go_reading, go = os.pipe()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(go)
            if os.read(go_reading, 1):
                os.write(writing, ask().encode())
        finally:
            os._exit(0)
    os.close(go_reading)
    os.close(writing)

    def have_asked() -> str:
        os.write(go, b".")
        return os.read(reading, 10_000).decode()

    try:
        yield have_asked
    finally:
        os.close(go)
        os.close(reading)
        os.waitpid(child, 0)


@forks
@fork_warning
def test_child_from_before_the_block_is_refused_as_well() -> None:
    """The workers of a pool were forked before the block, and the block may wait for them."""
    assert is_free()
    with a_child_that_asks_when_messages() as have_asked, machine_lock().held(timeout=0):
        assert have_asked().startswith("RuntimeError: ")


@forks
@fork_warning
def test_child_can_take_what_its_parent_has_released() -> None:
    """After the release, it can take the lock as any other process can."""
    with machine_lock().held(timeout=0):
        child = a_child_that_asks_when_messages()
        have_asked = child.__enter__()
    assert have_asked() == "taken"
    child.__exit__(None, None, None)
    assert is_free()


@forks
def test_each_thread_of_a_child_can_take_it() -> None:
    """The thread that forked does not hold the lock in the child."""
    assert is_free()

    def ask_in_a_thread() -> list[bool]:
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.append(is_free()), daemon=True)
        thread.start()
        thread.join(TIMEOUT_S)
        return answers

    assert run_forked(ask_in_a_thread, deadline=2 * TIMEOUT_S).value == [True]


@forks
def test_child_waits_for_others_than_its_parent() -> None:
    """A process that is not its ancestor does not wait for it."""
    assert is_free()
    with Script(HOLDING) as other:
        pid = other.hear()
        said = run_forked(lambda: is_free(), deadline=TIMEOUT_S).value
        assert said is False
        with pytest.raises(MachineBusy, match=f"pid {pid}, "):
            machine_lock().held(timeout=0).__enter__()


# --- waiting


def waited(timeout: float, monkeypatch: pytest.MonkeyPatch) -> tuple[list[tuple[float, str]], str]:
    """Wait in vain; return the messages with their times, and the error."""
    clock = Clock()
    messages: list[tuple[float, str]] = []
    monkeypatch.setattr(lock, "time", clock)
    with pytest.raises(MachineBusy) as caught:
        machine_lock().held(timeout=timeout, tell=lambda line: messages.append((clock.now, line))).__enter__()
    assert timeout <= clock.now <= timeout + 2 * lock._POLL_INTERVAL_S
    return messages, str(caught.value)


def test_waiting_is_bounded_and_reported_once_after_a_second(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The message names the holder, since when, and how long it waits at most; the error says what to do."""
    with Script(HOLDING) as other:
        pid = other.hear()
        (folder / "machine.holder").write_text(f"{pid} -2")
        [(when, line)], error = waited(5, monkeypatch)
    assert 1 <= when <= 1 + 2 * lock._POLL_INTERVAL_S
    assert line == f"waiting for another experiment (pid {pid}, measuring for 3 s) to end, at most 5 s"
    assert error == (
        f"waited 5 s for another experiment (pid {pid}, measuring for 7 s) to end. Let it end, or end it. The lock "
        f"is {folder / 'machine.lock'}; for runs that share no CPUs, set PYTEST_CONCCLAIMS_LOCK_DIR to another folder"
    )


def test_short_waiting_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no message for less than a second."""
    with Script(HOLDING) as other:
        other.hear()
        messages, error = waited(0.5, monkeypatch)
    assert messages == []
    assert error.startswith("waited 0.5 s for another experiment (")


@pytest.mark.parametrize("content", ["", "unknown", "12", "x y", "1 2 3"])
def test_unknown_holder_is_another_experiment(content: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Such as on a full disk, or while the file is being written."""
    with Script(HOLDING) as other:
        other.hear()
        (folder / "machine.holder").write_text(content)
        [(_, line)], error = waited(2, monkeypatch)
    assert line == "waiting for another experiment to end, at most 2 s"
    assert error.startswith("waited 2 s for another experiment to end. Let it end")


def test_holder_is_named_in_a_file(folder: Path) -> None:
    """Every process can read that; the file is empty while the lock is free."""
    before = time.time()
    with machine_lock().held(timeout=0):
        pid, since = (folder / "machine.holder").read_text().split()
    assert int(pid) == os.getpid()
    assert before <= float(since) <= time.time()
    assert (folder / "machine.holder").read_text() == ""


def test_messages_go_to_standard_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """That is the default."""
    monkeypatch.setattr(lock, "time", Clock())
    with Script(HOLDING) as other:
        pid = other.hear()
        with pytest.raises(MachineBusy):
            machine_lock().held(timeout=2).__enter__()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"waiting for another experiment (pid {pid}, ")
    assert err.count("\n") == 1


@posix
def test_interrupt_ends_the_waiting() -> None:
    """On Ctrl-C, the lock is not taken."""
    with Script(HOLDING) as other:
        other.hear()
        with Script(
            f"""
from pytest_concclaims.lab import lock

lock._TELL_AFTER_S = 0
signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background ignores it
try:
    machine_lock().held(timeout={TIMEOUT_S}, tell=say).__enter__()
except KeyboardInterrupt:
    say("interrupted")
"""
        ) as waiter:
            assert waiter.hear().startswith("waiting for another experiment")
            waiter.interrupt()
            assert waiter.hear() == "interrupted"
        other.tell()
        other.hear()
        assert is_free()


def test_exception_of_tell_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is not taken after that."""

    def fail(line: str) -> None:
        raise LookupError(line)

    monkeypatch.setattr(lock, "time", Clock())
    with Script(HOLDING) as other:
        other.hear()
        with pytest.raises(LookupError, match="waiting for another experiment"):
            machine_lock().held(timeout=TIMEOUT_S, tell=fail).__enter__()
        other.tell()
        other.hear()
        assert is_free_for_others()


@pytest.mark.parametrize("timeout", [-1, float("inf"), float("nan")])
def test_timeout_is_bounded(timeout: float) -> None:
    """A run cannot wait for ever."""
    with pytest.raises(ValueError, match="must be a number of seconds, 0 or more"):
        machine_lock().held(timeout=timeout).__enter__()
    assert is_free_for_others()


# --- the folder


def test_folder_named_is_made_for_this_user_alone(folder: Path) -> None:
    """The folder and its parents are created when it is first used."""
    assert not folder.exists()
    assert is_free()
    assert (folder / "machine.lock").is_file()
    if sys.platform != "win32":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="no umask that keeps out")
def test_umask_of_one_run_does_not_keep_the_next_out(folder: Path) -> None:
    """Files are created so that this user can open them again."""
    folder.mkdir(mode=0o700, parents=True)
    before = os.umask(0o777)
    try:
        assert is_free()
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "machine.lock").stat().st_mode) == 0o600


def test_another_folder_is_another_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same process and in other processes."""
    with Script(HOLDING) as other:
        other.hear()
        assert not is_free()
        monkeypatch.setenv(LOCK_DIR, str(folder / "another"))
        with machine_lock().held(timeout=0):
            assert not is_free_for_others()
            monkeypatch.setenv(LOCK_DIR, str(folder / "third"))
            assert is_free_for_others()
            assert is_free()


@posix
def test_folder_does_not_depend_on_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that differ between tox, a service and a shell do not affect it."""
    monkeypatch.delenv(LOCK_DIR)
    before = lock._default_folder()
    for name in ("TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # so that it is looked up again
    assert lock._default_folder() == before
    if os.access("/tmp", os.W_OK):
        assert before == Path(f"/tmp/pytest-concclaims-{os.geteuid()}")


@posix
def test_without_the_shared_folder_it_is_in_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Android and some sandboxes have no /tmp."""
    monkeypatch.setattr(lock, "_SHARED", tmp_path / "missing")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert lock._default_folder() == tmp_path / f"pytest-concclaims-{os.geteuid()}"


@posix
def test_default_folder_is_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is created, and if it is open to others; a folder that was set by the user is not changed."""
    monkeypatch.delenv(LOCK_DIR)
    monkeypatch.setattr(lock, "_SHARED", tmp_path)
    default = lock._default_folder()
    assert default.parent == tmp_path
    for _ in range(2):
        assert is_free()
        assert stat.S_IMODE(default.stat().st_mode) == 0o700
        default.chmod(0o755)
    monkeypatch.setenv(LOCK_DIR, str(default))
    assert is_free()
    assert stat.S_IMODE(default.stat().st_mode) == 0o755


def cannot(match: str, *, at_first: bool = True) -> None:
    """Expect an error that the lock cannot be used, with a reason and what to do.

    :param at_first: whether the check that takes no lock raises it as well.
    """
    attempts: list[Callable[[], object]] = [lambda: machine_lock().held(timeout=TIMEOUT_S).__enter__()]
    if at_first:
        attempts.insert(0, check_lock_folder)
    for attempt in attempts:
        with pytest.raises(MachineLockError, match=match) as caught:
            attempt()
        assert "the machine lock cannot be used: " in str(caught.value)
        assert f"Its folder is {os.environ[LOCK_DIR]}; set PYTEST_CONCCLAIMS_LOCK_DIR to another" in str(caught.value)


@posix
@pytest.mark.parametrize("there", [True, False])
def test_symbolic_link_is_not_followed(there: bool, tmp_path: Path, folder: Path) -> None:
    """Other users can write to the shared folder, and could redirect the lock."""
    if there:
        (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    cannot("its folder is a symbolic link")
    assert (tmp_path / "elsewhere").exists() == there


def test_file_in_the_way_is_an_error(folder: Path) -> None:
    """The file is not changed."""
    folder.write_text("mine")
    cannot("its folder is a file")
    assert folder.read_text() == "mine"


def test_folder_that_cannot_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a read-only file system."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(LOCK_DIR, str(tmp_path / "file" / "lock"))
    cannot("Not a directory|cannot find the path|FileExists")


@posix
def test_folder_of_another_user_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user could remove the lock, or hold it."""
    folder.mkdir()
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    cannot(f"its folder belongs to user {me}, and you are user {me + 1}")


def test_relative_folder_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It would be a different folder for each run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(LOCK_DIR, "here")
    cannot("must be an absolute path")
    assert not (tmp_path / "here").exists()


def test_lock_file_that_cannot_be_opened_is_an_error(folder: Path) -> None:
    """It is not waited for."""
    (folder / "machine.lock").mkdir(parents=True)
    cannot("machine.lock")


@posix
def test_file_system_without_such_locks_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock file without a lock would stay after a crash."""
    import errno
    import fcntl

    def missing(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, "not here")

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", missing)
        cannot("not here", at_first=False)
    assert is_free()


def test_check_of_the_folder_makes_it_and_takes_no_lock(folder: Path) -> None:
    """The lock is free afterwards, and the holder's file is not written."""
    next_number = os.dup(0)
    os.close(next_number)
    check_lock_folder()
    assert (folder / "machine.lock").is_file()
    number = os.dup(0)
    os.close(number)
    assert number == next_number  # no descriptor was left open
    assert not (folder / "machine.holder").exists()
    assert is_free_for_others()


def test_check_of_the_folder_does_not_depend_on_the_holder(folder: Path) -> None:
    """It does not wait for another process, and does not release that process's lock."""
    with Script(HOLDING) as other:
        pid = other.hear()
        check_lock_folder()
        assert not is_free()
        assert (folder / "machine.holder").read_text().startswith(f"{pid} ")
    with machine_lock().held(timeout=0):
        check_lock_folder()
        assert not is_free_for_others()


@pytest.mark.skipif(sys.platform == "win32", reason="no umask that keeps out")
def test_umask_of_a_check_does_not_keep_the_next_run_out(folder: Path) -> None:
    """The file that it creates can be opened again."""
    folder.mkdir(mode=0o700, parents=True)
    before = os.umask(0o777)
    try:
        check_lock_folder()
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "machine.lock").stat().st_mode) == 0o600
    assert is_free()
