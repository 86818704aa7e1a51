"""How many times as much work workers do as one of them alone, per second on the wall."""

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
    """Calls of the work by all workers per second, in those of one worker alone; made by :meth:`Lab.speedup`.

    Each answer rests on rounds in which no worker waited for a CPU, and in which the control did more than what was
    asked about, right before and after.
    """

    CALL = "lab.speedup"

    def __init__(self, described: WorkersExperiment, *, in_process: bool, budget: float, bench: Bench) -> None:
        subject = f"{several(described.workers, described.kind)} at {name_of(described.work)}"
        super().__init__(described, subject, in_process=in_process, budget=budget, bench=bench)
        self._findings: Pairs

    def _none(self) -> Pairs:
        return Pairs()

    def _at_most(self) -> str:
        return f"{self._experiment.workers} workers do {self._experiment.workers} times as much as one at most"

    def _checked(self, call: str, cut: tuple[float, float]) -> tuple[float, float]:
        __tracebackhide__ = True
        if cut[0] <= 0:
            raise ValueError(
                f"{call}: there is a dead zone of {self.TOLERANCE:g} to either side of a number, so nothing could "
                f"lie below; take a number above {self.TOLERANCE:g}, or a dead zone of your own"
            )
        return super()._checked(call, cut)

    def _settle(self, low: float, high: float) -> Settled:
        if is_traced():
            slows = "a tracer, profiler or debugger is active, which slows some code more than other"
            return Settled(None, f"{slows}; {tracer_advice()}")
        return super()._settle(low, high)

    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        above, below = self._findings.beside(question.cuts[0][0], question.cuts[-1][1])
        common = self._common(question, answer, lacking, failure)
        return SpeedupRun(**common, above=above, below=below, error=ERROR)
