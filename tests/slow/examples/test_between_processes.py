"""The example about processes: the claims whose shortcut is found at once, in a copy of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helpers.claims_project import run_claims
from pytest_concclaims.lab.processes.forked import CAN_FORK

EXAMPLE = Path(__file__).parents[3] / "examples" / "between_processes"


@pytest.mark.untraced
@pytest.mark.skipif(not CAN_FORK, reason="races run in a child process")
def test_what_is_done_wrong_is_refuted_with_a_story(pytester: pytest.Pytester) -> None:
    """The claims that are done right take their whole budgets: they are run by the example's own command."""
    shutil.copytree(EXAMPLE, pytester.path, ignore=shutil.ignore_patterns(".*", "__pycache__"), dirs_exist_ok=True)
    run = run_claims(pytester, "-p", "no:cacheprovider", "-k", "shortcut", subprocess=True)
    assert run.status == 0, run.output
    assert len(run.claims) == 5, "-k also matches the name of this test, which its folder has"
    assert {claim["verdict"] for claim in run.claims.values()} == {"refuted"}
    # A Manager's client has hundreds of switch points: samples may be sooner than schedules, and have no story.
    steps = [claim["evidence"][0]["witness"]["steps"] for name, claim in run.claims.items() if "manager" not in name]
    assert all(steps)
    assert len(steps) == 4
