"""The summary in the terminal: lines that are a pure function of the results."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..records.evidence import Attempt, Evidence, Measured, RaceRun, Raised, Requirement, summary_phrase
from ..records.interleaving import steps_of
from ..records.record import ClaimResult, count_verdicts
from ..text import counted, duration, harmless
from ..verdict import Verdict
from .claim_view import command
from .interleaving import FEW_LINES, interleaving

#: Columns of a mark that has room for each verdict, and two spaces.
MARGIN = len(Verdict.NOT_APPLICABLE.word) + 2
#: Columns before what is said of a claim below its statement.
_DETAILS_MARGIN = 4
#: Columns before an interleaving, which needs all the width that there is.
_STORY_MARGIN = 2
#: Below this width, lines are as if it were this.
_NARROWEST = 40
#: A finding that is cut to fewer columns says nothing.
_LEAST_FINDING = 20
#: The parts of the summary; what needs attention comes last, where people look first.
_AS_EXPECTED, _NOT_APPLICABLE, _INCONCLUSIVE, _UNEXPECTED = _PARTS = (
    "As expected",
    "Not applicable",
    "Inconclusive",
    "Not as expected",
)

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
    results: Sequence[ClaimResult],
    *,
    width: int,
    verbosity: int,
    strict: bool = False,
    traced: Collection[str] = (),
    is_replay: bool = False,
) -> Iterator[list[Span]]:
    """Yield the lines for the claims: one for each; all that is known of those that need attention.

    :param width: columns.
    :param verbosity: pytest's: 0; with ``-q`` only what fails the run, with ``-qq`` nothing, with ``-v`` all that is
        known of each claim.
    :param strict: whether an inconclusive claim fails.
    :param traced: the ids of claims whose tracebacks pytest shows above.
    :param is_replay: whether only one schedule was run for each claim.
    """
    if verbosity == -1 and not any(result.verdict.reached for result in results):
        verbosity = 0  # why there is no verdict is what such a run is about
    if verbosity < -1:
        return
    width, is_first = max(width, _NARROWEST), True
    for part in _PARTS:
        members = [result for result in results if _part_of(result) == part]
        shown = [result for result in members if verbosity >= 0 or result.fails(strict=strict)]
        if not shown:
            continue
        if not is_first:
            yield []
        is_first = False
        yield [Span(f"{part} ({len(members):,})", {"bold": True})]
        margin = 2 + max(len(_mark(result, strict=strict)) for result in shown)
        for result in shown:
            loud = result.fails(strict=strict)
            head = Span(_mark(result, strict=strict).ljust(margin), LOUD if loud else COLOURS[result.verdict])
            if verbosity > 0 or part in (_INCONCLUSIVE, _UNEXPECTED):
                yield from _head_lines(result, head, width, loud=loud)
                is_traced = result.id in traced
                yield from _detail_lines(result, width, verbosity, is_traced=is_traced, is_replay=is_replay)
            else:
                yield _short_line(result, head, width)


def _part_of(result: ClaimResult) -> str:
    if result.unexpected:
        return _UNEXPECTED
    parts = {Verdict.NOT_APPLICABLE: _NOT_APPLICABLE, Verdict.INCONCLUSIVE: _INCONCLUSIVE}
    return parts.get(result.verdict, _AS_EXPECTED)


def _mark(result: ClaimResult, *, strict: bool) -> str:
    return f"{result.verdict.word}{'!' if result.fails(strict=strict) else ''}"


def _short_line(result: ClaimResult, head: Span, width: int) -> list[Span]:
    """Return a claim in one line: the statement, and the finding as far as there is room."""
    room = width - len(head.text)
    statement = _cut(harmless(result.statement), room)
    finding = harmless(_finding(result))
    left = room - len(statement) - len(" - ")
    if not finding or left < min(_LEAST_FINDING, len(finding)):
        return [head, Span(statement)]
    return [head, Span(statement), Span(f" - {_cut(finding, left)}", {"light": True})]


def _finding(result: ClaimResult) -> str:
    """Return in a phrase what a verdict rests on, earlier attempts first; or why there is none."""
    if not result.verdict.reached:
        return result.reason or ""
    attempts = (piece.phrase() for piece in result.evidence if isinstance(piece, Attempt))
    return "; ".join(filter(None, [*dict.fromkeys(attempts), summary_phrase(result.evidence)]))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3].rstrip()}..."


def _head_lines(result: ClaimResult, head: Span, width: int, *, loud: bool) -> Iterator[list[Span]]:
    source = f" [{result.source}]" if result.source else ""
    style = {"bold": True} if loud else {}
    margin = len(head.text)
    first, *rest = wrapped(result.statement + source, width, margin)
    yield [head, Span(first, style)]
    for line in rest:
        yield [Span(" " * margin + line, style)]


def _detail_lines(
    result: ClaimResult, width: int, verbosity: int, *, is_traced: bool, is_replay: bool
) -> Iterator[list[Span]]:
    said, style = _reason(result, is_traced=is_traced)
    if said:
        yield from indented(said, width, style, _DETAILS_MARGIN)
    if verbosity > 0:
        for piece in result.evidence:
            if not _repeats(result, piece):
                yield from indented(f"- {piece.phrase()}", width, {}, _DETAILS_MARGIN)
            if isinstance(piece, RaceRun):
                yield from _story(piece, width)
    else:
        yield from _finding_lines(result, width)
    if result.unexpected or result.verdict is Verdict.INCONCLUSIVE:
        advice, again = _what_to_do(result, is_replay=is_replay), command(result)
        if advice is not None:
            yield from indented(f"to do: {advice}", width, {}, _DETAILS_MARGIN)
        if again is not None:
            yield [Span(f"{' ' * _DETAILS_MARGIN}again: {again}")]  # in one piece, to be copied
    place = f"{result.id}, {result.location}"
    if verbosity > 0:
        place += f", {duration(result.duration)}"
    yield from indented(place, width, {"light": True}, _DETAILS_MARGIN)


def _finding_lines(result: ClaimResult, width: int) -> Iterator[list[Span]]:
    """Yield earlier attempts, what was found, and the interleaving that shows it."""
    for text in dict.fromkeys(piece.phrase() for piece in result.evidence if isinstance(piece, Attempt)):
        yield from indented(text, width, {}, _DETAILS_MARGIN)
    # An error's reason is the phrase of what stood in the way.
    phrase = "" if result.verdict is Verdict.ERROR else summary_phrase(result.evidence)
    if phrase and phrase not in (result.reason or ""):
        yield from indented(phrase, width, {}, _DETAILS_MARGIN)
    witnessed = [piece for piece in result.evidence if isinstance(piece, RaceRun) and steps_of(piece.witness)]
    if witnessed:  # the last question has decided
        yield from _story(witnessed[-1], width, FEW_LINES)


def _story(race: RaceRun, width: int, most: int | None = None) -> Iterator[list[Span]]:
    """Yield the interleaving of a race's witness, if it has one."""
    for line in interleaving(race, width - _STORY_MARGIN, most):
        yield [Span(" " * _STORY_MARGIN + line)]


def _reason(result: ClaimResult, *, is_traced: bool) -> tuple[str, dict[str, bool]]:
    """Return what is said first of a claim, and how it is shown; may be empty."""
    if result.verdict.reached and result.unexpected:
        return f"expected {result.expected.word}" + (f": {result.reason}" if result.reason else ""), LOUD
    if result.reason is None:
        return "", {}
    if result.verdict is Verdict.REFUTED:
        return f"because {result.reason}", {}
    for piece in result.evidence:
        if is_traced and isinstance(piece, Raised) and _repeats(result, piece):
            return f"{piece.type} in {piece.where}: its traceback stands above", {}
    return result.reason, {}


def _repeats(result: ClaimResult, piece: Evidence) -> bool:
    """Return whether the reason of a verdict says all that a piece of evidence does."""
    if result.reason is None or result.verdict is Verdict.REFUTED:
        return False
    if isinstance(piece, Raised):
        message = piece.message.partition("\n")[0]
        if result.reason == (f"{piece.type}: {message}" if message else piece.type):
            return True
    return piece.phrase() == result.reason


def _what_to_do(result: ClaimResult, *, is_replay: bool) -> str | None:
    """Return what a user can do about a claim that needs attention; None if its reason says it."""
    if result.verdict is Verdict.ERROR:
        return "correct what the error names; the claim has no verdict until then"
    if result.verdict is Verdict.REFUTED:
        return "correct the code; or, if the statement is known to be wrong here, mark the claim refuted"
    if result.verdict is Verdict.CONFIRMED:
        return "if the statement is right here, remove the mark refuted, or narrow its condition"
    if any(isinstance(piece, Requirement) and not piece.met for piece in result.evidence):
        return "run the claim where its requirement is met"
    if is_replay:
        return "run it without --claims-replay: one schedule is no evidence for a verdict"
    if any(isinstance(piece, (RaceRun, Measured)) and piece.answer is None for piece in result.evidence):
        return "what the reason says; else, run it on a less busy machine, or for longer: --claims-patience 20"
    return None


def indented(
    text: str, width: int, style: dict[str, bool], margin: int = MARGIN + 2, most: int | None = None
) -> Iterator[list[Span]]:
    """Yield a text's lines below a statement.

    :param margin: columns before each line.
    :param most: lines, at most; None: all.
    """
    for line in wrapped(text, width, margin, most):
        yield [Span(" " * margin + line, style)]


# --- the end


def ending(
    results: Sequence[ClaimResult],
    *,
    width: int,
    interpreter: str,
    seconds: float,
    strict: bool = False,
    complete: bool = True,
    fails: bool = False,
    reports: Sequence[str] = (),
) -> Iterator[list[Span]]:
    """Yield the last line: what was verified, on what, in how long, and where the reports are.

    If it is too long, it is several lines.

    :param interpreter: the interpreter, in words.
    :param seconds: how long the run took.
    :param complete: whether every claim that was selected has ended.
    :param fails: whether the run fails for a reason other than a verdict.
    :param reports: the reports that were written, in words.
    """
    counts = count_verdicts(results)
    parts = [Span(f"{counted(len(results), 'claim')}:")]
    parts += [
        Span(f"{count:,} {_counted(verdict, count)},", COLOURS[verdict])
        for verdict, count in counts.items()
        if count or verdict.reached
    ]
    parts[-1] = _ended(parts[-1])
    unexpected = sum(result.fails(strict=strict) for result in results)
    if unexpected:
        parts.append(Span(f"{unexpected:,} not as expected;", LOUD))
    elif complete and any(result.verdict.reached for result in results):
        is_ = " reached is" if counts[Verdict.INCONCLUSIVE] else ""  # there are claims that reached none
        parts.append(Span(f"every verdict{is_} as expected;"))
    if fails and not unexpected:
        parts.append(Span("the run fails, see above;", LOUD))
    where = f"on {harmless(interpreter)}, in {duration(seconds)};"
    parts += [Span(text) for text in ([where] if len(where) <= width else where.replace(", ", ",\n").split("\n"))]
    parts += [Span(f"{harmless(report)};") for report in reports]
    parts[-1] = Span(parts[-1].text[:-1], parts[-1].markup)
    line: list[Span] = []
    for part in parts:
        if line and sum(len(span.text) for span in line) + len(part.text) + 1 > width:
            yield line
            line = []
        line += [Span(" "), part] if line else [part]
    yield line


def _ended(part: Span) -> Span:
    """Return the last of the counts, with what stands after all of them."""
    return Span(f"{part.text[:-1]};", part.markup)


def _counted(verdict: Verdict, count: int) -> str:
    return "errors" if verdict is Verdict.ERROR and count > 1 else verdict.word.lower()


def wrapped(text: str, width: int, margin: int = MARGIN, most: int | None = None) -> list[str]:
    """Return a text's lines, as wide as they can be beside a margin.

    :param most: lines, at most; None: all.
    """
    lines = textwrap.wrap(harmless(text), max(width - margin, 20), max_lines=most, placeholder=" ... (-v: all)")
    return lines or [""]
