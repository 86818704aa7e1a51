"""The assertions of a claim's code: which were evaluated, which held, which failed.

A body that returns without an assertion that held has no verdict: ``for x in []: assert x`` shows nothing. Nor has a
body that catches its own failed assertion. pytest's hook ``pytest_assertion_pass`` reports assertions that hold only
under an ini option that was set before the module was first compiled, and none that fail and are caught.

So assertions are noted where pytest compiles a module. Its import hook parses the module, and calls
``_pytest.assertion.rewrite.rewrite_asserts`` on the tree; that function is wrapped here. An assertion that holds sets
its mark in a list of the module. One that fails calls :meth:`ModuleAssertions.note_failure` on its way. No function
is changed afterwards.

The verdict is about that very code, so noting must not disturb it. A mark is a subscript and no call, as CPython
switches threads at calls. A mark that is set is only read: on a free-threaded build a store into a shared list takes
its lock, which would order the threads. While an instrument samples, all marks are set.
"""

from __future__ import annotations

import ast
import functools
import io
import itertools
import os
import sys
import threading
import tokenize
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any
from weakref import WeakValueDictionary

import pytest
from _pytest.assertion import rewrite

#: pytest's helpers that assert something by themselves.
_ASSERTING = frozenset({"raises", "warns", "deprecated_call", "RaisesGroup"})
#: Names in a compiled module: a function of this module, its assertions, and their marks. No source can have them,
#: and ``import *`` leaves them where they are, as they begin with an underscore.
_REGISTER, _ASSERTIONS, _MARKS = "_@concclaims_register", "_@concclaims_assertions", "_@concclaims_marks"


@dataclass(frozen=True)
class Place:
    """An assertion in the source: its file, its first line, and its text on one line."""

    filename: str
    line: int
    text: str


@dataclass(frozen=True, eq=False)
class ModuleAssertions:
    """The assertions of one module that pytest has compiled, and a mark for each that has held."""

    filename: str
    places: tuple[Place, ...]
    marks: list[bool] = field(default_factory=list)

    def note_failure(self, number: int) -> None:
        """Note that the exception being handled came out of an assertion."""
        watch, error = _watch, sys.exc_info()[1]
        if watch is not None and isinstance(error, (AssertionError, pytest.fail.Exception)):
            watch.note_failure(self.places[number], error)

    def reset(self, *, held: bool) -> None:
        """Set all marks, or clear them."""
        self.marks[:] = [held] * len(self.places)

    def held(self) -> Iterator[Place]:
        """Yield the places of the assertions that have held."""
        return itertools.compress(self.places, self.marks)


@dataclass(frozen=True)
class Territory:
    """The code whose assertions belong to a claim: its own module, and the helpers of its suite.

    An ``AssertionError`` from other code (``multiprocessing`` raises bare ones) is an error, not a refutation.

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

    def holds(self, filename: str, *, rewritten: bool) -> bool:
        """Return whether a file's code belongs to the claim.

        :param rewritten: whether pytest has compiled it as test code.
        """
        if filename == self.module:
            return True
        if self.folder is not None:
            return _is_below(filename, self.folder)
        return (
            rewritten
            and _is_below(filename, self.root)
            and not any(_is_below(filename, folder) for folder in self.foreign)
        )


def is_rewritten(module_globals: Mapping[str, Any]) -> bool:
    """Return whether pytest has compiled the module with these globals as test code."""
    return _ASSERTIONS in module_globals


def _is_below(filename: str, folder: str) -> bool:
    # Called for each module of each claim: pathlib would take milliseconds.
    return filename.startswith(folder.rstrip(os.sep) + os.sep)


# --- what is evaluated during a claim


#: The modules that pytest has compiled in this process, in the order of their imports. A module holds its own.
_modules: WeakValueDictionary[int, ModuleAssertions] = WeakValueDictionary()
_numbers = itertools.count()


class AssertionWatch:
    """Notes the assertions of a claim's code that are evaluated while the ``with`` block runs, in any thread.

    One watch at a time.

    :param territory: the code that belongs to the claim.
    :param unrelated: threads whose failed assertions are not the claim's.

    ``held`` has the places of the assertions that held, ``failed`` those of the ones that failed, each with its
    exception.
    """

    def __init__(self, territory: Territory, *, unrelated: frozenset[threading.Thread] = frozenset()) -> None:
        self.held: tuple[Place, ...] = ()
        self.failed: list[tuple[Place, BaseException]] = []
        self._territory = territory
        self._unrelated = unrelated
        self._outer: AssertionWatch | None = None
        self._marks_before: Mapping[ModuleAssertions, list[bool]] = {}

    def __enter__(self) -> AssertionWatch:
        global _watch
        # A run of pytest within a claim has watches of its own.
        self._outer, self._marks_before = _watch, _marks()
        for module in _modules.values():
            module.reset(held=False)
        _watch = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        global _watch
        _watch = self._outer
        own = [module for module in _modules.values() if self._territory.holds(module.filename, rewritten=True)]
        # A file that was imported under two names is there twice.
        self.held = tuple(dict.fromkeys(place for module in own for place in module.held()))
        if self._outer is not None:
            _restore(self._marks_before)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Count no assertion that holds in the block: an instrument calls the claim's code over and over.

        One that fails is noted all the same.
        """
        before = _marks()
        for module in before:
            module.reset(held=True)
        try:
            yield
        finally:
            _restore(before)

    def note_failure(self, place: Place, error: BaseException) -> None:
        """Note a failed assertion, once, if it belongs to the claim."""
        if threading.current_thread() in self._unrelated or any(known is error for _, known in self.failed):
            return
        if self._territory.holds(place.filename, rewritten=True):
            self.failed.append((place, error))

    def failures(self) -> list[str]:
        """Return the texts of the assertions that have failed so far."""
        return [place.text for place, _ in self.failed]


_watch: AssertionWatch | None = None


def _marks() -> dict[ModuleAssertions, list[bool]]:
    return {module: module.marks.copy() for module in _modules.values()}


def _restore(marks: Mapping[ModuleAssertions, list[bool]]) -> None:
    """Set marks as they were; a module that was imported meanwhile has none."""
    for module in _modules.values():
        module.marks[:] = marks.get(module, [False] * len(module.places))


def has_assertions(code: CodeType) -> bool:
    """Return whether a function asserts something, and pytest has compiled it."""
    return _MARKS in code.co_names


def is_noted(filename: str) -> bool:
    """Return whether the assertions of a file are noted."""
    return any(module.filename == filename for module in _modules.values())


# --- what a module is compiled to


@contextmanager
def assertions_noted(root: Path) -> Iterator[None]:
    """Have pytest's import hook compile modules such that their assertions are noted, until the end of the block.

    pytest keeps compiled modules in files. Those made here have names of their own, so that neither this run nor one
    without this plugin loads the other's. Nor does a run load those of another place: they name their sources' files.

    :param root: the project's folder.
    """
    version = zlib.crc32(str(root).encode("utf-8", "surrogateescape"), zlib.crc32(Path(__file__).read_bytes()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rewrite, "rewrite_asserts", functools.partial(_rewrite, rewrite.rewrite_asserts))
        patch.setattr(rewrite, "PYC_TAIL", f".{rewrite.PYTEST_TAG}-concclaims-{version:08x}{rewrite.PYC_EXT}")
        yield


def _rewrite(
    pytests: Callable[..., None], tree: ast.Module, source: bytes, filename: str | None = None, config: Any = None
) -> None:
    """Note the assertions of a module's tree, then let pytest rewrite it."""
    noter = _Noter(source, tree)
    noter.visit(tree)
    position = _first_statement(tree)
    if position < len(tree.body):
        tree.body[position:position] = _prologue(noter.places, tree.body[position])
    pytests(tree, source, filename, config)


def _first_statement(tree: ast.Module) -> int:
    """Return the index of the first statement after the docstring and the ``__future__`` imports."""
    position = 1 if ast.get_docstring(tree, clean=False) is not None else 0
    while position < len(tree.body):
        statement = tree.body[position]
        if not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            break
        position += 1
    return position


def _prologue(places: Sequence[tuple[int, str]], first: ast.stmt) -> list[ast.stmt]:
    """Return the statements that register a module's assertions, at the place of its first statement."""
    listed = ast.parse(repr(tuple(places)), mode="eval").body
    registered = ast.Call(_load(_REGISTER), [listed], [])
    statements = (
        ast.ImportFrom(__name__, [ast.alias("register", _REGISTER)], 0),
        ast.Assign([ast.Name(_ASSERTIONS, ast.Store())], registered),
        ast.Assign([ast.Name(_MARKS, ast.Store())], ast.Attribute(_load(_ASSERTIONS), "marks", ast.Load())),
    )
    return [_located(statement, first) for statement in statements]


def register(places: Sequence[tuple[int, str]]) -> ModuleAssertions:
    """Register the module that calls this, as its compiled code does when it begins to run.

    :param places: the first line and the text of each of its assertions.
    """
    filename = sys._getframe(1).f_code.co_filename  # noqa: SLF001  (documented; a module's __file__ may be another)
    module = ModuleAssertions(filename, tuple(Place(filename, line, text) for line, text in places))
    module.reset(held=False)
    _modules[next(_numbers)] = module
    return module


class _Noter(ast.NodeTransformer):
    """Puts what notes assertions into a module's tree.

    ``places`` has the first line and the text of each.
    """

    def __init__(self, source: bytes, tree: ast.Module) -> None:
        self.places: list[tuple[int, str]] = []
        self._lines = list(io.TextIOWrapper(io.BytesIO(source), _encoding(source)))
        self._pytest = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
            if alias.name == "pytest"
        }
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
        # What names nothing has one value in all runs: if that is true, it asserts nothing.
        return self._noted(node, node.end_lineno, marked=_names_something(node.test))

    def visit_With(self, node: ast.With) -> list[ast.stmt]:
        self.generic_visit(node)
        return self._with(node, node)

    def _with(self, node: ast.With, written: ast.With) -> list[ast.stmt]:
        """Return a ``with`` as nested ones, of which those that assert are noted.

        An item before one that asserts may swallow its failure.

        :param written: the statement in the source.
        """
        first = next((index for index, item in enumerate(node.items) if self._asserts(item.context_expr)), None)
        if first is None:
            return [node]
        outer, asserting, inner = node.items[:first], node.items[first], node.items[first + 1 :]
        body = self._with(_nested(inner, node.body, written), written) if inner else node.body
        noted = self._noted(_nested([asserting], body, written), written.items[-1].context_expr.end_lineno)
        return [_nested(outer, noted, written)] if outer else noted

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt]:
        return self._called(node)

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        return self._called(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        return self._called(node)

    def _called(self, node: ast.Expr | ast.Assign | ast.AnnAssign) -> list[ast.stmt]:
        # pytest.raises(ValueError, function): without a function, it is a forgotten "with".
        call = node.value
        if not (isinstance(call, ast.Call) and len(call.args) > 1 and self._asserts(call)):
            return [node]
        return self._noted(node, node.end_lineno)

    def _noted(self, node: ast.stmt, last: int | None, *, marked: bool = True) -> list[ast.stmt]:
        """Return the statements for an assertion: its failure is noted and goes on; if it holds, that is noted.

        :param marked: whether to note that it holds.
        """
        text = " ".join(" ".join(self._lines[node.lineno - 1 : last or node.lineno]).split()).rstrip(":")
        self.places.append((node.lineno, text))
        number = ast.Constant(len(self.places) - 1)
        note = ast.Call(ast.Attribute(_load(_ASSERTIONS), "note_failure", ast.Load()), [number], [])
        failed = ast.ExceptHandler(type=None, name=None, body=[ast.Expr(note), ast.Raise()])
        watched = ast.Try(body=[node], handlers=[failed], orelse=[], finalbody=[])
        unset = ast.UnaryOp(ast.Not(), ast.Subscript(_load(_MARKS), number, ast.Load()))
        mark = ast.Assign([ast.Subscript(_load(_MARKS), number, ast.Store())], ast.Constant(True))
        return [_located(new, node) for new in (watched, *([ast.If(unset, [mark], [])] if marked else []))]

    def _asserts(self, expression: ast.expr) -> bool:
        if not isinstance(expression, ast.Call):
            return False
        function = expression.func
        if isinstance(function, ast.Attribute):
            owner = function.value
            return isinstance(owner, ast.Name) and owner.id in self._pytest and function.attr in _ASSERTING
        return isinstance(function, ast.Name) and function.id in self._from_pytest


def _nested(items: list[ast.withitem], body: list[ast.stmt], written: ast.With) -> ast.With:
    return ast.copy_location(ast.With(items=items, body=body), written)


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _located(new: ast.stmt, old: ast.stmt) -> ast.stmt:
    """Put a new statement at an old one's place: tracebacks show the source as it is."""
    return ast.fix_missing_locations(ast.copy_location(new, old))


def _encoding(source: bytes) -> str:
    return tokenize.detect_encoding(io.BytesIO(source).readline)[0]


def _is_always_true(test: ast.expr) -> bool:
    """Return whether a condition is true whatever happens, such as the tuple of ``assert (x == 1, "so")``."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, (ast.Tuple, ast.List, ast.Set)):
        return bool(test.elts)
    if isinstance(test, ast.Dict):
        return any(key is not None for key in test.keys)
    if isinstance(test, ast.JoinedStr):
        return any(isinstance(part, ast.Constant) and part.value for part in test.values)
    return isinstance(test, (ast.Lambda, ast.GeneratorExp))


def _names_something(test: ast.expr) -> bool:
    """Return whether a condition depends on anything beyond itself."""
    return any(isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) for node in ast.walk(test))
