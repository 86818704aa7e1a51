"""Collectors of the shipped suites."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

#: The name of the shipped suite that a module belongs to.
SUITE = pytest.StashKey[str]()

_SUITES_PACKAGE = "pytest_concclaims.claims"


def suite_folders() -> dict[str, Path]:
    """Return the folder of each shipped suite by its name."""
    if _SUITES_PACKAGE not in sys.modules:
        pytest.register_assert_rewrite(_SUITES_PACKAGE)
    folders: dict[str, Path] = {}
    for base in map(Path, importlib.import_module(_SUITES_PACKAGE).__path__):
        for package in sorted(base.glob("*/__init__.py")):
            folders.setdefault(package.parent.name, package.parent)
    return folders


def descriptions_of(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield what shipped suites are about, as a run record has it; nothing for a suite without a description."""
    for name in names:
        description = getattr(importlib.import_module(f"{_SUITES_PACKAGE}.{name}"), "DESCRIPTION", None)
        if description is not None:
            yield {"name": name, **description}


class SuiteModule(pytest.Module):
    """A module of a shipped suite, collected by the suite's own rules.

    A user's ``python_functions`` might select nothing in it, and pytest's import modes would give it a name that the
    processes it starts cannot import.
    """

    def _getobj(self) -> Any:
        folder = self.path.parent
        return importlib.import_module(f"{_SUITES_PACKAGE}.{folder.name}.{self.path.stem}")

    def funcnamefilter(self, name: str) -> bool:
        """Return whether a function of this name is collected."""
        return name.startswith("test_")

    def classnamefilter(self, name: str) -> bool:
        """Return whether a class of this name is collected."""
        return name.startswith("Test")

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Return the module's claims.

        :raises CollectError: there are none.
        """
        found = list(super().collect())
        if not found:
            raise self.CollectError(f"{self.path} has no claims; the installation is damaged, install it again")
        return found


class Suite(pytest.Directory):
    """A shipped suite: a collector at the top, beside those of the project.

    Its path is not among pytest's arguments: if a virtual environment in the project's folder contains the suite,
    pytest, depending on its version, would not collect the suite or the project's own tests.

    ``wants`` returns whether a node of the suite was asked for, by its id.
    """

    wants: Callable[[str], bool]

    def collect(self) -> Iterator[pytest.Collector]:
        """Return the suite's modules.

        :raises CollectError: there is none.
        """
        files = sorted(self.path.glob("test_*.py"))
        if not files:
            raise self.CollectError(f"no claims in {self.path}; the installation is damaged, install it again")
        for file in files:
            # Not the path from the root folder, which would contain the environment's site-packages.
            nodeid = f"{self.name}/{file.name}"
            if self.wants(nodeid):
                module: SuiteModule = SuiteModule.from_parent(self, path=file, nodeid=nodeid)
                module.stash[SUITE] = self.name
                yield module


class LastFailedGuard:
    """Hook: let ``--lf`` select a suite's claims by node id only.

    It also skips files, by the paths in the node ids of the last failures; a suite's node ids have no paths.
    """

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> pytest.CollectReport | None:
        """Collect a suite's module before the cache plugin can skip it; pytest handles errors."""
        if not isinstance(collector, SuiteModule) or not isinstance(collector.parent, Suite):
            return None
        try:
            result = list(collector.collect())
        except Exception:  # noqa: BLE001  (pytest collects it again, and reports the error)
            return None
        return pytest.CollectReport(collector.nodeid, "passed", None, result)
