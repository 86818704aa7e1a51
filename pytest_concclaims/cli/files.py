"""Files of the commands: records to read, reports to write, and the arguments for both."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..records.reader import RecordError, read_record
from ..records.record import RunRecord
from ..reports.files import why_not_writable, write_whole
from ..reports.formats import REPORT_SUFFIXES, suffix_of

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse has no public name for it


class CommandError(Exception):
    """A mistake in the command line; the text, in one line, says how to correct it."""


def add_records(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names records."""
    parser.add_argument("records", nargs="+", metavar="RUN.json", type=Path, help="a run record, or a folder of them")


def add_output(parser: argparse.ArgumentParser, suffixes: Iterable[str], *, required: bool = False) -> None:
    """Add the option that names files to write.

    :param suffixes: the formats.
    :param required: whether the option is required. If it is not, the command shows its result without it.
    """
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        required=required,
        type=Path,
        metavar="FILE",
        help=("write" if required else "write, instead of showing,")
        + f" this file; its suffix names the format: {', '.join(suffixes)} (repeatable)",
    )


def add_label(parser: argparse.ArgumentParser) -> None:
    """Add the option for the label of a badge."""
    parser.add_argument("--label", metavar="TEXT", help="the left part of a badge (default: it names the project)")


def read_records(paths: Sequence[Path]) -> list[RunRecord]:
    """Return the records in files, and in the folders among the paths; a file that is named twice is read once.

    :raises RecordError: a file is not a record, or a folder has none.
    :raises CommandError: two files are copies of one record.
    """
    files = {file.resolve(): file for path in paths for file in _files(path)}
    records: dict[str, Path] = {}
    found = []
    for file in files.values():
        record = read_record(file)
        copy = records.setdefault(record.to_text(), file)
        if copy is not file:
            raise CommandError(f"{copy} and {file}: the same run record; name only one of them")
        found.append(record)
    return found


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if suffix_of(file, REPORT_SUFFIXES) == ".json" and file.is_file())
    if not found:
        raise RecordError(f"{path}: no run record (*.json) in this folder or below; name another folder, or files")
    return found


def outputs(paths: Iterable[Path], suffixes: tuple[str, ...]) -> list[tuple[Path, str]]:
    """Return the files to write, each with the suffix of its format. Check that they can be written.

    :raises CommandError: a file has none of the suffixes, or cannot be written.
    """
    found = []
    for path in paths:
        suffix = suffix_of(path, suffixes)
        if suffix is None:
            raise CommandError(f"-o {path}: its suffix names no format; end it in {' or '.join(suffixes)}")
        problem = why_not_writable(path)
        if problem is not None:
            raise CommandError(f"-o {path}: cannot be written: {problem}; name another file")
        found.append((path, suffix))
    return found


def write(path: Path, text: str) -> None:
    """Write a file.

    :raises CommandError: it cannot be written.
    """
    try:
        write_whole(path, text)
    except OSError as error:
        raise CommandError(f"-o {path}: could not be written: {error.strerror or error}") from None
