"""Units that fit."""

from __future__ import annotations

import pytest

from pytest_concclaims.reports.charts.units import in_seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (1.5, "1.5 s"),
        (0.02, "20 ms"),
        (3e-5, "30 µs"),
        (2e-9, "2 ns"),
        (4000, "4,000 s"),
        (0.9999, "1 s"),
    ],
)
def test_seconds_have_a_unit_that_fits(seconds: float, words: str) -> None:
    """Such that there are few digits before the point."""
    assert in_seconds(seconds) == words
