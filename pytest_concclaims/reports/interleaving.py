"""The interleaving of a witness as text: two actors have a column each, more actors have numbered rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ..records.evidence import RaceRun
from ..records.interleaving import BLOCKED, FOLDED, PREEMPTED, Step, most_relevant, steps_of, waiting
from ..records.schedules import called
from ..text import counted, harmless, numbered

#: The number of lines of an interleaving that is to be short.
FEW_LINES = 12
#: The least number of lines to leave out: fewer would save hardly more than the line that counts them.
_LEAST_LEFT_OUT = 3
#: Stands between the columns of two actors.
_BETWEEN = " | "
#: The least width of an interleaving, in columns.
_MIN_WIDTH = 36
#: The most columns of an actor's name in a row.
_MAX_NAME_WIDTH = 16


def interleaving(race: RaceRun, width: int, most: int | None = None) -> list[str]:
    """Return the interleaving of a race's witness in lines of text; empty if it has no steps.

    :param width: the most columns of a line.
    :param most: the most lines; the most relevant steps are shown, or all if these take at most two lines more. None:
        no limit.
    """
    steps = steps_of(race.witness)
    if not steps:
        return []
    width = max(width, _MIN_WIDTH)
    names = actor_names(race)
    table = _table(race, width)
    head, drawn = (_in_columns if len(names) == 2 else _in_rows)(steps, names, width)
    foot = _foot(list(ending(race)), width)
    room = len(steps) if most is None else max(1, most - 1 - len(foot) - len(table))
    if len(steps) <= room + _LEAST_LEFT_OUT - 1:
        room = len(steps)
    return [*table, head, *_elided(steps, drawn, room), *foot]


def actor_names(race: RaceRun) -> list[str]:
    """Return the names of a race's actors. Equal names get a number each."""
    names = [harmless(name) for name in race.actors]
    # A record that another program has made may have steps of further actors.
    names += ["not named"] * (max((step.actor for step in steps_of(race.witness)), default=0) + 1 - len(names))
    return numbered(names)


def ending(race: RaceRun) -> Iterator[str]:
    """Yield the lines below an interleaving: the outcome, where actors wait, and the replay token."""
    assert race.witness is not None, "only a witness has an interleaving"
    names = actor_names(race)
    replay = race.witness["replay"]
    yield f"outcome: {harmless(race.witness['outcome'])}"
    for step in waiting(steps_of(race.witness)):
        yield f"{names[step.actor]} waits in {place(step, None)}: {harmless(step.text)}"
    if replay is not None:
        yield f"replay: --claims-replay {harmless(replay)}"


def mark(step: Step) -> str:
    """Return the text of a step's event; may be empty."""
    words = {None: "", FOLDED: "", BLOCKED: "waits here"}
    return words.get(step.event, harmless(step.event or ""))


def place(step: Step, home: str | None) -> str:
    """Return the line number of a step, with the file name unless the file is ``home``."""
    return str(step.line) if step.file == home else f"{harmless(step.file.rpartition('/')[2])}:{step.line}"


def _table(race: RaceRun, width: int) -> list[str]:
    """Return the calls of each thread of a scenario, with their results and a rule below."""
    threads = None if race.witness is None else race.witness["scenario"]
    if not threads or not any(threads):
        return []
    column = (width - len(_BETWEEN) * (len(threads) - 1)) // len(threads)
    rows = zip_longest(*([harmless(called(call)) for call in calls] for calls in threads), fillvalue="")
    lines = [_BETWEEN.join(f"{_cut(cell, column):{column}}" for cell in row).rstrip() for row in rows]
    return [*lines, "-" * min(width, max(map(len, lines)))]


def _foot(lines: list[str], width: int) -> list[str]:
    """Return the lines of the end; as one line if that fits."""
    together = "; ".join(lines)
    return [together] if len(together) <= width else [_cut(line, width) for line in lines]


def _elided(steps: Sequence[Step], drawn: Sequence[str], room: int) -> Iterator[str]:
    shown = most_relevant(steps, room)
    for number, following in zip([-1, *shown], [*shown, len(steps)]):
        if number >= 0:
            yield drawn[number]
        if following - number > 1:
            yield f"... {counted(following - number - 1, 'line')}"


def _in_columns(steps: Sequence[Step], names: Sequence[str], width: int) -> tuple[str, list[str]]:
    """Return the head with the file in which each actor begins, and a line for each step."""
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
    """Return an actor's name and the file in which it begins; without folders if these do not fit."""
    if home is None:
        return _cut(name, width)
    whole = f"{name}, {harmless(home)}"
    return whole if len(whole) <= width else _cut(f"{name}, {harmless(home.rpartition('/')[2])}", width)


def _joined(left: str, right: str, column: int) -> str:
    return f"{left:{column}}{_BETWEEN}{right}".rstrip()


def _in_rows(steps: Sequence[Step], names: Sequence[str], width: int) -> tuple[str, list[str]]:
    """Return the head with the file of the first step, and a numbered line for each step."""
    home = steps[0].file
    number_width = len(str(len(steps)))
    name_width = min(_MAX_NAME_WIDTH, max(map(len, names)))
    rest = width - number_width - name_width - 4
    lines = []
    for number, step in enumerate(steps, 1):
        name = _cut(names[step.actor], name_width)
        cell = _cell(step, rest, mark(step), home)
        lines.append(f"{number:{number_width}}  {name:{name_width}}  {cell}".rstrip())
    return _cut(f"in {harmless(home)}:", width), lines


def _cell(step: Step, width: int, preempted: str, home: str) -> str:
    """Return a step: its place and text, and its event at the end.

    :param preempted: the text for the event ``preempted``.
    :param home: the file that is not named.
    """
    if step.event == FOLDED:
        return _cut(harmless(step.text), width)
    event = preempted if step.event == PREEMPTED else _cut(mark(step), width // 2)
    text = f"{place(step, home)} {harmless(step.text)}"
    if not event:
        return _cut(text, width)
    room = width - len(event) - 1
    return f"{_cut(text, room):{room}} {event}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: max(0, most - 3)]}..."[: max(0, most)]
