"""The digest of a claim: of its statement, and of the code that tests it.

Two records of one id whose digests differ speak of different experiments, and must not be compared. The
digest is therefore of the *source text*, not of compiled code: it is the same on every interpreter. It covers
the test function without its decorators (an expectation is no part of the experiment), and whatever that
function reaches by name in its own module and in modules beside it. What installed packages do is left out.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

_Definition = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef]
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def digest_of(statement: str, function: Callable[..., Any]) -> str:
    """Return the SHA-256, in hexadecimal digits, of a claim's statement and code."""
    texts = [statement, *_reached_source(function)]
    return hashlib.sha256("\0".join(texts).encode("utf-8", "backslashreplace")).hexdigest()


def _reached_source(function: Callable[..., Any]) -> list[str]:
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = function.func
    file = inspect.getsourcefile(function)
    if file is None or not Path(file).is_file():
        return [f"{function.__module__}.{function.__qualname__}"]
    start = (Path(file), function.__qualname__.split(".")[0])
    texts: dict[tuple[Path, str], str] = {}
    waiting = [start]
    while waiting:
        place = waiting.pop()
        path, name = place
        if place in texts:
            continue
        module = _read(path)
        if name == "*":
            texts[place] = module.text
            continue
        used: set[str] = set()
        parts = []
        for node in module.bindings.get(name, ()):
            parts.append(_text(module.text, node, decorators=place != start))
            used |= _names(node, decorators=place != start)
        texts[place] = "\n".join(parts)
        waiting += [(path, other) for other in used if other in module.bindings]
        waiting += [module.imports[other] for other in {*used, name} if other in module.imports]
    # The paths differ between a checkout and a wheel, so only their names order the texts.
    return [texts[place] for place in sorted(texts, key=lambda place: (place != start, place[0].name, place[1]))]


@dataclass(frozen=True)
class _Module:
    """A source file: what its top level binds, and what it imports from files beside it."""

    text: str
    bindings: dict[str, list[ast.stmt]]
    imports: dict[str, tuple[Path, str]]


@functools.cache
def _read(path: Path) -> _Module:
    text = path.read_text(encoding="utf-8")  # text mode folds line ends, so Windows checkouts agree
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return _Module(text, {}, {})
    bindings: dict[str, list[ast.stmt]] = {}
    imports: dict[str, tuple[Path, str]] = {}
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.update(_local_imports(path, node))
        for name in _bound(node):
            bindings.setdefault(name, []).append(node)
    return _Module(text, bindings, imports)


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, _DEFINITIONS):
        yield node.name
    elif not isinstance(node, (ast.Import, ast.ImportFrom)):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id
            elif isinstance(inner, _DEFINITIONS):  # under an "if" or "try"
                yield inner.name


def _local_imports(path: Path, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, tuple[Path, str]]]:
    """Yield name, file and name there ("*": all of it) for what an import takes from files beside ``path``."""
    base = path.parent
    if isinstance(node, ast.Import):
        for alias in node.names:
            file = base.joinpath(*alias.name.split(".")).with_suffix(".py")
            if file.is_file():
                yield alias.asname or alias.name.split(".")[0], (file, "*")
        return
    for _ in range(node.level - 1):
        base = base.parent
    folder = base.joinpath(*(node.module or "").split(".")) if node.module else base
    for alias in node.names:
        submodule, module = folder / f"{alias.name}.py", folder.with_suffix(".py")
        if submodule.is_file():
            yield alias.asname or alias.name, (submodule, "*")
        elif node.module and module.is_file():
            yield alias.asname or alias.name, (module, alias.name)


def _names(node: ast.stmt, *, decorators: bool) -> set[str]:
    """Return the names a definition uses; a test's arguments count, as they name fixtures."""
    skipped: set[ast.AST] = set()
    if not decorators and isinstance(node, _DEFINITIONS):
        for decorator in node.decorator_list:
            skipped |= set(ast.walk(decorator))
    found = set()
    for inner in ast.walk(node):
        if inner in skipped:
            continue
        if isinstance(inner, ast.Name):
            found.add(inner.id)
        elif isinstance(inner, ast.arg):
            found.add(inner.arg)
    return found


def _text(source: str, node: ast.stmt, *, decorators: bool) -> str:
    first = node.lineno
    if decorators and isinstance(node, _DEFINITIONS) and node.decorator_list:
        first = min(decorator.lineno for decorator in node.decorator_list)
    return "\n".join(line.rstrip() for line in source.splitlines()[first - 1 : node.end_lineno])
