"""The summary of a job in GitHub Actions: where its variable is set, a run adds its report by itself."""

from __future__ import annotations

import os
from pathlib import Path

from ..records.record import RunRecord
from .markdown import LEAST, fitted

VARIABLE = "GITHUB_STEP_SUMMARY"
#: Bytes of a step's file; of a larger one GitHub shows nothing (docs: workflow commands, adding a job summary).
LARGEST = 1024 * 1024


def add_job_summary(record: RunRecord) -> str | None:
    """Add a run's report to the file that ``GITHUB_STEP_SUMMARY`` names, after what is in it already.

    :returns: what was added or why not, in a sentence; None if the variable is not set.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    try:
        return _add(Path(name), record)
    except OSError as error:  # no verdict is lost: the terminal and the run record have them
        return f"job summary: {VARIABLE} names {name}, which could not be written: {error.strerror or error}"
    except Exception as error:  # noqa: BLE001  # a fault of ours in a summary must not take the run with it
        return f"job summary: none, by a fault of ours; please report it: {type(error).__name__}: {error}"


def _add(path: Path, record: RunRecord) -> str:
    with path.open("ab") as file:
        there = file.tell()
        separator = "\n\n" if there else ""
        room = LARGEST - there - len(separator)
        if room < LEAST:
            return (
                f"job summary: nothing was added to {path}, which has {there:,} bytes already, and GitHub shows at "
                f"most {LARGEST:,} of a step; give the run a step of its own"
            )
        report = fitted(record, room, _bytes)
        file.write((separator + report.text).encode("utf-8"))
    if report.left_out is None:
        return f"job summary: added to {path}"
    return f"job summary: added to {path}, shortened to GitHub's limit; left out: {report.left_out}"


def _bytes(text: str) -> int:
    return len(text.encode("utf-8"))
