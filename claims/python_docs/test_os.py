"""Documentation, page "os"."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from pytest_concclaims import Lab

from .objects import LONG

NAME = "A_VARIABLE_OF_A_CLAIM"


@pytest.mark.skipif(not hasattr(os, "reload_environ"), reason="os.reload_environ exists since 3.14")
@pytest.mark.claim(
    "reload_environ() is not thread-safe: meanwhile, another thread can find os.environ empty",
    source="docs: os, reload_environ",
)
def test_the_environment_can_be_empty_while_it_is_reloaded(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "a value")
    race = lab.race(
        object,
        lambda _: os.reload_environ(),  # type: ignore[attr-defined,unused-ignore]  # since 3.14
        lambda _: os.environ.get(NAME),
        observe=lambda _, values: values[1],
    )
    assert race.ever(None)


class Files:
    """A file with text, and a longer one that is to replace it.

    :param folder: where both are, in a folder of their own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = tempfile.mkdtemp(dir=folder)
        self.path, self.other = f"{self.folder}/file", f"{self.folder}/new"
        for path, text in ((self.path, b"old"), (self.other, b"new")):
            with open(path, "wb") as file:  # noqa: PTH123  (of few steps, as what follows)
                file.write(text)


def rename(files: Files) -> None:
    os.rename(files.other, files.path)  # noqa: PTH104


def rewrite(files: Files) -> None:
    descriptor = os.open(files.path, os.O_WRONLY | os.O_TRUNC)
    os.write(descriptor, b"new")
    os.close(descriptor)


def read(files: Files) -> bytes:
    descriptor = os.open(files.path, os.O_RDONLY)
    text = os.read(descriptor, 10)
    os.close(descriptor)
    return text


@pytest.mark.skipif(os.name != "posix", reason="POSIX asks for it")
@pytest.mark.claim(
    "rename() over a file is atomic: a reader finds the old file, or the new one", source="docs: os, rename"
)
def test_rename_is_atomic(lab: Lab, tmp_path: Path) -> None:
    race = lab.race(
        lambda: Files(tmp_path),
        rename,
        read,
        observe=lambda _, values: values[1],
        control=(rewrite, read),
        budget=LONG,
    )
    assert race.always(b"old", b"new")
