"""A pytest plugin that verifies statements about concurrency in Python: each claim ends in a verdict.

What a claim's author needs is here; see :class:`Lab` for the instruments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .interpreter import CPYTHON, FREE_THREADED_BUILD, PYPY, gil_enabled
from .verdict import Inconclusive, Verdict

if TYPE_CHECKING:
    from .lab import Lab
    from .lab.child import Child, ChildError

__all__ = [
    "CPYTHON",
    "FREE_THREADED_BUILD",
    "PYPY",
    "Child",
    "ChildError",
    "Inconclusive",
    "Lab",
    "Verdict",
    "gil_enabled",
]

_LAZY = {"Lab": ".lab", "Child": ".lab.child", "ChildError": ".lab.child"}


def __getattr__(name: str) -> object:
    # The instruments are imported on first use: every pytest start in an environment with this plugin
    # imports this package, with claims or without.
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name], __name__), name)
