"""The report of one run in Markdown, for a pull request or GitHub's summary of a job.

If the report would be too long, the least important parts are left out, and the report says which.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..records.evidence import RaceRun
from ..records.record import ClaimResult, RunRecord, Standing, count_verdicts
from ..text import as_markdown, counted, cut
from ..verdict import Verdict
from .claim_view import command, mark, of_project
from .interleaving import FEW_LINES, interleaving

#: Characters that GitHub accepts as the text of a comment or a pull request.
LARGEST_COMMENT = 65_536
#: The smallest limit for a report: its head always fits.
LEAST = 8_192


#: Columns and lines of a story, if the report is not too long.
_STORY_WIDTH = 100
_STORY_LINES = 60


@dataclass(frozen=True)
class Report:
    """A report, and the parts that were left out, in words; None if none were."""

    text: str
    left_out: str | None


@dataclass(frozen=True)
class _Detail:
    """The parts of a report.

    :param loud: whether it has the evidence of unexpected claims.
    :param rows: whether it has the other claims.
    :param evidence: whether it has the evidence of the other claims.
    :param longest: characters of a single text.
    """

    loud: bool
    rows: bool
    evidence: bool
    longest: int


#: From the longest report to the shortest, which is shortened further, claim by claim.
_DETAILS = (
    _Detail(loud=True, rows=True, evidence=True, longest=2_000),
    _Detail(loud=True, rows=True, evidence=False, longest=2_000),
    _Detail(loud=True, rows=True, evidence=False, longest=200),
    _Detail(loud=True, rows=False, evidence=False, longest=2_000),
    _Detail(loud=True, rows=False, evidence=False, longest=200),
    _Detail(loud=False, rows=False, evidence=False, longest=200),
)


def markdown(record: RunRecord, most: int = LARGEST_COMMENT) -> str:
    """Return a run's report.

    :param most: its limit in characters, at least :data:`LEAST`.
    """
    return fitted(record, most).text


def fitted(record: RunRecord, most: int, size: Callable[[str], int] = len) -> Report:
    """Return a run's report that fits into a limit.

    :param most: the limit, at least :data:`LEAST`.
    :param size: measures a text; by default its characters.
    :raises ValueError: ``most`` is less than :data:`LEAST`.
    """
    if most < LEAST:
        raise ValueError(f"markdown: the limit is {most:,}; a report needs at least {LEAST:,}")
    for detail in _DETAILS:
        left_out = _left_out(record, detail)
        text = _joined(record, detail, left_out, list(_loud_parts(record, detail)))
        if size(text) <= most:
            return Report(text, left_out)
    return _with_fewer(record, most, size)


def _with_fewer(record: RunRecord, most: int, size: Callable[[str], int]) -> Report:
    """Return a report with the first of the unexpected claims, as many as fit."""
    detail = _DETAILS[-1]
    parts = list(_loud_parts(record, detail))

    def left_out(missing: int) -> str:
        others = _left_out(record, detail)
        return f"{missing:,} of the {len(parts):,} claims that are not as expected; {others}"

    used = size(_joined(record, detail, left_out(len(parts)), []))
    for number, part in enumerate(parts):
        used += size(part) + len("\n")
        if used > most:
            missing = left_out(len(parts) - number)
            return Report(_joined(record, detail, missing, parts[:number]), missing)
    raise AssertionError("all of the report fits")


def _left_out(record: RunRecord, detail: _Detail) -> str | None:
    said = []
    others = len(record.claims) - len(record.failing)
    if not detail.loud:
        said.append("all evidence")
    elif not detail.evidence:
        said.append(f"the evidence of {counted(others, 'claim')}")
    if not detail.rows:
        said.append(f"{counted(others, 'claim')} that {'does' if others == 1 else 'do'} not fail the run")
    if detail.longest < _DETAILS[0].longest:
        said.append(f"the ends of texts longer than {detail.longest} characters")
    return "; ".join(said) or None


def _joined(record: RunRecord, detail: _Detail, left_out: str | None, loud: Sequence[str]) -> str:
    lines = list(_head(record))
    if left_out is not None:
        lines += ["", f"*Left out, as the report would be too long: {left_out}. The run record has everything.*"]
    if record.failing:
        lines += ["", "### Not as expected", "", *loud]
    if detail.rows:
        lines += _suites(record, detail)
    return "\n".join(lines) + "\n"


# --- the head


def _head(record: RunRecord) -> Iterator[str]:
    claims = as_markdown(cut(f"Concurrency claims{of_project(record.project)}", 100))
    yield f"## {claims}: {_headline(record)}"
    yield ""
    counts = [
        counted(count, "error") if verdict is Verdict.ERROR else f"{count:,} {verdict.word.lower()}"
        for verdict, count in count_verdicts(record.claims).items()
        if count
    ]
    yield f"**{counted(len(record.claims), 'claim')}**" + (f": {', '.join(counts)}" if counts else "")
    yield ""
    tool, machine = record.tool["version"], record.machine
    facts = [
        record.interpreter.describe(),
        f"{machine.system} {machine.architecture}",
        machine.describe(),
        record.started,
        f"pytest-concclaims {tool}",
    ]
    yield " · ".join(as_markdown(cut(fact, 100)) for fact in facts)
    if not record.complete:
        yield ""
        yield "**This run is not complete: some of its claims did not end, and are missing here.**"
    if record.selection:
        yield ""
        yield f"**Only a selection of the claims ran ({_selection(record)}). The others are not shown.**"


def _headline(record: RunRecord) -> str:
    standing = record.standing
    if standing is Standing.UNEXPECTED:
        return f"{len(record.failing):,} of {len(record.claims):,} not as expected"
    if standing is Standing.UNDECIDED:
        which = f"as expected, in a selection: {_selection(record)}" if record.selection else ""
        but = "but some claims were inconclusive" if count_verdicts(record.claims)[Verdict.INCONCLUSIVE] else ""
        return ", ".join(filter(None, (which or "every verdict reached is as expected", but)))
    return {
        Standing.NO_VERDICT: "no verdict, nothing was verified",
        Standing.INCOMPLETE: "not complete",
        Standing.AS_EXPECTED: "every verdict as expected",
    }[standing]


def _selection(record: RunRecord) -> str:
    return as_markdown(cut(" ".join(record.selection), 100))


# --- unexpected claims


def _loud_parts(record: RunRecord, detail: _Detail) -> Iterator[str]:
    """Yield a list item for each unexpected claim."""
    for claim in record.failing:
        lines = [f"- **{mark(claim, strict=False)}** {_statement(claim, detail)}"]
        if claim.reason is not None:
            lines.append(f"  - {_text(claim.reason, detail)}")
        if detail.loud:
            lines += [f"  {line}" for line in _evidence(claim, detail)]
        lines.append(f"  - {_text(claim.id, detail)}, {_text(claim.location, detail)}")
        if claim.nodeid is not None:
            lines.append(f"  - alone: {_alone(claim, detail)}")
        yield "\n".join(lines)


def _alone(claim: ClaimResult, detail: _Detail) -> str:
    """Return the command that runs a claim alone, or why there is none."""
    line = command(claim)
    if line is None:
        return "its node id does not fit into a command; the run record has it"
    if len(line) > detail.longest:
        return "the command is too long for this report; the run record has the node id"
    return _code(line)


def _code(text: str) -> str:
    """Return a printable text on one line, without blanks at its ends, as a code span.

    A code span shows markup and blanks literally (GitHub Flavored Markdown Spec, 6.3).
    """
    fence = "`" * (1 + _longest_ticks(text))
    return f"{fence}{text}{fence}"


def _statement(claim: ClaimResult, detail: _Detail) -> str:
    return _text(claim.statement, detail) + (f" \\[{_text(claim.source, detail)}\\]" if claim.source else "")


def _text(text: str, detail: _Detail) -> str:
    return as_markdown(cut(text, detail.longest))


def _evidence(claim: ClaimResult, detail: _Detail) -> list[str]:
    lines = []
    for piece in claim.evidence:
        if piece.phrase() != claim.reason:
            lines.append(f"- {_text(piece.phrase(), detail)}")
        if isinstance(piece, RaceRun):
            lines += _story(piece, detail)
    return lines


def _story(race: RaceRun, detail: _Detail) -> list[str]:
    """Return the story of a race's witness as a block of code; nothing if it has none."""
    most = _STORY_LINES if detail.longest >= _DETAILS[0].longest else FEW_LINES
    lines = interleaving(race, _STORY_WIDTH, most)
    if not lines:
        return []
    # A fence must be longer than any fence inside (GitHub Flavored Markdown Spec, 4.5).
    fence = "`" * max(3, 1 + _longest_ticks("\n".join(lines)))
    return [f"  {line}".rstrip() for line in (f"{fence}text", *lines, fence)]


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


# --- all claims

_TABLE_HEAD = ("| Source | Claim | Verdict | Why |", "| --- | --- | --- | --- |")


def _suites(record: RunRecord, detail: _Detail) -> Iterator[str]:
    """Yield a table for each suite, with its claims grouped by source, and below it their evidence."""
    suites: dict[str, dict[str | None, list[ClaimResult]]] = {}
    for claim in record.claims:
        suites.setdefault(claim.suite, {}).setdefault(claim.source, []).append(claim)
    for suite, sources in suites.items():
        claims = [claim for found in sources.values() for claim in found]
        yield from ("", f"### {_text(suite, detail)}", "", *_TABLE_HEAD)
        for claim in claims:
            source = _text(claim.source or "", detail)
            yield f"| {source} | {_text(claim.statement, detail)} | {_cells(claim, detail)} |"
        if detail.evidence:
            yield from _evidence_of([claim for claim in claims if not claim.fails(strict=record.strict)], detail)


def _cells(claim: ClaimResult, detail: _Detail) -> str:
    """Return the cells of the verdict and its reason."""
    if claim.unexpected and claim.verdict.reached:
        return f"**{claim.verdict.word}**, expected {claim.expected.word} | {_text(claim.reason or '', detail)}"
    because = "because " if claim.verdict is Verdict.REFUTED and claim.reason else ""
    word = f"**{claim.verdict.word}**" if claim.unexpected else claim.verdict.word
    return f"{word} | {because}{_text(claim.reason or '', detail)}"


def _evidence_of(claims: Sequence[ClaimResult], detail: _Detail) -> Iterator[str]:
    """Yield the evidence of claims, folded."""
    shown = [claim for claim in claims if _evidence(claim, detail)]
    if not shown:
        return
    yield from ("", f"<details><summary>The evidence of {counted(len(shown), 'claim')}</summary>", "")
    for claim in shown:
        yield f"- {claim.verdict.word}: {_statement(claim, detail)}"
        yield from (f"  {line}" for line in _evidence(claim, detail))
    yield from ("", "</details>")
