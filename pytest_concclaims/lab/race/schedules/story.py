"""Stories: the visits of actors to lines, made into steps that people read.

Three things keep a story short. Successive visits to one line are one step. Of a repetition, by one actor or by
several in turns, one round is shown, with the number of further rounds. Of a story that still is too long, the most
relevant steps are kept.
"""

from __future__ import annotations

import ast
import functools
import linecache
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import eq
from pathlib import PurePath

from ....records.interleaving import FOLDED, GOES_ON, Step, most_relevant
from ....text import counted

#: The most steps of a story.
MAX_STEPS = 200
#: The most characters of a line's text.
_MAX_TEXT_LENGTH = 120
#: The most steps of a round that is looked for.
_MAX_ROUND_STEPS = 60
#: Further rounds are folded if these are at least two, and have at least this number of steps.
_MIN_FOLDED_STEPS = 6


@dataclass(frozen=True)
class Visit:
    """A visit of an actor to a line, as the watch and the scheduler note it.

    :param file: the code's ``co_filename``.
    :param line: its number; 0 if the instruction has none.
    :param event: what happened to the actor here: ``preempted``, ``blocked``, ``returned`` or ``raised ValueError``;
        None if it only ran the line.
    """

    actor: int
    file: str
    line: int
    event: str | None = None


@dataclass(frozen=True)
class _Item:
    """What becomes a step.

    :param key: equal for items that look the same.
    :param folded: the text of an item that stands for several; None for a visit.
    """

    visit: Visit
    key: int
    folded: str | None = None


def story(visits: Sequence[Visit]) -> list[Step]:
    """Return the steps of a run, at most :data:`MAX_STEPS`.

    :param visits: in the order in which they happened.
    """
    numbers: dict[object, int] = {}
    functions = _Functions()
    items = _one_by_line(_going_on(_without_heads(_with_source(visits), functions), functions), numbers)
    for length in range(2, _MAX_ROUND_STEPS + 1):
        items = _rounds_folded(items, length, numbers)
    lines, files = _Lines(), _Files()
    return _shortened([_step(item, lines, files) for item in items])


def _has_source(file: str) -> bool:
    # From 3.13 on, linecache takes the text of ``python -c`` for the source of all code that is made from a string.
    return not file.startswith("<") or (file != "<string>" and bool(linecache.getlines(file)))


def _with_source(visits: Sequence[Visit]) -> list[Visit]:
    """Replace visits to code without source by visits to the line that called it, or drop them.

    An example is the properties of :mod:`multiprocessing.sharedctypes`, which would be shown as ``<string>:3``.
    """
    callers: dict[int, Visit] = {}
    kept: list[Visit] = []
    for visit in visits:
        if _has_source(visit.file):
            callers[visit.actor] = visit
            kept.append(visit)
        elif visit.actor not in callers:
            kept.append(visit)
        elif visit.event is not None or kept[-1].actor != visit.actor:
            kept.append(replace(callers[visit.actor], event=visit.event))
    return kept


def _without_heads(visits: Sequence[Visit], functions: _Functions) -> list[Visit]:
    """Drop visits to no line, and those to ``def`` lines, where calls begin on some interpreters."""
    following: dict[int, Visit] = {}
    kept = []
    for visit in reversed(visits):
        after = following.get(visit.actor)
        following[visit.actor] = visit
        is_head = functions.is_head(visit.file, visit.line) and after is not None and not _same_line(visit, after)
        if visit.event is not None or (visit.line and not is_head):
            kept.append(visit)
    return kept[::-1]


def _going_on(visits: Sequence[Visit], functions: _Functions) -> list[Visit]:
    """Mark the visits that continue a line, after a switch or after a call that has returned.

    Each actor has a stack of functions, with the current line in each. A visit to a function on the stack is a return
    to it; a visit to another function is a call. A loop visits a line again from another line of the same function.
    """
    marked = []
    stacks: dict[int, dict[tuple[str, int], int]] = {}
    before = None
    for visit in visits:
        stack = stacks.setdefault(visit.actor, {})
        function = (visit.file, functions.around(visit.file, visit.line))
        called = function not in stack
        returned = False
        while not called and next(reversed(stack)) != function:
            stack.popitem()
            returned = True
        switched = before is not None and before.actor != visit.actor
        goes_on = (returned or switched) and stack.get(function) == visit.line and visit.event is None
        marked.append(replace(visit, event=GOES_ON) if goes_on else visit)
        stack[function] = visit.line
        before = visit
    return marked


def _one_by_line(visits: Sequence[Visit], numbers: dict[object, int]) -> list[_Item]:
    """Join successive visits to one line, such as those of a comprehension. Of many, show the number."""
    items: list[_Item] = []
    begin = 0
    while begin < len(visits):
        visit, end = visits[begin], begin + 1
        while end < len(visits) and visits[end - 1].event in (None, GOES_ON) and _same_line(visit, visits[end]):
            end += 1
        final = visits[end - 1]
        more = end - begin - 1
        if more >= _MIN_FOLDED_STEPS:
            text = f"... {more:,} more rounds of this line"
            items += [_item(visit, numbers), _Item(visit, _number(numbers, ("line", visit)), text)]
            if final.event not in (None, GOES_ON):
                items.append(_item(final, numbers))
        else:
            items.append(_item(visit if final.event is None else final, numbers))
        begin = end
    return items


def _same_line(one: Visit, other: Visit) -> bool:
    return (one.actor, one.file, one.line) == (other.actor, other.file, other.line)


def _item(visit: Visit, numbers: dict[object, int]) -> _Item:
    return _Item(visit, _number(numbers, visit))


def _number(numbers: dict[object, int], thing: object) -> int:
    return numbers.setdefault(thing, len(numbers))


def _rounds_folded(items: list[_Item], length: int, numbers: dict[object, int]) -> list[_Item]:
    """Fold successive rounds of this length into one, and the number of further rounds.

    How often an inner round was repeated may differ from round to round.
    """
    keys = [item.key for item in items]
    same = bytes(map(eq, keys, keys[length:]))
    wanted = b"\x01" * (length * max(2, -(-_MIN_FOLDED_STEPS // length)))
    kept: list[_Item] = []
    begin = 0
    while True:
        found = same.find(wanted, begin)
        if found < 0:
            return [*kept, *items[begin:]]
        end = same.find(b"\x00", found)
        more = ((len(same) if end < 0 else end) - found) // length
        body = items[found : found + length]
        in_turns = ", in turns" if len({item.visit.actor for item in body}) > 1 else ""
        lines = sum(item.folded is None for item in body)
        text = f"... {more:,} more rounds of {'this line' if lines == 1 else f'these {lines} lines'}{in_turns}"
        key = _number(numbers, tuple(item.key for item in body))
        kept += [*items[begin : found + length], _Item(body[-1].visit, key, text)]
        begin = found + length * (more + 1)


def _step(item: _Item, lines: _Lines, files: _Files) -> Step:
    visit = item.visit
    if item.folded is not None:
        return Step(visit.actor, files.name(visit.file), visit.line, item.folded, FOLDED)
    return Step(visit.actor, files.name(visit.file), visit.line, lines.text(visit.file, visit.line), visit.event)


def _shortened(steps: list[Step]) -> list[Step]:
    """Return the most relevant steps, and the number of missing ones at each gap."""
    kept: list[Step] = []
    shown = most_relevant(steps, MAX_STEPS)
    for number, following in zip([-1, *shown], [*shown, len(steps)]):
        if number >= 0:
            kept.append(steps[number])
        missing = following - number - 1
        if missing:
            first = steps[number + 1]
            kept.append(replace(first, text=f"... {counted(missing, 'more line')}", event=FOLDED))
    return kept


class _Lines:
    """The text of lines."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], str] = {}

    def text(self, file: str, line: int) -> str:
        """Return a line's text, shortened; empty if it is unknown."""
        if (file, line) not in self._known:
            text = linecache.getline(file, line).strip()
            is_short = len(text) <= _MAX_TEXT_LENGTH
            self._known[file, line] = text if is_short else f"{text[: _MAX_TEXT_LENGTH - 3]}..."
        return self._known[file, line]


class _Files:
    """The names of files, for people: relative to the current folder, or the last two parts."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._folder = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118  (as text: the names are of code)

    def name(self, file: str) -> str:
        """Return the name of a file."""
        if file not in self._known:
            if file.startswith(self._folder):
                short = file[len(self._folder) :]
            else:
                path = PurePath(file)
                short = str(PurePath(*path.parts[-2:])) if path.is_absolute() else file
            self._known[file] = short.replace(os.sep, "/")
        return self._known[file]


class _Functions:
    """The functions of each file, and their heads, by the source."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, range]] = {}

    def around(self, file: str, line: int) -> int:
        """Return the first line of the innermost function around a line; 0 if there is no function or no source."""
        head = self._heads(file).get(line)
        return 0 if head is None else head.start

    def is_head(self, file: str, line: int) -> bool:
        """Return whether a line is one of a function's decorators, or the first line of its ``def``."""
        return line in self._heads(file).get(line, ())

    def _heads(self, file: str) -> dict[int, range]:
        if file not in self._known:
            self._known[file] = _heads_of("".join(linecache.getlines(file)))
        return self._known[file]


@functools.lru_cache(maxsize=64)  # parsing takes longer than the rest of a story
def _heads_of(source: str) -> dict[int, range]:
    """Return the head of the innermost function around each line."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[int, range] = {}
    for node in ast.walk(tree):  # inner functions come later
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines = range(first, (node.end_lineno or node.lineno) + 1)
            found.update(dict.fromkeys(lines, range(first, node.lineno + 1)))
    return found
