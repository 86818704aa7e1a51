"""What an instrument of workers is asked to measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...verdict import NotApplicable
from ..callables import callable_argument, name_of
from .workers import CONTROLS, MEASURED, has_interpreters, is_importable


@dataclass(frozen=True)
class WorkersExperiment:
    """What is measured, and beside what.

    :param work: called over and over by each worker.
    :param kind: of worker.
    :param control: the kind of worker of the control.
    :param deadline: seconds that a slice may take beyond its end before the work counts as hanging.
    """

    work: Callable[[], Any]
    workers: int
    kind: str
    control: str
    deadline: float


def experiment(
    call: str, work: object, *, workers: object, kind: object, control: object, deadline: float
) -> WorkersExperiment:
    """Return the experiment that the arguments of an instrument describe.

    :param call: the instrument, such as ``lab.parallelism``.
    :raises NotApplicable: this Python has no such workers.
    :raises TypeError: an argument is of the wrong kind.
    :raises ValueError: an argument makes no sense.
    """
    __tracebackhide__ = True
    called = callable_argument(call, "work", work)
    if isinstance(workers, bool) or not isinstance(workers, int):
        raise TypeError(f"{call}(workers={workers!r}): workers is how many there are at the same time, a number")
    if workers < 2:
        raise ValueError(f"{call}(workers={workers!r}): it takes two or more to be at work at the same time")
    for name, given, known in (("kind", kind, MEASURED), ("control", control, CONTROLS)):
        if not isinstance(given, str) or given not in known:
            raise ValueError(f"{call}({name}={given!r}): {name} is one of {', '.join(map(repr, known))}")
    if "interpreter" in (kind, control):
        if not has_interpreters():
            raise NotApplicable("this Python has no concurrent.interpreters, which is there since 3.14")
        if not is_importable(called):
            raise TypeError(
                f"{call}: a subinterpreter cannot import {name_of(called)}; work for subinterpreters is a function "
                "of a module, under its own name, in a file"
            )
    return WorkersExperiment(called, workers, str(kind), str(control), deadline)
