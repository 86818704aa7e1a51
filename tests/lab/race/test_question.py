"""What can be asked of a race."""

from __future__ import annotations

import functools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from pytest_concclaims import Lab
from pytest_concclaims.lab.race.experiment import RaceFailed
from pytest_concclaims.lab.race.question import CRASH, Question, question, shown

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


# --- an outcome


@pytest.mark.parametrize("asked", ["ever", "never"])
@pytest.mark.parametrize("outcome", [3, "torn", (1, None), None, frozenset({1}), ValueError])
def test_outcome(asked: str, outcome: Any) -> None:
    """Of an outcome: what is equal to it is a witness, and nothing else."""
    put = question(asked, outcome, (ValueError,))
    assert put.asked == asked
    assert put.words == ("ValueError" if outcome is ValueError else repr(outcome))
    assert put.sought(outcome) is True
    assert put.sought("something else") is False


@pytest.mark.parametrize("outcome", [3, "torn", None, ValueError])
def test_always_an_outcome(outcome: Any) -> None:
    """Whether it is always this: anything else is a witness against it."""
    put = question("always", outcome, (ValueError,))
    assert put.asked == "always"
    assert put.words == shown(outcome)
    assert put.sought(outcome) is False
    assert put.sought("something else") is True


def test_outcome_is_equal_as_in_python() -> None:
    """Where there is only 1.0 or True, that is what was asked about with 1."""
    put = question("ever", 1, ())
    assert put.sought(1.0)
    assert put.sought(True)


def test_class_that_is_no_exception_is_refused() -> None:
    """Whether a class is meant as an outcome or as a predicate, its author has to say."""
    with pytest.raises(ValueError, match=r"^race\.ever\(int\): a class could be meant as") as caught:
        question("ever", int, ())
    assert str(caught.value).endswith(
        "write lambda outcome: isinstance(outcome, int), int(outcome) or outcome is int"
    )
    with pytest.raises(ValueError, match=r"^race\.always\(Odd\): a class could be meant as"):
        question("always", Odd, (KeyError,))


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("exceptions", [(), (KeyError,)], ids=["none", "asked for"])
def test_exception_instance_is_refused(asked: str, exceptions: tuple[type[BaseException], ...]) -> None:
    """An instance is equal to no other: "never KeyError('x')" would be true of anything."""
    with pytest.raises(ValueError, match="outcome") as caught:
        question(asked, KeyError("x"), exceptions)
    assert str(caught.value) == (
        f"race.{asked}(KeyError('x')): an exception's type is the outcome; write race.{asked}(KeyError)"
    )


@pytest.mark.parametrize("kind", ["coroutine", "generator", "async generator", "object"])
def test_predicate_whose_call_answers_nothing(kind: str) -> None:
    """What has to be awaited or iterated first would be true of every outcome."""

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
    with pytest.raises(TypeError, match=r"race\.never\(.*\): a call of a coroutine or generator function"):
        question("never", predicates[kind], ())


def test_shown() -> None:
    """Outcomes are shown as their ``repr``, types by their name."""
    assert shown((1, "torn")) == "(1, 'torn')"
    assert shown(CRASH) == "lab.CRASH"
    assert shown(KeyError) == "KeyError"


def test_shown_shortened() -> None:
    """A long outcome is cut, and says so; what is asked about, too."""
    assert shown("x" * 198) == repr("x" * 198)
    assert shown("x" * 199) == "'" + "x" * 196 + "..."
    assert question("ever", "x" * 199, ()).words == shown("x" * 199)


def test_shown_without_a_repr() -> None:
    """An outcome whose ``repr`` raises is shown all the same."""

    class Shy:
        def __repr__(self) -> str:
            raise LookupError("no words")

    assert shown(Shy()) == "<Shy without a repr>"


# --- a predicate


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
    """Of a predicate: what it holds for is a witness, with "always" what it does not hold for."""
    for asked in ASKED:
        put = question(asked, predicate, ())
        assert put.words == words
        assert put.sought(3) is (asked != "always")
        assert put.sought(4) is (asked == "always")


def test_lambda() -> None:
    """A lambda is named by its file and line."""
    line = test_lambda.__code__.co_firstlineno + 3
    put = question("ever", lambda outcome: outcome > 3, ())
    assert put.words == f"the lambda at test_question.py:{line}"
    assert put.sought(4)


def test_partial() -> None:
    """A partial is named as its function."""
    put = question("ever", functools.partial(is_multiple, 3), ())
    assert put.words == "is_multiple"
    assert put.sought(9)
    assert not put.sought(8)


@pytest.mark.parametrize(("truth", "seen"), [(5, True), ("x", True), (0, False), (None, False), ("", False)])
def test_truth_counts(truth: object, seen: bool) -> None:
    """A predicate may return anything; its truth counts."""
    assert question("ever", lambda _: truth, ()).sought("x") is seen
    assert question("never", lambda _: truth, ()).sought("x") is seen
    assert question("always", lambda _: truth, ()).sought("x") is not seen


@pytest.mark.parametrize("asked", ASKED)
def test_predicate_raises(asked: str) -> None:
    """What a predicate raises is no answer: the failure names it, the outcome, and has its traceback."""
    put = question(asked, is_odd, ())
    with pytest.raises(RaceFailed) as caught:
        put.sought(("one", 2))
    failure = caught.value.failure
    assert failure.kind == "raised"
    assert failure.text.startswith("is_odd, asked about the outcome ('one', 2), raised TypeError: ")
    assert "in is_odd" in failure.details
    assert "in sought" not in failure.details
    assert isinstance(caught.value.__cause__, TypeError)


def test_truth_raises() -> None:
    """Nor is it an answer if what the predicate returned has no truth."""

    class Moody:
        def __bool__(self) -> bool:
            raise LookupError("no truth in it")

    def moody(_: object) -> Moody:
        return Moody()

    with pytest.raises(RaceFailed) as caught:
        question("ever", moody, ()).sought(1)
    assert caught.value.failure.text == "moody, asked about the outcome 1, raised LookupError: no truth in it"


def test_predicate_interrupted() -> None:
    """Ctrl-C is nobody's failure."""

    def interrupted(_: object) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        question("ever", interrupted, ()).sought(1)


# --- an exception's type


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    ("about", "exceptions"), [(KeyError, ()), (KeyError, (ValueError,)), (KeyError, (LookupError,))]
)
def test_exception_that_is_not_asked_for(
    asked: str, about: type[BaseException], exceptions: tuple[type[BaseException], ...]
) -> None:
    """A type that can be no outcome of the race, not even by its base class, cannot be asked about."""
    with pytest.raises(ValueError, match=rf"race\.{asked}\(KeyError\): .* lab\.race\(\.\.\., exceptions=KeyError\)"):
        question(asked, about, exceptions)


# --- a crash


def test_crash() -> None:
    """A crash is an outcome with a name; nothing else is equal to it."""
    put = question("ever", Lab.CRASH, ())
    assert put.words == "lab.CRASH"
    assert put.sought(CRASH) is True
    assert put.sought("lab.CRASH") is False


# --- bad input


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("about", [[1], {"a": 1}, {1}, ([1], 2)], ids=repr)
def test_unhashable(asked: str, about: Any) -> None:
    """What cannot be hashed is no outcome: that names the question, and points to predicates."""
    with pytest.raises(TypeError) as caught:
        question(asked, about, ())
    assert str(caught.value) == (
        f"race.{asked}({about!r}): this cannot be hashed, so it is no outcome; ask with a predicate"
    )


@pytest.mark.parametrize("asked", ASKED)
def test_not_a_number(asked: str) -> None:
    """NaN is equal to nothing, so "never NaN" would be true of anything."""
    with pytest.raises(ValueError, match=rf"race\.{asked}\(nan\): .*not equal to itself; ask with a predicate"):
        question(asked, math.nan, ())
    assert question("ever", math.isnan, ()).sought(math.nan)


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
    """A witness says yes to "ever", and no to the others."""
    assert Question(asked, "it", bool).answer(witnessed=witnessed) is answer
