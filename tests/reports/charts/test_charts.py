"""Every picture can be drawn, whatever the numbers and texts are."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from helpers.pictures import EXTREMES, HOSTILE, outcome, race_with, read, slices, text_of
from helpers.sample_records import EVIDENCE, MEMORY, RACE, RATIO, SCHEDULED
from pytest_concclaims.records.evidence import MemoryRun, RaceRun, RatioRun, WorkersRun
from pytest_concclaims.records.interleaving import Step
from pytest_concclaims.reports import charts as pictures


@pytest.mark.parametrize("number", EXTREMES)
def test_costs_and_slices_of_any_size_are_drawn(number: float) -> None:
    """Without an error."""
    arm = {"name": HOSTILE, "calls": 0, "median": number, "seconds": [number], "bytes": [int(number)]}
    assert read(pictures.costs(replace(RATIO, arms=[arm, {**arm, "seconds": [number, 0.0] * 50}]))) is not None
    assert read(pictures.costs(replace(MEMORY, arms=[arm]))) is not None
    assert read(pictures.slices(slices(1, low=number, high=number, before=[0.0, number], delay=number))) is not None


@pytest.mark.parametrize("piece", EVIDENCE, ids=lambda piece: str(piece.kind))
def test_pictures_of_the_samples_can_be_parsed(piece: object) -> None:
    """Of each kind of evidence that has any."""
    if isinstance(piece, RaceRun):
        assert read(pictures.outcomes(piece) + pictures.control(piece) + pictures.lanes(piece)) is not None
    if isinstance(piece, (RatioRun, MemoryRun)):
        assert read(pictures.costs(piece) + pictures.against_threshold(piece)) is not None
    if isinstance(piece, WorkersRun):
        assert read(pictures.slices(piece) + pictures.against_threshold(piece)) is not None


def test_texts_in_pictures_are_harmless() -> None:
    """They are shown as they are written, and steer nothing."""
    steps = [asdict(Step(0, HOSTILE, 1, HOSTILE, f"raised {HOSTILE}")), asdict(Step(1, "x.py", 1, HOSTILE, "folded"))]
    attacked = replace(SCHEDULED, witness={**(SCHEDULED.witness or {}), "steps": steps, "replay": HOSTILE})
    arms = [{**arm, "name": HOSTILE} for arm in RATIO.arms]
    for markup in (
        pictures.outcomes(race_with(outcome(HOSTILE, 1, 1))),
        pictures.control(replace(RACE, control={**RACE.control, "actors": [HOSTILE, "b"]})),
        pictures.lanes(replace(SCHEDULED, actors=[HOSTILE, "b"])),
        pictures.lanes(replace(attacked, actors=["a", "b"])),
        pictures.costs(replace(RATIO, arms=arms)),
        pictures.slices(slices(1, unfit=HOSTILE)),
    ):
        assert "<script" not in markup
        assert "<script>alert(1)</script> \\x1b[31m \\x202e \\xd800 \" ' &" in text_of(markup)
