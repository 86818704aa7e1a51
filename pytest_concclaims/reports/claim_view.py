"""A claim as reports show it: its mark, its reason, its anchor, its command, and the address of its source."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable
from urllib.parse import quote

from ..records import schedules as words
from ..records.evidence import Attempt, Evidence, RaceRun, from_json
from ..records.record import ClaimResult, RunRecord
from ..text import counted
from ..verdict import Verdict

#: Characters of an anchor and of a command.
_LONGEST_ANCHOR = 120
_LONGEST_COMMAND = 2_000
#: Levels of attempts within attempts. pytest's plugins make one.
_DEEPEST = 3


def of_project(project: str | None) -> str:
    """Return ``" of PROJECT"``, to follow the word "claims"; an empty text if only shipped suites ran."""
    return f" of {project}" if project else ""


def anchor(result: ClaimResult, prefix: str = "claim-") -> str:
    """Return the claim's anchor: the same on each page, and different for each claim."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", result.id)[:_LONGEST_ANCHOR].strip("-")
    if plain == result.id:
        return prefix + plain
    digest = hashlib.sha256(result.id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{prefix}{plain}-{digest[:8]}"


def mark(result: ClaimResult, *, strict: bool) -> str:
    """Return the verdict in words, and the expected one if they differ.

    :param strict: whether an inconclusive claim fails the run.
    """
    if result.verdict.reached and result.unexpected:
        return f"{result.verdict.word}, expected {result.expected.word}"
    if result.verdict is Verdict.INCONCLUSIVE and strict:
        return f"{result.verdict.word}, which fails a strict run"
    return result.verdict.word


def why(result: ClaimResult) -> tuple[str, str] | None:
    """Return a heading for the claim's reason, and the reason; None if it has no reason."""
    if result.verdict.reached and result.unexpected:
        return f"Expected {result.expected.word}", result.reason or "The evidence says otherwise."
    if result.reason is None:
        return None
    if result.verdict is Verdict.ERROR:
        return "What went wrong", result.reason
    return "Why" if result.verdict.reached else "Why there is no verdict", result.reason


def command(result: ClaimResult) -> str | None:
    """Return the command that runs this claim alone, for a POSIX shell; None if its node id fits no command."""
    nodeid = result.nodeid
    if nodeid is None or len(nodeid) > _LONGEST_COMMAND or not nodeid.isprintable() or nodeid.startswith("-"):
        return None  # a dash: pytest would take it as an option
    return f"pytest --claims {shlex.quote(nodeid)}"


def source_link(result: ClaimResult, record: RunRecord) -> str | None:
    """Return the address of the claim's test on the code host; None if the record does not have it."""
    if record.source_url is None or result.suite != record.project:
        return None
    path, _, line = result.location.rpartition(":")
    if not line.isdecimal() or ".." in path.split("/") or not record.source_url.startswith(("https://", "http://")):
        return None
    return f"{record.source_url}/{quote(path, errors='replace')}#L{line}"


def places_of_code(claims: Iterable[tuple[ClaimResult, str]]) -> dict[str, tuple[str, str]]:
    """Return for each code the id and the anchor of the first claim that has it.

    Parameters make several claims of one function: a page shows its code once.

    :param claims: claims with their anchors.
    """
    first: dict[str, tuple[str, str]] = {}
    for result, place in claims:
        if result.code is not None:
            first.setdefault(result.code, (result.id, place))
    return first


def earlier(attempt: Attempt, depth: int) -> list[Evidence] | None:
    """Return the evidence of an earlier attempt; None if the attempt is nested too deeply to be shown."""
    return [from_json(item) for item in attempt.evidence] if depth < _DEEPEST else None


def kind_of(piece: Evidence) -> str:
    """Return a word for a kind of evidence."""
    return {"child": "child run", "attempt": "earlier attempt"}.get(piece.kind, piece.kind)


def schedule_facts(race: RaceRun) -> list[tuple[str, str]]:
    """Return facts about a race's schedules, each with its name; none if it ran no schedules."""
    schedules = race.schedules
    if schedules is None:
        return []
    seen = f"{schedules['seen']:,}" if schedules["seen"] else "none"
    # A witness ends the search within a level.
    tried = words.tried(schedules) if seen == "none" else counted(schedules["run"], "schedule")
    facts = [
        ("Schedules", f"{tried}, of which {seen} {'shows' if seen in ('1', 'none') else 'show'} it"),
        ("Switched", words.switch_points(schedules)),
        ("At random", words.at_random(schedules)),
        ("Control", words.of_control(schedules, race.control_name)),
        ("In order", words.in_order(race.orders)),
        ("Anywhere", words.without_gil(schedules)),
        ("Remarks", "; ".join(words.remarks(schedules))),
    ]
    return [(name, text) for name, text in facts if text]
