"""What the README says is so."""

from __future__ import annotations

import multiprocessing
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(not (ROOT / ".ci").is_dir(), reason="a source distribution has no CI")
def test_ci_runs_the_readmes_test_command() -> None:
    """The command that newcomers are told is the one that is known to work."""
    commands = re.findall(r"```sh\n(python3 .*)\n```", README)
    assert [command.split("/")[-1] for command in commands] == ["pytest --claims", "tox"]
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == commands[1]


@pytest.mark.skipif(len(multiprocessing.get_all_start_methods()) < 3, reason="not all start methods here")
def test_readme_counts_the_shipped_claims(pytester: pytest.Pytester) -> None:
    """Each start method counts."""
    counted = re.search(r"there are (\d+) where", README)
    assert counted is not None
    result = pytester.runpytest_subprocess("--claims", "article", "--collect-only", "-q", "-p", "no:warnings")
    assert len([line for line in result.outlines if line.startswith("article/")]) == int(counted[1])
