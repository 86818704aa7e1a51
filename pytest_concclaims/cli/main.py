"""The command ``concclaims``: what is made of saved run records. Each command is a module of its own."""

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

    :param arguments: those of the command line; None: the process's own.
    :returns: the exit status: 2 for input that must be put right first, else as the command's help says.
    """
    parsed = _parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except (RecordError, CommandError) as error:
        print(f"concclaims {parsed.command}: {error}", file=sys.stderr)  # noqa: T201  # a command speaks to the terminal
        return 2
    except BrokenPipeError:  # "| head" has seen enough; the interpreter would complain when it flushes
        sys.stderr.close()
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    from importlib.metadata import version

    parser = argparse.ArgumentParser(
        prog="concclaims",
        description="Reads run records, which pytest --claims --claims-report run.json writes.",
        epilog="concclaims COMMAND --help has the options of each.",
    )
    parser.add_argument("--version", action="version", version=f"pytest-concclaims {version('pytest-concclaims')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser
