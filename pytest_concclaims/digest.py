"""The digest of a claim: of its statement and the code that tests it.

Two records of one id with different digests are of different experiments, and must not be compared. The digest is of
the *source text*, not of compiled code, so that it is the same on every interpreter. It covers:

- the test function without its decorators, as the expected verdict is not part of the experiment; if parameters are
  objects or functions, with the decorators that give them;
- its parameters, and what its class has besides tests;
- what these use by name in their own module, in test modules beside and above it, and in its conftest files.

Other packages, also the tested one, are left out: a comparison is to show verdicts that change with them.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import itertools
import textwrap
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_Node = Union[ast.stmt, ast.expr]
#: A file, and what its top level binds ("*": all of it).
_Place = tuple[Path, str]


def digest_of(
    statement: str, function: Callable[..., Any], parameters: Mapping[str, str], root: Path, *, plain: bool = True
) -> str:
    """Return the SHA-256, in hexadecimal digits, of a claim's statement and code.

    :param parameters: the test's parameters, as texts that are the same in each run.
    :param root: the folder above which no code belongs to the claim.
    :param plain: whether these texts determine the parameters; if not, the code that gives them counts, too.
    """
    given = [f"{name}={parameters[name]}" for name in sorted(parameters)]
    texts = [statement, *given, *_reached_source(function, root, plain=plain)]
    return hashlib.sha256("\0".join(texts).encode("utf-8", "backslashreplace")).hexdigest()


#: Characters of a claim's code in a run record.
LONGEST_CODE = 8_000


@functools.lru_cache(maxsize=100)
def code_of(function: Callable[..., Any], root: Path) -> str | None:
    """Return the source of a claim's test function, and below it what that uses of its own file, in the file's order.

    :param root: the folder above which no code belongs to the claim.
    :returns: whole lines, at most :data:`LONGEST_CODE` characters of them; a comment says how many more there are.
        None if there is no source file.
    """
    function = _innermost(function)
    path = _file_of(function)
    if path is None:
        return None
    module = _read(path, root)
    names = _path_of_names(function)
    own = [node for node in _own(module.bindings, names) if isinstance(node, ast.stmt)]
    if not own:
        return None
    used: dict[int, ast.stmt] = {}
    known, waiting = {names[0]}, _names(own)
    while waiting:
        name = waiting.pop()
        if name not in known:
            known.add(name)
            for node in module.bindings.get(name, ()):
                used[node.lineno] = node
                waiting |= _names([node])
    nodes = [*reversed(own), *(used[line] for line in sorted(used))]
    return _first_lines("\n\n".join(textwrap.dedent(_text(module, [node])) for node in nodes))


def _first_lines(text: str) -> str:
    """Return the text, cut to :data:`LONGEST_CODE` characters at the end of a line."""
    if len(text) <= LONGEST_CODE:
        return text
    kept = text[:LONGEST_CODE].rpartition("\n")[0] or text[:LONGEST_CODE]
    return f"{kept}\n# ... {len(text) - len(kept):,} more characters"


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that decorators and partials wrap."""
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(function.func)
    return function


def _file_of(function: Callable[..., Any]) -> Path | None:
    file = inspect.getsourcefile(function)
    return None if file is None or not Path(file).is_file() else Path(file)


def _path_of_names(function: Callable[..., Any]) -> list[str]:
    """Return the names that lead from the module's top level to the function."""
    return function.__qualname__.split(".<locals>")[0].split(".")


@functools.lru_cache(maxsize=100)  # the claims that parameters make of one function come one after the other
def _reached_source(function: Callable[..., Any], root: Path, *, plain: bool) -> list[str]:
    function = _innermost(function)
    path = _file_of(function)
    if path is None:
        return [f"{function.__module__}.{function.__qualname__}"]
    module = _read(path, root)
    outermost, *_ = names = _path_of_names(function)
    nodes = list(_own(module.bindings, names))
    if not nodes:
        return [module.text]
    decorators = _decorators(nodes, {names[-1], function.__name__})
    left_out = [node for node in decorators if plain or not _is_parametrize(node)]
    own = _text(module, nodes, left_out)
    texts: dict[_Place, str] = {(path, outermost): ""}  # it may name itself
    waiting = list(_reached(path, root, _names(nodes, left_out)))
    while waiting:
        place = waiting.pop()
        if place in texts:
            continue
        path, name = place
        module = _read(path, root)
        if name == "*":
            texts[place] = module.text
            waiting += module.imports.values()
        else:
            binding = module.bindings.get(name, [])
            texts[place] = _text(module, binding)
            waiting += _reached(path, root, {name, *_names(binding)})
    # The paths differ between a checkout and a wheel, so only their names order the texts.
    return [own, *(text for _, _, text in sorted((path.name, name, text) for (path, name), text in texts.items()))]


@dataclass(frozen=True)
class _Module:
    """A source file: the names that its top level binds, and those that it imports from files beside it."""

    text: str
    lines: list[str]
    bindings: dict[str, list[ast.stmt]]
    imports: dict[str, _Place]


@functools.cache
def _read(path: Path, root: Path) -> _Module:
    text = ""
    try:
        with tokenize.open(path) as file:  # text mode folds line ends, so Windows checkouts agree
            text = file.read()
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return _Module(text, [], {}, {})
    imports: dict[str, _Place] = {}
    for inner in ast.walk(tree):
        if isinstance(inner, (ast.Import, ast.ImportFrom)):
            imports.update(_local_imports(path, root, inner))
    # str.splitlines would also split at form feeds.
    return _Module(text, text.split("\n"), _bindings(tree), imports)


@functools.cache
def _bindings(scope: ast.Module | ast.ClassDef) -> dict[str, list[ast.stmt]]:
    """Return for each name of a module or class the statements that bind it, repeated if they bind it repeatedly."""
    found: dict[str, list[ast.stmt]] = {}
    for node in scope.body:
        for name in _bound(node):
            found.setdefault(name, []).append(node)
    return found


@functools.cache
def _besides_tests(scope: ast.ClassDef) -> tuple[ast.stmt, ...]:
    return tuple(node for node in scope.body if not any(name.lower().startswith("test") for name in _bound(node)))


def _own(bindings: Mapping[str, list[ast.stmt]], names: Sequence[str]) -> Iterator[_Node]:
    """Yield the definitions that a path of names leads to, and what the classes on the way have besides tests."""
    name, *inner = names
    found = list(dict.fromkeys(bindings.get(name, ())))
    class_ = found[-1] if found else None
    if not inner or not isinstance(class_, ast.ClassDef):
        yield from found
        return
    yield from class_.bases
    yield from _besides_tests(class_)
    yield from _own(_bindings(class_), inner)


def _decorators(nodes: Iterable[_Node], names: set[str]) -> Iterator[ast.expr]:
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, _Definition) and inner.name in names:
                yield from inner.decorator_list


def _is_parametrize(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize"


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, _Definition):
        yield node.name
    elif not isinstance(node, (ast.Import, ast.ImportFrom)):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id
            elif isinstance(inner, _Definition):  # under an "if" or "try"
                yield inner.name


@functools.cache
def _folders(path: Path, root: Path) -> Sequence[Path]:
    """Return a file's folder and those above it, up to the root."""
    return [folder for folder in path.parents if folder == path.parent or folder.is_relative_to(root)]


def _local_imports(path: Path, root: Path, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, _Place]]:
    """Yield name, file and name there ("*": all of it) for each import from a test module."""
    if isinstance(node, ast.ImportFrom) and node.level > 0:
        yield from _imported_from(path.parents[node.level - 1], node)
        return
    for base in _folders(path, root):
        if isinstance(node, ast.ImportFrom):
            found = list(_imported_from(base, node))
        else:
            found = []
            for alias in node.names:
                file = _source_file(base.joinpath(*alias.name.split(".")))
                if file is not None:
                    found.append((alias.asname or alias.name.split(".")[0], (file, "*")))
        # Beside the module, below that, or in a package that it is in itself; the tested package is neither.
        yield from (
            (name, place)
            for name, place in found
            if place[0].is_relative_to(path.parent)
            or (place[0].parent != root and path.is_relative_to(place[0].parent))
        )


def _imported_from(base: Path, node: ast.ImportFrom) -> Iterator[tuple[str, _Place]]:
    folder = base.joinpath(*node.module.split(".")) if node.module else base
    module = _source_file(folder) if node.module else folder / "__init__.py"
    for alias in node.names:
        submodule = _source_file(folder / alias.name)
        if submodule is not None:
            yield alias.asname or alias.name, (submodule, "*")
        elif module is not None and module.is_file():
            # The names that a star imports are unknown here, so it counts as used.
            yield ("*", (module, "*")) if alias.name == "*" else (alias.asname or alias.name, (module, alias.name))


def _source_file(module: Path) -> Path | None:
    files = (module.with_name(f"{module.name}.py"), module / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _reached(path: Path, root: Path, used: set[str]) -> Iterator[_Place]:
    module = _read(path, root)
    yield from ((path, name) for name in used if name in module.bindings)
    yield from (module.imports[name] for name in {"*", *used} if name in module.imports)
    for name in used - set(module.bindings) - set(module.imports):
        conftests = (folder / "conftest.py" for folder in _folders(path, root))
        known = (file for file in conftests if file != path and file.is_file() and name in _read(file, root).bindings)
        yield from ((file, name) for file in itertools.islice(known, 1))


def _names(nodes: Iterable[_Node], left_out: Iterable[ast.expr] = ()) -> set[str]:
    """Return the names that code uses, with its arguments: a test's name fixtures."""
    skipped = {inner for node in left_out for inner in ast.walk(node)}
    found = set()
    for node in nodes:
        for inner in ast.walk(node):
            if inner in skipped:
                continue
            if isinstance(inner, ast.Name):
                found.add(inner.id)
            elif isinstance(inner, ast.arg):
                found.add(inner.arg)
    return found


def _text(module: _Module, nodes: Iterable[_Node], left_out: Iterable[ast.expr] = ()) -> str:
    """Return the lines of some code, without white space at their ends."""
    skipped = {line for node in left_out for line in _lines(node)}
    numbers = (line for node in nodes for line in _lines(node) if line not in skipped)
    return "\n".join(module.lines[number - 1].rstrip() for number in numbers)


def _lines(node: _Node) -> range:
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
    return range(first, (node.end_lineno or node.lineno) + 1)
