"""What the tests of the plugin share: a project with claims in a pytester's folder, and runs of them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, Optional

import pytest

import pytest_concclaims
import pytest_concclaims.run  # once for all: an in-process run forgets the modules that it imported

RECORD = "run.json"

#: A claim beside the one that a test is about, so that the run as a whole has reached a verdict.
COMPANION = '''
@pytest.mark.claim("One is one")
def test_companion():
    one = 1
    assert one == 1
'''


@dataclass(frozen=True)
class Run:
    """A finished run of claims, and the record that it wrote."""

    result: pytest.RunResult
    record: Optional[dict[str, Any]]

    @property
    def status(self) -> int:
        """The exit status."""
        return int(self.result.ret)

    @property
    def claims(self) -> dict[str, dict[str, Any]]:
        """The record's claims by their ids, without the project's name."""
        assert self.record is not None, "the run wrote no record"
        return {claim["id"].partition("demo-")[2] or claim["id"]: claim for claim in self.record["claims"]}

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each claim by its id, without the project's name."""
        return {name: claim["verdict"] for name, claim in self.claims.items()}

    def evidence(self, claim: str, kind: str) -> list[dict[str, Any]]:
        """Return a claim's evidence of one kind."""
        return [piece for piece in self.claims[claim]["evidence"] if piece["kind"] == kind]

    @property
    def output(self) -> str:
        """All that was printed."""
        return self.result.stdout.str() + self.result.stderr.str()


def make_project(pytester: pytest.Pytester, code: str, *, ini: str = "") -> None:
    """Make a project named ``demo`` with a module of claims, and no shipped suite to run.

    :param ini: further lines of its pytest settings, as TOML.
    """
    pytester.makepyprojecttoml(
        f'[project]\nname = "demo"\n\n[tool.pytest.ini_options]\nclaims_suites = []\n{dedent(ini)}'
    )
    pytester.makepyfile(test_claims="import pytest\n" + dedent(code))


def one_claim(body: str, *, marks: str = "", prelude: str = "", arguments: str = "lab") -> str:
    """Return a module's code with the claim "Snow is white" and its companion."""
    return "\n".join(
        [
            dedent(prelude),
            '@pytest.mark.claim("Snow is white")',
            dedent(marks),
            f"def test_snow({arguments}):",
            indent(dedent(body).strip("\n"), "    "),
            COMPANION,
        ]
    )


def run_claims(pytester: pytest.Pytester, *arguments: str | os.PathLike[str], subprocess: bool = False) -> Run:
    """Run ``pytest --claims`` with a record in the pytester's folder."""
    file = pytester.path / RECORD
    file.unlink(missing_ok=True)
    options = ["--claims", f"--claims-report={RECORD}", *arguments]
    if subprocess:
        result = pytester.runpytest_subprocess(*options)
    else:
        result = pytester.runpytest_inprocess(*options, no_reraise_ctrlc=True)
    return Run(result, json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None)


def install(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, **modules: str) -> Path:
    """Install the package into a virtual environment ``.venv`` of the project, and return the suite's folder.

    Just its folders: runs in a subprocess import it from there, as it comes first on the path.

    :param modules: the modules of the suite ``article`` that it ships.
    """
    environment = pytester.path / ".venv"
    site = environment / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    package = site / "pytest_concclaims"
    source = Path(pytest_concclaims.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__", "article"))
    (environment / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
    suite = package / "claims" / "article"
    suite.mkdir()
    for name, code in {"__init__": "", **modules}.items():
        (suite / f"{name}.py").write_text(dedent(code), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(site))
    return suite


def outcome_of(result: pytest.RunResult, words: Sequence[str] = ("passed", "failed", "skipped", "error")) -> dict[str, int]:
    """Return pytest's own count of outcomes, without the deselected."""
    outcomes = result.parseoutcomes()
    outcomes["error"] = outcomes.pop("errors", 0)
    return {word: outcomes[word] for word in words if outcomes.get(word)}
