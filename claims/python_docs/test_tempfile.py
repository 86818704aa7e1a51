"""Documentation, page "tempfile"."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_concclaims import Lab

from .threads import PATIENCE_S, Threads

#: What a call tries, in this order: names are random, so two calls would hardly ever try the same one first.
NAMES = "first", "second"


def make_file(folder: Path) -> str:
    descriptor, path = tempfile.mkstemp(dir=folder, prefix="")
    os.close(descriptor)
    return Path(path).name


def make_folder(folder: Path) -> str:
    return Path(tempfile.mkdtemp(dir=folder, prefix="")).name


MADE = [
    pytest.param("mkstemp", "file", make_file, id="file"),
    pytest.param("mkdtemp", "folder", make_folder, id="folder"),
]


@pytest.mark.parametrize(("function", "what", "make"), MADE)
@pytest.mark.claim(
    "{function}() has no race: two threads that have chosen the same name make two {what}s",
    source="docs: tempfile, {function}",
)
def test_two_threads_that_have_chosen_one_name_make_two(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, what: str, make: Callable[[Path], str]
) -> None:
    both, chosen = threading.Barrier(2), []

    def candidates() -> Iterator[str]:
        both.wait(PATIENCE_S)  # both go on with the same name
        chosen.append(NAMES[0])
        yield from NAMES

    monkeypatch.setattr(tempfile, "_get_candidate_names", candidates)
    made = Threads(lambda: make(tmp_path), lambda: make(tmp_path)).returned()
    lab.require(chosen == [NAMES[0]] * 2, "both threads chose the same name")
    lab.note(f"two threads that had chosen {NAMES[0]!r} made the {what}s {' and '.join(map(repr, made))}")
    assert set(made) == set(NAMES)


@pytest.mark.claim(
    "mktemp(): before a file with the name that it returns is made, another thread may have made it",
    source="docs: tempfile, mktemp",
)
def test_a_name_of_mktemp_may_be_taken(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "_get_candidate_names", lambda: iter(NAMES))
    both = threading.Barrier(2)

    def choose_then_make() -> str:
        path = Path(tempfile.mktemp(dir=tmp_path, prefix=""))  # noqa: S306  (its race is the claim)
        both.wait(PATIENCE_S)
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            return "was refused"
        return "made it"

    made = Threads(choose_then_make, choose_then_make).returned()
    lab.note(f"two threads had a name before either made the file; then one {made[0]}, and the other {made[1]}")
    lab.require(set(made) <= {"made it", "was refused"}, "both threads tried to make a file")
    assert "was refused" in made
