"""The experiment of an instrument that measures workers, made from its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...verdict import NotApplicable
from ..callables import callable_argument, name_of
from .workers import CONTROLS, MEASURED, has_interpreters, is_importable


@dataclass(frozen=True)
class WorkersExperiment:
    """The work, the workers that do it, and their control.

    :param work: called repeatedly by each worker.
    :param workers: number of workers.
    :param kind: of worker.
    :param control: the kind of worker of the control.
    :param deadline: seconds after the end of a slice after which work that has not returned is a hang.
    """

    work: Callable[[], Any]
    workers: int
    kind: str
    control: str
    deadline: float


def experiment(
    call: str, work: object, *, workers: object, kind: object, control: object, deadline: float
) -> WorkersExperiment:
    """Return the experiment after checking the arguments of an instrument.

    :param call: the instrument, such as ``lab.parallelism``.
    :raises NotApplicable: this Python has no workers of that kind.
    :raises TypeError: an argument has the wrong type.
    :raises ValueError: an argument has an invalid value.
    """
    __tracebackhide__ = True
    called = callable_argument(call, "work", work)
    if isinstance(workers, bool) or not isinstance(workers, int):
        raise TypeError(f"{call}(workers={workers!r}): must be a number of workers, e.g. 2")
    if workers < 2:
        raise ValueError(f"{call}(workers={workers!r}): must be 2 or more")
    for name, given, known in (("kind", kind, MEASURED), ("control", control, CONTROLS)):
        if not isinstance(given, str) or given not in known:
            raise ValueError(f"{call}({name}={given!r}): must be one of {', '.join(map(repr, known))}")
    if "interpreter" in (kind, control):
        if not has_interpreters():
            raise NotApplicable("this Python has no concurrent.interpreters, which is new in 3.14")
        if not is_importable(called):
            raise TypeError(
                f"{call}: a subinterpreter cannot import {name_of(called)}; pass a function that a module in a file "
                "has under the function's own name"
            )
    return WorkersExperiment(called, workers, str(kind), str(control), deadline)
