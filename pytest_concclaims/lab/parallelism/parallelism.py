"""How many cores workers use at the same time, by their CPU time: the clock on the wall decides nothing."""

from __future__ import annotations

from ...interpreter import gil_enabled
from ...records.evidence import Evidence, ParallelismRun
from ..callables import name_of
from ..failure import Failure
from ..measurement import Bench, Settled, ThresholdQuestion
from .experiment import WorkersExperiment
from .instrument import WorkersMeasurement
from .rounds import Rounds


class Parallelism(WorkersMeasurement):
    """CPU seconds that workers use per second, all together; made by :meth:`Lab.parallelism`.

    "More than" is told by the CPU time alone. "Less than" takes more: that
    the control, before and after, used more cores than that, and that no worker waited for a CPU.
    """

    CALL = "lab.parallelism"

    def __init__(
        self, described: WorkersExperiment, shared: Rounds, *, in_process: bool, budget: float, bench: Bench
    ) -> None:
        subject = f"{described.workers} workers of kind {described.kind} at {name_of(described.work)}"
        super().__init__(described, subject, in_process=in_process, budget=budget, bench=bench)
        #: What answered others' questions, to which this adds what answers its own.
        self._shared = shared
        self._findings: Rounds = shared.copy()

    def _none(self) -> Rounds:
        return Rounds()

    def _settle(self, low: float, high: float) -> Settled:
        if gil_enabled() != self._gil:  # what was seen in the other state is shared with its claims only
            self._shared = Rounds()
        settled = super()._settle(low, high)
        if settled.above is not None:  # else it says of the machine, mostly, that it was busy
            self._shared.become(self._findings)
        return settled

    def _at_most(self) -> str:
        return f"{self._experiment.workers} workers use {self._experiment.workers} cores at most"

    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        return ParallelismRun(**self._common(question, answer, lacking, failure))
