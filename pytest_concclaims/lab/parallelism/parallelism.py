"""How many cores workers use at the same time, by their CPU time: the clock on the wall decides nothing."""

from __future__ import annotations

from ...records.evidence import Evidence, ParallelismRun
from ..callables import name_of
from ..failure import Failure
from ..measurement import Bench, ThresholdQuestion
from .experiment import WorkersExperiment
from .instrument import WorkersMeasurement
from .rounds import Rounds


class Parallelism(WorkersMeasurement):
    """CPU seconds that workers use per second, all together; made by :meth:`Lab.parallelism`.

    "More than" is told by the CPU time alone. "Less than" takes more: that
    the control, before and after, used more cores than that, and that no worker waited for a CPU.
    """

    CALL = "lab.parallelism"

    def __init__(self, described: WorkersExperiment, *, in_process: bool, budget: float, bench: Bench) -> None:
        subject = f"{described.workers} workers of kind {described.kind} at {name_of(described.work)}"
        super().__init__(described, subject, in_process=in_process, budget=budget, bench=bench)

    def _none(self) -> Rounds:
        return Rounds()

    def _at_most(self) -> str:
        return f"{self._experiment.workers} workers use {self._experiment.workers} cores at most"

    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        return ParallelismRun(**self._common(question, answer, lacking, failure))
