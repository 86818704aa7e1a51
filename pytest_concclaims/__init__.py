"""A pytest plugin that verifies statements about concurrency in Python: each claim ends in a verdict.

What a claim's author needs is here; see :class:`Lab` for the instruments.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as of typing, whose import would slow each process that a claim starts

if TYPE_CHECKING:
    from .interpreter import CPYTHON, FREE_THREADED_BUILD, PYPY, gil_enabled
    from .lab.child import Child, ChildError
    from .lab.lab import Lab
    from .lab.measurement import Measurement, MeasurementError
    from .lab.race.experiment import RaceError
    from .lab.race.race import Race
    from .lab.tracing import is_traced
    from .machine import usable_cpus
    from .verdict import Inconclusive, NotApplicable, Verdict

__all__ = [
    "CPYTHON",
    "FREE_THREADED_BUILD",
    "PYPY",
    "Child",
    "ChildError",
    "Inconclusive",
    "Lab",
    "Measurement",
    "MeasurementError",
    "NotApplicable",
    "Race",
    "RaceError",
    "Verdict",
    "gil_enabled",
    "is_traced",
    "usable_cpus",
]

_HOMES = {
    "CPYTHON": ".interpreter",
    "FREE_THREADED_BUILD": ".interpreter",
    "PYPY": ".interpreter",
    "Child": ".lab.child",
    "ChildError": ".lab.child",
    "Inconclusive": ".verdict",
    "Lab": ".lab.lab",
    "Measurement": ".lab.measurement",
    "MeasurementError": ".lab.measurement",
    "NotApplicable": ".verdict",
    "Race": ".lab.race.race",
    "RaceError": ".lab.race.experiment",
    "Verdict": ".verdict",
    "gil_enabled": ".interpreter",
    "is_traced": ".lab.tracing",
    "usable_cpus": ".machine",
}


def __getattr__(name: str) -> object:
    # Imported on first use: every pytest start in an environment with this plugin imports this package, with
    # claims or without.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)
