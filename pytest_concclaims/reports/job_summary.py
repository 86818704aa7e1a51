"""The job summary of GitHub Actions, to which each run there adds its report."""

from __future__ import annotations

import os
from pathlib import Path

from ..records.record import RunRecord
from .markdown import LEAST, fitted

VARIABLE = "GITHUB_STEP_SUMMARY"
#: Bytes of a step's file. GitHub shows nothing of a larger one (its documentation: workflow commands, job summary).
LARGEST = 1024 * 1024


def add_job_summary(record: RunRecord) -> str | None:
    """Append a run's report to the file that ``GITHUB_STEP_SUMMARY`` names.

    :returns: a message: what was added, or why nothing was; None if the variable is not set.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    try:
        return _add(Path(name), record)
    except OSError as error:  # the terminal and the run record have all verdicts
        return f"job summary: {VARIABLE} names {name}, which could not be written: {error.strerror or error}"
    except Exception as error:  # noqa: BLE001  # a bug here must not end the run
        return f"job summary: none, by a bug of pytest-concclaims; please report it: {type(error).__name__}: {error}"


def _add(path: Path, record: RunRecord) -> str:
    with path.open("ab") as file:
        there = file.tell()
        separator = "\n\n" if there else ""
        room = LARGEST - there - len(separator)
        if room < LEAST:
            return (
                f"job summary: nothing was added to {path}, as it has {there:,} bytes already, and GitHub shows at "
                f"most {LARGEST:,} of a step; run the claims in a step of their own"
            )
        report = fitted(record, room, _bytes)
        file.write((separator + report.text).encode("utf-8"))
    if report.left_out is None:
        return f"job summary: added to {path}"
    return f"job summary: added to {path}, shortened to GitHub's limit; left out: {report.left_out}"


def _bytes(text: str) -> int:
    return len(text.encode("utf-8"))
