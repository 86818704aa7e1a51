"""The summary in the terminal: lines that are a pure function of the results."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..records.evidence import Attempt, RaceRun, summary_phrase
from ..records.interleaving import steps_of
from ..records.record import ClaimResult, count_verdicts
from ..text import harmless
from ..verdict import Verdict
from .interleaving import FEW_LINES, interleaving

#: Columns: the mark of a verdict, and two spaces.
MARGIN = len(Verdict.NOT_APPLICABLE.word) + 2
#: The most lines that one claim's evidence takes, unless ``-v`` asks for all of it.
_EVIDENCE_LINES = 2
#: Columns before an interleaving, which needs all the width that there is.
_STORY_MARGIN = 2

COLOURS: dict[Verdict, dict[str, bool]] = {
    Verdict.CONFIRMED: {"green": True},
    Verdict.REFUTED: {"cyan": True},
    Verdict.INCONCLUSIVE: {"yellow": True},
    Verdict.NOT_APPLICABLE: {"yellow": True},
    Verdict.ERROR: {"red": True, "bold": True},
}
LOUD = {"red": True, "bold": True}


@dataclass(frozen=True)
class Span:
    """A piece of a line; ``markup`` is that of pytest's terminal writer."""

    text: str
    markup: dict[str, bool] = field(default_factory=dict)


class Writer(Protocol):
    """What writes to the terminal, as pytest's terminal writer does."""

    def write(self, msg: str, *, flush: bool = False, **markup: bool) -> None:
        """Write a piece of a line."""

    def line(self) -> None:
        """End the line."""


def show_lines(writer: Writer, lines: Iterable[Sequence[Span]]) -> None:
    """Write lines to the terminal; without colours where that is no terminal, or NO_COLOR is set."""
    for line in lines:
        for span in line:
            writer.write(span.text, **span.markup)
        writer.line()


def summary(
    results: Sequence[ClaimResult], *, width: int, verbosity: int, strict: bool = False, complete: bool = True
) -> Iterator[list[Span]]:
    """Yield the lines of the summary: each claim, and last the count of verdicts.

    :param width: columns.
    :param verbosity: pytest's: 0, less with ``-q``, more with ``-v``.
    :param strict: whether an inconclusive claim fails.
    :param complete: whether every claim that was selected has ended.
    """
    if verbosity == -1 and not any(result.verdict.reached for result in results):
        verbosity = 0  # why there is none is what this run is about
    if verbosity > -2:
        for result in results:
            yield from _claim_lines(result, max(width, 40), verbosity, loud=result.fails(strict=strict))
    loud = sum(result.fails(strict=strict) for result in results)
    yield from _count_lines(results, width, loud, complete=complete)


def _claim_lines(result: ClaimResult, width: int, verbosity: int, *, loud: bool) -> Iterator[list[Span]]:
    markup = LOUD if loud else COLOURS[result.verdict]
    mark = f"{result.verdict.word}{'!' if loud else ''}".ljust(MARGIN)
    source = f" [{result.source}]" if result.source else ""
    first, *rest = wrapped(result.statement + source, width)
    yield [Span(mark, markup), Span(first, {"bold": True} if loud else {})]
    for line in rest:
        yield [Span(" " * MARGIN + line, {"bold": True} if loud else {})]
    if verbosity < 0 and not loud:
        return
    for text, style in _verdict_lines(result):
        yield from indented(text, width, style)
    if verbosity > 0:
        for piece in result.evidence:
            if piece.phrase() != result.reason:  # which stands above already
                yield from indented(f"- {piece.phrase()}", width, {})
            if isinstance(piece, RaceRun):
                yield from _story(piece, width)
        yield from indented(f"{result.id}, {result.location}, {result.duration:.2f} s", width, {"light": True})
        return
    for text in dict.fromkeys(piece.phrase() for piece in result.evidence if isinstance(piece, Attempt)):
        yield from indented(text, width, {})
    # An error's reason is the phrase of what stood in the way.
    phrase = "" if result.verdict is Verdict.ERROR else summary_phrase(result.evidence)
    if phrase and phrase not in (result.reason or ""):
        yield from indented(phrase, width, {}, most=_EVIDENCE_LINES)
    told = [piece for piece in result.evidence if isinstance(piece, RaceRun) and steps_of(piece.witness)]
    if told:  # what was asked last has decided
        yield from _story(told[-1], width, FEW_LINES)
    if loud:
        yield from indented(f"{result.id}, {result.location}", width, {"light": True})


def _story(race: RaceRun, width: int, most: int | None = None) -> Iterator[list[Span]]:
    """Yield the interleaving of a race's witness, if it has one."""
    for line in interleaving(race, width - _STORY_MARGIN, most):
        yield [Span(" " * _STORY_MARGIN + line)]


def _verdict_lines(result: ClaimResult) -> Iterator[tuple[str, dict[str, bool]]]:
    if result.verdict.reached and result.unexpected:
        yield f"expected {result.expected.word}" + (f": {result.reason}" if result.reason else ""), LOUD
    elif result.reason is not None:
        yield f"because {result.reason}" if result.verdict is Verdict.REFUTED else result.reason, {}


def indented(text: str, width: int, style: dict[str, bool], most: int | None = None) -> Iterator[list[Span]]:
    """Yield a text's lines below a statement, at most ``most`` of them."""
    for line in wrapped(text, width - 2, most):
        yield [Span(" " * (MARGIN + 2) + line, style)]


def _count_lines(
    results: Sequence[ClaimResult], width: int, unexpected: int, *, complete: bool
) -> Iterator[list[Span]]:
    counts = count_verdicts(results)
    shown = [
        Span(f"{count} {_counted(verdict, count)}", COLOURS[verdict])
        for verdict, count in counts.items()
        if count or verdict.reached
    ]
    separators = [": ", *[", "] * (len(shown) - 1)]
    if unexpected:
        shown.append(Span(f"{unexpected} not as expected", LOUD))
        separators.append("; ")
    elif complete and any(result.verdict.reached for result in results):
        reached = " reached" if counts[Verdict.INCONCLUSIVE] else ""  # there are claims that reached none
        shown.append(Span(f"every verdict{reached} as expected"))
        separators.append("; ")
    line = [Span(f"{len(results)} claim{'' if len(results) == 1 else 's'}")]
    for separator, span in zip(separators, shown):
        line.append(Span(separator))
        if sum(len(piece.text) for piece in line) + len(span.text) + 1 > width:  # with a separator after it
            yield [*line[:-1], Span(separator.rstrip())]
            line = []
        line.append(span)
    yield line


def _counted(verdict: Verdict, count: int) -> str:
    return "errors" if verdict is Verdict.ERROR and count > 1 else verdict.word.lower()


def wrapped(text: str, width: int, most: int | None = None) -> list[str]:
    """Return a text's lines, as wide as they can be beside the mark of a verdict."""
    lines = textwrap.wrap(harmless(text), max(width - MARGIN, 20), max_lines=most, placeholder=" ... (-v: all)")
    return lines or [""]
