"""The examples to copy: their claims, in a copy of each."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from helpers.claims_project import Run, run_claims
from pytest_concclaims.lab.processes.forked import CAN_FORK

pytestmark = [
    pytest.mark.untraced,
    pytest.mark.skipif(not CAN_FORK, reason="races run in a child process"),
]

EXAMPLES = Path(__file__).parents[3] / "examples"
MODULES = [file.stem for file in (EXAMPLES / "cachebox" / "cachebox").glob("[!_]*.py")]


def run_copy(pytester: pytest.Pytester, example: str, *options: str) -> Run:
    """Run the claims of an example in a copy of it; no verdict is unexpected."""
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(EXAMPLES / example, pytester.path, ignore=ignored, dirs_exist_ok=True)
    run = run_claims(pytester, "-p", "no:cacheprovider", *options, subprocess=True)
    assert run.status == 0, run.output
    return run


def test_each_bug_is_found_and_no_verdict_is_unexpected(pytester: pytest.Pytester) -> None:
    """Each class has a claim, and one that finds its planted bug; the second attempt is left out."""
    run = run_copy(pytester, "cachebox", "-o", "addopts=")
    claims = run.claims.values()
    modules = [claim["location"].partition(":")[0] for claim in claims]
    assert Counter(modules) == {f"claims/test_{name}.py": 2 for name in MODULES}
    bugs = [claim for claim in claims if claim["expected"] == "refuted"]
    assert len(bugs) >= len(MODULES) - 1  # a counter without a lock is right on CPython with a GIL
    assert {claim["verdict"] for claim in bugs} == {"refuted"}
    assert all(claim["evidence"][0]["witness"]["steps"] for claim in bugs)
    others = {claim["id"]: claim["verdict"] for claim in claims if claim not in bugs}
    assert set(others.values()) <= {"confirmed", "inconclusive"}, others


def test_what_is_done_wrong_is_refuted(pytester: pytest.Pytester) -> None:
    """The claims that are done right take their whole budgets: they are run by the example's own command."""
    run = run_copy(pytester, "between_processes", "-k", "shortcut")
    assert len(run.claims) == 5, "-k also matches the name of this test, which its folder has"
    assert {claim["verdict"] for claim in run.claims.values()} == {"refuted"}
    # On a slow machine, a sample may show what schedules had no time for. It has no story.
    assert any(claim["evidence"][0]["witness"]["steps"] for claim in run.claims.values())
