"""The report of one run in Markdown: for a pull request, or GitHub's summary of a job.

It is as long as may be: what is least needed is left out first, and the report says so.
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

#: Characters that GitHub takes as the text of a comment or a pull request.
LARGEST_COMMENT = 65_536
#: The least that a report may be given: room for its head, whatever that says.
LEAST = 8_192


#: Columns of an interleaving, and its lines, where there is room.
_STORY_WIDTH = 100
_STORY_LINES = 60


@dataclass(frozen=True)
class Report:
    """A report, and what it says of what was left out; None: nothing was."""

    text: str
    left_out: str | None


@dataclass(frozen=True)
class _Detail:
    """How much is told.

    :param loud: whether the evidence of what is not as expected is.
    :param rows: whether the other claims are.
    :param evidence: whether their evidence is.
    :param longest: characters of a single text.
    """

    loud: bool
    rows: bool
    evidence: bool
    longest: int


#: From all to the least; the last is shortened further, claim by claim.
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

    :param most: characters that it may have, at least :data:`LEAST`.
    """
    return fitted(record, most).text


def fitted(record: RunRecord, most: int, size: Callable[[str], int] = len) -> Report:
    """Return a run's report, and what was left out of it for its size.

    :param most: what it may have, at least :data:`LEAST`.
    :param size: what is measured: characters.
    :raises ValueError: ``most`` is too little for any report.
    """
    if most < LEAST:
        raise ValueError(f"a report needs room for {LEAST:,}, and not {most:,}")
    for detail in _DETAILS:
        left_out = _left_out(record, detail)
        text = _joined(record, detail, left_out, list(_loud_parts(record, detail)))
        if size(text) <= most:
            return Report(text, left_out)
    return _with_fewer(record, most, size)


def _with_fewer(record: RunRecord, most: int, size: Callable[[str], int]) -> Report:
    """Return a report that has as many of the claims that are not as expected as there is room for."""
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
    raise AssertionError("all of it would have had room")


def _left_out(record: RunRecord, detail: _Detail) -> str | None:
    said = []
    others = len(record.claims) - len(record.failing)
    if not detail.loud:
        said.append("all evidence")
    elif not detail.evidence:
        said.append(f"the evidence of {counted(others, 'claim')}")
    if not detail.rows:
        said.append(f"{counted(others, 'claim')} of which none fails the run")
    if detail.longest < _DETAILS[0].longest:
        said.append(f"what long texts have beyond {detail.longest} characters")
    return "; ".join(said) or None


def _joined(record: RunRecord, detail: _Detail, left_out: str | None, loud: Sequence[str]) -> str:
    lines = list(_head(record))
    if left_out is not None:
        lines += ["", f"*Left out, for the report would be too long: {left_out}. The run record has all of it.*"]
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
        yield "**This run is not complete: some of its claims did not come to an end, and are not in this report.**"
    if record.selection:
        yield ""
        yield f"**Only a selection of the claims was to run ({_selection(record)}); the others are not here.**"


def _headline(record: RunRecord) -> str:
    standing = record.standing
    if standing is Standing.UNEXPECTED:
        return f"{len(record.failing):,} of {len(record.claims):,} not as expected"
    if standing is Standing.UNDECIDED:
        which = f"as expected, in a selection: {_selection(record)}" if record.selection else ""
        but = "but some claims were inconclusive" if count_verdicts(record.claims)[Verdict.INCONCLUSIVE] else ""
        return ", ".join(filter(None, (which or "every verdict reached as expected", but)))
    return {
        Standing.NO_VERDICT: "no verdict, nothing was verified",
        Standing.INCOMPLETE: "not complete",
        Standing.AS_EXPECTED: "every verdict as expected",
    }[standing]


def _selection(record: RunRecord) -> str:
    return as_markdown(cut(" ".join(record.selection), 100))


# --- what is not as expected


def _loud_parts(record: RunRecord, detail: _Detail) -> Iterator[str]:
    """Yield an item of a list for each claim that is not as expected."""
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
    """Return the command that runs a claim alone, such that it can be copied; else why there is none."""
    line = command(claim)
    if line is None:
        return "its node id cannot be written in a command; the run record has it as it is"
    if len(line) > detail.longest:
        return "the command is too long for this report; the run record has the node id"
    return _code(line)


def _code(text: str) -> str:
    """Return a text that can be printed, on one line and with no blank at its ends, as a code span.

    Nothing in it is markup, and all its blanks are kept: unlike in other text, all is shown and copied as it is
    (GitHub Flavored Markdown Spec, 6.3).
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
    """Return the interleaving of a race's witness as a block of code, if it has one."""
    most = _STORY_LINES if detail.longest >= _DETAILS[0].longest else FEW_LINES
    lines = interleaving(race, _STORY_WIDTH, most)
    if not lines:
        return []
    # A fence is longer than any in it (GitHub Flavored Markdown Spec, 4.5).
    fence = "`" * max(3, 1 + _longest_ticks("\n".join(lines)))
    return [f"  {line}".rstrip() for line in (f"{fence}text", *lines, fence)]


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


# --- all claims

_TABLE_HEAD = ("| Source | Claim | Verdict | Why |", "| --- | --- | --- | --- |")


def _suites(record: RunRecord, detail: _Detail) -> Iterator[str]:
    """Yield a table for each suite, its claims by their source, and below it their evidence."""
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
    told = [claim for claim in claims if _evidence(claim, detail)]
    if not told:
        return
    yield from ("", f"<details><summary>The evidence of {counted(len(told), 'claim')}</summary>", "")
    for claim in told:
        yield f"- {claim.verdict.word}: {_statement(claim, detail)}"
        yield from (f"  {line}" for line in _evidence(claim, detail))
    yield from ("", "</details>")
