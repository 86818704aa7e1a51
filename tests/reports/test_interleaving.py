"""The interleaving of a witness as text."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from helpers.sample_records import ABSENT, DEADLOCK, LINEARIZABLE, RACE, SCHEDULED, STEPS
from pytest_concclaims.records.evidence import RaceRun
from pytest_concclaims.records.interleaving import Step
from pytest_concclaims.reports.interleaving import FEW_LINES, interleaving

WHOLE = """\
deposit_5, bank/account.py            | deposit_8, bank/account.py
10 seen = account.balance             |
11 audit(seen)                        |
audit.py:4 lines.appe... preempted -> |
                                      | 20 for _ in range(9):
                                      | ... 8 more rounds of this line
                                      | 21 with account.lock:      waits here
audit.py:4 lines.append(text) goes on |
11 audit(seen)                goes on |
12 account.balance = seen... returned |
                                      | 21 with account.lock:         goes on
                                      | 22 account.balanc... raised NameError
outcome: 1; replay: --claims-replay 5d-1f-7
"""


def with_steps(*steps: Step, **changes: Any) -> RaceRun:
    """Return a race whose witness has these steps."""
    return replace(
        SCHEDULED, witness={**(SCHEDULED.witness or {}), "steps": [asdict(step) for step in steps]}, **changes
    )


def test_two_actors_have_a_column_each() -> None:
    """The head has their names and files, each line ends with its event, and the last line has the outcome."""
    lines = interleaving(SCHEDULED, 78)
    assert lines == WHOLE.splitlines()


@pytest.mark.parametrize("race", [RACE, ABSENT, with_steps()], ids=["by a sample", "no witness", "empty"])
def test_without_steps_there_are_no_lines(race: RaceRun) -> None:
    """Samples have no story."""
    assert interleaving(race, 78) == []


def test_more_actors_have_numbered_rows() -> None:
    """Each row has the actor's name."""
    steps = [*STEPS[:3], Step(2, "bank/account.py", 7, "close()", "raised ValueError"), STEPS[8]]
    race = with_steps(*steps, actors=["deposit", "deposit", "close_" + "x" * 40])
    assert interleaving(race, 78) == [
        "in bank/account.py:",
        "1  deposit (1)       10 seen = account.balance",
        "2  deposit (1)       11 audit(seen)",
        "3  deposit (1)       audit.py:4 lines.append(text)                   preempted",
        "4  close_xxxxxxx...  7 close()                               raised ValueError",
        "5  deposit (1)       12 account.balance = seen + 5                    returned",
        "outcome: 1; replay: --claims-replay 5d-1f-7",
    ]


def test_deadlock_says_where_each_actor_waits() -> None:
    """The lines stand at the end, with the outcome."""
    steps = [*STEPS[:6], Step(0, "bank/audit.py", 4, "with printer:", "blocked")]
    race = replace(DEADLOCK, witness={**(DEADLOCK.witness or {}), "steps": [asdict(step) for step in steps]})
    assert interleaving(race, 78)[-4:] == [
        "outcome: lab.DEADLOCK",
        "deposit_5 waits in audit.py:4: with printer:",
        "deposit_8 waits in account.py:21: with account.lock:",
        "replay: --claims-replay 5d-1f-7",
    ]


def test_scenario_stands_above() -> None:
    """First the calls of each thread with their results, then the lines."""
    lines = interleaving(LINEARIZABLE, 78)
    assert lines[:4] == [
        "push(1) -> None                       | pop() -> 1",
        "pop() -> IndexError raised            |",
        "--------------------------------------------------",
        "thread 1, bank/account.py             | thread 2, bank/account.py",
    ]
    assert lines[4:-1] == WHOLE.splitlines()[1:-1]
    few = interleaving(LINEARIZABLE, 78, FEW_LINES)
    assert few[:4] == lines[:4]
    assert len(few) <= FEW_LINES


def test_short_interleaving_has_the_most_relevant_lines() -> None:
    """Each gap has the number of missing lines."""
    steps = [
        *(Step(0, "a.py", line, "x = 1") for line in range(1, 40)),
        Step(0, "a.py", 40, "y = 1", "preempted"),
        *(Step(1, "a.py", line, "z = 1") for line in range(50, 90)),
        Step(0, "a.py", 40, "y = 1", "goes on"),
        Step(0, "a.py", 41, "w = 1", "returned"),
    ]
    lines = interleaving(with_steps(*steps), 78, FEW_LINES)
    assert len(lines) == FEW_LINES
    assert [line.split(" ")[0] for line in lines if line[0].isdigit()] == ["1", "39", "40", "40", "41"]
    assert [line for line in lines if line.startswith("...")] == ["... 37 lines", "... 37 lines"]
    assert len(interleaving(with_steps(*steps), 78)) == len(steps) + 2


@pytest.mark.parametrize(("steps", "left_out"), [(FEW_LINES, 0), (FEW_LINES + 1, 4)])
def test_no_line_is_left_out_if_that_saves_hardly_one(steps: int, left_out: int) -> None:
    """Up to two lines stand where the line that counts them would."""
    race = with_steps(*(Step(0, "a.py", line, "x = 1") for line in range(1, steps + 1)))
    lines = interleaving(race, 78, FEW_LINES)
    shown = [line for line in lines if line[0].isdigit()]
    assert len(shown) == steps - left_out
    assert any(line.startswith("...") for line in lines) == bool(left_out)


@pytest.mark.parametrize("most", [1, 2, 3, 5, FEW_LINES])
@pytest.mark.parametrize("actors", [2, 3])
@pytest.mark.parametrize("width", [36, 50, 78, 200])
def test_interleaving_keeps_its_width_and_its_number_of_lines(width: int, actors: int, most: int) -> None:
    """Whatever the lines contain. Head, end and one line in between are always there."""
    long = [replace(step, text=step.text * 50, event="raised " + "X" * 99) for step in STEPS]
    witness = {"outcome": "1" * 300, "replay": "9" * 300}
    names = ["n" * 100, "m" * 100, "o"][:actors]
    race = with_steps(*STEPS, *long, actors=names)
    race = replace(race, witness={**(race.witness or {}), **witness})
    lines = interleaving(race, width, most)
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(most, 4)


def test_text_has_no_control_characters() -> None:
    """They are replaced in names, files, source, events and outcomes."""
    evil = "\x1b[31m\x07\r\n\u202e\udc80"
    race = with_steps(Step(0, evil, 1, evil, f"raised {evil}"), Step(1, "a.py", 1, evil), actors=[evil, "b"])
    race = replace(race, witness={**(race.witness or {}), "outcome": evil, "replay": evil})
    for drawn in (race, replace(race, actors=[evil, "b", "c"])):
        assert all(line.isprintable() for line in interleaving(drawn, 200))


def test_record_with_more_actors_than_names_is_drawn() -> None:
    """Another program may have made it."""
    assert "not named" in "\n".join(interleaving(with_steps(*STEPS, Step(4, "a.py", 1, "x")), 78))
