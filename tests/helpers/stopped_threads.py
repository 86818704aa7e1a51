"""Where threads that run freely stop, and where the switch points say that they stop."""

from __future__ import annotations

import dis
import itertools
import operator
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FrameType, FunctionType
from typing import Any

from pytest_concclaims import CPYTHON
from pytest_concclaims.lab.race.schedules.calls import StarCalls, TracedFrame, entered_from_c
from pytest_concclaims.lab.race.schedules.switch_points import MONITORED, Grade, SwitchPoints, switch_points

#: A code object, and the instruction that was the last to run before the thread was stopped: -1 before the first one.
Stop = tuple[CodeType, int]
#: Calls in a row of code that is specialized, as it has run often. As many calls of fresh copies are not specialized.
_CALLS = 20
#: Before 3.11, and on PyPy, code is never specialized.
_FRESH_CALLS = _CALLS if sys.version_info >= (3, 11) and CPYTHON else 0


@contextmanager
def switching_often() -> Iterator[None]:
    """Let threads be switched as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def call_often(function: FunctionType) -> None:
    """Call a function, and fresh copies of it."""
    for _ in range(_CALLS):
        function()
    for _ in range(_FRESH_CALLS):
        FunctionType(function.__code__.replace(), function.__globals__)()


@contextmanager
def running(function: FunctionType) -> Iterator[Callable[[], Stop]]:
    """Run a function over and over in a thread; yield a function that returns where the thread is stopped."""
    started, ended = threading.Event(), threading.Event()

    def run() -> None:
        started.set()
        while not ended.is_set():
            call_often(function)

    thread = threading.Thread(target=run)
    thread.start()
    started.wait()
    assert thread.ident is not None
    # One call that runs C from end to end: between finding the frame and reading it, no thread is switched.
    frame_of = operator.methodcaller("get", thread.ident)
    position = operator.attrgetter("f_code", "f_lasti")

    def look() -> Stop:
        time.sleep(0)  # lets the thread go on
        code, last = next(map(position, map(frame_of, itertools.starmap(sys._current_frames, [()]))))
        return code, event_offsets(code).get(last, last)

    try:
        with switching_often():
            yield look
    finally:
        ended.set()
        thread.join()


@cache
def _instructions(code: CodeType) -> list[tuple[int, str, set[int]]]:
    """Return for each instruction the offset of its events, its name, and the offsets at which frames show it."""
    found: list[tuple[int, str, set[int]]] = []
    offset = -1
    seen: set[int] = set()
    for instruction in dis.get_instructions(code):
        offset = instruction.offset if offset < 0 or MONITORED else offset
        seen.add(instruction.offset)
        if instruction.opname == "EXTENDED_ARG":
            continue
        # On 3.11, specialized code makes the call in PRECALL, and the jump in the comparison before it.
        ahead = instruction.opname in ("PRECALL", "COMPARE_OP") and sys.version_info[:2] == (3, 11)
        found.append((offset, instruction.opname, set() if ahead else seen))
        offset, seen = -1, seen if ahead else set()
    return found


@cache
def event_offsets(code: CodeType) -> dict[int, int]:
    """Return the offset that events have, for each offset at which a frame shows the same instruction."""
    return {at: offset for offset, _, seen in _instructions(code) for at in seen}


def predicted(function: FunctionType) -> set[Stop]:
    """Return where the switch points say that threads can stop in one call, in the code of the function's file."""
    stops: set[Stop] = set()
    file = function.__code__.co_filename
    points: dict[CodeType, SwitchPoints] = {}

    def points_of(code: CodeType) -> SwitchPoints:
        if code not in points:
            points[code] = switch_points(code, Grade.HERE)
        return points[code]

    if MONITORED:
        _monitored(
            function, lambda code: points_of(code) if code.co_filename == file else SwitchPoints(frozenset()), stops
        )
    else:
        _traced(function, lambda code: points_of(code) if code.co_filename == file else None, stops)
    return stops


def _monitored(function: FunctionType, points_of: Callable[[CodeType], SwitchPoints], stops: set[Stop]) -> None:
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]  # 3.12 and later
    tool = next(number for number in range(6) if monitoring.get_tool(number) is None)
    events = monitoring.events
    star_calls = StarCalls()

    def at_instruction(code: CodeType, offset: int) -> None:
        points = points_of(code)
        if offset in points.before:
            stops.add((code, _last_before(code, offset, offset)))
        for call, following in points.after_star_call.items():
            if following == offset and star_calls.switches_after(sys._getframe(1)):
                stops.add((code, call))

    def at_call(code: CodeType, offset: int, called: object, argument: object) -> None:
        if offset in points_of(code).after_star_call:
            star_calls.called(called, sys._getframe(1))

    def at_return(code: CodeType, offset: int, called: object, argument: object) -> None:
        if offset in points_of(code).after_c_call:
            stops.add((code, offset))

    callbacks = {events.INSTRUCTION: at_instruction, events.CALL: at_call, events.C_RETURN: at_return}
    monitoring.use_tool_id(tool, "stopped threads")
    try:
        for event, callback in callbacks.items():
            monitoring.register_callback(tool, event, callback)
        monitoring.set_events(tool, events.INSTRUCTION | events.CALL)
        function()
    finally:
        monitoring.set_events(tool, 0)
        for event in callbacks:
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)


def _last_before(code: CodeType, offset: int, ran: int) -> int:
    """Return the instruction after which frames show a switch point before another one.

    :param ran: the offset of the last event.
    """
    found = _instructions(code)
    index = [at for at, _, _ in found].index(offset)
    if found[index][1].startswith("JUMP_"):  # frames show the jump itself
        return offset
    return found[index - 1][0] if index and found[index - 1][1] == "RESUME" else ran


def _traced(function: FunctionType, points_of: Callable[[CodeType], SwitchPoints | None], stops: set[Stop]) -> None:
    class Follower:
        def __init__(self, points: SwitchPoints) -> None:
            self.points = points
            self.frame = TracedFrame(points)
            self.last = -1

        def __call__(self, frame: FrameType, event: str, _argument: object) -> Follower:
            if event == "opcode":
                here = frame.f_lasti
                if self.frame.switches_before(here):
                    if here in self.points.before:
                        stops.add((frame.f_code, _last_before(frame.f_code, here, self.last)))
                    if here not in self.points.before or (self.last, here) in self.points.between:
                        stops.add((frame.f_code, self.last))
                self.last = here
            return self

    def begin(frame: FrameType, event: str, argument: object) -> Follower | None:
        caller = frame.f_back.f_trace if frame.f_back is not None else None
        if isinstance(caller, Follower) and not entered_from_c(frame):
            caller.frame.called_python = True
        if isinstance(frame.f_trace, Follower):  # a generator that is resumed
            return frame.f_trace
        points = points_of(frame.f_code)
        if points is None:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return Follower(points)

    before = sys.gettrace()
    sys.settrace(begin)
    try:
        function()
    finally:
        sys.settrace(before)
