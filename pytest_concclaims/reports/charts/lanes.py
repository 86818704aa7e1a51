"""The story of a witness as lanes: one for each actor, time downwards, an arrow where actors are switched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from xml.etree.ElementTree import Element

from markupsafe import Markup

from ...records.evidence import RaceRun
from ...records.interleaving import BLOCKED, FOLDED, PREEMPTED, Step, steps_of
from ...records.schedules import called
from ..interleaving import actor_names, ending, mark, place
from .markup import element, name_of, percent, write

#: Pixels between two lines where actors are switched; style.css has the same number.
_GAP = 14
_HEAD = 5


def lanes(race: RaceRun) -> Markup:
    """Return the story of a race's witness as a table; an empty text if it has none."""
    steps = steps_of(race.witness)
    if not steps:
        return Markup("")
    names = [name_of(name, 60) for name in actor_names(race)]
    home = steps[0].file
    caption = f"The story of the witness, in {name_of(home)}. Each actor has a lane; time goes down."
    foot = [element("div", name_of(line)) for line in ending(race)]
    return write(
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", *(element("th", name, scope="col") for name in names)), *_calls(race)),
            element("tbody", *_rows(steps, len(names), home)),
            element("tfoot", element("tr", element("td", *foot, colspan=len(names)))),
            class_="lanes",
        )
    )


def _calls(race: RaceRun) -> Iterator[Element]:
    """Yield a row for each call of a scenario's threads."""
    threads = race.witness["scenario"] if race.witness is not None else None
    for row in zip_longest(*(threads or ())):
        yield element(
            "tr", *(element("td", element("code", name_of(called(call), 200)) if call else None) for call in row)
        )


def _rows(steps: Sequence[Step], count: int, home: str) -> Iterator[Element]:
    first = {step.actor: number for number, step in reversed(list(enumerate(steps)))}
    last = {step.actor: number for number, step in enumerate(steps)}
    #: The event of each actor's latest line.
    events: dict[int, str | None] = {}
    for number, step in enumerate(steps):
        before = steps[number - 1] if number else step
        if before.actor != step.actor:
            yield _switch(before, step, count, [_waits(events, lane) for lane in range(count)])
        cells = []
        events[step.actor] = step.event
        for lane in range(count):
            if lane == step.actor:
                cells.append(_cell(step, home))
            elif _waits(events, lane):
                cells.append(element("td", element("span", "waits", class_="unseen"), class_="waits"))
            else:
                begun = first.get(lane, number) < number < last.get(lane, -1)
                cells.append(element("td", class_="paused" if begun else "rest"))
        yield element("tr", *cells)


def _waits(events: dict[int, str | None], lane: int) -> bool:
    return events.get(lane) == BLOCKED


def _cell(step: Step, home: str) -> Element:
    text = name_of(step.text, 200)
    if step.event == FOLDED:
        return element("td", text, class_="runs folded")
    said = name_of(mark(step), 60)
    return element(
        "td",
        element("span", place(step, home), class_="at"),
        " ",
        element("code", text),
        " " if said else None,
        element("b", said, class_=_class_of(step)) if said else None,
        class_="runs",
    )


def _class_of(step: Step) -> str:
    if step.event in (PREEMPTED, BLOCKED):
        return f"mark is-{step.event}"
    return "mark is-raised" if (step.event or "").startswith("raised") else "mark"


def _switch(before: Step, after: Step, count: int, waits: Sequence[bool]) -> Element:
    """Return the row with the arrow from one lane to another."""
    start, end = (percent((step.actor + 0.5) / count) for step in (before, after))
    blocked = [
        element("rect", class_="waits", x=percent(lane / count), y="0", width=percent(1 / count), height=_GAP)
        for lane, wait in enumerate(waits)
        if wait and lane != after.actor
    ]
    middle = _GAP / 2
    head = element(
        "svg",
        element("path", d=f"M{-_HEAD} {middle}h{2 * _HEAD}l{-_HEAD} {_GAP - middle}z"),
        class_="head",
        x=end,
        overflow="visible",
    )
    arrow = element(
        "svg",
        *blocked,
        element("line", x1=start, x2=start, y1="0", y2=middle),
        element("line", x1=start, x2=end, y1=middle, y2=middle),
        head,
        class_=f"picture arrow is-{before.event}" if before.event in (PREEMPTED, BLOCKED) else "picture arrow",
    )
    return element("tr", element("td", arrow, colspan=count), class_="switch", aria_hidden="true")
