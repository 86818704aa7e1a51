"""``concclaims matrix``: the verdicts of several interpreters."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from _pytest._io import TerminalWriter  # as in diff.py

from ..records.matrix import Matrix, matrix_of
from ..reports.terminal import show_lines
from . import files


def add_to(commands: files.Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "matrix",
        help="compare the verdicts of several interpreters",
        description="Shows each claim's verdict on each interpreter, and where verdicts differ. "
        "Exit status: 0, also if a verdict is unexpected; 2 if a record cannot be read.",
    )
    files.add_records(parser)
    files.add_output(parser, _RENDERERS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show the matrix or write its reports; return the exit status."""
    outputs = files.outputs(arguments.output, tuple(_RENDERERS))
    matrix = matrix_of(files.read_records(arguments.records))
    for path, suffix in outputs:
        files.write(path, _RENDERERS[suffix](matrix))
    if not outputs:
        _show(matrix)
    for warning in matrix.warnings:
        print(f"concclaims matrix: warning: {warning}", file=sys.stderr)  # noqa: T201  # as in __init__.py
    return 0


def _show(matrix: Matrix) -> None:
    from ..reports.matrix.terminal import matrix_lines

    writer = TerminalWriter()
    show_lines(writer, matrix_lines(matrix, width=writer.fullwidth))


def _html(matrix: Matrix) -> str:
    from ..reports.matrix.page import matrix_page

    return matrix_page(matrix)


def _markdown(matrix: Matrix) -> str:
    from ..reports.matrix.markdown import matrix_markdown

    return matrix_markdown(matrix)


def _svg(matrix: Matrix) -> str:
    from ..reports.matrix.picture import matrix_picture

    return matrix_picture(matrix)


#: The modules of a format are imported on its first use.
_RENDERERS: dict[str, Callable[[Matrix], str]] = {".html": _html, ".md": _markdown, ".svg": _svg}
