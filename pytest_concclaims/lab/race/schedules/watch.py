"""Watches: callbacks at the switch points of actors, in all code that they run.

From CPython 3.12 on, a watch uses ``sys.monitoring`` (PEP 669), beside debuggers and coverage. Before, and on PyPy,
it uses the trace function of the actors' threads, and restores it after each call.
"""

from __future__ import annotations

import _thread
import dis
import linecache
import sys
from _thread import get_ident
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from types import CodeType, FrameType
from typing import Any

from ....interpreter import PYPY
from ...failure import is_own
from .calls import StarCalls, TracedFrame, entered_from_c, hidden_callee
from .story import Visit
from .switch_points import MONITORED, Grade, SwitchPoints, switch_points

#: Called at a switch point of an actor, in its thread.
AtSwitchPoint = Callable[[int], None]
#: Returns whether an actor has the token. One without it was blocked and has woken up. It is at a switch point,
#: wherever that is: another actor may have run before it got the GIL.
HasToken = Callable[[int], bool]
#: A source line that stops an actor in a debugger. It is not watched.
BREAKPOINT = "breakpoint()"
_BREAKPOINT_NAME = "breakpoint"
_START_THREAD = Thread.start.__code__
_STARTS_OF_THREADS = tuple(
    getattr(_thread, name) for name in ("start_new_thread", "start_joinable_thread") if hasattr(_thread, name)
)
_TOOL_IDS = (3, 4, 2, 1, 0)


class WatchError(Exception):
    """Threads cannot be watched here; the text has the reason."""


class Recording:
    """What actors do, line by line.

    :param write: takes each visit when it begins, as it may end the process; and again with each event.
    """

    def __init__(self, write: Callable[[Visit], None]) -> None:
        self._write = write
        self._latest: tuple[int, CodeType, int] | None = None
        #: The latest visit of each actor: it may be blocked within the instruction before which it was preempted.
        self._places: dict[int, Visit] = {}

    def visit(self, actor: int, code: CodeType, line: int) -> None:
        """Note that an actor is at a line."""
        here = actor, code, line
        if here != self._latest and not is_own(code.co_filename):  # own code is, for example, the loop of rounds
            self._latest = here
            self.seen(Visit(actor, code.co_filename, line))

    def seen(self, visit: Visit) -> None:
        """Note a visit."""
        self._places[visit.actor] = visit
        self._write(visit)

    def note(self, actor: int, event: str) -> None:
        """Note an event of an actor at its latest visit."""
        if actor in self._places:
            self._latest = None
            self._write(replace(self._places[actor], event=event))


def watch(at_switch_point: AtSwitchPoint, has_token: HasToken, grade: Grade) -> Watch:
    """Return a watch for this interpreter.

    :raises WatchError: threads cannot be watched.
    """
    return (Monitoring if MONITORED else Tracing)(at_switch_point, has_token, grade)


class Watch:
    """Calls back at the switch points of actors.

    :param at_switch_point: the callback.
    :param has_token: returns whether an actor has the token.
    :param grade: which instructions have switch points.
    """

    def __init__(self, at_switch_point: AtSwitchPoint, has_token: HasToken, grade: Grade) -> None:
        self._at_switch_point = at_switch_point
        self._has_token = has_token
        self._grade = grade
        #: By identity: code objects may be equal but not the same, and their hash takes long.
        self._points: dict[int, SwitchPoints] = {}
        self._codes: list[CodeType] = []
        #: Whether one schedule is replayed, in which actors may stop in a debugger.
        self.is_replay = False
        #: The trace function of a debugger that may stop in actors; only from 3.12 on.
        self.debugger: Any = None
        #: Records what actors do; None if nothing is recorded.
        self.recording: Recording | None = None
        #: Whether an actor has started a thread, which is not watched.
        self.started_threads = False
        #: Switch points that actors may have passed and that this watch cannot find, as text.
        self.unseen: str | None = None
        #: Whether an actor has set a trace function of its own, so that the watch missed switch points.
        self.lost_sight = False

    def call(self, actor: int, function: Callable[[Any], object], state: Any) -> object:
        """Call a function in this thread under watch, and return what it returns."""
        raise NotImplementedError

    def record(self, recording: Recording | None) -> None:
        """Record from now on; None: stop."""
        self.recording = recording

    def state(self, make: Callable[[], Any], *, pooled: bool) -> Any:  # noqa: ARG002  (for those that make several)
        """Return a fresh state.

        :param pooled: whether it may be one of several that were made at once.
        """
        return make()

    def begin_run(self, functions: Sequence[Callable[[Any], object]], state: Any) -> None:
        """Prepare the calls of the actors' functions."""

    def end_run(self) -> None:
        """Clean up after a run."""

    def close(self) -> None:
        """Stop watching."""

    def _points_of(self, code: CodeType) -> SwitchPoints:
        points = self._points.get(id(code))
        if points is None:
            points = switch_points(code, self._grade)
            if _BREAKPOINT_NAME in code.co_names:
                points = _without_breakpoints(points, code, self._grade)
            self._points[id(code)] = points
            self._codes.append(code)  # keeps its identity from being used again
            self.started_threads = self.started_threads or code is _START_THREAD
        return points


def _without_breakpoints(points: SwitchPoints, code: CodeType, grade: Grade) -> SwitchPoints:
    """Return the switch points without those of lines that only stop in a debugger."""
    line = code.co_firstlineno
    left_out = set()
    lines = dict(dis.findlinestarts(code))
    for instruction in dis.get_instructions(code):
        line = lines.get(instruction.offset) or line
        if linecache.getline(code.co_filename, line).strip() == BREAKPOINT:
            left_out.add(instruction.offset)
    kept = {call: following for call, following in points.after_c_call.items() if call not in left_out}
    # A function's start is a switch point by the table, wherever its first line is.
    before = points.before if grade is Grade.HERE else points.before - left_out
    between = frozenset(pair for pair in points.between if pair[0] not in left_out)
    return replace(points, before=before, between=between, after_c_call=kept)


class Monitoring(Watch):
    """A watch by ``sys.monitoring``. Events are switched on only in code that actors have run."""

    def __init__(self, at_switch_point: AtSwitchPoint, has_token: HasToken, grade: Grade) -> None:
        super().__init__(at_switch_point, has_token, grade)
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]  # from 3.12 on
        self._monitoring = monitoring
        free = [number for number in _TOOL_IDS if monitoring.get_tool(number) is None]
        if not free:
            raise WatchError("all tool ids of sys.monitoring are in use; end the debuggers and profilers")
        self._tool = free[0]
        self._actors: dict[int, int] = {}
        #: The actors in a debugger, whose code is not watched, by thread; each with the code that it was in.
        self._stopped: dict[int, tuple[int, CodeType]] = {}
        self._star_calls: dict[int, StarCalls] = {}
        self._lines: dict[int, dict[int, int]] = {}
        events = monitoring.events
        monitoring.use_tool_id(self._tool, "pytest-concclaims")
        for event, callback in (
            (events.PY_START, self._on_code),
            (events.PY_RESUME, self._on_code),
            (events.PY_THROW, self._on_code),
            (events.INSTRUCTION, self._instruction_callback()),
            (events.CALL, self._on_call),
            (events.C_RETURN, self._on_c_return),
        ):
            monitoring.register_callback(self._tool, event, callback)
        monitoring.set_events(self._tool, events.PY_START | events.PY_RESUME | events.PY_THROW)

    def call(self, actor: int, function: Callable[[Any], object], state: Any) -> object:
        """Call a function in this thread under watch, and return what it returns."""
        thread = get_ident()
        if self.debugger is not None:
            sys.settrace(self.debugger)
        before = self._actors.get(thread)
        self._actors[thread] = actor
        try:
            return sys.call_tracing(function, (state,))  # a handler is called in a callback, where events are off
        finally:
            self._actors.pop(thread, None)
            if before is not None:
                self._actors[thread] = before

    def close(self) -> None:
        """Stop watching."""
        monitoring = self._monitoring
        monitoring.set_events(self._tool, 0)
        for code in self._codes:
            monitoring.set_local_events(self._tool, code, 0)
        monitoring.free_tool_id(self._tool)

    def _on_code(self, code: CodeType, *_: object) -> None:
        is_known = id(code) in self._points
        if (is_known and StarCalls.are_reported) or get_ident() not in self._actors:
            return
        if not StarCalls.are_reported:
            self._note_star_call(sys._getframe(1).f_back)  # noqa: SLF001  (documented)
        if is_known:
            return
        events = self._monitoring.events
        points = self._points_of(code)
        calls = points.after_c_call or points.after_star_call or _BREAKPOINT_NAME in code.co_names
        wanted = events.INSTRUCTION | (events.CALL if calls else 0)
        self._monitoring.set_local_events(self._tool, code, wanted)

    def _note_star_call(self, caller: FrameType | None) -> None:
        """Note a function in Python that was called with ``*args``: after a bound method, threads are switched."""
        points = self._points.get(id(caller.f_code)) if caller else None
        if caller and points and caller.f_lasti in points.after_star_call:
            self.unseen = "after a call method(*args) of a bound method, which it does not report"

    def _instruction_callback(self) -> Callable[[CodeType, int], None]:
        """Return the callback that runs most often by far. It has all that it needs in local variables.

        It switches off no event: an actor may be blocked within any instruction, such as one that drops a file, and
        waits for the token before the next one.
        """
        actors, points, at_switch_point, has_token = (
            self._actors,
            self._points,
            self._at_switch_point,
            self._has_token,
        )

        def on_instruction(code: CodeType, offset: int) -> None:
            actor = actors.get(get_ident())
            if actor is None:
                self._resume_watch(code)
                return
            here = points[id(code)]
            if self.recording is not None:
                self.recording.visit(actor, code, self._line(code, offset))
            if offset in here.before or not has_token(actor):
                at_switch_point(actor)
            elif here.after_star_call and offset in here.after_star_call.values():
                self._after_star_call(actor, sys._getframe(1))  # noqa: SLF001  (documented)

        return on_instruction

    def _after_star_call(self, actor: int, caller: FrameType) -> None:
        if self._star_calls.setdefault(actor, StarCalls()).switches_after(caller):
            self._at_switch_point(actor)

    def _resume_watch(self, code: CodeType) -> None:
        """Watch an actor again if it has left the debugger."""
        if self._stopped and self._stopped.get(get_ident(), (0, None))[1] is code:
            self._actors[get_ident()] = self._stopped.pop(get_ident())[0]
            # The debugger's own events for instructions, when they end, end these, too (seen on 3.12 and 3.13).
            events = self._monitoring.get_local_events(self._tool, code)
            self._monitoring.set_local_events(self._tool, code, 0)
            self._monitoring.set_local_events(self._tool, code, events)

    def _on_call(self, code: CodeType, offset: int, function: object, _: object) -> None:
        """Note calls that C_RETURN does not report. It reports others, but only if there are events for CALL."""
        actor = self._actors.get(get_ident())
        if actor is not None and function is breakpoint:
            self._stopped[get_ident()] = self._actors.pop(get_ident()), code
        elif actor is not None and function in _STARTS_OF_THREADS:
            self.started_threads = True
        elif actor is not None and offset in self._points[id(code)].after_star_call:
            self._star_calls.setdefault(actor, StarCalls()).called(function, sys._getframe(1))  # noqa: SLF001

    def _on_c_return(self, code: CodeType, offset: int, *_: object) -> None:
        self._resume_watch(code)
        actor = self._actors.get(get_ident())
        if actor is None:
            return
        if offset in self._points[id(code)].after_c_call or not self._has_token(actor):
            self._at_switch_point(actor)

    def _line(self, code: CodeType, offset: int) -> int:
        lines = self._lines.get(id(code))
        if lines is None:
            lines = self._lines[id(code)] = {
                at: line or code.co_firstlineno
                for begin, end, line in code.co_lines()  # type: ignore[attr-defined,unused-ignore]  # 3.10
                for at in range(begin, end, 2)
            }
        return lines.get(offset, code.co_firstlineno)


class Tracing(Watch):
    """A watch by the trace function of the actors' threads."""

    def call(self, actor: int, function: Callable[[Any], object], state: Any) -> object:
        """Call a function in this thread under watch, and return what it returns."""
        # A handler is called in a trace function, where tracing is off.
        return sys.call_tracing(self.call_traced, (actor, function, state))

    def call_traced(self, actor: int, function: Callable[[Any], object], state: Any) -> object:
        """Call a function under the trace function of its actor, and return what it returns."""
        before, trace = sys.gettrace(), self._trace_of(actor)
        sys.settrace(trace)
        try:
            return function(state)
        finally:
            self.lost_sight = self.lost_sight or sys.gettrace() is not trace
            sys.settrace(before)

    def _trace_of(self, actor: int) -> Callable[[FrameType, str, Any], Any]:
        """Return the trace function of an actor's thread, called when functions begin and generators resume."""

        def trace(frame: FrameType, event: str, _: object) -> _FrameTrace | None:
            if event != "call":
                return None
            caller = frame.f_back
            if caller is not None and isinstance(caller.f_trace, _FrameTrace):
                if _is_at_breakpoint(caller):
                    if self.is_replay and frame.f_code is not _IGNORED:
                        _leave_to_debugger(caller)
                    return None
                if not entered_from_c(frame):
                    caller.f_trace.traced.called_python = True
            elif caller is None or caller.f_code is not _CALL:
                return None  # the caller is not traced: it is a debugger
            if PYPY and id(frame.f_code) not in self._points and self.unseen is None:
                callee = hidden_callee(frame)
                self.unseen = None if callee is None else f"within {callee}, which it hides from tracers"
            frame.f_trace_lines = False
            frame.f_trace_opcodes = True
            before = frame.f_trace  # a generator has one, perhaps of another actor that has resumed it before
            if isinstance(before, _FrameTrace) and not PYPY:
                traced = before.traced
            else:
                traced = TracedFrame(self._points_of(frame.f_code))
            return _FrameTrace(self, traced, actor, self._has_token, self._at_switch_point)

        return trace


_CALL = Tracing.call_traced.__code__


def _leave_to_debugger(frame: FrameType | None) -> None:
    """Let a frame and those that have called it report lines again: a debugger takes over, and knows no others."""
    while frame is not None and isinstance(frame.f_trace, _FrameTrace):
        frame.f_trace_lines, frame.f_trace_opcodes = True, False
        frame = frame.f_back


def _ignored(*_: object, **__: object) -> None:
    """Do nothing at a breakpoint."""


_IGNORED = _ignored.__code__


@contextmanager
def breakpoints_ignored() -> Iterator[None]:
    """Let ``breakpoint()`` do nothing in the block."""
    before, sys.breakpointhook = sys.breakpointhook, _ignored
    try:
        yield
    finally:
        sys.breakpointhook = before


def _is_at_breakpoint(frame: FrameType) -> bool:
    if _BREAKPOINT_NAME not in frame.f_code.co_names:
        return False
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno or 0).strip() == BREAKPOINT


class _FrameTrace:
    """The trace function of a frame. Its attributes are what it needs most: it is called before each instruction."""

    __slots__ = ("_actor", "_at_switch_point", "_has_token", "_watch", "traced")

    def __init__(
        self,
        watch: Tracing,
        traced: TracedFrame,
        actor: int,
        has_token: HasToken,
        at_switch_point: AtSwitchPoint,
    ) -> None:
        self._watch = watch
        self.traced = traced
        self._actor = actor
        self._has_token = has_token
        self._at_switch_point = at_switch_point

    def __call__(self, frame: FrameType, event: str, _: object) -> _FrameTrace:
        if event == "opcode":
            actor, recording = self._actor, self._watch.recording
            if recording is not None:
                recording.visit(actor, frame.f_code, frame.f_lineno or 0)
            if self.traced.switches_before(frame.f_lasti) or not self._has_token(actor):
                self._at_switch_point(actor)
        return self
