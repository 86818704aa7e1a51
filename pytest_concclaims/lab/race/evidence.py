"""The evidence of a race, as it is recorded."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from ...interpreter import PYPY, gil_enabled
from ...records.evidence import RaceRun
from ...text import counted
from ..callables import name_of
from ..failure import Failed
from .experiment import Subject
from .histogram import SHOWN
from .question import OutcomeQuestion
from .runner import Result, Runner
from .samples.findings import Findings
from .samples.power import CONFIDENCE
from .samples.tally import Count
from .scenarios import Scenario
from .schedules.explorer import Explored, Witness
from .schedules.replay import token
from .schedules.searched import Searched
from .schedules.side import EndedBySchedule


def evidence_of(
    runner: Runner,
    asked: OutcomeQuestion,
    answer: bool | None,
    result: Result,
    *,
    failed: Failed | None = None,
) -> RaceRun:
    """Return the evidence for the answer to a question.

    :param answer: None if there is none.
    :param failed: the failure that ended the question.
    """
    findings, experiment = runner.findings, runner.experiment
    race, control, outcomes = findings.race.tally, findings.control.tally, runner.outcomes
    searched = result.searched
    return RaceRun(
        question=asked.asked,
        about=asked.words,
        answer=answer,
        actors=names_of(experiment.race),
        rounds=experiment.race.rounds,
        samples=race.total.samples,
        overlapping=race.total.overlapping,
        strides=race.strides,
        seconds=round(findings.seconds + searched.seconds, 4),
        budget=runner.conditions.budget,
        in_process=runner.conditions.in_process,
        seen=race.seen.samples,
        outcomes=[{**asdict(count), "outcome": str(count.outcome)} for count in outcomes[:SHOWN]],
        other_outcomes=max(0, len(outcomes) - SHOWN),
        witness=_witness(result, experiment.race) if failed is None else _witness_of_failure(failed),
        interrupted=experiment.race.interrupted,
        control={
            "matched": experiment.matched,
            "actors": names_of(experiment.control),
            "samples": control.total.samples,
            "overlapping": control.total.overlapping,
            "strides": control.strides,
            "seen": None if result.findings is None else control.seen.overlapping,
            "without_locks": list(experiment.removed_locks),
        },
        orders=[{"calls": list(calls), "outcome": outcome} for calls, outcome in searched.race.in_order],
        scenarios=_scenarios(experiment.race, searched),
        strategies=_strategies(findings),
        schedules=_schedules(searched, findings.remarks, experiment.race),
        bound=result.bound,
        confidence=CONFIDENCE,
        lacking=result.lacking,
        failure=None if failed is None else asdict(failed.failure),
    )


def names_of(subject: Subject) -> list[str]:
    """Return the names of a subject's actors."""
    return subject.names() if subject.interrupted else list(subject.labels) or list(map(name_of, subject.actors))


def _witness(result: Result, race: Subject) -> dict[str, Any] | None:
    searched, findings = result.searched, result.findings
    if searched.witness is not None:
        return _by_schedule(searched.witness, race, portable=searched.portable)
    if findings is None or findings.race.tally.witness is None:
        return None
    sighting = asdict(findings.race.tally.witness)
    sighting["seconds"] = round(sighting["seconds"], 6)
    table = _table(race, findings.scenario, ())
    return {**sighting, "steps": None, "replay": None, "scenario": table, "remark": result.remark}


def _witness_of_failure(failed: Failed) -> dict[str, Any] | None:
    if not isinstance(failed, EndedBySchedule) or not failed.witness.steps:
        return None
    return {**_by_schedule(failed.witness, failed.subject, portable=failed.portable), "overlapping": True}


def _by_schedule(witness: Witness, subject: Subject, *, portable: bool) -> dict[str, Any]:
    return {
        "outcome": witness.outcome,
        "seconds": round(witness.seconds, 6),
        "sample": witness.number,
        "strategy": f"schedule with {counted(witness.preemptions, 'preemption')}",
        "switch_interval": None,
        "overlapping": witness.preemptions > 0,
        "steps": [asdict(step) for step in witness.steps] or None,
        "replay": str(token(subject, witness.schedule, portable=portable, scenario=witness.scenario)),
        "scenario": _table(subject, witness.scenario, witness.results),
        "remark": None,
    }


def _table(
    race: Subject, scenario: Scenario | None, results: Sequence[Sequence[str]]
) -> list[list[dict[str, Any]]] | None:
    """Return the calls of each thread of a scenario with their results; a result is None where it is unknown."""
    if scenario is None:
        return None
    known = [[*of_thread, *[None] * len(calls)] for of_thread, calls in zip_longest(results, scenario, fillvalue=())]
    return [
        [{"call": name_of(race.operations[number]), "result": result} for number, result in zip(calls, of_thread)]
        for calls, of_thread in zip(scenario, known)
    ]


def _schedules(searched: Searched, remarks: Sequence[str], subject: Subject) -> dict[str, Any] | None:
    race = searched.race
    if not race.run and race.unordered is None:
        return None
    return {
        "grade": "portable" if searched.portable else "here",
        "interpreter": _interpreter(in_processes=subject.in_processes),
        "switch_points": list(race.points[:1] if subject.interrupted else race.points),
        **_explored(race),
        "run": race.run - race.random_run,
        "further": race.further,
        "random": None
        if not race.random_run
        else {"run": race.random_run, "preemptions": (race.preemptions or 0) + 1, "chance": race.chance},
        "unrepeatable": race.unrepeatable,
        "seconds": round(race.seconds, 4),
        "control": None if searched.control is None else _explored(searched.control),
        "remarks": [*race.remarks, *searched.remarks, *remarks],
        "portable": None if searched.anywhere is None else _explored(searched.anywhere),
    }


def _interpreter(*, in_processes: bool) -> str:
    name, version = platform.python_implementation(), ".".join(platform.python_version_tuple()[:2])
    if in_processes:
        return f"{name} {version}, in processes"
    return f"{name} {version}{'' if PYPY else ' with the GIL' if gil_enabled() else ' without a GIL'}"


def _scenarios(race: Subject, searched: Searched) -> dict[str, Any] | None:
    """Return which scenarios were run; None if the race has no operations."""
    if not race.operations:
        return None
    return {
        "operations": [name_of(operation) for operation in race.operations],
        "shapes": [asdict(shape) for shape in searched.race.shapes],
    }


def _explored(explored: Explored) -> dict[str, Any]:
    return {
        "run": explored.run,
        "seen": explored.seen,
        "preemptions": explored.preemptions,
        "exhausted": explored.exhausted,
    }


def _strategies(findings: Findings) -> list[dict[str, Any]]:
    samples = findings.race.tally.by_strategy
    used = findings.strategies if samples else ()
    return [{"strategy": strategy.value, **asdict(samples.get(strategy, Count()))} for strategy in used]
