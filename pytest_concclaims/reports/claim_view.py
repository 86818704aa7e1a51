"""How reports show a claim: whose it is, its mark, why it ended so, where it stands, and how to run it alone."""

from __future__ import annotations

import hashlib
import re
import shlex

from ..records import schedules as words
from ..records.evidence import Attempt, Evidence, RaceRun, from_json
from ..records.record import ClaimResult
from ..text import counted
from ..verdict import Verdict

#: Characters of an anchor and of a command: more are no use to anybody.
_LONGEST_ANCHOR = 120
_LONGEST_COMMAND = 2_000
#: Attempts within attempts; pytest's plugins make no more than one level.
_DEEPEST = 3


def of_project(project: str | None) -> str:
    """Return whose claims a run's are, as it goes on after "claims"; nothing where only shipped suites ran."""
    return f" of {project}" if project else ""


def anchor(result: ClaimResult, prefix: str = "claim-") -> str:
    """Return the claim's anchor: the same in each page, and another for each claim."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", result.id)[:_LONGEST_ANCHOR].strip("-")
    if plain == result.id:
        return prefix + plain
    digest = hashlib.sha256(result.id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{prefix}{plain}-{digest[:8]}"


def mark(result: ClaimResult, *, strict: bool) -> str:
    """Return the verdict in words; of one that fails the run, what was expected.

    :param strict: whether an inconclusive claim fails.
    """
    if result.verdict.reached and result.unexpected:
        return f"{result.verdict.word}, expected {result.expected.word}"
    if result.verdict is Verdict.INCONCLUSIVE and strict:
        return f"{result.verdict.word}, which fails a strict run"
    return result.verdict.word


def why(result: ClaimResult) -> tuple[str, str] | None:
    """Return what the reason explains, and the reason; None if there is none to give."""
    if result.verdict.reached and result.unexpected:
        return f"Expected {result.expected.word}", result.reason or "The evidence says otherwise."
    if result.reason is None:
        return None
    if result.verdict is Verdict.ERROR:
        return "What went wrong", result.reason
    return "Why" if result.verdict.reached else "Why there is no verdict", result.reason


def command(result: ClaimResult) -> str | None:
    """Return the command that runs this claim alone, for a POSIX shell; None if the record cannot tell."""
    nodeid = result.nodeid
    if nodeid is None or len(nodeid) > _LONGEST_COMMAND or not nodeid.isprintable() or nodeid.startswith("-"):
        return None  # a dash: pytest would take it as an option
    return f"pytest --claims {shlex.quote(nodeid)}"


def earlier(attempt: Attempt, depth: int) -> list[Evidence] | None:
    """Return what was seen in an earlier attempt; None where it is too deep within others to be shown."""
    return [from_json(item) for item in attempt.evidence] if depth < _DEEPEST else None


def kind_of(piece: Evidence) -> str:
    """Return a word for a kind of evidence."""
    return {"child": "child run", "attempt": "earlier attempt"}.get(piece.kind, piece.kind)


def schedule_facts(race: RaceRun) -> list[tuple[str, str]]:
    """Return what is to be known of a race's schedules: names and words; nothing if it ran none."""
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
