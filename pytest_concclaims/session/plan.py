"""The selection of suites and paths for a run, from the command line and the configuration."""

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

    :param suites: the names of the shipped suites that run as a whole.
    :param parts: the parts of shipped suites that were asked for (``article/test_3_1_thread.py::test_x``).
    :param paths: whether to collect from pytest's arguments, or from its default places, too.
    :param instead: whether the suites run only if no claim is collected from there.
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
        """Remove the parts of shipped suites, which are not files, from pytest's arguments."""
        if not self.paths:
            config.args = []
        elif self.parts:
            config.args = [argument for argument in config.args if argument not in self.parts]

    @property
    def collected(self) -> tuple[str, ...]:
        """The shipped suites of which something is collected."""
        return tuple(dict.fromkeys([*self.suites, *map(_suite_of, self.parts)]))

    def wants(self, nodeid: str) -> bool:
        """Return whether a node of a shipped suite, or a part of it, was asked for."""
        return any(is_part(nodeid, part) or is_part(part, nodeid) for part in (*self.suites, *self.parts))

    def describe(self) -> str:
        """Return what runs, for the header."""
        shipped = ", ".join(f"the shipped suite {part}" for part in (*self.suites, *self.parts))
        if self.instead:
            return f"the project's own; if it has none, {shipped}"
        return ", ".join(filter(None, [shipped, "the project's own" if self.paths else ""]))


def is_part(nodeid: str, of: str) -> bool:
    """Return whether a node is another one, or a part of it."""
    return nodeid == of or nodeid.startswith(tuple(of + separator for separator in ("/", "::", "[")))


def make_plan(config: pytest.Config) -> Plan:
    """Return what the command line and the ini setting ``claims_suites`` ask for.

    :raises pytest.UsageError: one of them names an unknown suite.
    """
    known = suite_folders()
    asked = _suites(config.getoption("claims_suite"), "--claims-suite", known)
    arguments: Sequence[str] = config.getoption("file_or_dir")
    set_suites: Sequence[str] | None = config.getini("claims_suites")
    configured = _suites(set_suites or (), f"{config.inipath or 'the configuration'}: claims_suites", known)
    if not arguments:
        if asked or set_suites is not None:
            return Plan(asked or configured, (), paths=True, instead=False)
        # Below the project's root, pytest collects from this folder only, and the claims may be elsewhere.
        below = config.rootpath in config.invocation_params.dir.parents
        instead = () if below else tuple(name for name in known if name == SUITE_INSTEAD)
        return Plan(instead, (), paths=True, instead=not below)
    folder = config.invocation_params.dir
    parts = tuple(argument for argument in arguments if _names_suite(argument, known, folder))
    for argument in arguments:
        if argument not in parts and re.fullmatch(r"[\w-]+", argument) and not _is_found(argument, config):
            raise pytest.UsageError(
                f"{argument}: not a file or folder, and not a shipped suite; the shipped suites: {', '.join(known)}"
            )
    return Plan(asked, parts, paths=len(parts) < len(arguments), instead=False)


#: The name that stands for all shipped suites.
ALL_SUITES = "all"
#: The shipped suite that runs where a project has no claims, and asks for no suite.
SUITE_INSTEAD = "article"


def _suites(names: Iterable[str], where: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the suites that an option or setting names, each once."""
    found: dict[str, None] = {}
    for name in names:
        if name != ALL_SUITES and name not in known:
            raise pytest.UsageError(
                f"{where} names {name!r}, not a shipped suite; write one of: {', '.join(known)}, {ALL_SUITES}"
            )
        found.update(dict.fromkeys(known if name == ALL_SUITES else [name]))
    return tuple(found)


def _suite_of(part: str) -> str:
    return re.split("[/:]", part)[0]


def _names_suite(argument: str, known: Iterable[str], folder: Path) -> bool:
    return _suite_of(argument) in known and not (folder / argument.split("::")[0]).exists()


def _is_found(word: str, config: pytest.Config) -> bool:
    """Return whether a word names a path, or may name a package."""
    return bool(config.getoption("pyargs")) or (config.invocation_params.dir / word).exists()
