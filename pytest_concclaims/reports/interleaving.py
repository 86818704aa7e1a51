"""The interleaving of a witness as text: a column for each of two actors, or a numbered row for each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..records.evidence import RaceRun
from ..records.interleaving import BLOCKED, FOLDED, PREEMPTED, Step, most_telling, steps_of, waiting
from ..text import counted, harmless

#: Lines of an interleaving where there is room for few.
FEW_LINES = 12
#: Columns between two actors, with a rule in the middle.
_BETWEEN = " | "
_LEAST_WIDTH = 40
#: The longest name of an actor in a row.
_LONGEST_NAME = 16


def interleaving(race: RaceRun, width: int, most: int | None = None) -> list[str]:
    """Return the interleaving of a race's witness in lines of text; none if it has none.

    :param width: columns of a line, at most.
    :param most: lines, at most; the most telling ones are shown. None: all.
    """
    steps = steps_of(race.witness)
    if not steps:
        return []
    width = max(width, _LEAST_WIDTH)
    files = {step.file for step in steps}
    names = actor_names(race)
    head = _columns_head(names, width) if len(names) == 2 else []
    foot = [_cut(line, width) for line in ending(race)]
    if len(files) == 1:
        head.insert(0, _cut(f"in {harmless(steps[0].file)}:", width))
    room = len(steps) if most is None else max(1, most - len(head) - len(foot))
    draw = _in_columns if len(names) == 2 else _in_rows
    drawn = draw(steps, names, width, with_file=len(files) > 1)
    return [*head, *_elided(steps, drawn, room), *foot]


def actor_names(race: RaceRun) -> list[str]:
    """Return the names of a race's actors; where two have the same, with a number each."""
    names = [harmless(name) for name in race.actors]
    return [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names, 1)]


def ending(race: RaceRun) -> Iterator[str]:
    """Yield what stands below an interleaving: the outcome, and what actors wait for that did not come to an end."""
    assert race.witness is not None, "only a witness has an interleaving"
    names = actor_names(race)
    replay = race.witness["replay"]
    yield f"outcome: {harmless(race.witness['outcome'])}"
    for step in waiting(steps_of(race.witness)):
        yield f"{names[step.actor]} waits in {place(step)}: {harmless(step.text)}"
    if replay is not None:
        yield f"again: --claims-replay {harmless(replay)}"


def mark(step: Step) -> str:
    """Return the words for what became of an actor in a step; may be empty."""
    return {None: "", FOLDED: "", BLOCKED: "waits here", PREEMPTED: "preempted"}.get(step.event, step.event or "")


def place(step: Step, *, with_file: bool = True) -> str:
    """Return the file, without its folders, and the line of a step."""
    return f"{harmless(step.file.rpartition('/')[2])}:{step.line}" if with_file else str(step.line)


def _elided(steps: Sequence[Step], drawn: Sequence[str], room: int) -> Iterator[str]:
    shown = most_telling(steps, room)
    for number, following in zip([-1, *shown], [*shown, len(steps)]):
        if number >= 0:
            yield drawn[number]
        if following - number > 1:
            yield f"... {counted(following - number - 1, 'line')}"


def _columns_head(names: Sequence[str], width: int) -> list[str]:
    column = _column(width)
    return [_joined(_cut(names[0], column), _cut(names[1], column), column)]


def _column(width: int) -> int:
    return (width - len(_BETWEEN)) // 2


def _in_columns(steps: Sequence[Step], _: Sequence[str], width: int, *, with_file: bool) -> list[str]:
    column = _column(width)
    lines = []
    for step in steps:
        if step.actor == 0:
            lines.append(_joined(_cell(step, column, "preempted ->", with_file=with_file), "", column))
        else:
            lines.append(_joined("", _cell(step, column, "<- preempted", with_file=with_file), column))
    return lines


def _joined(left: str, right: str, column: int) -> str:
    return f"{left:{column}}{_BETWEEN}{right}".rstrip()


def _cell(step: Step, width: int, preempted: str, *, with_file: bool) -> str:
    """Return a step in a column: its place and text, and at the end what became of the actor.

    :param preempted: the words where it was.
    """
    if step.event == FOLDED:
        return _cut(harmless(step.text), width)
    said = preempted if step.event == PREEMPTED else mark(step)
    text = f"{place(step, with_file=with_file)} {harmless(step.text)}"
    if not said:
        return _cut(text, width)
    room = width - len(said) - 1
    return f"{_cut(text, room):{room}} {said}"


def _in_rows(steps: Sequence[Step], names: Sequence[str], width: int, *, with_file: bool) -> list[str]:
    number_width = len(str(len(steps)))
    name_width = min(_LONGEST_NAME, max(map(len, names)))
    rest = width - number_width - name_width - 4
    return [
        f"{number:{number_width}}  {_cut(names[step.actor], name_width):{name_width}}  "
        f"{_cell(step, rest, mark(step), with_file=with_file)}".rstrip()
        for number, step in enumerate(steps, 1)
    ]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
