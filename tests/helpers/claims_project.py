"""A project with claims in a pytester's folder, and runs of them: for the tests of the plugin."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

import fastjsonschema  # noqa: F401  # once for all runs: an in-process run forgets the modules that it imported
import pytest

import pytest_concclaims.claims
import pytest_concclaims.session.run  # for the same reason
from pytest_concclaims.session.suites import suite_folders

RECORD = "run.json"

#: A claim beside the one that a test is about, so that the run has at least one verdict.
COMPANION = """
@pytest.mark.claim("One is one")
def test_companion():
    one = 1
    assert one == 1
"""

#: A claim for each way in which claims end, in the order of the file.
ALL_ENDS = (
    """
@pytest.mark.claim("Snow is white", source="page 1")
def test_confirmed(lab):
    lab.note("seen on two mountains")
    snow = 1
    assert snow == 1

@pytest.mark.claim("Snow is black")
@pytest.mark.refuted(True, reason="it reflects light")
def test_refuted():
    snow = 1
    assert snow == 2

@pytest.mark.claim("Snow is deep")
def test_inconclusive(lab):
    lab.require(False, "a ruler")

@pytest.mark.claim("Snow is a verb")
def test_not_applicable():
    pytest.skip("no grammar here")

@pytest.mark.claim("Snow is grey")
def test_unexpectedly_refuted():
    snow = 1
    assert snow == 3

@pytest.mark.claim("Snow is cold")
@pytest.mark.refuted(True, reason="it melts")
def test_unexpectedly_confirmed():
    snow = 1
    assert snow == 1

@pytest.mark.claim("Snow is late")
def test_error(lab):
    int("x")
"""
    + COMPANION
)

#: The verdicts of these claims.
VERDICTS = {
    "confirmed": "confirmed",
    "refuted": "refuted",
    "inconclusive": "inconclusive",
    "not-applicable": "not_applicable",
    "unexpectedly-refuted": "refuted",
    "unexpectedly-confirmed": "confirmed",
    "error": "error",
    "companion": "confirmed",
}


@dataclass(frozen=True)
class Run:
    """A finished run of claims, its project's folder, and the record that it wrote."""

    result: pytest.RunResult
    folder: Path
    record: dict[str, Any] | None

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

    def text_of(self, file: str) -> str:
        """Return the text of a file in the project's folder."""
        return (self.folder / file).read_text(encoding="utf-8")

    def evidence(self, claim: str, kind: str) -> list[dict[str, Any]]:
        """Return a claim's evidence of one kind."""
        return [piece for piece in self.claims[claim]["evidence"] if piece["kind"] == kind]

    @property
    def output(self) -> str:
        """Standard output and standard error."""
        return self.result.stdout.str() + self.result.stderr.str()

    @property
    def section(self) -> list[str]:
        """The lines of the summary, to its end, but for the reports' names."""
        lines = self.result.stdout.lines
        start = next(number for number, line in enumerate(lines) if " concurrency claims " in line) + 1
        end = next(number for number, line in enumerate(lines) if "run record: " in line)
        last = lines[end].partition("run record: ")[0].rstrip()
        found = [*lines[start:end], *([last] if last else [])]
        return [*found[:-1], found[-1].rstrip(";")]

    @property
    def ending(self) -> str:
        """What the summary ends with, on one line: what was verified, on what, and in how long."""
        start = next(number for number, line in enumerate(self.section) if re.match("[0-9,]+ claims?:", line))
        return " ".join(self.section[start:])


def make_project(pytester: pytest.Pytester, code: str, *, ini: str = "", conftest: str = "") -> None:
    """Make a project named ``demo`` with a module of claims, and no shipped suite to run.

    :param ini: further lines of its pytest settings, as TOML.
    :param conftest: the code of its conftest file, if it has one; ``import pytest`` comes before it.
    """
    pytester.makepyprojecttoml(
        f'[project]\nname = "demo"\n\n[tool.pytest.ini_options]\nclaims_suites = []\n{dedent(ini)}'
    )
    # Python would use the compiled code of an earlier project here if its source is as long and of the same second.
    shutil.rmtree(pytester.path / "__pycache__", ignore_errors=True)
    pytester.makepyfile(test_claims="import pytest\n" + dedent(code))
    if conftest:
        pytester.makeconftest("import pytest\n" + dedent(conftest))


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
    if not any(str(argument).startswith("--reruns") for argument in arguments):
        options += ["-p", "no:rerunfailures"]  # beside pytest-xdist, it starts a server and never stops it
    if subprocess:
        result = pytester.runpytest_subprocess(*options)
    else:
        result = pytester.runpytest_inprocess(*options, no_reraise_ctrlc=True)
    return Run(result, pytester.path, json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None)


_RUNS: dict[tuple[object, ...], Run] = {}


def run_once(
    pytester: pytest.Pytester,
    code: str,
    *arguments: str,
    subprocess: bool = False,
    conftest: str = "",
    modules: Mapping[str, str] = MappingProxyType({}),
    columns: int | None = None,
) -> Run:
    """Run claims as :func:`run_claims` does, once for all tests that ask for the same project and run.

    Later tests get the same run: each asserts its part of it, and must not change its folder.

    :param code: of the module ``test_claims``.
    :param conftest: as of :func:`make_project`.
    :param modules: further modules, by their names.
    :param columns: of the terminal, if not the default.
    """
    key = (code, arguments, subprocess, conftest, tuple(modules.items()), columns)
    if key not in _RUNS:
        for module in pytester.path.glob("*.py"):  # of another run that this test has made
            module.unlink()
        make_project(pytester, code, conftest=conftest)
        if modules:
            pytester.makepyfile(**modules)
        with pytest.MonkeyPatch.context() as patch:
            if columns is not None:
                patch.setenv("COLUMNS", str(columns))
            _RUNS[key] = run_claims(pytester, *arguments, subprocess=subprocess)
    return _RUNS[key]


def make_environment(pytester: pytest.Pytester) -> Path:
    """Make a virtual environment ``.venv`` in the project, and return the folder of the package in it."""
    environment = pytester.path / ".venv"
    site = environment / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    site.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
    return site / "pytest_concclaims"


def make_suite(folder: Path, **modules: str) -> Path:
    """Make a suite's folder with these modules."""
    folder.mkdir(parents=True)
    for name, code in {"__init__": "", **modules}.items():
        (folder / f"{name}.py").write_text(dedent(code), encoding="utf-8")
    return folder


def ship(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, **modules: str) -> Path:
    """Let the suite ``article``, for runs in this process, be this one in a ``.venv``; return its folder."""
    suites = make_environment(pytester) / "claims"
    monkeypatch.setattr(pytest_concclaims.claims, "__path__", [str(suites)])
    return make_suite(suites / "article", **modules)


def install(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, **modules: str) -> Path:
    """Install the package with this suite ``article`` into a ``.venv``; return the suite's folder.

    Only its folders are copied: runs in a subprocess, and their xdist workers, find them first.
    """
    package = make_environment(pytester)
    source = Path(pytest_concclaims.__file__).parent
    shipped = suite_folders()
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__", *shipped))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return make_suite(package / "claims" / "article", **modules)


def outcomes_of(result: pytest.RunResult) -> dict[str, int]:
    """Return pytest's own count of outcomes, without deselected tests and warnings."""
    outcomes = result.parseoutcomes()
    return {word: outcomes[word] for word in ("passed", "failed", "skipped", "errors") if word in outcomes}


def junit_properties(run: Run, file: str = "junit.xml") -> dict[str, dict[str, str]]:
    """Return the properties of each test case in the file that a run wrote for ``--junit-xml``."""
    tree = ET.parse(run.folder / file)
    return {
        str(case.get("name")): {str(entry.get("name")): str(entry.get("value")) for entry in case.iter("property")}
        for case in tree.iter("testcase")
    }
