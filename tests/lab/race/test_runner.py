"""Questions to a race whose actors return nothing, always or sometimes."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.counters import Counter, increment, increment_slowly, samples_of, successor
from helpers.race_questions import last
from pytest_concclaims import Lab, RaceError
from pytest_concclaims.lab.race.schedules.replay import Token

pytestmark = [
    pytest.mark.interpreter,
    pytest.mark.untraced,
    pytest.mark.usefixtures("settled_at_once", "generic_control_is_seen"),
]

each_engine = pytest.mark.usefixtures("engine")
EMPTY = (None, None)


def is_empty(outcome: object) -> bool:
    """Return whether no actor returned anything."""
    return outcome == EMPTY


def get(box: dict[str, int]) -> int | None:
    """Return the number, if there is one."""
    return box.get("number")


def put(box: dict[str, int]) -> None:
    """Put a number."""
    box["number"] = 1


def notice(counter: Counter) -> str | None:
    """Return something only if another actor counted meanwhile."""
    mine = counter.value = successor(counter.value)
    successor(mine)
    return "met" if counter.value != mine else None


@each_engine
@pytest.mark.parametrize(
    ("asked", "about"),
    [("ever", is_empty), ("never", (1, 2)), ("always", lambda outcome: outcome == 2)],
    ids=["ever", "never", "always"],
)
def test_actors_that_return_nothing_have_to_be_observed(lab: Lab, asked: str, about: Any) -> None:
    """Otherwise an answer would say nothing about them; the error says what to add."""
    race = lab.race(Counter, increment_slowly, increment)
    with pytest.raises(RaceError) as caught:
        getattr(race, asked)(about)
    text = str(caught.value)
    assert text.startswith("lab.race: increment_slowly and increment returned None in ")
    assert text.endswith(
        " without observe, so there is no outcome to ask about; pass observe=..., or let the actors return a value"
    )
    run = last(lab)
    assert run.answer is None
    assert run.failure is not None
    assert f"returned None in {sum(samples_of(race).values()):,} run" in run.failure["text"]
    assert {entry["outcome"] for entry in run.outcomes} == {"(None, None)"}


@each_engine
@pytest.mark.parametrize(
    ("asked", "about", "options"),
    [
        ("always", EMPTY, {}),
        ("ever", EMPTY, {}),
        ("ever", lambda count: count == 2, {"observe": lambda counter: counter.value}),
        ("never", KeyError, {"exceptions": KeyError}),
    ],
    ids=["always empty", "ever empty", "observed", "exceptions"],
)
@pytest.mark.usefixtures("interpreted")
def test_actors_may_return_nothing_where_that_is_not_the_question(
    lab: Lab, asked: str, about: Any, options: dict[str, Any]
) -> None:
    """They may also if it is the question."""
    assert getattr(lab.race(Counter, increment, increment, **options), asked)(about) is True


@each_engine
def test_actors_that_return_nothing_at_first_may_return_something_later(lab: Lab) -> None:
    """The first outcome is a witness; later ones show that actors return something."""
    race = lab.race(dict, get, put)
    assert race.never(is_empty) is False
    assert EMPTY in samples_of(race)
    assert race.ever((1, None)) is True


def test_first_schedules_in_which_actors_return_nothing(lab: Lab) -> None:
    """A later one, with a preemption, shows that actors return something."""
    race = lab.race(Counter, notice, notice)
    assert race.never(is_empty) is False
    assert set(samples_of(race)) > {EMPTY}
    witness = last(lab).witness
    assert witness is not None
    assert (witness["outcome"], witness["sample"]) == ("(None, None)", 1)


def test_replayed_schedule_in_which_actors_return_nothing_is_answered(lab: Lab) -> None:
    """It is the only one that runs, and others may return something."""
    assert lab.race(dict, get, put).never(is_empty) is False
    witness = last(lab).witness
    assert witness is not None
    again = Lab(budget=20.0, replay=[Token.parse(witness["replay"])])
    assert again.race(dict, get, put).never(is_empty) is False
