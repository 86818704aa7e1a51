"""The questions that can be asked of a race."""

from __future__ import annotations

import functools
import math
import pickle
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_concclaims import Lab
from pytest_concclaims.lab.failure import Failed
from pytest_concclaims.lab.race.question import (
    CRASH,
    DEADLOCK,
    Judge,
    OutcomeQuestion,
    Portable,
    portable,
    question,
    shown,
)

ASKED = ["ever", "never", "always"]


class Odd:
    """Has predicates."""

    def holds(self, outcome: int) -> bool:
        """Return whether an outcome is odd."""
        return outcome % 2 == 1

    def __call__(self, outcome: int) -> bool:
        """Return whether an outcome is odd."""
        return self.holds(outcome)

    def __repr__(self) -> str:
        return "Odd()"


def is_odd(outcome: int) -> bool:
    """Return whether an outcome is odd."""
    return outcome % 2 == 1


def is_multiple(factor: int, outcome: int) -> bool:
    """Return whether an outcome is a multiple."""
    return outcome % factor == 0


# --- outcomes in questions


@pytest.mark.parametrize("asked", ["ever", "never"])
@pytest.mark.parametrize("outcome", [3, "torn", (1, None), None, frozenset({1}), ValueError])
def test_outcome(asked: str, outcome: Any) -> None:
    """A witness is an outcome that is equal to the one in the question."""
    put = question(asked, [outcome], (ValueError,))
    assert put.asked == asked
    assert put.words == ("ValueError" if outcome is ValueError else repr(outcome))
    assert put.sought(outcome) is True
    assert put.sought("something else") is False


@pytest.mark.parametrize("outcome", [3, "torn", None, ValueError])
def test_always_an_outcome(outcome: Any) -> None:
    """Any other outcome is a witness."""
    put = question("always", [outcome], (ValueError,))
    assert put.asked == "always"
    assert put.words == shown(outcome)
    assert put.sought(outcome) is False
    assert put.sought("something else") is True


def test_outcome_is_equal_as_in_python() -> None:
    """1.0 and True are equal to 1."""
    put = question("ever", [1], ())
    assert put.sought(1.0)
    assert put.sought(True)


@pytest.mark.parametrize(
    ("asked", "witnesses", "others"), [("ever", [1, 5], [2]), ("never", [1, 5], [2]), ("always", [2], [1, 5])]
)
def test_several_outcomes(asked: str, witnesses: list[int], others: list[int]) -> None:
    """The question is about each outcome, and about each outcome for which a predicate holds."""
    put = question(asked, [1, lambda outcome: outcome > 4], ())
    assert put.words.startswith("1 or the lambda ")
    assert all(map(put.sought, witnesses))
    assert not any(map(put.sought, others))
    assert all(question(asked, [1, "torn"], ()).like(outcome) for outcome in (7, "whole"))


@pytest.mark.parametrize("asked", ASKED)
def test_nothing_is_no_question(asked: str) -> None:
    """It could be the unpacked outcomes of an empty list."""
    with pytest.raises(TypeError, match=rf"^race\.{asked}\(\): no outcome is given; write race\.{asked}\("):
        question(asked, [], ())


def test_class_that_is_no_exception_is_refused() -> None:
    """The author of the claim has to say whether it is an outcome or a predicate."""
    with pytest.raises(ValueError, match=r"^race\.ever\(int\): a class could mean a predicate or") as caught:
        question("ever", [int], ())
    assert str(caught.value).endswith(
        "write lambda outcome: isinstance(outcome, int), or lambda outcome: outcome is int"
    )
    with pytest.raises(ValueError, match=r"^race\.always\(Odd\): a class could mean a predicate or"):
        question("always", [Odd], (KeyError,))


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("exceptions", [(), (KeyError,)], ids=["none", "asked for"])
def test_exception_instance_is_refused(asked: str, exceptions: tuple[type[BaseException], ...]) -> None:
    """An instance is equal to no other one, so "never KeyError('x')" would always be true."""
    with pytest.raises(ValueError, match="outcome") as caught:
        question(asked, [KeyError("x")], exceptions)
    assert str(caught.value) == (
        f"race.{asked}(KeyError('x')): an exception's type is the outcome; write race.{asked}(KeyError)"
    )


@pytest.mark.parametrize("kind", ["coroutine", "generator", "async generator", "object"])
def test_predicate_whose_call_answers_nothing(kind: str) -> None:
    """Its result would be true for every outcome."""

    async def coroutine(outcome: object) -> bool:
        return False

    def generator(outcome: object) -> Iterator[bool]:
        yield False

    async def async_generator(outcome: object) -> AsyncIterator[bool]:
        yield False

    class Object:
        async def __call__(self, outcome: object) -> bool:
            return not outcome

    predicates = {
        "coroutine": coroutine, "generator": generator, "async generator": async_generator, "object": Object()
    }  # fmt: skip
    with pytest.raises(TypeError, match=r"race\.never\(.*\): this is a coroutine or generator function"):
        question("never", [predicates[kind]], ())


def test_shown() -> None:
    """An outcome is shown as its ``repr``, and a type as its name."""
    assert shown((1, "torn")) == "(1, 'torn')"
    assert shown(CRASH) == "lab.CRASH"
    assert shown(KeyError) == "KeyError"


def test_shown_shortened() -> None:
    """A long outcome is cut, also in a question."""
    assert shown("x" * 198) == repr("x" * 198)
    assert shown("x" * 199) == "'" + "x" * 196 + "..."
    assert question("ever", ["x" * 199], ()).words == shown("x" * 199)


def test_shown_without_a_repr() -> None:
    """An outcome whose ``repr`` raises is shown as its type."""

    class Shy:
        def __repr__(self) -> str:
            raise LookupError("no words")

    assert shown(Shy()) == "<Shy without a repr>"


# --- predicates


@pytest.mark.parametrize(
    ("predicate", "words"),
    [
        (is_odd, "is_odd"),
        (Odd().holds, "holds"),
        (Odd(), "Odd()"),
    ],
    ids=["function", "method", "object"],
)
def test_predicate(predicate: Callable[[int], bool], words: str) -> None:
    """A witness is an outcome for which it holds; with "always", one for which it does not."""
    for asked in ASKED:
        put = question(asked, [predicate], ())
        assert put.words == words
        assert put.sought(3) is (asked != "always")
        assert put.sought(4) is (asked == "always")


def test_lambda() -> None:
    """A lambda is named by its file and line."""
    line = test_lambda.__code__.co_firstlineno + 3
    put = question("ever", [lambda outcome: outcome > 3], ())
    assert put.words == f"the lambda at test_question.py:{line}"
    assert put.sought(4)


def test_partial() -> None:
    """A partial is named as its function."""
    put = question("ever", [functools.partial(is_multiple, 3)], ())
    assert put.words == "is_multiple"
    assert put.sought(9)
    assert not put.sought(8)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("given", [None, 0, 1, "", "x", print], ids=repr)
def test_predicate_that_gives_no_truth_value(asked: str, given: object) -> None:
    """A missing return or call is an error."""
    with pytest.raises(Failed) as caught:
        question(asked, [lambda _: given], ()).sought("torn")
    wanted = f"for the outcome 'torn' returned {shown(given)}; it must return True or False"
    assert caught.value.failure.text.endswith(wanted)


def test_truth_value_of_an_array_library() -> None:
    """The bool of numpy is accepted."""
    bool_ = type("bool_", (), {"__bool__": lambda _: True})
    assert question("ever", [lambda _: bool_()], ()).sought("torn") is True


@pytest.mark.parametrize(
    ("about", "outcome", "like"),
    [
        (1, 2, True),
        (1, 2.5, True),
        (True, 0, True),
        (1, "1", False),
        ("1", 1, False),
        (1, None, False),
        (None, 1, True),
        (1, (1,), False),
        ((1,), 1, False),
        ((1, 2), (3, 4), True),
        ((1, 2), (3,), False),
        ((1, 2), (3, "4"), False),
        ((1, 2), 1, False),
        (frozenset({1}), 1, False),
        ((1, None), (3, "4"), True),
        ((1, 2), (3, None), True),
        ((1, 2), (None, None), False),
        (ValueError, 1, True),
        ("torn", "whole", True),
        (frozenset(), frozenset({1}), True),
    ],
)
def test_outcome_of_its_kind(about: Any, outcome: Any, like: bool) -> None:
    """If no outcome is of the kind of the one in the question, that one could not be seen."""
    for asked in ("ever", "never"):
        assert question(asked, [about], (ValueError,)).like(outcome) is like
    assert question("always", [about], (ValueError,)).like(outcome)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("about", [1, None, "torn", (1,), (1, 2, 3), ()], ids=repr)
def test_outcome_that_needs_an_observer(asked: str, about: Any) -> None:
    """Without observe, outcomes are tuples of the actors' values, so any other outcome is refused."""
    with pytest.raises(ValueError, match=r"without observe, an outcome is a tuple of the 2 values that the actors "):
        question(asked, [about], (), values=2)


def test_outcomes_that_need_no_observer() -> None:
    """A tuple of the right length, an exception, and a predicate are accepted."""
    assert question("never", [(1, 2)], (), values=2).words == "(1, 2)"
    assert question("never", [KeyError], (KeyError,), values=2).words == "KeyError"
    assert question("never", [is_odd], (), values=2).words == "is_odd"


@pytest.mark.parametrize("asked", ASKED)
def test_predicate_raises(asked: str) -> None:
    """That is a failure, which has its name, the outcome and the traceback."""
    put = question(asked, [is_odd], ())
    with pytest.raises(Failed) as caught:
        put.sought(("one", 2))
    failure = caught.value.failure
    assert failure.kind == "raised"
    assert failure.text.startswith("is_odd for the outcome ('one', 2) raised TypeError: ")
    assert "in is_odd" in failure.details
    assert "in sought" not in failure.details
    assert isinstance(caught.value.__cause__, TypeError)


def test_predicate_interrupted() -> None:
    """Ctrl-C is not a failure of the predicate."""

    def interrupted(_: object) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        question("ever", [interrupted], ()).sought(1)


# --- exception types


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    ("about", "exceptions"), [(KeyError, ()), (KeyError, (ValueError,)), (KeyError, (LookupError,))]
)
def test_exception_that_is_not_asked_for(
    asked: str, about: type[BaseException], exceptions: tuple[type[BaseException], ...]
) -> None:
    """A question about a type that cannot be an outcome is refused."""
    with pytest.raises(ValueError, match=rf"race\.{asked}\(KeyError\): .*; pass exceptions=KeyError"):
        question(asked, [about], exceptions)


# --- crashes and deadlocks


@pytest.mark.parametrize("end", [CRASH, DEADLOCK], ids=repr)
@pytest.mark.parametrize("asked", ["ever", "never"])
def test_end_is_asked_about_alone(asked: str, end: Any) -> None:
    """It cannot be combined with other outcomes."""
    assert question(asked, [end], ()).end is end
    with pytest.raises(
        ValueError, match=rf"^race\.{asked}\(1, {end!r}\): {end!r} must be the only outcome in a question"
    ):
        question(asked, [1, end], ())


def test_crash() -> None:
    """A crash is an outcome of its own, equal to no other."""
    put = question("ever", [Lab.CRASH], ())
    assert put.words == "lab.CRASH"
    assert put.sought(CRASH) is True
    assert put.sought("lab.CRASH") is False


# --- bad input


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("about", [[1], {"a": 1}, {1}, ([1], 2)], ids=repr)
def test_unhashable(asked: str, about: Any) -> None:
    """It cannot be an outcome; the message names the question and advises a predicate."""
    with pytest.raises(TypeError) as caught:
        question(asked, [about], ())
    assert str(caught.value) == (f"race.{asked}({about!r}): an outcome must be hashable; pass a predicate")


@pytest.mark.parametrize("asked", ASKED)
def test_not_a_number(asked: str) -> None:
    """A NaN is equal to nothing, so "never NaN" would always be true."""
    with pytest.raises(ValueError, match=rf"race\.{asked}\(nan\): .*not equal to itself; pass a predicate"):
        question(asked, [math.nan], ())
    assert question("ever", [math.isnan], ()).sought(math.nan)


# --- the answer


@pytest.mark.parametrize(
    ("asked", "witnessed", "answer"),
    [
        ("ever", True, True),
        ("ever", False, False),
        ("never", True, False),
        ("never", False, True),
        ("always", True, False),
        ("always", False, True),
    ],
)
def test_answer(asked: str, witnessed: bool, answer: bool) -> None:
    """With a witness, "ever" is true and the others are false."""
    assert OutcomeQuestion(asked, "it", bool).answer(witnessed=witnessed) is answer


# --- values that actors return


@pytest.mark.parametrize(
    ("about", "values", "exceptions", "is_about_values"),
    [
        ([(1, 2)], 2, (), True),
        ([(None, 1)], 2, (), True),
        ([is_odd], 2, (), True),
        ([(None, None), (1, 2)], 2, (), True),
        ([(None, None)], 2, (), False),
        ([(1, 2)], 2, (KeyError,), False),
        ([1], None, (), False),
        ([CRASH], 2, (), False),
    ],
    ids=["values", "some", "predicate", "several", "none", "exceptions", "observed", "crash"],
)
def test_question_about_what_actors_return(
    about: list[Any], values: int | None, exceptions: tuple[type[BaseException], ...], is_about_values: bool
) -> None:
    """It is about values, unless the state is observed, an exception can be the outcome, or None was asked about."""
    put = question("ever", about, exceptions, values=values)
    assert put.about_values is is_about_values
    assert bool(put.least_empty) is is_about_values


# --- outcomes that are sent to another process


class Addressed:
    """Shows its address, as objects do."""


@pytest.mark.parametrize(
    ("outcome", "text", "is_plain"),
    [
        (None, "None", True),
        ((1, ("torn", b"x")), "(1, ('torn', b'x'))", True),
        (CRASH, "lab.CRASH", True),
        ("x" * 300, repr("x" * 300), True),
        (KeyError, "KeyError", False),
        ((1, KeyError), "(1, <class 'KeyError'>)", False),
        (Addressed(), f"<{__name__}.Addressed object at 0x...>", False),
    ],
    ids=lambda one: shown(one)[:20],
)
def test_portable(outcome: Hashable, text: str, is_plain: bool) -> None:
    """Plain data is sent; of any other outcome its text, without addresses."""
    there = pickle.loads(pickle.dumps(portable(outcome)))
    assert there == portable(outcome)
    assert (there.text, there.is_plain) == (text, is_plain)
    assert there.value == (outcome if is_plain else None)
    assert str(there) == f"{there!r}"[1:-1] == (text if len(text) <= 200 else text[:197] + "...")


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), ((1,), (True,)), (0.0, -0.0), ("1", 1)], ids=lambda one: repr(one)
)
def test_outcomes_that_look_different_are_two(one: Hashable, other: Hashable) -> None:
    """They may be equal in Python."""
    assert portable(one) != portable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (frozenset([0, 8]), frozenset([8, 0])),
        ((frozenset([(0, 8)]), frozenset([0, 8, "a"])), (frozenset([(0, 8)]), frozenset(["a", 8, 0]))),
        (math.nan, float("nan")),
        (Addressed(), Addressed()),
    ],
    ids=["set", "sets in a tuple", "nan", "address"],
)
def test_outcomes_that_look_the_same_are_one(one: Hashable, other: Hashable) -> None:
    """The order in which a set shows its items does not matter."""
    assert portable(one) == portable(other)


@pytest.mark.parametrize(
    ("outcome", "is_empty"),
    [((None, None), True), ((None, 1), False), (None, False), ("(None, None)", False), (Addressed(), False)],
    ids=lambda one: shown(one)[:20],
)
def test_empty_outcome(outcome: Hashable, is_empty: bool) -> None:
    """It says that no actor returned anything."""
    assert portable(outcome).is_empty is is_empty
    assert not Portable("(None, None)").is_empty


# --- judged outcomes


@dataclass(frozen=True)
class Account:
    """Equal to one with the same number."""

    number: int


def test_plain_data_is_judged_once() -> None:
    """Later equal outcomes are not judged again."""
    asked: list[Any] = []

    def is_torn(outcome: Any) -> bool:
        asked.append(outcome)
        return bool(outcome == (1, "torn"))

    judge = Judge(question("ever", [is_torn], ()))
    judged = [judge(outcome) for outcome in ((1, "torn"), (1, "whole"), (1, "torn"), (True, "torn"))]
    assert [one.sought for one in judged] == [True, False, True, True]
    assert [one.outcome.value for one in judged] == [(1, "torn"), (1, "whole"), (1, "torn"), (True, "torn")]
    assert asked == [(1, "torn"), (1, "whole"), (True, "torn")]


def test_other_outcomes_are_judged_each_time() -> None:
    """A predicate may judge two that are equal and look the same differently."""
    judge = Judge(question("ever", [lambda got: got[0] is got[1]], ()))
    one = Account(1)
    judged = [judge(got) for got in ((one, Account(1)), (one, one), (one, Account(1)))]
    assert [each.sought for each in judged] == [False, True, False]
    assert len({each.outcome for each in judged}) == 1


@pytest.mark.parametrize("outcome", [1, "torn", Account(1)], ids=repr)
def test_judged_by_kind(outcome: Hashable) -> None:
    """It is recorded whether an outcome is of the kind of the one in the question."""
    assert Judge(question("never", [7], ()))(outcome).like is (outcome == 1)


@pytest.mark.parametrize("outcome", [[1], {"a": 1}, {1}, (0, [1])], ids=repr)
def test_outcome_that_cannot_be_hashed(outcome: Any) -> None:
    """The failure says what to return instead, and the predicate is not called."""
    with pytest.raises(Failed) as caught:
        Judge(question("ever", [lambda _: True], ()))(outcome)
    failure = caught.value.failure
    assert failure.kind == "raised"
    assert failure.text.startswith(f"the outcome {outcome!r} is not hashable (")
    assert "); return a tuple, a string or a number; if it matters whether two objects are the same" in failure.text


def test_number_with_too_many_digits_for_a_text_is_an_outcome() -> None:
    """Python converts no such number to decimal digits."""
    assert portable((10**5000, 1)) == portable((10**5000, 1)) != portable((10**5000 + 1, 1))
