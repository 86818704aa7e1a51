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
    """Each class has a claim, and one that finds its planted bug; "never" may take a machine that is less busy."""
    shutil.copytree(EXAMPLE, pytester.path, ignore=shutil.ignore_patterns(".*", "__pycache__"), dirs_exist_ok=True)
    run = run_claims(pytester, "-p", "no:cacheprovider", subprocess=True)
    assert run.status == 0, run.output
    claims = run.claims.values()
    modules = [claim["location"].partition(":")[0] for claim in claims]
    assert Counter(modules) == {f"claims/test_{name}.py": 2 for name in MODULES}
    unexpected = {claim["id"]: claim["verdict"] for claim in claims if claim["verdict"] != claim["expected"]}
    assert set(unexpected.values()) <= {"inconclusive"}
    assert not [claim["id"] for claim in claims if claim["expected"] == "refuted" and claim["id"] in unexpected]
