"""The messages of races: each has the problem and the fix."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.counters import Counter, successor
from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.interpreter import gil_enabled
from pytest_concclaims.lab.race.experiment import RaceError
from pytest_concclaims.lab.race.scenarios import Shape
from pytest_concclaims.lab.race.schedules.explorer import Explored, ShapeRun
from pytest_concclaims.lab.race.schedules.searched import Searched
from pytest_concclaims.lab.race.schedules.switch_points import switches_anywhere

pytestmark = [pytest.mark.untraced, pytest.mark.usefixtures("settled_at_once")]

#: All that "never" needs except a control.
ENOUGH = Explored(run=100, preemptions=2, further=1000)


def lacking(race: Explored, **parts: Any) -> str:
    """Return why an answer cannot rest on the schedules."""
    text = Searched(False, race, **parts).lacking()
    assert text is not None
    return text


def test_how_long_it_would_take() -> None:
    """The advised budget is enough for the next level, of which the race has half, with a reserve."""
    text = lacking(Explored(run=100, preemptions=1, further=900, seconds=1.0))
    assert text == (
        "there are too many schedules for the budget: of those with at most 2 preemptions, only those with at most 1 "
        "were run; give the claim a budget of about 27 s"
    )


def test_how_long_it_would_take_is_not_known_from_the_first_level() -> None:
    """No number is given."""
    advice = "; give the claim a longer budget, or let actors do less"
    assert lacking(Explored(run=2, preemptions=0, further=10, seconds=1.0)).endswith(
        f"only those with none were run{advice}"
    )
    assert lacking(Explored(run=2, seconds=1.0)).endswith(
        f"of those with at most 2 preemptions, none were run{advice}"
    )


def test_how_long_it_would_take_is_not_known_from_few_interruptions() -> None:
    """The first ones take longest."""
    assert "give the claim a longer one, or" in lacking(Explored(run=1, points=(9_000,), seconds=0.1))
    assert "give the claim about 2,700 s, or" in lacking(Explored(run=10, points=(9_000,), seconds=1.0))


def test_too_many_scenarios() -> None:
    """The message has their numbers and the fix."""
    least: Shape = (1, 1)
    text = lacking(Explored(run=9, shapes=(ShapeRun(least, 2, 6, 2), ShapeRun((2, 1), 0, 27, 1))))
    assert "only 2 of 6 scenarios with 1 and 1 calls, and 0 of 27 scenarios with 2 and 1 calls were completed" in text
    assert text.endswith("give the claim a longer budget, or use fewer operations")


def test_a_control_that_shows_it_elsewhere_only() -> None:
    """The message says why the control shows nothing here, and which control would."""
    control, elsewhere = Explored(run=7, preemptions=2), Explored(run=40, seen=3)
    text = lacking(ENOUGH, control=control, control_anywhere=elsewhere)
    assert text == (
        "its control did not show the effect at this interpreter's switch points, in 7 schedules; at any "
        "instruction, it did in 3 of 40 schedules. Give the race a control that shows the effect here, such as "
        "lab.WITHOUT_LOCKS"
    )
    for nowhere in (None, Explored(run=40)):
        assert "its control did not show the effect in 7 schedules" in lacking(
            ENOUGH, control=control, control_anywhere=nowhere
        )


def locked_slowly(counter: Counter) -> None:
    """Count under a lock, with several switch points."""
    for _ in range(2):
        with counter.lock:
            counter.value = successor(counter.value)


def in_one_go(counter: Counter) -> None:
    """Count; since 3.10, another actor can interrupt this only without a GIL."""
    for _ in range(20):
        counter.value += 1


@pytest.mark.skipif(
    sys.version_info < (3, 10) or switches_anywhere(gil_enabled()), reason="threads are switched in that line"
)
@pytest.mark.usefixtures("schedules_alone")
def test_a_control_that_shows_nothing_here_is_told_so(staying: Lab) -> None:
    """The reason of the claim's verdict says so."""
    actors, control = [locked_slowly] * 2, [in_one_go] * 2
    race = staying.race(Counter, *actors, observe=lambda counter: counter.value, control=control)
    with pytest.raises(Inconclusive, match="did not show the effect at this interpreter's switch points"):
        race.always(4, 40)


def with_more(_: object, more: int) -> int:
    """Return the second parameter, which an actor does not get."""
    return more


def test_an_actor_that_takes_more_than_the_state(lab: Lab) -> None:
    """The message says how to pass more, unless the error is inside the actor."""
    takes_more: Any = with_more
    with pytest.raises(
        RaceError, match=r"an actor is called with the state alone \(use a lambda or functools\.partial"
    ):
        lab.race(list, takes_more, len).always((0, 0))

    def mistaken(items: list[int]) -> int:
        return with_more(items)  # type: ignore[call-arg]  # it is the mistake

    with pytest.raises(RaceError, match=r"actor mistaken raised TypeError") as caught:
        lab.race(list, mistaken, len).always((0, 0))
    assert "an actor is called with the state alone" not in str(caught.value)


def test_an_operation_of_one_object(lab: Lab) -> None:
    """A bound method has its state already."""
    items = [1]
    with pytest.raises(RaceError, match=r"an operation is called with the state .*, not a method of one stack"):
        lab.operations(list, lab.op(items.copy), lab.op(list.append, 1)).linearizable()


def test_several_outcomes_in_a_list(lab: Lab) -> None:
    """The message says how to ask about several."""
    with pytest.raises(
        TypeError, match=r"race\.always\(\[1, 2\]\): .*; for several outcomes, write race\.always\(1, 2\)"
    ):
        lab.race(list, len, len).always([1, 2])


def test_an_outcome_that_cannot_be_hashed(lab: Lab) -> None:
    """The message says what to return instead, also if identity matters."""
    with pytest.raises(RaceError, match=r"the outcome \[\] is not hashable") as caught:
        lab.race(list, len, len, observe=lambda items: items).always(0)
    assert "return a tuple, a string or a number" in str(caught.value)
    assert "lambda state: state.one is state.other" in str(caught.value)


def test_an_exception_that_may_be_an_outcome(lab: Lab) -> None:
    """The message says how to make it an outcome."""

    def take(items: list[int]) -> int:
        return items.pop()

    with pytest.raises(RaceError, match=r"raised IndexError: .*; if that is an outcome, pass exceptions=Index"):
        lab.race(lambda: [1], take, take).always((1, 1))


# --- several outcomes


def add_one(state: SimpleNamespace) -> int:
    """Count, with a call between reading and writing; return the number."""
    state.value = successor(state.value)
    return int(state.value)


def fresh() -> SimpleNamespace:
    """Make a state."""
    return SimpleNamespace(value=0)


def last_of(state: SimpleNamespace) -> int:
    """Return the value."""
    return int(state.value)


def test_questions_about_several_outcomes(lab: Lab) -> None:
    """With "ever", one of them is enough; "always" allows all of them and no other."""
    race = lab.race(fresh, add_one, add_one, observe=last_of)
    assert race.always(1, 2) is True
    assert race.always(2, 3) is False
    assert race.ever(7, 1) is True
    assert race.never(7, lambda value: value == 1) is False
    assert race.never(7, 8) is True
    run: Any = lab.evidence[-1]
    assert run.about == "7 or 8"


def test_observe_takes_what_the_actors_returned(lab: Lab) -> None:
    """With two parameters, it gets the tuple of the values, in the order of the actors."""

    def both(state: SimpleNamespace, values: tuple[int, ...]) -> tuple[int, bool]:
        return state.value, sorted(values) == [1, 2]

    race = lab.race(fresh, add_one, add_one, observe=both)
    assert race.ever((2, True)) is True
    assert race.ever((1, False)) is True


def test_observe_with_a_default_takes_the_state_alone(lab: Lab) -> None:
    """The values are not passed to a parameter with a default."""

    def doubled(state: SimpleNamespace, times: int = 2) -> int:
        return int(state.value) * times

    assert lab.race(fresh, add_one, add_one, observe=doubled).always(2, 4) is True
