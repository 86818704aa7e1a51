"""Parallelism: how many cores workers use at the same time, by their CPU time."""

from __future__ import annotations

from ...interpreter import gil_enabled
from ...records.evidence import Evidence, ParallelismRun
from ...text import several
from ..callables import name_of
from ..failure import Failure
from ..measurement import Bench, Settled, ThresholdQuestion
from .experiment import WorkersExperiment
from .instrument import WorkersMeasurement
from .rounds import Rounds


class Parallelism(WorkersMeasurement):
    """CPU seconds of all workers per second; made by :meth:`Lab.parallelism`.

    CPU time alone shows "more than". "Less than" also requires that the control used more cores than that, right
    before and after, and that no worker waited for a CPU.
    """

    CALL = "lab.parallelism"

    def __init__(
        self, described: WorkersExperiment, shared: Rounds, *, in_process: bool, budget: float, bench: Bench
    ) -> None:
        subject = f"{several(described.workers, described.kind)} calling `{name_of(described.work)}`"
        super().__init__(described, subject, in_process=in_process, budget=budget, bench=bench)
        #: What answered questions of other claims; what answers questions to this one is added.
        self._shared = shared
        self._findings: Rounds = shared.copy()

    def _none(self) -> Rounds:
        return Rounds()

    def _settle(self, low: float, high: float) -> Settled:
        if gil_enabled() != self._gil:  # shared measurements hold for one state of the GIL only
            self._shared = Rounds()
        settled = super()._settle(low, high)
        if settled.above is not None:  # without an answer, most of them were made on a busy machine
            self._shared.become(self._findings)
        return settled

    def _at_most(self) -> str:
        return f"{self._experiment.workers} workers use at most {self._experiment.workers} cores"

    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        return ParallelismRun(**self._common(question, answer, lacking, failure))
