"""Failures of the code that an instrument runs, in a form that can be sent between processes."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass

_PACKAGE = os.path.dirname(__file__) + os.sep  # noqa: PTH120  (compared with names of code, as text)


@dataclass(frozen=True)
class Failure:
    """What ended an experiment without a result.

    :param kind: ``raised``, ``hang``, ``crash`` or ``ended``.
    :param text: what happened, on one line.
    :param details: the traceback, or the stacks of all threads.
    """

    kind: str
    text: str
    details: str


def raised(what: str, error: BaseException) -> Failure:
    """Return the failure of code that raised; its traceback begins outside of this package."""
    if isinstance(error.__cause__, ElsewhereError):
        return Failure("raised", f"{what} raised {_described(error)}", error.__cause__.details)
    called = error.__traceback__
    while called is not None and is_own(called.tb_frame.f_code.co_filename):
        called = called.tb_next
    details = "".join(traceback.format_exception(type(error), error, called))
    return Failure("raised", f"{what} raised {_described(error)}", details)


def is_own(filename: str) -> bool:
    """Return whether a file belongs to the instruments."""
    return filename.startswith(_PACKAGE)


class ElsewhereError(Exception):
    """The cause of an exception that was raised in another process; carries its traceback.

    :param details: the traceback.
    :param is_of_the_call: what :func:`is_of_the_call` returned there.
    """

    def __init__(self, details: str, *, is_of_the_call: bool) -> None:
        super().__init__(details)
        self.details = details
        self.is_of_the_call = is_of_the_call


def is_of_the_call(error: BaseException) -> bool:
    """Return whether an exception was raised by the call of a claim's function, and not inside the function."""
    if isinstance(error.__cause__, ElsewhereError):
        return error.__cause__.is_of_the_call
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and is_own(traceback.tb_frame.f_code.co_filename)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Failed(BaseException):
    """Carries a failure out of an experiment; a ``BaseException``, so that code in there does not catch it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure
