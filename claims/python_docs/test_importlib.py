"""Documentation, page "importlib", and what "What's New" says about locks of imports."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pytest_concclaims import PYPY, Lab

from . import imports

LOCK = "docs: What's New in Python 3.3, a finer-grained import lock"


def seen_by(lab: Lab, function: Any, *arguments: object) -> Any:
    """Return what a function returns in an interpreter of its own, and note it."""
    child = lab.child(function, *arguments)
    lab.require(not child.timed_out, "the imports end, or are given up")
    return child.value


def note(lab: Lab, imported: list[imports.Imported]) -> None:
    lab.note(
        "; ".join(
            f"thread {number}: raised {each.raised}, module {'complete' if each.is_complete else 'not complete'}"
            for number, each in enumerate(imported, 1)
        )
    )


@pytest.mark.claim(
    "A thread that imports a module whose import another thread has begun gets the complete module", source=LOCK
)
def test_no_incomplete_module_is_seen(lab: Lab) -> None:
    imported, _ = seen_by(lab, imports.one_module)
    note(lab, imported)
    lab.require(imported[0].is_complete, "the thread that has begun gets it")
    assert imported[1].is_complete


@pytest.mark.claim(
    "Two threads that import a module at the same time execute it once, and get one object", source=LOCK
)
def test_a_module_is_executed_once(lab: Lab) -> None:
    imported, executed = seen_by(lab, imports.one_module)
    lab.require(imported[0].raised == imported[1].raised == "nothing", "both get it")
    lab.note(f"the module was executed {executed} times")
    assert executed == 1
    assert imported[0].number == imported[1].number


@pytest.mark.claim(
    "A module may wait for a thread that imports another module: there is no lock for all imports (since 3.3)",
    source=LOCK,
)
def test_a_module_may_wait_for_a_thread_that_imports(lab: Lab) -> None:
    imported = seen_by(lab, imports.thread_of_a_module)
    note(lab, imported)
    assert imported[0].is_complete


CIRCULAR = [
    pytest.param(
        "import",
        False,
        id="statement",
        marks=pytest.mark.refuted(
            PYPY,
            reason="PyPy's import statement raises _DeadlockError in one of the threads, as import_module() does",
        ),
    ),
    pytest.param(
        "import_module()",
        True,
        id="function",
        marks=pytest.mark.refuted(
            sys.version_info < (3, 15, 2),
            reason="before CPython 3.15.2, import_module() of one of the threads raises _DeadlockError (gh-159963)",
        ),
    ),
]


@pytest.mark.parametrize(("text", "function"), CIRCULAR)
@pytest.mark.claim(
    "Two threads that {text} two modules which import each other do not wait for ever, and no exception is raised",
    source="docs: What's New in Python 3.15, notable changes in 3.15.2, importlib",
)
def test_a_circular_import_by_two_threads_ends(lab: Lab, text: str, function: bool) -> None:
    imported = seen_by(lab, imports.circular, function)
    note(lab, imported)
    assert [each.raised for each in imported] == ["nothing", "nothing"]


@pytest.mark.refuted(
    sys.version_info < (3, 15),
    reason="before 3.15, locks are taken in no order, and one of the threads gets a _DeadlockError (gh-83065)",
)
@pytest.mark.claim(
    "One thread can import a package that imports its submodule, and another one that submodule (since 3.15)",
    source="docs: What's New in Python 3.15, other language changes",
)
def test_a_package_and_its_submodule_can_be_imported_by_two_threads(lab: Lab) -> None:
    imported = seen_by(lab, imports.parent_and_child)
    note(lab, imported)
    assert [each.raised for each in imported] == ["nothing", "nothing"]


@pytest.mark.claim(
    "reload() is not thread-safe: while it runs, another thread can see half of the new values",
    source="docs: importlib, reload",
)
def test_half_of_a_reload_can_be_seen(lab: Lab) -> None:
    seen = seen_by(lab, imports.values_during_reload)
    lab.note(f"of two values, both 1 before and both 2 after, another thread saw {seen[0]} and {seen[1]}")
    assert seen == (2, 1)
