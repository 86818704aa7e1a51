"""Which end of a claim's test function leads to which verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import pytest

from ..verdict import Inconclusive, NotApplicable, Verdict


@dataclass(frozen=True)
class Decision:
    """What the end of a trial means.

    :param reason: why there is no verdict, where there is none.
    :param cause: the exception that it rests on, if one.
    """

    verdict: Verdict
    reason: str | None = None
    cause: BaseException | None = None


#: Modules of pytest whose ``Failed`` means that ``raises`` or ``warns`` saw nothing: in pytest 8.4 the former
#: moved from python_api to raises.
_SEEING_NOTHING = frozenset({"_pytest.python_api", "_pytest.raises", "_pytest.recwarn"})


def decide(error: BaseException | None, *, asserted: bool, is_claims_code: Callable[[FrameType], bool]) -> Decision:
    """Return what the end of a claim's test function means.

    :param error: what the function raised; None if it returned.
    :param asserted: whether an assertion of its own held.
    :param is_claims_code: whether a frame's code speaks for the claim.
    """
    if error is None:
        if asserted:
            return Decision(Verdict.CONFIRMED)
        return Decision(
            Verdict.ERROR,
            "the claim returned, and no assertion of its own had held; write assert before what is claimed",
        )
    if isinstance(error, Inconclusive):
        return Decision(Verdict.INCONCLUSIVE, str(error) or "no reason was given")
    if isinstance(error, NotApplicable):
        return Decision(Verdict.NOT_APPLICABLE, str(error) or "no reason was given")
    if isinstance(error, pytest.skip.Exception):
        return Decision(Verdict.NOT_APPLICABLE, str(error) or "no reason was given", error)
    if isinstance(error, pytest.xfail.Exception):
        return Decision(Verdict.ERROR, "pytest.xfail() in a claim; say the expected verdict with refuted")
    frames = _frames(error)
    if isinstance(error, AssertionError) and is_claims_code(frames[-1]):
        return Decision(Verdict.REFUTED, cause=error)
    if isinstance(error, pytest.fail.Exception) and _saw_nothing(error, frames, is_claims_code):
        return Decision(Verdict.REFUTED, cause=error)
    message = str(error).partition("\n")[0]  # the rest, a traceback perhaps, is in the evidence
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if isinstance(error, AssertionError):
        text = f"an assertion outside the claim's code failed: {text}"
    return Decision(Verdict.ERROR, text, error)


def _frames(error: BaseException) -> list[FrameType]:
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    return frames


def _saw_nothing(error: BaseException, frames: list[FrameType], is_claims_code: Callable[[FrameType], bool]) -> bool:
    """Return whether ``pytest.raises`` or ``warns``, used by the claim's code, waited in vain.

    ``pytest.warns`` says so also when an exception ended its block: then the block did not run.
    """
    if error.__context__ is not None:
        return False
    modules = [str(frame.f_globals.get("__name__")) for frame in frames]
    while modules and modules[-1] == "_pytest.outcomes":
        modules.pop()
    helper = len(modules)
    while modules and modules[-1] in _SEEING_NOTHING:
        modules.pop()
    return 0 < len(modules) < helper and is_claims_code(frames[len(modules) - 1])
