"""What the tests of races share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from helpers import race_questions
from pytest_concclaims.interpreter import PYPY


@pytest.fixture
def samples_alone() -> Iterator[None]:
    """Have questions answered by samples: no schedule is run."""
    with race_questions.samples_alone():
        yield


@pytest.fixture
def interpreted() -> Iterator[None]:
    """Have the code of races in this process interpreted, also on PyPy.

    Compiled code hands the GIL over at the ends of loops only, so that a generic control is not seen; and what is
    compiled depends on the tests that ran in this process before.
    """
    if not PYPY:
        yield
        return
    import pypyjit  # type: ignore[import-not-found]  # PyPy only

    pypyjit.set_param("off")
    yield
    pypyjit.set_param("default")
