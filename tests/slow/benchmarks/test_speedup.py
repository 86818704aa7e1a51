"""The benchmark of speed-ups: an answer is wrong only if the truth lies on the other side of the dead zone."""

from __future__ import annotations

import pytest

from helpers.benchmark_modules import benchmark_module

speedup = benchmark_module("speedup")


@pytest.mark.parametrize(
    ("answer", "truth", "above", "judged"),
    [
        (True, (1.8, 2.1), True, "right"),
        (False, (1.8, 2.1), True, "WRONG"),
        (True, (1.8, 2.1), False, "WRONG"),
        (False, (1.8, 2.1), False, "right"),
        (True, (0.7, 1.1), True, "WRONG"),
        (False, (0.7, 1.1), True, "right"),
        (True, (0.7, 1.1), False, "right"),
        (True, (1.3, 1.7), True, "right"),
        (False, (1.3, 1.7), True, "right"),
        (None, (1.8, 2.1), True, "inconclusive"),
    ],
)
def test_answers_are_judged(answer: bool | None, truth: tuple[float, float], above: bool, judged: str) -> None:
    """By the truth, and by which side was asked about."""
    assert speedup.judge(answer, truth, (1.4, 1.6), above=above) == judged


@pytest.mark.parametrize("name", ["compute", "compute_with_lock", "hash_much", "look_at_lock", "count_in_dict"])
def test_work_can_be_called(name: str) -> None:
    """Repeatedly."""
    for _ in range(2):
        getattr(speedup, name)()
