"""``lab.child``: it reports how a run ended, and leaves no process behind."""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from helpers import child_work
from helpers.child_work import (
    STAY,
    ReadableBy,
    Stopped,
    core_limit,
    doubled_by_processes,
    environment,
    identity,
    joined,
    process_and_group,
    raise_,
    raise_signal,
    readable_here,
    start_grandchild,
    stay,
    unpicklable,
    write,
)
from helpers.waiting import TIMEOUT_S, wait_until
from pytest_concclaims import FREE_THREADED_BUILD, Child, ChildError, Lab
from pytest_concclaims.lab import child as child_module
from pytest_concclaims.lab.child import RemoteError

pytestmark = [pytest.mark.interpreter, pytest.mark.starts]
posix = pytest.mark.skipif(os.name != "posix", reason="signals and process groups are POSIX's")
linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")


@pytest.fixture
def lab() -> Lab:
    """Return a lab without evidence."""
    return Lab(budget=1.0)


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        # In a container, there may be no process that waits for orphans, so they stay zombies.
        return stat.rpartition(")")[2].split()[0] not in "ZX"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_end(*pids: int) -> None:
    """Wait until some processes have ended."""
    wait_until(lambda: not any(map(is_running, pids)))


# --- how a function ends


@pytest.mark.parametrize("value", [42, None, False, {"text": ["é", b"\0"]}, (1, 2.5)], ids=repr)
def test_value(lab: Lab, value: object) -> None:
    """The function's value is returned, None included."""
    child = lab.child(identity, value)
    assert (child.returned, child.value) == (True, value)
    assert (child.exit_code, child.signal, child.timed_out, child.exception) == (0, None, False, None)
    assert lab.evidence[-1].phrase() == f"identity() in a fresh interpreter returned {value!r}"


def test_arguments(lab: Lab) -> None:
    """Positional and keyword arguments are passed on."""
    assert lab.child(joined, 1, "b", target=None).value == "(1, 'b') {'target': None}"


def test_partial(lab: Lab) -> None:
    """A partial of a function is called, and named by the function."""
    child = lab.child(functools.partial(joined, 1), 2)
    assert child.value == "(1, 2) {}"
    assert child.target == "joined()"


def test_same_interpreter(lab: Lab) -> None:
    """A child is another process of the same interpreter."""
    assert lab.child(os.getpid).value != os.getpid()
    assert lab.child("import sys; print(sys.version, sys.executable)").stdout == f"{sys.version} {sys.executable}\n"


def test_exception(lab: Lab) -> None:
    """The exception is available, with its traceback."""
    child = lab.child(raise_, "plain")
    assert isinstance(child.exception, LookupError)
    assert child.exception.args == ("no such account",)
    assert child.traceback is not None
    assert "raise errors[kind]" in child.traceback
    assert "LookupError: no such account" in child.stderr
    assert (child.returned, child.exit_code) == (False, 1)
    assert lab.evidence[-1].phrase() == "raise_() in a fresh interpreter raised LookupError: no such account"


def test_base_exception(lab: Lab) -> None:
    """An exception that is not an ``Exception`` is available as well."""
    child = lab.child(raise_, "base")
    assert isinstance(child.exception, Stopped)
    assert child.exit_code == 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("local", "LocalError: not to be pickled"),
        ("unpacked", "UnpackedError: 7 not to be unpickled"),
        ("only here", "ReadableByError: "),
        ("no error", "NoLongerError: in its pickle"),
    ],
)
def test_exception_lost(lab: Lab, kind: str, text: str) -> None:
    """An exception that cannot be pickled is represented by its type and message."""
    child = lab.child(raise_, kind)
    assert isinstance(child.exception, RemoteError)
    assert str(child.exception).startswith(text)
    assert f"raised {text}" in lab.evidence[-1].phrase()
    assert "raise errors[kind]" in str(child.traceback)


@pytest.mark.parametrize(
    ("function", "text"),
    [(unpicklable, "could not be pickled or written"), (readable_here, "could not be unpickled")],
)
def test_value_lost(lab: Lab, function: Callable[[], object], text: str) -> None:
    """A value that cannot be pickled is an error of the caller, and not evidence."""
    with pytest.raises(ChildError, match=rf"lab\.child, {function.__name__}\(\): the function's value {text}"):
        lab.child(function)
    assert lab.evidence == ()


def test_arguments_lost(lab: Lab) -> None:
    """Arguments that the child cannot unpickle are not evidence either; the function is not called."""
    with pytest.raises(ChildError, match=r"(?s)identity\(\): .* or unpickle its arguments.*not here"):
        lab.child(identity, ReadableBy(os.getpid()))
    assert lab.evidence == ()


@pytest.mark.untraced
@pytest.mark.parametrize(("function", "code"), [(sys.exit, 3), (os._exit, 4), (sys.exit, 0)])
def test_exit(lab: Lab, function: Callable[[int], object], code: int) -> None:
    """A child that exits has an exit code and no value."""
    child = lab.child(function, code)
    assert (child.exit_code, child.returned, child.exception) == (code, False, None)
    with pytest.raises(ChildError, match=f"exited with {code}: there is no value"):
        _ = child.value


@posix
def test_crash(lab: Lab) -> None:
    """The signal of a crash is reported."""
    child = lab.child(raise_signal, signal.SIGSEGV)
    assert (child.signal, child.exit_code, child.returned) == (signal.SIGSEGV, None, False)
    assert lab.evidence[-1].phrase() == "raise_signal() in a fresh interpreter was ended by SIGSEGV"
    assert "SIGSEGV" in repr(child)


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="no real-time signals here")
def test_real_time_signal(lab: Lab) -> None:
    """For a signal without a name, its number is reported."""
    number = signal.SIGRTMIN + 1
    child = lab.child(raise_signal, number)
    assert (child.signal, child.exit_code) == (None, -number)


def test_no_value(lab: Lab) -> None:
    """The error that there is no value quotes the traceback."""
    child = lab.child(raise_, "plain")
    with pytest.raises(ChildError, match=r"(?s)there is no value\n.*raise errors") as caught:
        _ = child.value
    assert caught.value.__cause__ is child.exception


def test_in_a_thread(lab: Lab) -> None:
    """A thread other than the main one, which cannot handle signals, can run a child."""
    values: list[object] = []
    thread = threading.Thread(target=lambda: values.append(lab.child(identity, 1).value))
    thread.start()
    thread.join(TIMEOUT_S)
    assert values == [1]


# --- what cannot be run


def local_function() -> Callable[[], None]:
    """Return a function that cannot be imported."""

    def inner() -> None:
        pass

    return inner


def of_main() -> Callable[[], None]:
    """Return a function whose module is the main module."""

    def function() -> None:
        pass

    function.__module__ = "__main__"
    return function


@pytest.mark.parametrize(
    ("target", "arguments", "words"),
    [
        (lambda: None, (), r"<lambda>\): cannot be pickled: .* top level of a module"),
        (local_function(), (), r"local_function\.<locals>\.inner\): cannot be pickled: "),
        (functools.partial(local_function()), (), r"local_function\.<locals>\.inner\)"),
        (identity, (threading.Lock(),), r"identity\): cannot be pickled: .*lock"),
        (of_main(), (), "a fresh interpreter cannot import it from __main__"),
        (functools.partial(of_main()), (), "a fresh interpreter cannot import it from __main__"),
        (42, (), r"lab\.child\(42\): cannot be run; pass a function"),
        ("tests/script.py", (), r"'tests/script\.py'.* pass a pathlib\.Path"),
    ],
    ids=["lambda", "closure", "partial", "argument", "main", "partial of main", "number", "file name"],
)
def test_bad_target(lab: Lab, target: Any, arguments: tuple[object, ...], words: str) -> None:
    """The error names a target that cannot be run, and says what can be."""
    with pytest.raises(TypeError, match=words):
        lab.child(target, *arguments)
    assert lab.evidence == ()


def test_script_keywords(lab: Lab) -> None:
    """A script takes no keyword arguments."""
    with pytest.raises(TypeError, match=r"lab\.child\(verbose=\.\.\.\): a script takes no keyword arguments"):
        lab.child("print()", verbose=True)  # type: ignore[call-overload]  # what is tested


def test_missing_script(lab: Lab, tmp_path: Path) -> None:
    """The error names a missing script."""
    with pytest.raises(FileNotFoundError, match=r"missing\.py'\)\): no such file"):
        lab.child(tmp_path / "missing.py")


@pytest.mark.parametrize("deadline", [0, -1.5, math.nan, math.inf, "5", None], ids=repr)
def test_bad_deadline(lab: Lab, deadline: Any) -> None:
    """A deadline must be a positive number of seconds."""
    with pytest.raises(ValueError, match=r"must be a positive number of seconds, e\.g\. 30"):
        lab.child(identity, 1, deadline=deadline)


# --- scripts


def test_source(lab: Lab) -> None:
    """Text is a script's source, and the arguments are its command line."""
    child: Child[object] = lab.child(
        """
        import sys

        print(__name__, sys.argv[1:])
        sys.exit("and that was it")
        """,
        1,
        "b c",
    )
    assert (child.stdout, child.stderr, child.exit_code) == ("__main__ ['1', 'b c']\n", "and that was it\n", 1)
    assert (child.returned, child.target) == (False, "the script")


def test_path(lab: Lab, tmp_path: Path) -> None:
    """A file is run as by Python: in the current folder, with imports from the file's folder."""
    (tmp_path / "beside.py").write_text("VALUE = 5")
    script = tmp_path / "script.py"
    script.write_text("import os, sys, beside; print(beside.VALUE, sys.argv, os.getcwd(), sep='|')")
    child: Child[object] = lab.child(script, "x")
    assert child.stdout == f"5|{[str(script), 'x']}|{Path.cwd()}\n"
    assert child.target == "script.py"


def test_script_raises(lab: Lab) -> None:
    """A script that raises exits with 1, and its traceback is quoted."""
    child: Child[object] = lab.child("raise LookupError('no such account')")
    assert (child.exit_code, child.exception) == (1, None)
    with pytest.raises(ChildError, match=r"(?s)exited with 1: there is no value\n.*LookupError: no such account"):
        _ = child.value


@posix
def test_script_crashes(lab: Lab) -> None:
    """The signal of a script's crash is reported."""
    assert lab.child("import signal; signal.raise_signal(signal.SIGSEGV)").signal is signal.SIGSEGV


# --- its output


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_undecodable_output(lab: Lab, stream: str) -> None:
    """Output that is not UTF-8 is escaped."""
    child = lab.child(write, stream, b"caf\xc3\xa9 \xff\xfe\n")
    assert getattr(child, stream) == "café \\xff\\xfe\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_much_output(lab: Lab, stream: str) -> None:
    """Megabytes of output do not block a child; the record has the end of it."""
    child = lab.child(write, stream, b"line\n", 1_000_000)
    assert getattr(child, stream) == "line\n" * 1_000_000
    kept = lab.evidence[-1].to_json()[stream]
    assert 0 < len(kept) <= 2000
    assert child.stdout.endswith(kept) or child.stderr.endswith(kept)


def test_output_encoding(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text is decoded correctly for any encoding of this process's output."""
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    assert lab.child("print('5 €, café')").stdout == "5 €, café\n"


def test_long_value(lab: Lab) -> None:
    """A long value is shortened in the evidence."""
    child = lab.child(identity, "x" * 10_000)
    assert child.value == "x" * 10_000
    assert lab.evidence[-1].phrase().endswith("xxx...")


# --- what it inherits


def test_environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is inherited, except for variables of the test run."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "abc")
    monkeypatch.setenv("MY_OWN", "kept")
    found = lab.child(environment).value
    assert "PYTEST_CURRENT_TEST" in os.environ
    assert found["MY_OWN"] == "kept"
    assert not [name for name in found if name.startswith(("PYTEST_XDIST", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"))]


def driver(source: str, *flags: str, **options: Any) -> subprocess.Popen[str]:
    """Start an interpreter that stands for pytest."""
    source = f"""
import signal, sys
from pathlib import Path
from pytest_concclaims import Lab, gil_enabled
# What runs in the background of a shell has inherited that it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {str(Path(child_work.__file__).parents[1])!r})
from helpers import child_work
lab = Lab(budget=1.0)
{source}"""
    return subprocess.Popen([sys.executable, *flags, "-c", source], stdout=subprocess.PIPE, text=True, **options)


def output_of(process: subprocess.Popen[str], given: str | None = None) -> str:
    """Wait for a process, and return its output."""
    output, _ = process.communicate(given, timeout=TIMEOUT_S)
    return str(output).strip()


def test_stdin() -> None:
    """The standard input of a child is empty, and not this process's; of a script and of a function."""
    source = """
for target in ("import sys; print(repr(sys.stdin.read()))", child_work.print_stdin):
    print(lab.child(target).stdout.strip())
"""
    process = driver(source, stdin=subprocess.PIPE)
    assert output_of(process, "not for the child").split() == ["''", "''"]


@pytest.mark.skipif(not FREE_THREADED_BUILD, reason="only a free-threaded build has a choice")
@pytest.mark.parametrize("enabled", [False, True])
def test_gil(enabled: bool) -> None:
    """A child of a free-threaded build has the GIL enabled or disabled as in its parent."""
    process = driver("print(gil_enabled(), lab.child(gil_enabled).value)", "-X", f"gil={int(enabled)}")
    assert output_of(process) == f"{enabled} {enabled}"


def test_flags() -> None:
    """A child, script or function, is started with its parent's flags."""
    source = """
for target in ("import sys; print(sys.flags.optimize)", child_work.print_optimize):
    print(lab.child(target).stdout.strip())
"""
    assert output_of(driver(source, "-O")).split() == ["1", "1"]


@posix
def test_core_dump(lab: Lab) -> None:
    """A child writes no core dump."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("nothing writes core dumps here")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        assert lab.child(core_limit).value == 0
        script: Child[object] = lab.child("import resource; print(resource.getrlimit(resource.RLIMIT_CORE)[0])")
        assert script.stdout == "0\n"
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


@pytest.mark.untraced
@posix
def test_signals() -> None:
    """A child, script or function, can be interrupted and terminated, even if its parent ignores signals."""
    source = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
for target in ("from helpers import child_work; child_work.print_signals()", child_work.print_signals):
    print(lab.child(target).stdout.strip())
"""
    folder = {**os.environ, "PYTHONPATH": str(Path(child_work.__file__).parents[1])}
    assert output_of(driver(source, env=folder)).splitlines() == ["True 0", "True 0"]


@posix
def test_ignored_sigchld(lab: Lab) -> None:
    """If SIGCHLD is ignored, no child is run."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(ChildError, match="SIGCHLD is ignored, so"):
            lab.child(identity, 1)
    finally:
        signal.signal(signal.SIGCHLD, before)


@posix
def test_own_group(lab: Lab) -> None:
    """A child leads a session and a process group of its own."""
    pid, group, session = lab.child(process_and_group).value
    assert pid == group == session
    assert lab.child("import os; print(os.getpid() == os.getpgid(0) == os.getsid(0))").stdout == "True\n"


SPAWNING = [method for method in multiprocessing.get_all_start_methods() if method != "fork"]


def test_function_main(lab: Lab) -> None:
    """With each such start method, a function can start processes that import the main module of their parent."""
    assert lab.child(doubled_by_processes, SPAWNING, deadline=TIMEOUT_S).value == [[42]] * len(SPAWNING)


def test_script_main(lab: Lab) -> None:
    """With each such start method, a script can start processes that import the main module of their parent."""
    child: Child[object] = lab.child(
        """
        import multiprocessing, sys

        def double(number):
            return 2 * number

        if __name__ == "__main__":
            for method in sys.argv[1:]:
                with multiprocessing.get_context(method).Pool(1) as pool:
                    print(pool.map(double, [21]))
        """,
        *SPAWNING,
        deadline=TIMEOUT_S,
    )
    assert child.stdout == "[42]\n" * len(SPAWNING), child.stderr


@contextmanager
def module_of_a_name(name: str, file: Path) -> Iterator[ModuleType]:
    """Import a file under a name that cannot be imported, as pytest's import mode ``importlib`` does."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    packages = name.split(".")[:-1]
    names = {".".join(packages[: count + 1]) for count in range(len(packages))}
    sys.modules.update({package: ModuleType(package) for package in names}, **{name: module})
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        for added in {*names, name}:
            del sys.modules[added]


@pytest.mark.parametrize("name", ["known_by_its_file", "nowhere.known_by_its_file", "not.at_all.known_by_its_file"])
def test_known_by_file(lab: Lab, tmp_path: Path, name: str) -> None:
    """A function's module is found by its file if its name cannot be imported."""
    file = tmp_path / "known_by_its_file.py"
    file.write_text("def answer(): return 42, __name__, __file__")
    with module_of_a_name(name, file) as module:
        assert lab.child(module.answer).value == (42, name, str(file))


def test_name_taken(lab: Lab, tmp_path: Path) -> None:
    """A function's module is found by its file if its name belongs to another module."""
    file = tmp_path / "colorsys.py"  # a module of the standard library that is not imported yet
    assert file.stem not in sys.modules
    file.write_text("def answer(): return 42")
    with module_of_a_name(file.stem, file) as module:
        assert lab.child(module.answer).value == 42


def test_importlib_mode(pytester: pytest.Pytester) -> None:
    """Functions of test modules, in the root folder or below, can be run in pytest's import mode ``importlib``."""
    for path in ("test_flat.py", "deep.er/test_nested.py"):
        file = pytester.path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            "from pytest_concclaims import Lab\n"
            "def answer(): return 42\n"
            "def test_answer(): assert Lab(budget=1.0).child(answer).value == 42\n"
        )
    pytester.runpytest_subprocess("--import-mode=importlib", "-p", "no:cacheprovider").assert_outcomes(passed=2)


# --- no process is left


def test_end_of_which_nothing_tells(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a sandbox forbids ``pidfd_open``, the end of a child is found by polling."""

    def forbid(_pid: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", forbid, raising=False)
    assert lab.child(os.getpid).value != os.getpid()


@posix
@pytest.mark.parametrize("target", [stay, STAY], ids=["function", "script"])
def test_deadline(lab: Lab, tmp_path: Path, target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the deadline, a child and what it started are killed, even if they ignore signals."""
    listed, deadline = tmp_path / "pids", 0.05

    def patiently(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
        """Begin to count the deadline when the child is ready, however busy the machine is."""
        wait_until(listed.exists)
        return wait(process, timeout_s)

    wait = child_module._wait
    monkeypatch.setattr(child_module, "_wait", patiently)
    child = lab.child(target, str(listed), deadline=deadline)
    assert (child.timed_out, child.exit_code, child.signal, child.returned) == (True, None, None, False)
    assert child.duration >= deadline
    assert lab.evidence[-1].phrase().endswith("was killed at its deadline of 0.05 s")
    pids = json.loads(listed.read_text())
    assert len(pids) == 2
    wait_for_end(*pids)
    with pytest.raises(ChildError, match="was killed at its deadline"):
        _ = child.value


@posix
def test_left_running(lab: Lab) -> None:
    """Processes that a child leaves running at its end are killed."""
    grandchild = lab.child(start_grandchild).value
    wait_for_end(grandchild)


def pids_of(listed: Path, process: subprocess.Popen[str]) -> list[int]:
    """Wait for the process ids that ``stay`` reports."""
    wait_until(lambda: listed.exists() or process.poll() is not None)
    assert listed.exists(), "the driver ended"
    return [int(pid) for pid in json.loads(listed.read_text())]


@posix
def test_ctrl_c(tmp_path: Path) -> None:
    """On Ctrl-C, a child, script or function, and what it started are killed."""
    files = [tmp_path / "of_function", tmp_path / "of_script"]
    process = driver(
        f"""
for target, listed in zip((child_work.stay, child_work.STAY), {list(map(str, files))!r}):
    try:
        lab.child(target, listed, deadline=600)
    except KeyboardInterrupt:
        print("interrupted")
"""
    )
    pids = []
    try:
        for listed in files:
            pids += pids_of(listed, process)
            process.send_signal(signal.SIGINT)
        assert output_of(process).split() == ["interrupted", "interrupted"]
    finally:
        process.kill()
        process.communicate()
    assert len(pids) == 4
    wait_for_end(*pids)


@posix
def test_ctrl_c_at_start(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C during the start of a child leaves nothing running."""
    script = tmp_path / "script.py"
    script.write_text("import threading; threading.Event().wait()")
    pids = []

    class Interrupted(subprocess.Popen):  # type: ignore[type-arg]  # not subscriptable in 3.9
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            pids.append(self.pid)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            lab.child(script, deadline=600)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(pids) == 1
    wait_for_end(*pids)


@linux
def test_parent_killed(tmp_path: Path) -> None:
    """A child, script or function, ends when its parent is killed."""
    files = [tmp_path / "of_function", tmp_path / "of_script"]
    # The temporary folder of a killed process stays.
    folder = {**os.environ, "TMPDIR": str(tmp_path)}
    process = driver(
        f"""
import threading
for target, listed in zip((child_work.stay, child_work.STAY), {list(map(str, files))!r}):
    threading.Thread(target=lab.child, args=(target, listed, False), kwargs={{"deadline": 600}}).start()
""",
        env=folder,
    )
    try:
        pids = [pid for listed in files for pid in pids_of(listed, process)]
        assert list(map(is_running, pids)) == [True, True]
    finally:
        process.kill()
        process.communicate()
    wait_for_end(*pids)


def cannot_run(lab: Lab) -> None:
    """Cause an error before anything is run."""
    with pytest.raises(TypeError):
        lab.child(local_function())


@pytest.mark.parametrize(
    "use",
    [
        lambda lab: lab.child(identity, 1),
        lambda lab: lab.child("print()"),
        lambda lab: lab.child("while True: pass", deadline=0.01),
        cannot_run,
    ],
    ids=["function", "script", "deadline", "error"],
)
def test_temporary_folder(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Callable[[Lab], object]
) -> None:
    """The temporary folder of a child is removed, however the child ended."""
    made: list[str] = []
    make = tempfile.mkdtemp

    def mkdtemp(**options: Any) -> str:
        made.append(make(dir=tmp_path, **options))
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    use(lab)
    assert len(made) == 1
    assert list(tmp_path.iterdir()) == []


# --- killed at its deadline


def test_child_that_was_killed_leaves_no_verdict_unless_that_is_asked(lab: Lab) -> None:
    """On a busy machine, any child may be killed; what it has not done is not evidence."""
    child = lab.child("import threading; threading.Event().wait()", deadline=0.01)
    assert child.exit_code is None
    assert "was killed at its deadline of 0.01 s" in repr(child)
    assert "and the claim does not check that; check child.timed_out" in str(lab.unsettled)
    assert child.timed_out
    assert lab.unsettled is None


def test_child_that_came_to_its_end_need_not_be_asked(lab: Lab) -> None:
    """A child that ended by itself gives a verdict without a check of ``timed_out``."""
    assert lab.child("raise SystemExit(3)").exit_code == 3
    assert lab.unsettled is None
