"""Questions that have no answer, and the evidence of questions."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.lab.processes import forked
from pytest_concclaims.lab.race import conditions, runner
from pytest_concclaims.lab.race.race import Race
from pytest_concclaims.lab.race.samples import sampler
from pytest_concclaims.lab.race.samples import search as sample_search
from pytest_concclaims.lab.race.samples.findings import Findings
from pytest_concclaims.lab.race.schedules.explorer import Explored
from pytest_concclaims.lab.race.schedules.search import ScheduleSearch
from pytest_concclaims.lab.race.schedules.searched import Searched
from pytest_concclaims.records.evidence import RaceRun

T = TypeVar("T")


def last(lab: Lab) -> RaceRun:
    """Return the evidence of the last question."""
    run = lab.evidence[-1]
    assert isinstance(run, RaceRun)
    return run


@contextmanager
def samples_alone() -> Iterator[None]:
    """Answer questions by samples only; no schedule is run."""
    with pytest.MonkeyPatch.context() as patch:
        none = Searched(False, Explored(doubt="schedules are switched off"))
        patch.setattr(ScheduleSearch, "ask", lambda *_: none)
        yield


def all_strategies_used(findings: Findings) -> bool:
    """Return whether each strategy has made samples of the race."""
    used = findings.race.tally.by_strategy
    return all(strategy in used and used[strategy].samples for strategy in findings.strategies)


def ask_in_vain(
    race: Race, asked: str, about: Any, enough: Callable[[Findings], object]
) -> pytest.ExceptionInfo[Inconclusive]:
    """Ask samples a question that has no answer, and end the budget as soon as enough was seen.

    :param enough: is called with the findings where they are made: in the child, or in this process.
    """
    begun: list[float] = []

    def clock() -> float:
        now = time.perf_counter()
        if not begun:  # the question is asked; the findings may be those of an earlier one
            begun.append(now)
            return now
        return now + (race._runner.conditions.budget if enough(race._runner.findings) else 0.0)

    with samples_alone(), pytest.MonkeyPatch.context() as patch:
        for module in (runner, sampler, sample_search):
            patch.setattr(module, "clock", clock)
        with pytest.raises(Inconclusive) as caught:
            getattr(race, asked)(about)
    assert enough(race._runner.findings), f"the budget was over before enough was seen: {race!r}"
    return caught


def let_child_time_out(monkeypatch: pytest.MonkeyPatch, *, when: Callable[[], object]) -> None:
    """Let the child of a race time out at an event, and not before, even on a busy machine.

    :param when: returns whether the event has happened.
    """

    def run_forked(work: Callable[[], T], *, deadline: float, **_: object) -> forked.Forked[T]:
        start = time.monotonic()
        calls = itertools.count()

        def monotonic() -> float:
            elapsed = time.monotonic() - start
            if next(calls) == 0:
                return 0.0  # the deadline is counted from here
            is_over = when() or elapsed > TIMEOUT_S
            return deadline + elapsed if is_over else deadline - 0.02

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(forked, "time", SimpleNamespace(monotonic=monotonic, sleep=time.sleep))
            return forked.run_forked(work, deadline=deadline)

    monkeypatch.setattr(conditions, "run_forked", run_forked)
