"""The description of the interpreter."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import subprocess
import sys

import pytest

from pytest_concclaims import CPYTHON, FREE_THREADED_BUILD, PYPY, gil_enabled
from pytest_concclaims.interpreter import Interpreter, label_of


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


@pytest.mark.interpreter
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


@pytest.mark.interpreter
def test_build() -> None:
    """Whether this is a free-threaded build agrees with how it was configured."""
    import sysconfig

    assert (CPYTHON, PYPY) in {(True, False), (False, True)}
    assert bool(sysconfig.get_config_var("Py_GIL_DISABLED")) is FREE_THREADED_BUILD
    assert gil_enabled() or FREE_THREADED_BUILD


@pytest.mark.interpreter
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


@pytest.mark.interpreter
def test_default_start_method() -> None:
    """The default start method is reported without being fixed, which could be done only once."""
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
