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
        return not self.parts or any(is_part(nodeid, part) or is_part(part, nodeid) for part in self.parts)


def is_part(nodeid: str, of: str) -> bool:
    """Return whether a node is another one, or in it."""
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
