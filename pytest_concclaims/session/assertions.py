"""Which assertions of a claim were evaluated, and held.

A body that returns without having asserted anything has no verdict: ``for x in []: assert x`` shows nothing.
Nor has one that catches its own failed assertion. pytest tells a plugin of assertions that hold only under an
ini option that must be set before the test module was first compiled. So the functions of the claim's own
code are given a body in which each assertion that holds leaves a mark, and in which a failed one is noted before
it goes on its way. Nothing is traced: it is the same on every interpreter, beside a debugger and a coverage tool.

The verdict is about that very code, so a mark is a store in a list, and no call: at calls, threads may take turns
(CPython from 3.10 on), and a call takes longer than what is measured. While an instrument samples, what it runs
leaves no marks at all.
"""

from __future__ import annotations

import ast
import enum
import functools
import os
import sys
import threading
import tokenize
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import CodeType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any

import pytest
from _pytest.assertion.rewrite import rewrite_asserts  # what pytest's import hook does to a module's tree

#: pytest's helpers that assert something by themselves.
_ASSERTING = frozenset({"raises", "warns", "deprecated_call", "RaisesGroup"})
#: How the code of a claim names the two below, and the list of marks; no names that a module could have.
_NOTE_HELD, _NOTE_FAILED, _MARKS = "@concclaims_held", "@concclaims_failed", "@concclaims_marks"


class _Noting(enum.Enum):
    """What a function's body does where an assertion has held."""

    MARK = enum.auto()
    #: A call, which knows in which thread it is.
    CALL = enum.auto()
    NOTHING = enum.auto()


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
            _is_rewritten(module_globals)
            and _is_below(filename, self.root)
            and not any(_is_below(filename, folder) for folder in self.foreign)
        )


def _is_rewritten(module_globals: Mapping[str, Any]) -> bool:
    # pytest's rewriting puts this name into each module that it treats.
    return "@pytest_ar" in module_globals


def _is_below(filename: str, folder: str) -> bool:
    # Asked for each module that is loaded: pathlib would take milliseconds.
    return filename.startswith(folder.rstrip(os.sep) + os.sep)


@dataclass(frozen=True)
class Place:
    """An assertion in the source: its file, its first line, and its text on one line."""

    filename: str
    line: int
    text: str


class AssertionWatch:
    """Notes the assertions of a claim's code that are evaluated while the ``with`` block runs.

    In the thread that runs it, and in those that it starts. One watch at a time.

    :param territory: the code that speaks for the claim.
    :param function: the claim's test function.

    ``held`` has the places of the assertions that held, ``failed`` those of the ones that failed, each with the
    exception.
    """

    def __init__(
        self, territory: Territory, function: FunctionType, config: pytest.Config, given: Iterable[object] = ()
    ) -> None:
        self.held: dict[Place, None] = {}
        self.failed: list[tuple[Place, BaseException]] = []
        self._territory = territory
        self._config = config
        self._functions = list(_functions_of([function, *given], territory))
        self._sources: dict[_Source, None] = {}
        # Whatever an earlier claim has left running is no evidence for this one.
        self._elders = set(threading.enumerate()) - {threading.current_thread()}
        # A mark does not say who has left it.
        self._noting = _Noting.CALL if left_behind() else _Noting.MARK

    def __enter__(self) -> AssertionWatch:
        global _watch
        sources = {function: _instrument(function, self._noting, self._config) for function in self._functions}
        # The others are left alone from here on.
        self._functions = [function for function, source in sources.items() if source is not None]
        self._sources.update(dict.fromkeys(source for source in sources.values() if source is not None))
        for source in self._sources:
            source.marks[:] = [False] * len(source.places)
        _watch = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        global _watch
        _watch = None
        if self._noting is _Noting.MARK:
            for source in self._sources:
                self.held.update({place: None for place, mark in zip(source.places, source.marks) if mark})
        _left_behind.update(set(threading.enumerate()) - self._elders - {threading.current_thread()})

    @contextmanager
    def silenced(self, given: Iterable[object]) -> Iterator[None]:
        """Have the claim's code leave no marks for the time of the block: something is measured.

        :param given: what is called in there; functions that the claim has just made are found only by that.
        """
        functions = [*self._functions, *_of_territory(given, self._territory)]
        codes = [(function, function.__code__) for function in functions]
        for function in functions:
            _instrument(function, _Noting.NOTHING, self._config)
        try:
            yield
        finally:
            for function, code in codes:
                function.__code__ = code

    def hears_this_thread(self) -> bool:
        """Return whether the current thread is part of the claim."""
        return threading.current_thread() not in self._elders


#: Threads that claims have started, and that were there at their end.
_left_behind: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def left_behind() -> set[threading.Thread]:
    """Return the threads that claims have started, and that are still running after their end."""
    return {thread for thread in _left_behind if thread.is_alive()}


_watch: AssertionWatch | None = None


def _note_held(place: Place) -> None:
    watch = _watch
    if watch is not None and watch.hears_this_thread():
        watch.held.setdefault(place)


def _note_failed(place: Place) -> None:
    watch, error = _watch, sys.exc_info()[1]
    if watch is None or not isinstance(error, (AssertionError, pytest.fail.Exception)):
        return
    if watch.hears_this_thread() and not any(known is error for _, known in watch.failed):
        watch.failed.append((place, error))


# --- giving functions another body


def instrument(
    territory: Territory, function: FunctionType, config: pytest.Config, given: Iterable[object] = ()
) -> None:
    """Give a claim's test function, and all functions of its code so far, the bodies that note assertions.

    A watch does so, too; but the functions that a fixture makes have the bodies that there were at the time.

    :param given: what the function is given, which may be functions of its code.
    """
    for found in _functions_of([function, *given], territory):
        _instrument(found, _Noting.MARK, config)


def _instrument(function: FunctionType, noting: _Noting, config: pytest.Config) -> _Source | None:
    """Give a function the body that notes its assertions, if its source can be read and has any."""
    module_globals = function.__globals__
    filename = function.__code__.co_filename
    source = _source(filename, config)
    if not source.places:
        return None
    code = _codes(filename, noting, _is_rewritten(module_globals), config).get(_key(function.__code__))
    if code is None or code.co_freevars != function.__code__.co_freevars:
        return None
    module_globals[_NOTE_HELD] = lambda number: _note_held(source.places[number])
    module_globals[_NOTE_FAILED] = lambda number: _note_failed(source.places[number])
    module_globals[_MARKS] = source.marks
    if function.__code__ is not code:
        function.__code__ = code
    return source


@dataclass(frozen=True, eq=False)
class _Source:
    """A source file: its assertions, and a mark for each that has held."""

    text: str
    places: tuple[Place, ...]
    marks: list[bool] = field(default_factory=list)


@functools.cache
def _source(filename: str, config: pytest.Config) -> _Source:  # noqa: ARG001  (a run's files are its own)
    try:
        with tokenize.open(filename) as file:
            text = file.read()
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError):
        return _Source("", ())
    noter = _Noter(filename, text, tree, _Noting.NOTHING)
    noter.visit(tree)
    return _Source(text, tuple(noter.places), [False] * len(noter.places))


@functools.cache
def _codes(
    filename: str, noting: _Noting, rewritten: bool, config: pytest.Config
) -> Mapping[tuple[str, int], CodeType]:
    """Return a source file's code objects, with what notes its assertions, by name and line."""
    text = _source(filename, config).text
    tree = ast.parse(text)
    tree = _Noter(filename, text, tree, noting).visit(tree)
    if rewritten:
        rewrite_asserts(tree, text.encode(), filename, config)
    module = compile(tree, filename, "exec", dont_inherit=True)
    # Of functions with one name on one line (lambdas), nobody knows which is which; they hold no statements.
    return {_key(code): code for code in _nested(module)}


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_name, code.co_firstlineno


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


class _Noter(ast.NodeTransformer):
    """Puts what notes assertions into a module's functions."""

    def __init__(self, filename: str, source: str, tree: ast.Module, noting: _Noting) -> None:
        self.places: list[Place] = []
        self._noting = noting
        self._filename = filename
        self._lines = source.split("\n")  # str.splitlines would also split at form feeds
        self._from_pytest = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "pytest"
            for alias in node.names
            if alias.name in _ASSERTING
        }

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        if _is_always_true(node.test):
            return [node]
        return self._noted(node, node.end_lineno)

    def visit_With(self, node: ast.With) -> list[ast.stmt]:
        self.generic_visit(node)
        if not any(self._asserts(item.context_expr) for item in node.items):
            return [node]
        return self._noted(node, node.items[-1].context_expr.end_lineno)

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt]:
        return self._called(node)

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        return self._called(node)

    def _called(self, node: ast.Expr | ast.Assign) -> list[ast.stmt]:
        # pytest.raises(ValueError, function): without a function, it is a "with" that somebody forgot.
        call = node.value
        if not (isinstance(call, ast.Call) and len(call.args) > 1 and self._asserts(call)):
            return [node]
        return self._noted(node, node.end_lineno)

    def _noted(self, node: ast.stmt, last: int | None) -> list[ast.stmt]:
        """Return an assertion, watched: what it raises is noted and goes on, and so is that it held."""
        text = " ".join(" ".join(self._lines[node.lineno - 1 : last or node.lineno]).split()).rstrip(":")
        self.places.append(Place(self._filename, node.lineno, text))
        number = len(self.places) - 1
        failed = ast.ExceptHandler(type=None, name=None, body=[self._call(_NOTE_FAILED, number), ast.Raise()])
        watched = ast.Try(body=[node], handlers=[failed], orelse=[], finalbody=[])
        return [self._at(new, node) for new in (watched, *self._held(number))]

    def _held(self, number: int) -> list[ast.stmt]:
        if self._noting is _Noting.NOTHING:
            return []
        if self._noting is _Noting.CALL:
            return [self._call(_NOTE_HELD, number)]
        mark = ast.Subscript(ast.Name(_MARKS, ast.Load()), ast.Constant(number), ast.Store())
        return [ast.Assign(targets=[mark], value=ast.Constant(True))]

    def _asserts(self, expression: ast.expr) -> bool:
        if not isinstance(expression, ast.Call):
            return False
        function = expression.func
        if isinstance(function, ast.Attribute):
            owner = function.value
            return isinstance(owner, ast.Name) and owner.id == "pytest" and function.attr in _ASSERTING
        return isinstance(function, ast.Name) and function.id in self._from_pytest

    def _call(self, name: str, number: int) -> ast.Expr:
        return ast.Expr(ast.Call(func=ast.Name(name, ast.Load()), args=[ast.Constant(number)], keywords=[]))

    def _at(self, new: ast.stmt, old: ast.stmt) -> ast.stmt:
        """Put a new statement at an old one's place: tracebacks show the source as it is."""
        for node in ast.walk(new):
            if isinstance(node, (ast.stmt, ast.expr, ast.ExceptHandler)) and not hasattr(node, "lineno"):
                ast.copy_location(node, old)
        return new


def _is_always_true(test: ast.expr) -> bool:
    """Return whether a condition is true whatever happens: a constant, or the tuple of ``assert (x == 1, "so")``."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, (ast.Tuple, ast.List, ast.Set)):
        return bool(test.elts)
    return isinstance(test, ast.Lambda)


# --- the functions of a claim's code


def _functions_of(given: Iterable[object], territory: Territory) -> Iterator[FunctionType]:
    """Yield the functions of a claim's code: those of all modules so far, and those among what is given."""
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and _in_territory(module, territory):
            yield from _reached(vars(module).values(), vars(module))
    yield from _of_territory(given, territory)


def _of_territory(given: Iterable[object], territory: Territory) -> Iterator[FunctionType]:
    """Yield the functions of a claim's code that something leads to."""
    for function in _reached(given, None):
        filename = getattr(function.__code__, "co_filename", None)  # PyPy's own functions have none
        if filename is not None and territory.holds(filename, function.__globals__):
            yield function


def _in_territory(module: ModuleType, territory: Territory) -> bool:
    filename = vars(module).get("__file__")
    return isinstance(filename, str) and territory.holds(filename, vars(module))


#: So many things in a container are looked at.
_MOST = 1_000


def _reached(values: Iterable[object], module_globals: Mapping[str, Any] | None) -> Iterator[FunctionType]:
    """Yield the functions that values lead to: through classes, closures, containers and wrappers.

    :param module_globals: those of the module whose functions and classes are wanted; None: all are.
    """
    known: dict[int, object] = {}
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if id(value) in known:
            continue
        known[id(value)] = value
        if isinstance(value, FunctionType):
            if module_globals is None or value.__globals__ is module_globals:
                yield value
            waiting += _enclosed(value)
        if not isinstance(value, type):
            waiting += _wrapped(value)
            if module_globals is None and type(value).__module__ != "builtins":  # which may be called, or be a self
                waiting.append(type(value))
        elif module_globals is None or value.__module__ == module_globals.get("__name__"):
            waiting += vars(value).values()


def _enclosed(function: FunctionType) -> Iterator[object]:
    """Yield the functions that a closure holds: a decorator without functools.wraps leaves no other trace."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # not bound yet
            yield cell.cell_contents


def _wrapped(value: object) -> Iterator[object]:
    if isinstance(value, (staticmethod, classmethod)):
        yield value.__func__
    elif isinstance(value, property):
        yield from (value.fget, value.fset, value.fdel)
    elif isinstance(value, (functools.partial, functools.partialmethod, functools.cached_property)):
        yield value.func
    elif isinstance(value, MethodType):
        yield from (value.__func__, value.__self__)
    elif isinstance(value, (list, tuple)):
        yield from value[:_MOST]
    elif isinstance(value, dict):
        yield from list(value.values())[:_MOST]
    else:
        # What functools.wraps leaves; asked for in this way, as some objects have any attribute one asks for.
        try:
            attributes = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return
        if "__wrapped__" in attributes:
            yield attributes["__wrapped__"]
