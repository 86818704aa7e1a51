"""Reports: each a pure function of one run record, and the writing of their files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ..record import RunRecord


def check_writable(path: Path) -> None:
    """Make sure, before anything is run, that a report can be written; make its folder if there is none.

    :raises pytest.UsageError: it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        unfinished = _unfinished(path)
        unfinished.touch(exist_ok=True)
        unfinished.unlink()
    except OSError as error:
        reason = error.strerror or error
        raise pytest.UsageError(f"--claims-report {path}: cannot be written: {reason}; name another place") from None


def write_report(record: RunRecord, path: Path) -> None:
    """Write a record in the format that the path's suffix names, whole or not at all."""
    unfinished = _unfinished(path)
    try:
        # A lone surrogate becomes \udcXX, which is JSON's own way to write it.
        unfinished.write_text(record.to_text(), encoding="utf-8", errors="backslashreplace")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.unfinished")
