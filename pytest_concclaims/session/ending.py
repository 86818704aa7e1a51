"""The end of a claim's test function, in the terms of the verdict's rules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from ..verdict import Ending, Inconclusive, NotApplicable

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup  # type: ignore[import-not-found,unused-ignore]  # pytest needs it

#: Modules of pytest whose ``Failed`` means that ``raises`` or ``warns`` caught nothing: in pytest 8.4, ``raises``
#: moved from python_api to raises.
_CATCHING_NOTHING = frozenset({"_pytest.python_api", "_pytest.raises", "_pytest.recwarn"})


def ending_of(
    error: BaseException | None,
    *,
    is_claims_code: Callable[[FrameType], bool],
    would_be: Callable[[FrameType], bool] = lambda _: False,
) -> tuple[Ending, str | None]:
    """Return how a claim's test function ended, and the reason.

    :param error: what the function raised; None if it returned.
    :param is_claims_code: whether a frame's code belongs to the claim.
    :param would_be: whether it would if pytest rewrote its module.
    """
    if error is None:
        return Ending.RETURNED, None
    if isinstance(error, Inconclusive):
        return Ending.INCONCLUSIVE, str(error)
    if isinstance(error, (NotApplicable, pytest.skip.Exception)):
        return Ending.NOT_APPLICABLE, str(error)
    if isinstance(error, pytest.xfail.Exception):
        return Ending.RAISED, "pytest.xfail() in a claim; mark the expected verdict with refuted"
    if all(_is_refutation(raised, is_claims_code) for raised in raised_by(error)):
        return Ending.ASSERTION_FAILED, None
    message = str(error).partition("\n")[0]  # the rest, a traceback perhaps, is in the evidence
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if isinstance(error, AssertionError):
        text = f"an assertion outside the claim's code failed: {text}; {_advice(_frames(error)[-1], would_be)}"
    return Ending.RAISED, text


def raised_by(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of a plain group, as of ``asyncio`` or hypothesis; of anything else, itself.

    A subclass has another meaning: hypothesis' ``FlakyFailure`` means that the exceptions were not raised again.
    """
    if isinstance(error, BaseExceptionGroup) and type(error) in (ExceptionGroup, BaseExceptionGroup):
        for raised in error.exceptions:
            yield from raised_by(raised)
    else:
        yield error


def _is_refutation(error: BaseException, is_claims_code: Callable[[FrameType], bool]) -> bool:
    """Return whether an exception is a failed assertion of the claim's code."""
    frames = _frames(error)
    if isinstance(error, AssertionError):
        return bool(frames) and is_claims_code(frames[-1])
    return isinstance(error, pytest.fail.Exception) and _caught_nothing(error, frames, is_claims_code)


def _advice(frame: FrameType, would_be: Callable[[FrameType], bool]) -> str:
    if would_be(frame):
        module = frame.f_globals.get("__name__")
        return f"if it belongs to the claim, {register(module)}"
    return "if that refutes the claim, assert it in the claim's own code"


def register(module: object) -> str:
    """Return the advice that makes pytest rewrite a module."""
    return f"call pytest.register_assert_rewrite({module!r}) before its import, e.g. in conftest.py"


def _frames(error: BaseException) -> list[FrameType]:
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    return frames


def _caught_nothing(
    error: BaseException, frames: list[FrameType], is_claims_code: Callable[[FrameType], bool]
) -> bool:
    """Return whether ``pytest.raises`` or ``warns`` in the claim's code caught nothing.

    ``pytest.warns`` fails also if an exception ended its block; then the exception counts.
    """
    if error.__context__ is not None:
        return False
    modules = [str(frame.f_globals.get("__name__")) for frame in frames]
    while modules and modules[-1] == "_pytest.outcomes":
        modules.pop()
    helper = len(modules)
    while modules and modules[-1] in _CATCHING_NOTHING:
        modules.pop()
    return 0 < len(modules) < helper and is_claims_code(frames[len(modules) - 1])
