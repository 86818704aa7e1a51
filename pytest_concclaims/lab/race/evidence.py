"""The evidence of a race, for the record."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import asdict
from typing import Any

from ...records.evidence import RaceRun
from ..callables import name_of
from ..failure import Failure
from .experiment import Subject
from .findings import RaceFindings
from .histogram import SHOWN, counts
from .power import CONFIDENCE
from .progress import Progress
from .question import OutcomeQuestion, shown
from .runner import Runner
from .tally import Count


def evidence_of(
    runner: Runner,
    put: OutcomeQuestion,
    answer: bool | None,
    progress: Progress | None,
    failure: Failure | None,
    *,
    lacking: str | None = None,
) -> RaceRun:
    """Return what a question has seen, for the record.

    :param answer: None where there is none.
    :param progress: None where a failure ended it.
    :param lacking: why there is no answer.
    """
    findings, experiment = runner.findings, runner.experiment
    race, control = findings.race.tally, findings.control.tally
    absence = None if progress is None else progress.absence
    return RaceRun(
        question=put.asked,
        about=put.words,
        answer=answer,
        actors=names_of(experiment.race),
        rounds=experiment.race.rounds,
        samples=race.total.samples,
        overlapping=race.total.overlapping,
        strides=race.strides,
        seconds=round(findings.seconds, 4),
        budget=runner.budget,
        in_process=runner.in_process,
        seen=0 if progress is None else progress.seen.samples,
        outcomes=[_outcome(*item) for item in counts(race)[:SHOWN]],
        other_outcomes=max(0, len(counts(race)) - SHOWN),
        witness=_witness(progress),
        control={
            "matched": experiment.matched,
            "actors": names_of(experiment.control),
            "samples": control.total.samples,
            "overlapping": control.total.overlapping if absence is None else absence.control_overlapping,
            "strides": control.strides,
            "seen": None if absence is None else absence.control_seen,
        },
        strategies=_strategies(findings),
        schedules=None,
        bound=None if absence is None or answer is None or _seen(progress) else absence.bound,
        confidence=CONFIDENCE,
        lacking=lacking,
        failure=None if failure is None else asdict(failure),
    )


def _seen(progress: Progress | None) -> bool:
    return progress is not None and progress.seen.samples > 0


def names_of(subject: Subject) -> list[str]:
    """Return the names of a subject's actors."""
    return [name_of(actor) for actor in subject.actors]


def _outcome(outcome: Hashable, count: Count) -> dict[str, Any]:
    return {"outcome": shown(outcome), "samples": count.samples, "overlapping": count.overlapping, "schedules": 0}


def _witness(progress: Progress | None) -> dict[str, Any] | None:
    if progress is None or progress.witness is None:
        return None
    sighting = asdict(progress.witness)
    sighting["seconds"] = round(sighting["seconds"], 6)
    return {"outcome": progress.outcome, **sighting, "steps": None, "replay": None, "remark": None}


def _strategies(findings: RaceFindings) -> list[dict[str, Any]]:
    samples = findings.race.samples_by_strategy
    made = [(strategy, samples.get(strategy, Count())) for strategy in findings.strategies]
    return [
        {"strategy": strategy.value, "samples": count.samples, "overlapping": count.overlapping}
        for strategy, count in made
    ]
