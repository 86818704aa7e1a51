"""A simulated machine for workers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_concclaims.lab.parallelism import alternation, speedup
from pytest_concclaims.lab.parallelism.workers import Worker


@dataclass
class Simulated:
    """A machine on which only slices take time, and each worker gets a given share of a CPU.

    :param shares: for each kind of worker, and ``control``, the part of the time that each worker has a CPU.
    :param delays: the part of the time that each worker waits for one.
    :param takes: seconds by which work exceeds a slice.
    :param speedups: for each kind, how many times as often all workers call the work as one alone, while they have a
        CPU; by default, each works as if it were alone.
    :param load: called for each worker's part in a slice, with its kind and the number of workers. Returns the part
        of its work that it does, and the part of the time that it waits for a CPU, None if unknown.
    """

    shares: dict[str, float]
    delays: dict[str, float] = field(default_factory=dict)
    takes: float = 0.0
    now: float = 1000.0
    speedups: dict[str, float] = field(default_factory=dict)
    load: Callable[[str, int], tuple[float, float | None]] | None = None
    orders: list[tuple[str, list[int] | None]] = field(default_factory=list)
    ended: int = 0
    at_work: int = 0
    answered: int = 0

    def does(self, name: str) -> tuple[float, float | None]:
        """Return the part of its work that a worker does now, and the part of the time that it waits for a CPU."""
        done, delay = self.load(name, self.at_work) if self.load else (1.0, self.delays.get(name, 0.0))
        return (done * self.speedups.get(name, self.at_work) / self.at_work if self.at_work > 1 else done), delay

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def workers(self, name: str) -> type[Worker]:
        """Return a kind of worker that gets its share of this machine."""
        machine = self

        class SimulatedWorker(Worker):
            kind = name

            def __init__(self, _work: Callable[[], Any]) -> None:
                self.connection = SimulatedConnection(machine, name)  # type: ignore[assignment]  # same methods
                self.hangs = False

            def _start(self, work: Callable[[], Any], there: Any) -> None:
                raise NotImplementedError

            def is_alive(self) -> bool:
                return True

            def _wait(self, _timeout_s: float) -> None:
                machine.ended += 1

        return SimulatedWorker


class SimulatedConnection:
    """The connection of a simulated worker."""

    def __init__(self, machine: Simulated, name: str) -> None:
        self._machine, self._name = machine, name
        self._cpu = random.uniform(0, 10)
        self._times = 0.0, 0.0

    def send(self, order: tuple[float, float, list[int] | None] | None) -> None:
        """Do the work at once."""
        if order is None:
            return
        begin, end, cpus = order
        self._machine.orders.append((self._name, cpus))
        self._machine.at_work += 1
        self._times = begin, end + self._machine.takes

    def poll(self, _timeout: float = 0.0) -> bool:
        """Return whether there is an answer."""
        return True

    def recv(self) -> tuple[Any, ...]:
        """Return the answer when all workers have their orders; by then, the slice is over."""
        machine = self._machine
        begin, end = self._times
        seconds = end - begin
        done, waited = machine.does(self._name)
        share = machine.shares[self._name]
        parts = [seconds * step / 100 for step in range(101)]
        marks = [(begin + part, self._cpu + share * part, round(1e6 * share * done * part)) for part in parts]
        machine.now = max(machine.now, end)
        machine.answered += 1
        if machine.answered == machine.at_work:
            machine.answered = machine.at_work = 0
        return "marks", marks, None if waited is None else waited * seconds

    def close(self) -> None:
        """Do nothing."""


Simulate = Callable[..., Simulated]


def simulation(monkeypatch: pytest.MonkeyPatch) -> Simulate:
    """Return a function that makes a simulated machine, whose workers the instruments use."""

    def start(shares: dict[str, float], **more: Any) -> Simulated:
        machine = Simulated(shares, **more)
        monkeypatch.setattr(speedup, "is_traced", lambda: False)
        monkeypatch.setattr(alternation, "clock", machine.clock)
        monkeypatch.setattr(alternation, "throttled_seconds", lambda: 0.0)
        monkeypatch.setattr(alternation, "can_pin", lambda: True)
        monkeypatch.setattr(alternation, "usable_cores", lambda: {3, 5, 7})
        monkeypatch.setattr(alternation, "MEASURED", {"thread": machine.workers("thread")})
        monkeypatch.setattr(alternation, "CONTROLS", {"process": machine.workers("control")})
        return machine

    return start
