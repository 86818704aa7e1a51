"""How tests ask a race what it cannot answer, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.lab.race.race import Race
from pytest_concclaims.records.evidence import RaceRun

#: Seconds after which something that must happen is given up; a machine may be very busy.
PATIENCE = 120.0


def last(lab: Lab) -> RaceRun:
    """Return the evidence of the last question."""
    run = lab.evidence[-1]
    assert isinstance(run, RaceRun)
    return run


def ask_in_vain(race: Race, asked: str, about: Any, until: Callable[[], bool]) -> pytest.ExceptionInfo[Inconclusive]:
    """Ask what has no answer, at least once: a machine may be too busy for what is to come of it the first time."""
    end = time.monotonic() + PATIENCE
    while True:
        with pytest.raises(Inconclusive) as caught:
            getattr(race, asked)(about)
        if until():
            return caught
        assert time.monotonic() < end, f"still not what was waited for: {race!r}"
