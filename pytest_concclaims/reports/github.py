"""Annotations in GitHub Actions: each claim that fails the run, at its place in the code.

A line of a job's output that begins with ``::error`` is a command to the runner (GitHub's documentation: workflow
commands, setting an error message; its escapes are those of ``@actions/core``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..records.evidence import summary_phrase
from ..records.record import ClaimResult
from ..text import cut, harmless
from ..verdict import Verdict
from .claim_view import mark

#: Characters of a title and of a message: an annotation is a small box.
_LONGEST_TITLE = 200
_LONGEST_MESSAGE = 2_000


def annotation_lines(results: Sequence[ClaimResult], root: Path, *, strict: bool) -> Iterator[str]:
    """Yield a line for each claim that fails the run; none outside of GitHub Actions.

    :param root: the folder that the claims' locations start from.
    :param strict: whether an inconclusive claim fails.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    for result in results:
        if result.fails(strict=strict):
            yield _annotation(result, _place(result, root, workspace), strict=strict)


def _annotation(result: ClaimResult, place: dict[str, str], *, strict: bool) -> str:
    title = cut(harmless(f"{mark(result, strict=strict)}: {result.statement}"), _LONGEST_TITLE)
    properties = ",".join(f"{name}={_escaped(text, ':,')}" for name, text in {**place, "title": title}.items())
    return f"::error {properties}::{_escaped(cut(harmless(_finding(result)), _LONGEST_MESSAGE))}"


def _finding(result: ClaimResult) -> str:
    """Return why a claim ended as it did; GitHub shows no annotation without a message."""
    finding = summary_phrase(result.evidence)
    if result.verdict is Verdict.ERROR or not finding:
        finding = result.reason or finding
    return finding or result.statement


def _place(result: ClaimResult, root: Path, workspace: Path) -> dict[str, str]:
    """Return file and line of a claim in the repository; nothing if it stands elsewhere, as in a shipped suite."""
    name, _, line = result.location.rpartition(":")
    if not line.isdigit():
        return {}
    try:
        file = (root / name).resolve(strict=True).relative_to(workspace.resolve())
    except (OSError, ValueError):
        return {}
    return {"file": file.as_posix(), "line": line}


def _escaped(text: str, more: str = "") -> str:
    """Return a text of a command: what would end it or be taken for its syntax is a percent sign and a number."""
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text
