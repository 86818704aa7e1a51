"""The README, the documentation and their code blocks."""

from __future__ import annotations

import ast
import json
import multiprocessing
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_concclaims import CPYTHON, gil_enabled
from pytest_concclaims.cli.main import COMMANDS
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.records.record import SCHEMA_FILE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]  # for older Pythons only

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "examples").glob("*/README.md")),
    *(page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")

#: Pages whose claims may have another verdict than the expected one, and why.
UNEXPECTED = {
    "README.md": "it shows a bug",
    "docs/tutorial/first-claim.md": "it shows a bug, and then the fixed class",
    "docs/how-to/reentrant.md": "PyPy runs finalizers later",
    "docs/reference/operations.md": "it shows a bug",
    "docs/explanation/never.md": "the verdict depends on the interpreter",
}

#: The interpreter whose output the pages quote.
IS_QUOTED = CPYTHON and sys.version_info[:2] == (3, 13) and gil_enabled()


def name_of(page: Path) -> str:
    """Return a page's path from the root of the checkout."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    code: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is, which its first line gives."""
        named = re.match(r"# (\S+\.py)\n", self.code)
        return None if named is None or self.language != "python" else named[1]


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, also those within lists."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^( *)```(.*?)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [Block(language, textwrap.dedent(code)) for _, language, code in found]


def projects_of(page: Path) -> list[dict[str, str]]:
    """Return the files of a page; more than once if a later block replaces a file."""
    projects: list[dict[str, str]] = []
    files: dict[str, str] = {}
    for block in blocks_of(page):
        if block.file is not None:
            if block.file in files:
                projects.append(dict(files))
            files[block.file] = block.code
    return [*projects, files] if files else projects


def quoted_in(page: Path) -> list[str]:
    """Return the output that a page quotes."""
    return [block.code for block in blocks_of(page) if block.language == "text"]


PROJECTS = [
    pytest.param(page, files, id=f"{name_of(page)}-{number}")
    for page in PAGES
    for number, files in enumerate(projects_of(page), 1)
]
each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@pytest.mark.skipif(not (ROOT / ".ci").is_dir(), reason="a source distribution has no CI")
def test_ci_runs_the_readmes_test_command() -> None:
    """CI runs the command that newcomers read."""
    commands = re.findall(r"```sh\n(python3 .*)\n```", README)
    assert [command.split("/")[-1] for command in commands] == ["pytest --claims", "tox"]
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == commands[1]


def test_the_readme_is_short() -> None:
    """A newcomer reads it to its end; the documentation has the rest."""
    assert len(README.splitlines()) <= 120


@pytest.mark.skipif(len(multiprocessing.get_all_start_methods()) < 3, reason="not all start methods here")
def test_the_pages_count_the_shipped_claims(pytester: pytest.Pytester) -> None:
    """Each start method counts."""
    page = (DOCS / "reference" / "article.md").read_text(encoding="utf-8")
    counts = re.findall(r"there are (\d+) claims", page) + re.findall(r"the article's (\d+) claims", README)
    result = pytester.runpytest_inprocess("--claims", "article", "--collect-only", "-q", "-p", "no:warnings")
    collected = len([line for line in result.outlines if line.startswith("article/")])
    assert counts == [str(collected)] * 2


@pytest.mark.untraced
@pytest.mark.skipif(not CAN_FORK, reason="races run in a child process")
@pytest.mark.parametrize(("page", "files"), PROJECTS)
def test_the_code_of_a_page_runs(pytester: pytest.Pytester, page: Path, files: dict[str, str]) -> None:
    """No claim ends in an error, and each verdict is the expected one unless the page says otherwise."""
    for name, code in files.items():
        # Budgets are left out: an inconclusive claim is fine here.
        (pytester.path / name).write_text(re.sub(r", budget=\d+\)", ")", code), encoding="utf-8")
    result = pytester.runpytest_subprocess("--claims", "-p", "no:cacheprovider")
    outcomes = result.parseoutcomes()
    assert "errors" not in outcomes
    assert "ERROR" not in result.stdout.str()
    assert sum(outcomes.get(outcome, 0) for outcome in ("passed", "failed", "skipped")) > 0
    assert "failed" not in outcomes or name_of(page) in UNEXPECTED


@each_page
def test_each_block_has_valid_syntax(page: Path) -> None:
    """Blocks that do not run, such as the configuration of CI, are parsed."""
    for language, code in [(block.language, block.code) for block in blocks_of(page)]:
        if language == "python":
            ast.parse(code)
        elif language == "toml":
            tomllib.loads(code)
        elif language == "json":
            json.loads(code)
        elif language == "yaml":
            assert pytest.importorskip("yaml").safe_load(code)
        else:
            # "{toctree}" and the like are directives of Sphinx; "text" is output.
            assert language in {"sh", "text", "markdown"} or language.startswith("{"), f"unknown language: {language}"


@pytest.mark.untraced
@pytest.mark.skipif(not IS_QUOTED, reason="the pages quote the output of CPython 3.13 with a GIL")
@pytest.mark.parametrize("page", [page for page in PAGES if projects_of(page) and quoted_in(page)], ids=name_of)
def test_quoted_output_is_up_to_date(pytester: pytest.Pytester, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block of output is what the claims print, apart from spaces and numbers; "..." is a gap."""
    quoted = quoted_in(page)
    monkeypatch.setenv("COLUMNS", "80")
    printed = ""
    for files in projects_of(page):
        for name, code in files.items():
            (pytester.path / name).write_text(code, encoding="utf-8")
        for options in (["-v"], *replays(quoted, files)):
            result = pytester.runpytest_subprocess("--claims", "-p", "no:cacheprovider", *options)
            printed += "\n" + result.stdout.str()
    printed = without_numbers(printed)
    for code in quoted:
        for part in re.split(r"^ *\.\.\.\n", code, flags=re.MULTILINE):
            assert without_numbers(part) in printed


def replays(quoted: list[str], files: dict[str, str]) -> Iterator[list[str]]:
    """Yield the options that replay each quoted story, as which one of several witnesses is found first is random."""
    for story in quoted:
        for token in re.findall(r"--claims-replay (\S+)", story):
            # A token is of one claim: of one in the file of the first actor, if that is a file of claims.
            named = [name for name in files if name.startswith("test_")]
            beside = [name for name in named if re.search(rf", {re.escape(name)} +\|", story)]
            for name in beside or named:
                for test in re.findall(r"def (test_\w+)", files[name]):
                    yield [f"{name}::{test}", "-v", "--claims-replay", token]


def without_numbers(text: str) -> str:
    """Return a text with all numbers alike, and with one space between words."""
    return " ".join(re.sub(r"\d[\d.,]*", "#", text).split())


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

    page = (DOCS / "reference" / "run-record.md").read_text(encoding="utf-8")
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert [name for name in dict.fromkeys(names(schema)) if f"`{name}`" not in page] == []


@pytest.fixture(scope="module")
def options() -> set[str]:
    """Return the options that pytest's help names."""
    command = [sys.executable, "-m", "pytest", "--help"]
    text = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
    return set(re.findall(r"--claims[-\w]*", text))


@each_page
def test_commands_and_options_in_the_docs_exist(page: Path, options: set[str]) -> None:
    """What a reader types works."""
    text = page.read_text(encoding="utf-8")
    known = {command.__name__.rpartition(".")[2] for command in COMMANDS}
    assert set(re.findall(r"(?:`|^|run: |- )concclaims ([a-z]+)", text, re.MULTILINE)) <= known
    assert set(re.findall(r"(?<!\w)--claims[-\w]*", text)) <= options


def test_the_page_on_options_has_all_of_them(options: set[str]) -> None:
    """Each option has a row."""
    page = (DOCS / "reference" / "options.md").read_text(encoding="utf-8")
    assert {option for option in options if f"| `{option}" not in page} == set()


@each_page
def test_links_between_the_docs_lead_somewhere(page: Path) -> None:
    """Each file that is linked to exists."""
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
