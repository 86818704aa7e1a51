"""Worlds in which something is broken, for the tests of the shipped claims."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import Any

import pytest

#: An excepthook of threads that ends the process after the traceback.
END_THE_PROCESS = """
import os, sys, threading, traceback
def end_the_process(args):
    traceback.print_exception(args.exc_type, args.exc_value, args.exc_traceback)
    sys.stderr.flush()
    os._exit(1)
"""

_WORLD = """
@pytest.fixture(autouse=True)
def world(request, monkeypatch):
    "Make the world of this claim."
    monkeypatch.setenv("WORLD", request.function.__name__)
    yield from WORLDS[request.function.__name__](request, monkeypatch)
"""
_SITECUSTOMIZE = """
import os
exec(WORLDS.get(os.environ.get("WORLD"), ""))
"""


@dataclass(frozen=True)
class World:
    """A world in which something is broken, for some claims of a shipped suite.

    :param claims: the functions of the claims that are checked there; ``name and fork]`` selects one form of a claim.
    :param fixture: the body of a fixture that breaks it in the test process.
    :param children: code that breaks it in every fresh interpreter that is started.
    """

    claims: tuple[str, ...]
    fixture: str = "yield"
    children: str = ""

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the claims' functions."""
        return tuple(claim.split()[0] for claim in self.claims)


def claims_in_worlds(
    pytester: pytest.Pytester,
    worlds: Sequence[World],
    *arguments: str,
    prelude: str = "import pytest",
    suite: str = "article",
) -> list[list[dict[str, Any]]]:
    """Run claims of a shipped suite in one run of pytest, each in its world.

    :param worlds: no two of them have a claim in common.
    :param arguments: further arguments of pytest.
    :param prelude: code before the fixtures.
    :param suite: that has the claims.
    :returns: for each world, what the run record says of its claims.
    """
    of_function = {name: number for number, world in enumerate(worlds) for name in world.functions}
    assert len(of_function) == sum(len(world.claims) for world in worlds)
    fixtures = [
        f"def world_{number}(request, monkeypatch):\n{indent(dedent(world.fixture), '    ')}\n"
        for number, world in enumerate(worlds)
    ]
    table = ", ".join(f"{name!r}: world_{number}" for name, number in of_function.items())
    pytester.makeconftest("\n".join([dedent(prelude), *fixtures, f"WORLDS = {{{table}}}", _WORLD]))
    if any(world.children for world in worlds):
        code = {name: dedent(worlds[number].children) for name, number in of_function.items()}
        pytester.makepyfile(**{"children/sitecustomize": f"WORLDS = {code!r}{_SITECUSTOMIZE}"})
        pytester._monkeypatch.setenv("PYTHONPATH", str(pytester.path / "children"), prepend=os.pathsep)
    names = " or ".join(f"({claim})" for world in worlds for claim in world.claims)
    pytester.runpytest_subprocess("--claims", suite, "-k", names, "--claims-report=run.json", *arguments, timeout=600)
    record = json.loads((pytester.path / "run.json").read_text(encoding="utf-8"))
    found: list[list[dict[str, Any]]] = [[] for _ in worlds]
    for claim in record["claims"]:
        function = "test_" + claim["id"].partition("[")[0].partition("-")[2].replace("-", "_")
        found[of_function[function]].append(claim)
    return found
