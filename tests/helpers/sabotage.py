"""Worlds in which something is not as it should be, for tests of the shipped claims."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

#: For an excepthook of threads: after the traceback, nothing of the process is left.
END_THE_PROCESS = """
import os, sys, threading, traceback
def end_the_process(args):
    traceback.print_exception(args.exc_type, args.exc_value, args.exc_traceback)
    sys.stderr.flush()
    os._exit(1)
"""


def claims_of_the_article(
    pytester: pytest.Pytester, names: tuple[str, ...], *arguments: str, conftest: str = "", children: str = ""
) -> list[dict[str, Any]]:
    """Return what the run record says of claims of the article, checked in such a world.

    :param names: of their functions.
    :param arguments: for pytest, besides.
    :param conftest: what makes the world so, for what runs in the test process.
    :param children: what makes it so in every fresh interpreter that is started.
    """
    pytester.makeconftest(conftest)
    if children:
        pytester.makepyfile(**{"children/sitecustomize": textwrap.dedent(children)})
        pytester._monkeypatch.setenv("PYTHONPATH", str(pytester.path / "children"))
    select = ["--claims", "article", "-k", " or ".join(names), "--claims-report=run.json"]
    pytester.runpytest_subprocess(*select, *arguments, timeout=300)
    record: dict[str, Any] = json.loads((pytester.path / "run.json").read_text(encoding="utf-8"))
    claims: list[dict[str, Any]] = record["claims"]
    return claims
