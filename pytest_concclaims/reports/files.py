"""The files of reports, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def why_not_writable(path: Path) -> str | None:
    """Return why a file cannot be written; None if it can. Create its folder if there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            return "it is a folder"
        unfinished = _unfinished(path)
        unfinished.touch(exist_ok=True)
        unfinished.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return None


def write_whole(path: Path, text: str) -> None:
    """Write a file as UTF-8, or leave the old one unchanged.

    :raises OSError: it cannot be written.
    """
    unfinished = _unfinished(path)
    try:
        # A lone surrogate becomes \udcXX, which is JSON's own way to write it.
        unfinished.write_bytes(text.encode("utf-8", "backslashreplace"))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.unfinished")
