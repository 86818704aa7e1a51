"""Documentation, page "warnings"."""

from __future__ import annotations

import sys
import warnings

import pytest

from pytest_concclaims import Lab

from . import children
from .objects import process

SOURCE = "docs: warnings, concurrent safety of context managers"

since_3_14 = pytest.mark.skipif(sys.version_info < (3, 14), reason="the flag exists since 3.14")


class Filters:
    """The filters of the process, which begin empty."""

    def __init__(self) -> None:
        warnings.filters = []

    @property
    def are_as_before(self) -> bool:
        return not warnings.filters


def ignore_for_a_while(_: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        process(None)


@pytest.mark.skipif(
    getattr(sys.flags, "context_aware_warnings", False), reason="context_aware_warnings is true on this interpreter"
)
@pytest.mark.claim(
    "With context_aware_warnings false, two threads that use catch_warnings can leave a changed filter", source=SOURCE
)
def test_two_threads_can_leave_a_changed_filter(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "filters", warnings.filters)
    race = lab.race(Filters, ignore_for_a_while, ignore_for_a_while, observe=lambda filters: filters.are_as_before)
    assert race.ever(False)


@since_3_14
@pytest.mark.claim(
    "With context_aware_warnings true, the filter of catch_warnings applies in its own thread only, and is restored",
    source=SOURCE,
)
def test_a_filter_applies_in_its_own_thread_only(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_CONTEXT_AWARE_WARNINGS", "1")
    child = lab.child(children.overlapping_catch_warnings)
    seen = child.value
    lab.require(seen.flags[0], "context_aware_warnings can be set by the environment")
    lab.require(seen.own, "the filter applies in the thread that has set it")
    lab.note(
        f"a filter that one thread has set in catch_warnings {'applied' if seen.other else 'did not apply'} in "
        f"another one, and {'was left' if seen.left else 'was not left'} behind"
    )
    assert not seen.other
    assert not seen.left


INHERITED = [
    pytest.param("1", "applies", True, id="true"),
    pytest.param("0", "does not apply", False, id="false"),
]


@since_3_14
@pytest.mark.parametrize(("flag", "applies", "expected"), INHERITED)
@pytest.mark.claim(
    "With thread_inherit_context {flag}, a filter of catch_warnings {applies} in a thread that is started within",
    source=SOURCE,
)
def test_a_filter_in_a_new_thread(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, flag: str, applies: str, expected: bool
) -> None:
    monkeypatch.setenv("PYTHON_CONTEXT_AWARE_WARNINGS", "1")
    monkeypatch.setenv("PYTHON_THREAD_INHERIT_CONTEXT", flag)
    flags, applied = lab.child(children.filter_in_a_new_thread).value
    lab.require(flags == (True, expected), "both flags can be set by the environment")
    lab.note(f"in the new thread, it {'applied' if applied else 'did not apply'}")
    assert applied == expected
