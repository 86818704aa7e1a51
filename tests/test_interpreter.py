"""What the description of the interpreter and the machine says."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_concclaims import CPYTHON, FREE_THREADED_BUILD, PYPY, gil_enabled
from pytest_concclaims.interpreter import Interpreter, label_of
from pytest_concclaims.machine import Machine, cgroup_quota, throttled_seconds, usable_cpus


@pytest.mark.parametrize(
    ("name", "version", "free_threaded", "gil", "jit", "label"),
    [
        ("CPython", "3.9.18", False, True, False, "CPython 3.9"),
        ("CPython", "3.14.0", False, True, True, "CPython 3.14, JIT on"),
        ("CPython", "3.13.5", True, False, False, "CPython 3.13t, GIL off"),
        ("CPython", "3.13.5", True, True, False, "CPython 3.13t, GIL on"),
        ("CPython", "3.15.0", True, False, True, "CPython 3.15t, GIL off, JIT on"),
        ("CPython", "3.15.0b1", False, True, False, "CPython 3.15"),
        ("PyPy", "3.11.13", False, True, False, "PyPy 3.11"),
    ],
)
def test_label(name: str, version: str, free_threaded: bool, gil: bool, jit: bool, label: str) -> None:
    """A label names what verdicts depend on, and nothing else."""
    assert label_of(name, version, free_threaded, gil, jit) == label


def test_current_interpreter() -> None:
    """The description fits this interpreter."""
    found = Interpreter.current()
    assert found.implementation == ("pypy" if PYPY else "cpython")
    assert found.version.startswith("{}.{}.{}".format(*sys.version_info))
    assert found.implementation_version == "{}.{}.{}".format(*sys.implementation.version)
    assert "\n" not in found.build
    assert found.gil_enabled is gil_enabled()
    assert found.switch_interval == sys.getswitchinterval()
    assert set(found.start_methods) == set(multiprocessing.get_all_start_methods())
    assert found.label.startswith(f"{'PyPy' if PYPY else 'CPython'} {sys.version_info[0]}.{sys.version_info[1]}")
    assert ("GIL" in found.label) is FREE_THREADED_BUILD


def test_build() -> None:
    """Whether this is a free-threaded build agrees with how it was configured."""
    import sysconfig

    assert (CPYTHON, PYPY) in {(True, False), (False, True)}
    assert bool(sysconfig.get_config_var("Py_GIL_DISABLED")) is FREE_THREADED_BUILD
    assert gil_enabled() or FREE_THREADED_BUILD


@pytest.mark.skipif(
    not getattr(sys, "_jit", None) or not sys._jit.is_available(),  # type: ignore[attr-defined]  # of 3.14
    reason="no JIT compiler here",
)
@pytest.mark.parametrize("on", [False, True])
def test_jit(on: bool) -> None:
    """Whether the JIT compiler is on is part of what the interpreter is."""
    source = """
from pytest_concclaims.interpreter import Interpreter
found = Interpreter.current()
print(found.jit_enabled, "JIT on" in found.label, "JIT on" in found.describe())
"""
    environment = {**os.environ, "PYTHON_JIT": str(int(on))}
    told = subprocess.run([sys.executable, "-c", source], check=True, env=environment, stdout=subprocess.PIPE)
    assert told.stdout.decode().split() == [str(on)] * 3


def test_default_start_method() -> None:
    """The default start method is told without being fixed, which could be done only once."""
    source = """
import multiprocessing
from pytest_concclaims.interpreter import Interpreter
told = Interpreter.current().default_start_method
assert multiprocessing.get_start_method(allow_none=True) is None, "it is fixed now"
assert told == multiprocessing.get_start_method(), told
"""
    subprocess.run([sys.executable, "-c", source], check=True)


INTERPRETER = Interpreter(
    implementation="cpython",
    version="3.13.5",
    implementation_version="3.13.5",
    build="3.13.5 (main) [GCC]",
    free_threaded_build=True,
    gil_enabled=False,
    jit_enabled=None,
    switch_interval=0.005,
    start_methods=("fork",),
    default_start_method="fork",
    label="CPython 3.13t, GIL off",
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "CPython 3.13.5, free-threaded build, GIL off"),
        ({"gil_enabled": True, "label": "CPython 3.13t, GIL on"}, "CPython 3.13.5, free-threaded build, GIL on"),
        (
            {"free_threaded_build": False, "gil_enabled": True, "label": "CPython 3.13"},
            "CPython 3.13.5, GIL on",
        ),
        (
            {"version": "3.15.0", "implementation_version": "3.15.0", "jit_enabled": True},
            "CPython 3.15.0, free-threaded build, GIL off, JIT on",
        ),
        (
            {
                "version": "3.11.13",
                "implementation_version": "7.3.20",
                "free_threaded_build": False,
                "gil_enabled": True,
                "label": "PyPy 3.11",
            },
            "PyPy 7.3.20 (Python 3.11.13), GIL on",
        ),
    ],
    ids=["free-threaded", "free-threaded with a GIL", "with a GIL", "with a JIT", "PyPy"],
)
def test_interpreter_in_words(changes: dict[str, object], words: str) -> None:
    """The header's words name implementation, version, build and the state of the GIL."""
    assert dataclasses.replace(INTERPRETER, **changes).describe() == words  # type: ignore[arg-type]  # of many types


@pytest.mark.parametrize(
    "change",
    [
        {"implementation": "pypy"},
        {"implementation_version": "7.3"},
        {"build": "other"},
        {"gil_enabled": True},
        {"jit_enabled": True},
    ],
)
def test_version_key(change: dict[str, object]) -> None:
    """Other interpreters have other keys; what can change in one interpreter does not change its key."""
    assert dataclasses.replace(INTERPRETER, **change).version_key() != INTERPRETER.version_key()  # type: ignore[arg-type]  # of many types
    assert dataclasses.replace(INTERPRETER, switch_interval=1e-6).version_key() == INTERPRETER.version_key()


def test_current_machine() -> None:
    """The description fits this machine."""
    found = Machine.current()
    assert found.cpus == os.cpu_count()
    assert 1 <= found.usable_cpus <= found.cpus
    assert found.cpu_quota is None or found.cpu_quota > 0
    assert found.system
    assert found.architecture


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes have no affinity here")
def test_usable_cpus() -> None:
    """The CPUs count that this process may run on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert usable_cpus() == len(before)


@pytest.mark.parametrize(
    ("cpus", "usable", "quota", "words"),
    [
        (1, 1, None, "1 usable CPU"),
        (4, 4, None, "4 usable CPUs"),
        (4, 1, None, "1 usable CPU of 4"),
        (4, 2, 1.5, "2 usable CPUs of 4, quota 1.5"),
        (4, 4, 2.0, "4 usable CPUs, quota 2"),
    ],
)
def test_machine_in_words(cpus: int, usable: int, quota: float | None, words: str) -> None:
    """The header's words name the CPUs that can be used."""
    machine = Machine("Linux", "6.1", "x86_64", cpus, usable, quota, load_average=0.5)
    assert machine.describe() == words


@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        (
            "0::/user/app\n",
            {
                "sys/fs/cgroup/user/app/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/user/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/other/cpu.max": "100000 100000\n",
            },
            2.0,
        ),
        (
            "0::/user/app\n",
            {
                "sys/fs/cgroup/user/app/cpu.max": "50000 100000\n",
                "sys/fs/cgroup/user/cpu.max": "max 100000\n",
                "sys/fs/cgroup/cpu.max": "300000 100000\n",
            },
            0.5,
        ),
        # The parents of this folder are no groups.
        ("0::/\n", {"sys/fs/cpu.max": "100000 100000\n"}, None),
        # Another container's view: the group's own path does not exist here.
        ("0::/../../app\n", {"sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1.0),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "nonsense\n"}, None),
        (
            "5:memory:/user\n4:cpu,cpuacct:/user\n",
            {
                "sys/fs/cgroup/cpu/user/cpu.cfs_quota_us": "25000\n",
                "sys/fs/cgroup/cpu/user/cpu.cfs_period_us": "50000\n",
            },
            0.5,
        ),
        (
            "4:cpu:/docker/1234\n0::/system\n",
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            3.0,
        ),
        (
            "4:cpu:/\n",
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        (
            "3:cpuset:/\n",
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        (None, {"sys/fs/cgroup/cpu.max": "100000 100000\n"}, None),
    ],
    ids=[
        "version 2",
        "version 2 without a limit",
        "version 2 without the controller",
        "parent stricter",
        "child stricter",
        "root",
        "foreign path",
        "nonsense",
        "version 1",
        "version 1 in a container",
        "version 1 without a limit",
        "other controller",
        "no control groups",
    ],
)
def test_quota(tmp_path: Path, groups: str | None, files: dict[str, str], quota: float | None) -> None:
    """The quota is the strictest one among the process's control group and its parents."""
    for path, text in {**({"proc/self/cgroup": groups} if groups is not None else {}), **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert cgroup_quota(tmp_path) == quota


@pytest.mark.parametrize(
    ("groups", "files", "seconds"),
    [
        (
            "0::/\n",
            {"sys/fs/cgroup/cpu.stat": "usage_usec 7000000\nnr_periods 9\nnr_throttled 2\nthrottled_usec 1500000\n"},
            1.5,
        ),
        ("0::/\n", {"sys/fs/cgroup/cpu.stat": "usage_usec 7000000\nuser_usec 1\nsystem_usec 2\n"}, 0.0),
        ("0::/\n", {}, 0.0),
        (
            "0::/user/app\n",
            {
                "sys/fs/cgroup/user/app/cpu.stat": "throttled_usec 250000\n",
                "sys/fs/cgroup/user/cpu.stat": "throttled_usec 500000\n",
                "sys/fs/cgroup/other/cpu.stat": "throttled_usec 4000000\n",
            },
            0.75,
        ),
        # The parents of this folder are no groups.
        ("0::/\n", {"sys/fs/cpu.stat": "throttled_usec 1000000\n"}, 0.0),
        (
            "5:memory:/user\n4:cpu,cpuacct:/user\n",
            {
                "sys/fs/cgroup/cpu/user/cpu.stat": "nr_periods 9\nnr_throttled 2\nthrottled_time 1500000000\n",
                "sys/fs/cgroup/memory/user/cpu.stat": "throttled_time 4000000000\n",
            },
            1.5,
        ),
        ("4:cpu:/user\n", {"sys/fs/cgroup/cpu/cpu.stat": "throttled_time 500000000\n"}, 0.5),
        ("3:cpuset:/\n", {"sys/fs/cgroup/cpu/cpu.stat": "throttled_time 500000000\n"}, 0.0),
        ("0::/\n", {"sys/fs/cgroup/cpu.stat": "\nnonsense\nthrottled_usec\nthrottled_usec much\na b c\n"}, 0.0),
        (None, {"sys/fs/cgroup/cpu.stat": "throttled_usec 1000000\n"}, 0.0),
    ],
    ids=[
        "version 2",
        "version 2 without the controller",
        "no file",
        "all groups added up",
        "root",
        "version 1",
        "version 1, parent alone",
        "other controller",
        "nonsense",
        "no control groups",
    ],
)
def test_throttled_seconds(tmp_path: Path, groups: str | None, files: dict[str, str], seconds: float) -> None:
    """Of the process's control group and its parents, it is for how long they were held back, in seconds."""
    for path, text in {**({"proc/self/cgroup": groups} if groups is not None else {}), **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert throttled_seconds(tmp_path) == pytest.approx(seconds)


def test_throttled_seconds_grow_while_it_is_held_back(tmp_path: Path) -> None:
    """A difference between two looks is what tells, in whatever group it is."""
    for path, text in {
        "proc/self/cgroup": "0::/user/app\n",
        "sys/fs/cgroup/user/app/cpu.stat": "throttled_usec 10\n",
        "sys/fs/cgroup/user/cpu.stat": "throttled_usec 3000000000\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    before = throttled_seconds(tmp_path)
    assert throttled_seconds(tmp_path) == before
    (tmp_path / "sys/fs/cgroup/user/app/cpu.stat").write_text("throttled_usec 11\n")
    assert throttled_seconds(tmp_path) > before


def test_throttled_seconds_of_this_process() -> None:
    """Whatever this machine has, it is a number, and does not shrink."""
    first = throttled_seconds()
    assert 0 <= first <= throttled_seconds()
