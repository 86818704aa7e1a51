"""The benchmark of truth: an answer is wrong only if an outcome contradicts it, and outcomes are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.benchmark_modules import benchmark_module

truth = benchmark_module("truth")


@pytest.mark.parametrize(
    ("answer", "known", "judged"),
    [
        ("never", (1, 1000), "WRONG"),
        ("never", (0, 1000), "never"),
        ("ever", (1, 1000), "ever"),
        ("ever", (0, 1000), "suspicious"),
        ("never", None, "never"),
        ("inconclusive", (1, 1000), "inconclusive"),
    ],
)
def test_answers_are_judged(answer: str, known: tuple[int, int] | None, judged: str) -> None:
    """By what threads that run freely have shown."""
    assert truth.judge(answer, known) == judged


def test_what_was_shown_is_kept(tmp_path: Path) -> None:
    """By interpreter and object."""
    shown = {"CPython 3.9": {"plain": (3, 1000)}, "PyPy 3.11": {"plain": (0, 2000), "fill by len": (1, 5)}}
    truth.save(shown, tmp_path / "truth.json")
    assert truth.load(tmp_path / "truth.json") == shown


def test_nothing_was_shown_at_first(tmp_path: Path) -> None:
    """There is no file at first."""
    assert truth.load(tmp_path / "truth.json") == {}
