"""What claims run in an interpreter of its own.

That interpreter imports the module, so it imports nothing that would slow it.
"""

from __future__ import annotations

import sys
import warnings
from typing import NamedTuple

from .turns import in_a_new_thread, two_threads


def flags_of_this_interpreter() -> tuple[bool, bool]:
    """Return ``context_aware_warnings`` and ``thread_inherit_context``."""
    return bool(sys.flags.context_aware_warnings), bool(sys.flags.thread_inherit_context)  # type: ignore[attr-defined,unused-ignore]


def warning_is_an_error() -> bool:
    """Return whether a warning raises an exception here."""
    try:
        warnings.warn("a warning", stacklevel=2)
    except UserWarning:
        return True
    return False


class Overlap(NamedTuple):
    """What two threads see that use ``catch_warnings`` at the same time, and what they leave.

    :param flags: see :func:`flags_of_this_interpreter`.
    :param own: whether the filter of the first applies in the first.
    :param other: whether it applies in the second.
    :param left: whether it applies when both have left ``catch_warnings``.
    """

    flags: tuple[bool, bool]
    own: bool
    other: bool
    left: bool


def overlapping_catch_warnings() -> Overlap:
    """Let two threads enter ``catch_warnings`` one after the other, and leave it in the same order."""
    with two_threads() as (first, second):
        of_first, of_second = warnings.catch_warnings(), warnings.catch_warnings()
        first(of_first.__enter__)
        first(warnings.simplefilter, "error")
        own = first(warning_is_an_error)
        second(of_second.__enter__)
        other = second(warning_is_an_error)
        first(of_first.__exit__, None, None, None)
        second(of_second.__exit__, None, None, None)
    return Overlap(flags_of_this_interpreter(), own, other, warning_is_an_error())


def filter_in_a_new_thread() -> tuple[tuple[bool, bool], bool]:
    """Return the flags, and whether the filter of a ``catch_warnings`` applies in a thread that starts within."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return flags_of_this_interpreter(), in_a_new_thread(warning_is_an_error)


def precision_in_a_new_thread() -> tuple[tuple[bool, bool], int]:
    """Return the flags, and the precision in a thread that starts where it was changed."""
    import decimal

    decimal.DefaultContext.prec = 12
    decimal.getcontext().prec = 20
    return flags_of_this_interpreter(), in_a_new_thread(lambda: decimal.getcontext().prec)
