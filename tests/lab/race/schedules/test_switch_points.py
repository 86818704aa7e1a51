"""Switch points: the table compared with threads that run freely on this interpreter."""

from __future__ import annotations

import contextlib
import dis
import signal
import sys
import threading
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

import pytest

from helpers.stopped_threads import Stop, call_often, event_offsets, predicted, running, switching_often
from helpers.switch_cases import (
    CASES,
    MAKE_GENERATORS,
    Number,
    c_calls,
    long_arguments,
    loops,
    managed,
    star_call_of_a_method,
)
from helpers.waiting import TIMEOUT_S, wait_until
from pytest_concclaims import CPYTHON, PYPY, gil_enabled
from pytest_concclaims.lab.processes.forked import CAN_FORK, run_forked
from pytest_concclaims.lab.race.schedules.switch_points import LOCAL, Grade, rows, switch_points, switches_anywhere

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]

VERSION = sys.version_info[:2]
by_table = pytest.mark.skipif(switches_anywhere(gil_enabled()), reason="threads are switched anywhere")


@by_table
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_threads_are_stopped_at_the_switch_points_and_nowhere_else(case: Any) -> None:
    """Each switch point is seen, and no other place is."""
    _check(case)


@by_table
@pytest.mark.skipif(VERSION == (3, 12), reason="3.12 has no event for these calls")
def test_threads_are_stopped_after_a_star_call_of_a_method() -> None:
    """Star calls of plain functions are another case."""
    _check(star_call_of_a_method)


@by_table
@pytest.mark.skipif(VERSION == (3, 9), reason="thousands of switch points, some hardly ever seen")
def test_instructions_with_long_arguments_are_found() -> None:
    """On some versions, events report long instructions at the EXTENDED_ARG before them."""
    _check(long_arguments)


def _check(case: Any) -> None:
    for _ in range(3):  # some things are made only once, such as the keys of an instance's dictionary
        case()
    expected = predicted(case)
    kinds = {_kind(*stop) for stop in expected if not _is_unsure(case, _opname(*stop))}
    seen: set[Stop] = set()
    with running(case) as look:

        def all_seen() -> bool:
            for _ in range(200):
                code, last = look()
                if code.co_filename == case.__code__.co_filename and (code, last) not in seen:
                    seen.add((code, last))
                    assert (code, last) in expected, f"stopped outside of the table: {_described(code, last)}"
            return kinds <= {_kind(*stop) for stop in seen}

        try:
            wait_until(all_seen)
        finally:  # pytest shows this if the test fails
            sys.stdout.write(f"not seen: {[_described(*stop) for stop in expected - seen]}")


@pytest.mark.skipif(not CPYTHON, reason="the table is CPython's")
@pytest.mark.skipif(VERSION == (3, 9), reason="dozens of switch points, some hardly ever seen")
@pytest.mark.skipif(not (CAN_FORK and hasattr(signal, "setitimer")), reason="no fork, or no timer that sends signals")
@pytest.mark.parametrize("case", [c_calls, loops, managed], ids=lambda case: case.__name__)
def test_signal_handlers_run_at_the_switch_points_and_nowhere_else(case: Any) -> None:
    """Also without a GIL: threads are switched anywhere then, but handlers run where the table says."""
    for _ in range(3):
        case()
    expected = predicted(case)
    # pytest may have timers in this process.
    forked = run_forked(lambda: _seen_by_signal_handlers(case, expected), deadline=TIMEOUT_S)
    assert forked.value == {_described(*stop) for stop in expected}


def _seen_by_signal_handlers(case: Any, expected: set[Stop]) -> set[str]:
    """Return where signal handlers ran. Ends when they have run at all expected places, or at another one."""
    seen: set[Stop] = set()

    def handler(_: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename == case.__code__.co_filename:
            seen.add((frame.f_code, event_offsets(frame.f_code).get(frame.f_lasti, frame.f_lasti)))

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 5e-5, 5e-5)
    while seen < expected:
        call_often(case)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return {_described(*stop) for stop in seen}


def _kind(code: CodeType, last: int) -> object:
    """Return what has to be seen: each place; on 3.9, which has too many, one place for each kind of instruction."""
    return _opname(code, last) if VERSION == (3, 9) else (code, last)


def _is_unsure(case: Any, opname: str) -> bool:
    """Return whether a switch point may be missed."""
    if VERSION == (3, 11):  # settrace reports a call that only makes a generator like one that ran C
        return opname == "CALL" and case in MAKE_GENERATORS
    # On 3.9, a test of a bool has no switch point, and an instruction that is very short is hardly ever seen.
    return VERSION == (3, 9) and (opname in LOCAL or "_IF_" in opname)


def _described(code: CodeType, last: int) -> str:
    return f"in {code.co_name}, after {_opname(code, last)} at {last}"


def _opname(code: CodeType, last: int) -> str:
    names = {instruction.offset: instruction.opname for instruction in dis.get_instructions(code)}
    return names.get(last, "nothing")


@pytest.mark.skipif(not CPYTHON, reason="the table is CPython's")
def test_table_names_instructions_of_this_version() -> None:
    """Each instruction of a row exists in the row's versions."""
    for row in rows(VERSION):
        assert row.opnames <= set(dis.opmap), row.kind


def test_newer_version_has_the_rows_of_the_latest_known() -> None:
    """The table may not have a new version yet."""
    assert rows((3, 99)) == rows((3, 15)) != ()


@pytest.mark.skipif(not switches_anywhere(gil_enabled()), reason="this interpreter has a table")
def test_threads_are_switched_anywhere() -> None:
    """An update is lost between reading and writing an attribute, with no call and no jump between them."""
    with _interpreted(), switching_often():
        wait_until(lambda: _lost_updates(20_000) > 0)


def _lost_updates(calls: int) -> int:
    counter = Number()

    def count() -> None:
        for _ in range(calls):
            _increment(counter)

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 2 * calls - int(counter.value)


def _increment(counter: Number) -> None:
    counter.value += 1


@contextlib.contextmanager
def _interpreted() -> Iterator[None]:
    """Switch PyPy's compiler off: compiled code is switched at fewer places."""
    if not PYPY:
        yield
        return
    import pypyjit  # type: ignore[import-not-found]

    pypyjit.set_param("off")
    try:
        yield
    finally:
        pypyjit.set_param("default")


def test_anywhere_leaves_out_what_touches_only_locals() -> None:
    """Instructions that read or write shared objects have switch points; moves between locals and stack do not."""

    def deposit(account: Number, amounts: list[int]) -> None:
        before = account.value
        account.value = before + amounts[0] + len(amounts) + shared

    shared = 1
    names = _names_anywhere(deposit)
    assert {"LOAD_ATTR", "STORE_ATTR", "LOAD_GLOBAL", "LOAD_DEREF"} <= names
    assert not {name for name in names if "FAST" in name or name in ("LOAD_CONST", "PUSH_NULL", "RESUME")}


def test_anywhere_tests_of_truth_count_unless_of_a_bool() -> None:
    """A test reads the truth of a list; the result of ``in`` is a bool already."""

    def found(ones: list[int]) -> int:
        return 1 if 1 in ones else 2

    def filled(ones: list[int]) -> int:
        return 1 if ones else 2

    def tests(function: Any) -> set[str]:
        return {name for name in _names_anywhere(function) if "JUMP" in name or name == "TO_BOOL"}

    assert tests(filled)
    assert not tests(found)


def _names_anywhere(function: Any) -> set[str]:
    points = switch_points(function.__code__, Grade.ANYWHERE)
    return {found.opname for found in dis.get_instructions(function.__code__) if found.offset in points.before}
