"""The command ``concclaims``. Each of its commands is a module of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..records.reader import RecordError
from . import badge, diff, matrix, show
from .files import CommandError

COMMANDS = (show, diff, matrix, badge)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: the command line; None: that of the process.
    :returns: the exit status: 2 for invalid input, else as the command's help says.
    """
    parsed = _parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except (RecordError, CommandError) as error:
        print(f"concclaims {parsed.command}: {error}", file=sys.stderr)  # noqa: T201  # a command speaks to the terminal
        return 2
    except BrokenPipeError:  # "| head" has closed the pipe; the interpreter's own flush would raise again
        sys.stderr.close()
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    from importlib.metadata import version

    parser = argparse.ArgumentParser(
        prog="concclaims",
        description="Reads run records, which pytest --claims --claims-report run.json writes.",
        epilog="concclaims COMMAND --help shows the options of a command.",
    )
    parser.add_argument("--version", action="version", version=f"pytest-concclaims {version('pytest-concclaims')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser
