"""Replays in which ``breakpoint()`` stops the actors: where it does, and what becomes of the schedule."""

from __future__ import annotations

import io
import pdb
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.race_questions import last
from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.lab.race.race import Race
from pytest_concclaims.lab.race.schedules.replay import Token
from pytest_concclaims.lab.race.schedules.switch_points import MONITORED

pytestmark = [pytest.mark.interpreter, pytest.mark.untraced]

# Two threads get the same seat only by a switch after the stop: a lost schedule cannot show it.
SEATS = """
class Seats:
    def __init__(self):
        self.taken = 0

    def take(self):
        breakpoint()
        number = self.taken
        if number == len("AB"):
            return None
        self.taken = number + 1
        return number
"""


@pytest.fixture
def seats(tmp_path: Path) -> Any:
    """Return a class that gives a seat to two threads; each stops in the debugger on its way."""
    path = tmp_path / "seats.py"
    path.write_text(SEATS, encoding="utf-8")
    return runpy.run_path(str(path))["Seats"]


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stop in pdb, which goes on at once; return the list that gets what it shows of each stop."""
    shown: list[str] = []

    def stop() -> None:
        written = io.StringIO()
        debugger = pdb.Pdb(stdin=io.StringIO("where\ncontinue\n"), stdout=written, nosigint=True, readrc=False)
        debugger.use_rawinput = False
        shown.append("")
        debugger.set_trace(sys._getframe(1))
        shown[-1] = written.getvalue()

    monkeypatch.setattr(sys, "breakpointhook", stop)
    return shown


def differ(numbers: tuple[int, int]) -> bool:
    """Return whether two threads have different seats."""
    return numbers[0] != numbers[1]


def ask(race: Race, question: str) -> bool:
    """Ask whether two threads get different seats."""
    return race.atomic() if question == "atomic" else race.always(differ)


@pytest.fixture(params=["atomic", "always"])
def question(request: pytest.FixtureRequest) -> str:
    """Return a question: one runs the calls in all orders too, the other does not."""
    name: str = request.param
    return name


@pytest.fixture
def token(seats: Any, question: str, monkeypatch: pytest.MonkeyPatch) -> Token:
    """Return the token of a schedule in which both threads get the same seat."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "breakpointhook", lambda: None)
        lab = Lab(budget=20.0)
        assert ask(lab.race(seats, seats.take, seats.take), question) is False
    witness = last(lab).witness
    assert witness is not None
    return Token.parse(witness["replay"])


def test_each_actor_stops_once(seats: Any, question: str, token: Token, stops: list[str]) -> None:
    """It does not in the runs with which the schedule's outcome is compared, of which there are hundreds."""
    race = Lab(budget=20.0, replay=[token]).race(seats, seats.take, seats.take)
    try:
        ask(race, question)
    except Inconclusive:
        assert not MONITORED
    assert len(stops) == 2


@pytest.mark.skipif(not MONITORED, reason="the debugger takes the trace function of the actors")
def test_schedule_goes_on_after_the_stop(seats: Any, question: str, token: Token, stops: list[str]) -> None:
    """The verdict is the same, and the story has all lines."""
    lab = Lab(budget=20.0, replay=[token])
    assert ask(lab.race(seats, seats.take, seats.take), question) is False
    witness = last(lab).witness
    assert witness is not None
    lines = [(step["actor"], step["line"]) for step in witness["steps"]]
    for actor in (0, 1):
        assert {line for by, line in lines if by == actor} == {7, 8, 9, 11, 12}


@pytest.mark.skipif(MONITORED, reason="the debugger takes nothing from the actors")
def test_schedule_is_lost_and_the_reason_says_so(seats: Any, question: str, token: Token, stops: list[str]) -> None:
    """The debugger can be used all the same: it stops in the line after the breakpoint, and nothing disturbs it."""
    with pytest.raises(Inconclusive, match="a debugger has stopped an actor"):
        ask(Lab(budget=20.0, replay=[token]).race(seats, seats.take, seats.take), question)
    for shown in stops:
        assert "unknown debugging event" not in shown
