"""What actors do only once in a process, such as to fill a cache: the first of two equal runs ran other lines."""

from __future__ import annotations

from collections.abc import Iterable

from ..sharing import Change, first_changed
from .story import Visit, story

ONCE = "the actors do something only once in a process"
_Place = tuple[int, str, int]


def places(visits: Iterable[Visit]) -> list[_Place]:
    """Return the actor, the file and the line of each visit."""
    return [(visit.actor, visit.file, visit.line) for visit in visits]


def done_once(first: Iterable[Visit], again: Iterable[Visit]) -> str:
    """Return a phrase for what only the first of two runs did, with its first line, if it has one of its own."""
    known = set(places(again))
    steps = story([visit for visit in first if visit.line and not known.issuperset(places([visit]))][:1])
    return "".join([ONCE, *(f" ({step.file}:{step.line}: {step.text})" for step in steps)])


def changed_once(changes: Iterable[Change]) -> str | None:
    """Return a phrase for the first of changes that happened only once; None if there are none."""
    thing = first_changed(changes)
    return None if thing is None else f"{ONCE} (to {thing})"
