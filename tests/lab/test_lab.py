"""The lab itself: notes and requirements."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.lab.parallelism.workers import has_interpreters
from pytest_concclaims.records.evidence import Note, Requirement


@pytest.fixture
def lab() -> Lab:
    """Return a lab without evidence."""
    return Lab(budget=1.0)


def test_evidence_order(lab: Lab) -> None:
    """Evidence is kept in order."""
    lab.note("  two balances were seen ")
    lab.require([0], "something was seen")
    lab.note("one of them was wrong")
    assert lab.evidence == (
        Note("two balances were seen"),
        Requirement(True, "something was seen"),
        Note("one of them was wrong"),
    )
    assert lab.unsettled is None


@pytest.mark.parametrize("condition", [False, None, 0, []], ids=repr)
def test_require_not_met(lab: Lab, condition: object) -> None:
    """Without the requirement, there is no verdict."""
    with pytest.raises(Inconclusive, match=r"two cores$"):
        lab.require(condition, "two cores")
    assert lab.evidence == (Requirement(False, "two cores"),)


def test_require_caught(lab: Lab) -> None:
    """The first requirement that was not met counts, even if the claim caught it."""
    for reason in ("two cores", "a control"):
        with pytest.raises(Inconclusive):
            lab.require(False, reason)
    assert str(lab.unsettled).endswith("two cores")


def test_inconclusive_is_no_error(lab: Lab) -> None:
    """``except Exception`` does not catch an inconclusive end."""
    with pytest.raises(Inconclusive), suppress(Exception):
        lab.require(False, "two cores")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [(5, TypeError, "5 is not a string"), (None, TypeError, "None"), (" \n", ValueError, "empty")],
)
def test_bad_note(lab: Lab, text: Any, error: type[Exception], words: str) -> None:
    """A note must be a text that is not empty."""
    with pytest.raises(error, match=rf"lab\.note\(text\): .*{words}"):
        lab.note(text)
    assert lab.evidence == ()


@pytest.mark.parametrize(("reason", "error"), [(5, TypeError), ("", ValueError)])
@pytest.mark.parametrize("condition", [True, False])
def test_bad_reason(lab: Lab, condition: bool, reason: Any, error: type[Exception]) -> None:
    """A requirement must have a reason, whether it is met or not."""
    with pytest.raises(error, match=r"lab\.require\(condition, reason\)"):
        lab.require(condition, reason)
    assert lab.evidence == ()
    assert lab.unsettled is None


def test_condition_raises(lab: Lab) -> None:
    """An exception of the condition is raised as it is."""

    class Moody:
        def __bool__(self) -> bool:
            raise LookupError("no truth in it")

    with pytest.raises(LookupError, match="no truth"):
        lab.require(Moody(), "a truth")
    assert lab.evidence == ()


@pytest.mark.interpreter
@pytest.mark.skipif(not has_interpreters(), reason="no subinterpreters here")
def test_subinterpreters_can_import_it() -> None:
    """The work of claims is defined in modules that import the lab."""
    from concurrent import interpreters  # type: ignore[attr-defined]  # Python 3.14 and later

    interpreter = interpreters.create()
    try:
        interpreter.exec(f"import sys; sys.path[:] = {sys.path!r}\nfrom pytest_concclaims import *")
    finally:
        interpreter.close()


def test_waiting_for_the_lock_is_a_context_of_its_own() -> None:
    """The context ends when the lock is taken."""
    waiting: list[bool] = []

    @contextmanager
    def waits() -> Iterator[None]:
        waiting.append(True)
        yield
        waiting.append(False)

    with Lab(budget=1.0, waiting=waits).alone():
        assert waiting == [True, False]
