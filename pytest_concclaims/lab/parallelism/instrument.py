"""The base of the measurements of workers."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from ...interpreter import gil_enabled
from ..callables import name_of
from ..failure import Failure
from ..measurement import Bench, Measurement, Reading, Settled, ThresholdQuestion
from ..processes.forked import CAN_FORK
from .alternation import measure
from .experiment import WorkersExperiment
from .findings import MARGIN, Findings


class WorkersMeasurement(Measurement):
    """A quantity of workers, which take turns with their control.

    :param subject: what is measured, in words.
    """

    TOLERANCE = 0.1
    #: The instrument that makes it, such as ``lab.parallelism``.
    CALL: ClassVar[str]

    def __init__(
        self, described: WorkersExperiment, subject: str, *, in_process: bool, budget: float, bench: Bench
    ) -> None:
        name = f"{self.CALL}({name_of(described.work)}, workers={described.workers}, kind={described.kind!r})"
        super().__init__(name, subject, budget=budget, bench=bench)
        self._experiment = described
        self._in_process = in_process or not CAN_FORK
        self._findings = self._none()
        self._gil = gil_enabled()
        #: The upper end of the latest question's dead zone, which the control had to exceed.
        self._high = 1.0

    @abstractmethod
    def _none(self) -> Findings[Any]:
        """Return empty findings."""

    @abstractmethod
    def _at_most(self) -> str:
        """Return in words the most that the workers, and the control, can reach."""

    def _checked(self, call: str, cut: tuple[float, float]) -> tuple[float, float]:
        __tracebackhide__ = True
        most = self._experiment.workers - MARGIN
        if cut[1] >= most:
            raise ValueError(
                f"{call}: {self._at_most()}, and the control must exceed {cut[1]:g}, the end of the dead zone, by "
                f"{MARGIN:g}, so this could never be refuted; take a smaller number (the dead zone must end below "
                f"{most:g}), or more workers"
            )
        return cut

    def _settle(self, low: float, high: float) -> Settled:
        self._high = high
        if gil_enabled() != self._gil:  # what was measured in the other state does not apply any more
            self._gil, self._findings = gil_enabled(), self._none()
        self._findings, settled = measure(
            self._experiment, self._findings, low, high, budget=self._budget, in_process=self._in_process
        )
        return settled

    def _reading(self) -> Reading | None:
        return self._findings.reading(self._high)

    def _common(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> dict[str, Any]:
        control = self._findings.control()
        return {
            **super()._common(question, answer, lacking, failure),
            "workers": self._experiment.workers,
            "worker_kind": self._experiment.kind,
            "control": self._experiment.control,
            "control_value": None if control is None else control.value,
            "control_low": None if control is None else control.low,
            "control_high": None if control is None else control.high,
            "slices": self._findings.to_json(self._high),
            "in_process": self._in_process,
        }
