"""What the suite leaves behind: nothing of a claim in pytest's process, and nothing of the run on the machine."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "left_behind.py"
if not SCRIPT.is_file():
    pytest.skip("no benchmarks here", allow_module_level=True)


def load_script() -> Any:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("concclaims_left_behind", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


left_behind = load_script()

#: Seconds after which a run is given up; a machine may be very busy.
RUN_TIMEOUT_S = 600.0
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

#: Writes into left.json, for each test, what is in pytest's process after it and was not before.
CONFTEST = """
import contextlib, gc, json, multiprocessing, os, sys, threading, types
from pathlib import Path
import pytest

LEFT = {}
THINGS = pytest.StashKey()

def descriptors():
    "Yield the open descriptors, where the platform lists them."
    folder = Path("/proc/self/fd")
    for name in os.listdir(folder) if folder.is_dir() else ():
        try:
            target = os.readlink(folder / name)
        except OSError:  # the folder itself was open
            continue
        # Memory for arrays; multiprocessing uses it again for the next one.
        if "/pym-" not in target:
            yield f"descriptor {name} ({target})"

def child_processes():
    "Yield the children of this process, also those that have ended and were not waited for; on Linux only."
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, fields = stat.read_text().rpartition(")")
        except OSError:  # it has ended
            continue
        if fields.split()[1] == str(os.getpid()):
            yield f"process {name})"

def things():
    "Return what is in this process."
    for _ in range(3):  # on PyPy, one finalizer's object can be what the next one waits for
        gc.collect()
    found = {f"thread {thread.name} ({thread.ident})" for thread in threading.enumerate()}
    found.update(descriptors())
    found.update(child_processes())  # the next line waits for those that have ended
    found.update(f"child {child.pid} ({child.name})" for child in multiprocessing.active_children())
    return found

def pytest_runtestloop():
    "Start what stays as long as the interpreter, with an empty main module, as the claims do."
    with contextlib.suppress(ImportError):
        import ctypes  # some builds keep the file of libffi open from then on
    if "forkserver" in multiprocessing.get_all_start_methods():
        from multiprocessing import forkserver, resource_tracker
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
            resource_tracker.ensure_running()
            forkserver.ensure_running()
    if hasattr(gc, "freeze"):
        gc.freeze()  # the collector does not look through existing objects again for each test

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    before = item.session.stash.get(THINGS, None) or things()
    result = yield
    after = item.session.stash[THINGS] = things()
    LEFT[item.nodeid] = sorted(after - before)
    return result

def pytest_sessionfinish():
    Path("left.json").write_text(json.dumps(LEFT), encoding="utf-8")
"""


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield the surroundings of the run under test; end all of its processes afterwards."""
    # Below tmp_path, the path of a fork server's socket would be too long.
    with tempfile.TemporaryDirectory(prefix="claims-") as folder:
        surroundings = left_behind.Surroundings.of_run(Path(folder) / "tmp")
        for name, value in surroundings.environment.items():
            monkeypatch.setenv(name, value)
        try:
            yield surroundings
        finally:
            surroundings.end_processes()


def run(pytester: pytest.Pytester, *arguments: str, conftest: str = "") -> dict[str, list[str]]:
    """Run pytest; return what each test has left in pytest's process."""
    pytester.makeconftest(CONFTEST + conftest)
    pytester.runpytest_subprocess(*arguments, timeout=RUN_TIMEOUT_S)
    left: dict[str, list[str]] = json.loads((pytester.path / "left.json").read_text(encoding="utf-8"))
    return left


#: A worker that is killed while it hands over a result can keep a lock for which the pool then waits for ever.
NO_WORKER_OF_A_POOL_IS_KILLED = """
import multiprocessing.pool

def terminate(self):
    raise OSError("a worker was killed")

multiprocessing.pool.Pool.terminate = terminate
"""


def test_the_suite_leaves_nothing_behind(pytester: pytest.Pytester, surroundings: Any) -> None:
    """No claim leaves a thread, a process or a descriptor, and the run no process, file or shared memory.

    No claim kills the workers of a pool for that.
    """
    arguments = ["--claims", "article", "--claims-budget=0.05", "--claims-report=run.json"]
    left = run(pytester, *arguments, conftest=NO_WORKER_OF_A_POOL_IS_KILLED)
    record = json.loads((pytester.path / "run.json").read_text(encoding="utf-8"))
    assert record["complete"]
    assert [(claim["id"], claim["reason"]) for claim in record["claims"] if claim["verdict"] == "error"] == []
    assert len(left) == len(record["claims"]) > 0
    behind = surroundings.left_behind()
    left["the run"] = [str(behind)] if behind else []
    assert {name: things for name, things in left.items() if things} == {}


# --- whatever is left is found

LEAKS = """
import multiprocessing, os, signal, subprocess, sys, threading

def test_nothing():
    with open(os.devnull):
        thread = threading.Thread(target=os.getpid)
        thread.start()
        thread.join()
        process = multiprocessing.Process(target=os.getpid)
        process.start()
        process.join()
        process.close()
        subprocess.run([sys.executable, "-c", ""])

def test_thread():
    threading.Thread(target=threading.Event().wait, daemon=True, name="leak").start()

def test_child():
    multiprocessing.Process(target=signal.pause, daemon=True, name="leak").start()

def test_process_without_a_wait():
    if os.fork() == 0:
        os._exit(0)

def test_descriptor():
    os.open(os.devnull, os.O_RDONLY)
"""


@linux
@pytest.mark.usefixtures("surroundings")
def test_what_a_claim_leaves_in_the_process_is_found(pytester: pytest.Pytester) -> None:
    """Each kind is found, with the name of the test that left it, and nothing else."""
    pytester.makepyfile(LEAKS)
    left = {name.partition("::")[2]: " ".join(things) for name, things in run(pytester).items()}
    assert left.pop("test_nothing") == ""
    signs = {
        "test_thread": "thread leak",
        "test_child": "(leak)",
        "test_process_without_a_wait": "process ",
        "test_descriptor": f"({os.devnull})",
    }
    assert {name for name, sign in signs.items() if sign in left[name]} == set(left) == set(signs)


#: A process that leaves the group and session of its parent, and does not end.
SLEEPER = """
command = [sys.executable, "-c", "import signal; signal.pause()"]
subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
"""


def run_program(pytester: pytest.Pytester, body: str) -> None:
    """Run a program that may leave something behind, to its end."""
    script = pytester.makepyfile(program=f"import os, subprocess, sys, tempfile\n{body}")
    assert pytester.run(sys.executable, str(script), timeout=RUN_TIMEOUT_S).ret == 0


@linux
def test_process_left_behind_is_found_and_ended(pytester: pytest.Pytester, surroundings: Any) -> None:
    """It is found in any session, and named with its command."""
    run_program(pytester, SLEEPER)
    (process,) = surroundings.left_behind(grace=0).processes
    assert str(process) == f"process {process.pid} ({sys.executable} -c import signal; signal.pause())"
    surroundings.end_processes()
    assert not surroundings.left_behind(grace=0).processes


@linux
def test_process_that_ends_by_itself_is_waited_for(
    pytester: pytest.Pytester, surroundings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it ends after the first look."""
    look, seen = left_behind.Surroundings._look, []

    def look_and_end(self: Any) -> Any:
        seen.append(look(self))
        self.end_processes()
        return seen[-1]

    monkeypatch.setattr(left_behind.Surroundings, "_look", look_and_end)
    run_program(pytester, SLEEPER)
    assert not surroundings.left_behind()
    assert [len(found.processes) for found in seen] == [1, 0]


@linux
def test_processes_of_others_are_not_found(pytester: pytest.Pytester, surroundings: Any) -> None:
    """Here, a process of another run."""
    run_program(pytester, SLEEPER)
    (process,) = surroundings.left_behind(grace=0).processes
    with tempfile.TemporaryDirectory() as folder:
        other = left_behind.Surroundings.of_run(Path(folder) / "tmp")
        other.end_processes()
        assert process not in other.left_behind(grace=0).processes
    assert surroundings.left_behind(grace=0).processes == (process,)


def test_files_left_behind_are_found(pytester: pytest.Pytester, surroundings: Any) -> None:
    """Empty folders are found as well, and files in folders."""
    run_program(
        pytester, "for name in 'abc': tempfile.mkdtemp(prefix=name)\ntempfile.mkstemp(dir=tempfile.mkdtemp('', 'd'))"
    )
    assert [path[0] for path in surroundings.left_behind(grace=0).files] == list("abcd")
    (*_, last) = surroundings.left_behind(grace=0).files
    assert (surroundings.folder / last).is_file()


@pytest.fixture
def shared() -> Iterator[Path]:
    """Yield a path of shared memory; remove it after the test."""
    path = Path(f"/dev/shm/sem.claims-{secrets.token_hex(16)}")
    yield path
    path.unlink(missing_ok=True)


@linux
def test_shared_memory_left_behind_is_found(pytester: pytest.Pytester, surroundings: Any, shared: Path) -> None:
    """What existed before is not counted."""
    run_program(
        pytester, f"from _posixshmem import shm_open\nshm_open('/{shared.name}', os.O_CREAT | os.O_RDWR, 0o600)"
    )
    assert str(shared) in surroundings.left_behind(grace=0).shared
    with tempfile.TemporaryDirectory() as folder:
        later = left_behind.Surroundings.of_run(Path(folder) / "tmp")
        assert str(shared) not in later.left_behind(grace=0).shared


@linux
def test_named_semaphore_left_behind_is_found(pytester: pytest.Pytester, surroundings: Any, shared: Path) -> None:
    """It is a kind of shared memory."""
    name = shared.name.partition(".")[2]
    run_program(pytester, f"from _multiprocessing import SemLock\nSemLock(0, 1, 1, '/{name}', False)")
    assert str(shared) in surroundings.left_behind(grace=0).shared


@linux
def test_shared_memory_that_others_have_open_is_not_counted(surroundings: Any, shared: Path) -> None:
    """It belongs to others as long as they have it open."""
    with shared.open("wb"):
        assert str(shared) not in surroundings.left_behind(grace=0).shared
    assert str(shared) in surroundings.left_behind(grace=0).shared


@linux
def test_semaphore_that_others_use_is_not_counted(surroundings: Any, shared: Path) -> None:
    """Other processes have it mapped, and not open."""
    # The semaphores of multiprocessing itself have their names for a moment only.
    semaphore = import_module("_multiprocessing").SemLock(0, 1, 1, "/" + shared.name.partition(".")[2], False)
    assert str(shared) not in surroundings.left_behind(grace=0).shared
    del semaphore
    gc.collect()
    assert str(shared) in surroundings.left_behind(grace=0).shared


def test_what_is_left_is_named_in_one_line() -> None:
    """If it is much, the line is cut."""
    much = [f"f{number}" for number in range(100)]
    left = left_behind.LeftBehind((left_behind.Process(7, "python x.py"),), ("a",), ("/dev/shm/b",))
    assert str(left) == "left behind: process 7 (python x.py), file a, shared memory /dev/shm/b"
    assert str(left_behind.LeftBehind(files=tuple(much))).endswith(", file f19, 80 more")
