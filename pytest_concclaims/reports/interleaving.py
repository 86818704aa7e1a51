"""The interleaving of a witness as text: a column for each of two actors, or a numbered row for each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ..records.evidence import RaceRun
from ..records.interleaving import BLOCKED, FOLDED, PREEMPTED, Step, most_telling, steps_of, waiting
from ..records.schedules import called
from ..text import counted, harmless

#: Lines of an interleaving where there is room for few.
FEW_LINES = 12
#: Columns between two actors, with a rule in the middle.
_BETWEEN = " | "
_LEAST_WIDTH = 36
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
    names = actor_names(race)
    table = _table(race, width)
    head, drawn = (_in_columns if len(names) == 2 else _in_rows)(steps, names, width)
    foot = _foot(list(ending(race)), width)
    room = len(steps) if most is None else max(1, most - 1 - len(foot) - len(table))
    return [*table, head, *_elided(steps, drawn, room), *foot]


def actor_names(race: RaceRun) -> list[str]:
    """Return the names of a race's actors; where two have the same, with a number each."""
    names = [harmless(name) for name in race.actors]
    # A record that another program has made may tell of more.
    names += ["not named"] * (max((step.actor for step in steps_of(race.witness)), default=0) + 1 - len(names))
    return [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names, 1)]


def ending(race: RaceRun) -> Iterator[str]:
    """Yield what stands below an interleaving: the outcome, and what actors wait for that did not come to an end."""
    assert race.witness is not None, "only a witness has an interleaving"
    names = actor_names(race)
    replay = race.witness["replay"]
    yield f"outcome: {harmless(race.witness['outcome'])}"
    for step in waiting(steps_of(race.witness)):
        yield f"{names[step.actor]} waits in {place(step, None)}: {harmless(step.text)}"
    if replay is not None:
        yield f"again: --claims-replay {harmless(replay)}"


def mark(step: Step) -> str:
    """Return the words for what became of an actor in a step; may be empty."""
    words = {None: "", FOLDED: "", BLOCKED: "waits here"}
    return words.get(step.event, harmless(step.event or ""))


def place(step: Step, home: str | None) -> str:
    """Return the line of a step, and its file, without folders, unless that is the one that is said already."""
    return str(step.line) if step.file == home else f"{harmless(step.file.rpartition('/')[2])}:{step.line}"


def _table(race: RaceRun, width: int) -> list[str]:
    """Return what each thread of a scenario called, and what that returned; a rule below it."""
    threads = None if race.witness is None else race.witness["scenario"]
    if not threads or not any(threads):
        return []
    column = (width - len(_BETWEEN) * (len(threads) - 1)) // len(threads)
    rows = zip_longest(*([harmless(called(call)) for call in calls] for calls in threads), fillvalue="")
    lines = [_BETWEEN.join(f"{_cut(cell, column):{column}}" for cell in row).rstrip() for row in rows]
    return [*lines, "-" * min(width, max(map(len, lines)))]


def _foot(lines: list[str], width: int) -> list[str]:
    """Return the lines of the end, in one if that has room."""
    together = "; ".join(lines)
    return [together] if len(together) <= width else [_cut(line, width) for line in lines]


def _elided(steps: Sequence[Step], drawn: Sequence[str], room: int) -> Iterator[str]:
    shown = most_telling(steps, room)
    for number, following in zip([-1, *shown], [*shown, len(steps)]):
        if number >= 0:
            yield drawn[number]
        if following - number > 1:
            yield f"... {counted(following - number - 1, 'line')}"


def _in_columns(steps: Sequence[Step], names: Sequence[str], width: int) -> tuple[str, list[str]]:
    """Return the head, with the file that each actor begins in, and a line for each step."""
    column = (width - len(_BETWEEN)) // 2
    homes = {step.actor: step.file for step in reversed(steps)}
    left, right = (_head(name, homes.get(actor), column) for actor, name in enumerate(names))
    lines = []
    for step in steps:
        preempted = "<- preempted" if step.actor else "preempted ->"
        cell = _cell(step, column, preempted, homes[step.actor])
        lines.append(_joined("", cell, column) if step.actor else _joined(cell, "", column))
    return _joined(left, right, column), lines


def _head(name: str, home: str | None, width: int) -> str:
    """Return an actor's name and the file that it begins in, without its folders if they do not fit."""
    if home is None:
        return _cut(name, width)
    whole = f"{name}, {harmless(home)}"
    return whole if len(whole) <= width else _cut(f"{name}, {harmless(home.rpartition('/')[2])}", width)


def _joined(left: str, right: str, column: int) -> str:
    return f"{left:{column}}{_BETWEEN}{right}".rstrip()


def _in_rows(steps: Sequence[Step], names: Sequence[str], width: int) -> tuple[str, list[str]]:
    """Return the head, with the file of the first step, and a numbered line for each."""
    home = steps[0].file
    number_width = len(str(len(steps)))
    name_width = min(_LONGEST_NAME, max(map(len, names)))
    rest = width - number_width - name_width - 4
    lines = []
    for number, step in enumerate(steps, 1):
        name = _cut(names[step.actor], name_width)
        cell = _cell(step, rest, mark(step), home)
        lines.append(f"{number:{number_width}}  {name:{name_width}}  {cell}".rstrip())
    return _cut(f"in {harmless(home)}:", width), lines


def _cell(step: Step, width: int, preempted: str, home: str) -> str:
    """Return a step: its place and text, and at the end what became of the actor.

    :param preempted: the words where it was.
    :param home: the file that needs no mention.
    """
    if step.event == FOLDED:
        return _cut(harmless(step.text), width)
    said = preempted if step.event == PREEMPTED else _cut(mark(step), width // 2)
    text = f"{place(step, home)} {harmless(step.text)}"
    if not said:
        return _cut(text, width)
    room = width - len(said) - 1
    return f"{_cut(text, room):{room}} {said}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: max(0, most - 3)]}..."[: max(0, most)]
