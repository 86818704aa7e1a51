"""The story of a run: from what the scheduler has noted to the steps that people read.

Three things make it short. Stays on one line that follow each other are one step. What repeats itself, within one
actor or with several in turns, is told once, and how often. Of what is still too long, the most telling is kept.
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

from ....records.interleaving import FOLDED, GOES_ON, Step, most_telling
from ....text import counted

#: Steps of a story, at most.
MOST_STEPS = 200
#: Characters of a line's text.
_MOST_TEXT = 120
#: Steps of a round that is looked for, at most.
_LONGEST_ROUND = 60
#: Repetitions are told once if that saves at least this number of steps, and two rounds.
_WORTH_FOLDING = 6


@dataclass(frozen=True)
class Visit:
    """A stay of an actor on a line of a frame, as the scheduler notes it.

    :param file: the code's ``co_filename``.
    :param line: its number; 0 where the instruction has none.
    :param event: ``preempted``, ``blocked``, ``returned`` or ``raised ValueError``; None if it just went through.
    """

    actor: int
    file: str
    line: int
    event: str | None = None


@dataclass(frozen=True)
class _Told:
    """A step to be.

    :param key: the same for steps that look the same.
    :param folded: the text of one that stands for several; None if this is the visit itself.
    """

    visit: Visit
    key: int
    folded: str | None = None


def story(visits: Sequence[Visit]) -> list[Step]:
    """Return the steps of a run, at most :data:`MOST_STEPS`.

    :param visits: in the order in which they ran.
    """
    numbers: dict[object, int] = {}
    functions = _Functions()
    told = _one_by_line(_going_on(_without_heads(_with_source(visits), functions), functions), numbers)
    for length in range(2, _LONGEST_ROUND + 1):
        told = _rounds_folded(told, length, numbers)
    lines, files = _Lines(), _Files()
    return _shortened([_step(item, lines, files) for item in told])


def _has_source(file: str) -> bool:
    # Since 3.13, linecache has the text of ``python -c`` as that of all code which is made of a string.
    return not file.startswith("<") or (file != "<string>" and bool(linecache.getlines(file)))


def _with_source(visits: Sequence[Visit]) -> list[Visit]:
    """Return the visits; what became of an actor in code without a source, as in the line that has called that code.

    Such as the properties of :mod:`multiprocessing.sharedctypes`, of which people would see ``<string>:3``.
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
    """Return the visits without those of a ``def`` line, by which calls may begin, or of no line at all."""
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
    """Return the visits, with those marked that go on with a line: after a switch, or a call that has returned.

    Each actor has a stack of the functions that it is in, with the line in each: a function that is on it has been
    returned to, another one has been called. A loop comes back to a line from another one of the same function.
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


def _one_by_line(visits: Sequence[Visit], numbers: dict[object, int]) -> list[_Told]:
    """Return a step for the stays on each line that follow each other, as of a comprehension; of many, the number."""
    told: list[_Told] = []
    begin = 0
    while begin < len(visits):
        visit, end = visits[begin], begin + 1
        while end < len(visits) and visits[end - 1].event in (None, GOES_ON) and _same_line(visit, visits[end]):
            end += 1
        final = visits[end - 1]
        more = end - begin - 1
        if more >= _WORTH_FOLDING:
            text = f"... {more:,} more rounds of this line"
            told += [_told(visit, numbers), _Told(visit, _number(numbers, ("line", visit)), text)]
            if final.event not in (None, GOES_ON):
                told.append(_told(final, numbers))
        else:
            told.append(_told(visit if final.event is None else final, numbers))
        begin = end
    return told


def _same_line(one: Visit, other: Visit) -> bool:
    return (one.actor, one.file, one.line) == (other.actor, other.file, other.line)


def _told(visit: Visit, numbers: dict[object, int]) -> _Told:
    return _Told(visit, _number(numbers, visit))


def _number(numbers: dict[object, int], thing: object) -> int:
    return numbers.setdefault(thing, len(numbers))


def _rounds_folded(told: list[_Told], length: int, numbers: dict[object, int]) -> list[_Told]:
    """Tell rounds of this length that follow each other once, and how many more there were.

    How often something was repeated within a round may differ from round to round.
    """
    keys = [item.key for item in told]
    same = bytes(map(eq, keys, keys[length:]))
    wanted = b"\x01" * (length * max(2, -(-_WORTH_FOLDING // length)))
    kept: list[_Told] = []
    begin = 0
    while True:
        found = same.find(wanted, begin)
        if found < 0:
            return [*kept, *told[begin:]]
        end = same.find(b"\x00", found)
        more = ((len(same) if end < 0 else end) - found) // length
        body = told[found : found + length]
        in_turns = ", in turns" if len({item.visit.actor for item in body}) > 1 else ""
        lines = sum(item.folded is None for item in body)
        text = f"... {more:,} more rounds of {'this line' if lines == 1 else f'these {lines} lines'}{in_turns}"
        key = _number(numbers, tuple(item.key for item in body))
        kept += [*told[begin : found + length], _Told(body[-1].visit, key, text)]
        begin = found + length * (more + 1)


def _step(item: _Told, lines: _Lines, files: _Files) -> Step:
    visit = item.visit
    if item.folded is not None:
        return Step(visit.actor, files.name(visit.file), visit.line, item.folded, FOLDED)
    return Step(visit.actor, files.name(visit.file), visit.line, lines.text(visit.file, visit.line), visit.event)


def _shortened(steps: list[Step]) -> list[Step]:
    """Return the most telling steps, and where others are missing, how many."""
    kept: list[Step] = []
    shown = most_telling(steps, MOST_STEPS)
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
        """Return a line's text, shortened; empty if it is not known."""
        if (file, line) not in self._known:
            text = linecache.getline(file, line).strip()
            self._known[file, line] = text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 3]}..."
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
    """Which lines are of one function, and at its head, by their file's source."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, range]] = {}

    def around(self, file: str, line: int) -> int:
        """Return the first line of the innermost function around a line; 0 if there is none, or no source."""
        head = self._heads(file).get(line)
        return 0 if head is None else head.start

    def is_head(self, file: str, line: int) -> bool:
        """Return whether a line is of a function's decorators, or the first of its ``def``."""
        return line in self._heads(file).get(line, ())

    def _heads(self, file: str) -> dict[int, range]:
        if file not in self._known:
            self._known[file] = _heads_of("".join(linecache.getlines(file)))
        return self._known[file]


@functools.lru_cache(maxsize=64)  # parsing takes longer than all else of a witness
def _heads_of(source: str) -> dict[int, range]:
    """Return the head of the innermost function around each line."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[int, range] = {}
    for node in ast.walk(tree):  # what is within another function comes later
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines = range(first, (node.end_lineno or node.lineno) + 1)
            found.update(dict.fromkeys(lines, range(first, node.lineno + 1)))
    return found
