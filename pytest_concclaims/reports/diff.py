"""The comparison of two runs as lines for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ..records.comparison import Change, Comparison, Difference
from ..records.evidence import summary_phrase
from ..records.record import RunRecord, count_verdicts
from ..text import counted, harmless
from ..verdict import Verdict
from .terminal import COLOURS, LOUD, MARGIN, Span, indented, wrapped

_ORDER = (Change.TURNED, Change.UNDECIDED, Change.DECIDED, Change.EXPECTED_ANEW, Change.GONE, Change.NEW)
#: Lines for a claim's evidence without ``-v``.
_EVIDENCE_LINES = 2


def run_line(record: RunRecord) -> str:
    """Return a line that describes a run: interpreter, time, number of claims, and version of this plugin."""
    count = counted(len(record.claims), "claim")
    text = f"{record.interpreter.describe()}, {record.started}, {count}, pytest-concclaims {record.tool['version']}"
    return text if record.complete else f"{text}, NOT COMPLETE"


def comparison_lines(
    comparison: Comparison, *, width: int, verbosity: int, strict: bool = False
) -> Iterator[list[Span]]:
    """Yield the lines: remarks on the two runs, each claim that changed, and last the counts.

    :param width: columns.
    :param verbosity: 0; with ``-q`` only claims that fail or are not as expected, with ``-qq`` only the counts; with
        ``-v`` all evidence, also the claims that are the same or were not run.
    :param strict: whether a lost or new verdict, and a claim that is gone, fail.
    """
    width = max(width, 40)
    yield from _caveats(comparison, width)
    order = _ORDER if verbosity <= 0 else (*_ORDER, Change.NOT_RUN, Change.SAME)
    for difference in (found for change in order for found in comparison.of(change)):
        loud = _is_loud(difference, strict=strict)
        if verbosity > -2 and (loud or verbosity >= 0):
            yield from _claim_lines(difference, width, verbosity, loud=loud)
    yield from _count_lines(comparison, width, verbosity, strict=strict)


def _is_loud(difference: Difference, *, strict: bool) -> bool:
    return difference.fails(strict=strict) or difference.newly_unexpected


def _caveats(comparison: Comparison, width: int) -> Iterator[list[Span]]:
    """Yield remarks on the limits of the comparison."""
    if comparison.other_interpreter:
        text = "These are two interpreters: a verdict that turned can be right on both."
        old, new = comparison.old.interpreter, comparison.new.interpreter
        if old.describe() == new.describe():  # the head looks the same
            text = f"These are two builds of the interpreter. Old: {old.build}. New: {new.build}."
        yield from _note(text, width)
    for name, record in (("old", comparison.old), ("new", comparison.new)):
        if not record.complete:
            yield from _note(
                f"The {name} run is not complete: some of its claims did not end, and are missing.",
                width,
                LOUD,
            )


def _note(text: str, width: int, style: dict[str, bool] | None = None) -> Iterator[list[Span]]:
    for line in textwrap.wrap(harmless(text), width):
        yield [Span(line, style or {})]


def _claim_lines(difference: Difference, width: int, verbosity: int, *, loud: bool) -> Iterator[list[Span]]:
    claim = difference.claim
    mark = f"{difference.change.word}{'!' if loud else ''}".ljust(MARGIN)
    first, *rest = wrapped(claim.statement + (f" [{claim.source}]" if claim.source else ""), width)
    bold = {"bold": True} if loud else {}
    yield [Span(mark, LOUD if loud else {}), Span(first, bold)]
    for line in rest:
        yield [Span(" " * MARGIN + line, bold)]
    yield from indented(_what_became(difference), width, LOUD if loud else COLOURS[claim.verdict])
    if difference.change is not Change.SAME and claim.reason is not None:
        because = "because " if claim.verdict is Verdict.REFUTED and not claim.unexpected else ""
        yield from indented(f"{because}{claim.reason}", width, {})
    if verbosity > 0:
        yield from _evidence(difference, width)
    elif difference.change is not Change.SAME:
        phrase = summary_phrase(claim.evidence)
        if phrase and phrase not in (claim.reason or ""):
            yield from indented(phrase, width, {}, most=_EVIDENCE_LINES)
    if loud or difference.renamed or verbosity > 0:
        yield from indented(f"{claim.id}, {claim.location}", width, {"light": True})


def _what_became(difference: Difference) -> str:
    before, after = difference.before, difference.after
    if before is None or after is None:
        text = difference.claim.verdict.word + (" before" if after is None else "")
    elif before.verdict is after.verdict:
        text = after.verdict.word
    else:
        text = f"{before.verdict.word} -> {after.verdict.word}"
    if before is not None and after is not None and before.expected is not after.expected:
        text += f", expected {after.expected.word} now, {before.expected.word} before"
    elif after is not None and after.unexpected and after.verdict.reached:
        text += f", expected {after.expected.word}"
    if difference.other_experiment:
        text += "; the test was changed since"
    return f"{text}; its id was {before.id}" if difference.renamed and before is not None else text


def _evidence(difference: Difference, width: int) -> Iterator[list[Span]]:
    if difference.change is Change.SAME:
        return
    for name, result in (("old", difference.before), ("new", difference.after)):
        for piece in result.evidence if result is not None else ():
            yield from indented(f"- {name}: {piece.phrase()}", width, {})


def _count_lines(comparison: Comparison, width: int, verbosity: int, *, strict: bool) -> Iterator[list[Span]]:
    same, not_run = comparison.of(Change.SAME), comparison.of(Change.NOT_RUN)
    changes = [_count(found, strict=strict) for change in _ORDER if (found := comparison.of(change))]
    remarks = list(_remarks(comparison, verbosity))
    parts = changes
    if not comparison.compared:
        parts = [Span("nothing to compare: no claim is in both runs", LOUD), *changes]
    elif not changes:
        parts = [Span("no verdict changed" if remarks else "nothing changed")]
    if comparison.compared:
        parts.append(Span(f"{len(same)} unchanged{_verdicts(same)}"))
    if not_run:
        parts.append(_count(not_run, strict=strict))
    yield from _in_lines([*parts, *remarks], width)


def _count(found: Sequence[Difference], *, strict: bool) -> Span:
    """Return the number of claims with one change, and of the unexpected ones among them."""
    change = found[0].change
    unexpected = sum(difference.newly_unexpected for difference in found)
    remark = f" ({unexpected} not as expected)" if unexpected and change is not Change.TURNED else ""
    loud = any(_is_loud(difference, strict=strict) for difference in found)
    return Span(f"{len(found)} {change.value}{remark}", LOUD if loud else {})


def _remarks(comparison: Comparison, verbosity: int) -> Iterator[Span]:
    """Yield the changes that are neither of a verdict nor of an expectation."""
    others = sum(difference.other_experiment for difference in comparison.differences)
    if others:
        tests = "the test" if others == 1 else "the tests"
        yield Span(f"{tests} of {counted(others, 'claim')} {'was' if others == 1 else 'were'} changed since")
    renamed = sum(difference.renamed for difference in comparison.differences)
    if renamed:
        which = "" if verbosity > 0 else " (-v shows which)"
        ids = "has a new id" if renamed == 1 else "have new ids"
        yield Span(f"{counted(renamed, 'claim')} {ids}{which}")


def _verdicts(same: Sequence[Difference]) -> str:
    counts = count_verdicts(difference.claim for difference in same)
    words = ", ".join(f"{count} {verdict.word.lower()}" for verdict, count in counts.items() if count)
    return f" ({words})" if words else ""


def _in_lines(parts: Sequence[Span], width: int) -> Iterator[list[Span]]:
    """Yield the parts with semicolons between them, broken into lines."""
    line: list[Span] = []
    used = 0
    for number, part in enumerate(parts):
        text = part.text + (";" if number < len(parts) - 1 else "")
        pieces = textwrap.wrap(text, width)
        if line and used + 1 + len(text) > width:
            yield line
            line, used = [], 0
        if line:
            line.append(Span(" "))
            used += 1
        for piece in pieces[:-1]:
            yield [Span(piece, part.markup)]
        line.append(Span(pieces[-1], part.markup))
        used += len(pieces[-1])
    yield line
