"""The callables of instruments: which are accepted, and how their exceptions are handled."""

from __future__ import annotations

import bdb
import functools
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from pytest_concclaims.lab.callables import begin, callable_argument, failures_of
from pytest_concclaims.lab.failure import Failed, Failure

pytestmark = pytest.mark.interpreter


def plain() -> int:
    """Return a number."""
    return 1


def generator() -> Iterator[int]:
    """Yield, so that a call of it runs nothing."""
    yield 1


async def coroutine() -> None:
    """Do nothing, once it is awaited."""


async def async_generator() -> AsyncIterator[int]:
    """Yield, once it is iterated."""
    yield 1


@contextmanager
def thing() -> Iterator[int]:
    """Begin and end something."""
    yield 1


class Generating:
    """An instance whose call is a generator."""

    def __call__(self) -> Iterator[int]:
        """Yield, as an instance."""
        yield 1

    def method(self) -> Iterator[int]:
        """Yield, as a method."""
        yield 1


class Calling:
    """A callable instance."""

    def __call__(self) -> None:
        """Do nothing."""


# --- functions


@pytest.mark.parametrize(
    "given", [plain, lambda: 1, thing, functools.partial(int, "1"), Calling(), Calling, [].copy, len, ExitStack]
)
def test_anything_that_runs_when_called(given: object) -> None:
    """Functions, methods, types, partial functions, and makers of context managers are returned unchanged."""
    assert callable_argument("lab.ratio", "a", given) is given


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (generator, "generator"),
        (coroutine, "coroutine"),
        (async_generator, "async_generator"),
        (functools.partial(functools.partial(generator)), "generator"),
        (Generating().method, "method"),
        (Generating(), "Generating object"),
    ],
)
def test_what_runs_nothing_when_called(given: object, name: str) -> None:
    """A call of a generator or coroutine function would time nothing; the error says what to write."""
    words = rf"^lab\.ratio: b is .*{name}.*, a coroutine or generator function: .* contextlib\.contextmanager$"
    with pytest.raises(TypeError, match=words):
        callable_argument("lab.ratio", "b", given)


@pytest.mark.parametrize("kind", ["generator", "asynchronous generator", "coroutine"])
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_what_has_run_nothing_when_it_was_called(kind: str) -> None:
    """For a lambda, the check is possible only after the call, by what it returned."""
    function = {"generator": generator, "asynchronous generator": async_generator, "coroutine": coroutine}[kind]
    with ExitStack() as stack, pytest.raises(Failed) as failed:
        begin(lambda: function(), stack)
    text = failed.value.failure.text
    del failed  # its traceback refers to the coroutine, of which Python warns when it is collected
    gc.collect()
    assert f"returned a {kind}, so its code has not run" in text


@pytest.mark.parametrize(
    ("given", "shown"), [(None, "None"), (5, "5"), ("plain", "'plain'"), ([plain], r"\[<function")]
)
def test_no_function(given: object, shown: str) -> None:
    """The error shows what cannot be called, as it is most likely the result of a call."""
    words = rf"^lab\.ratio: a is {shown}.*, which cannot be called; pass the function itself$"
    with pytest.raises(TypeError, match=words):
        callable_argument("lab.ratio", "a", given)


def test_what_cannot_be_called_is_shown_in_short() -> None:
    """The message stays short for a long list."""
    with pytest.raises(TypeError) as caught:
        callable_argument("lab.ratio", "a", list(range(10_000)))
    assert len(str(caught.value)) < 200


# --- failures


@pytest.mark.parametrize(
    "error",
    [
        LookupError("lost"),
        AssertionError("no"),
        SystemExit(3),
        StopIteration("end"),
        pytest.skip.Exception("not here"),
        pytest.fail.Exception("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_is_raised_is_a_failure(error: BaseException) -> None:
    """It includes the outcomes of a test, as they are about one call, and not about the measurement."""
    with pytest.raises(Failed) as caught, failures_of("start"):
        raise error
    assert caught.value.__cause__ is error
    failure = caught.value.failure
    assert failure.kind == "raised"
    assert failure.text == f"start raised {type(error).__name__}: {error}"
    assert "Traceback (most recent call last)" in failure.details


@pytest.mark.parametrize("stop", [KeyboardInterrupt, bdb.BdbQuit, GeneratorExit])
def test_exceptions_that_stop_the_run_are_no_failures(stop: type[BaseException]) -> None:
    """A Ctrl-C of the user, and the end of a debugger, are raised as they are."""
    with pytest.raises(stop), failures_of("start"):
        raise stop


def test_failure_is_reported_once() -> None:
    """A failure of a nested call keeps its name."""
    failed = Failed(Failure("raised", "inner raised LookupError", ""))
    with pytest.raises(Failed) as caught, failures_of("outer"), failures_of("inner"):
        raise failed
    assert caught.value is failed


def test_nothing_raised() -> None:
    """A block that raises nothing is not a failure."""
    with failures_of("start"):
        plain()


# --- things that begin and end


def test_context_manager_is_entered_and_left_with_the_stack() -> None:
    """Contexts are exited at the end of the stack, the latest first."""
    events = []

    @contextmanager
    def started(name: str) -> Iterator[None]:
        events.append(f"begin {name}")
        yield
        events.append(f"end {name}")

    with ExitStack() as stack:
        assert begin(lambda: started("one"), stack) is True
        assert begin(lambda: started("other"), stack) is True
        assert events == ["begin one", "begin other"]
    assert events[2:] == ["end other", "end one"]


@pytest.mark.parametrize("returned", [None, 1, [1]], ids=repr)
def test_anything_else_is_just_called(returned: object) -> None:
    """Other values are not entered."""
    with ExitStack() as stack:
        assert begin(lambda: returned, stack) is False


def test_other_context_managers_are_values() -> None:
    """A lock that is returned is not acquired."""
    lock = threading.Lock()
    with ExitStack() as stack:
        assert begin(lambda: lock, stack) is False
        assert not lock.locked()


def test_what_is_returned_is_kept_as_long_as_the_stack() -> None:
    """The returned object lives until the end of the stack, without other references."""

    class Started:
        pass

    started: list[weakref.ref[Started]] = []

    def start() -> Started:
        thing = Started()
        started.append(weakref.ref(thing))
        return thing

    with ExitStack() as stack:
        begin(start, stack)
        gc.collect()
        assert started[0]() is not None
