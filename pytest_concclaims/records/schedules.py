"""Phrases about the schedules of a race, made from the data of a run record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..text import counted, listed

_NUMBERS = dict(enumerate(("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")))
#: How the strategy of a witness begins if a schedule showed it. Other strategies are of samples.
_SCHEDULE = "schedule with "


def in_schedule(witness: Mapping[str, Any]) -> bool:
    """Return whether a schedule showed this witness."""
    return str(witness["strategy"]).startswith(_SCHEDULE)


def seen_in(witness: Mapping[str, Any], schedules: Mapping[str, Any]) -> str:
    """Return which schedule showed a witness, such as "schedule 7 of 30 (1 preemption): 1"."""
    preemptions = str(witness["strategy"])[len(_SCHEDULE) :]
    run = schedules["run"] + (schedules["random"]["run"] if schedules["random"] else 0)
    text = f"schedule {witness['sample']:,} of {run:,} ({preemptions}): {found(witness)}"
    return text if schedules["seen"] < 2 else f"{text}; {schedules['seen']:,} of them show it"


def tried(schedules: Mapping[str, Any]) -> str:
    """Return which schedules ran, such as "42 schedules with at most two preemptions (more exist: 78 with three)"."""
    run, preemptions = schedules["run"], schedules["preemptions"]
    if schedules["exhausted"]:
        return f"all {run:,} schedules"
    if preemptions is None:
        return f"{counted(run, 'schedule')} (no level of preemptions was completed)"
    limit = "no preemption" if not preemptions else f"at most {_in_words(preemptions)}"
    further = schedules.get("further")
    more = f": {further:,} with {_number(preemptions + 1)}" if further else ""
    return f"{counted(run, 'schedule')} with {limit} (more exist{more})"


def _in_words(preemptions: int) -> str:
    return f"{_number(preemptions)} preemption{'' if preemptions == 1 else 's'}"


def _number(number: int) -> str:
    return _NUMBERS.get(number) or f"{number:,}"


def switch_points(schedules: Mapping[str, Any]) -> str | None:
    """Return how many switch points the actors had; None if that is unknown."""
    if not schedules["switch_points"]:
        return None
    *others, last = (f"{count:,}" for count in schedules["switch_points"])
    points = f"{', '.join(others)} and {last}" if others else last
    if schedules["grade"] == "portable":
        return f"at each of {points} instructions, on {schedules['interpreter']}"
    if not any(schedules["switch_points"]):
        return f"actors have no switch point on {schedules['interpreter']}, so they ran one after the other"
    where = f"{points} switch points of {schedules['interpreter']}"
    return where if others else f"{where}, where a handler can run (a finalizer also elsewhere)"


def at_random(schedules: Mapping[str, Any]) -> str | None:
    """Return which random schedules ran, with their chance; None if none did."""
    random = schedules["random"]
    if random is None:
        return None
    return (
        f"{random['run']:,} random ones with {_in_words(random['preemptions'])} (each shows an effect that takes "
        f"these with a probability of at least {random['chance']:.1e})"
    )


def of_control(schedules: Mapping[str, Any], name: str) -> str | None:
    """Return what the control showed; None if it was not run.

    :param name: the control's name in the phrase.
    """
    control = schedules["control"]
    if control is None:
        return None
    if not control["seen"] and control["exhausted"]:
        correct = "" if name.startswith("a generic") else "; on this interpreter, the control's code is correct, too"
        return f"{name} showed it in none of {tried(control)}{correct}"
    seen = f"{control['seen']:,}" if control["seen"] else "none"
    return f"{name} showed it in {seen} of {control['run']:,}"


def in_order(orders: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the outcomes of the actors one after the other; None if these were not run."""
    by_outcome: dict[str, list[str]] = {}
    for order in orders:
        by_outcome.setdefault(order["outcome"], []).append(", then ".join(order["calls"]))
    if not by_outcome:
        return None
    if len(by_outcome) == 1:
        return f"one after the other: {next(iter(by_outcome))} in each order"
    given = " or ".join(f"{outcome} ({listed(found, ' or ')})" for outcome, found in by_outcome.items())
    return f"one after the other: {given}"


def of_scenarios(scenarios: Mapping[str, Any], schedules: Mapping[str, Any]) -> str:
    """Return which scenarios ran, such as "912 schedules of scenarios: all 15 with 1 and 1 calls (...)"."""
    run = counted(schedules["run"], "schedule")
    return f"{run} of scenarios: {', '.join(map(_of_shape, scenarios['shapes'])) or 'none was completed'}"


def _of_shape(shape: Mapping[str, Any]) -> str:
    number = "all" if shape["run"] == shape["of"] else f"{shape['run']:,} of"
    calls = " and ".join(map(str, shape["calls"]))
    return f"{number} {shape['of']:,} with {calls} calls (at most {_in_words(shape['preemptions'])})"


def found(witness: Mapping[str, Any]) -> str:
    """Return what a witness shows: its outcome; of a scenario, the calls of its threads and their results."""
    threads = witness["scenario"]
    if threads is None:
        return str(witness["outcome"])
    text = " | ".join("; ".join(called(call) for call in calls) for calls in threads)
    is_known = all(call["result"] is not None for calls in threads for call in calls)
    return text if is_known else f"{text}: {witness['outcome']}"


def called(call: Mapping[str, Any]) -> str:
    """Return a call of a scenario, with its result if that is known."""
    return str(call["call"]) if call["result"] is None else f"{call['call']} -> {call['result']}"


def without_gil(schedules: Mapping[str, Any]) -> str | None:
    """Return what portable schedules showed; None if there was no time for those that tell something."""
    portable, is_race = schedules["portable"], len(schedules["switch_points"]) > 1
    if portable is None:
        return None
    if is_race and not (portable["seen"] or portable["exhausted"] or portable["preemptions"]):
        return None
    where, none = "without a GIL", f"none of {tried(portable)}"
    if not is_race:  # an actor that a handler interrupts
        where = "at any instruction"
        none = f"none of {counted(portable['run'], 'schedule')}{'' if portable['exhausted'] else ' (more exist)'}"
    if portable["seen"]:
        shows = "shows" if portable["seen"] == 1 else "show"
        return f"{where}: {portable['seen']:,} of {counted(portable['run'], 'schedule')} {shows} it"
    return f"{where}: {none} shows it"


def remarks(schedules: Mapping[str, Any]) -> Iterator[str]:
    """Yield further remarks."""
    if schedules["unrepeatable"]:
        yield f"{counted(schedules['unrepeatable'], 'schedule')} did not repeat"
    yield from schedules["remarks"]


def joined(parts: Sequence[str | None]) -> str:
    """Join the parts that are not empty to one phrase."""
    return "; ".join(part for part in parts if part)
