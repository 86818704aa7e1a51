"""``concclaims show``: a saved run in the terminal, or as a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from _pytest._io import TerminalWriter  # as in diff.py

from ..records.reader import read_record
from ..reports.formats import REPORT_SUFFIXES
from ..reports.render import render
from ..reports.terminal import ending, show_lines, summary
from ..text import harmless
from . import files


def add_to(commands: files.Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "show",
        help="show a saved run",
        description="Shows a saved run as pytest --claims did, or writes it as a report. "
        "Exit status: 0, or 2 if the record cannot be read.",
    )
    parser.add_argument("record", metavar="RUN.json", type=Path)
    parser.add_argument("-v", "--verbose", action="count", default=0, help="show all evidence")
    parser.add_argument("-q", "--quiet", action="count", default=0, help="show less; -qq: only the counts")
    files.add_output(parser, REPORT_SUFFIXES)
    files.add_label(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show the record or write its reports; return the exit status."""
    outputs = files.outputs(arguments.output, REPORT_SUFFIXES)
    record = read_record(arguments.record)
    for path, suffix in outputs:
        files.write(path, render(record, suffix, arguments.label))
    if outputs:
        return 0
    writer = TerminalWriter()
    verbosity = arguments.verbose - arguments.quiet
    writer.line(harmless(f"concclaims: {record.interpreter.describe()}, {record.machine.describe()}"))
    writer.line(harmless(f"started: {record.started}"))
    writer.sep("=", "concurrency claims")
    show_lines(writer, summary(record.claims, width=writer.fullwidth, verbosity=verbosity, strict=record.strict))
    if record.claims and verbosity >= 0:
        writer.line()
    if not record.complete:
        writer.line("This run is not complete: some of its claims did not end.", red=True, bold=True)
    lines = ending(
        record.claims,
        width=writer.fullwidth,
        interpreter=record.interpreter.describe(),
        seconds=record.duration,
        strict=record.strict,
        complete=record.complete,
    )
    show_lines(writer, lines)
    return 0
