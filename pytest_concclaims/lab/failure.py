"""What goes wrong in what an instrument runs, in words that travel between processes."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass

_PACKAGE = os.path.dirname(__file__) + os.sep  # noqa: PTH120  (compared with names of code, as text)


@dataclass(frozen=True)
class Failure:
    """Why an experiment came to no end that says anything.

    :param kind: ``raised``, ``hang``, ``crash`` or ``ended``.
    :param text: what happened, on one line.
    :param details: the traceback, or the stacks of all threads.
    """

    kind: str
    text: str
    details: str


def raised(what: str, error: BaseException) -> Failure:
    """Return the failure of something that raised; the traceback begins with the code that was called."""
    if isinstance(error.__cause__, ElsewhereError):
        return Failure("raised", f"{what} raised {_described(error)}", error.__cause__.details)
    called = error.__traceback__
    while called is not None and is_own(called.tb_frame.f_code.co_filename):
        called = called.tb_next
    details = "".join(traceback.format_exception(type(error), error, called))
    return Failure("raised", f"{what} raised {_described(error)}", details)


def is_own(filename: str) -> bool:
    """Return whether a file is an instrument's, and not of what it runs."""
    return filename.startswith(_PACKAGE)


class ElsewhereError(Exception):
    """The cause of an exception that was raised in another process: stands for its traceback there.

    :param details: the traceback.
    :param is_of_the_call: as :func:`is_of_the_call` says there.
    """

    def __init__(self, details: str, *, is_of_the_call: bool) -> None:
        super().__init__(details)
        self.details = details
        self.is_of_the_call = is_of_the_call


def is_of_the_call(error: BaseException) -> bool:
    """Return whether an exception was raised by calling a function of the claim's, and not in it."""
    if isinstance(error.__cause__, ElsewhereError):
        return error.__cause__.is_of_the_call
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and is_own(traceback.tb_frame.f_code.co_filename)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Failed(BaseException):
    """Carries a failure out of an experiment; of no interest to anything that runs in it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure
