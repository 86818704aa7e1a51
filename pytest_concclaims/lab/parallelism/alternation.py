"""Slices of the measured workers and of their control, in turns."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Generic, TypeVar

from ...machine import throttled_seconds
from ...text import several
from ..affinity import can_pin, usable_cores
from ..callables import name_of
from ..failure import Failed, Failure
from ..measurement import Settled
from ..processes.forked import ForkedError, run_forked
from .experiment import WorkersExperiment
from .findings import Findings
from .slices import Report, Slice, slice_of
from .worker_main import clock
from .workers import CONTROLS, MEASURED, ForkedWorker, ProcessWorker, Worker

#: Seconds that a slice of two workers takes: several turns under a GIL. Each length is drawn at random, so that
#: slices do not fall into step with anything else.
_SHORTEST_S, _LONGEST_S = (0.02, 0.03) if sys.platform != "win32" else (0.3, 0.4)  # Windows counts in steps of 16 ms
#: Seconds from an order to the beginning of its slice.
_LEAD_S = 0.002
#: Seconds between two checks whether a worker that has not answered is alive.
_POLL_INTERVAL_S = 0.2
#: Seconds after the budget and the deadline after which a forked child is killed.
_GRACE_S = 5.0

L = TypeVar("L")


def measure(
    experiment: WorkersExperiment, findings: Findings[L], low: float, high: float, *, budget: float, in_process: bool
) -> tuple[Findings[L], Settled]:
    """Return findings with more rounds, and what they settle; in a forked child, unless ``in_process`` is set.

    :param findings: earlier findings, to which rounds are added.
    :param low: the lower end of the dead zone; ``high`` is the upper end.
    :param budget: seconds after which no round begins.
    :raises Failed: the work raised, hung, or ended its process.
    """
    known = findings.settle(low, high)
    if known is not None:
        return findings, known
    end = clock() + budget
    if in_process:
        return findings, Alternation(experiment, findings, in_place=True).until_settled(low, high, end)

    def work() -> Failure | tuple[Findings[L], Settled]:
        try:
            return findings, Alternation(experiment, findings, in_place=False).until_settled(low, high, end)
        except Failed as failed:
            return failed.failure

    name = name_of(experiment.work)
    try:
        forked = run_forked(work, deadline=budget + experiment.deadline + _GRACE_S)
    except ForkedError as broken:
        raise Failed(Failure("raised", f"the measurement of {name} failed", str(broken))) from broken
    if isinstance(forked.value, Failure):
        raise Failed(forked.value)
    if forked.value is not None:
        return forked.value
    if forked.timed_out:
        raise Failed(Failure("hang", f"{name} did not return in time", forked.stacks))
    how = f"signal {forked.signal}" if forked.signal is not None else f"exit status {forked.exit_code}"
    raise Failed(Failure("crash", f"the process that ran {name} ended with {how}", forked.stacks))


class Alternation(Generic[L]):
    """Measured workers and their control, which take turns.

    :param findings: earlier findings, to which rounds are added.
    :param in_place: whether this is the test process.
    """

    def __init__(self, experiment: WorkersExperiment, findings: Findings[L], *, in_place: bool) -> None:
        self._experiment = experiment
        self._findings = findings
        self._in_place = in_place
        self._chance = random.Random()  # noqa: S311  (the length of a slice is no secret)
        self._cores = sorted(usable_cores()) if can_pin() else []
        #: Whether each worker is pinned to a CPU of its own. Without that, the system may leave two workers on one
        #: CPU for a short slice although another CPU is idle. With it, a worker cannot leave a CPU that others use.
        self._pinned = True

    def until_settled(self, low: float, high: float, end: float) -> Settled:
        """Add rounds to the findings until they settle on which side of the dead zone they lie, or time is up."""
        experiment, findings, begin = self._experiment, self._findings, clock()
        with ExitStack() as stack:
            parties = {"control": CONTROLS[experiment.control], "measured": MEASURED[experiment.kind]}
            # Processes are forked before threads are started. Beside a subinterpreter, a forked child crashes.
            in_order = sorted(parties.items(), key=lambda party: party[1].kind != "process")
            started = {role: self._start(kind, stack) for role, kind in in_order}
            control, measured = started["control"], started["measured"]
            for _ in self._rounds(measured, control, high, end):
                settled = findings.settle(low, high)
                if settled is not None:
                    return settled
                latest = findings.rounds[-1]
                if latest.unfit(high) is not None and not findings.is_witness(latest.measured, high):
                    self._pinned = not self._pinned
            if not findings.rounds:
                return Settled(None, self._no_round(end - begin))
            return Settled(None, findings.lacking(low, high, several(experiment.workers, experiment.control)))

    def _no_round(self, budget: float) -> str:
        """Return why a budget (seconds) was too small for a slice and its control."""
        workers = self._experiment.workers
        seconds = 3 * _LONGEST_S * workers / 2
        cause = "one call of the work takes too long; let it take some hundredths of a second at most"
        if seconds > budget / 2:
            cause = f"with {workers} workers, and as many for the control, they take {seconds:.1f} s; take fewer"
        return f"the budget was too small for a slice and its control: {cause}, or give a larger budget"

    def _rounds(
        self, measured: Sequence[Worker], control: Sequence[Worker], high: float, end: float
    ) -> Iterator[None]:
        """Add rounds until time is up; yield after each. If the work takes long, there may be none."""
        findings = self._findings
        # The first slice warms up compilers and caches, and finds out how long the work takes. It does not count,
        # but if it shows "more", rounds without a control come first.
        latest: Any = self._slice(measured)
        while findings.is_witness(latest, high) and clock() < end:
            latest = findings.look(measured, self._slice)
            findings.add(latest, None)
            yield
        before, pinned = None, self._pinned
        while clock() < end:
            if before is None or pinned != self._pinned:
                before, pinned = self._look_before(control, end), self._pinned
            now = self._look_before(measured, end)
            after = self._look_before(control, end)
            if before is None or now is None or after is None:
                return
            findings.add(now, (before, after))
            yield
            before = after

    def _look_before(self, workers: Sequence[Worker], end: float) -> L | None:
        """Run workers for one turn; None if time is up."""
        return None if clock() >= end else self._findings.look(workers, self._slice)

    def _start(self, kind: type[Worker], stack: ExitStack) -> list[Worker]:
        workers = []
        for _ in range(self._experiment.workers):
            worker = kind(self._experiment.work)
            stack.callback(worker.end)
            workers.append(worker)
        return workers

    def _slice(self, workers: Sequence[Worker]) -> Slice:
        """Run workers at the same time."""
        # With more workers, the slice is longer: under a GIL, the last worker waits longer for its first turn.
        planned = self._chance.uniform(_SHORTEST_S, _LONGEST_S) * len(workers) / 2
        throttled = throttled_seconds()
        begin = clock() + _LEAD_S
        try:
            for number, worker in enumerate(workers):
                self._order(worker, (begin, begin + planned, self._cpus(worker, number)))
            reports = [self._report(worker, begin + planned) for worker in workers]
        except Failed as failed:
            for worker in workers if failed.failure.kind == "hang" else ():
                worker.hangs = not worker.connection.poll()
            raise
        return slice_of(reports, planned, throttled=throttled != throttled_seconds())

    def _cpus(self, worker: Worker, number: int) -> list[int] | None:
        # Threads that the work starts would inherit the CPUs, and in the test process they may outlive this.
        if not self._cores or (self._in_place and not isinstance(worker, (ProcessWorker, ForkedWorker))):
            return None
        return [self._cores[number % len(self._cores)]] if self._pinned else self._cores

    def _order(self, worker: Worker, order: tuple[float, float, list[int] | None]) -> None:
        try:
            worker.connection.send(order)
        except OSError:
            raise self._failed(worker, worker.ending()) from None

    def _report(self, worker: Worker, end: float) -> Report:
        deadline = self._experiment.deadline
        while not worker.connection.poll(_POLL_INTERVAL_S):
            if not worker.is_alive() and not worker.connection.poll():
                raise self._failed(worker, worker.ending())
            if clock() > end + deadline:
                failure = Failure("hang", f"did not return within {deadline:g} s", worker.stack())
                raise self._failed(worker, failure)
        try:
            kind, *content = worker.connection.recv()
        except (EOFError, OSError):
            raise self._failed(worker, worker.ending()) from None
        if kind == "raised":
            raise self._failed(worker, Failure("raised", f"raised {content[0]}", content[1]))
        return Report(*content)

    def _failed(self, worker: Worker, failure: Failure) -> Failed:
        name = f"{name_of(self._experiment.work)}, in a worker ({worker.kind}),"
        return Failed(replace(failure, text=f"{name} {failure.text}"))
