"""Which assertions of a claim were evaluated, and held.

A body that returns without having asserted anything has no verdict: ``for x in []: assert x`` shows nothing.
Nor has one that catches its own failed assertion. pytest tells a plugin of assertions that hold only under an
ini option that must be set before the test module was first compiled. So the functions of the claim's own
code are given a body in which each assertion is followed by a call that notes it, and in which a failed one is
noted before it goes on its way. Nothing is traced: it is the same on every interpreter, beside a debugger and
a coverage tool, and costs a call for each assertion.
"""

from __future__ import annotations

import ast
import functools
import os
import sys
import threading
import tokenize
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType, TracebackType
from typing import Any

import pytest
from _pytest.assertion.rewrite import rewrite_asserts  # what pytest's import hook does to a module's tree

#: pytest's helpers that assert something by themselves.
_ASSERTING = frozenset({"raises", "warns", "deprecated_call", "RaisesGroup"})
#: How the code of a claim calls the two below; no name that a module could have.
_NOTE_HELD, _NOTE_FAILED = "@concclaims_held", "@concclaims_failed"


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

    def __init__(self, territory: Territory, function: FunctionType, config: pytest.Config) -> None:
        self.held: dict[Place, None] = {}
        self.failed: list[tuple[Place, BaseException]] = []
        self._territory = territory
        self._function = function
        self._config = config
        # Whatever an earlier claim has left running is no evidence for this one.
        self._elders = set(threading.enumerate()) - {threading.current_thread()}

    def __enter__(self) -> AssertionWatch:
        global _watch
        instrument(self._territory, self._function, self._config)
        _watch = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        global _watch
        _watch = None

    def hears_this_thread(self) -> bool:
        """Return whether the current thread is part of the claim."""
        return threading.current_thread() not in self._elders


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


def instrument(territory: Territory, function: FunctionType, config: pytest.Config) -> None:
    """Give a claim's test function, and all functions of its code so far, the bodies that note assertions.

    A watch does so, too; but the functions that a fixture makes have the bodies that there were at the time.
    """
    for found in _functions_of(function, territory):
        _instrument(found, config)


def _instrument(function: FunctionType, config: pytest.Config) -> None:
    """Give a function the body that notes its assertions, if its source can be read and has any."""
    module_globals = function.__globals__
    source = _instrumented(function.__code__.co_filename, _is_rewritten(module_globals), config)
    code = source.codes.get(_key(function.__code__))
    if code is None or code is function.__code__ or code.co_freevars != function.__code__.co_freevars:
        return
    module_globals.setdefault(_NOTE_HELD, lambda number: _note_held(source.places[number]))
    module_globals.setdefault(_NOTE_FAILED, lambda number: _note_failed(source.places[number]))
    function.__code__ = code


@dataclass(frozen=True)
class _Instrumented:
    codes: Mapping[tuple[str, int], CodeType]
    places: tuple[Place, ...]


@functools.cache
def _instrumented(filename: str, rewritten: bool, config: pytest.Config) -> _Instrumented:
    """Return a source file's code objects, with calls that note its assertions, by name and line."""
    try:
        with tokenize.open(filename) as file:
            source = file.read()
        tree = ast.parse(source)
    except (OSError, ValueError, SyntaxError):
        return _Instrumented({}, ())
    noter = _Noter(filename, source, tree)
    tree = noter.visit(tree)
    if not noter.places:
        return _Instrumented({}, ())
    if rewritten:
        rewrite_asserts(tree, source.encode(), filename, config)
    module = compile(tree, filename, "exec", dont_inherit=True)
    # Of functions with one name on one line (lambdas), nobody knows which is which; they hold no statements.
    return _Instrumented({_key(code): code for code in _nested(module)}, tuple(noter.places))


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_name, code.co_firstlineno


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


class _Noter(ast.NodeTransformer):
    """Puts the calls that note assertions into a module's functions."""

    def __init__(self, filename: str, source: str, tree: ast.Module) -> None:
        self.places: list[Place] = []
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
        return [self._at(watched, node), self._at(self._call(_NOTE_HELD, number), node)]

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


# --- the functions of a claim's code


def _functions_of(function: FunctionType, territory: Territory) -> Iterator[FunctionType]:
    yield function
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and _in_territory(module, territory):
            yield from _functions(module)


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
        if isinstance(value, FunctionType):
            if value.__globals__ is vars(module):
                yield value
            waiting += _enclosed(value)
        if not isinstance(value, type):
            waiting += _wrapped(value)
        elif value.__module__ == module.__name__:
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
    else:
        # What functools.wraps leaves; asked for in this way, as some objects have any attribute one asks for.
        try:
            attributes = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return
        if "__wrapped__" in attributes:
            yield attributes["__wrapped__"]
