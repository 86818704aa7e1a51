"""``concclaims diff``: what changed between two runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from _pytest._io import TerminalWriter  # private, but the writer that pytest itself uses

from ..records.comparison import compare
from ..records.reader import read_record
from ..reports.diff import comparison_lines, run_line
from ..reports.terminal import show_lines
from ..text import harmless
from . import files


def add_to(commands: files.Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "diff",
        help="show what changed between two runs",
        description="Shows which claims changed between two runs: their verdict turned, they lost or gained it, "
        "their expected verdict changed, or they are gone or new. Claims are paired by their ids; a claim that is "
        "gone is paired with a new one if these two alone have the same digest. Exit status: 0; 1 if a verdict "
        "turned to the other one or to an error, or is the same but unexpected now; 2 if a record cannot be read. "
        "The two runs may be of different interpreters; the head names them.",
    )
    parser.add_argument("old", metavar="OLD.json", type=Path, help="the run record to compare with")
    parser.add_argument("new", metavar="NEW.json", type=Path, help="the run record to show the changes of")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 also if a claim lost its verdict (it is inconclusive or not applicable now), gained one, "
        "or is gone, or if the new run is not complete; new claims never fail",
    )
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="show all evidence, and the unchanged claims"
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="count",
        default=0,
        help="show only claims that fail or are not as expected; -qq: only the counts",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show what changed; return the exit status."""
    old, new = read_record(arguments.old), read_record(arguments.new)
    comparison = compare(old, new)
    writer = TerminalWriter()
    for name, path, record in (("old", arguments.old, old), ("new", arguments.new, new)):
        writer.line(harmless(f"{name}: {path}: {run_line(record)}"))
    writer.sep("=", "what changed")
    lines = comparison_lines(
        comparison,
        width=writer.fullwidth,
        verbosity=arguments.verbose - arguments.quiet,
        strict=arguments.strict,
    )
    show_lines(writer, lines)
    return int(comparison.fails(strict=arguments.strict) or (arguments.strict and not new.complete))
