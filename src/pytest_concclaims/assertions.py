"""Which assertions of a claim were evaluated.

A body that returns without having asserted anything has no verdict: ``for x in []: assert x`` shows nothing.
pytest tells a plugin of assertions that hold only under an ini option that must be set before the test module
was first compiled, so this looks for itself: at the lines on which an assertion begins, in the claim's own
code, while the body runs. From Python 3.12 on with ``sys.monitoring`` (PEP 669), for just those code objects
that hold an assertion; before that, and on PyPy, with a trace function.
"""

from __future__ import annotations

import ast
import functools
import os
import sys
import threading
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: pytest's helpers that assert something by themselves.
_ASSERTING_CALLS = frozenset({"raises", "warns", "deprecated_call", "RaisesGroup", "RaisesExc"})


@dataclass(frozen=True)
class Territory:
    """The code whose assertions speak for a claim: its own module, and the helpers of its suite.

    An ``AssertionError`` from anywhere else (``multiprocessing`` raises bare ones) is an error, no refutation.

    :param module: the file of the claim's module.
    :param folder: the folder of its shipped suite; None for a project's own claims, whose helpers are the
        modules below ``root`` that pytest rewrites as test code (``pytest.register_assert_rewrite``).
    :param root: the project's root folder.
    :param foreign: folders below ``root`` that hold installed code.
    """

    module: str
    folder: str | None
    root: str
    foreign: tuple[str, ...]

    def holds(self, filename: str, module_globals: Mapping[str, Any]) -> bool:
        """Return whether code of this file, with these globals, speaks for the claim."""
        if filename == self.module:
            return True
        if self.folder is not None:
            return _is_below(filename, self.folder)
        return (
            # pytest's rewriting puts this name into each module that it treats
            "@pytest_ar" in module_globals
            and _is_below(filename, self.root)
            and not any(_is_below(filename, folder) for folder in self.foreign)
        )


def _is_below(filename: str, folder: str) -> bool:
    # Asked for each module, or each call: pathlib would take milliseconds.
    return filename.startswith(folder.rstrip(os.sep) + os.sep)


@functools.cache
def assertion_lines(filename: str) -> Mapping[int, str]:
    """Return the assertions of a source file: the text by the line, for each line that belongs to one.

    Left out are those on one line with the condition or loop that they depend on (``for x in []: assert x``):
    that the line was reached does not tell whether they were.
    """
    try:
        with tokenize.open(filename) as file:
            source = file.read()
        tree = ast.parse(source)
    except (OSError, ValueError, SyntaxError):
        return {}
    lines = source.split("\n")  # str.splitlines would also split at form feeds
    found: dict[int, str] = {}
    # Their heads are run by the function around them, so these are as good as a condition.
    nested = {inner for outer in ast.walk(tree) if isinstance(outer, _FUNCTIONS) for inner in _below(outer)}
    for parent in ast.walk(tree):
        head_end = 0 if isinstance(parent, _FUNCTIONS) and parent not in nested else _head_end(parent)
        for node in ast.iter_child_nodes(parent):
            extent = _assertion_extent(node)
            if extent is None or (node in getattr(parent, "body", ()) and extent[0] <= head_end):
                continue
            first, last = extent
            text = " ".join(" ".join(lines[first - 1 : last]).split()).rstrip(":")
            found.update(dict.fromkeys(range(first, last + 1), text))
    return found


def _below(node: ast.AST) -> Iterator[ast.AST]:
    return (inner for inner in ast.walk(node) if inner is not node)


def _head_end(parent: ast.AST) -> int:
    """Return the line on which the head of a compound statement ends, such as ``if x:``; 0 without a head."""
    head = [node for node in ast.iter_child_nodes(parent) if not isinstance(node, (ast.stmt, ast.ExceptHandler))]
    return max([getattr(parent, "lineno", 0), *(getattr(node, "end_lineno", None) or 0 for node in head)])


def _assertion_extent(node: ast.AST) -> tuple[int, int] | None:
    """Return the first and last line of an assertion statement (of a ``with``: its head), else None."""
    if isinstance(node, ast.Assert):
        return node.lineno, node.end_lineno or node.lineno
    if isinstance(node, (ast.With, ast.AsyncWith)):
        if any(_asserts(item.context_expr) for item in node.items):
            return node.lineno, node.items[-1].context_expr.end_lineno or node.lineno
    elif isinstance(node, (ast.Expr, ast.Assign)) and _asserts(node.value):
        return node.lineno, node.end_lineno or node.lineno
    return None


def _asserts(expression: ast.expr) -> bool:
    if not isinstance(expression, ast.Call):
        return False
    function = expression.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    return name in _ASSERTING_CALLS


class AssertionWatch:
    """Notes the assertions that the current thread evaluates while the ``with`` block runs.

    ``seen`` holds file and line of each, in order. ``blind`` is true where somebody else's trace function
    or all of the monitoring slots were in the way: then nothing can be said.
    """

    def __init__(self, territory: Territory, function: FunctionType) -> None:
        self.seen: dict[tuple[str, int], None] = {}
        self.blind = False
        self._territory = territory
        self._function = function
        self._stop: Callable[[], None] = lambda: None

    def __enter__(self) -> AssertionWatch:
        start = self._monitor if hasattr(sys, "monitoring") else self._trace
        start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def texts(self) -> Iterator[tuple[str, int, str]]:
        """Yield file, line and text of each assertion that was evaluated."""
        told = set()
        for filename, line in self.seen:
            text = assertion_lines(filename)[line]
            if (filename, text) not in told:
                told.add((filename, text))
                yield filename, line, text

    # --- CPython 3.12 and later

    def _monitor(self) -> None:
        monitoring = sys.monitoring  # type: ignore[attr-defined]  # mypy checks for 3.10
        tool = next((number for number in (3, 4) if monitoring.get_tool(number) is None), None)
        if tool is None:
            self.blind = True
            return
        thread = threading.get_ident()
        codes = list(_codes_with_assertions(self._function, self._territory))

        def line_reached(code: CodeType, line: int) -> object:
            if threading.get_ident() == thread and line in assertion_lines(code.co_filename):
                self.seen.setdefault((code.co_filename, line))
            return None

        def started(code: CodeType, _offset: int) -> object:
            # A function on one line has no event of its own for that line.
            return line_reached(code, code.co_firstlineno)

        callbacks = {monitoring.events.LINE: line_reached, monitoring.events.PY_START: started}

        def stop() -> None:
            for code in codes:
                monitoring.set_local_events(tool, code, monitoring.events.NO_EVENTS)
            for event in callbacks:
                monitoring.register_callback(tool, event, None)
            monitoring.free_tool_id(tool)

        monitoring.use_tool_id(tool, "pytest-concclaims")
        for event, callback in callbacks.items():
            monitoring.register_callback(tool, event, callback)
        for code in codes:
            monitoring.set_local_events(tool, code, sum(callbacks))
        self._stop = stop

    # --- before 3.12, and PyPy

    def _trace(self) -> None:
        if sys.gettrace() is not None:  # a debugger or a coverage tool
            self.blind = True
            return

        def entered(frame: FrameType, _event: str, _argument: Any) -> Any:
            filename = frame.f_code.co_filename
            if self._territory.holds(filename, frame.f_globals) and assertion_lines(filename):
                return line_reached
            return None

        def line_reached(frame: FrameType, event: str, _argument: Any) -> Any:
            filename = frame.f_code.co_filename
            if event == "line" and frame.f_lineno in assertion_lines(filename):
                self.seen.setdefault((filename, frame.f_lineno))
            return line_reached

        def stop() -> None:
            if sys.gettrace() is entered:
                sys.settrace(None)
            else:
                self.blind = True

        sys.settrace(entered)
        self._stop = stop


def _codes_with_assertions(function: FunctionType, territory: Territory) -> Iterator[CodeType]:
    # By identity: two code objects are equal if they are alike, also those of two files.
    codes = {id(code): code for code in _nested(function.__code__)}
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and _in_territory(module, territory):
            for found in _functions(module):
                codes.update((id(code), code) for code in _nested(found.__code__))
    for code in codes.values():
        lines = assertion_lines(code.co_filename)
        if any(line in lines for _, _, line in code.co_lines()):
            yield code


def _in_territory(module: ModuleType, territory: Territory) -> bool:
    filename = vars(module).get("__file__")
    return isinstance(filename, str) and territory.holds(filename, vars(module))


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Yield the functions of a module's code that its names lead to: through classes, and through wrappers."""
    known: dict[int, object] = {}
    waiting = list(vars(module).values())
    while waiting:
        value = waiting.pop()
        if id(value) in known:
            continue
        known[id(value)] = value
        if isinstance(value, FunctionType) and value.__globals__ is vars(module):
            yield value
        if not isinstance(value, type):
            waiting += _wrapped(value)
        elif value.__module__ == module.__name__:
            waiting += vars(value).values()


def _wrapped(value: object) -> Iterator[object]:
    if isinstance(value, (staticmethod, classmethod)):
        yield value.__func__
    elif isinstance(value, property):
        yield from (value.fget, value.fset, value.fdel)
    elif isinstance(value, (functools.partial, functools.partialmethod, functools.cached_property)):
        yield value.func
    else:
        # What functools.wraps leaves; asked for in this way, as some objects have any attribute one asks for.
        try:
            attributes = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return
        if "__wrapped__" in attributes:
            yield attributes["__wrapped__"]


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)
