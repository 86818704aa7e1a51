"""How many cores workers use at the same time, by their CPU time: the clock on the wall decides nothing."""

from __future__ import annotations

from ...interpreter import gil_enabled
from ...records.evidence import Evidence, ParallelismRun
from ...verdict import NotApplicable
from ..callables import callable_argument, name_of
from ..failure import Failure
from ..measurement import Bench, Measurement, Reading, Settled, ThresholdQuestion
from ..processes.forked import CAN_FORK
from .alternation import ParallelismExperiment, measure
from .slices import MARGIN, Rounds
from .workers import CONTROLS, MEASURED, has_interpreters, is_importable

__all__ = ["Parallelism", "experiment"]

_CALL = "lab.parallelism"


def experiment(
    work: object, *, workers: object, kind: object, control: object, deadline: float
) -> ParallelismExperiment:
    """Return the experiment that the arguments of :meth:`Lab.parallelism` describe.

    :raises NotApplicable: this Python has no such workers.
    :raises TypeError: an argument is of the wrong kind.
    :raises ValueError: an argument makes no sense.
    """
    __tracebackhide__ = True
    called = callable_argument(_CALL, "work", work)
    if isinstance(workers, bool) or not isinstance(workers, int):
        raise TypeError(f"{_CALL}(workers={workers!r}): workers is how many there are at the same time, a number")
    if workers < 2:
        raise ValueError(f"{_CALL}(workers={workers!r}): it takes two or more to be at work at the same time")
    for name, given, known in (("kind", kind, MEASURED), ("control", control, CONTROLS)):
        if not isinstance(given, str) or given not in known:
            raise ValueError(f"{_CALL}({name}={given!r}): {name} is one of {', '.join(map(repr, known))}")
    if "interpreter" in (kind, control):
        if not has_interpreters():
            raise NotApplicable("this Python has no concurrent.interpreters, which is there since 3.14")
        if not is_importable(called):
            raise TypeError(
                f"{_CALL}: a subinterpreter cannot import {name_of(called)}; work for subinterpreters is a function "
                "of a module, under its own name, in a file"
            )
    return ParallelismExperiment(called, workers, str(kind), str(control), deadline)


class Parallelism(Measurement):
    """CPU seconds that workers use per second, all together; made by :meth:`Lab.parallelism`.

    "More than" is told by the CPU time alone. "Less than" takes more: that
    the control, before and after, used more cores than that, and that no worker waited for a CPU.
    """

    TOLERANCE = 0.1

    def __init__(
        self, described: ParallelismExperiment, shared: Rounds, *, in_process: bool, budget: float, bench: Bench
    ) -> None:
        name = name_of(described.work)
        subject = f"{described.workers} workers of kind {described.kind} at {name}"
        super().__init__(
            f"{_CALL}({name}, workers={described.workers}, kind={described.kind!r})",
            subject,
            budget=budget,
            bench=bench,
        )
        self._experiment = described
        self._in_process = in_process or not CAN_FORK
        #: What answered others' questions, to which this adds what answers its own.
        self._shared = shared
        self._findings = shared.copy()
        self._gil = gil_enabled()
        #: Of the latest question: what the control had to exceed.
        self._high = 1.0

    def _checked(self, call: str, cut: tuple[float, float]) -> tuple[float, float]:
        __tracebackhide__ = True
        most = self._experiment.workers - MARGIN
        if cut[1] >= most:
            raise ValueError(
                f"{call}: {self._experiment.workers} workers use {self._experiment.workers} cores at most, and the "
                f"control has to show more than it takes, so nothing from {most:g} on could be refuted (this asks "
                f"for more than {cut[1]:g}, with the dead zone); take a smaller number, or more workers"
            )
        return cut

    def _settle(self, low: float, high: float) -> Settled:
        self._high = high
        if gil_enabled() != self._gil:  # what was seen in the other state says nothing about this one
            self._gil, self._findings, self._shared = gil_enabled(), Rounds(), Rounds()
        self._findings, settled = measure(
            self._experiment, self._findings, low, high, budget=self._budget, in_process=self._in_process
        )
        if settled.above is not None:  # else it says of the machine, mostly, that it was busy
            self._shared.become(self._findings)
        return settled

    def _reading(self) -> Reading | None:
        return self._findings.reading(self._high)

    def _evidence(
        self, question: ThresholdQuestion, answer: bool | None, lacking: str | None, failure: Failure | None
    ) -> Evidence:
        control, speed_up = self._findings.control(), self._findings.speed_up()
        return ParallelismRun(
            **self._common(question, answer, lacking, failure),
            workers=self._experiment.workers,
            worker_kind=self._experiment.kind,
            control=self._experiment.control,
            control_value=None if control is None else control.value,
            control_low=None if control is None else control.low,
            control_high=None if control is None else control.high,
            slices=self._findings.to_json(self._high),
            speed_up=None if speed_up is None else round(speed_up, 3),
            in_process=self._in_process,
        )
