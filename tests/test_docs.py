"""What the README says is so."""

from __future__ import annotations

import json
import multiprocessing
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_concclaims.cli.main import COMMANDS
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.records.record import SCHEMA_FILE

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
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
    result = pytester.runpytest_inprocess("--claims", "article", "--collect-only", "-q", "-p", "no:warnings")
    assert len([line for line in result.outlines if line.startswith("article/")]) == int(counted[1])


@pytest.mark.skipif(not CAN_FORK, reason="races run in a child process")
@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("race.md", ("counter", "moves", "account")),
        ("operations.md", ("stack",)),
        ("processes.md", ("account",)),
        ("interrupted.md", ("queues", "service")),
    ],
    ids=str,
)
def test_the_examples_of_races_run(pytester: pytest.Pytester, page: str, names: tuple[str, ...]) -> None:
    """None ends in an error, whatever its verdict on this interpreter."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").replace(", budget=30)", ")")  # they need no answer here
    codes = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    examples = [code for code in codes if code.startswith("import")]
    paths = [pytester.makepyfile(**{name: code}) for name, code in zip(names, examples)]
    result = pytester.runpytest_subprocess("--claims", "-v", *paths, "-p", "no:cacheprovider")
    assert len(paths) == len(names)
    assert "errors" not in result.parseoutcomes()
    assert "ERROR" not in result.stdout.str()


def test_the_page_on_the_run_record_has_all_of_its_fields() -> None:
    """Each name that the schema has is described."""

    def names(schema: object) -> Iterator[str]:
        if isinstance(schema, list):
            for part in schema:
                yield from names(part)
        elif isinstance(schema, dict):
            yield from schema.get("properties", ())
            for part in schema.values():
                yield from names(part)

    page = (ROOT / "docs" / "run-record.md").read_text(encoding="utf-8")
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert [name for name in dict.fromkeys(names(schema)) if f"`{name}`" not in page] == []


@pytest.fixture(scope="module")
def options() -> set[str]:
    """Return the options that pytest's help names."""
    command = [sys.executable, "-m", "pytest", "--help"]
    text = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
    return set(re.findall(r"--claims[-\w]*", text))


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda page: page.name)
def test_commands_and_options_in_the_docs_exist(page: Path, options: set[str]) -> None:
    """What a reader types in works."""
    text = page.read_text(encoding="utf-8")
    known = {command.__name__.rpartition(".")[2] for command in COMMANDS}
    assert set(re.findall(r"(?:`|^|run: |- )concclaims (\w+)", text, re.MULTILINE)) <= known
    assert set(re.findall(r"--claims[-\w]*", text)) <= options


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda page: page.name)
def test_links_between_the_docs_lead_somewhere(page: Path) -> None:
    """Each file that is linked to is there."""
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
