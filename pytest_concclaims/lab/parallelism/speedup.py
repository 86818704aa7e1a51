"""Speed-up: how many times as much work workers do per second as one of them alone."""

from __future__ import annotations

from ...records.evidence import Evidence, SpeedupRun
from ...text import several
from ..callables import name_of
from ..failure import Failure
from ..measurement import Bench, Settled, ThresholdQuestion
from ..sequential import ERROR
from ..tracing import is_traced, tracer_advice
from .experiment import WorkersExperiment
from .instrument import WorkersMeasurement
from .pairs import Pairs


class Speedup(WorkersMeasurement):
    """Calls of the work per second by all workers, over those by one worker alone; made by :meth:`Lab.speedup`.

    Only rounds count in which no worker waited for a CPU, and in which the control exceeded the number that was asked
    about, right before and after.
    """

    CALL = "lab.speedup"

    def __init__(self, described: WorkersExperiment, *, in_process: bool, budget: float, bench: Bench) -> None:
        subject = f"{several(described.workers, described.kind)} calling `{name_of(described.work)}`"
        super().__init__(described, subject, in_process=in_process, budget=budget, bench=bench)
        self._findings: Pairs

    def _none(self) -> Pairs:
        return Pairs()

    def _at_most(self) -> str:
        return f"{self._experiment.workers} workers do at most {self._experiment.workers} times as much as one"

    def _checked(self, call: str, cut: tuple[float, float]) -> tuple[float, float]:
        __tracebackhide__ = True
        if cut[0] <= 0:
            raise ValueError(
                f"{call}: the dead zone, {self.TOLERANCE:g} to either side of the number, begins at or below 0, so "
                f"nothing lies below it; take a number above {self.TOLERANCE:g}, or set the dead zone"
            )
        return super()._checked(call, cut)

    def _settle(self, low: float, high: float) -> Settled:
        if is_traced():
            slows = "a tracer, profiler or debugger is active, and slows some code more than other"
            return Settled(None, f"{slows}; {tracer_advice()}")
        return super()._settle(low, high)

    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        above, below = self._findings.beside(question.cuts[0][0], question.cuts[-1][1])
        common = self._common(question, answer, lacking, failure)
        return SpeedupRun(**common, above=above, below=below, error=ERROR)
