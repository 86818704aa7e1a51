"""The race instrument: what can come of actors that run at the same time, and what "never seen" is worth."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from ...evidence import RaceRun
from ...verdict import Inconclusive
from ..failure import Failed, Failure
from ..forked import ForkedError
from ..functions import name_of
from ..measurement import Bench
from ..tracing import is_traced
from .experiment import RaceError, Subject
from .power import CONFIDENCE
from .question import CRASH, Crash, Question, question, shown
from .running import Runner
from .sampling import Findings, Progress
from .tally import Count, Tally

__all__ = ["ASK", "CRASH", "Crash", "Histogram", "Race", "RaceError"]

#: How many outcomes, the most frequent, go into the record.
_SHOWN = 20


class Race:
    """Actors that run at the same time, again and again, each time on a fresh state; made by :meth:`Lab.race`.

    Lazy: nothing runs until a question is asked. A question samples until it is settled or the budget is spent;
    asked again, it goes on from what is there.
    """

    __hash__ = None  # type: ignore[assignment]  # a race is equal to nothing

    def __init__(self, runner: Runner, *, bench: Bench) -> None:
        self._runner = runner
        self._bench = bench
        #: Whether a question was put to it, and how that failed: that stands even if it was caught.
        self.asked = False
        self.error: RaceError | None = None

    def ever(self, outcome: Any) -> bool:
        """Return whether an outcome can come of it.

        True with the first witness; False if it was not seen although it could have been: in enough overlapping
        samples, beside a control that was.

        :param outcome: an outcome, or a predicate of outcomes; :attr:`Lab.CRASH` is the outcome of a crash.
        :raises Inconclusive: neither.
        :raises RaceError: an actor, ``setup``, ``observe`` or the predicate raised, hung or crashed.
        """
        __tracebackhide__ = True
        return self._ask("ever", outcome)

    def never(self, outcome: Any) -> bool:
        """Return whether an outcome cannot come of it: the opposite of :meth:`ever`.

        :param outcome: as of :meth:`ever`.
        :raises Inconclusive: as of :meth:`ever`.
        :raises RaceError: as of :meth:`ever`.
        """
        __tracebackhide__ = True
        return self._ask("never", outcome)

    def always(self, outcome: Any) -> bool:
        """Return whether nothing but an outcome can come of it: whether any other is never seen.

        :param outcome: as of :meth:`ever`.
        :raises Inconclusive: as of :meth:`ever`.
        :raises RaceError: as of :meth:`ever`.
        """
        __tracebackhide__ = True
        return self._ask("always", outcome)

    @property
    def outcomes(self) -> Histogram:
        """What was seen so far. Samples nothing."""
        return Histogram(self._runner.findings.race)

    def __repr__(self) -> str:
        total = self._runner.findings.race.total
        names = ", ".join(_names(self._runner.experiment.race))
        return f"<Race of {names}: {total.samples:,} samples, {total.overlapping:,} known to overlap>"

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a race is neither true nor false; {ASK}")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"a race is equal to nothing; {ASK}")

    def _ask(self, asked: str, outcome: Any) -> bool:
        """Have a question sampled, and put what came of it on record."""
        __tracebackhide__ = True
        if outcome is CRASH and asked == "always":
            raise ValueError("race.always(lab.CRASH): write race.ever(lab.CRASH) or race.never(lab.CRASH)")
        runner = self._runner
        subject = runner.experiment.race
        values = len(subject.actors) if subject.observe is None else None
        put = question(asked, outcome, subject.exceptions, values=values)
        traced = _TRACED if is_traced() else None
        try:
            with self._bench.sampling([*runner.experiment.called, outcome]):
                progress = runner.until_crash() if outcome is CRASH else runner.until_settled(put)
        except ForkedError as broken:
            self.error = RaceError(f"lab.race: what ran in a process of its own came to no end\n{broken}")
            raise self.error from broken
        except Failed as failed:
            failure = failed.failure
            self.asked = True
            self._bench.record(_evidence(runner, put, None, None, failure))
            details = f"\n{failure.details.rstrip()}" if failure.details else ""
            self.error = RaceError(f"lab.race: {failure.text}{details}")
            raise self.error from failed.__cause__
        lacking = traced or _gil_changed(runner.gil, progress.gil) or progress.lacking
        answer = None if lacking is not None else put.answer(witnessed=progress.seen.samples > 0)
        evidence = _evidence(runner, put, answer, progress, None, lacking=lacking)
        self.asked = True
        self._bench.record(evidence)
        if answer is None:
            self._bench.give_up(Inconclusive(evidence.phrase()))
        return answer


_TRACED = (
    "a tracer, profiler or debugger is active, which runs code of its own between the actors' instructions: what "
    "comes of that is not what comes of them"
)
#: What to write.
ASK = "ask race.ever(...), race.never(...) or race.always(...)"


def _gil_changed(before: bool, after: bool) -> str | None:
    if before is after:
        return None
    return (
        f"the GIL was {'on' if before else 'off'} when this was asked and {'on' if after else 'off'} at the end; "
        "import what brings it back before the race"
    )


class Histogram:
    """The outcomes that a race has seen: iterate over it for pairs of an outcome and its number of samples.

    The most frequent come first. Outcomes that no further question can be asked of are there by their ``repr``.
    """

    __hash__ = None  # type: ignore[assignment]  # a histogram is equal to nothing

    def __init__(self, tally: Tally) -> None:
        self._counts = _counts(tally)
        self._asked = tally.turns > 0

    def __iter__(self) -> Iterator[tuple[Hashable, int]]:
        if not self._asked:
            raise TypeError(f"there are no outcomes yet: a race samples only when it is asked; {ASK}")
        return iter([(outcome, count.samples) for outcome, count in self._counts])

    def __repr__(self) -> str:
        shown = ", ".join(f"{outcome!r}: {count.samples:,}" for outcome, count in self._counts[:_SHOWN])
        return f"<outcomes {shown}{', ...' if len(self._counts) > _SHOWN else ''}>" if shown else "<no outcomes yet>"

    def __contains__(self, outcome: object) -> NoReturn:
        raise TypeError(f"that an outcome is not there says nothing unless it could have been seen; {ASK}")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError(f"what is not in a histogram says nothing unless it could have been seen; {ASK}")

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a histogram is neither true nor false; {ASK}")


@dataclass(frozen=True)
class Silent:
    """Stands in a histogram for outcomes of which no further question can be asked."""

    text: str

    def __repr__(self) -> str:
        return f"<{self.text}>"


def _counts(tally: Tally) -> list[tuple[Hashable, Count]]:
    silent = [(Silent(name), count) for name, count in tally.silent.items()]
    known: list[tuple[Hashable, Count]] = [*tally.outcomes.items(), *silent]
    return sorted(known, key=lambda item: -item[1].samples)


# --- the record


def _evidence(
    runner: Runner,
    put: Question,
    answer: bool | None,
    progress: Progress | None,
    failure: Failure | None,
    *,
    lacking: str | None = None,
) -> RaceRun:
    findings, experiment = runner.findings, runner.experiment
    race = findings.race
    absence = None if progress is None else progress.absence
    return RaceRun(
        question=put.asked,
        about=put.words,
        answer=answer,
        actors=_names(experiment.race),
        rounds=experiment.race.rounds,
        samples=race.total.samples,
        overlapping=race.total.overlapping,
        strides=race.strides,
        seconds=round(findings.seconds, 4),
        budget=runner.budget,
        in_process=runner.in_process,
        seen=0 if progress is None else progress.seen.samples,
        outcomes=[_outcome(*item) for item in _counts(race)[:_SHOWN]],
        other_outcomes=max(0, len(_counts(race)) - _SHOWN),
        witness=_witness(progress),
        control={
            "matched": experiment.matched,
            "actors": _names(experiment.control),
            "samples": findings.control.total.samples,
            "overlapping": findings.control.total.overlapping if absence is None else absence.control_overlapping,
            "strides": findings.control.strides,
            "seen": None if absence is None else absence.control_seen,
        },
        strategies=_strategies(findings),
        bound=None if absence is None or answer is None or _seen(progress) else absence.bound,
        confidence=CONFIDENCE,
        lacking=lacking,
        failure=None if failure is None else asdict(failure),
    )


def _seen(progress: Progress | None) -> bool:
    return progress is not None and progress.seen.samples > 0


def _names(subject: Subject) -> list[str]:
    return [name_of(actor) for actor in subject.actors]


def _outcome(outcome: Hashable, count: Count) -> dict[str, Any]:
    return {"outcome": shown(outcome), "samples": count.samples, "overlapping": count.overlapping}


def _witness(progress: Progress | None) -> dict[str, Any] | None:
    if progress is None or progress.witness is None:
        return None
    sighting = asdict(progress.witness)
    sighting["seconds"] = round(sighting["seconds"], 6)
    return {"outcome": progress.outcome, **sighting}


def _strategies(findings: Findings) -> list[dict[str, Any]]:
    return [
        {"strategy": use.strategy.name, "samples": use.total.samples, "overlapping": use.total.overlapping}
        for use in findings.uses
    ]
