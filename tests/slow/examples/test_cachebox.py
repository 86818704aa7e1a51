"""The example to copy: its claims, in a copy of it."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from helpers.claims_project import run_claims
from pytest_concclaims.lab.processes.forked import CAN_FORK

EXAMPLE = Path(__file__).parents[3] / "examples" / "cachebox"
MODULES = [file.stem for file in (EXAMPLE / "cachebox").glob("[!_]*.py")]


@pytest.mark.untraced
@pytest.mark.skipif(not CAN_FORK, reason="races run in a child process")
def test_each_bug_is_found_and_no_verdict_is_unexpected(pytester: pytest.Pytester) -> None:
    """Each class has a claim, and one that finds its planted bug; the second attempt is left out."""
    shutil.copytree(EXAMPLE, pytester.path, ignore=shutil.ignore_patterns(".*", "__pycache__"), dirs_exist_ok=True)
    run = run_claims(pytester, "-p", "no:cacheprovider", "-o", "addopts=", subprocess=True)
    assert run.status == 0, run.output
    claims = run.claims.values()
    modules = [claim["location"].partition(":")[0] for claim in claims]
    assert Counter(modules) == {f"claims/test_{name}.py": 2 for name in MODULES}
    bugs = [claim for claim in claims if claim["expected"] == "refuted"]
    assert len(bugs) >= len(MODULES) - 1  # a counter without a lock is right on CPython with a GIL
    assert {claim["verdict"] for claim in bugs} == {"refuted"}
    assert all(claim["evidence"][0]["witness"]["steps"] for claim in bugs)
    others = {claim["id"]: claim["verdict"] for claim in claims if claim not in bugs}
    assert set(others.values()) <= {"confirmed", "inconclusive"}, others
