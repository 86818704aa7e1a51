"""``concclaims badge``: one badge for one or more runs."""

from __future__ import annotations

import argparse

from ..reports.badge import badge_of, to_endpoint, to_svg
from . import files

_RENDERERS = {".svg": to_svg, ".shields.json": to_endpoint}


def add_to(commands: files.Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "badge",
        help="make a badge of one or more runs",
        description="Makes a badge of one or more runs. It is green only if every claim has its expected verdict in "
        "every run. Exit status: 0, or 2 if a record cannot be read.",
    )
    files.add_records(parser)
    files.add_output(parser, _RENDERERS, required=True)
    files.add_label(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the badge; return the exit status."""
    outputs = files.outputs(arguments.output, tuple(_RENDERERS))
    badge = badge_of(files.read_records(arguments.records), arguments.label)
    for path, suffix in outputs:
        files.write(path, _RENDERERS[suffix](badge))
    return 0
