"""The collection of claims: the shipped suites' and the project's own."""

from __future__ import annotations

import inspect
import os
import unittest
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from ..claim import Claim, ClaimError, check_refuted_alone, distinct, duplicates, is_marked, read_claim
from ..interpreter import Interpreter
from ..text import harmless
from .other_plugins import run_once
from .plan import Plan, is_part
from .project import project_name
from .suites import SUITE, Suite, SuiteModule, suite_folders

#: An item's claim.
CLAIM = pytest.StashKey[Claim]()
#: The number of a run's claims that pytest's options or other plugins removed.
TAKEN_OUT = pytest.StashKey[int]()


_FUNCTIONS = "give it a name that the ini setting python_functions matches, such as test_..."
_CLASSES = "give its class a name that the ini setting python_classes matches, such as Test..., and no constructor"


class ClaimCollection:
    """Hooks of each process that collects: collect the suites, read the claims, deselect all other tests."""

    def __init__(self, config: pytest.Config, plan: Plan, interpreter: Interpreter, refusals: Sequence[str]) -> None:
        self._plan = plan
        self._interpreter = interpreter
        self._refusals = list(refusals)
        self._folders = suite_folders()
        self._project = project_name(config.rootpath)
        self._selected = 0
        #: Whether a module was not collected that may have claims.
        self._unseen = False
        #: Claims that pytest does not collect because of their class; None: because of their own name.
        self._uncollected: dict[FunctionType, type | None] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Send a worker of pytest-xdist the selection: it does not have this process's command line."""
        node.workerinput["concclaims_plan"] = self._plan.to_json()
        node.workerinput["concclaims_interpreter"] = self._interpreter.version_key()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add the suites to what the session collects."""
        report = yield
        if isinstance(collector, pytest.Session):
            for name in self._plan.collected:
                suite: Suite = Suite.from_parent(collector, path=self._folders[name], name=name, nodeid=name)
                suite.wants = partial(self._wants, collector)
                report.result.append(suite)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
        """Note the claims that pytest would ignore silently."""
        if inspect.isclass(obj):
            if obj.__name__ == name and getattr(obj, "__test__", True) and not _is_collected(collector, name, obj):
                for function in _claims_in(obj):
                    self._uncollected[function] = obj
        elif isinstance(obj, FunctionType) and obj.__name__ == name and _is_claim(obj):
            self._uncollected.update({} if collector.istestfunction(obj, name) else {obj: None})

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        """Collect a suite's module by the suite's rules, also if its path was given."""
        suite = self._suite_of(module_path)
        if suite is None:
            return None
        module: SuiteModule = SuiteModule.from_parent(parent, path=module_path)
        module.stash[SUITE] = suite
        return module

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note modules that could not be collected, or skipped themselves."""
        self._unseen = self._unseen or not report.passed

    def _wants(self, session: pytest.Session, nodeid: str) -> bool:
        """Return whether to collect a node of a shipped suite; the project's own claims are collected before."""
        return self._plan.wants(nodeid) and not (self._plan.instead and self._may_have_claims(session))

    def _may_have_claims(self, session: pytest.Session) -> bool:
        """Return whether the project has claims, or may have some that pytest did not collect."""
        own = (item for item in session.items if not self._is_suite_item(item))
        return self._unseen or _failed_only_elsewhere(session.config, self._plan) or any(map(is_marked, own))

    def pytest_report_collectionfinish(self, items: Sequence[pytest.Item]) -> str | None:
        """Report that shipped suites run because the project has no claims."""
        if self._plan.instead and any(map(self._is_suite_item, items)):
            return f"claims: this project has none; running the shipped suite {', '.join(self._plan.collected)}"
        return None

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Do not collect a suite's folder by its path if the suite runs anyway."""
        return True if self._suite_of(collection_path / "x") in self._plan.collected else None

    def _suite_of(self, path: Path) -> str | None:
        return next((name for name, folder in self._folders.items() if path.parent == folder), None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Select the claims; refuse the run if one of them is not valid."""
        claims, errors = self._read(items)
        errors += _same_node_ids(claims)
        errors += duplicates([(item.nodeid, item.stash[CLAIM]) for item in claims])
        errors += [
            f"not found: {part} (pytest --claims --co lists the claims)"
            for part in self._plan.parts
            if not any(is_part(item.nodeid, part) for item in items)
        ]
        errors = [*self._refusals, *self._lost(items), *errors]
        if errors:
            items[:] = []
            self._refuse(config, errors)
            return
        selected = [item for item in claims if not self._is_suite_item(item) or self._plan.wants(item.nodeid)]
        kept = set(selected)
        rest = [item for item in items if item not in kept]
        if rest:
            config.hook.pytest_deselected(items=rest)
        items[:] = selected
        for item in selected:
            run_once(item)
            if config.getoption("collectonly"):
                _show_statement(item)
        self._selected = len(selected)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note how many claims pytest's own options or other plugins removed."""
        taken_out = session.config.stash[TAKEN_OUT] = max(0, self._selected - len(session.items))
        token = session.config.getoption("claims_replay")
        if token is not None and not isinstance(token, Path) and len(session.items) > 1:
            raise pytest.UsageError(
                f"--claims-replay {token}: a token belongs to one claim, but {len(session.items)} are selected; "
                "select one by its node id or -k"
            )
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["concclaims_taken_out"] = taken_out

    def _lost(self, items: Sequence[pytest.Item]) -> Iterator[str]:
        """Yield a message for each claim that is not collected, not even by a subclass."""
        if not self._uncollected:
            return
        functions = (getattr(item, "obj", None) for item in items)
        collected = {getattr(function, "__func__", function) for function in functions}
        bases = {base for item in items for base in getattr(getattr(item, "cls", None), "__mro__", ())}
        for function, of_class in self._uncollected.items():
            if function not in collected and of_class not in bases:
                advice = _FUNCTIONS if of_class is None else _CLASSES
                code = function.__code__
                where = f"{code.co_filename}:{code.co_firstlineno} ({function.__qualname__})"
                yield f"{where}: a claim that pytest does not collect; {advice}"

    def _is_suite_item(self, item: pytest.Item) -> bool:
        return any(isinstance(node, Suite) for node in item.listchain())

    def _read(self, items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[str]]:
        # A file that is named twice is collected twice; one of a suite then may have two node ids.
        claims: dict[tuple[Path, str], pytest.Item] = {}
        errors = []
        for item in items:
            suite = self._suite_name(item)
            root = self._folders[suite] if suite is not None else item.config.rootpath
            file = _shown_path(item, suite)
            try:
                if is_marked(item):
                    item.stash[CLAIM] = read_claim(item, suite or self._project, file, root)
                    claims.setdefault((item.path, item.nodeid.partition("::")[2]), item)
                else:
                    check_refuted_alone(item)
                    _check_lab_alone(item)
            except ClaimError as error:
                line = item.location[1]
                errors.append(f"{file}{'' if line is None else f':{line + 1}'} ({item.nodeid}): {error}")
        found = list(claims.values())
        for item, claim in zip(found, distinct([item.stash[CLAIM] for item in found])):
            item.stash[CLAIM] = claim
            item.extra_keyword_matches.add(claim.id)  # which reports name it by, for -k
        return found, errors

    def _suite_name(self, item: pytest.Item) -> str | None:
        return next((node.stash[SUITE] for node in item.listchain() if SUITE in node.stash), None)

    def _refuse(self, config: pytest.Config, errors: list[str]) -> None:
        output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        if output is None:
            raise pytest.UsageError(*errors)
        # An exception would look like a crash of the worker; the controlling process gets this and refuses the run.
        output["concclaims_errors"] = errors


def _show_statement(item: pytest.Item) -> None:
    """Have ``--collect-only``, which prints an item's repr, show the statement behind it."""
    plain, statement = type(item), harmless(item.stash[CLAIM].statement)

    def shown(self: pytest.Item) -> str:
        return f"{plain.__repr__(self)} {statement}"

    # A repr is looked up in the class, and pytest has no other way to say more of an item.
    item.__class__ = type(plain.__name__, (plain,), {"__repr__": shown})


def _failed_only_elsewhere(config: pytest.Config, plan: Plan) -> bool:
    """Return whether ``--lf`` runs nothing of the plan's suites again; pytest then skips other files."""
    if not config.getoption("lf", False):  # of pytest's cacheprovider, which may be off
        return False
    failed: dict[str, bool] = config.cache.get("cache/lastfailed", {})
    return bool(failed) and not any(map(plan.wants, failed))


def _is_claim(obj: object) -> bool:
    marks = getattr(obj, "pytestmark", None)
    return isinstance(marks, list) and any(getattr(mark, "name", None) == "claim" for mark in marks)


def _is_collected(collector: pytest.Module | pytest.Class, name: str, of_class: type) -> bool:
    """Return whether pytest collects the functions of a class; it does not if the class has a constructor."""
    if issubclass(of_class, unittest.TestCase):
        return True  # and read_claim refuses it
    constructed = of_class.__init__ is not object.__init__ or of_class.__new__ is not object.__new__
    return collector.istestclass(of_class, name) and not constructed


def _claims_in(of_class: type) -> Iterator[FunctionType]:
    """Yield the functions in the body of a class that are claims by their own mark or that of the class."""
    for function in vars(of_class).values():
        plain = getattr(function, "__func__", function)  # of a static method or a class method
        if isinstance(plain, FunctionType) and (
            _is_claim(plain) or (_is_claim(of_class) and plain.__name__.startswith("test"))
        ):
            yield plain


def _same_node_ids(claims: Sequence[pytest.Item]) -> list[str]:
    """Return a message for each node id that claims of two files have: pytest identifies tests by it."""
    files: dict[str, list[str]] = {}
    for item in claims:
        files.setdefault(item.nodeid, []).append(str(item.path))
    return [
        f"{nodeid} is the node id of claims in several files: {' and '.join(found)}; rename a file or folder"
        for nodeid, found in files.items()
        if len(found) > 1
    ]


def _check_lab_alone(item: pytest.Item) -> None:
    if "lab" not in getattr(item, "fixturenames", ()):
        return
    # A project may have its own fixture of this name; only here pytest has which one an item gets.
    fixtures = item._fixtureinfo.name2fixturedefs.get("lab")  # type: ignore[attr-defined]  # noqa: SLF001
    if fixtures and fixtures[-1].func.__module__ == "pytest_concclaims.plugin":
        raise ClaimError('it uses the lab, but is not a claim; add @pytest.mark.claim("What is claimed")')


def _shown_path(item: pytest.Item, suite: str | None) -> str:
    """Return an item's file for messages: in the suite, or relative to the project's root."""
    if suite is not None:
        return f"{suite}/{item.path.name}"
    try:
        return item.path.relative_to(item.config.rootpath).as_posix()
    except ValueError:
        return Path(os.path.relpath(item.path, item.config.rootpath)).as_posix()
