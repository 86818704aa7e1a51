"""Which claims run: the shipped suites, the project's own, and nothing that is not a claim."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from ..claim import Claim, ClaimError, check_refuted_alone, duplicates, is_marked, read_claim
from ..interpreter import Interpreter

#: The claim that an item makes.
CLAIM = pytest.StashKey[Claim]()
#: How many of a run's claims something else than this plugin has taken out.
TAKEN_OUT = pytest.StashKey[int]()
#: The name of the shipped suite that a module belongs to.
SUITE = pytest.StashKey[str]()

_SUITES_PACKAGE = "pytest_concclaims.claims"


def suite_folders() -> dict[str, Path]:
    """Return the folder of each shipped suite by its name; see :func:`pytest_concclaims.claims.suite_folders`."""
    if _SUITES_PACKAGE not in sys.modules:
        pytest.register_assert_rewrite(_SUITES_PACKAGE)
    folders: dict[str, Path] = importlib.import_module(_SUITES_PACKAGE).suite_folders()
    return folders


@dataclass(frozen=True)
class Plan:
    """What to collect.

    :param suites: the shipped suites, by name.
    :param parts: the parts of shipped suites that were asked for (``article/test_3_1_thread.py::test_x``);
        none: all of them.
    :param paths: whether to collect from pytest's own arguments, or its default places, as well.
    """

    suites: tuple[str, ...]
    parts: tuple[str, ...]
    paths: bool

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Return the plan that :meth:`to_json` gave."""
        return cls(tuple(data["suites"]), tuple(data["parts"]), data["paths"])

    def to_json(self) -> dict[str, Any]:
        """Return the plan as simple types, for xdist's workers."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def apply(self, config: pytest.Config) -> None:
        """Take the parts of shipped suites, which are no files, out of pytest's arguments."""
        if not self.paths:
            config.args = []
        elif self.parts:
            config.args = [argument for argument in config.args if argument not in self.parts]

    def wants(self, nodeid: str) -> bool:
        """Return whether a node of a shipped suite, or something in it, was asked for."""
        return not self.parts or any(_is_part(nodeid, part) or _is_part(part, nodeid) for part in self.parts)


def _is_part(nodeid: str, of: str) -> bool:
    return nodeid == of or nodeid.startswith(tuple(of + separator for separator in ("/", "::", "[")))


def make_plan(config: pytest.Config) -> Plan:
    """Return what the command line and the ini setting ``claims_suites`` ask for.

    :raises pytest.UsageError: ``claims_suites``, or a word on the command line, names a suite that there is not.
    """
    known = suite_folders()
    suites = tuple(dict.fromkeys(config.getini("claims_suites")))
    for name in suites:
        if name not in known:
            where = config.inipath or "the configuration"
            raise pytest.UsageError(
                f"{where}: claims_suites names {name!r}, which is no shipped suite; there is: {', '.join(known)}"
            )
    arguments: Sequence[str] = config.getoption("file_or_dir")
    if not arguments:
        return Plan(suites, (), paths=True)
    folder = config.invocation_params.dir
    parts = tuple(argument for argument in arguments if _names_suite(argument, known, folder))
    for argument in arguments:
        if argument not in parts and re.fullmatch(r"[\w-]+", argument) and not _is_found(argument, config):
            raise pytest.UsageError(
                f"{argument}: there is no such file or folder, and no such shipped suite; "
                f"there is: {', '.join(known)}"
            )
    chosen = tuple(dict.fromkeys(re.split("[/:]", part)[0] for part in parts))
    return Plan(chosen, parts, paths=len(parts) < len(arguments))


def _names_suite(argument: str, known: Iterable[str], folder: Path) -> bool:
    path = argument.split("::")[0]
    return path.split("/")[0] in known and not (folder / path).exists()


def _is_found(word: str, config: pytest.Config) -> bool:
    """Return whether pytest could find what a word names."""
    return bool(config.getoption("pyargs")) or (config.invocation_params.dir / word).exists()


class SuiteModule(pytest.Module):
    """A module of a shipped suite.

    Collected by the suite's own rules: a user's ``python_functions`` must not empty it, and pytest's import
    modes would give it a name that the processes it starts cannot import.
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

        :raises CollectError: there is none.
        """
        found = list(super().collect())
        if not found:
            raise self.CollectError(f"{self.path} holds no claim; the installation is damaged, install it again")
        return found


class Suite(pytest.Directory):
    """A shipped suite: a collector beside those of the project, at the top.

    It does not go through pytest's arguments. Beside a virtual environment in the project's folder these
    lose, depending on pytest's version, the suite or the project's own tests, as one contains the other.
    """

    def collect(self) -> Iterator[pytest.Collector]:
        """Return the suite's modules.

        :raises CollectError: there is none.
        """
        plan = self.config.stash[PLAN]
        files = sorted(self.path.glob("test_*.py"))
        if not files:
            raise self.CollectError(f"no claims in {self.path}; the installation is damaged, install it again")
        for file in files:
            # No path from the root folder: that would lead through the environment's site-packages.
            nodeid = f"{self.name}/{file.name}"
            if plan.wants(nodeid):
                module: SuiteModule = SuiteModule.from_parent(self, path=file, nodeid=nodeid)
                module.stash[SUITE] = self.name
                yield module


PLAN = pytest.StashKey[Plan]()


class LastFailedGuard:
    """Hook: have ``--lf`` choose among the claims of a suite by their node ids only.

    It skips files by the paths in the node ids of last time's failures, and those of a suite are no paths.
    """

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> pytest.CollectReport | None:
        """Collect a suite's module before the cache plugin can skip it; leave errors to pytest."""
        if not isinstance(collector, SuiteModule) or not isinstance(collector.parent, Suite):
            return None
        try:
            result = list(collector.collect())
        except Exception:  # noqa: BLE001  (pytest collects it again, and reports whatever it is)
            return None
        return pytest.CollectReport(collector.nodeid, "passed", None, result)


class ClaimCollection:
    """Hooks: collect the suites, read the claims, deselect the rest. In each process that collects."""

    def __init__(self, config: pytest.Config, plan: Plan, interpreter: Interpreter, refusals: Sequence[str]) -> None:
        self._plan = config.stash[PLAN] = plan
        self._interpreter = interpreter
        self._refusals = list(refusals)
        self._folders = suite_folders()
        self._project = project_name(config.rootpath)
        self._selected = 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker what to collect: it does not see this process's command line."""
        node.workerinput["concclaims_plan"] = self._plan.to_json()
        node.workerinput["concclaims_interpreter"] = self._interpreter.version_key()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add the suites to what the session has collected."""
        report = yield
        if isinstance(collector, pytest.Session):
            for name in self._plan.suites:
                report.result.append(Suite.from_parent(collector, path=self._folders[name], name=name, nodeid=name))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
        """Refuse a claim that pytest would pass over without a word."""
        marks = getattr(obj, "pytestmark", None) if inspect.isfunction(obj) else None
        if not isinstance(marks, list) or not any(getattr(mark, "name", None) == "claim" for mark in marks):
            return
        assert inspect.isfunction(obj), "asked above"
        if obj.__name__ == name and not collector.istestfunction(obj, name):
            self._refusals.append(
                f"{obj.__code__.co_filename}:{obj.__code__.co_firstlineno} ({name}): a claim that pytest does not "
                "collect; give it a name that the ini setting python_functions matches, such as test_..."
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        """Collect a suite's module by the suite's rules also where its path was given."""
        suite = self._suite_of(module_path)
        if suite is None:
            return None
        module: SuiteModule = SuiteModule.from_parent(parent, path=module_path)
        module.stash[SUITE] = suite
        return module

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out a suite's folder when the suite is run anyway."""
        return True if self._plan.suites and self._suite_of(collection_path / "x") in self._plan.suites else None

    def _suite_of(self, path: Path) -> str | None:
        return next((name for name, folder in self._folders.items() if path.parent == folder), None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the claims; refuse the run if one of them cannot be read."""
        claims, errors = self._read(items)
        errors += _same_node_ids(claims)
        errors += duplicates([(item.nodeid, item.stash[CLAIM]) for item in claims])
        errors += [
            f"not found: {part} (pytest --claims --co lists the claims)"
            for part in self._plan.parts
            if not any(_is_part(item.nodeid, part) for item in items)
        ]
        errors = self._refusals + errors
        if errors:
            items[:] = []
            self._refuse(config, errors)
            return
        selected = [item for item in claims if not self._is_suite_item(item) or self._plan.wants(item.nodeid)]
        rest = [item for item in items if item not in set(selected)]
        if rest:
            config.hook.pytest_deselected(items=rest)
        items[:] = selected
        self._selected = len(selected)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note how many claims something else has taken out: pytest's own options, or a plugin."""
        taken_out = session.config.stash[TAKEN_OUT] = max(0, self._selected - len(session.items))
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["concclaims_taken_out"] = taken_out

    def _is_suite_item(self, item: pytest.Item) -> bool:
        return any(isinstance(node, Suite) for node in item.listchain())

    def _read(self, items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[str]]:
        # A file that was named twice is collected twice; one of a suite may then have two node ids.
        claims: dict[tuple[Path, str], pytest.Item] = {}
        errors = []
        for item in items:
            suite = self._suite_name(item)
            root = self._folders[suite] if suite is not None else item.config.rootpath
            file = _shown_path(item, suite)
            try:
                if is_marked(item):
                    claim = item.stash[CLAIM] = read_claim(item, suite or self._project, file, root)
                    item.extra_keyword_matches.add(claim.id)  # which reports name it by, for -k
                    claims.setdefault((item.path, item.nodeid.partition("::")[2]), item)
                else:
                    check_refuted_alone(item)
                    _check_lab_alone(item)
            except ClaimError as error:
                line = item.location[1]
                errors.append(f"{file}{'' if line is None else f':{line + 1}'} ({item.nodeid}): {error}")
        return list(claims.values()), errors

    def _suite_name(self, item: pytest.Item) -> str | None:
        return next((node.stash[SUITE] for node in item.listchain() if SUITE in node.stash), None)

    def _refuse(self, config: pytest.Config, errors: list[str]) -> None:
        output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        if output is None:
            raise pytest.UsageError(*errors)
        # An exception would look like a crash of the worker; the controller refuses when it hears of this.
        output["concclaims_errors"] = errors


def _same_node_ids(claims: Sequence[pytest.Item]) -> list[str]:
    """Return a message for each node id that claims of two files have: pytest and xdist go by it."""
    files: dict[str, list[str]] = {}
    for item in claims:
        files.setdefault(item.nodeid, []).append(str(item.path))
    return [
        f"{nodeid} stands for claims of several files: {' and '.join(found)}; rename one of the files or folders"
        for nodeid, found in files.items()
        if len(found) > 1
    ]


def _check_lab_alone(item: pytest.Item) -> None:
    if "lab" not in getattr(item, "fixturenames", ()):
        return
    # A project may have a fixture of this name for its tests; pytest says nowhere else whose an item gets.
    fixtures = item._fixtureinfo.name2fixturedefs.get("lab")  # type: ignore[attr-defined]  # noqa: SLF001
    if fixtures and fixtures[-1].func.__module__ == "pytest_concclaims.plugin":
        raise ClaimError('it uses the lab, but is no claim; add @pytest.mark.claim("What is claimed")')


def _shown_path(item: pytest.Item, suite: str | None) -> str:
    """Return an item's file as people may read it anywhere: in the suite, or from the project's root."""
    if suite is not None:
        return f"{suite}/{item.path.name}"
    try:
        return item.path.relative_to(item.config.rootpath).as_posix()
    except ValueError:
        return Path(os.path.relpath(item.path, item.config.rootpath)).as_posix()


def project_name(root: Path) -> str:
    """Return the name under which a project's own claims go: ``[project] name``, else the folder's name."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]  # for older Pythons only
    try:
        name = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    except (OSError, KeyError, TypeError, ValueError):
        name = root.name
    return re.sub(r"[-_.\s]+", "-", str(name)).strip("-").lower() or "project"
