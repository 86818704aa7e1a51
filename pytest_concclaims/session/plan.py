"""What a run of claims collects, by its command line and configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from .suites import suite_folders


@dataclass(frozen=True)
class Plan:
    """What to collect.

    :param suites: the shipped suites that run as a whole, by name.
    :param parts: what else of shipped suites was asked for (``article/test_3_1_thread.py::test_x``).
    :param paths: whether to collect from pytest's own arguments, or its default places, as well.
    :param instead: whether the suites run only if nothing that is collected there is a claim.
    """

    suites: tuple[str, ...]
    parts: tuple[str, ...]
    paths: bool
    instead: bool

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Return the plan that :meth:`to_json` gave."""
        return cls(tuple(data["suites"]), tuple(data["parts"]), data["paths"], data["instead"])

    def to_json(self) -> dict[str, Any]:
        """Return the plan as simple types, for xdist's workers."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def apply(self, config: pytest.Config) -> None:
        """Take the parts of shipped suites, which are no files, out of pytest's arguments."""
        if not self.paths:
            config.args = []
        elif self.parts:
            config.args = [argument for argument in config.args if argument not in self.parts]

    @property
    def collected(self) -> tuple[str, ...]:
        """The shipped suites of which there is something to collect."""
        return tuple(dict.fromkeys([*self.suites, *map(_suite_of, self.parts)]))

    def wants(self, nodeid: str) -> bool:
        """Return whether a node of a shipped suite, or something in it, was asked for."""
        return any(is_part(nodeid, part) or is_part(part, nodeid) for part in (*self.suites, *self.parts))

    def describe(self) -> str:
        """Return what runs, for the header."""
        shipped = ", ".join(f"the shipped suite {part}" for part in (*self.suites, *self.parts))
        if self.instead:
            return f"the project's own; if it has none, {shipped}"
        return ", ".join(filter(None, [shipped, "the project's own" if self.paths else ""]))


def is_part(nodeid: str, of: str) -> bool:
    """Return whether a node is another one, or in it."""
    return nodeid == of or nodeid.startswith(tuple(of + separator for separator in ("/", "::", "[")))


def make_plan(config: pytest.Config) -> Plan:
    """Return what the command line and the ini setting ``claims_suites`` ask for.

    :raises pytest.UsageError: one of them names a suite that there is not.
    """
    known = suite_folders()
    asked = _suites(config.getoption("claims_suite"), "--claims-suite", known)
    arguments: Sequence[str] = config.getoption("file_or_dir")
    set_suites: Sequence[str] | None = config.getini("claims_suites")
    configured = _suites(set_suites or (), f"{config.inipath or 'the configuration'}: claims_suites", known)
    if not arguments:
        if asked or set_suites is not None:
            return Plan(asked or configured, (), paths=True, instead=False)
        # Below the project's root, where pytest looks here only, the claims may be elsewhere.
        below = config.rootpath in config.invocation_params.dir.parents
        return Plan(() if below else tuple(known), (), paths=True, instead=not below)
    folder = config.invocation_params.dir
    parts = tuple(argument for argument in arguments if _names_suite(argument, known, folder))
    for argument in arguments:
        if argument not in parts and re.fullmatch(r"[\w-]+", argument) and not _is_found(argument, config):
            raise pytest.UsageError(
                f"{argument}: there is no such file or folder, and no such shipped suite; "
                f"there is: {', '.join(known)}"
            )
    return Plan(asked, parts, paths=len(parts) < len(arguments), instead=False)


#: What stands for all shipped suites.
ALL_SUITES = "all"


def _suites(names: Iterable[str], where: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the suites that an option or setting names, each once."""
    found: dict[str, None] = {}
    for name in names:
        if name != ALL_SUITES and name not in known:
            raise pytest.UsageError(
                f"{where} names {name!r}, which is no shipped suite; there is: {', '.join(known)} (or: {ALL_SUITES})"
            )
        found.update(dict.fromkeys(known if name == ALL_SUITES else [name]))
    return tuple(found)


def _suite_of(part: str) -> str:
    return re.split("[/:]", part)[0]


def _names_suite(argument: str, known: Iterable[str], folder: Path) -> bool:
    return _suite_of(argument) in known and not (folder / argument.split("::")[0]).exists()


def _is_found(word: str, config: pytest.Config) -> bool:
    """Return whether pytest could find what a word names."""
    return bool(config.getoption("pyargs")) or (config.invocation_params.dir / word).exists()
