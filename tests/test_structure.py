"""The direction of the imports within the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

import pytest_concclaims

NAME = "pytest_concclaims"
FOLDER = Path(pytest_concclaims.__file__).parent
#: A module may import those of the layers before its own, and those of its own folder.
LAYERS = (
    ("interpreter", "machine", "statistics", "text", "verdict", "digest", "claims"),
    ("records",),
    ("lab", "reports", "claim"),
    ("options",),
    ("session", "cli"),
    ("plugin", "__main__", "__init__"),
)
#: Folders and modules that import nothing of pytest, except its module for terminals, ``_pytest._io``.
WITHOUT_PYTEST = ("lab", "records", "reports", "statistics", "text", "verdict", "interpreter", "machine")


def modules() -> Iterator[tuple[str, Path]]:
    """Yield the name and the file of each module, except those of the shipped suites."""
    for file in sorted(FOLDER.rglob("*.py")):
        parts = [NAME, *file.relative_to(FOLDER).with_suffix("").parts]
        if parts[1] != "claims" or len(parts) == 3:
            yield ".".join(parts), file


def imports(name: str, file: Path) -> Iterator[str]:
    """Yield the absolute names of what a module imports anywhere in it, except for type checkers only."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    checked = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    skipped = {id(node) for branch in checked for node in ast.walk(branch)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), name.rpartition(".")[0])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def module_of(imported: str) -> str | None:
    """Return the module of this package that an import names; None if it is of another package."""
    while imported and imported not in FILES:
        if f"{imported}.__init__" in FILES:
            return f"{imported}.__init__"
        imported = imported.rpartition(".")[0]
    return imported or None


FILES = dict(modules())
GRAPH = {
    name: {found for found in map(module_of, imports(name, file)) if found is not None and found != name}
    for name, file in FILES.items()
}


def room(module: str) -> str:
    """Return the folder or file at the top of the package in which a module is."""
    return module.split(".")[1]


def layer(module: str) -> int:
    """Return the number of a module's layer."""
    return next(number for number, rooms in enumerate(LAYERS) if room(module) in rooms)


def test_processes_that_tests_start_import_the_package_that_is_tested() -> None:
    """They import the installed package, and not that of the current folder."""
    code = f"import {NAME}; print({NAME}.__file__)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert Path(run.stdout.strip()) == FOLDER / "__init__.py"


def test_no_import_cycle() -> None:
    """Imports within functions count as well."""
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]), pytrace=False)


def test_imports_go_one_way() -> None:
    """A layer imports only layers before it; folders of one layer do not import each other, except in the first."""
    against = [
        f"{name} imports {imported}"
        for name, found in GRAPH.items()
        for imported in found
        if room(name) != room(imported) and (layer(imported) > layer(name) or layer(imported) == layer(name) > 0)
    ]
    assert against == []


def test_the_package_imports_its_names_on_first_use() -> None:
    """Every pytest start imports the package, so its own import imports nothing else."""
    assert not GRAPH[f"{NAME}.__init__"]
    assert all(getattr(pytest_concclaims, name) is not None for name in pytest_concclaims.__all__)


@pytest.mark.parametrize("place", WITHOUT_PYTEST)
def test_no_import_of_pytest(place: str) -> None:
    """These can be used, and tested, without pytest."""
    known = [
        f"{name} imports {imported}"
        for name, file in FILES.items()
        if room(name) == place
        for imported in imports(name, file)
        if imported.partition(".")[0] in ("pytest", "_pytest") and not imported.startswith("_pytest._io")
    ]
    assert known == []


def test_claims_use_what_users_can() -> None:
    """A shipped suite imports only the package's public names."""
    from pytest_concclaims.session.suites import suite_folders

    public = {f"{NAME}.{name}" for name in pytest_concclaims.__all__}
    for suite, folder in suite_folders().items():
        own = f"{NAME}.claims.{suite}"
        for file in folder.glob("*.py"):
            used = {text for text in imports(f"{own}.{file.stem}", file) if text.startswith(f"{NAME}.")}
            assert {text for text in used if not text.startswith(own)} <= public, file


def test_a_wheel_has_each_suite_of_the_checkout() -> None:
    """A new folder in claims/ has to be named in pyproject.toml."""
    root = Path(__file__).parents[1]
    settings = (root / "pyproject.toml").read_text(encoding="utf-8")
    suites = [package.parent.name for package in sorted(root.glob("claims/*/__init__.py"))]
    assert suites == ["article", "python_docs"]
    assert all(f'"claims/{name}" = "pytest_concclaims/claims/{name}"' in settings for name in suites)
