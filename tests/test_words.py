"""The words of messages, documentation and code: plain ones, as docs/glossary.md asks for."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: What users read, and what is read to change it.
READ = ("README.md", "CONTRIBUTING.md", "docs", "pytest_concclaims", "claims", "examples")
SUFFIXES = {".py", ".md", ".j2", ".js", ".css", ".json"}
#: The beginnings of names of files and folders that are not read.
NOT_READ = (".", "_build", "__pycache__")
#: A regular expression for each group of words, and what to write instead.
INSTEAD = {
    "nobody|somebody|anybody|whoever": 'Name the subject: "the user", "another thread", "no other process".',
    "so many": 'Give the number, or write "further" or "this number of".',
    "(?:come|comes|came|coming) of": 'Write "result of", "outcome of" or "what X produced".',
    "(?:come|comes|came|coming) to": 'Write "reach", "result in" or the verb itself.',
    "told|untold|tells": 'Write "reported", "known", "says" or "shows".',
    "(?:let|lets|letting) go": 'Write "release" or "drop".',
    "at hand": 'Write "available".',
    "weather": 'Write "machine load".',
}


#: What may stand between two words of a phrase: a line break, with a comment's sign or the quotes of two strings.
GAP = "[\\s#:\"'f]+"


def prose(path: Path) -> str:
    """Return a file's text, line by line; of Python code, only comments and strings."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return source
    rows = [""] * (source.count("\n") + 1)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT or tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE"):
            for row, text in enumerate(token.string.splitlines(), token.start[0] - 1):
                rows[row] += f" | {text}" if rows[row] else text
    return "\n".join(rows)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Return the text of each file that is read, by its path."""
    found = {}
    for name in READ:
        place = ROOT / name
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            relative = path.relative_to(ROOT)
            # The examples' READMEs have users make a .venv there.
            if path.suffix in SUFFIXES and not any(part.startswith(NOT_READ) for part in relative.parts):
                found[relative.as_posix()] = prose(path)
    return found


def places(texts: dict[str, str], words: str) -> list[str]:
    """Return where one of some words stands, each with its line."""
    pattern = re.compile(rf"\b(?:{words.replace(' ', GAP)})\b", re.IGNORECASE)
    found = []
    for path, text in texts.items():
        for match in pattern.finditer(text):
            line = text[text.rfind("\n", 0, match.start()) + 1 :].partition("\n")[0]
            found.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {line.strip()}")
    return found


@pytest.mark.parametrize("words", INSTEAD)
def test_plain_words(texts: dict[str, str], words: str) -> None:
    """A word that is not plain is named with its place, and with what to write instead."""
    found = places(texts, words)
    if found:
        pytest.fail("\n".join([INSTEAD[words], *found]), pytrace=False)


@pytest.mark.parametrize(
    "code",
    ["# whoever it is", '"""It is so\n    many times."""', "# so\n# many", 'x = (\n    f"{x} so "\n    f"many"\n)'],
    ids=["word", "docstring", "comment", "strings"],
)
def test_words_are_found_across_lines(tmp_path: Path, code: str) -> None:
    """A phrase may be broken."""
    (tmp_path / "module.py").write_text(code, encoding="utf-8")
    assert places({"module.py": prose(tmp_path / "module.py")}, "whoever|so many")


def test_names_in_code_are_not_read(tmp_path: Path) -> None:
    """Only what is written for people is."""
    (tmp_path / "module.py").write_text("whoever = so = 1\n", encoding="utf-8")
    assert not prose(tmp_path / "module.py").strip()
