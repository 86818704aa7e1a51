"""Documentation, page "ctypes"."""

from __future__ import annotations

import ctypes

import pytest

from pytest_concclaims import Lab

from .turns import two_threads

SOURCE = "docs: ctypes, loading shared libraries, use_errno"


@pytest.mark.claim("ctypes has a copy of errno for each thread", source=SOURCE)
def test_each_thread_has_a_copy_of_errno(lab: Lab) -> None:
    with two_threads() as (first, second):
        second(ctypes.set_errno, 0)
        first(ctypes.set_errno, 5)
        own, other = first(ctypes.get_errno), second(ctypes.get_errno)
    lab.require(own == 5, "the thread that sets it sees it")
    lab.note(f"one thread has set it to 5; in another one, it is {other}")
    assert other == 0
