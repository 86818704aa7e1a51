"""Scales take any numbers."""

from __future__ import annotations

import itertools

import pytest

from helpers.pictures import EXTREMES
from pytest_concclaims.reports.charts.scale import Scale, scale_over


@pytest.mark.parametrize("options", [{}, {"from_zero": True}, {"may_be_logarithmic": False}], ids=str)
def test_scales_take_any_numbers(options: dict[str, bool]) -> None:
    """Every position is on the axis; ticks are few, in order, and lie within."""
    for low, high in itertools.product(EXTREMES, EXTREMES):
        scale = scale_over([low, high], **options)
        assert scale.low < scale.high
        assert 0 <= scale.at(min(low, high)) <= scale.at(max(low, high)) <= 1
        for binary in (False, True):
            ticks = scale.ticks(binary=binary)
            assert 1 <= len(ticks) <= 12
            assert ticks == sorted(ticks)
            assert all(0 <= scale.at(tick) <= 1 for tick in ticks)


def test_positions_beyond_a_scale_are_at_its_ends() -> None:
    """Nothing is drawn outside."""
    assert [Scale(1, 2).at(value) for value in (-1e308, 1.5, 1e308)] == [0, 0.5, 1]
    assert [Scale(1, 100, logarithmic=True).at(value) for value in (-1, 0, 10, 1e308)] == [0, 0, 0.5, 1]


def test_ticks_are_round() -> None:
    """Also on a logarithmic scale, and of bytes."""
    assert scale_over([0.3, 3.9]).ticks() == [1, 2, 3, 4]
    assert scale_over([1, 2_000]).ticks() == [1, 10, 100, 1_000]
    assert scale_over([2**20, 3 * 2**20]).ticks(binary=True) == [
        2**20,
        1.5 * 2**20,
        2 * 2**20,
        2.5 * 2**20,
        3 * 2**20,
    ]
